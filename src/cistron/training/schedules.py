"""The learning rate, step by step."""

from __future__ import annotations

import math

from cistron.training.checkpoint import History
from cistron.training.settings import TrainingSettings

FIRST, LAST = 1 / 25, 1e-4 / 25
"""Shares of the highest rate that one_cycle begins and ends with, as in torch's OneCycleLR."""


def learning_rate(settings: TrainingSettings, progress: float, history: History) -> float:
    """Return the learning rate after `progress` epochs (with a fraction)."""
    rate = settings.learning_rate * _decay(settings, int(progress) + 1)
    if settings.schedule == "one_cycle":
        return rate * _one_cycle(settings, progress / settings.epochs)
    rising = settings.warmup * settings.epochs
    rate *= min(1.0, (progress + 0.01) / rising if rising else 1.0)
    if settings.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * progress / settings.epochs))
    return rate * _lowered(settings, history) if settings.schedule == "plateau" else rate


def _one_cycle(settings: TrainingSettings, done: float) -> float:
    """Return the share of the highest rate after a share of all steps.

    It rises along half a cosine for `warmup` of the steps, then falls along another (Smith and
    Topin 2017, https://doi.org/10.48550/arXiv.1708.07120; the bounds are those of torch).
    """
    if done < settings.warmup:
        begin, end, part = FIRST, 1.0, done / settings.warmup
    else:
        begin, end, part = 1.0, LAST, (done - settings.warmup) / (1 - settings.warmup)
    return end + (begin - end) * 0.5 * (1 + math.cos(math.pi * min(part, 1.0)))


def _lowered(settings: TrainingSettings, history: History) -> float:
    """Return the factor that plateau has come to: Keras' ReduceLROnPlateau, epoch by epoch."""
    wait = settings.halve_after or max(settings.patience // 2, 1)
    sign = 1 if settings.monitor == "loss" else -1
    factor, best, waited = 1.0, math.inf, 0
    for number, entry in enumerate(history, start=1):
        value = sign * entry[f"validation_{settings.monitor}"]
        waited += 1
        if value < best - settings.plateau_least:
            best, waited = value, 0
        elif waited == wait:
            plain = settings.learning_rate * _decay(settings, number)
            if plain * factor > settings.plateau_floor:
                factor = max(factor * settings.plateau_factor, settings.plateau_floor / plain)
            waited = 0
    return factor


def _decay(settings: TrainingSettings, epoch: int) -> float:
    """Return the factor of `decay` in an epoch, 1 up."""
    return settings.decay ** max(0, epoch - settings.decay_after)
