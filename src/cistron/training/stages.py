"""Training in stages: one after the other, each from the best weights of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from cistron.base.progress import SILENT, Reporter
from cistron.training.checkpoint import History
from cistron.training.examples import Examples
from cistron.training.restarts import train_until_learned
from cistron.training.settings import TrainingSettings


class Stage(NamedTuple):
    """What one stage trains on, and how."""

    settings: TrainingSettings
    training: Examples
    validation: Examples


def train_stages(
    network: torch.nn.Module,
    stages: Sequence[Stage],
    *,
    checkpoint: Path | None = None,
    after_epoch: Callable[[History], None] = lambda history: None,  # noqa: ARG005
    reporter: Reporter = SILENT,
) -> History:
    """Train a network in place and leave it with the weights of the last stage's best epoch.

    Every stage is a training of its own (see `cistron.training.restarts`), with a fresh
    optimiser, its own schedule and early stopping, and its own checkpoint: of a stage that is
    finished it holds the best weights, so that resumed training goes on where it stopped.

    Parameters
    ----------
    network : Module
    stages : sequence of Stage
    checkpoint : Path, optional
        File for the state of the first stage; that of stage 2 is called `<name>-2`, and so on.
    after_epoch : callable, optional
        Is given the history so far after each epoch.
    reporter : Reporter, optional

    Returns
    -------
    list of dict
        One entry an epoch. Of several stages, epochs are counted through, and each entry has the
        number of its `stage`, 1 up.
    """
    history: History = []
    for number, stage in enumerate(stages, start=1):
        joined = partial(_joined, history, number) if len(stages) > 1 else _alone
        if len(stages) > 1:
            reporter.say(f"Stage {number} of {len(stages)}.")
        entries = train_until_learned(
            network,
            stage.training,
            stage.validation,
            stage.settings,
            checkpoint=_numbered(checkpoint, number),
            after_epoch=partial(_tell, after_epoch, joined),
            reporter=reporter,
        )
        history = joined(entries)
    return history


def remove_checkpoints(path: Path) -> None:
    """Delete the checkpoints of all stages."""
    for file in path.parent.glob(f"{path.stem}*{path.suffix}"):
        file.unlink()


def _numbered(path: Path | None, stage: int) -> Path | None:
    return path if path is None or stage == 1 else path.with_stem(f"{path.stem}-{stage}")


def _tell(
    after_epoch: Callable[[History], None],
    joined: Callable[[History], History],
    history: History,
) -> None:
    after_epoch(joined(history))


def _alone(history: History) -> History:
    return history


def _joined(earlier: History, stage: int, history: History) -> History:
    """Return a stage's history behind that of the stages before."""
    return earlier + [
        {"epoch": number, "stage": stage, **{k: v for k, v in entry.items() if k != "epoch"}}
        for number, entry in enumerate(history, start=len(earlier) + 1)
    ]
