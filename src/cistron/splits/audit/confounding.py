"""Whether a group of cells (a library, a patient, a file) determines their label."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cistron.samples.samples import Samples
from cistron.splits.audit.check import FAIL, PASS, SKIPPED, WARN, Check, Context
from cistron.splits.predefined import SPELLINGS

SOURCE = "source"  # column that says which file a cell comes from
DETERMINED = 0.99  # share of the cells of a class that stand in groups of one label
MIXED = 0.5  # share of the cells in groups of several labels, for a column to cross the label


def batch_columns(samples: Samples) -> list[str]:
    """Return the group columns, and the column of the file where there are several."""
    columns = [
        name
        for name in samples.groups
        if not set(samples.table[name].astype(str).str.strip().str.lower()) <= set(SPELLINGS)
    ]
    if SOURCE in samples.table and _several(samples.table[SOURCE]) and SOURCE not in columns:
        columns.append(SOURCE)
    return columns


@dataclass(frozen=True)
class Determined:
    """A column whose groups carry one label each.

    Parameters
    ----------
    column : str
    groups : dict of str to int
        How many groups with this label there are, by label.
    within : str
        A coarser column in whose groups several labels occur (the donor, where the column is one
        library for each donor and treatment), or "".
    """

    column: str
    groups: dict[str, int]
    within: str = ""

    @property
    def confounds(self) -> bool:
        """Whether nothing tells the label from the group."""
        return not self.within

    def sentence(self) -> str:
        """Return the finding as a sentence."""
        counts = ", ".join(f"{name}: {n}" for name, n in self.groups.items())
        if self.within:
            return (
                f"Each {self.column} carries one label, but within one {self.within} several "
                f"labels occur (groups by label: {counts})."
            )
        return (
            f"The label is determined by {self.column}: each {self.column} carries one label "
            f"(groups by label: {counts})."
        )


def determined_by(samples: Samples) -> list[Determined]:
    """Return the columns whose groups carry one label each."""
    if not samples.target.shared or not len(samples):
        return []
    labels = samples.table["label"].astype(object)
    table = samples.table[labels.notna()]
    if table["label"].nunique() < 2:
        return []
    mixed = {}
    pure_columns = []
    columns = batch_columns(samples)
    for column in columns:
        group = table.groupby(column, sort=False)["label"]
        size, kinds = group.transform("size"), group.transform("nunique")
        telling = size > 1
        if table.loc[telling, column].nunique() < 2:
            continue
        mixed[column] = float((kinds[telling] > 1).mean())
        pure = (kinds == 1)[telling].groupby(table.loc[telling, "label"]).mean()
        if len(pure) == table["label"].nunique() and (pure >= DETERMINED).all():
            first = table[telling & (kinds == 1)].drop_duplicates(column)
            pure_columns.append((column, first["label"].value_counts().sort_index()))
    return [
        Determined(
            column,
            {str(name): int(n) for name, n in counts.items()},
            next((c for c in mixed if c != column and _crosses(table, column, c, mixed)), ""),
        )
        for column, counts in pure_columns
    ]


def _crosses(table: pd.DataFrame, column: str, other: str, mixed: dict[str, float]) -> bool:
    """Return whether each group lies in one group of another column, where labels mix."""
    pairs = table[[column, other]].drop_duplicates()
    nested = not pairs[column].duplicated().any()
    return nested and mixed[other] > MIXED and _several(table[other])


def confounded_sentence(samples: Samples) -> str:
    """Return what confounds the label with a group, as sentences; empty where nothing does."""
    confounding = [column for column in determined_by(samples) if column.confounds]
    if not confounding:
        return ""
    sentences = " ".join(column.sentence() for column in confounding)
    if any(min(column.groups.values()) < 2 for column in confounding):
        return (
            f"{sentences} A class has one group only, so that no score can tell the biology of the "
            "label from whatever else sets its one group apart."
        )
    return (
        f"{sentences} What counts is the number of groups, not of cells, and whatever else differs "
        "between the groups of the labels tells them too."
    )


def confounded_groups(context: Context) -> Check:
    """Look whether a group (a library, a patient, a file) determines the label."""
    name, samples = "confounded_groups", context.samples
    if not samples.target.shared:
        summary = f"Cells have {samples.target.words}, which hardly two of a group share."
        return Check(name, SKIPPED, summary)
    if not batch_columns(samples):
        summary = (
            "No group is declared (samples.groups), so that nobody can say whether the label is "
            "that of a library."
        )
        return Check(name, SKIPPED, summary, unchecked=True)
    determined = determined_by(samples)
    details = {d.column: {"groups": d.groups, "within": d.within} for d in determined}
    confounded = confounded_sentence(samples)
    if confounded:
        return Check(name, FAIL, confounded, details)
    single = _single_groups(samples)
    if single:
        summary = "; ".join(f"all cells of {label} are of one {column}" for label, column in single)
        summary = f"{summary[0].upper()}{summary[1:]}: what tells them may be that of the group."
        return Check(name, WARN, summary, {**details, "in_one_group": single})
    summary = " ".join(finding.sentence() for finding in determined)
    return Check(name, PASS, summary or "In each group several labels occur.", details)


def _single_groups(samples: Samples) -> list[list[str]]:
    """Return the labels, and the columns, of which all cells stand in one group of several."""
    pairs = []
    for column in batch_columns(samples):
        counts = samples.table.dropna(subset=["label"]).groupby("label")[column].nunique()
        if _several(samples.table[column]):
            pairs += [[str(label), column] for label in counts.index[counts == 1]]
    return pairs


def _several(values: pd.Series) -> bool:
    known = values.dropna()
    return bool(len(known) and (known != known.iloc[0]).any())
