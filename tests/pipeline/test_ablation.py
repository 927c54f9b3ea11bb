"""Regions hidden from a trained classifier: what it reads is found again."""

from __future__ import annotations

import json
import shutil
from html import unescape

import numpy as np
import pandas as pd
import pytest

from cistron.experiment.file import make_experiment
from cistron.pipeline.ablation import hide, regions_of
from cistron.pipeline.pipeline import crossval, fit
from tests.samples.genome.genes_made import plant

REGIONS = [
    {"name": "promoter", "anchor": "tss", "upstream": 100},
    {"spacer": 5},
    {"name": "gene_body_3", "anchor": "tts", "upstream": 70},
    {"name": "terminator", "anchor": "tts", "downstream": 60},
]
COLUMNS = {"promoter": (0, 100), "gene_body_3": (105, 175), "terminator": (175, 235)}


def made(folder, **samples):
    document = {
        "name": "plant",
        "samples": {
            "kind": "genome",
            "genome": str(folder / "genome.fa"),
            "annotation": str(folder / "genes.gtf"),
            "numbers": {"table": str(folder / "tpm.csv"), "columns": ["leaf_*"]},
            "regions": REGIONS,
            **samples,
        },
        "split": {"kind": "chromosome"},
        "encoder": {"kind": "kmers", "k": [2, 4]},
        "model": {"kind": "logistic_regression", "c": "auto"},
        "evaluation": {"bootstrap": 100, "homology_search": False, "baselines": ["majority"]},
    }
    return make_experiment(document, source="made")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of a plant: a motif in the promoter, within 80 bases, makes the expression."""
    folder = tmp_path_factory.mktemp("plant")
    plant(folder, each=70, chromosomes=4)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return crossval(made(folder), folder / "run")


def test_regions_that_are_shown(folder):
    assert regions_of(made(folder)) == COLUMNS
    hidden = regions_of(made(folder, ablate="terminator"))
    assert hidden == {"promoter": (0, 100), "gene_body_3": (105, 175)}
    assert regions_of(made(folder, regions=REGIONS[:1])) == {}


def test_hiding_is_what_the_samples_source_hides(folder):
    samples = made(folder).samples.read()
    for name, (begin, end) in COLUMNS.items():
        before = np.array(samples.payload.values)
        expected = made(folder, ablate=name).samples.read()
        np.testing.assert_array_equal(
            hide(samples, begin, end).payload.values, expected.payload.values
        )
        np.testing.assert_array_equal(samples.payload.values, before)


def test_the_region_that_decides_is_found(run):
    test = run.metrics["test"]
    lost = {entry["region"]: entry["differences"]["roc_auc"] for entry in test["ablation"]}
    assert list(lost) == list(COLUMNS)
    assert lost["promoter"]["low"] > 0.2
    assert abs(lost["terminator"]["value"]) < 0.1
    for entry in test["ablation"]:
        assert entry["columns"] == list(COLUMNS[entry["region"]])
        for metric, difference in entry["differences"].items():
            expected = test[metric]["value"] - entry[metric]["value"]
            assert difference["value"] == pytest.approx(expected)
            assert difference["low"] <= difference["high"]


def test_folds_are_joined_and_the_page_shows_them(run):
    table = pd.read_parquet(run.path / "ablation.parquet")
    tested = run.predictions
    assert table.groupby("region").size().eq(len(tested)).all()
    assert set(table["id"]) == set(tested["id"])
    page = unescape((run.path / "report.html").read_text(encoding="utf-8"))
    assert "Scores without a region" in page
    assert "3\N{PRIME} gene body" in page


def test_a_single_fit_has_it_too_and_one_region_has_none(folder, tmp_path):
    found = fit(made(folder), tmp_path / "several").metrics["test"]["ablation"]
    assert [entry["region"] for entry in found] == list(COLUMNS)
    alone = fit(made(folder, regions=REGIONS[:1]), tmp_path / "one")
    assert "ablation" not in alone.metrics["test"]
    assert not (alone.path / "ablation.parquet").exists()
    assert "Scores without a region" not in (alone.path / "report.html").read_text("utf-8")


def test_a_run_begun_without_it_is_finished_without_it(run, folder, tmp_path):
    other = shutil.copytree(run.path, tmp_path / "run")
    (other / "folds" / "1" / "ablation.parquet").unlink()
    (other / "metrics.json").unlink()
    again = crossval(made(folder), other, resume=True)
    assert "ablation" not in again.metrics["test"]
    same = json.loads((again.path / "metrics.json").read_text())["test"]["roc_auc"]
    assert same == run.metrics["test"]["roc_auc"]
