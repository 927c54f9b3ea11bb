"""Trainings by two real processes (gloo, on this machine) beside the same by one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F

from cistron.base.errors import InputError
from cistron.experiment.file import read_experiment
from cistron.pipeline.pipeline import fit
from cistron.training.processes.processes import Processes
from cistron.training.processes.shared_batch_norm import SharedStatistics
from cistron.training.settings import TrainingSettings
from tests.conftest import planted_texts
from tests.places import ROOT
from tests.training.processes.trained_together import begin, outcomes, smooth

BIN = Path(sys.executable).parent
TORCHRUN = [str(BIN / "torchrun"), "--nproc-per-node", "2", "-m"]
ON_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not there")
EXPERIMENT = """\
name: together
samples:
  kind: fasta
  alphabet: protein
  classes: {without: without.fasta, with: with.fasta}
  groups: {family: "family=(f\\\\d+)"}
split: {kind: group, columns: family, folds: 2}
encoder: {kind: residues}
model: {kind: cnn, filters: 8, dropout: 0}
training: {epochs: 3, batch_size: 26, learning_rate: 3e-3, device: cpu}
evaluation: {bootstrap: 100, baselines: [majority], homology_search: false}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    texts, _ = planted_texts(240)
    for name, first in (("without", 0), ("with", 120)):
        rows = enumerate(texts[first : first + 120], first)
        text = "".join(f">p{i} family=f{i % 24}\n{one}\n" for i, one in rows)
        (folder / f"{name}.fasta").write_text(text)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    return folder


def environment() -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def pair(*command: str) -> list[subprocess.Popen[str]]:
    """Start two processes without a launcher, which would hide how each of them ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    ranks = [{"RANK": str(n), "LOCAL_RANK": str(n), "WORLD_SIZE": "2"} for n in range(2)]
    return [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**environment(), **place, **rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]


def same_run(one: Path, two: Path) -> None:
    first, second = (pd.read_csv(path / "history.csv") for path in (one, two))
    known = [name for name in first if name != "seconds"]
    np.testing.assert_allclose(first[known], second[known], atol=1e-5)
    first, second = (pd.read_parquet(path / "predictions.parquet") for path in (one, two))
    assert (first["id"] == second["id"]).all()
    assert (first["predicted"] == second["predicted"]).all()
    np.testing.assert_allclose(first["p_with"], second["p_with"], atol=1e-5)
    first, second = (json.loads((path / "metrics.json").read_text()) for path in (one, two))
    for name in ("n", "mcc", "accuracy", "roc_auc", "log_loss"):
        assert second["test"][name] == pytest.approx(first["test"][name], abs=1e-4)
    assert sorted(file.name for file in one.iterdir()) == sorted(
        file.name for file in two.iterdir()
    )


def test_every_row_of_a_batch_has_one_process():
    for count in (1, 2, 3, 8):
        for rows in (1, 2, 5, 16):
            batch = np.arange(rows)
            parts = [p for p in (Processes(r, count) for r in range(count)) if p.counts(rows)]
            assert sorted(np.concatenate([batch[p.share(rows)] for p in parts])) == batch.tolist()
            assert all(len(batch[Processes(r, count).share(rows)]) for r in range(count))


@pytest.mark.parametrize("which", ["others", pytest.param("networks", marks=pytest.mark.slow)])
def test_two_processes_train_as_one_does(which, tmp_path, monkeypatch):
    """The last batches are uneven, or leave one process without rows; one training is resumed."""
    monkeypatch.setattr(torch.optim, "AdamW", torch.optim.AdamW)
    smooth()
    begin(tmp_path)
    two = tmp_path / "two.npz"
    command = ["tests.training.processes.trained_together", which, str(tmp_path), str(two)]
    result = run(*TORCHRUN, *command)
    assert result.returncode == 0, result.stderr
    one, found = outcomes(which, tmp_path / "alone"), np.load(two)
    assert set(one) == set(found)
    for name, values in one.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-5, atol=2e-5, err_msg=name)


def test_fit_by_two_processes_is_the_run_of_one(project, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    fit(read_experiment(project / "experiment.yaml"), one)
    command = ["cistron", "fit", str(project / "experiment.yaml"), "--quiet", "--out", str(two)]
    result = run(*TORCHRUN, *command, "--json")
    assert result.returncode == 0, result.stderr
    json.loads(result.stdout)  # said once
    same_run(one, two)
    assert json.loads((two / "environment.json").read_text())["processes"] == 2
    assert json.loads((one / "environment.json").read_text())["processes"] == 1


def test_a_mistake_is_said_once_and_ends_all(project, tmp_path):
    out = str(tmp_path / "run")
    experiment = str(project / "experiment.yaml")
    started = pair("cistron", "fit", experiment, "-o", out, "--set", "training.epocs=2")
    main, other = started
    try:
        said = main.communicate(timeout=200)
        assert main.returncode == 2
        assert "Did you mean 'epochs'?" in said[1]
        began = time.monotonic()
        other_said = other.communicate(timeout=60)
        assert other.returncode == 2
        assert time.monotonic() - began < 30
        assert other_said == ("", "")
    finally:
        for process in started:
            process.kill()


@pytest.fixture
def alone_in_a_group(tmp_path):
    store = dist.FileStore(str(tmp_path / "store"), 1)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("shape", [(7, 5), (3, 5, 4), (3, 5, 4, 2)])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=ON_CUDA)])
def test_shared_statistics_are_those_of_batch_norm(alone_in_a_group, shape, device):
    results = []
    for shared in (False, True):
        torch.manual_seed(0)
        x = (3 + torch.randn(shape, device=device)).requires_grad_()
        weight, bias = (torch.randn(5, device=device, requires_grad=True) for _ in range(2))
        mean, variance = torch.zeros(5, device=device), torch.ones(5, device=device)
        if shared:
            with SharedStatistics(shape[0], counts=True):
                y = F.batch_norm(x, mean, variance, weight, bias, True, 0.3)
        else:
            y = F.batch_norm(x, mean, variance, weight, bias, True, 0.3)
        y.square().mul(torch.randn(shape, device=device)).sum().backward()
        results.append([y.detach(), mean, variance, x.grad, weight.grad, bias.grad])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_devices_and_precisions_that_are_not_the_launchers_are_refused():
    two = Processes(0, 2, torch.device("cpu"), "bf16")
    with pytest.raises(
        InputError, match=r"training\.device: 'cuda:1' cannot be had by 2 processes"
    ):
        two.require(TrainingSettings(device="cuda:1"))
    with pytest.raises(InputError, match=r"training\.precision is 'fp32', and .*'bf16'"):
        two.require(TrainingSettings(precision="fp32"))
    two.require(TrainingSettings(precision="bf16"))
    Processes().require(TrainingSettings(device="cuda:1"))


@pytest.mark.slow
def test_crossval_shares_the_training_of_each_fold(project, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    crossval = ["cistron", "crossval", str(project / "experiment.yaml"), "--quiet", "--out"]
    assert run(sys.executable, "-m", *crossval, str(one)).returncode == 0
    assert run(*TORCHRUN, *crossval, str(two)).returncode == 0
    same_run(one, two)
    result = run(*TORCHRUN, *crossval, str(tmp_path / "three"), "--workers", "2")
    assert result.returncode != 0
    assert result.stderr.count("cannot be run by 2 processes that train one network together") == 1
    assert not (tmp_path / "three").exists()


@pytest.mark.slow
def test_a_killed_process_ends_all_and_is_resumed(project, tmp_path):
    """What was killed is resumed, and is then the run that nobody killed."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    more = [f"--set=training.{key}=20" for key in ("epochs", "patience")]
    command = ["cistron", "fit", str(project / "experiment.yaml"), *more]
    result = run(*TORCHRUN, *command, "-q", "-o", str(whole))
    assert result.returncode == 0, result.stderr
    started = pair(*command, "-o", str(broken))
    main, other = started
    try:
        deadline = time.monotonic() + 200
        while not (broken / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        other.kill()
        other.communicate()
        _, said = main.communicate(timeout=60)
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert main.returncode == 2
    assert said.count("Another process of this training has ended") == 1
    assert "Traceback" not in said
    assert not (broken / "metrics.json").exists()
    assert run(*TORCHRUN, *command, "-o", str(broken), "--resume").returncode == 0
    same_run(whole, broken)
    assert len(pd.read_csv(broken / "history.csv")) == 20


@pytest.mark.slow
def test_what_has_no_network_says_that_the_others_were_idle(project, tmp_path):
    more = ["--set", "model={kind: logistic_regression}", "--set", "encoder={kind: kmers, k: 2}"]
    command = [
        "cistron",
        "fit",
        str(project / "experiment.yaml"),
        *more,
        "-o",
        str(tmp_path / "run"),
    ]
    result = run(*TORCHRUN, *command)
    assert result.returncode == 0
    assert result.stderr.count("1 of 2 processes had nothing to do") == 1
    written = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert written["processes"] == 1


@pytest.mark.slow
def test_a_search_is_refused(project, tmp_path):
    text = EXPERIMENT.replace("learning_rate: 3e-3", "learning_rate: {low: 1e-4, high: 1e-2}")
    (project / "search.yaml").write_text(text)
    search = str(project / "search.yaml")
    result = run(*TORCHRUN, "cistron", "tune", search, "-o", str(tmp_path / "s"), "-q")
    assert result.returncode != 0
    assert result.stderr.count("A search cannot be run by 2 processes") == 1
    assert not (tmp_path / "s").exists()
