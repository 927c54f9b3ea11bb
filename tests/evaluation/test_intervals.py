import numpy as np
import pytest

from cistron.evaluation import intervals
from cistron.evaluation.intervals import bootstrap


def made(n, accuracy=0.8, seed=1):
    """Return targets, and hard predictions that are right with the given probability."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, n)
    called = np.where(rng.random(n) < accuracy, targets, 1 - targets)
    return targets, np.eye(2)[called]


def width(interval):
    return interval.high - interval.low


def test_interval_of_a_proportion_is_that_of_the_binomial():
    targets, probabilities = made(500)
    found = bootstrap(targets, probabilities, resamples=4000).interval("accuracy")
    expected = 1.96 * np.sqrt(found.value * (1 - found.value) / 500)
    assert found.low == pytest.approx(found.value - expected, abs=0.004)
    assert found.high == pytest.approx(found.value + expected, abs=0.004)


def test_intervals_cover_the_truth_as_often_as_they_say():
    inside = 0
    for seed in range(200):
        targets, probabilities = made(150, accuracy=0.7, seed=seed)
        found = bootstrap(targets, probabilities, resamples=200, seed=seed).interval("accuracy")
        inside += found.low <= 0.7 <= found.high
    assert 0.89 <= inside / 200 <= 0.985


def test_groups_of_copies_count_once():
    targets, probabilities = made(120)
    once = bootstrap(targets, probabilities, resamples=300)
    rows = np.repeat(np.arange(120), 9)
    grouped = bootstrap(targets[rows], probabilities[rows], groups=rows, resamples=300)
    ignored = bootstrap(targets[rows], probabilities[rows], resamples=300)
    for metric in ("accuracy", "mcc", "roc_auc", "log_loss"):
        a, b, c = (found.interval(metric) for found in (once, grouped, ignored))
        assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-9)
        assert width(b) > 2 * width(c)
    assert (grouped.unit, grouped.units) == ("groups", 120)
    assert (ignored.unit, ignored.units) == ("samples", 1080)


def test_groups_may_be_names():
    targets, probabilities = made(60)
    numbers = np.arange(60) // 3
    names = np.array([f"family {number:02d}" for number in numbers], dtype=object)
    by_number, by_name = (
        bootstrap(targets, probabilities, g, resamples=100).interval("mcc")
        for g in (numbers, names)
    )
    assert by_number == by_name


def test_same_predictions_differ_by_exactly_nothing():
    targets, _ = made(80)
    probabilities = np.random.default_rng(2).dirichlet(np.ones(2), 80)
    found = bootstrap(targets, probabilities, others={"same": probabilities}, resamples=150)
    for metric in found.observed["model"]:
        difference = found.paired_difference(metric, "same")
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_paired_differences_are_narrower_than_unpaired_ones():
    targets, probabilities = made(300, accuracy=0.8)
    other = probabilities.copy()
    other[:15] = other[:15, ::-1]
    found = bootstrap(targets, probabilities, others={"other": other}, resamples=500)
    difference = found.paired_difference("accuracy", "other")
    changed = (other.argmax(1) == targets).mean() - (probabilities.argmax(1) == targets).mean()
    assert difference.value == pytest.approx(-changed)
    apart = found.interval("accuracy"), found.interval("accuracy", "other")
    assert width(difference) < 0.6 * (width(apart[0]) + width(apart[1]))


def test_result_does_not_depend_on_chunks(monkeypatch):
    targets, probabilities = made(70)
    whole = bootstrap(targets, probabilities, resamples=40)
    monkeypatch.setattr(intervals, "CELLS", 70 * 7)
    pieces = bootstrap(targets, probabilities, resamples=40)
    for metric, values in whole.resampled["model"].items():
        assert values.shape == (40,)
        np.testing.assert_allclose(pieces.resampled["model"][metric], values, rtol=1e-12)


def test_seed_decides():
    targets, probabilities = made(100)
    first, again, other = (
        bootstrap(targets, probabilities, resamples=50, seed=seed).resampled["model"]["accuracy"]
        for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_resamples_without_a_class_are_left_out():
    targets = np.array([1] + [0] * 9)
    probabilities = np.stack([np.linspace(0.1, 0.9, 10), np.linspace(0.9, 0.1, 10)], axis=1)
    found = bootstrap(targets, probabilities, resamples=300)
    values = found.resampled["model"]["roc_auc"]
    assert 0.2 < np.isnan(values).mean() < 0.5  # (9/10)^10 = 0.35
    interval = found.interval("roc_auc")
    assert (interval.value, interval.low, interval.high) == (1, 1, 1)


def test_few_groups_are_said():
    targets, probabilities = made(40)
    assert bootstrap(targets, probabilities, resamples=20).note == ""
    few = bootstrap(targets, probabilities, np.arange(40) % 4, resamples=20)
    assert few.note == "few groups: the interval is rough"
    one = bootstrap(targets, probabilities, np.zeros(40), resamples=20)
    assert one.note == "too few groups for an interval"
    interval = one.interval("accuracy")
    assert interval.value == (probabilities.argmax(1) == targets).mean()
    assert np.isnan([interval.low, interval.high]).all()


def test_no_predictor_may_be_called_model():
    targets, probabilities = made(10)
    with pytest.raises(ValueError, match="model"):
        bootstrap(targets, probabilities, others={"model": probabilities})


def calibrated(n, seed, gap=0.0):
    """Return targets that are positive as often as the probabilities say, or less by the gap."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.55, 0.95, n)
    targets = (rng.random(n) < share - gap).astype(int)
    return targets, np.column_stack([1 - share, share])


def test_the_interval_of_the_calibration_error_contains_it():
    outside = 0
    for seed in range(20):
        drawn = bootstrap(*calibrated(300, seed), resamples=200, seed=seed)
        error = drawn.interval("ece")
        assert 0 <= error.low <= error.value <= error.high
        # Noise adds to the error, so that plain percentiles lie above what was measured.
        outside += np.percentile(drawn.resampled["model"]["ece"], 2.5) > error.value
    assert outside


def test_a_calibration_error_that_noise_adds_little_to_has_the_plain_interval():
    drawn = bootstrap(*calibrated(8000, 1, gap=0.3), resamples=300)
    error = drawn.interval("ece")
    low, high = np.percentile(drawn.resampled["model"]["ece"], [2.5, 97.5])
    assert (error.low, error.high) == pytest.approx((low, high), abs=0.004)
    assert error.low > 0.27
    assert error.high < 0.33
