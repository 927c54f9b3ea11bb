"""Where a network runs, and in which precision."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext

import torch

from cistron.base.errors import InputError

DEVICES = r"(auto|cpu|mps|cuda(:\d+)?)"  # what a device may be called


def require_known(name: str) -> None:
    """Refuse a word that names no device.

    Raises
    ------
    InputError
        If it is neither auto, cpu, cuda (or cuda:1, …) nor mps.
    """
    if not re.fullmatch(DEVICES, name):
        raise InputError(f"device: there is no {name!r}. Use auto, cpu, cuda (cuda:0, …) or mps.")


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is the fastest there is.

    Raises
    ------
    InputError
        If the device is not there. There is no silent fall-back to the CPU.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    require_known(name)
    device = torch.device(name)
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device.type]:
        raise InputError(f"device: there is no {name!r} on this machine. Use --device auto or cpu.")
    return device


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return the context in which forward passes run in the wanted precision."""
    wanted = precision == "bf16" or (
        precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    )
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()
