"""What the processes of a training add up; all of them call it, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from cistron.base.errors import InputError


class SharedError(InputError):
    """What all processes of a training notice, and the main one says."""


@contextmanager
def unbroken() -> Iterator[None]:
    """Say it in words where another process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise SharedError(
            "Another process of this training has ended; if it said why, that stands above. Mend "
            "it and continue with --resume."
        ) from error


def add_up(numbers: Tensor) -> Tensor:
    """Replace a tensor by its sum over the processes, and return it."""
    with unbroken():
        dist.all_reduce(numbers)
    return numbers


class Sum(torch.autograd.Function):
    """The sum over the processes, of numbers and of their gradients.

    What `torch.distributed.nn.functional.all_reduce` was until it was deprecated.
    """

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
    (`DistributedDataParallel` averages them, and on stderr it warns of every network that has no
    such parameter.)
    """
    learned = [p for p in network.parameters() if p.requires_grad]
    having = add_up(learned[0].new_tensor([p.grad is not None for p in learned]))
    used = [p for p, processes in zip(learned, having.tolist(), strict=True) if processes]
    for parameter in used:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in used if p.grad is not None]
    whole = add_up(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, whole.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
