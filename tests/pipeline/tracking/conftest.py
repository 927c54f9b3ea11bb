"""A project to train, and stores that hold what was sent."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cistron import cli
from tests.cli.test_cli import EXPERIMENT, write_fasta
from tests.conftest import planted_texts

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before anything imports MLflow


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    texts, _ = planted_texts(240)
    write_fasta(folder / "without.fasta", texts[:120])
    write_fasta(folder / "with.fasta", texts[120:], first=120)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    searched = EXPERIMENT.replace("filters: 8", "filters: {low: 4, high: 12}")
    (folder / "search.yaml").write_text(searched)
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a store of files, which MLflow's light client can do alone."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return (tmp_path / "store").as_uri()


def command(*arguments: Any) -> int:
    """Run the command line, and return its exit code."""
    try:
        cli.app([str(one) for one in arguments], standalone_mode=False)
    except cli.InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


class Runs:
    """What a store holds, by the part of the run that it is of."""

    def __init__(self, address: str, experiment: str = "test") -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=address)
        found = self.client.get_experiment_by_name(experiment)
        runs = self.client.search_runs([found.experiment_id]) if found else []
        self.number = len(runs)
        self.of = {run.data.tags["cistron.part"]: run for run in runs}

    def history(self, part: str, name: str) -> list[tuple[int, float]]:
        found = self.client.get_metric_history(self.of[part].info.run_id, name)
        return sorted((one.step, one.value) for one in found)

    def everything(self) -> dict[tuple[str, str], list[tuple[int, float]]]:
        return {
            (part, name): self.history(part, name)
            for part, run in self.of.items()
            for name in run.data.metrics
        }
