"""The state of an unfinished training: one safetensors file, replaced whole after each epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from cistron.base.outputs import written
from cistron.base.untrusted import DAMAGE
from cistron.training.averaged import AveragedWeights

History = list[dict[str, float]]
"""One entry an epoch: losses, metrics, learning rate, seconds."""


class Parts(NamedTuple):
    """What training changes: the network, the optimiser, and the average of the weights.

    `still` are modules of the network that a stage leaves as they are.
    """

    network: torch.nn.Module
    optimizer: torch.optim.Optimizer
    average: AveragedWeights | None
    still: Sequence[torch.nn.Module] = ()


def save_checkpoint(
    path: Path, parts: Parts, best: dict[str, torch.Tensor], history: History
) -> None:
    """Write network, best weights so far and optimiser state; a killed write leaves the old file.

    Parameters
    ----------
    path : Path
    parts : Parts
    best : dict of str to tensor
        State of the network after its best epoch.
    history : list of dict
    """
    tensors = {f"network.{name}": value for name, value in parts.network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    if parts.average is not None:
        tensors |= {f"average.{name}": v for name, v in parts.average.state().items()}
    for number, state in parts.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as draft:
        save_file(tensors, draft, metadata={"notes": json.dumps({"history": history})})


def read_checkpoint(path: Path | None) -> tuple[dict[str, torch.Tensor], History] | None:
    """Return the tensors of a checkpoint, on the CPU, and the history until then.

    Returns None when there is no checkpoint, or one that cannot be read: training then starts
    again, which costs time and changes nothing of the result.
    """
    if path is None or not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            history = json.loads(file.metadata()["notes"])["history"]
            return {name: file.get_tensor(name) for name in file.keys()}, history  # noqa: SIM118
    except DAMAGE:
        return None


def restore(tensors: dict[str, torch.Tensor], parts: Parts) -> dict[str, torch.Tensor]:
    """Restore network, optimiser and average in place; return the best weights so far."""
    network, optimizer, average = parts.network, parts.optimizer, parts.average
    network.load_state_dict(_under("network.", tensors))
    if average is not None:
        average.restore(_under("average.", tensors))
    document = optimizer.state_dict()
    document["state"] = {}
    for name, value in _under("optimizer.", tensors).items():
        number, key = name.split(".")
        document["state"].setdefault(int(number), {})[key] = value
    optimizer.load_state_dict(document)
    return _under("best.", tensors)


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: v for name, v in tensors.items() if name.startswith(prefix)}
