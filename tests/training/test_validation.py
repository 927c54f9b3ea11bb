"""Which epoch is the best."""

from __future__ import annotations

from math import nan

import pytest

from cistron.classifier.classifier import Classifier
from cistron.splits.random import random_split
from cistron.training.settings import TrainingSettings
from cistron.training.validation import best_epoch, stalled


def history(losses, metrics) -> list[dict[str, float]]:
    pairs = zip(losses, metrics, strict=True)
    return [{"validation_loss": loss, "validation_mcc": mcc} for loss, mcc in pairs]


@pytest.mark.parametrize(
    ("keys", "best"),
    [
        ({"monitor": "loss"}, 2),
        ({"monitor": "mcc", "ties": "first"}, 1),
        ({"monitor": "mcc", "ties": "loss"}, 3),
        # Means of two: .1, .3, .4, .4, .45, .35; of three: .1, .3, .3, .433, .4, .4
        ({"monitor": "mcc", "smooth": 2}, 4),
        ({"monitor": "mcc", "smooth": 3}, 3),
        ({"monitor": "loss", "smooth": 2}, 3),
    ],
)
def test_the_best_epoch_by_hand(keys, best):
    epochs = history((0.9, 0.8, 0.3, 0.5, 0.7, 0.9), (0.1, 0.5, 0.3, 0.5, 0.4, 0.3))
    settings = TrainingSettings(**keys)
    assert best_epoch(epochs, settings) == best
    assert stalled(epochs, settings) == 5 - best


def test_an_epoch_without_a_metric_is_the_worst():
    epochs = history((0.9, 0.8), (nan, -0.2))
    assert best_epoch(epochs, TrainingSettings(monitor="mcc")) == 1
    assert stalled([], TrainingSettings()) == 0


def test_the_usual_metric_of_what_is_learned(planted):
    split = random_split(planted, folds=2)
    training = {"epochs": 4, "batch_size": 16, "learning_rate": 0.03, "patience": 4}
    by_name, usual = (
        Classifier("residues", {"kind": "cnn", "filters": 8}, {**training, "monitor": m})
        for m in ("mcc", "metric")
    )
    first, second = (c.fit(planted, split).predict(planted) for c in (by_name, usual))
    assert first.equals(second)
