"""The run directory: written once, readable anywhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.untrusted import parse_json
from cistron.base.yaml_text import read_yaml
from cistron.experiment.experiment import Experiment

EXPERIMENT = "experiment.yaml"
METRICS = "metrics.json"
ENVIRONMENT = "environment.json"
SOURCES = "sources.json"  # checksums of the input, until environment.json has them


@dataclass(frozen=True)
class Run:
    """A directory that holds a classifier and all that is known about it.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @classmethod
    def claim(
        cls,
        path: str | Path,
        experiment: Experiment | None,
        *,
        force: bool = False,
        resume: bool = False,
    ) -> Run:
        """Return the run of that path if it may be written; change nothing yet.

        A model that is imported, or joined of others, has no experiment and is not resumed.

        Raises
        ------
        InputError
            If the directory is taken and neither `force` nor `resume` was asked for, if `resume`
            meets another experiment, or if `force` would delete something that is no run.
        """
        run = cls(Path(path))
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            run._require_replaceable(experiment, force, resume)
        return run

    def start(self, experiment: Experiment, sources: dict[str, str], *, resume: bool) -> None:
        """Make the directory, in place of an older run unless that one is resumed.

        Called once the input was read, so that a mistake in it costs no older run.

        Raises
        ------
        InputError
            If the run is resumed and its input files have other content than before.
        """
        if self.path.is_dir() and not resume and any(self.path.iterdir()):
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.write_text(EXPERIMENT, experiment.to_yaml())
        if (self.path / SOURCES).is_file():
            before = self.read_json(SOURCES)
            changed = [name for name in before if before[name] != sources.get(name)]
            if changed:
                raise InputError(
                    f"{changed[0]} changed since {self.path} was begun, so the run cannot be "
                    "continued. Restore the file, or choose another directory for --out."
                )
        self.write_json(SOURCES, sources)

    def _require_replaceable(
        self, experiment: Experiment | None, force: bool, resume: bool
    ) -> None:
        unscored = self.unscored
        if not unscored and not (self.path / EXPERIMENT).is_file():
            raise InputError(
                f"{self.path} exists and is not a run. Nothing in it was touched; choose another "
                "directory for --out."
            )
        if resume and unscored:
            raise InputError(
                f"{self.path} holds {unscored}, which cannot be continued. Choose another "
                "directory for --out, or replace it with --force."
            )
        if resume and experiment is not None:
            before = read_yaml(self.path / EXPERIMENT)
            changed = sorted(_different(_completed(before), experiment.document()))
            if changed:
                raise InputError(
                    f"{self.path} was begun with other settings ({', '.join(changed[:5])}), so it "
                    "cannot be continued. Undo the change, or choose another directory for --out."
                )
        elif not force:
            state, remedy = "a run that was not finished", "continue it with --resume, "
            if unscored or self.finished:
                state, remedy = unscored or "a finished run", ""
            raise InputError(
                f"{self.path} holds {state}, which is never overwritten: {remedy}choose another "
                "directory for --out, or replace it with --force."
            )

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return (self.path / METRICS).is_file()

    @property
    def unscored(self) -> str:
        """What it holds that was not trained here; empty of a run that was."""
        if not (self.path / ENVIRONMENT).is_file():
            return ""
        environment = self.read_json(ENVIRONMENT)
        known = environment if isinstance(environment, dict) else {}
        kinds = {"imported": "an imported model", "ensemble": "an ensemble"}
        return next((kind for key, kind in kinds.items() if key in known), "")

    @property
    def metrics(self) -> Document:
        """Content of metrics.json."""
        return self.read_json(METRICS)

    @property
    def audit(self) -> Document:
        """Content of audit.json."""
        return self.read_json("audit.json")

    @property
    def predictions(self) -> pd.DataFrame:
        """Content of predictions.parquet."""
        return pd.read_parquet(self.path / "predictions.parquet")

    @property
    def samples(self) -> pd.DataFrame:
        """Content of samples.parquet."""
        return pd.read_parquet(self.path / "samples.parquet")

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON file of the run.

        Raises
        ------
        InputError
            If it is missing or damaged.
        """
        try:
            return parse_json((self.path / name).read_bytes(), str(self.path / name))
        except FileNotFoundError as error:
            raise InputError(f"{self.path} is no finished run: it has no {name}.") from error

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all."""
        target = self.path / name
        partial = target.with_name(target.name + ".partial")
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)

    def write_json(self, name: str, document: object) -> None:
        """Write a JSON file whole or not at all."""
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        self.write_text(name, text + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a parquet file whole or not at all."""
        target = self.path / name
        partial = target.with_name(target.name + ".partial")
        table.to_parquet(partial, index=False)
        partial.replace(target)

    def write_history(self, history: list[Document], name: str = "history.csv") -> None:
        """Write the history of training, one line an epoch."""
        self.write_text(name, pd.DataFrame(history).to_csv(index=False))

    def join_histories(self, column: str, folders: Mapping[int, Path]) -> None:
        """Write the histories of several trainings as one; models without epochs have none.

        Parameters
        ----------
        column : str
            What the trainings are told apart by; it is put first.
        folders : mapping of int to Path
            Value of the column → folder that holds history.csv.
        """
        histories = []
        for value, folder in folders.items():
            if (folder / "history.csv").is_file():
                history = pd.read_csv(folder / "history.csv")
                history.insert(0, column, value)
                histories.append(history)
        if histories:
            history = pd.concat(histories, ignore_index=True)
            self.write_text("history.csv", history.to_csv(index=False))


def _completed(document: object) -> object:
    """Return an experiment with the defaults of keys that did not exist when it was written."""
    try:
        return Experiment.model_validate(document).document()
    except ValidationError:
        return document


def _different(before: object, after: object, path: str = "") -> set[str]:
    """Return the dotted keys in which two documents differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        paths: set[str] = set()
        for key in before.keys() | after.keys():
            paths |= _different(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
        return paths
    return set() if before == after else {path}
