"""A network that learns nothing begins again, with smaller steps."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from cistron.base.encoded import Encoded
from cistron.base.progress import SILENT, Reporter
from cistron.training.checkpoint import History
from cistron.training.examples import Examples
from cistron.training.fit import train
from cistron.training.outputs import compute_logits
from cistron.training.processes.processes import DivergedError
from cistron.training.settings import TrainingSettings
from cistron.training.validation import mean_loss

SMALLER = 3.0  # what the learning rate is divided by
LEAST = 0.005  # share of the loss of one answer to all by which a network that learns is better
ENOUGH = 2000  # training samples on which that is seen
SOON = 200  # steps before which nothing is expected


def train_until_learned(
    network: torch.nn.Module,
    training: Examples,
    validation: Examples,
    settings: TrainingSettings,
    *,
    checkpoint: Path | None = None,
    after_epoch: Callable[[History], None] = lambda history: None,  # noqa: ARG005
    reporter: Reporter = SILENT,
) -> History:
    """Train a network (see `cistron.training.fit.train`), again where it has learned nothing.

    It has learned nothing where, after 200 steps or more, its loss on training samples is not at
    least half a percent below that of the best single answer to all of them. Where training
    diverges, it begins again too. Every attempt starts from the weights that were given, at a third
    of the learning rate of the one before. Each has a checkpoint of its own, so that resumed
    training goes on in the right one.

    Returns
    -------
    list of dict
        One entry an epoch, of all attempts; those of the second and later ones say which `restart`
        they are.

    Raises
    ------
    InputError
        If the last attempt diverges.
    """
    begin = copy.deepcopy(network.state_dict()) if settings.restarts else {}
    history: History = []
    for restart in range(settings.restarts + 1):
        share = SMALLER**-restart
        rates = ("learning_rate", "language_model_learning_rate")
        smaller = settings.model_copy(update={r: getattr(settings, r) * share for r in rates})
        joined = partial(_joined, history, restart)
        try:
            entries = train(
                network,
                training,
                validation,
                smaller,
                checkpoint=_numbered(checkpoint, restart),
                after_epoch=partial(_tell, after_epoch, joined),
                reporter=reporter,
            )
        except DivergedError as error:
            if restart == settings.restarts:
                raise _diverged(error, settings) from None
            entries, why = [], f"Training diverged: {error}."
        else:
            steps = len(entries) * math.ceil(_samples(training) / settings.batch_size)
            late = settings.restarts and steps >= SOON
            why = _nothing_learned(network, training, smaller) if late else ""
        history = joined(entries)
        if not why:
            return history
        if restart < settings.restarts:
            rate = smaller.learning_rate / SMALLER
            reporter.say(f"{why} Training begins again at a learning rate of {rate:.2g}.")
            network.load_state_dict(begin)
    reporter.say(f"{why} Other settings or another model may learn more.")
    return history


def _nothing_learned(network: torch.nn.Module, data: Examples, settings: TrainingSettings) -> str:
    """Return a sentence where the network is not better than one answer to all, else nothing."""
    rows = np.random.default_rng(settings.seed).permutation(_samples(data))
    rows = np.sort(rows[:ENOUGH])
    targets, weights = data.targets[rows], data.weights[rows]
    if settings.sampling == "balanced":
        chances = data.asked[0].chances(data.first_targets[rows]).astype(np.float32)
        weights = weights * chances.reshape(-1, *[1] * (weights.ndim - 1))
    some = Examples(_taken(data.x, rows), targets, weights, heads=data.heads)
    logits = torch.from_numpy(compute_logits(network, some.x, settings))
    loss, of_one = float(mean_loss(some, logits, settings)), loss_of_one_answer(some, settings)
    if loss < of_one * (1 - LEAST):
        return ""
    return (
        f"The network has learned nothing: its loss on training samples is {loss:.4f}, and that of "
        f"the best single answer to all of them is {of_one:.4f}."
    )


def loss_of_one_answer(data: Examples, settings: TrainingSettings) -> float:
    """Return the lowest mean loss of answers that are the same for all samples."""
    outputs = sum(head.outputs for head in data.asked)
    answer = torch.zeros(outputs, requires_grad=True)
    optimizer = torch.optim.LBFGS([answer], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = mean_loss(data, answer.expand(len(data), outputs), settings)
        loss.backward()
        return loss

    optimizer.step(step)
    return float(step().detach())


def _samples(data: Examples) -> int:
    return len(data) if data.augmentation is None else data.augmentation.samples


def _taken(x: Encoded, rows: np.ndarray) -> Encoded:
    return x[rows] if isinstance(x, np.ndarray) else x.take(rows)


def _diverged(error: DivergedError, settings: TrainingSettings) -> DivergedError:
    also = f", and at a {SMALLER**settings.restarts:.0f}th of it" if settings.restarts else ""
    return DivergedError(
        f"training: {error}. Lower training.learning_rate (it is {settings.learning_rate:g}{also})."
    )


def _numbered(path: Path | None, restart: int) -> Path | None:
    return path if path is None or restart == 0 else path.with_stem(f"{path.stem}-again{restart}")


def _tell(
    after_epoch: Callable[[History], None],
    joined: Callable[[History], History],
    history: History,
) -> None:
    after_epoch(joined(history))


def _joined(earlier: History, restart: int, history: History) -> History:
    """Return the history of an attempt behind that of the attempts before."""
    if restart == 0:
        return history
    return earlier + [
        {**entry, "epoch": number, "restart": restart}
        for number, entry in enumerate(history, start=len(earlier) + 1)
    ]
