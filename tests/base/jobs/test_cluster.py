"""The same jobs on a Ray cluster: two nodes on one machine, of which workers and one are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cistron import cli
from cistron.base.errors import InputError
from cistron.base.jobs import cluster as module
from cistron.base.jobs.cluster import join
from cistron.base.jobs.nodes import cpus_each
from tests.places import ROOT
from tests.samples.genome.genes_made import plant

UNLIMITED = 1 << 30
HOLD = """
import sys, time
from pathlib import Path
from cistron.base.jobs import cluster
cluster.WATCH = 0.02
claim = Path(sys.argv[1])
with cluster._held(claim, 1):
    claim.with_suffix(".begun").touch()
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("nodes", "workers", "cpus"),
    [
        ([4, 4], None, 1),
        ([4, 4], 8, 1),
        ([4, 4], 3, 2),  # two on one node, and one on the other
        ([4, 4], 2, 4),
        ([4, 4], 1, 4),  # no job spans two nodes
        ([4, 4], 99, 1),
        ([16, 2], 5, 3),
    ],
)
def test_jobs_share_the_cpus(monkeypatch, nodes, workers, cpus) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert cpus_each([(n, UNLIMITED) for n in nodes], workers) == cpus
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert cpus_each([(n, UNLIMITED) for n in nodes], workers) == min(cpus, 2)


def test_jobs_that_ask_for_a_gpu_share_the_cpus_beside_it(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert cpus_each([(16, 4), (8, 1)], None) == 4
    assert cpus_each([(16, 4), (8, 1)], 2) == 8


def test_without_an_address_there_is_no_cluster(tmp_path: Path) -> None:
    assert join(None, tmp_path) is None


def test_a_cluster_chooses_its_gpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be asked for 'cuda:1'"):
        join("auto", tmp_path, "cuda:1")


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    path = experiment(tmp_path)
    for command in (["crossval"], ["tune", "--set", "model.c={low: 1e-3, high: 1, log: true}"]):
        out = tmp_path / command[0]
        arguments = [*command, str(path), "--out", str(out), "--cluster", "auto"]
        monkeypatch.setattr(sys, "argv", ["cistron", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        assert "pip install 'cistron[cluster]'" in capsys.readouterr().err
        assert not out.exists()


@pytest.mark.parametrize("end", [Path.unlink, lambda claim: claim.write_text("2")])
def test_a_job_that_is_anothers_by_now_is_ended(tmp_path: Path, end: Callable[..., Any]) -> None:
    claim = tmp_path / "1.claim"
    claim.write_text("1")
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(claim)], env=environment())
    until(lambda: claim.with_suffix(".begun").exists())
    assert process.poll() is None
    end(claim)
    assert process.wait(30) == 1


def experiment(folder: Path, **sections: Any) -> Path:
    plant(folder, each=60)
    document = {
        "name": "plant",
        "samples": {
            "kind": "genome",
            "genome": "genome.fa",
            "annotation": "genes.gtf",
            "numbers": {"table": "tpm.csv", "columns": ["leaf_*"]},
            "regions": "deepdife",
        },
        "split": {"kind": "chromosome"},
        "encoder": {"kind": "kmers", "k": 3},
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100, "homology_search": False},
        **sections,
    }
    path = folder / "plant.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def environment() -> dict[str, str]:
    paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    more = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(paths)}


def until(reached: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return found


class Said(NamedTuple):
    stdout: str
    stderr: str


def begin(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cistron.cli", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment(), text=True, **pipes)


def finish(process: subprocess.Popen[str], code: int = 0) -> Said:
    said = Said(*process.communicate(timeout=300))
    assert process.returncode == code, said.stderr
    return said


def children(parent: int, title: str) -> list[int]:
    """Return the processes that a raylet has started, whose title begins like this."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            of = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if of == parent and (entry / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


class Two:
    """A cluster of two nodes with one CPU each, on this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        common = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
        first = {**common, "node_name": "first"}
        self.cluster = Cluster(initialize_head=True, head_node_args=first)
        del common["include_dashboard"]
        self.second = self.cluster.add_node(node_name="second", **common)
        self.address = self.cluster.address

    def raylet(self, which: str) -> int:
        node = self.second if which == "second" else self.cluster.head_node
        return node.all_processes["raylet"][0].process.pid


@pytest.fixture
def two(monkeypatch) -> Iterator[Two]:
    pytest.importorskip("ray")
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    found = Two()
    yield found
    found.cluster.shutdown()


@pytest.fixture(scope="module")
def slow_folds(tmp_path_factory) -> tuple[Path, bytes]:
    """An experiment whose folds take seconds, and the metrics of all of them made here."""
    folder = tmp_path_factory.mktemp("plant")
    path = experiment(
        folder,
        encoder={"kind": "one_hot"},
        model={"kind": "cnn", "filters": 16},
        training={"epochs": 30, "patience": 30, "batch_size": 16},
    )
    finish(begin("crossval", path, "--out", folder / "local", "--workers", 2))
    return path, (folder / "local" / "metrics.json").read_bytes()


def training(run: Path) -> list[Path]:
    """Return the folds that are in the middle of their training."""
    rows = {file.parent: file.read_text().count("\n") for file in run.glob("folds/*/history.csv")}
    return [fold for fold, n in rows.items() if 3 < n < 25]


def undisturbed(run: Path, metrics: bytes) -> str:
    assert (run / "metrics.json").read_bytes() == metrics
    assert not list(run.glob(f"{module.PLACE}*"))
    return (run / "log.txt").read_text()


@pytest.mark.slow
def test_leaving_out_chromosomes_on_two_nodes(two, slow_folds, tmp_path) -> None:
    path, metrics = slow_folds
    run = tmp_path / "run"
    said = finish(begin("crossval", path, "--out", run, "--cluster", two.address))
    assert len(said.stderr.splitlines()) < 25, "Ray chatters"
    log = undisturbed(run, metrics)
    assert all(f"Fold {k} is finished on " in log for k in range(5))
    assert "is finished on first" in log
    assert "is finished on second" in log


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["worker", "node"])
def test_what_is_lost_midway_changes_nothing(two, slow_folds, tmp_path, lost) -> None:
    path, metrics = slow_folds
    run = tmp_path / "run"
    process = begin("crossval", path, "--out", run, "--cluster", two.address, "--json")
    until(lambda: len(training(run)) == 2)
    raylet = two.raylet("second")
    (worker,) = children(raylet, "ray::Fold")
    if lost == "node":  # of which nothing is left, as of a machine that is switched off
        os.kill(raylet, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    json.loads(finish(process).stdout)
    log = undisturbed(run, metrics)
    assert " was lost while it did Fold" in log
    assert lost == "worker" or "is finished on second" not in log.split(" was lost ")[1]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_command_and_it_goes_on(two, slow_folds, tmp_path, how) -> None:
    path, metrics = slow_folds
    run = tmp_path / "run"
    arguments = ["crossval", path, "--out", run, "--cluster", two.address]
    process = begin(*arguments)
    until(lambda: len(training(run)) == 2)
    workers = [*children(two.raylet("first"), "ray::Fold")]
    workers += children(two.raylet("second"), "ray::Fold")
    assert len(workers) == 2
    process.send_signal(how)
    said = finish(process, 130 if how == signal.SIGINT else -9)
    assert how == signal.SIGKILL or "continue with --resume" in said.stderr
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 20)
    finish(begin(*arguments, "--resume"))
    undisturbed(run, metrics)


@pytest.mark.slow
def test_trials_on_two_nodes(two, tmp_path) -> None:
    changes = ["--set", "model.c={low: 1e-3, high: 1, log: true}", "--sampler", "random"]
    path = experiment(tmp_path)
    run = tmp_path / "run"
    arguments = ["tune", path, "--out", run, "--trials", 6, *changes]
    finish(begin(*arguments, "--cluster", two.address))
    rows = (run / "trials.csv").read_text().splitlines()
    assert len(rows) == 7
    assert sum(",complete," in row for row in rows) == 6


@pytest.mark.slow
def test_an_address_where_nothing_answers(tmp_path, monkeypatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(module, "CONNECTING", 6)
    with pytest.raises(InputError, match="cannot be reached within 6 seconds"):
        join("127.0.0.1:1", tmp_path)
    with pytest.raises(InputError, match="cannot be reached: Invalid address format: nonsense"):
        join("nonsense", tmp_path)
