"""What a tracker is told of a run, and what a run remembers of its trackers."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from cistron.base.document import Document
from cistron.experiment.run_folder import Run

TRACKING = "tracking.json"
_writing = threading.Lock()

State = Literal["running", "finished", "pruned", "failed", "interrupted"]


class TrackingError(Exception):
    """A tracker cannot be used just now; the message says why, and holds no password."""


class Point(NamedTuple):
    """A number at a step (an epoch, a trial or the end), made `at` milliseconds since 1970."""

    name: str
    step: int
    value: float
    at: int


@dataclass(frozen=True)
class Part:
    """A run, or one training or trial inside of it, as it stands now.

    `name` is its place: "" is the run itself, then "folds/0", "repeats/2/folds/0", "trials/3";
    `parent` is the name of the part around it. A part is `complete` when no more will come of it.
    """

    name: str
    parent: str | None
    params: Mapping[str, object]
    tags: Mapping[str, str]
    points: Sequence[Point]
    state: State
    complete: bool
    begun: int | None = None
    files: Sequence[Path] = ()


class Sent(NamedTuple):
    """How many parts and numbers a tracker was given that it did not have."""

    parts: int = 0
    points: int = 0


class Tracker(Protocol):
    """Where a run is sent: `name` in sentences, `option` for `--track`, both without a password."""

    name: str
    option: str

    def send(self, parts: Sequence[Part]) -> Sent:
        """Give it all that it does not have yet; after a TrackingError it may be tried again."""


def as_text(value: object) -> str:
    """Return a setting as a tracker shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def remember(run: Path, option: str, **news: object) -> Document:
    """Add news of a tracker to the run, and return all that the run remembers of it.

    `id` is the identity by which the tracker knows the run again. It is written before anything is
    sent, so that a process that is killed between the two leaves nothing that is sent twice.
    """
    with _writing:
        before = Run(run).read_json(TRACKING) if (run / TRACKING).is_file() else {}
        known = {"id": uuid.uuid4().hex, "destinations": {}, **before}
        entry = {**known["destinations"].get(option, {}), **news}
        known["destinations"] = {**known["destinations"], option: entry}
        if known != before:
            Run(run).write_json(TRACKING, known)
    return {"id": known["id"], **entry}
