from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from cistron.evaluation.baselines import score_baselines
from cistron.evaluation.evaluate import Judging, evaluate
from cistron.evaluation.intervals import bootstrap
from cistron.figures import predicted_against_measured, residuals
from cistron.samples.samples import Sequences, make_samples
from cistron.targets.number_metrics import by_quantile, scores


def reference(truth, told) -> dict[str, float]:
    return {
        "r2": r2_score(truth, told),
        "pearson": stats.pearsonr(truth, told)[0],
        "spearman": stats.spearmanr(truth, told)[0],
        "rmse": root_mean_squared_error(truth, told),
        "mae": mean_absolute_error(truth, told),
    }


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 60), st.sampled_from([0.0, 1e4]))
def test_agrees_with_scipy_and_scikit_learn(seed, n, offset):
    rng = np.random.default_rng(seed)
    truth = offset + rng.normal(size=n).round(1)  # with ties
    told = truth + rng.normal(size=n).round(1)
    if np.ptp(truth) == 0 or np.ptp(told) == 0:
        return
    found = scores(truth, told)
    for name, value in reference(truth, told).items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-8)


def test_a_weight_is_a_number_of_copies():
    rng = np.random.default_rng(3)
    truth, told = rng.integers(0, 9, (2, 50)).astype(float)
    weights = rng.integers(0, 4, size=(6, 50))
    found = scores(truth, told, weights)
    for row, weight in enumerate(weights):
        expected = reference(np.repeat(truth, weight), np.repeat(told, weight))
        assert {name: found[name][row] for name in expected} == pytest.approx(expected)


def test_known_values():
    found = scores([1, 2, 3, 4], [1, 2, 3, 8])
    assert found["r2"] == pytest.approx(1 - 16 / 5)
    assert found["rmse"] == pytest.approx(2)
    assert found["mae"] == pytest.approx(1)
    assert found["spearman"] == pytest.approx(1)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6 / 3])
def test_what_does_not_vary_has_no_correlation(constant):
    found = scores(np.arange(30.0), np.full(30, constant))
    assert np.isnan(found["pearson"])
    assert np.isnan(found["spearman"])
    assert np.isfinite(found["r2"])
    found = scores(np.full(30, constant), np.arange(30.0))
    assert all(np.isnan(found[name]) for name in ("r2", "pearson", "spearman"))
    assert np.isfinite(found["rmse"])


def test_the_mean_explains_nothing():
    truth = np.random.default_rng(0).normal(5, 2, 100)
    assert scores(truth, np.full(100, truth.mean()))["r2"] == pytest.approx(0)


def test_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="finite"):
        scores([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="targets for"):
        scores([1.0, 2.0], [[1.0], [2.0]])


def test_intervals_cover_the_truth():
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=150)
        told = 0.6 * truth + 0.8 * rng.normal(size=150)  # whose correlation is 0.6
        interval = bootstrap(truth, told, resamples=200, seed=seed).interval("pearson")
        covered += interval.low <= 0.6 <= interval.high
    assert 51 <= covered <= 60  # 95 % of 60 are 57


def test_groups_make_wider_intervals():
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(30), 20)
    truth = rng.normal(size=30)[group] + 0.1 * rng.normal(size=600)
    told = truth + rng.normal(size=30)[group]
    alone = bootstrap(truth, told, resamples=200).interval("r2")
    together = bootstrap(truth, told, group, resamples=200).interval("r2")
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_evaluate_compares_with_the_best_baseline():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=300)
    told = {"mean": np.zeros(300), "length": 0.2 * truth}
    found = evaluate(
        truth,
        0.9 * truth + 0.1 * rng.normal(size=300),
        [],
        group_columns={"half": ["a", "b"] * 150},
        baselines=told,
        how=Judging(resamples=100, headline="r2"),
    )
    assert (found["classes"], found["positive"]) == ([], None)
    assert found["comparison"]["baseline"] == "length"
    assert found["comparison"]["verdict"] == "better"
    assert found["comparison"]["differences"]["rmse"]["high"] < 0
    assert found["baselines"]["mean"]["pearson"]["value"] is None
    assert {entry["value"] for entry in found["scores"]["groups"]["half"]} == {"a", "b"}
    lower = evaluate(
        truth, 0.9 * truth, [], baselines=told, how=Judging(resamples=100, headline="rmse")
    )
    assert lower["comparison"]["verdict"] == "better"


def test_quantiles_are_equal_shares():
    found = by_quantile(np.arange(100.0), np.arange(100.0)[::-1])
    assert [row["n"] for row in found] == [10] * 10
    assert found[0]["predicted"] == pytest.approx(4.5)
    assert found[0]["measured"] == pytest.approx(94.5)


def test_baselines_are_fitted_on_training_samples():
    rng = np.random.default_rng(4)
    texts = ["A" * int(n) + "C" * int(40 - n) for n in rng.integers(5, 35, 100)]
    numbers = np.array([text.count("A") for text in texts], dtype=float)
    samples = make_samples(Sequences.from_text(texts, "dna"), numbers=numbers)
    train, test = np.arange(80), np.arange(80, 100)
    row = np.where(test < 90, 3, -1)
    nearest = (row, np.full(20, 0.5))
    which = ("majority", "length", "composition", "homolog")
    parts = train, test[:0], test
    found = score_baselines(samples, parts, which, nearest)
    assert list(found) == ["mean", "length", "composition", "homolog"]
    mean = numbers[train].mean()
    np.testing.assert_allclose(found["mean"], mean)
    assert scores(numbers[test], found["composition"])["r2"] > 0.99
    np.testing.assert_allclose(found["homolog"][:10], (mean + numbers[3]) / 2)
    np.testing.assert_allclose(found["homolog"][10:], mean)
    assert "homolog" not in score_baselines(samples, parts, which)


@pytest.mark.parametrize("n", [0, 1, 200, 20_000])
def test_figures_stay_small(n):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=n)
    told = truth + rng.normal(size=n)
    quantiles = by_quantile(truth, told)
    for drawn in (
        predicted_against_measured(told, truth, quantiles, "<level> & more"),
        residuals(told, truth),
    ):
        assert drawn.startswith("<svg")
        assert len(drawn) < 300_000
        assert "<level>" not in drawn
