"""A real MLflow server: stopped on the way and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from cistron.base.progress import SILENT
from cistron.experiment.file import read_experiment
from cistron.pipeline.pipeline import fit
from cistron.pipeline.tracking.follow import following
from tests.pipeline.tracking.conftest import Runs, command
from tests.pipeline.tracking.test_mlflow import Said, closed_port, same_history

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("flask") is None, reason="needs all of MLflow, not its client"),
]


@contextmanager
def server(folder: Path, port: int) -> Iterator[str]:
    """Run a server over a database in the folder until the end of the context."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    options += ["--artifacts-destination", str(folder / "artifacts")]
    begun = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urlopen(f"{address}/health", timeout=1):
                    break
            except (URLError, OSError):
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()
        while True:  # until nobody listens any more
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)


def test_folds_in_processes_reach_a_server(project, tmp_path, capsys) -> None:
    run = tmp_path / "run"
    with server(tmp_path, closed_port()) as address:
        track = ("--workers", 2, "-q", "--track", f"mlflow={address}")
        assert command("crossval", project / "experiment.yaml", "-o", run, *track) == 0
        assert command("track", run, "--to", f"mlflow={address}") == 0
        assert capsys.readouterr().out.count("New there: nothing.") == 1
        runs = Runs(address)
        assert set(runs.of) == {"", "folds/0", "folds/1", "folds/2"}
        assert runs.number == 4
        for fold in range(3):
            same_history(runs, f"folds/{fold}", run / "folds" / str(fold) / "history.csv")
        kept = {one.path for one in runs.client.list_artifacts(runs.of[""].info.run_id)}
        assert kept == {"experiment.yaml", "metrics.json", "report.html"}


def test_a_server_that_is_killed_on_the_way_gets_the_rest_later(project, tmp_path) -> None:
    run, said, port = tmp_path / "run", Said(), closed_port()
    up = server(tmp_path, port)
    address = up.__enter__()

    class Killing:
        def say(self, sentence: str) -> None:
            if sentence.startswith("Epoch 1"):
                while not Runs(address).of or not Runs(address).history("", "train_loss"):
                    time.sleep(0.2)
                up.__exit__(None, None, None)

        def bar(self, total, description):
            return SILENT.bar(total, description)

    with following(run, [f"mlflow={address}"], said, every=0.2):
        fit(read_experiment(project / "experiment.yaml"), run, reporter=Killing())
    assert f"cistron track {run} --to mlflow={address}" in said.text[-1]
    with server(tmp_path, port):
        assert command("track", run, "--to", f"mlflow={address}") == 0
        runs = Runs(address)
        assert runs.number == 1
        assert runs.of[""].info.status == "FINISHED"
        same_history(runs, "", run / "history.csv")
