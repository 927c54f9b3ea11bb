from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats.contingency import odds_ratio

from cistron.explain.motifs.effect import (
    as_codes,
    marginal_effects,
    mean_interval,
    shuffled_backgrounds,
)
from cistron.explain.motifs.enrichment import enrichment
from cistron.explain.motifs.match import q_values
from cistron.explain.motifs.positions import histogram, place, possible, preferred, unevenness
from cistron.samples.genome.regions import PRESETS
from cistron.samples.genome.stretches import Stretch, stretches_of


def test_q_values_by_hand():
    # Ranks 1, 2, 3, 4 of 4: p × 4 / rank is .004, .08, .053…, .9; from the right the smallest.
    q = q_values(np.array([0.04, 0.001, 0.9, 0.04]))
    np.testing.assert_allclose(q, [0.16 / 3, 0.004, 0.9, 0.16 / 3])


def test_q_values_agree_with_scipy():
    p = np.random.default_rng(0).uniform(size=(5, 40)) ** 3
    np.testing.assert_allclose(q_values(p), stats.false_discovery_control(p, axis=-1))
    assert q_values(np.empty((2, 0))).shape == (2, 0)


def test_the_odds_ratio_is_haldanes():
    has = np.repeat([True, False, True, False], [30, 20, 10, 40])
    member = np.repeat([True, False], [50, 50])
    found = enrichment(has, member)
    assert (found.inside, found.of_inside, found.outside, found.of_outside) == (30, 50, 10, 50)
    assert found.odds_ratio == pytest.approx(30.5 * 40.5 / (20.5 * 10.5))
    assert found.p == pytest.approx(stats.fisher_exact([[30, 20], [10, 40]]).pvalue)
    # Of a large table one half changes little, and Wald's interval is scipy's.
    large = enrichment(np.repeat(has, 1000), np.repeat(member, 1000))
    theirs = odds_ratio([[30000, 20000], [10000, 40000]], kind="sample")
    interval = theirs.confidence_interval(0.95)
    np.testing.assert_allclose(
        (large.odds_ratio, large.low, large.high),
        (theirs.statistic, interval.low, interval.high),
        rtol=2e-4,
    )


def test_empty_cells_have_finite_odds():
    found = enrichment(np.array([True] * 5 + [False] * 5), np.array([True] * 5 + [False] * 5))
    assert found.odds_ratio == pytest.approx(121)
    assert np.isfinite([found.low, found.high]).all()
    assert enrichment(np.ones(4, bool), np.ones(4, bool)) is None


def test_positions_count_from_anchors():
    stretches = stretches_of(PRESETS["deepcre"])
    assert stretches == [Stretch("tss", 0, 1500, 1000), Stretch("tts", 1520, 3020, 2020)]
    anchors, distances = place(np.array([0, 1000, 1505, 2019, 3019]), stretches)
    assert anchors.tolist() == ["tss", "tss", "", "tts", "tts"]
    assert distances.tolist() == [-1000, 0, 0, -1, 999]
    bounds, counts = histogram(np.array([0, 1499, 1505, 1520, 3019]), stretches)
    assert counts.sum() == 4
    assert not ((bounds[:, 0] < 1500) & (bounds[:, 1] > 1500)).any()
    assert (bounds[:, 1] - bounds[:, 0]).sum() == 3000


def test_uneven_positions_are_told_from_even_ones():
    rng = np.random.default_rng(0)
    codes = np.zeros((50, 400), dtype=np.uint8)
    codes[:, 250:] = 4  # no hit can be there, so its absence says nothing
    even = rng.integers(4, 246, 300)
    assert unevenness(even, codes, 8) > 0.01
    near = rng.normal(100, 10, 300).astype(int)
    assert unevenness(near, codes, 8) < 1e-10
    assert abs(preferred(near, 400) - 100) < 10
    assert unevenness(near[:5], codes, 8) == 1.0
    assert preferred(near[:0], 400) is None


def test_p_values_of_even_positions_are_even():
    rng = np.random.default_rng(1)
    codes = np.zeros((10, 200), dtype=np.uint8)
    p = [unevenness(rng.integers(3, 198, 80), codes, 6) for _ in range(300)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09


def test_where_there_is_room():
    codes = np.array([[0, 1, 2, 4, 0, 0], [0, 4, 0, 0, 0, 0]], dtype=np.uint8)
    assert possible(codes, 2).tolist() == [1, 1, 1, 1, 2]
    assert possible(codes, 7).tolist() == []


def test_effects_of_a_known_function():
    """Each CACGTG counts two, each TTTT at column 40 counts minus one."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (60, 100)).astype(np.uint8)
    codes[:, 48:52] = 4  # a spacer, in the middle

    def words(codes, word):
        own = as_codes(word)
        windows = np.lib.stride_tricks.sliding_window_view(codes, len(own), axis=1)
        return (windows == own).all(axis=2)

    def predict(codes):
        return 2.0 * words(codes, "CACGTG").sum(axis=1) - words(codes, "TTTT")[:, 40]

    backgrounds = shuffled_backgrounds(codes, 80, seed=3)
    assert (np.sort(backgrounds == 4, axis=0).all(axis=0) == (np.arange(100) // 4 == 12)).all()
    before = predict(backgrounds)
    found = marginal_effects(as_codes("CACGTG"), 20, backgrounds, before, predict)
    assert [(e.place, e.reverse) for e in found] == [
        ("middle", False),
        ("middle", True),
        ("preferred", False),
        ("preferred", True),
    ]
    assert {e.column for e in found} == {42, 17}
    for effect in found:  # a palindrome does the same on both strands
        assert effect.mean == pytest.approx(2, abs=0.1)
        assert effect.low <= effect.mean <= effect.high
        assert effect.backgrounds == 80
    forward, _backward = marginal_effects(as_codes("TTTT"), None, backgrounds, before, predict)
    assert forward.column == 44  # next to the spacer
    at_40 = marginal_effects(as_codes("TTTT"), 42, backgrounds, before, predict)[2:]
    assert [e.column for e in at_40] == [40, 40]
    assert at_40[0].mean == pytest.approx(-1, abs=0.1)
    assert at_40[1].mean == pytest.approx(0, abs=0.1)
    assert np.array_equal(backgrounds, shuffled_backgrounds(codes, 80, seed=3))


def test_intervals_of_means_are_students():
    numbers = np.random.default_rng(0).normal(1, 2, 30)
    mean, low, high = mean_interval(numbers)
    theirs = stats.ttest_1samp(numbers, 0).confidence_interval(0.95)
    np.testing.assert_allclose((mean, low, high), (numbers.mean(), theirs.low, theirs.high))
    assert mean_interval(np.array([2.0])) == (2, 2, 2)
