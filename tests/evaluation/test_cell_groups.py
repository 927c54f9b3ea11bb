from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef

from cistron import figures
from cistron.evaluation.cell_groups import compositions, group_scores
from cistron.evaluation.intervals import bootstrap, wilson

CLASSES = ("resting", "active")


def calls(n: int = 600, skill: float = 0.8, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Return labels, calls and donors; the third donor has resting cells only."""
    rng = np.random.default_rng(seed)
    donor = rng.choice(["d1", "d2", "d10"], n)
    true = np.where(donor == "d10", 0, rng.integers(0, 2, n))
    called = np.where(rng.random(n) < skill, true, 1 - true)
    names = np.array(CLASSES, dtype=object)
    return names[true], names[called], donor


@pytest.mark.parametrize(("hits", "n"), [(0, 12), (12, 12), (3, 10), (480, 1000), (1, 1)])
def test_the_interval_of_a_share_is_wilsons(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    found = wilson(hits, n)
    assert found.value == hits / n
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


def test_a_share_of_nothing_is_not_defined():
    assert np.isnan([wilson(0, 0).value, wilson(0, 0).low]).all()


@pytest.mark.parametrize("metric", ["mcc", "balanced_accuracy"])
def test_each_group_is_scored_by_itself(metric):
    labels, called, donor = calls()
    reference = {"mcc": matthews_corrcoef, "balanced_accuracy": balanced_accuracy_score}[metric]
    found = {one["value"]: one for one in group_scores(labels, called, donor, CLASSES, metric)}
    assert set(found) == {"d1", "d2", "d10"}
    for name, one in found.items():
        inside = donor == name
        assert one["n"] == inside.sum()
        assert one["accuracy"].value == (labels == called)[inside].mean()
        if name != "d10":
            score = one[metric]
            assert score.value == pytest.approx(reference(labels[inside], called[inside]))
            assert score.low < score.value < score.high
    assert np.isnan(found["d10"]["mcc"].value if metric == "mcc" else np.nan)


def test_drawing_the_confusion_matrix_is_drawing_cells():
    labels, called, donor = calls()
    inside = donor == "d1"
    found = group_scores(labels[inside], called[inside], donor[inside], CLASSES, "mcc")[0]["mcc"]
    targets = (labels[inside] == "active").astype(int)
    sure = np.where(called[inside] == "active", 0.9, 0.1)
    expected = bootstrap(targets, np.column_stack([1 - sure, sure])).interval("mcc")
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.high == pytest.approx(expected.high, abs=0.02)


def test_shares_are_those_of_the_counts():
    labels, called, donor = calls()
    for one in compositions(labels, called, donor, CLASSES):
        inside = donor == one["value"]
        for name in CLASSES:
            assert one["true"][name] == (labels[inside] == name).mean()
            assert one["predicted"][name].value == (called[inside] == name).mean()
        assert sum(one["true"].values()) == pytest.approx(1)


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(ValueError, match="no class"):
        compositions(["other"], ["active"], ["d1"], CLASSES)


def test_the_drawings_say_what_they_show():
    score = {"value": 0.25, "low": 0.2, "high": 0.31}
    drawn = figures.composition({"d1": (score, 0.5), "<d2>": (score, 0.0)}, "persister & more")
    assert "Predicted and true share of persister &amp; more by group" in drawn
    assert "&lt;d2&gt; 25.0" in drawn
    gene = {"symbol": "MX1", "direction": "down", "share": {"a": 0.5, "b": 1.0}}
    gene["mean"] = {"a": 0.1, "b": None}
    drawn = figures.gene_dots({"b": [gene]}, ("a", "b"))
    assert "b: MX1 down" in drawn
    assert "\N{MINUS SIGN}" in drawn


@pytest.mark.parametrize("classes", [1, 5, 24])
def test_genes_are_drawn_of_few_and_of_many_classes(classes):
    names = [f"class {k} of a long name" for k in range(classes)]
    numbers = dict.fromkeys(names, 0.5)
    gene = {"symbol": "G", "direction": "up", "share": numbers, "mean": dict.fromkeys(names, 0.0)}
    drawn = figures.gene_dots({name: [gene] for name in names}, names)
    assert drawn.count("<path") > classes**2
