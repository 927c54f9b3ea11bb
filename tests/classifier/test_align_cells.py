"""A data set moved onto the training cells, beside the data set as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from cistron.base.counts import Counts
from cistron.classifier.align_cells import mean_shift
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict_cells import NewCells, predict_cell_file
from cistron.samples.samples import Samples, make_samples

GENES = [f"G{number}" for number in range(40)]


def made(seed: int, cells: int = 160, platform: bool = False, share: float = 0.5) -> Samples:
    """Return cells of two classes; a platform of which reads eight genes six times as often."""
    rng = np.random.default_rng(seed)
    high = np.arange(cells) < round(share * cells)
    rates = np.full((cells, 40), 3.0)
    rates[high, :8] *= 2.5
    if platform:
        rates[:, :8] *= 6
    return make_samples(
        Counts.of(rng.poisson(rates), GENES),
        ids=[f"c{seed}_{number}" for number in range(cells)],
        labels=np.where(high, "high", "low").tolist(),
        classes=["low", "high"],
    )


@pytest.fixture(
    params=[
        {"model": "logistic_regression"},
        {"model": "logistic_regression", "components": 5},
        {"model": "gradient_boosting", "components": 5},
        {"model": {"kind": "mlp", "hidden": 16}},
    ],
    ids=["genes", "components", "boosting", "mlp"],
)
def classifier(request: Any) -> Classifier:
    encoder = {
        "kind": "expression",
        "genes": {"kind": "all"},
        "components": request.param.get("components"),
    }
    training = {"epochs": 30, "learning_rate": 1e-2}
    return Classifier(encoder, request.param["model"], training).fit(made(1, 300))


def write(samples: Samples, path: Path) -> Path:
    matrix = sparse.csr_matrix(samples.payload.read())
    obs = pd.DataFrame({"truth": samples.table["label"].tolist()}, index=samples.ids.astype(str))
    anndata.AnnData(matrix, obs, pd.DataFrame(index=GENES)).write_h5ad(path)
    return path


def test_the_mean_of_moved_cells_is_that_of_the_training_cells(classifier: Classifier) -> None:
    new = made(2, platform=True)
    encoder, space = classifier.encoder_, classifier.novelty_.space
    shift = mean_shift(classifier, [new.take(range(100)), new.take(range(100, 160))])
    vectors = encoder.scaled(new)
    moved = vectors.read().toarray() + vectors.shared + shift
    np.testing.assert_allclose(moved.mean(axis=0), space.mean, atol=1e-4)
    same = mean_shift(classifier, [made(1, 300)])
    assert np.abs(same).max() < np.abs(shift).max()


def test_what_a_platform_adds_is_taken_away(classifier: Classifier, tmp_path: Path) -> None:
    path = write(made(3, platform=True), tmp_path / "new.h5ad")
    plain = predict_cell_file(classifier, path, tmp_path / "plain.tsv", how=NewCells(label="truth"))
    how = NewCells(label="truth", align=True)
    found = predict_cell_file(classifier, path, tmp_path / "both.tsv", how=how)
    assert found["scores"] == plain["scores"]
    assert "aligned" not in plain
    aligned = found["aligned"]
    assert aligned["scores"]["accuracy"]["value"] > 0.9
    assert aligned["scores"]["accuracy"]["value"] > found["scores"]["accuracy"]["value"] + 0.2
    before = pd.read_csv(tmp_path / "plain.tsv", sep="\t")
    table = pd.read_csv(tmp_path / "both.tsv", sep="\t")
    pd.testing.assert_frame_equal(table[before.columns.tolist()], before)
    assert aligned["changed"] == (table["aligned_predicted"] != table["predicted"]).mean()
    sums = table["aligned_p_low"] + table["aligned_p_high"]
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    summary = json.loads((tmp_path / "both.tsv.summary.json").read_text())
    assert summary["aligned"]["calls"] == aligned["calls"]


def test_other_shares_of_the_classes_are_moved_too(tmp_path: Path) -> None:
    """The caution is true: alignment alone makes half of a data set of one class the other."""
    trained = Classifier("expression", "logistic_regression").fit(made(1, 300))
    path = write(made(4, 200, share=1.0), tmp_path / "new.h5ad")
    found = predict_cell_file(trained, path, tmp_path / "out.tsv", how=NewCells(align=True))
    assert found["calls"]["high"] > 0.9 * 200
    assert found["aligned"]["calls"].get("high", 0) < 0.8 * 200
