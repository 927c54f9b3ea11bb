"""A cross-validation that is killed in the middle of a training scores as one that is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from cistron.samples.alphabet import PROTEIN

pytestmark = pytest.mark.slow
FOLDS = 3
EXPERIMENT = {
    "name": "killed",
    "samples": {"kind": "fasta", "path": "proteins.fasta", "label": r"\|(\w+)$"},
    "split": {"kind": "random", "folds": FOLDS, "validation": 0.2},
    "encoder": {"kind": "residues", "max_length": 80},
    "model": {"kind": "cnn", "filters": 16, "dropout": 0.3},
    "training": {"epochs": 15, "patience": 15, "batch_size": 16, "device": "cpu"},
    "evaluation": {"homology_search": False, "bootstrap": 100},
}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    rng = np.random.default_rng(5)
    letters = np.array(list(PROTEIN.letters[:20]))
    records = []
    for number in range(160):
        label = ("no", "yes")[number % 2]
        sequence = "".join(letters[rng.integers(0, 20, 80)])
        if label == "yes" and rng.random() < 0.8:
            start = int(rng.integers(0, 70))
            sequence = f"{sequence[:start]}WCHWC{sequence[start + 5 :]}"
        records.append(f">p{number}|{label}\n{sequence}\n")
    (folder / "proteins.fasta").write_text("".join(records))
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT))
    return path


def begin(experiment: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cistron.cli", "crossval", str(experiment), "-o", str(out)]
    return subprocess.Popen(
        [*command, "--workers", "2", *more],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )


def end(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=1500)
    assert process.returncode == 0, said


@pytest.fixture(scope="module")
def whole(experiment: Path) -> Path:
    out = experiment.parent / "whole"
    end(begin(experiment, out))
    return out


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300  # of a busy machine
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def finished(out: Path) -> int:
    return len(list(out.glob("folds/*/predictions.parquet")))


def in_training(out: Path) -> int:
    return len(list(out.glob("folds/*/checkpoint.safetensors")))


def workers(parent: int) -> list[int]:
    """Return the processes that a process trains in."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            above = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            called = folder.joinpath("cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if above == parent and "popen_loky_posix" in called:
            found.append(int(folder.name))
    return found


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def same(out: Path, whole: Path) -> None:
    for fold in range(FOLDS):
        for name in ("predictions.parquet", "model/weights.safetensors"):
            ours, theirs = (p / "folds" / str(fold) / name for p in (out, whole))
            assert ours.read_bytes() == theirs.read_bytes()
    assert (out / "metrics.json").read_bytes() == (whole / "metrics.json").read_bytes()


@pytest.mark.parametrize("last", [FOLDS - 2, FOLDS - 1])
def test_killed_with_all_its_workers_and_resumed(experiment: Path, whole: Path, last: int) -> None:
    out = experiment.parent / f"killed_{last}"
    process = begin(experiment, out)
    # The first two train, or the last one when another is finished.
    until((out / "folds" / str(last) / "checkpoint.safetensors").exists)
    mine = workers(process.pid)
    assert len(mine) == 2
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: all(map(gone, mine)))  # they end by themselves
    assert (finished(out) > 0) == (last == FOLDS - 1)
    assert finished(out) < FOLDS
    assert in_training(out) >= 1
    end(begin(experiment, out, "--resume"))
    assert not in_training(out)
    same(out, whole)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers in /proc")
def test_a_worker_that_is_killed_is_replaced(experiment: Path, whole: Path) -> None:
    out = experiment.parent / "worker"
    process = begin(experiment, out)
    until(lambda: in_training(out) == 2)
    os.kill(workers(process.pid)[0], signal.SIGKILL)
    end(process)
    assert "A worker was lost" in (out / "log.txt").read_text()
    same(out, whole)
