"""Where to: `mlflow`, `mlflow=URI`, `tensorboard`, `tensorboard=FOLDER`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from cistron.base.errors import InputError, nearest
from cistron.base.secrets import without_password
from cistron.pipeline.tracking.mlflow import MLflow
from cistron.pipeline.tracking.tensorboard import TensorBoard
from cistron.pipeline.tracking.tracker import Tracker

KINDS = ("mlflow", "tensorboard")
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "file", "databricks")


def make_trackers(options: Sequence[str], run: Path) -> list[Tracker]:
    """Return the trackers that options name, each once.

    Raises
    ------
    InputError
        If an option names no tracker, has no address, or its package is not installed.
    """
    return [
        MLflow(run, place) if kind == "mlflow" else TensorBoard(run, place)
        for kind, place in dict.fromkeys(map(_parsed, options))
    ]


@contextmanager
def impatient(seconds: int) -> Iterator[None]:
    """Have MLflow's client fail soon, print nothing and report its use to nobody, in this context.

    By itself it tries again for minutes, which the follower does. What the user has set stays.
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
    return kind, _server(address) if kind == "mlflow" else address


def _server(given: str) -> str:
    """Return the address of an MLflow server."""
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
