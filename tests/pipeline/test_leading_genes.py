"""Genes of a run of cells: planted ones lead, are stable, and stand in the report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cistron
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.experiment.file import make_experiment
from cistron.explain.genes import gene_effects, network_effects, stability
from cistron.pipeline.leading_genes import expression, read_effects
from cistron.pipeline.pipeline import crossval, fit
from cistron.report.page import render
from cistron.samples.samples import make_samples
from tests.cells_planted import MARKERS, planted, write_h5ad
from tests.places import REAL_DATA

ENCODER = {"kind": "expression", "genes": {"kind": "all"}}
ACTIVE = [f"GENE{k}" for k in range(MARKERS, 2 * MARKERS)]
RESTING = [f"GENE{k}" for k in range(MARKERS)]


def document(path: Path, **sections) -> dict:
    made = {
        "name": "cells",
        "samples": {
            "kind": "cells",
            "path": str(path),
            "label": {"column": "label", "classes": {"resting": ["resting"], "active": ["active"]}},
            "groups": ["donor"],
        },
        "split": {"kind": "group", "columns": "donor", "folds": "each"},
        "encoder": ENCODER,
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100},
    }
    return {**made, **sections}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("genes")
    write_h5ad(planted(40, 4), where / "cells.h5ad")
    return where


@pytest.fixture(scope="module")
def folds(folder) -> Path:
    return crossval(make_experiment(document(folder / "cells.h5ad")), folder / "folds").path


def genes_of(run: Path) -> dict:
    return json.loads((run / "genes.json").read_text())


def test_planted_genes_lead_in_every_fold(folds):
    found = genes_of(folds)
    assert (found["method"], found["folds"], found["read"]) == ("coefficients", 4, 150)
    for name, own, other in (("active", ACTIVE, RESTING), ("resting", RESTING, ACTIVE)):
        rows = found["classes"][name]["genes"]
        assert len(rows) == 20
        stable = [row for row in rows if row["stability"] == 1]
        right = [row for row in stable if row["gene"] in own + other]
        assert len(right) >= 15
        assert all(row["direction"] == ("up" if row["gene"] in own else "down") for row in right)
        assert all((row["effect"] > 0) == (row["direction"] == "up") for row in rows)
        assert [row["stability"] for row in rows] == sorted(
            (row["stability"] for row in rows), reverse=True
        )


def test_the_table_has_the_effects_of_every_fold(folds):
    effects = read_effects(pd.read_parquet(folds / "genes.parquet"), ["resting", "active"])
    for k, found in enumerate(effects):
        own = gene_effects(cistron.load(folds / "folds" / str(k) / "model"))
        pd.testing.assert_frame_equal(found.loc[own.index, list(own.columns)], own)
    table = stability(effects, 20).set_index(["class", "gene"])
    for row in genes_of(folds)["classes"]["active"]["genes"]:
        assert table.loc[("active", row["gene"]), "share"] == row["stability"]


def test_expression_is_that_of_the_counts(folds, folder):
    samples = cistron.read_cells(folder / "cells.h5ad", "label", groups=["donor"])
    found = genes_of(folds)["expression"]
    values = samples.payload.read().toarray()
    labels = samples.table["label"].to_numpy()
    target = cistron.load(folds / "folds" / "0" / "model").encoder_.target
    logs = np.log1p(values / values.sum(axis=1, keepdims=True) * target)
    assert found["cells"] == {name: int((labels == name).sum()) for name in ("resting", "active")}
    for gene, numbers in found["genes"].items():
        column = samples.payload.genes.tolist().index(gene)
        for name in ("resting", "active"):
            inside = labels == name
            assert numbers["share"][name] == pytest.approx((values[inside, column] > 0).mean())
            assert numbers["mean"][name] == pytest.approx(logs[inside, column].mean(), rel=1e-4)


def test_a_missing_number_is_no_expression():
    samples = planted(10, 2)
    clf = cistron.Classifier(ENCODER, "nearest_centroid").fit(samples)
    values = samples.payload.read().copy()
    values.data[values.indices == 3] = np.nan
    lost = make_samples(
        Counts.of(values, samples.payload.genes),
        labels=samples.table["label"].tolist(),
        classes=samples.classes,
    )
    found = expression(lost, ["GENE3"], clf.encoder_)["genes"]["GENE3"]
    assert found["share"] == {"resting": 0.0, "active": 0.0}
    assert found["mean"] == {"resting": 0.0, "active": 0.0}


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def test_the_report_shows_genes_groups_and_composition(folds):
    page = (folds / "report.html").read_text()
    assert page == render(folds)
    genes = section(page, "genes")
    rows = genes_of(folds)["classes"]["active"]["genes"]
    for row in rows:
        assert f"{row['gene']} {row['direction']}" in genes
    assert "Stability" in genes
    assert "Technical genes" in genes
    assert "160 held-out" not in genes  # all four donors are held out, once each
    assert "320 held-out cells" in genes
    composition = section(page, "composition")
    tested = pd.read_parquet(folds / "predictions.parquet")
    samples = pd.read_parquet(folds / "samples.parquet").set_index("id")
    donor = samples.loc[tested["id"], "donor"].to_numpy()
    for name in sorted(set(donor)):
        share = (tested["predicted"][donor == name] == "active").mean()
        assert f"{name} {100 * share:.1f}" in composition
    assert composition.count("<figure>") == 1  # of two classes the positive one
    groups = section(page, "groups")
    for name in sorted(set(donor)):
        accuracy = (tested["predicted"] == tested["label"])[donor == name].mean()
        assert f"{name} {accuracy:.2f}" in groups


def test_a_cross_validation_of_cells_is_drawn_too(folds):
    table = pd.read_parquet(folds / "projection.parquet")
    assert len(table) == 320
    drawn = section((folds / "report.html").read_text(), "projection")
    for what in ("class", "prediction", "rejection", "donor"):
        assert f"coloured by {what}: " in drawn
    predicted = pd.read_parquet(folds / "predictions.parquet")["predicted"].value_counts()
    assert f"by prediction: resting {predicted['resting']}, active {predicted['active']}" in drawn


NETWORK = {
    "model": {"kind": "mlp"},
    "training": {"epochs": 8, "learning_rate": 3e-3},
    "split": {"kind": "group", "columns": "donor", "test": 0.25, "validate_on": "samples"},
}
NETWORK["split"]["folds"] = 2


@pytest.fixture(scope="module")
def network(folder) -> Path:
    return fit(make_experiment(document(folder / "cells.h5ad", **NETWORK)), folder / "mlp").path


def test_a_network_names_planted_genes_by_its_gradients(network):
    found = genes_of(network)
    assert found["method"] == "gradients"
    rows = found["classes"]["active"]["genes"]
    right = [row for row in rows if row["gene"] in ACTIVE + RESTING]
    assert len(right) >= 14
    assert all(row["direction"] == ("up" if row["gene"] in ACTIVE else "down") for row in right)
    assert {row["stability"] for row in rows} == {None}
    page = (network / "report.html").read_text()
    assert "gradient" in section(page, "genes")
    assert "Stability" not in section(page, "genes")
    drawn = section(page, "projection")
    assert "grey: cells that were trained on" in drawn
    assert "coloured by part: " in drawn


@pytest.mark.parametrize("components", [None, 8])
def test_gradients_are_what_logits_change_by(components):
    samples = planted(20, 3)
    encoder = {**ENCODER, "scale": {"kind": "z_score", "clip": None}, "components": components}
    clf = cistron.Classifier(encoder, "mlp", {"epochs": 4}, calibration="none").fit(samples)
    found = network_effects(clf, samples)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-9)
    encoded = clf.encoder_.encode(samples)
    dense = encoded[np.arange(len(samples))] if components is None else encoded
    step = 1e-3
    for gene in (3, 15):
        direction = np.zeros(150)
        direction[gene] = step  # a standard deviation is one unit of a z-score
        if components is not None:
            direction = clf.encoder_.components.loadings @ direction
        up, down = (
            clf.outputs_of((dense + sign * direction).astype(np.float32)) for sign in (1, -1)
        )
        change = (up - down).astype(float) / (2 * step)
        change = np.mean([change[samples.targets == k].mean(axis=0) for k in (0, 1)], axis=0)
        expected = change - change.mean()
        np.testing.assert_allclose(found.iloc[gene], expected, rtol=0.05, atol=2e-3)


def test_a_forest_says_that_it_has_no_directions(folder):
    made = document(
        folder / "cells.h5ad", model={"kind": "random_forest", "trees": 20}, split=NETWORK["split"]
    )
    run = fit(make_experiment(made), folder / "forest").path
    found = genes_of(run)
    assert found["method"] is None
    assert "neither coefficients nor gradients" in found["why"]
    assert not (run / "genes.parquet").exists()
    said = section((run / "report.html").read_text(), "genes")
    assert "random_forest has neither coefficients nor gradients" in said
    assert "among the baselines" in said
    assert "<svg" not in said


def test_repeats_have_genes_each_and_together(folder):
    made = document(
        folder / "cells.h5ad",
        split={**NETWORK["split"], "folds": 2},
        evaluation={"bootstrap": 100, "repeats": 2, "baselines": ["majority"]},
    )
    run = crossval(make_experiment(made), folder / "repeats").path
    assert genes_of(run)["folds"] == 4
    assert [genes_of(run / "repeats" / str(seed))["folds"] for seed in (1, 2)] == [2, 2]


def test_what_is_no_network_of_cells_has_no_gradients():
    clf = cistron.Classifier(ENCODER, "nearest_centroid").fit(planted(10, 2))
    with pytest.raises(InputError, match="those of a network of cells"):
        network_effects(clf, planted(10, 2))


CELLS = REAL_DATA / "cells"


@pytest.mark.real_data
@pytest.mark.skipif(not CELLS.is_dir(), reason="the real cells are not here")
def test_interferon_genes_lead_in_stimulated_cells(tmp_path):
    import anndata

    cells = anndata.read_h5ad(CELLS / "kang_example.h5ad")
    donor = cells.obs["sample_id"].astype(str).str.extract(r"(\d+)$")[0]
    cells.obs["donor"] = donor.to_numpy()
    cells.write_h5ad(tmp_path / "kang.h5ad")
    made = document(tmp_path / "kang.h5ad", encoder={"kind": "expression"})
    made["samples"]["label"] = "group_id"
    made["split"]["validate_on"] = "samples"
    run = crossval(make_experiment(made), tmp_path / "run").path
    rows = genes_of(run)["classes"]["stim"]["genes"]
    known = {"ISG15", "ISG20", "IFI6", "IFIT1", "IFIT3", "MX1", "LY6E", "OAS1"}
    assert known <= {row["symbol"] for row in rows if row["direction"] == "up"}
    page = (run / "report.html").read_text()
    for name in ("groups", "composition", "genes", "projection"):
        assert "<svg" in section(page, name)
