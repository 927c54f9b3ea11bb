"""Batch normalisation by the statistics of a batch whose rows lie in several processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.nn.modules._functions import SyncBatchNorm
from torch.overrides import TorchFunctionMode

from cistron.training.processes.collectives import Sum


class SharedStatistics(TorchFunctionMode):
    """A context in which the batch normalisation of a training step sees the whole batch.

    It equals one process that holds all rows. On CUDA it is that of `torch.nn.SyncBatchNorm`,
    which refuses tensors on the CPU, and would count a row of a process that has none.

    Parameters
    ----------
    rows : int
        Of the whole batch.
    counts : bool
        Whether the rows of this process belong to the batch. If not they are normalised like the
        others, and change no statistic.
    """

    def __init__(self, rows: int, counts: bool) -> None:
        super().__init__()
        self.rows, self.counts = rows, counts

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace `batch_norm`, and nothing else."""
        computed = self.batch_norm if function is F.batch_norm else function
        return computed(*arguments, **(options or {}))

    def batch_norm(
        self,
        x: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor,
        bias: Tensor,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Normalise x, shape (rows, channels, …), over all processes (see `F.batch_norm`).

        Layers that are frozen are not in training, and keep their statistics.
        """
        if not training:
            return F.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
        if x.is_cuda and self.rows >= dist.get_world_size():
            learned = weight, bias, running_mean, running_var, eps, momentum
            return SyncBatchNorm.apply(x, *learned, dist.group.WORLD, dist.get_world_size())
        over = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        values, counted = x.float(), float(self.counts)
        size = values.new_tensor([counted * x.numel() / x.shape[1]])
        sums = Sum.apply(torch.cat([counted * values.sum(dim=over), size]))
        n = sums[-1].detach()
        if self.rows == 1 and n < 2:  # a single position has no variance
            return F.batch_norm(x, running_mean, running_var, weight, bias, eps=eps)
        mean = sums[:-1] / n
        centred = values - mean.view(shape)
        variance = Sum.apply(counted * centred.square().sum(dim=over)) / n
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (n / (n - 1)), momentum)
        y = centred * (variance + eps).rsqrt().view(shape)
        return (y * weight.view(shape) + bias.view(shape)).to(x.dtype)
