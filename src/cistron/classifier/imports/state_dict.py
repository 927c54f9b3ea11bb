"""The tensors of a PyTorch network, read without running anything in the file."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cistron.base.errors import InputError

# What reading a file that is damaged, or more than tensors, raises.
UNREADABLE = (
    pickle.UnpicklingError,
    SafetensorError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file that `torch.save` or safetensors wrote, on the CPU.

    Raises
    ------
    InputError
        If the file is damaged, or holds anything but tensors by name.
    """
    try:
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"
        if is_safetensors:
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise InputError(
            f"{path} is damaged, or holds more than tensors: reading that could run code, so it "
            "is not read. Save the tensors alone: torch.save(model.state_dict(), FILE)."
        ) from error
    if not isinstance(state, dict) or not state:
        raise InputError(f"{path} holds no tensors by name (model.state_dict() gives them).")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{path}: {name!r} is no tensor. Save the tensors alone: "
                "torch.save(model.state_dict(), FILE)."
            )
    return state


def load_strictly(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Put every tensor into the network, which must have the same names and shapes.

    Raises
    ------
    InputError
        Naming the first tensor that is missing, too many, of another shape or not a number.
    """
    expected = network.state_dict()
    for name in expected:
        if name not in state:
            raise InputError(f"{path} lacks the tensor {name!r}: it is not the published network.")
    for name, value in state.items():
        if name not in expected:
            raise InputError(
                f"{path} holds the tensor {name!r}, which the published network has not."
            )
        if value.shape != expected[name].shape:
            raise InputError(
                f"{path}: the tensor {name!r} has the shape {tuple(value.shape)}, in the published "
                f"network it is {tuple(expected[name].shape)}."
            )
        if not value.isfinite().all():
            raise InputError(f"{path}: the tensor {name!r} holds values that are no numbers.")
    network.load_state_dict(state, strict=True)
