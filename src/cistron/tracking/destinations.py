"""Where to: `mlflow`, `mlflow=URI`, `tensorboard`, `tensorboard=FOLDER`."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from cistron.errors import InputError, nearest
from cistron.run import Run
from cistron.tracking.parts import Part

KINDS = ("mlflow", "tensorboard")
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "file", "databricks")
TRACKING = "tracking.json"
_writing = threading.Lock()


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


def make_trackers(options: Sequence[str], run: Path) -> list[Tracker]:
    """Return the trackers that options name, each once.

    Parameters
    ----------
    options : sequence of str
    run : Path
        The run directory, which need not be there yet.

    Raises
    ------
    InputError
        If an option names none, has no address, or its package is not installed.
    """
    return [_make(*one, run) for one in dict.fromkeys(_parsed(option) for option in options)]


@contextmanager
def impatient(seconds: int) -> Iterator[None]:
    """Have MLflow's client fail soon, print nothing and report its use to nobody, in this context.

    By itself it tries again for minutes, which is our business. What the user has set stays.
    """
    ours = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    added = {name: value for name, value in ours.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


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


def _parsed(option: str) -> tuple[str, str]:
    """Return the kind of an option and its address."""
    kind, given, address = option.partition("=")
    if kind not in KINDS:
        raise InputError(
            f"--track: there is no {kind!r}.{nearest(kind, KINDS)} Use mlflow, mlflow=URI, "
            "tensorboard or tensorboard=FOLDER."
        )
    if given and not address:
        raise InputError(f"--track {option}: nothing stands behind the equals sign.")
    if find_spec(kind) is None:
        raise InputError(
            f"--track {kind}: {kind} is not installed. Install it by pip install 'cistron[track]'."
        )
    return kind, _address(address) if kind == "mlflow" else address


def _make(kind: str, address: str, run: Path) -> Tracker:
    if kind == "tensorboard":
        from cistron.tracking.tensorboard import TensorBoard

        return TensorBoard(run, Path(address) if address else None)
    from cistron.tracking.mlflow import MLflow

    return MLflow(run, address)


def _address(given: str) -> str:
    address = given or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not address:
        raise InputError(
            "--track mlflow: the environment variable MLFLOW_TRACKING_URI is not set. Set it, or "
            "say where the server is: --track mlflow=http://localhost:5000."
        )
    scheme = address.split(":")[0].split("+")[0]
    if address != "databricks" and (scheme not in SCHEMES or ":/" not in address):
        instead = f" Did you mean http://{address}?" if scheme == "localhost" else ""
        raise InputError(
            f"--track mlflow: {without_password(address)!r} is no address of a server."
            f"{instead or nearest(scheme, SCHEMES)} It is given as http://host:5000, or "
            "sqlite:////folder/mlflow.db without a server."
        )
    return address
