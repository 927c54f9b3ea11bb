"""What a run directory holds, read for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cistron.base.document import Json
from cistron.base.domains import CELLS, DOMAINS, Domain
from cistron.base.errors import InputError
from cistron.base.files import resolved
from cistron.base.yaml_text import parse_yaml
from cistron.experiment.documents import require_document
from cistron.experiment.run_folder import EXPERIMENT, METRICS, Run
from cistron.samples.samples import COORDINATES
from cistron.targets.kinds import target_in
from cistron.targets.target import Target

_NO_GROUP = {"id", "label", "weight", "length", "part", "fold", "unit", "dropped"} | {
    "counts",
    "detected",
}
_NO_GROUP |= {"source", "record", *COORDINATES}


@dataclass(frozen=True, eq=False)
class Content:
    """Everything the report is made of; None for a file that the run does not have.

    Parameters
    ----------
    name : str
        The experiment's name, or that of the directory.
    folder : str
        Name of the run directory.
    metrics : dict
        metrics.json
    audit, environment : dict or None
        audit.json and environment.json
    samples, predictions, history : DataFrame or None
        samples.parquet, predictions.parquet and history.csv
    projection : DataFrame or None
        projection.parquet
    genes : dict or None
        genes.json
    importance : dict or None
        importance.json
    settings : str or None
        The text of experiment.yaml.
    experiment : dict
        What that text says.
    has_model : bool
        Whether the run holds a classifier.
    candidates : dict or None
        candidates.json
    """

    name: str
    folder: str
    metrics: Json
    audit: Json | None
    environment: Json | None
    samples: pd.DataFrame | None
    predictions: pd.DataFrame | None
    history: pd.DataFrame | None
    projection: pd.DataFrame | None
    genes: Json | None
    importance: Json | None
    settings: str | None
    experiment: Json
    has_model: bool
    candidates: Json | None = None

    @property
    def classes(self) -> list[str]:
        """Class names, in the order of every table."""
        return [str(name) for name in self.metrics["classes"]]

    @property
    def target(self) -> Target:
        """What is asked of each sample."""
        return target_in(self.metrics)

    @property
    def test(self) -> Json:
        """The scores on held-out samples."""
        return self.metrics["test"]

    @property
    def folds(self) -> list[Json]:
        """The scores of each fold of a cross-validation; empty where there are none."""
        return self.metrics.get("folds") or []

    @property
    def repeats(self) -> list[Json]:
        """The scores of each repeat, or of each seed; empty where there are none."""
        return self.metrics.get("repeats") or []

    def members(self, labels: pd.Series) -> pd.DataFrame:
        """Return which classes each label names: a column of true and false per class."""
        target = self.target
        members = target.memberships(target.truth(labels.astype(str)))
        return pd.DataFrame(members, columns=self.classes, index=labels.index)

    @property
    def used(self) -> pd.DataFrame | None:
        """The samples that were used."""
        if self.samples is None:
            return None
        return self.samples[self.samples["dropped"].eq("")]

    @property
    def groups(self) -> list[str]:
        """Names of the group columns of `samples`."""
        columns = [] if self.samples is None else [str(name) for name in self.samples.columns]
        second = (self.metrics.get("second") or {}).get("name")
        return [name for name in columns if name not in _NO_GROUP and name != second]

    @property
    def domain(self) -> Domain | None:
        """What the samples are samples of; None where the experiment does not say."""
        samples = self.section("samples")
        of_cells = samples.get("kind") == "cells"
        return CELLS if of_cells else DOMAINS.get(str(samples.get("alphabet")))

    @property
    def group_columns(self) -> list[str]:
        """Columns of which tested samples have groups; of several files that of the file too."""
        used = self.used
        if used is None:
            return []
        columns = list(self.groups)
        if "source" in used and len(used["source"].unique()) > 1:
            columns.append("source")
        return columns

    def group_of(self, column: str, ids: pd.Series) -> pd.Series:
        """Return the group of each sample with these ids, as text."""
        used = self.used
        values = pd.Series("", index=ids) if used is None else used.set_index("id")[column]
        groups = values.reindex(ids).astype(object)
        return groups.where(groups.notna(), "").astype(str)

    def section(self, name: str) -> Json:
        """Return a section of the experiment; empty where there is none."""
        section = self.experiment.get(name)
        return section if isinstance(section, dict) else {}


def read_run(path: str | Path) -> Content:
    """Read the files of a run.

    Raises
    ------
    InputError
        If metrics.json is missing, or a file cannot be read.
    """
    path = Path(path)
    metrics = _document(path, METRICS)
    if metrics is None and (unscored := Run(path).unscored):
        raise InputError(
            f"{path} holds {unscored}: nothing was scored, so there is nothing to report."
        )
    if metrics is None:
        raise InputError(
            f"{path} is no finished run: it has no {METRICS}. A report is made of a run that "
            "`cistron fit` or `cistron crossval` has finished."
        )
    settings = _text(path / EXPERIMENT)
    experiment = _yaml(path / EXPERIMENT, settings)
    folder = resolved(path).name
    return Content(
        name=str(experiment.get("name") or folder),
        folder=folder,
        metrics=metrics,
        audit=_document(path, "audit.json"),
        environment=_document(path, "environment.json"),
        samples=_samples(path),
        predictions=_parquet(path / "predictions.parquet"),
        history=_history(path / "history.csv"),
        projection=_parquet(path / "projection.parquet"),
        genes=_document(path, "genes.json"),
        importance=_document(path, "importance.json"),
        settings=settings,
        experiment=experiment,
        has_model=(path / "model").is_dir(),
        candidates=_document(path, "candidates.json"),
    )


def _document(path: Path, name: str) -> Json | None:
    if not (path / name).is_file():
        return None
    return Run(path).read_json(name)


def _text(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged: it is not UTF-8 text.") from error


def _yaml(path: Path, text: str | None) -> Json:
    document = parse_yaml(text or "", str(path)) or {}
    return require_document(EXPERIMENT, document, str(path))


def _samples(path: Path) -> pd.DataFrame | None:
    table = _parquet(path / "samples.parquet")
    if table is None:
        return None
    table = table.assign(**{name: "" for name in ("part", "dropped") if name not in table})
    text = {
        name: table[name].astype(object).where(table[name].notna(), "")
        for name in ("part", "dropped", "label")
    }
    return table.assign(**text)


def _parquet(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are one or the other
        raise InputError(f"{path} is damaged: {error}") from error


def _history(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path)
    except ValueError as error:  # of which pandas' EmptyDataError and ParserError are kinds
        raise InputError(f"{path} is damaged: {error}") from error
    return table if len(table) and "epoch" in table else None
