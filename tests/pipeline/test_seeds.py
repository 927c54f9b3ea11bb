"""A fit repeated over seeds: each is the fit of that seed, and all of them are one classifier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cistron
from cistron.base.errors import InputError
from cistron.experiment.experiment import Experiment
from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import crossval, fit
from cistron.report.page import render
from cistron.targets.calibration import fit_temperature
from tests.cli.test_cli import EXPERIMENT, command, write_fasta
from tests.conftest import planted_texts
from tests.targets import test_multilabel, test_numbers, test_second

FAST = ["--set", "training.epochs=2", "--set", "evaluation.baselines=[majority]", "-q"]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    texts, _ = planted_texts(240)
    write_fasta(folder / "without.fasta", texts[:120])
    write_fasta(folder / "with.fasta", texts[120:], first=120)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    return folder


@pytest.fixture(scope="module")
def run(project) -> Path:
    words = ["fit", str(project / "experiment.yaml"), "-o", str(project / "run"), *FAST]
    assert command(*words, "--seeds", "3", "--seed", "4") == 0
    return project / "run"


def test_each_is_the_fit_of_its_seed_on_the_same_split(run, project, tmp_path):
    for seed in (4, 5, 6):
        alone = tmp_path / str(seed)
        words = ["fit", str(project / "experiment.yaml"), "-o", str(alone), *FAST]
        more = ["--set", f"training.seed={seed}", "--set", "split.seed=4"]
        assert command(*words, *more) == 0
        own = run / "repeats" / str(seed)
        assert (own / "metrics.json").read_bytes() == (alone / "metrics.json").read_bytes()
        tables = [pd.read_parquet(path / "predictions.parquet") for path in (own, alone)]
        pd.testing.assert_frame_equal(*tables, check_exact=True)
        assert command("report", str(own)) == 0
    assert command("compare", str(run / "repeats" / "4"), str(run), "--json") == 0


def test_the_run_is_all_of_them_together(run, project):
    ensemble = cistron.load(run)
    members = [cistron.load(run / "repeats" / seed) for seed in "456"]
    assert len({one.temperature_ for one in members}) == 3
    predictions = pd.read_parquet(run / "predictions.parquet").set_index("id")
    samples = cistron.read_fasta(
        {name: project / f"{name}.fasta" for name in ("without", "with")}, alphabet="protein"
    )
    held = samples.take(pd.Index(samples.ids).get_indexer(predictions.index))
    logits = np.mean([one.logits(held) / one.temperature_ for one in members], axis=0)
    inside = (predictions["part"] == "validation").to_numpy()
    temperature = fit_temperature(logits[inside], held.targets[inside])
    assert ensemble.temperature_ == pytest.approx(temperature, rel=1e-3)
    odds = (logits[:, 1] - logits[:, 0]) / ensemble.temperature_
    np.testing.assert_allclose(predictions["p_with"], 1 / (1 + np.exp(-odds)), rtol=1e-4)
    assert predictions["spread"].between(0, 1).all()
    tested = predictions[predictions["part"] == "test"]
    metrics = json.loads((run / "metrics.json").read_text())
    right = (tested["predicted"] == tested["label"]).mean()
    assert metrics["test"]["accuracy"]["value"] == pytest.approx(right)
    own = [json.loads((run / f"repeats/{s}/metrics.json").read_text())["test"] for s in "456"]
    assert [one["seed"] for one in metrics["repeats"]] == [4, 5, 6]
    values = [one["roc_auc"]["value"] for one in own]
    assert [one["roc_auc"]["value"] for one in metrics["repeats"]] == values
    assert metrics["spread"]["roc_auc"]["mean"] == pytest.approx(np.mean(values))
    assert metrics["spread"]["roc_auc"]["sd"] == pytest.approx(np.std(values, ddof=1))


def test_the_report_tells_seeds_from_samples(run):
    page = render(run)
    assert "3 seeds together" in page
    assert "trained 3 times on the same split" in page
    assert "All together" in page
    assert "cross-validation was repeated" not in page
    assert json.loads((run / "environment.json").read_text())["seeds"] == [4, 5, 6]
    described = (run / "metadata.jsonld").read_text()
    assert "3 classifiers of as many seeds" in described
    assert "model/members/2/weights.safetensors" in described


def test_a_killed_one_resumes_to_the_same_and_so_do_two_workers(run, project, tmp_path):
    broken, words = tmp_path / "broken", ["--seeds", "3", "--seed", "4", "--workers", "2"]
    start = [sys.executable, "-m", "cistron.cli", "fit", str(project / "experiment.yaml"), *FAST]
    threads = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.Popen([*start, *words, "-o", str(broken)], env=threads)
    deadline = time.time() + 120  # of a busy machine
    while not list(broken.glob("repeats/*/predictions.parquet")) and time.time() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (broken / "metrics.json").exists()
    subprocess.run([*start, *words, "-o", str(broken), "--resume"], check=True, env=threads)
    assert (broken / "metrics.json").read_bytes() == (run / "metrics.json").read_bytes()
    pd.testing.assert_frame_equal(
        pd.read_parquet(broken / "predictions.parquet"),
        pd.read_parquet(run / "predictions.parquet"),
    )


def several(folder: Path) -> dict:
    return test_multilabel.document(folder, test_multilabel.planted(120))


def number(folder: Path) -> dict:
    path = test_numbers.write(test_numbers.planted(120), folder / "samples.csv")
    return test_numbers.document(path, model={"kind": "bagging", "trees": 5})


def second(folder: Path) -> dict:
    (folder / "proteins.fasta").write_text(test_second.planted(160))
    return test_second.document(folder / "proteins.fasta")


@pytest.mark.parametrize("made", [several, number, second])
def test_whatever_is_asked_for_is_answered_by_all_seeds(made, tmp_path):
    keys = {"bootstrap": 100, "baselines": ["majority"], "homology_search": False, "repeats": 2}
    experiment: Experiment = make_experiment({**made(tmp_path), "evaluation": keys})
    out = fit(experiment, tmp_path / "run")
    metrics, classifier = out.metrics, cistron.load(out.path)
    assert len(metrics["repeats"]) == 2
    assert set(metrics["spread"]) <= set(metrics["test"])
    if made is several:
        thresholds = [one.head.thresholds for one in (classifier, *classifier.members)]
        assert metrics["thresholds"] == classifier.head.named_thresholds
        assert thresholds[0] != tuple(np.mean(thresholds[1:], axis=0))  # chosen anew
    if made is second:
        own = json.loads((out.path / "repeats/1/metrics.json").read_text())
        assert metrics["second"]["test"]["n"] == own["second"]["test"]["n"]
    if made is number:
        assert metrics["spread"]["r2"]["sd"] > 0
    with pytest.raises(InputError, match="Run one crossval for each seed"):
        crossval(experiment, tmp_path / "folds")
