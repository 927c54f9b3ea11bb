"""Classes of genes from numbers: percentiles, thresholds, responses, or a column that says them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.samples.genome.numbers import (
    Floats,
    GeneValues,
    NumberLabels,
    NumberTable,
    read_numbers,
)
from cistron.samples.keys import ClassName
from cistron.samples.samples import Assigned

MIDDLE = "in the middle: neither class"
_TIES = 0.01  # share of the genes at a threshold from which it is told
Texts = NDArray[np.object_]


class PercentileLabels(Settings):
    """The lowest and the highest genes are the classes; those between are left out.

    The thresholds are percentiles of the training genes, so that they are found once the split is
    made; of several species, each has its own.
    """

    kind: Literal["percentiles"] = "percentiles"
    low: float = Field(25, gt=0, lt=100, description="genes up to this percentile are one class")
    high: float = Field(75, gt=0, lt=100, description="genes from this percentile are the other")
    classes: tuple[ClassName, ClassName] = Field(
        ("low", "high"), description="names of the two; the second is the positive class"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"high ({self.high:g}) must not be below low ({self.low:g})")
        return self

    def values(self, numbers: NumberTable) -> GeneValues:
        """Read the number of each gene; labels come later."""
        return numbers.read()

    def assign(
        self, table: pd.DataFrame, training: NDArray[np.bool_], strata: str | None = None
    ) -> Assigned:
        """Fit the thresholds on training genes, and label all genes by them.

        Parameters
        ----------
        table : DataFrame
            Column `number`.
        training : ndarray of bool, shape (n,)
        strata : str, optional
            Column whose values each have thresholds of their own. A value without training genes
            (a species held out) is divided by its own genes: what is low there, only they say.

        Raises
        ------
        InputError
            If both thresholds are one number that most genes have.
        """
        number = table["number"].to_numpy(dtype=np.float64)
        stratum = np.full(len(table), "") if strata is None else table[strata].to_numpy(dtype=str)
        label = np.full(len(table), None, dtype=object)
        thresholds: dict[str, float] = {}
        notes: list[str] = []
        for name in dict.fromkeys(stratum.tolist()):
            inside = stratum == name
            fitted = inside & training if (inside & training).any() else inside
            low, high = np.percentile(number[fitted], [self.low, self.high])
            label[inside & (number <= low)] = self.classes[0]
            label[inside & (number >= high)] = self.classes[1]
            self._require_difference(low, high, number[fitted])
            of = f"{name}: " if name else ""
            genes = "training genes" if training[fitted].all() else "its own genes"
            notes.append(
                f"{of}{self.classes[0]} is up to {low:.4g}, {self.classes[1]} from {high:.4g} (the "
                f"{self.low:g}th and {self.high:g}th percentile of {fitted.sum():,} {genes})."
            )
            notes += [f"{of}{tie}" for tie in self._ties(number[inside], low, high)]
            thresholds |= {f"{of}{self.classes[0]}": float(low)}
            thresholds |= {f"{of}{self.classes[1]}": float(high)}
        reason = np.where(pd.isna(label), MIDDLE, "").astype(object)
        return Assigned(label, reason, thresholds, tuple(notes))

    def _require_difference(self, low: float, high: float, numbers: Floats) -> None:
        if low < high or (self.low == self.high and (numbers < low).any()):
            return
        share = (numbers == low).mean()
        raise InputError(
            f"samples.label: the {self.low:g}th and the {self.high:g}th percentile are both "
            f"{low:.4g} ({share:.0%} of the training genes have this number), so that all genes "
            "would be in one class. Use kind: thresholds, or percentiles further apart."
        )

    def _ties(self, numbers: Floats, low: float, high: float) -> list[str]:
        """Tell when many genes stand exactly at a threshold."""
        ties = []
        for name, threshold in zip(self.classes, (low, high), strict=True):
            tied = int((numbers == threshold).sum())
            if tied > 1 and tied >= _TIES * len(numbers):
                zero = f" {name} means not expressed." if threshold == 0 == low else ""
                ties.append(
                    f"{tied:,} genes ({tied / len(numbers):.0%}) are exactly at the threshold of "
                    f"{name}, {threshold:.4g}, and all counted to it.{zero}"
                )
        return ties


class ThresholdLabels(Settings):
    """Genes up to one number and from another on are the classes."""

    kind: Literal["thresholds"] = "thresholds"
    low: float = Field(description="genes up to this number are one class")
    high: float = Field(description="genes from this number on are the other")
    classes: tuple[ClassName, ClassName] = Field(
        ("low", "high"), description="names of the two classes; the second is the positive one"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"high ({self.high:g}) must not be below low ({self.low:g})")
        return self

    def values(self, numbers: NumberTable) -> GeneValues:
        """Read the number of each gene and label it."""
        values = numbers.read()
        label = np.full(len(values.ids), None, dtype=object)
        label[values.number <= self.low] = self.classes[0]
        label[values.number >= self.high] = self.classes[1]
        middle = pd.isna(label) & (values.reason == "")
        return replace(values, label=label, reason=np.where(middle, MIDDLE, values.reason))


class Matching(Settings):
    """Unresponsive genes chosen so that they are like the responsive ones in other respects."""

    level: bool = Field(True, description="match the logarithm of the level of expression")
    gc: bool = Field(True, description="match the share of G and C in the window")
    ratio: int = Field(1, ge=1, description="unresponsive genes for each responsive one")
    seed: int = Field(1, ge=0, description="seed of the random numbers by which genes are drawn")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.level or self.gc):
            raise ValueError("set `level`, `gc` or both to true: there is nothing to match")
        return self


class ResponseLabels(Settings):
    """Up, down and unresponsive genes of a differential expression table (DESeq2, edgeR, limma)."""

    kind: Literal["response"] = "response"
    log_fold_change: str = Field("log2FoldChange", description="column; edgeR: logFC")
    adjusted_p: str = Field("padj", description="column; edgeR: FDR; limma: adj.P.Val")
    level: str | None = Field(
        None, description="column with the mean expression, for `match`: baseMean; edgeR: logCPM"
    )
    change: float = Field(1.0, gt=0, description="least log fold change of a responsive gene")
    significant: float = Field(0.05, gt=0, lt=1, description="largest adjusted p of a response")
    unchanged: float = Field(
        0.5, gt=0, description="log fold change that an unresponsive gene stays below"
    )
    unsignificant: float = Field(
        0.2, gt=0, lt=1, description="least adjusted p of an unresponsive gene"
    )
    classes: tuple[Literal["unresponsive", "down", "up"], ...] = Field(
        ("unresponsive", "up"), min_length=2, description="classes to keep; the last is positive"
    )
    match: Matching | None = Field(
        None,
        description="level and gc by which unresponsive genes are chosen to resemble responsive "
        "ones; null: all are used",
    )

    @model_validator(mode="after")
    def _grey_zone(self) -> Self:
        if self.unchanged > self.change or self.unsignificant < self.significant:
            raise ValueError(
                "unresponsive genes must not overlap with responsive ones: `unchanged` is at most "
                "`change`, `unsignificant` at least `significant`"
            )
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is named twice")
        if self.match and "unresponsive" not in self.classes:
            raise ValueError("`match` needs the class unresponsive")
        if self.match and self.match.level and self.level is None:
            raise ValueError("`match.level` needs the column of the `level`")
        return self

    def values(self, numbers: NumberTable) -> GeneValues:
        """Read the table and label every gene; those between the classes have a reason."""
        numbers.require_genes()
        columns = [self.log_fold_change, self.adjusted_p, *filter(None, [self.level])]
        frame = read_numbers(numbers.table, numbers.id, columns)
        change = frame[self.log_fold_change].to_numpy()
        p = frame[self.adjusted_p].to_numpy()
        outside = p[(p < 0) | (p > 1)]
        if len(outside):
            raise InputError(
                f"samples.label.adjusted_p: {outside[0]:g} in the column {self.adjusted_p!r} of "
                f"{numbers.table} is no probability."
            )
        label = np.full(len(frame), None, dtype=object)
        responds = p <= self.significant
        label[responds & (change >= self.change)] = "up"
        label[responds & (change <= -self.change)] = "down"
        label[(p >= self.unsignificant) & (np.abs(change) < self.unchanged)] = "unresponsive"
        reason = np.where(pd.isna(label), "in the grey zone between the classes", "")
        reason = reason.astype(object)
        other = ~pd.isna(label) & ~np.isin(label.astype(str), self.classes)
        reason[other] = [f"no class of interest ({name})" for name in label[other]]
        reason[np.isnan(p)] = "no adjusted p (too few reads, or an outlier)"
        reason[np.isnan(change)] = "no log fold change"
        level = None if self.level is None else frame[self.level].to_numpy()
        return GeneValues(
            path=numbers.table,
            ids=frame["id"].tolist(),
            record=frame["record"].to_numpy(),
            number=change,
            reason=reason,
            label=label,
            level=level,
        )


class ColumnLabels(Settings):
    """Classes that stand in a column of the table."""

    kind: Literal["column"] = "column"
    column: str = Field(description="column with the class")
    classes: tuple[ClassName, ...] = Field(
        (), description="classes to keep, the positive one last; all in alphabetical order"
    )

    def values(self, numbers: NumberTable) -> GeneValues:
        """Read the label of each gene."""
        numbers.require_genes()
        frame = read_numbers(numbers.table, numbers.id, [], texts=[self.column])
        label = frame[self.column].to_numpy(dtype=object)
        reason = np.where(pd.isna(label), "no label in the table", "").astype(object)
        if self.classes:
            for name in self.classes:
                if name not in set(label):
                    raise InputError(
                        f"samples.label.classes: no gene of {numbers.table} is labelled {name!r}."
                    )
            outside = ~pd.isna(label) & ~np.isin(label.astype(str), self.classes)
            reason[outside] = "of a class that is not among the classes"
        return GeneValues(
            path=numbers.table,
            ids=frame["id"].tolist(),
            record=frame["record"].to_numpy(),
            number=np.full(len(frame), np.nan),
            reason=reason,
            label=label,
        )


LabelSettings = Annotated[
    PercentileLabels | ThresholdLabels | ResponseLabels | ColumnLabels | NumberLabels,
    Field(discriminator="kind"),
]


def match_unresponsive(
    features: Floats, unresponsive: NDArray[np.bool_], ratio: int, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """Choose, for each responsive gene, the most similar unresponsive genes not chosen yet.

    Parameters
    ----------
    features : ndarray, shape (n, features)
        What they are to be alike in; scaled here to unit variance.
    unresponsive : ndarray of bool, shape (n,)
    ratio : int
        Unresponsive genes for each responsive one, as far as there are enough.
    seed : int
        Of the order in which genes choose.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
    note : str
        How far apart the groups are before and after, in standard deviations.
    """
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-12)
    responsive, pool = np.flatnonzero(~unresponsive), np.flatnonzero(unresponsive)
    free = np.ones(len(pool), dtype=bool)
    kept = ~unresponsive
    rng = np.random.default_rng(seed)
    for _ in range(ratio):
        for row in rng.permutation(responsive).tolist():
            if not free.any():
                break
            distance = np.square(scaled[pool] - scaled[row]).sum(axis=1)
            chosen = int(np.where(free, distance, np.inf).argmin())
            free[chosen] = False
            kept[pool[chosen]] = True
    matched = scaled[pool[~free]].mean(axis=0)
    gaps = [
        np.abs(scaled[responsive].mean(axis=0) - x) for x in (scaled[pool].mean(axis=0), matched)
    ]
    before, after = (", ".join(f"{gap:.2f}" for gap in each) for each in gaps)
    return kept, (
        f"{(~free).sum():,} of {len(pool):,} unresponsive genes were matched to "
        f"{len(responsive):,} responsive ones; their means differed by {before} standard "
        f"deviations before and {after} after."
    )
