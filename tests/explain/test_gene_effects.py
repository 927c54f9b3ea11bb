"""Genes behind a classifier of cells: planted ones are found, with their direction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cistron
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.explain.genes import gene_effects, stability, top_genes
from cistron.samples.samples import make_samples
from cistron.splits.random import RandomSplit
from cistron.splits.split import TEST
from tests.cells_made import MARKERS, cells, counts_of, names_of

ENCODER = {"kind": "expression", "genes": {"kind": "highly_variable", "number": 60}}
UP = {"a": names_of(2 * MARKERS)[:MARKERS], "b": names_of(2 * MARKERS)[MARKERS:]}


@pytest.mark.parametrize("components", [None, 10])
@pytest.mark.parametrize("model", ["logistic_regression", "nearest_centroid"])
def test_planted_genes_lead_with_their_direction(components, model):
    clf = cistron.Classifier({**ENCODER, "components": components}, model).fit(cells())
    assert clf.score(cells(80, seed=4)) > 0.95
    effects = gene_effects(clf)
    np.testing.assert_allclose(effects.sum(axis=1), 0, atol=1e-9)
    found = top_genes(effects, 10)
    for name in ("a", "b"):
        mine = found[found["class"] == name]
        planted = mine[mine["gene"].isin(UP["a"] + UP["b"])]
        assert len(planted) >= 9
        up = planted["gene"].isin(UP[name])
        assert (planted["direction"] == np.where(up, "up", "down")).all()
        assert mine["effect"].abs().is_monotonic_decreasing
        assert mine["rank"].tolist() == list(range(1, 11))


def test_effects_are_the_change_of_the_logit():
    clf = cistron.Classifier({**ENCODER, "scale": {"kind": "z_score", "clip": None}},
                             "logistic_regression", calibration="none").fit(cells())  # fmt: skip
    effects = gene_effects(clf)
    encoder = clf.encoder_
    vectors = encoder.encode(cells())
    dense = vectors[np.arange(2)]
    logits = clf.logits(cells().take([0, 1]))
    difference = np.diff(logits[:, 1] - logits[:, 0])[0]
    both = effects["b"] - effects["a"]  # z-scored: one unit is one standard deviation
    assert np.diff(dense @ both.to_numpy())[0] == pytest.approx(difference, rel=1e-3)


def test_training_cells_alone_decide():
    samples = cells()
    split = RandomSplit(test=0.25, folds=2, seed=3).split(samples)
    values, classes = counts_of()
    held_out = split.part == TEST
    assert held_out.any()
    changed = values.copy()
    changed[held_out] = np.random.default_rng(1).poisson(50, changed[held_out].shape)
    others = make_samples(
        Counts.of(changed, names_of(150)), labels=[["a", "b"][i] for i in classes]
    )
    one = cistron.Classifier(ENCODER, "logistic_regression").fit(samples, split)
    other = cistron.Classifier(ENCODER, "logistic_regression").fit(others, split)
    pd.testing.assert_frame_equal(gene_effects(one), gene_effects(other))


def test_stability_over_folds():
    def effects(**values):
        frame = pd.DataFrame({"a": values}).rename_axis("gene")
        return frame.assign(b=-frame["a"])

    folds = [effects(X=3.0, Y=-2.0, Z=0.1), effects(X=2.0, Y=1.0, Z=0.5), effects(X=1.0, W=4.0)]
    found = stability(folds, 2)
    mine = found[found["class"] == "a"].set_index("gene")
    assert mine.index.tolist() == ["X", "W", "Y"]
    assert mine.loc["X", ["direction", "share", "effect"]].tolist() == ["up", 1.0, 2.0]
    assert mine.loc["W", "share"] == pytest.approx(1 / 3)
    assert mine.loc["Y", ["direction", "effect"]].tolist() == ["down", -2.0]
    with pytest.raises(ValueError, match="at least one fold"):
        stability([])


def test_only_linear_classifiers_of_cells_have_effects(planted):
    forest = cistron.Classifier(ENCODER, {"kind": "random_forest", "trees": 3}).fit(cells(60, 30))
    with pytest.raises(InputError, match="Only a linear model"):
        gene_effects(forest)
    proteins = cistron.Classifier("composition", "logistic_regression").fit(planted)
    with pytest.raises(InputError, match="classifier of cells"):
        gene_effects(proteins)


@pytest.mark.parametrize("model", ["logistic_regression", "nearest_centroid", "gene_attention"])
def test_a_classifier_of_cells_comes_back_from_its_folder(model, tmp_path):
    clf = cistron.Classifier(ENCODER, model, training={"epochs": 2}).fit(cells())
    again = cistron.load(clf.save(tmp_path / "model"))
    new = cells(50, seed=9)
    np.testing.assert_allclose(again.predict_proba(new), clf.predict_proba(new), atol=1e-6)
