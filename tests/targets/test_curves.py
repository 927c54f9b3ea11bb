import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from cistron.targets.curves import curves, thin


def made(n, seed=1):
    rng = np.random.default_rng(seed)
    targets = (rng.random(n) < 0.3).astype(int)
    positive = 1 / (1 + np.exp(-rng.normal(1.5 * targets - 1, 1)))
    return targets, np.stack([1 - positive, positive], axis=1)


def test_small_curves_are_whole_and_right():
    positive = np.array([0.9, 0.8, 0.8, 0.4])
    found = curves([1, 0, 1, 0], np.stack([1 - positive, positive], axis=1))[1]
    x, y = found["roc"]
    assert list(zip(x, y, strict=True)) == [(0, 0), (0, 0.5), (0.5, 1), (1, 1)]
    x, y = found["pr"]
    assert list(zip(x, y, strict=True)) == [(0, 1), (0.5, 1), (1, 2 / 3), (1, 0.5)]


@pytest.mark.parametrize("n", [300, 20_000])
def test_thinned_curves_stay_where_they_were(n):
    targets, probabilities = made(n)
    found = curves(targets, probabilities)[1]
    false, hits, _ = roc_curve(targets, probabilities[:, 1], drop_intermediate=False)
    assert distance(false, hits, *found["roc"]) < 0.004
    precision, recall, _ = precision_recall_curve(targets, probabilities[:, 1])
    # The reference adds a point at recall 0 that stands for no score.
    assert distance(recall[:-1], precision[:-1], *found["pr"]) < 0.004
    for x, y in found.values():
        assert 2 <= len(x) <= 200
        assert (np.diff(x) >= 0).all()
        assert 0 <= y.min() <= y.max() <= 1
    area = np.trapezoid(found["roc"][1], found["roc"][0])
    assert area == pytest.approx(roc_auc_score(targets, probabilities[:, 1]), abs=1e-3)


def distance(x, y, line_x, line_y):
    """Return how far the farthest point is from a line of segments."""
    points, line = np.stack([x, y], 1)[:, None], np.stack([line_x, line_y], 1)
    start, step = line[:-1], np.diff(line, axis=0)
    squared = np.maximum((step**2).sum(1), 1e-30)
    along = np.clip(((points - start) * step).sum(2) / squared, 0, 1)[..., None]
    return np.linalg.norm(points - start - along * step, axis=2).min(axis=1).max()


def test_straight_lines_need_only_their_ends():
    x = np.linspace(0, 1, 1000)
    assert [list(axis) for axis in thin(x, x)] == [[0, 1], [0, 1]]


def test_a_class_without_samples_has_no_curve():
    found = curves([0, 1, 0], np.full((3, 3), 1 / 3))
    assert found[2] is None
    assert found[0]["roc"][0].tolist() == [0, 1]
    assert curves([0, 0], np.full((2, 2), 0.5)) == [None, None]
