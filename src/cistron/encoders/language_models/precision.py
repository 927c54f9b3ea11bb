"""Which number formats a device computes in."""

from __future__ import annotations

from typing import Literal

import torch

from cistron.base.device import choose_device
from cistron.base.errors import InputError
from cistron.encoders.language_models.int8 import has_int8

Precision = Literal["auto", "fp32", "bf16", "int8"]


def effective_precision(precision: str, device: str) -> str:
    """Return what `auto` is on that device.

    bf16 on a CUDA device that computes in it, else fp32. A processor stays with fp32 even where
    it has instructions for bf16, so that embeddings agree between machines; bf16 is there for the
    asking.

    Raises
    ------
    InputError
        If the device does not have the precision.
    """
    place = choose_device(device)
    cuda, cpu = place.type == "cuda", place.type == "cpu"
    there = {
        "fp32": True,
        "bf16": (cuda and torch.cuda.is_bf16_supported(including_emulation=False))
        or (cpu and _processor_has_bf16()),
        "int8": cpu and has_int8(),
    }
    if precision == "auto":
        return "bf16" if cuda and there["bf16"] else "fp32"
    if not there[precision]:
        which = "a processor that has the instructions" if precision == "int8" else "newer hardware"
        raise InputError(
            f"precision: this {place.type} does not compute in {precision}, which needs {which}. "
            "Use auto or fp32."
        )
    return precision


def _processor_has_bf16() -> bool:
    """Whether there are instructions for bf16; without them it is slower than fp32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
