"""A run whose held-out genes count only where a list has them."""

from __future__ import annotations

import pandas as pd
import pytest

from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import crossval, fit
from tests.samples.genome.genes_made import plant


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genes")
    paths = plant(folder, each=24)
    # Versions as another file writes them; a third of the genes is missing.
    names = [f"AT{c}G{k:05d}.2" for c in range(1, 6) for k in range(24) if k % 3]
    (folder / "validation_genes.txt").write_text("\n".join(names) + "\n")
    return {**paths, "list": folder / "validation_genes.txt"}


def experiment(paths, **split):
    samples = {
        "kind": "genome",
        "genome": paths["genome.fa"],
        "annotation": paths["genes.gtf"],
        "numbers": {"table": paths["tpm.csv"], "columns": "leaf_1"},
        "regions": "deepdife",
        "label": {"kind": "percentiles", "low": 50, "high": 50},
    }
    document = {
        "name": "listed",
        "samples": samples,
        "split": {"kind": "chromosome", "only_test": paths["list"], **split},
        "encoder": {"kind": "kmers", "k": 2},
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100},
    }
    return make_experiment(document)


def in_list(ids) -> pd.Series:
    return pd.Series(ids).str[-5:].astype(int) % 3 > 0


def test_a_cross_validation_scores_listed_genes_alone(paths, tmp_path):
    run = crossval(experiment(paths), tmp_path / "run")
    assert in_list(run.predictions["id"]).all()
    assert run.metrics["test"]["n"] == len(run.predictions) == 5 * 16
    assert {scores["n"] for scores in run.metrics["baselines"].values()} == {80}
    told = run.audit["split"]["details"]["only_test"]
    assert (told["listed"], told["no_sample"], told["not_listed"]) == (80, 0, 40)


def test_a_fit_scores_listed_genes_alone(paths, tmp_path):
    run = fit(experiment(paths, test="1", validation="2"), tmp_path / "run")
    assert in_list(run.predictions["id"]).all()
    assert run.metrics["test"]["n"] == run.metrics["validation"]["n"] == 16
    samples = run.samples[run.samples["dropped"] == ""]
    parts = samples.groupby("chromosome")["part"].value_counts()
    assert parts.to_dict() == {
        ("1", "test"): 16,
        ("1", ""): 8,
        ("2", "validation"): 16,
        ("2", ""): 8,
        **{(name, "train"): 24 for name in "345"},
    }
    assert "8 test and 8 validation samples are left out" in run.audit["split"]["reason"]
