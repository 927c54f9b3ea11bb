"""The training loop."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.device import autocast, choose_device
from cistron.base.document import Document
from cistron.base.encoded import Encoded
from cistron.base.progress import SILENT, Reporter
from cistron.models.penalty import penalty
from cistron.targets.kinds import target_like
from cistron.targets.target import Target
from cistron.training.augment.augment import Augmentation
from cistron.training.batches import by_length, collated, epoch, input_lengths
from cistron.training.checkpoint import History, read_checkpoint, restore, save_checkpoint
from cistron.training.losses import UNKNOWN, losses, shared
from cistron.training.processes.processes import ALONE, DivergedError, Processes, current
from cistron.training.settings import TrainingSettings

WATCHED = ("accuracy", "mcc", "roc_auc", "macro_roc_auc", "balanced_accuracy", "r2", "pearson")


@dataclass(frozen=True, eq=False)
class Examples:
    """Encoded samples with what is to be learned of them.

    Parameters
    ----------
    x : Ragged or ndarray
        n encoded samples.
    targets : ndarray of int64, shape (n,), or of float32, shape (n, classes) or (n,)
        The class of each sample, or 1 for every class it has and 0 for the others; of shape (n,)
        the standardised number. Of several heads int64, shape (n, heads): -1 where not known.
    weights : ndarray of float32, of the shape of the targets
        Weight in the loss, class weights included; 0 where the class is not known.
    augmentation : Augmentation, optional
        What is done to them in training. The rows from `augmentation.samples` on are then no
        samples but substitutes.
    heads : tuple of Target, optional
        What is learned; of several, what each column of the targets is about. Without any the
        targets say what they are.
    """

    x: Encoded
    targets: Array
    weights: NDArray[np.float32]
    augmentation: Augmentation | None = None
    heads: tuple[Target, ...] = ()

    @property
    def asked(self) -> tuple[Target, ...]:
        """What is learned, said or not."""
        return self.heads or (target_like(self.targets),)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def first_targets(self) -> Array:
        """The targets of the first head."""
        return self.targets[:, 0] if len(self.asked) > 1 else self.targets


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
    InputError
        If the loss stops being a number.
    """
    processes = current()
    processes.require(settings)
    processes.ask(train, network, training, validation, settings)
    device = processes.device or choose_device(settings.device)
    network.to(device)
    optimizer = torch.optim.AdamW(_decayed(network, settings), lr=settings.learning_rate)
    best, last = copy.deepcopy(network.state_dict()), settings.keep == "last"
    history: History = []
    state = processes.same(read_checkpoint(checkpoint))
    if state is not None:
        tensors, history = state
        best = restore(tensors, network, optimizer)
        reporter.say(f"Resumed after epoch {len(history)}.")
    with reporter.bar(settings.epochs, "training") as advance:
        advance(len(history))
        while len(history) < settings.epochs and (
            last or _stalled(history, settings.monitor) < settings.patience
        ):
            started = perf_counter()
            rate, loss = _one_epoch(network, optimizer, training, settings, history)
            entry: dict[str, float] = {"epoch": len(history) + 1, "train_loss": loss}
            entry |= _judge(network, validation, settings, len(history) + 1)
            entry |= {"learning_rate": rate, "seconds": round(perf_counter() - started, 2)}
            history.append(processes.same(entry))  # all must decide alike
            if last or _stalled(history, settings.monitor) == 0:
                best = copy.deepcopy(network.state_dict())
            if checkpoint is not None:
                save_checkpoint(checkpoint, network, best, optimizer, history)
            after_epoch(history)
            advance(1, _line(entry))
            reporter.say(f"Epoch {entry['epoch']}: {_line(entry)}, {entry['seconds']:.0f} s")
    network.load_state_dict(best)
    return history


def compute_logits(
    network: torch.nn.Module,
    x: Encoded,
    settings: TrainingSettings,
    device: torch.device | None = None,
    processes: Processes = ALONE,
) -> NDArray[np.float32]:
    """Return the network's logits for every sample in the order given, shape (n, classes).

    Each of the processes computes its share of them, and returns all.
    """
    device = device or choose_device(settings.device)
    network.to(device).eval()
    lengths = input_lengths(x)
    pieces, order = [], []
    with torch.inference_mode(), autocast(device, settings.precision):
        batches = by_length(lengths, 4 * settings.batch_size, settings.max_tokens)
        shares = [b[processes.share(len(b))] for b in batches if processes.counts(len(b))]
        for rows, batch in collated(x, shares, device):
            pieces.append(network(*batch).float().cpu().numpy())
            order.append(rows)
    pieces = [piece for theirs in processes.gathered(pieces) for piece in theirs]
    order = [rows for theirs in processes.gathered(order) for rows in theirs]
    if not pieces:
        return np.empty((0, 0), dtype=np.float32)
    logits = np.empty((len(lengths), pieces[0].shape[1]), dtype=np.float32)
    logits[np.concatenate(order)] = np.concatenate(pieces)
    return logits


def _one_epoch(
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Examples,
    settings: TrainingSettings,
    history: History,
) -> tuple[float, float]:
    """Train one epoch; return the last learning rate and the mean loss."""
    number, device, processes = len(history), next(network.parameters()).device, current()
    rng = np.random.default_rng((settings.seed, number))
    augmentation = data.augmentation
    samples = len(data) if augmentation is None else augmentation.samples
    rows = _draw(data.first_targets[:samples], settings.sampling, rng, data.asked[0])
    if augmentation is not None:
        rows = augmentation.rows(rows, rng)
    batches = epoch(data.x, rows, settings.batch_size, settings.max_tokens, rng)
    shares = [batch[processes.share(len(batch))] for batch in batches]
    noise = processes.generator(rng, settings.seed, number)
    total = weight = 0.0
    rate = settings.learning_rate
    network.train()
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
            each = losses(logits.float(), targets, settings.loss, data.asked)
            loss = (each * processes.own(weights, len(batch))).sum() / weights.sum()
            if processes.main:  # of processes that train together, one adds it
                loss = loss + penalty(network)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            processes.add_gradients(network)
            if settings.clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
            total += float(loss.detach()) * float(weights.sum())
            weight += float(weights.sum())
    total = sum(processes.gathered(total))
    if not math.isfinite(total):
        raise _diverged("the loss is not a number", number + 1, settings)
    return rate, total / weight


def _diverged(what: str, epoch: int, settings: TrainingSettings) -> DivergedError:
    return DivergedError(
        f"training: {what} in epoch {epoch}. "
        f"Lower training.learning_rate (it is {settings.learning_rate:g})."
    )


def learning_rate(settings: TrainingSettings, progress: float, history: History) -> float:
    """Return the learning rate after `progress` epochs (with a fraction)."""
    rising = settings.warmup * settings.epochs
    rate = settings.learning_rate * min(1.0, (progress + 0.01) / rising if rising else 1.0)
    rate *= _decay(settings, int(progress) + 1)
    if settings.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * progress / settings.epochs))
    return rate * _lowered(settings, history) if settings.schedule == "plateau" else rate


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


def _judge(
    network: torch.nn.Module, data: Examples, settings: TrainingSettings, epoch: int
) -> dict[str, float]:
    device = next(network.parameters()).device
    logits = compute_logits(network, data.x, settings, device, current())
    if not np.isfinite(logits).all():
        raise _diverged("the outputs for validation samples are not numbers", epoch, settings)
    targets, weights = torch.from_numpy(data.targets), torch.from_numpy(data.weights)
    each = losses(torch.from_numpy(logits), targets, settings.loss, data.asked).numpy()
    shares = (shared(weights) if len(data.asked) > 1 else weights).numpy()
    with torch.inference_mode():
        added = float(penalty(network))
    entry = {"validation_loss": float((each * shares).sum() / shares.sum()) + added}
    return entry | {f"validation_{name}": float(v) for name, v in _watched(data, logits).items()}


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
        watched |= {f"{name}{behind}": scores[name] for name in WATCHED if name in scores}
    return watched


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


def _stalled(history: History, monitor: str) -> int:
    """Return for how many epochs what is watched on the validation part has not been better."""
    if not history:
        return 0
    sign = 1 if monitor == "loss" else -1
    values = [sign * entry[f"validation_{monitor}"] for entry in history]
    return len(values) - 1 - int(np.argmin(values))


def _line(entry: dict[str, float]) -> str:
    names = {"validation_mcc": "MCC", "validation_roc_auc": "AUC", "validation_r2": "R²"}
    metrics = [f"{label} {entry[key]:.3f}" for key, label in names.items() if key in entry]
    losses = f"loss {entry['train_loss']:.4f}, validation {entry['validation_loss']:.4f}"
    return ", ".join([losses, *metrics])
