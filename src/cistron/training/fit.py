"""The training loop."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.device import autocast, choose_device
from cistron.base.document import Document
from cistron.base.progress import SILENT, Reporter
from cistron.models.penalty import penalty
from cistron.targets.kinds import target_like
from cistron.targets.target import Target
from cistron.training.averaged import AveragedWeights
from cistron.training.batches import collated, epoch
from cistron.training.checkpoint import History, Parts, read_checkpoint, restore, save_checkpoint
from cistron.training.examples import Examples
from cistron.training.frozen import held
from cistron.training.losses import losses, shared
from cistron.training.processes.processes import DivergedError, current
from cistron.training.schedules import learning_rate
from cistron.training.settings import TrainingSettings
from cistron.training.validation import judge, stalled


def train(
    network: torch.nn.Module,
    training: Examples,
    validation: Examples,
    settings: TrainingSettings,
    *,
    checkpoint: Path | None = None,
    after_epoch: Callable[[History], None] = lambda history: None,  # noqa: ARG005
    reporter: Reporter = SILENT,
) -> History:
    """Train a network in place and leave it with the weights of its best epoch, or the last.

    Losses of the history include what the network's layers are penalised with, as in Keras. The
    best epoch has the lowest validation loss, or the highest of the metric that is monitored.
    Everything random in an epoch is drawn from (seed, epoch), so that training which is resumed
    from the last whole epoch gives the same weights as training that was never interrupted.

    Of several processes (see `cistron.training.processes.processes`) only the main one calls this.
    The others do the same beside it, each with its share of every batch; the loss is that of whole
    batches.

    Parameters
    ----------
    network : Module
        `network(x, lengths)` gives logits, shape (batch, classes); where `evoaug` changes the
        samples, `network(x, lengths, noise)`. In training it may give several times as many rows,
        the batch over again each time.
    training, validation : Examples
    settings : TrainingSettings
    checkpoint : Path, optional
        File that holds the state after each epoch; training goes on from it where it exists.
    after_epoch : callable, optional
        Is given the history after each epoch.
    reporter : Reporter, optional

    Returns
    -------
    list of dict
        One entry an epoch: losses, validation metrics, learning rate, seconds.

    Raises
    ------
    DivergedError
        If the loss, or an output for a validation sample, stops being a number.
    """
    processes = current()
    processes.require(settings)
    processes.ask(train, network, training, validation, settings)
    network.to(processes.device or choose_device(settings.device))
    settings = _bounded(settings, training)
    with held(network, settings.frozen) as still:
        optimizer = torch.optim.AdamW(_decayed(network, settings), lr=settings.learning_rate)
        average = None if settings.ema is None else AveragedWeights(network, settings.ema)
        parts = Parts(network, optimizer, average, still)
        return _train(parts, (training, validation), settings, checkpoint, after_epoch, reporter)


def _train(
    parts: Parts,
    examples: tuple[Examples, Examples],
    settings: TrainingSettings,
    checkpoint: Path | None,
    after_epoch: Callable[[History], None],
    reporter: Reporter,
) -> History:
    """Train epoch by epoch, from a checkpoint on where there is one (see `train`)."""
    network, average, processes = parts.network, parts.average, current()
    training, validation = examples
    best, last = copy.deepcopy(network.state_dict()), settings.keep == "last"
    history: History = []
    state = processes.same(read_checkpoint(checkpoint))
    if state is not None:
        tensors, history = state
        best = restore(tensors, parts)
        reporter.say(f"Resumed after epoch {len(history)}.")
        after_epoch(history)  # which may not have been told of the last
    with reporter.bar(settings.epochs, "training") as advance:
        advance(len(history))
        while len(history) < settings.epochs and (
            last or stalled(history, settings) < settings.patience
        ):
            started = perf_counter()
            rate, loss = _one_epoch(parts, training, settings, history)
            entry: dict[str, float] = {"epoch": len(history) + 1, "train_loss": loss}
            with nullcontext() if average is None else average.applied():
                entry |= judge(network, validation, settings, len(history) + 1)
                entry |= {"learning_rate": rate, "seconds": round(perf_counter() - started, 2)}
                history.append(processes.same(entry))  # all must decide alike
                if last or stalled(history, settings) == 0:
                    best = copy.deepcopy(network.state_dict())
            if checkpoint is not None:
                save_checkpoint(checkpoint, parts, best, history)
            after_epoch(history)
            advance(1, _line(entry))
            reporter.say(f"Epoch {entry['epoch']}: {_line(entry)}, {entry['seconds']:.0f} s")
    network.load_state_dict(best)
    return history


def _bounded(settings: TrainingSettings, training: Examples) -> TrainingSettings:
    """Return the settings with as many epochs as the budget of steps allows, and a metric's name.

    The schedule spans the epochs that there are.
    """
    changes: Document = {}
    if settings.monitor == "metric":
        changes["monitor"] = training.asked[0].usual_metric
    if settings.steps is not None:
        an_epoch = len(_plan(training, settings, 0)[1])
        changes["epochs"] = max(1, min(settings.epochs, math.ceil(settings.steps / an_epoch)))
    return settings.model_copy(update=changes)


def _plan(
    data: Examples, settings: TrainingSettings, number: int
) -> tuple[np.random.Generator, list[NDArray[np.int64]]]:
    """Return the batches of an epoch, from 0, and the generator that has drawn them."""
    rng = np.random.default_rng((settings.seed, number))
    augmentation = data.augmentation
    samples = len(data) if augmentation is None else augmentation.samples
    rows = _draw(data.first_targets[:samples], settings.sampling, rng, data.asked[0])
    if augmentation is not None:
        rows = augmentation.rows(rows, rng)
    return rng, epoch(data.x, rows, settings.batch_size, settings.max_tokens, rng)


def _one_epoch(
    parts: Parts, data: Examples, settings: TrainingSettings, history: History
) -> tuple[float, float]:
    """Train one epoch; return the last learning rate and the mean loss."""
    network, optimizer, average = parts.network, parts.optimizer, parts.average
    number, device, processes = len(history), next(network.parameters()).device, current()
    augmentation = data.augmentation
    rng, batches = _plan(data, settings, number)
    shares = [batch[processes.share(len(batch))] for batch in batches]
    noise = processes.generator(rng, settings.seed, number)
    total = weight = 0.0
    rate = settings.learning_rate
    network.train()
    for module in parts.still:
        module.eval()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(noise.integers(2**62)))
        generator = torch.Generator(device).manual_seed(int(noise.integers(2**62)))
        for step, (mine, (x, lengths)) in enumerate(collated(data.x, shares, device)):
            batch = batches[step]
            rate = learning_rate(settings, number + step / len(batches), history)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["share"]
            weights = torch.from_numpy(data.weights[batch]).to(device)
            targets = torch.from_numpy(data.targets[mine]).to(device)
            inputs: tuple[torch.Tensor | None, ...] = x, lengths
            if augmentation is not None:
                inputs = augmentation.batch(x, lengths, generator)
            with processes.statistics(len(batch)), autocast(device, settings.precision):
                logits = network(*inputs)
            rows_each = len(logits) // len(targets)  # 2 where each strand is a row of its own
            targets = torch.cat([targets] * rows_each)
            weights = torch.cat([weights] * rows_each)
            if len(data.asked) > 1:
                weights = shared(weights)
            each = losses(
                logits.float(), targets, settings.loss, data.asked, settings.label_smoothing
            )
            loss = (each * processes.own(weights, len(batch))).sum() / weights.sum()
            if processes.main:  # of processes that train together, one adds it
                loss = loss + penalty(network)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            processes.add_gradients(network)
            if settings.clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
            if average is not None:
                average.update()
            total += float(loss.detach()) * float(weights.sum())
            weight += float(weights.sum())
    total = sum(processes.gathered(total))
    if not math.isfinite(total):
        raise DivergedError(f"the loss is not a number in epoch {number + 1}")
    return rate, total / weight


def _draw(
    truth: Array, sampling: str, rng: np.random.Generator, target: Target | None = None
) -> NDArray[np.int64]:
    """Return the rows of one epoch; balanced: a class at random, then one of its samples."""
    if sampling == "natural":
        return np.arange(len(truth))
    chances = (target or target_like(truth)).chances(truth)
    return rng.choice(len(truth), size=len(truth), p=chances / chances.sum())


def _decayed(network: torch.nn.Module, settings: TrainingSettings) -> list[Document]:
    """Return parameter groups: weight decay on matrices and kernels, none on biases and norms.

    `share` is what the learning rate is multiplied with: a language model has one of its own.
    """
    tuned: set[torch.nn.Parameter] = set()
    if settings.language_model != "frozen":
        tuned = set(network.get_submodule("embedding").parameters())
    groups = []
    for inside, rate in (
        (False, settings.learning_rate),
        (True, settings.language_model_learning_rate),
    ):
        mine = [p for p in network.parameters() if p.requires_grad and (p in tuned) == inside]
        share = rate / settings.learning_rate
        for parameters, decay in (
            ([p for p in mine if p.ndim > 1], settings.weight_decay),
            ([p for p in mine if p.ndim <= 1], 0.0),
        ):
            if parameters or not inside:
                groups.append({"params": parameters, "weight_decay": decay, "share": share})
    return groups


def _line(entry: dict[str, float]) -> str:
    names = {"validation_mcc": "MCC", "validation_roc_auc": "AUC", "validation_r2": "R²"}
    metrics = [f"{label} {entry[key]:.3f}" for key, label in names.items() if key in entry]
    losses = f"loss {entry['train_loss']:.4f}, validation {entry['validation_loss']:.4f}"
    return ", ".join([losses, *metrics])
