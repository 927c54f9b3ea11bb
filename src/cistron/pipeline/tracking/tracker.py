"""What a destination of tracked runs does, and what is remembered of it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from cistron.experiment.run_folder import Run
from cistron.pipeline.tracking.parts import Part

TRACKING = "tracking.json"


class TrackingError(Exception):
    """A tracker cannot be used just now; the message says why, and holds no password."""


class Sent(NamedTuple):
    """What a tracker was given that it did not have."""

    parts: int = 0
    points: int = 0


class Tracker(Protocol):
    """Where the numbers of a run go.

    Attributes
    ----------
    name : str
        As sentences call it.
    option : str
        What `--track` and `--to` take, without a password.
    """

    name: str
    option: str

    def send(self, parts: Sequence[Part]) -> Sent:
        """Give it all that it does not have yet.

        Raises
        ------
        TrackingError
            If it cannot be reached or refuses; it may be tried again.
        """

    def close(self) -> None:
        """Let go of it."""


def without_password(address: str) -> str:
    """Return an address with *** in place of a password."""
    parts = urlsplit(address)
    if not parts.password:
        return address
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{parts.netloc.split('@')[-1]}"))


def identity(run: Path) -> str:
    """Return the name by which a tracker knows the run again, made at the first call.

    It is written before anything is sent, so that a process that is killed between the two leaves
    no run that would be sent a second time.
    """
    with _writing:
        known = _known(run)
        if "id" not in known:
            known = {"id": uuid.uuid4().hex, **known}
            Run(run).write_json(TRACKING, known)
    return str(known["id"])


def recalled(run: Path, option: str) -> dict[str, Any]:
    """Return what was remembered of a destination."""
    return _known(run).get("destinations", {}).get(option, {})


def remember(run: Path, option: str, entry: dict[str, Any]) -> None:
    """Remember something of a destination in the run."""
    with _writing:
        known = _known(run)
        known["destinations"] = {**known.get("destinations", {}), option: entry}
        Run(run).write_json(TRACKING, known)


def _known(run: Path) -> dict[str, Any]:
    return Run(run).read_json(TRACKING) if (run / TRACKING).is_file() else {}


_writing = threading.Lock()
