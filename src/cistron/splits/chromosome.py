"""Whole chromosomes held out, and no relative of a tested gene in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest
from cistron.base.settings import Settings
from cistron.samples.genome.chromosomes import plain_name
from cistron.samples.samples import Samples
from cistron.splits.allocate import allocate, balance
from cistron.splits.components import components
from cistron.splits.group import grouped_units
from cistron.splits.only_test import OnlyTest, count_only, listed_rows
from cistron.splits.search.search import Search, find_similar
from cistron.splits.settings import SplitSettings
from cistron.splits.split import PARTS, TEST, TRAIN, UNUSED, VALIDATION, Progress, Split, silent

COLUMN = "chromosome"


class SimilarWindows(Settings):
    """Families found by comparing the sequences of the samples themselves."""

    identity: float = Field(
        0.75,
        gt=0,
        le=1,
        description="share of identical letters from which two sequences are relatives",
    )
    coverage: float = Field(
        0.5, gt=0, le=1, description="share of both sequences that the alignment must span"
    )


class ChromosomeSplit(SplitSettings):
    """Settings of the `chromosome` split."""

    reads: ClassVar[frozenset[str] | None] = frozenset({"protein", "dna"})

    kind: Literal["chromosome"] = "chromosome"
    column: str = Field(COLUMN, description="group column with the chromosome")
    test: tuple[str, ...] = Field(
        (),
        description="chromosomes that `fit` tests; by default the one with the median number of "
        "samples. `crossval` tests every chromosome in turn",
    )
    validation: tuple[str, ...] | float = Field(
        (),
        description="chromosomes that stop training, or a share of the training samples; by "
        "default the next chromosome of a good size, never a tested one",
    )
    keep_apart: tuple[str, ...] = Field(
        (),
        description="group columns (family) of relatives; training and validation leave out "
        "relatives of tested samples, and validation those of training samples",
    )
    similar: SimilarWindows | None = Field(
        None,
        description="identity and coverage from which similar sequences are kept apart as well; "
        "null: they are not",
    )
    pool_below: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="share of the samples below which chromosomes and scaffolds are pooled into "
        "one fold",
    )
    seed: int = Field(1, ge=0, description="seed of the random numbers by which samples are dealt")
    only_test: OnlyTest = None

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        """The column of the chromosome, and those of relatives."""
        return {"split.keep_apart": (self.column, *self.keep_apart)}

    @field_validator("test", "keep_apart", "validation", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if isinstance(value, list | tuple):  # YAML reads the name 1 as a number
            return tuple(str(name) for name in value)
        return (value,) if isinstance(value, str) else value

    @field_validator("test", mode="before")
    @classmethod
    def _number_as_name(cls, value: object) -> object:
        return (str(value),) if isinstance(value, int) else value

    @field_validator("validation")
    @classmethod
    def _share(cls, value: tuple[str, ...] | float) -> tuple[str, ...] | float:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError(
                "a share of the training samples lies between 0 and 1; put the name of a "
                "chromosome in brackets: [1]"
            )
        return value

    def split(self, samples: Samples, progress: Progress = silent) -> Split:
        """Hold chromosomes out.

        Raises
        ------
        InputError
            If a chromosome is named that does not exist, there are fewer than three, or a part
            would be empty.
        """
        grouped_units(samples, (self.column, *self.keep_apart))  # the columns exist
        values = samples.table[self.column].astype(str)
        fold, names = self._folds(values)
        apart, pairs = self._apart(samples, progress)
        units = fold.astype(np.int64)
        if isinstance(self.validation, float):
            units = np.arange(len(samples)) if apart is None else apart
        test = self._tested(fold, values)
        split = Split(
            part=np.full(len(samples), UNUSED, dtype=np.int8),
            fold=fold,
            units=units,
            reason="",
            validation=self.validation if isinstance(self.validation, float) else 0.1,
            seed=self.seed,
            apart=apart,
            validators=self._validators(fold, values),
            counted=listed_rows(samples, self.only_test),
        )
        part = self._parts(samples, split, test)
        left_out = {
            name: int((split.related_to_tested(fold == k) & (fold != k)).sum())
            for k, name in enumerate(names)
        }
        details: Document = {
            "folds": names,
            "samples": dict(zip(names, np.bincount(fold).tolist(), strict=True)),
            "balance": balance(part, samples.strata, PARTS),
        }
        if split.validators is not None:
            stops = [names[v] for v in split.validators.tolist()]
            details["validation"] = dict(zip(names, stops, strict=True))
        if apart is not None:
            details["relatives_left_out"] = left_out
        if pairs:
            details["similar_pairs"] = pairs
        split = replace(split, part=part, reason=self._reason(left_out), details=details)
        return count_only(split, samples, self.only_test)

    def _folds(self, values: pd.Series) -> tuple[NDArray[np.int16], list[str]]:
        """Return the fold of each sample, and what the folds are called."""
        counts = values.value_counts(sort=False)
        small = set(counts.index[counts < self.pool_below * len(values)])
        # One alone is pooled with nothing, and named chromosomes are never pooled.
        small -= set(self._named(self.test, values)) | set(self._validation_names(values))
        small = small if len(small) > 1 else set()
        pooled = f"{len(small)} small ones"
        names = list(dict.fromkeys(pooled if v in small else v for v in values))
        fewest = 2 if isinstance(self.validation, float) else 3
        if len(names) < fewest:
            raise InputError(
                f"split: there are {len(names)} chromosomes ({', '.join(names)}), and three are "
                "needed: to train, to stop, and to test; or two, with a share of the training "
                "samples for split.validation. Otherwise use a group or random split."
            )
        number = {name: k for k, name in enumerate(names)}
        fold = [number[pooled if v in small else v] for v in values]
        return np.array(fold, dtype=np.int16), names

    def _named(self, wanted: Sequence[str], values: pd.Series) -> list[str]:
        """Return the chromosomes that names mean: "Chr1" is "1" where there is no other."""
        known = list(dict.fromkeys(values))
        plain = {plain_name(name): name for name in known}
        chromosomes = []
        for name in wanted:
            match = name if name in known else plain.get(plain_name(name))
            if match is None:
                raise InputError(
                    f"split: there is no chromosome {name!r} (there are: {', '.join(known[:30])})."
                    f"{nearest(name, known)}"
                )
            chromosomes.append(match)
        return chromosomes

    def _validation_names(self, values: pd.Series) -> list[str]:
        return [] if isinstance(self.validation, float) else self._named(self.validation, values)

    def _tested(self, fold: NDArray[np.int16], values: pd.Series) -> NDArray[np.bool_]:
        """Return the samples that `fit` tests."""
        test = self._named(self.test, values)
        both = set(test) & set(self._validation_names(values))
        if both:
            raise InputError(
                f"split: chromosome {min(both)!r} is named in test and in validation. What stops "
                "training must not be tested."
            )
        if test:
            return values.isin(test).to_numpy()
        sizes = np.bincount(fold)
        return fold == np.argsort(sizes, kind="stable")[len(sizes) // 2]

    def _validators(self, fold: NDArray[np.int16], values: pd.Series) -> NDArray[np.int16] | None:
        """Return for each fold the one that stops its training; None for a share of samples."""
        if isinstance(self.validation, float):
            return None
        sizes = np.bincount(fold)
        good = np.flatnonzero(2 * sizes >= sizes.mean())
        named = [
            int(fold[(values == name).to_numpy()][0]) for name in self._validation_names(values)
        ]
        stopping = []
        for k in range(len(sizes)):
            following = [*named, *good[good > k].tolist(), *good[good <= k].tolist()]
            others = [v for v in following if v != k] or [(k + 1) % len(sizes)]
            stopping.append(others[0])
        return np.array(stopping, dtype=np.int16)

    def _parts(self, samples: Samples, split: Split, test: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Return the parts for `fit`."""
        if split.validators is None:
            part = np.full(len(samples), UNUSED, dtype=np.int8)
            part[test] = TEST
            rest = np.flatnonzero(~test & ~split.related_to_tested(test))
            shares = [1 - split.validation, split.validation]
            seed = (self.seed, split.folds)
            part[rest] = allocate(split.units[rest], samples.strata[rest], shares, seed)
        else:
            values = samples.table[self.column].astype(str)
            named = self._validation_names(values)
            stops = values.isin(named).to_numpy()
            stops = stops if named else _following(split.fold, test, split.validators)
            part = split.parts(test, stops)
        for p in (TRAIN, VALIDATION):
            if not (part == p).any():
                raise InputError(
                    f"split: no sample is left for the {PARTS[p]} part. Name fewer chromosomes in "
                    "split.test and split.validation, or leave out split.keep_apart."
                )
        return part

    def _apart(self, samples: Samples, progress: Progress) -> tuple[NDArray[np.int64] | None, int]:
        """Return a number for each set of relatives, and how many similar pairs were found."""
        if not self.keep_apart and self.similar is None:
            return None, 0
        partitions = [samples.group([column]) for column in self.keep_apart]
        if self.similar is None:
            return components(partitions, len(samples)), 0
        search = Search(identity=self.similar.identity).settled(len(samples))
        hits = find_similar(samples.sequences, None, search, progress)
        hits = hits[hits.at_least(self.similar.identity, self.similar.coverage)]
        pairs = (hits.query, hits.target)
        return components(partitions, len(samples), pairs), len(hits.query)

    def _reason(self, left_out: dict[str, int]) -> str:
        stops = (
            f"{self.validation:.0%} of the training samples, drawn at random, stop training"
            if isinstance(self.validation, float)
            else "a third chromosome stops training"
        )
        sentence = f"Whole chromosomes are tested, and {stops}."
        relatives = [f"share a {' or '.join(self.keep_apart)}"] if self.keep_apart else []
        if self.similar:
            relatives.append(
                f"are at least {self.similar.identity:.0%} identical over "
                f"{self.similar.coverage:.0%} of both"
            )
        if not relatives:
            return f"{sentence} Relatives on different chromosomes are not kept apart."
        low, high = min(left_out.values()), max(left_out.values())
        return (
            f"{sentence} Samples that {', or '.join(relatives)} are never in training while one of "
            f"them is tested: {low:,} to {high:,} samples are left out of a fold for it."
        )


def _following(
    fold: NDArray[np.int16], test: NDArray[np.bool_], validators: NDArray[np.int16]
) -> NDArray[np.bool_]:
    """Return the samples of the fold that stops training while some are tested."""
    tested = set(fold[test].tolist())
    stops = int(validators[max(tested)])
    while stops in tested and len(tested) < len(validators):
        stops = (stops + 1) % len(validators)
    return fold == stops


def chromosome_split(samples: Samples, **settings: Any) -> Split:
    """Split samples by chromosomes (see `ChromosomeSplit` for the settings)."""
    return ChromosomeSplit(**settings).split(samples)
