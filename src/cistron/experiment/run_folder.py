"""The run directory: written once, readable anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.output_folder import UNFINISHED_STATE, OutputFolder, kept
from cistron.base.outputs import write_json, write_text, written
from cistron.base.progress import Logged, Reporter
from cistron.base.settings import absolute_path
from cistron.base.untrusted import parse_json
from cistron.base.yaml_text import read_yaml
from cistron.experiment.documents import require_document
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
        inputs: Iterable[Path] = (),
    ) -> Run:
        """Return the run of that path if it may be written; change nothing yet.

        A model that is imported, or joined of others, has no experiment and is not resumed.

        Raises
        ------
        InputError
            If the directory is taken and neither `force` nor `resume` was asked for, if `resume`
            meets another experiment, or if `force` would delete an input or something that is no
            run.
        """
        run = cls(Path(path))
        files = [*inputs, *(experiment.files() if experiment is not None else ())]
        state = run.unscored or ("a finished run" if run.finished else f"a run{UNFINISHED_STATE}")
        run.folder.require(force=force, resume=resume, inputs=files, state=state)
        if resume and experiment is not None and (run.path / EXPERIMENT).is_file():
            run._require_same(experiment)
        return run

    @contextmanager
    def started(
        self,
        experiment: Experiment,
        sources: dict[str, str],
        reporter: Reporter,
        *,
        force: bool,
        resume: bool,
        inputs: Iterable[Path] = (),
    ) -> Iterator[Reporter]:
        """Make the directory, in place of an older run or to go on in it, and hold it.

        Called once the input was read, so that a mistake in it costs no older run. What is said is
        kept in log.txt too. When the block ends without an error, the run is finished.

        Raises
        ------
        InputError
            If another process writes the run, or the run is resumed and its input files have other
            content than before.
        """
        files = [*inputs, *experiment.files(), *map(Path, sources)]
        with self.folder.opened(force=force, resume=resume, inputs=files) as others:
            if resume and (self.path / EXPERIMENT).is_file():
                self._require_same(experiment)
            else:
                self.write_text(EXPERIMENT, experiment.to_yaml())
            sources = _absolute(sources)
            if (self.path / SOURCES).is_file():
                before = _absolute(self.read_json(SOURCES))
                changed = [name for name in before if before[name] != sources.get(name)]
                if changed:
                    raise InputError(
                        f"{changed[0]} changed since {self.path} was begun, so the run cannot be "
                        "continued. Restore the file, or choose another directory for --out."
                    )
            self.write_json(SOURCES, sources)
            if others:
                reporter.say(kept(others, self.path))
            yield Logged(reporter, self.path / "log.txt")
            (self.path / SOURCES).unlink(missing_ok=True)

    def _require_same(self, experiment: Experiment) -> None:
        """Refuse to go on with another experiment than the one that was begun."""
        if self.unscored:
            raise InputError(
                f"{self.path} holds {self.unscored}, which cannot be continued. Choose another "
                "directory for --out, or replace it with --force."
            )
        before = read_yaml(self.path / EXPERIMENT)
        changed = sorted(_different(_completed(before), experiment.document(absolute=True)))
        if changed:
            raise InputError(
                f"{self.path} was begun with other settings ({', '.join(changed[:5])}), so it "
                "cannot be continued. Undo the change, or choose another directory for --out."
            )

    @property
    def folder(self) -> OutputFolder:
        """The directory as something that is written."""
        return OutputFolder(self.path, "a run")

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return (self.path / METRICS).is_file() and self.folder.finished

    @property
    def unscored(self) -> str:
        """What it holds that was not trained here; empty of a run that was."""
        if not (self.path / ENVIRONMENT).is_file():
            return ""
        known = self.read_json(ENVIRONMENT)
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

    def read_json(self, name: str) -> Document:
        """Return the content of a JSON file of the run.

        Raises
        ------
        InputError
            If it is missing or damaged, or a key holds what it should not
            (`cistron.experiment.documents`).
        """
        path = self.path / name
        try:
            document = parse_json(path.read_bytes(), str(path))
        except FileNotFoundError as error:
            raise InputError(f"{self.path} is no finished run: it has no {name}.") from error
        return require_document(name, document, str(path))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all."""
        write_text(self.path / name, text)

    def write_json(self, name: str, document: object) -> None:
        """Write a JSON file whole or not at all."""
        write_json(self.path / name, document)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a parquet file whole or not at all."""
        with written(self.path / name) as draft:
            table.to_parquet(draft, index=False)

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


def _absolute(sources: Mapping[str, str]) -> dict[str, str]:
    return {str(absolute_path(Path(name))): checksum for name, checksum in sources.items()}


def _completed(document: object) -> object:
    """Return an experiment with the defaults of keys that did not exist when it was written."""
    try:
        return Experiment.model_validate(document).document(absolute=True)
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
