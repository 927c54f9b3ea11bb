import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.special import softmax as reference

from cistron.targets.calibration import BOUNDS, apply, fit_temperature, softmax
from cistron.targets.class_metrics import scores


def planted(temperature, n=20_000, k=3, seed=1):
    """Return logits that are `temperature` times too large for the classes they gave."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (n, k))
    targets = (true + rng.gumbel(size=(n, k))).argmax(axis=1)
    return true * temperature, targets


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("k", [2, 5])
def test_planted_temperature_is_found(temperature, k):
    logits, targets = planted(temperature, k=k)
    found = fit_temperature(logits, targets)
    assert found == pytest.approx(temperature, rel=0.05)
    before = scores(targets, softmax(logits))
    after = scores(targets, apply(logits, found))
    assert after["ece"] < 0.02
    assert after["log_loss"] <= before["log_loss"] + 1e-9
    assert after["accuracy"] == before["accuracy"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.floats(-3, 3))
def test_no_temperature_nearby_is_better(seed, n, scale):
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(0, np.exp(scale), (n, 3)), rng.integers(0, 3, n)
    found = fit_temperature(logits, targets)
    assert BOUNDS[0] <= found <= BOUNDS[1]

    def loss(temperature):
        return -log_softmax(logits / temperature, axis=1)[np.arange(n), targets].mean()

    for other in (1.0, found * 0.9, found * 1.1, *BOUNDS):
        if BOUNDS[0] <= other <= BOUNDS[1]:
            assert loss(found) <= loss(other) + 1e-6 * (1 + loss(other))


def test_extremes_stay_within_bounds():
    logits = np.array([[5.0, -5], [-5, 5], [4, -4]])
    # Separated perfectly: from some temperature down, the loss is 0 to the last digit.
    assert BOUNDS[0] <= fit_temperature(logits, [0, 1, 0]) < 0.5
    assert fit_temperature(logits / 50, [0, 1, 0]) == pytest.approx(BOUNDS[0], rel=1e-3)
    assert fit_temperature(logits, [1, 0, 1]) == pytest.approx(BOUNDS[1], rel=1e-3)


def test_nothing_to_gain_leaves_logits_alone():
    assert fit_temperature(np.zeros((4, 2)), [0, 1, 0, 1]) == 1
    assert fit_temperature(np.empty((0, 2)), []) == 1


def test_a_probability_of_zero_does_not_decide():
    logits, targets = planted(2.0, n=5000)
    logits[7] = -np.inf
    logits[7, (targets[7] + 1) % 3] = 0.0
    assert fit_temperature(logits, targets) == pytest.approx(2, rel=0.1)


def test_a_diverged_network_is_refused():
    with pytest.raises(ValueError, match="diverged"):
        fit_temperature([[np.nan, 0.0]], [0])


def test_softmax_neither_overflows_nor_loses_small_ones():
    logits = np.array([[1e5, 1e5 - 1, -1e5], [-3e4, -3e4, -3e4]], dtype=np.float32)
    found = softmax(logits)
    np.testing.assert_allclose(found, reference(logits.astype(float), axis=1), atol=1e-15)
    assert found.dtype == np.float64
    np.testing.assert_allclose(apply(logits, 2.0), softmax(logits / 2))
