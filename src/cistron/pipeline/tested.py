"""What a run tested, and whether two runs can be compared on the samples both tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import resolved
from cistron.base.yaml_text import read_yaml
from cistron.experiment.documents import require_document
from cistron.experiment.run_folder import EXPERIMENT, Run
from cistron.targets.kinds import target_in

FEWEST_SHARED = 30  # samples that both runs must have tested
MOST_FAVOURED = 0.05  # share of them that only one run may have trained on the relatives of


@dataclass(frozen=True, eq=False)
class Tested:
    """A finished run, as a comparison sees it.

    Parameters
    ----------
    name : str
        Unique among the runs that are compared.
    path : Path
    metrics : dict
        metrics.json
    labels : Series
        Label of each tested sample, by id.
    probabilities : DataFrame
        Probability of each class (columns) for each tested sample (rows, by id).
    baselines : dict of str to DataFrame
        The same for each baseline.
    samples : DataFrame
        The samples that were used, by id: part, fold, length, and unit where the run has it.
    experiment, environment : dict
        experiment.yaml and environment.json
    """

    name: str
    path: Path
    metrics: Document
    labels: pd.Series
    probabilities: pd.DataFrame
    baselines: dict[str, pd.DataFrame]
    samples: pd.DataFrame
    experiment: Document
    environment: Document

    @property
    def crossvalidated(self) -> bool:
        """Whether every sample was tested in the fold it is in."""
        return bool(self.metrics.get("folds"))

    @property
    def trained(self) -> NDArray[np.bool_]:
        """Whether each of `samples` was seen in training; nobody's of a cross-validation is."""
        return self.samples["part"].isin(["train", "validation"]).to_numpy()

    @property
    def units(self) -> pd.Series | None:
        """What the run's bootstrap draws together, by id; None for runs that did not keep it."""
        return self.samples.get("unit")

    def knew_relatives(self, ids: pd.Index, units: pd.Series) -> NDArray[np.bool_]:
        """Return whether the model that tested a sample was trained on another of its unit.

        Parameters
        ----------
        ids : Index
            Samples this run tested.
        units : Series
            Unit of every sample, by id; those not in it have no relatives.

        Returns
        -------
        ndarray of bool, shape (len(ids),)
        """
        own = units.reindex(self.samples.index)
        asked = own.loc[ids]
        if not self.crossvalidated:
            seen = own[self.trained].dropna()
            return asked.isin(seen.unique()).to_numpy()
        folds = self.samples["fold"][self.samples["fold"] >= 0]
        ranges = folds.groupby(own).agg(["min", "max"]).reindex(asked.to_numpy())
        tested_in = folds.loc[ids].to_numpy()
        elsewhere = (ranges["min"].to_numpy() != tested_in) | (
            ranges["max"].to_numpy() != tested_in
        )
        return elsewhere & asked.notna().to_numpy()


@dataclass(frozen=True, eq=False)
class Match:
    """Two runs on the samples both tested.

    Parameters
    ----------
    shared : Index
        Their ids, sorted.
    first_knew, second_knew : int
        Shared samples whose relatives only the first, or only the second run trained on.
    """

    shared: pd.Index
    first_knew: int
    second_knew: int

    @property
    def enough(self) -> bool:
        """Whether there are samples enough for a paired comparison."""
        return len(self.shared) >= FEWEST_SHARED

    @property
    def favour(self) -> int:
        """Shared samples by which the first run (negative: the second) had the easier test."""
        return self.first_knew - self.second_knew

    @property
    def fair(self) -> bool:
        """Whether neither run had a noticeably easier test."""
        return abs(self.favour) <= MOST_FAVOURED * len(self.shared)


def match(first: Tested, second: Tested) -> Match:
    """Find the samples that both runs tested, and which run trained on their relatives.

    Raises
    ------
    InputError
        If a sample has another label in the one run than in the other.
    """
    shared = first.labels.index.intersection(second.labels.index).sort_values()
    differ = (first.labels.loc[shared] != second.labels.loc[shared]).to_numpy()
    if differ.any():
        name = shared[differ][0]
        raise InputError(
            f"{first.name} and {second.name} cannot be compared: {differ.sum():,} of the "
            f"{len(shared):,} samples both tested have other labels, {name!r} for one is "
            f"{first.labels[name]!r} in {first.name} and {second.labels[name]!r} in "
            f"{second.name}. Compare runs that were made from the same labels."
        )
    known = [run.units for run in (first, second) if run.units is not None]
    knew = np.zeros((2, len(shared)), dtype=bool)
    for row, run in enumerate((first, second)):
        for units in known:
            knew[row] |= run.knew_relatives(shared, units)
    return Match(shared, int((knew[0] & ~knew[1]).sum()), int((knew[1] & ~knew[0]).sum()))


def read_tested(paths: Sequence[str | Path]) -> list[Tested]:
    """Read runs, in the order of their names.

    Raises
    ------
    InputError
        If there are fewer than two, one is given twice, one is not finished, or their classes
        differ.
    """
    folders = [resolved(Path(path)) for path in paths]
    if len(folders) < 2:
        raise InputError("A comparison needs two runs or more.")
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice:
        raise InputError(f"{twice} is given twice. Name every run once.")
    runs = [_read(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    runs.sort(key=lambda run: run.name)
    for run in runs:
        refused = target_in(run.metrics).not_compared
        if refused:
            raise InputError(f"{run.name} {refused}")
    classes = {run.name: set(run.metrics["classes"]) for run in runs}
    first = runs[0].name
    for name, own in classes.items():
        if own != classes[first]:
            raise InputError(
                f"{first} and {name} cannot be compared: their classes differ "
                f"({', '.join(sorted(classes[first]))}; and {', '.join(sorted(own))})."
            )
    return runs


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest end of each path that is no other's; of a repeat, with its run."""
    least = [3 if folder.parent.name == "repeats" else 1 for folder in folders]
    for more in range(max(len(folder.parts) for folder in folders)):
        ends = zip(folders, least, strict=True)
        names = ["/".join(folder.parts[-(depth + more) :]) for folder, depth in ends]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _read(folder: Path, name: str) -> Tested:
    run = Run(folder)
    metrics = run.metrics
    table = _by_id(run.predictions.query("part == 'test'"))
    columns = {f"p_{label}": label for label in metrics["classes"]}
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{folder / 'predictions.parquet'} has no column {missing[0]!r}.")
    samples = run.samples
    samples = _by_id(samples[samples["dropped"].fillna("").eq("")])
    baselines = {}
    if (folder / "baselines.parquet").is_file():
        scored = pd.read_parquet(folder / "baselines.parquet")
        baselines = {
            str(kind): _by_id(rows)[list(columns)].rename(columns=columns)
            for kind, rows in scored.groupby("baseline", sort=True)
        }
    path = folder / EXPERIMENT
    experiment = require_document(EXPERIMENT, read_yaml(path), str(path))
    return Tested(
        name=name,
        path=folder,
        metrics=metrics,
        labels=table["label"].astype(str),
        probabilities=table[list(columns)].rename(columns=columns),
        baselines=baselines,
        samples=samples,
        experiment=experiment,
        environment=run.read_json("environment.json"),
    )


def _by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(id=table["id"].astype(str)).set_index("id")


def blocks(runs: Sequence[Tested], matches: dict[tuple[str, str], Match]) -> list[list[Tested]]:
    """Put runs together whose every pair is fair, on samples enough that all of them tested.

    Parameters
    ----------
    runs : sequence of Tested
    matches : dict
        Names of two runs, in the order of `runs`, → their match.
    """
    made: list[list[Tested]] = []
    for run in runs:
        for block in made:
            pairs = [matches[other.name, run.name] for other in block]
            fair = all(pair.enough and pair.fair for pair in pairs)
            if fair and len(common(pair.shared for pair in pairs)) >= FEWEST_SHARED:
                block.append(run)
                break
        else:
            made.append([run])
    return made


def common(indices: Iterable[pd.Index]) -> pd.Index:
    """Return the ids that all have, sorted."""
    found: pd.Index | None = None
    for index in indices:
        found = index if found is None else found.intersection(index)
    return pd.Index([]) if found is None else found.sort_values()
