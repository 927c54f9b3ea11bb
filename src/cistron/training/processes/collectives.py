"""What processes do all at once: add tensors up, and tell one another Python objects.

Each function has to be called by every process of the training, in the same order.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from cistron.base.errors import InputError

BUCKET = 16 * 2**20  # numbers of the gradient that are added up at once


class SharedError(InputError):
    """What all processes of a training notice, and the main one says."""


def add_up(numbers: Tensor) -> Tensor:
    """Replace a tensor by its sum over the processes, and return it."""
    with _unbroken():
        dist.all_reduce(numbers)
    return numbers


class Sum(torch.autograd.Function):
    """The sum over the processes, of numbers and of their gradients."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor) -> Tensor:  # noqa: ARG004
        """Return the sum."""
        return add_up(numbers.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        """Return the sum of the gradients: what each process made of the sum depends on all."""
        return add_up(gradients[0].clone())


def add_gradients(network: torch.nn.Module) -> None:
    """Replace every gradient by its sum over the processes.

    A parameter that has a gradient in none of them is left without, as in one process.
    """
    learned = [p for p in network.parameters() if p.requires_grad]
    having = learned[0].new_tensor([p.grad is not None for p in learned])
    used = [p for p, n in zip(learned, add_up(having).tolist(), strict=True) if n]
    for bucket in _buckets(used):
        whole = add_up(torch.cat([_gradient(p).flatten() for p in bucket]))
        parts = whole.split([p.numel() for p in bucket])
        for parameter, part in zip(bucket, parts, strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype)


def told_by_main(thing: Any, group: Any) -> Any:
    """Return what the main process has; tensors arrive on the CPU."""
    held = [_packed(thing) if dist.get_rank() == 0 else None]
    with _unbroken():
        dist.broadcast_object_list(held, src=0, group=group)
    return thing if dist.get_rank() == 0 else _unpacked(held[0] or b"")


def told_by_each(thing: Any, group: Any) -> list[Any]:
    """Return what each process has, in the order of their ranks."""
    held: list[Any] = [None] * dist.get_world_size()
    with _unbroken():
        dist.all_gather_object(held, thing, group=group)
    return held


@contextmanager
def _unbroken() -> Iterator[None]:
    """Say it in words where another process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise SharedError(
            "Another process of this training has ended; if it said why, that stands above. Mend "
            "it and continue with --resume."
        ) from error


def _buckets(parameters: list[torch.nn.Parameter]) -> Iterator[list[torch.nn.Parameter]]:
    """Return consecutive parameters of at most `BUCKET` numbers together, or single ones."""
    bucket: list[torch.nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if bucket and size + parameter.numel() > BUCKET:
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.numel()
    if bucket:
        yield bucket


def _gradient(parameter: torch.nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _packed(thing: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer, pickle_protocol=5)
    return buffer.getvalue()


def _unpacked(packed: bytes) -> Any:
    # It comes from a process of the same command, and from nobody else.
    return torch.load(io.BytesIO(packed), map_location="cpu", weights_only=False)
