from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cistron.evaluation.paired import compare_predictors, holm, letters


def hard(called):
    """Return probabilities of predictors that are always sure."""
    return np.eye(2)[called]


def test_a_difference_of_k_samples_is_k_over_n():
    targets = np.arange(200) % 2
    worse = targets.copy()
    worse[:12] = 1 - worse[:12]  # 12 of 200 wrong, of which the resamples hold 12 ± 3.36
    found = compare_predictors(
        targets, {"right": hard(targets), "worse": hard(worse)}, "accuracy", resamples=4000
    )
    (one,) = found.differences
    assert (one.first, one.second) == ("right", "worse")
    assert one.interval.value == pytest.approx(0.06)
    sd = np.sqrt(0.06 * 0.94 / 200)
    assert one.interval.low == pytest.approx(0.06 - 1.96 * sd, abs=0.006)
    assert one.interval.high == pytest.approx(0.06 + 1.96 * sd, abs=0.006)
    # No resample without one of the 12 is to be expected: the smallest p there can be.
    assert one.p == one.holm == pytest.approx(2 / 4001)
    assert found.letters == {"right": "a", "worse": "b"}


def test_the_p_value_is_that_of_the_discordant_pairs():
    targets = np.zeros(300, dtype=int)
    first, second = targets.copy(), targets.copy()
    first[:8], second[8:26] = 1, 1  # discordant: 8 to 18
    found = compare_predictors(
        targets, {"a": hard(first), "b": hard(second)}, "accuracy", resamples=8000
    )
    # The difference of counts is 10 with this variance; p counts what is at or below 0.
    z = (10 - 0.5) / np.sqrt(26 - 100 / 300)
    assert found.differences[0].p == pytest.approx(2 * norm.sf(z), abs=0.01)


def test_identical_predictors_do_not_differ():
    rng = np.random.default_rng(1)
    targets, shares = rng.integers(0, 2, 90), rng.dirichlet([1, 1], 90)
    found = compare_predictors(targets, {"x": shares, "y": shares, "z": shares}, "roc_auc")
    for one in found.differences:
        assert (one.interval.value, one.interval.low, one.interval.high) == (0, 0, 0)
        assert (one.p, one.holm) == (1, 1)
    assert found.overall == 1
    assert set(found.letters.values()) == {"a"}


def test_holm_by_hand():
    # 0.01 × 4, 0.02 × 3, then 0.03 × 2 = 0.06 which is no less, then 0.04 below it.
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.6, 0.5]) == pytest.approx([1, 1])
    assert holm([np.nan, 0.02])[1] == pytest.approx(0.02)
    assert np.isnan(holm([np.nan, 0.02])[0])


def test_the_order_of_predictors_changes_nothing():
    rng = np.random.default_rng(3)
    targets = rng.integers(0, 3, 150)
    drawn = {name: rng.dirichlet([1, 1, 1], 150) for name in "dabc"}
    one = compare_predictors(targets, drawn, "mcc", aside=["d"], resamples=300)
    back = dict(reversed(drawn.items()))
    other = compare_predictors(targets, back, "mcc", aside=["d"], resamples=300)
    assert one.differences == other.differences
    assert list(one.scores.items()) == list(other.scores.items())
    assert (one.overall, one.letters) == (other.overall, other.letters)


def test_lower_is_better_for_losses():
    targets = np.arange(80) % 2
    sure = np.where(hard(targets) == 1, 0.9, 0.1)
    found = compare_predictors(targets, {"bad": np.full((80, 2), 0.5), "good": sure}, "log_loss")
    assert list(found.scores) == ["good", "bad"]
    assert found.differences[0].first == "good"
    assert found.differences[0].interval.value < 0
    assert found.differences[0].told_apart


def test_only_the_best_of_those_aside_is_compared():
    rng = np.random.default_rng(5)
    targets = rng.integers(0, 2, 120)
    wrong = np.where(rng.random(120) < 0.2, 1 - targets, targets)
    predictors = {"run": hard(targets), "poor": hard(1 - targets), "fair": hard(wrong)}
    found = compare_predictors(targets, predictors, "mcc", aside=["poor", "fair"])
    assert [(d.first, d.second) for d in found.differences] == [("run", "fair")]
    assert list(found.scores) == ["run", "fair", "poor"]
    assert set(found.letters) == {"run", "fair"}
    assert np.isnan(found.overall)


def test_equal_predictors_are_told_apart_as_rarely_as_promised():
    rng = np.random.default_rng(7)
    rejected, differ = 0, 0
    for trial in range(200):
        targets = rng.integers(0, 2, 160)
        called = [np.where(rng.random(160) < 0.25, 1 - targets, targets) for _ in range(3)]
        predictors = {name: hard(one) for name, one in zip("abc", called, strict=True)}
        found = compare_predictors(targets, predictors, "mcc", resamples=200, seed=trial)
        rejected += any(d.told_apart for d in found.differences)
        differ += found.overall < 0.05
    assert rejected / 200 <= 0.09
    assert 0.01 <= differ / 200 <= 0.1


def test_too_few_units_have_no_p_value():
    targets = np.array([0, 1, 0, 1])
    shares = {"a": hard(targets), "b": hard(1 - targets)}
    found = compare_predictors(targets, shares, "accuracy", groups=[1, 1, 1, 1])
    assert np.isnan(found.differences[0].p)
    assert not found.differences[0].told_apart
    assert np.isnan(found.overall)


@given(st.integers(1, 7), st.data())
def test_a_letter_is_shared_exactly_where_nothing_differs(n, data):
    names = [f"r{i}" for i in range(n)]
    pairs = list(combinations(names, 2))
    different = set(data.draw(st.lists(st.sampled_from(pairs)))) if pairs else set()
    found = letters(names, different)
    for pair in pairs:
        assert (not set(found[pair[0]]) & set(found[pair[1]])) == (pair in different)


def test_letters_of_a_chain():
    found = letters(["best", "middle", "last"], [("best", "last")])
    assert found == {"best": "a", "middle": "ab", "last": "b"}


def test_few_groups_tell_nothing_apart():
    """However many samples there are: two groups on one side are a chance of one in two."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 2000)
    right, chance = np.eye(2)[targets] * 0.8 + 0.1, rng.dirichlet([1, 1], 2000)
    for groups, told in ((2, False), (5, False), (8, True)):
        found = compare_predictors(
            targets, {"a": right, "b": chance}, groups=np.arange(2000) % groups
        )
        assert found.differences[0].p >= 2 ** (1 - groups)
        assert found.overall >= 2 ** (1 - groups)
        assert found.differences[0].told_apart == told
        assert ("no p-value can be below" in found.note) == (not told)
