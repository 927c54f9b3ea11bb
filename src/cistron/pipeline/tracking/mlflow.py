"""MLflow: one run a run directory, with nested runs of its folds, repeats and trials."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron.pipeline.tracking.parts import Part
from cistron.pipeline.tracking.tracker import (
    Sent,
    TrackingError,
    identity,
    recalled,
    remember,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ID, PART, FILES = "cistron.id", "cistron.part", "cistron.files"  # tags by which we know runs again
STATUS = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "pruned": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
LONGEST_KEY, LONGEST_VALUE, LONGEST_TAG = 250, 6000, 5000  # characters that a server takes
BATCH = 100  # params, and 5 times as many numbers, in a request: below what a server takes
PAGE = 1000  # runs in an answer


@dataclass
class _Known:
    """What the server has of a part."""

    run_id: str
    status: str
    params: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: set[str] = field(default_factory=set)
    """Names of which it has a number that this process did not send."""
    points: set[tuple[str, int]] = field(default_factory=set)


class MLflow:
    """A server, or a database, that MLflow's client can talk to.

    What it has is asked at the first contact and after every failure, and only what is missing is
    sent. Runs are known again by the tags `cistron.id` and `cistron.part`.

    Parameters
    ----------
    run : Path
        The run directory.
    address : str
    """

    def __init__(self, run: Path, address: str) -> None:
        # Imported here, not in the thread that sends: two threads must not import at once.
        from mlflow import MlflowClient

        self.name = f"MLflow at {without_password(address)}"
        self.option = f"mlflow={without_password(address)}"
        self._run = run
        self._address = address
        self._client = MlflowClient
        self._session: _Session | None = None

    def send(self, parts: Sequence[Part]) -> Sent:
        """Send what the server does not have."""
        sent = Sent()
        try:
            session = self._session = self._session or self._opened(parts[0])
            for part in parts:
                new, points = session.send(part)
                sent = Sent(sent.parts + new, sent.points + points)
        except Exception as error:  # stores and transports have errors of their own
            self._remember()
            self._session = None
            raise TrackingError(self._reason(error)) from error
        self._remember()
        return sent

    def close(self) -> None:
        """Nothing is held between two requests."""

    def _opened(self, whole: Part) -> _Session:
        """Find or make the experiment, and ask which runs of it are ours."""
        name = recalled(self._run, self.option).get("experiment")
        name = name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or whole.params.get("name")
        name = str(name or "cistron")
        client = self._client(tracking_uri=self._address)
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)
        session = _Session(client, experiment, identity(self._run))
        entry = recalled(self._run, self.option)
        if not entry:
            remember(self._run, self.option, {"experiment": name, "runs": {}})
        session.ask()
        return session

    def _remember(self) -> None:
        """Write the ids of the runs into the run directory, for whoever looks for them."""
        if self._session is not None:
            entry = recalled(self._run, self.option)
            runs = {name: known.run_id for name, known in self._session.known.items()}
            if entry.get("runs") != runs:
                remember(self._run, self.option, {**entry, "runs": runs})

    def _reason(self, error: BaseException) -> str:
        """Return in a few words why it did not work."""
        names = {type(cause).__name__ for cause in _causes(error)}
        if names & {"ConnectTimeout", "ReadTimeout", "Timeout"}:
            return "it does not answer in time"
        if "ConnectionError" in names:
            return "there is no connection"
        lines = str(error).splitlines() or [type(error).__name__]
        return lines[0].replace(self._address, without_password(self._address))[:300].rstrip(".")


@dataclass
class _Session:
    """One uninterrupted talk with a server.

    Parameters
    ----------
    client : MlflowClient
    experiment : str
        Id of the experiment on the server.
    identity : str
        Of the run directory.
    known : dict of str to _Known
        What the server has, by the name of the part.
    """

    client: MlflowClient
    experiment: str
    identity: str
    known: dict[str, _Known] = field(default_factory=dict)

    def ask(self) -> None:
        """Ask which runs the server has."""
        token, ours = None, f"tags.`{ID}` = '{self.identity}'"
        while True:
            page = self.client.search_runs(
                [self.experiment], ours, max_results=PAGE, page_token=token
            )
            self.known |= {run.data.tags[PART]: _of_server(run) for run in page}
            token = page.token
            if not token:
                return

    def send(self, part: Part) -> tuple[int, int]:
        """Send what is new of one part; return how many runs and numbers that was."""
        new = part.name not in self.known
        if new:
            self.known[part.name] = self._created(part)
        known = self.known[part.name]
        self._settings(known, part)
        points = self._points(known, part)
        self._files(known, part)
        status = STATUS[part.state]
        if known.status != status:
            if part.state == "running":
                self.client.update_run(known.run_id, status)
            else:
                at = max((point.at for point in part.points), default=None)
                self.client.set_terminated(known.run_id, status, at)
            known.status = status
        return int(new), points

    def _created(self, part: Part) -> _Known:
        tags = {ID: self.identity, PART: part.name}
        if part.parent is not None:
            tags["mlflow.parentRunId"] = self.known[part.parent].run_id
        begun = part.begun or min((point.at for point in part.points), default=None)
        name = part.name or part.tags["cistron.run"]
        made = self.client.create_run(self.experiment, begun, tags, run_name=name)
        return _Known(made.info.run_id, "RUNNING", tags=tags)

    def _settings(self, known: _Known, part: Part) -> None:
        """Send params that are missing, and tags that are other."""
        from mlflow.entities import Param, RunTag

        params = {_key(name): _text(value)[:LONGEST_VALUE] for name, value in part.params.items()}
        for names in _slices([name for name in params if name not in known.params], BATCH):
            sent = [Param(name, params[name]) for name in names]
            self.client.log_batch(known.run_id, params=sent)
            known.params.update(names)
        tags = {name: value[:LONGEST_TAG] for name, value in part.tags.items()}
        tags = {name: value for name, value in tags.items() if known.tags.get(name) != value}
        if tags:
            self.client.log_batch(known.run_id, tags=[RunTag(*tag) for tag in tags.items()])
            known.tags |= tags

    def _points(self, known: _Known, part: Part) -> int:
        """Send the numbers that are missing; return how many they were."""
        from mlflow.entities import Metric

        points = {(_key(point.name), point.step): point for point in part.points}
        for name in known.metrics & {name for name, _ in points}:
            history = self.client.get_metric_history(known.run_id, name)
            known.points |= {(name, one.step) for one in history}
            known.metrics.discard(name)
        missing = [key for key in points if key not in known.points]
        for keys in _slices(missing, 5 * BATCH):
            sent = [Metric(key[0], points[key].value, points[key].at, key[1]) for key in keys]
            self.client.log_batch(known.run_id, metrics=sent)
            known.points.update(keys)
        return len(missing)

    def _files(self, known: _Known, part: Part) -> None:
        """Send the files unless the server has them as they are."""
        if not part.files:
            return
        digest = hashlib.sha256()
        for path in part.files:
            digest.update(path.name.encode() + path.read_bytes())
        if known.tags.get(FILES) == digest.hexdigest():
            return
        for path in part.files:
            self.client.log_artifact(known.run_id, str(path))
        self.client.set_tag(known.run_id, FILES, digest.hexdigest())
        known.tags[FILES] = digest.hexdigest()


def _of_server(run: Run) -> _Known:
    return _Known(
        run.info.run_id,
        run.info.status,
        set(run.data.params),
        dict(run.data.tags),
        set(run.data.metrics),
    )


def _key(name: str) -> str:
    """Return a name as MLflow takes it: other characters than these stand as their number."""
    return re.sub(r"[^\w\-. :/]", lambda found: f"_{ord(found[0]):x}_", name)[:LONGEST_KEY]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
