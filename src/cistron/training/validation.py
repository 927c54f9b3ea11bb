"""How good a network is on the validation part, epoch by epoch, and which epoch is the best."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.models.penalty import penalty
from cistron.training.checkpoint import History
from cistron.training.examples import Examples
from cistron.training.losses import UNKNOWN, losses, shared
from cistron.training.outputs import compute_logits
from cistron.training.processes.processes import DivergedError, current
from cistron.training.settings import TrainingSettings

WATCHED = ("accuracy", "mcc", "roc_auc", "macro_roc_auc", "balanced_accuracy", "r2", "pearson")


def judge(
    network: torch.nn.Module, data: Examples, settings: TrainingSettings, epoch: int
) -> dict[str, float]:
    """Return the loss and the metrics of a network on the validation part.

    Raises
    ------
    DivergedError
        If an output is not a number.
    """
    device = next(network.parameters()).device
    logits = compute_logits(network, data.x, settings, device, current())
    if not np.isfinite(logits).all():
        raise DivergedError(f"the outputs for validation samples are not numbers in epoch {epoch}")
    with torch.inference_mode():
        added = float(penalty(network))
    loss = float(mean_loss(data, torch.from_numpy(logits), settings))
    entry = {"validation_loss": loss + added}
    return entry | {f"validation_{name}": float(v) for name, v in _watched(data, logits).items()}


def mean_loss(data: Examples, logits: torch.Tensor, settings: TrainingSettings) -> torch.Tensor:
    """Return the weighted mean loss of logits, shape (n, outputs), without smoothing."""
    targets, weights = torch.from_numpy(data.targets), torch.from_numpy(data.weights)
    shares = shared(weights) if len(data.asked) > 1 else weights
    return (losses(logits, targets, settings.loss, data.asked) * shares).sum() / shares.sum()


def best_epoch(history: History, settings: TrainingSettings) -> int:
    """Return the place of the best epoch: the first of those that are best.

    `monitor` decides, as the mean of the last `smooth` epochs; where it is the same and `ties` is
    loss, the loss does. An epoch in which it is not defined is the worst.
    """
    sign = 1 if settings.monitor == "loss" else -1
    watched = [sign * entry[f"validation_{settings.monitor}"] for entry in history]
    watched = [math.inf if math.isnan(value) else value for value in watched]
    means = [
        sum(part) / len(part)
        for part in (
            watched[max(0, end - settings.smooth) : end] for end in range(1, len(watched) + 1)
        )
    ]
    breaks = settings.ties == "loss"
    values = [
        (mean, entry["validation_loss"] if breaks else 0.0)
        for mean, entry in zip(means, history, strict=True)
    ]
    return values.index(min(values))


def stalled(history: History, settings: TrainingSettings) -> int:
    """Return for how many epochs the validation part has not been better."""
    return len(history) - 1 - best_epoch(history, settings) if history else 0


def _watched(data: Examples, logits: NDArray[np.float32]) -> Document:
    """Return the metrics that the history tells; those of a second head have its name behind."""
    watched: Document = {}
    bounds = np.cumsum([head.outputs for head in data.asked])[:-1]
    columns = data.targets.T if len(data.asked) > 1 else [data.targets]
    parts = np.split(logits, bounds, axis=1)
    for number, (head, truth, part) in enumerate(zip(data.asked, columns, parts, strict=True)):
        known = np.ones(len(truth), dtype=bool) if number == 0 else truth != UNKNOWN
        if not known.any():
            continue
        scores = head.watched(truth[known], part[known])
        behind = f"_{head.name}" if number else ""
        names = dict.fromkeys((*WATCHED, head.usual_metric))
        watched |= {f"{name}{behind}": scores[name] for name in names if name in scores}
    return watched
