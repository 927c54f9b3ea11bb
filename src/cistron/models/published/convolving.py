"""Three convolutions along one vector, and how long the vector must be."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from pydantic import PositiveInt
from torch import Tensor, nn

from cistron.base.errors import InputError

Three = tuple[PositiveInt, PositiveInt, PositiveInt]
PADDING = 1
POOLED = (True, True, True)


class Convolving(nn.Module):
    """A network with three convolutions along the vector: conv1, bn1, conv2, bn2, conv3, bn3."""

    def convolve(
        self,
        features: int,
        filters: Three,
        sizes: Three,
        padding: int = PADDING,
        pools: Sequence[bool] = POOLED,
        norms: bool = True,
    ) -> int:
        """Add the convolutions; return how many numbers they make of a vector's `features`."""
        left = positions_left(features, sizes, pools, padding)
        widths = (1, *filters)
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(widths[n], widths[n + 1], (size, 1), padding=(padding, 0))
            for n, size in enumerate(sizes)
        )
        self.bn1, self.bn2, self.bn3 = (
            nn.BatchNorm2d(width) if norms else nn.Identity() for width in filters
        )
        self.pools = pools
        return filters[-1] * left

    def convolved(self, x: Tensor) -> Tensor:
        """Return shape (batch, filters, positions) of x, shape (batch, features)."""
        x = x.unsqueeze(1).unsqueeze(3)
        layers = ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3))
        for (convolution, norm), pool in zip(layers, self.pools, strict=True):
            x = F.relu(norm(convolution(x)))
            x = F.max_pool2d(x, (2, 1)) if pool else x
        return x.squeeze(3)


def least_features(kernel_sizes: Sequence[int], pools: Sequence[bool], padding: int = 0) -> int:
    """Return the length of the shortest vector that the convolutions can read.

    Of each convolution at least two positions must be left, so that batch normalisation has a
    variance even for one sample.
    """
    least = 1
    for size, pool in zip(reversed(kernel_sizes), reversed(pools), strict=True):
        least = max(2 * least if pool else least, 2) + size - 1 - 2 * padding
    return least


def positions_left(
    features: int, kernel_sizes: Sequence[int], pools: Sequence[bool], padding: int = 0
) -> int:
    """Return the length of a vector after convolutions, each with or without pooling by 2.

    Raises
    ------
    InputError
        If the vector is too short.
    """
    least = least_features(kernel_sizes, pools, padding)
    if features < least:
        sizes = ", ".join(map(str, kernel_sizes))
        raise InputError(
            f"model.kernel_sizes: convolutions of {sizes} need a vector of at least {least} "
            f"features, and the encoder gives {features}. Choose an encoder that gives more, or "
            "smaller kernels."
        )
    for size, pool in zip(kernel_sizes, pools, strict=True):
        features += 2 * padding - size + 1
        features = features // 2 if pool else features
    return features
