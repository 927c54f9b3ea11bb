"""MLflow: one run a run directory, with nested runs of its folds, repeats and trials."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cistron.base.secrets import without_password
from cistron.pipeline.tracking.tracker import Part, Sent, TrackingError, as_text, remember

if TYPE_CHECKING:
    from mlflow import MlflowClient

ID, PART, FILES = "cistron.id", "cistron.part", "cistron.files"  # tags by which we know runs again
STATUS = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED"}  # the others: KILLED
LONGEST_KEY, LONGEST_VALUE, LONGEST_TAG = 250, 6000, 5000  # characters that a server takes
BATCH = 100  # entries in a request: no more params than a server takes
PAGE = 1000  # runs in an answer

Key = str | tuple[str, int] | tuple[str, str]  # of a param (name), a number (step) and a tag (text)


@dataclass
class _Known:
    """What the server has of a part."""

    run_id: str
    status: str = "RUNNING"
    held: set[Key] = field(default_factory=set)


class MLflow:
    """A server, or a database, that MLflow's client can talk to.

    What it has is asked at the first contact and after every failure, and only what is missing is
    sent. Runs are known again by the tags `cistron.id` and `cistron.part`.
    """

    def __init__(self, run: Path, address: str) -> None:
        # Imported here, not in the thread that sends: two threads must not import at once.
        from mlflow import MlflowClient

        self.name = f"MLflow at {without_password(address)}"
        self.option = f"mlflow={without_password(address)}"
        self._run, self._address, self._connect = run, address, MlflowClient
        self._known: dict[str, _Known] = {}

    def send(self, parts: Sequence[Part]) -> Sent:
        """Send what the server does not have."""
        try:
            if not self._known:
                self._ask(parts[0])
            runs, points = zip(*[self._send(part) for part in parts], strict=True)
        except Exception as error:  # stores and transports have errors of their own
            self._known = {}
            raise TrackingError(_reason(error, self._address)) from error
        ids = {name: known.run_id for name, known in self._known.items()}
        remember(self._run, self.option, runs=ids)  # for whoever looks for them
        return Sent(sum(runs), sum(points))

    def _ask(self, whole: Part) -> None:
        """Find or make the experiment, and ask what it has of the run."""
        before = remember(self._run, self.option).get("experiment")
        name = before or os.environ.get("MLFLOW_EXPERIMENT_NAME") or whole.params.get("name")
        name = str(name or "cistron")
        self._client: MlflowClient = self._connect(tracking_uri=self._address)
        there = self._client.get_experiment_by_name(name)
        self._experiment = there.experiment_id if there else self._client.create_experiment(name)
        self._id = remember(self._run, self.option, experiment=name)["id"]
        ours, token = f"tags.`{ID}` = '{self._id}'", None
        while True:
            page = self._client.search_runs(
                [self._experiment], ours, max_results=PAGE, page_token=token
            )
            for run in page:
                data, info = run.data, run.info
                held: set[Key] = {*data.params, *data.tags.items()}
                for name in data.metrics:
                    history = self._client.get_metric_history(info.run_id, name)
                    held.update((name, number.step) for number in history)
                self._known[data.tags[PART]] = _Known(info.run_id, info.status, held)
            token = page.token
            if not token:
                return

    def _send(self, part: Part) -> tuple[int, int]:
        """Send what is new of one part; return how many runs and numbers that was."""
        created = part.name not in self._known
        if created:
            self._known[part.name] = self._created(part)
        known, status = self._known[part.name], STATUS.get(part.state, "KILLED")
        numbers = self._log(known, part)
        if known.status != status and part.state == "running":
            self._client.update_run(known.run_id, status)
        elif known.status != status:
            at = max((point.at for point in part.points), default=None)
            self._client.set_terminated(known.run_id, status, at)
        known.status = status
        return int(created), numbers

    def _created(self, part: Part) -> _Known:
        tags = {ID: self._id, PART: part.name}
        if part.parent is not None:
            tags["mlflow.parentRunId"] = self._known[part.parent].run_id
        begun = part.begun or min((point.at for point in part.points), default=None)
        name = part.name or part.tags["cistron.run"]
        run = self._client.create_run(self._experiment, begun, tags, run_name=name)
        return _Known(run.info.run_id)

    def _log(self, known: _Known, part: Part) -> int:
        """Send params, numbers, tags and files that the server lacks; return how many numbers."""
        from mlflow.entities import Metric, Param, RunTag

        params = {_key(name): as_text(value)[:LONGEST_VALUE] for name, value in part.params.items()}
        points = {(_key(point.name), point.step): point for point in part.points}
        tags = [(name, text[:LONGEST_TAG]) for name, text in part.tags.items()]
        entries: dict[Key, Metric | Param | RunTag] = {tag: RunTag(*tag) for tag in tags}
        entries.update((name, Param(name, text)) for name, text in params.items())
        entries.update((at, Metric(at[0], x.value, x.at, x.step)) for at, x in points.items())
        new = [entry for key, entry in entries.items() if key not in known.held]
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            self._client.log_batch(
                known.run_id,
                [entry for entry in batch if isinstance(entry, Metric)],
                [entry for entry in batch if isinstance(entry, Param)],
                [entry for entry in batch if isinstance(entry, RunTag)],
            )
        known.held.update(entries)
        content = b"".join(path.name.encode() + path.read_bytes() for path in part.files)
        digest = (FILES, hashlib.sha256(content).hexdigest())
        if part.files and digest not in known.held:
            for path in part.files:
                self._client.log_artifact(known.run_id, str(path))
            self._client.set_tag(known.run_id, *digest)
            known.held.add(digest)
        return sum(isinstance(entry, Metric) for entry in new)


def _key(name: str) -> str:
    """Return a name as MLflow takes it: other characters than these stand as their number."""
    return re.sub(r"[^\w\-. :/]", lambda other: f"_{ord(other[0]):x}_", name)[:LONGEST_KEY]


def _reason(error: Exception, address: str) -> str:
    """Return in a few words why it did not work."""
    names: set[str] = set()
    cause: BaseException | None = error
    while cause is not None:
        names.add(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    if names & {"ConnectTimeout", "ReadTimeout", "Timeout"}:
        return "it does not answer in time"
    if "ConnectionError" in names:
        return "there is no connection"
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].replace(address, without_password(address))[:300].rstrip(".")
