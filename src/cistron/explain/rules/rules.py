"""Multipliers: how a difference at the output of an operation is shared among its inputs.

An operation is seen twice, on what was observed and on a reference. Its multipliers m satisfy

    sum of m * (input - input of the reference) = output - output of the reference

exactly, and multipliers of operations chain as derivatives do. So each rule here is an
`autograd.Function` on the references that knows the observed values and whose backward pass
multiplies with m where a derivative would stand; all linear operations are left to autograd.

- A function of one number: the rescale rule of DeepLIFT (Shrikumar, A., Greenside, P. & Kundaje, A.
  Learning important features through propagating activation differences. ICML 2017,
  arXiv:1704.02685), m = (f(x) - f(x0)) / (x - x0), in closed forms that lose no digits where there
  are such.
- A maximum: what it rises above the reference's is the work of the observed maximum's position,
  what it falls below is that of the reference's (as in the implementation of Lundberg, S. M. & Lee,
  S.-I. A unified approach to interpreting model predictions. NeurIPS 2017, arXiv:1705.07874).
- A product, or any bilinear operation: the derivative half-way between the two, since
  ab - a0 b0 = (a + a0)/2 (b - b0) + (b + b0)/2 (a - a0).
- Softmax: y = exp(x - log sum exp x), with the rescale rule for both exponentials. Shares y_i and
  y0_i enter by their logarithmic mean L_i = (y_i - y0_i) / (log y_i - log y0_i), which makes
  m_ij = L_i (delta_ij - L_j / sum L): exact, and bounded whatever the scores are.

Rows of references are grouped by observed row: `references` rows belong to the first observed row,
as many to the second, and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypedDict

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Sizes = int | list[int] | tuple[int, ...]


class Pooling(TypedDict):
    """Options of max-pooling, as torch names them."""

    kernel_size: Sizes
    stride: Sizes | None
    padding: Sizes
    dilation: Sizes
    ceil_mode: bool


class Context(Protocol):
    """What a forward pass hands to its backward pass: torch's context, and what rules add."""

    saved_tensors: tuple[Tensor, ...]
    secant: Secant
    dim: int
    options: Pooling
    operation: Callable[[Tensor, Tensor], Tensor]

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep tensors for the backward pass."""


class Refused(Exception):  # noqa: N818 (what happens to it)
    """A network does something that no rule is known for."""


Secant = Callable[[Tensor, Tensor], Tensor]
"""Multipliers of a function of one number, from observed and reference inputs."""


def grouped(reference: Tensor, observed: Tensor) -> Tensor:
    """Return rows of references, shape (n * references, …), as (n, references, …); a view."""
    return reference.unflatten(0, (len(observed), -1))


def half_way(reference: Tensor, observed: Tensor) -> Tensor:
    """Return the mean of each reference and its observed row, of the shape of the references."""
    return ((grouped(reference, observed) + observed.unsqueeze(1)) / 2).flatten(0, 1)


# ---------------------------------------------------------------- functions of one number


def relu_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return (relu(x) - relu(x0)) / (x - x0): larger / difference, cut off at 0 and at 1."""
    share = torch.maximum(x, x0)
    return share.div_((x - x0).abs_()).clamp_(0, 1).nan_to_num_(0)


def _smooth_ratio(change: Tensor, difference: Tensor, at_zero: float = 1.0) -> Tensor:
    return torch.where(difference == 0, at_zero, change / difference)


def tanh_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return the secant of tanh, by the formula for the difference of two."""
    difference = x - x0
    return _smooth_ratio(difference.tanh(), difference) * (1 - x.tanh() * x0.tanh())


def sigmoid_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return the secant of the logistic function, which is (1 + tanh(x / 2)) / 2."""
    return tanh_secant(x / 2, x0 / 2) / 4


def log_mean(y: Tensor, y0: Tensor, difference: Tensor) -> Tensor:
    """Return the logarithmic mean of two positive numbers whose logarithms differ so much."""
    away = difference.abs()
    ratio = _smooth_ratio(-torch.expm1(-away), away)
    return (torch.maximum(y, y0) * ratio).nan_to_num_(0)


def exp_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return the secant of the exponential."""
    return log_mean(x.exp(), x0.exp(), x - x0)


def reciprocal_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return the secant of 1 / x."""
    return -1 / (x * x0)


def sqrt_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return the secant of the square root."""
    return 1 / (x.sqrt() + x0.sqrt())


def rsqrt_secant(x: Tensor, x0: Tensor) -> Tensor:
    """Return the secant of 1 / sqrt(x)."""
    root, root0 = x.sqrt(), x0.sqrt()
    return -1 / (root * root0 * (root + root0))


def any_secant(function: Callable[[Tensor], Tensor]) -> Secant:
    """Return the secant of any smooth or piecewise linear function.

    Where the two inputs lie closer than the cube root of the precision, it is the derivative
    half-way between them: there rounding would cost a quotient more than the curvature costs the
    derivative.
    """

    def secant(x: Tensor, x0: Tensor) -> Tensor:
        difference = x - x0
        near = difference.abs() < torch.finfo(x.dtype).eps ** (1 / 3)
        quotient = (function(x) - function(x0)) / difference.masked_fill(near, 1)
        with torch.enable_grad():
            middle = ((x + x0) / 2).detach().requires_grad_()
            (slope,) = torch.autograd.grad(function(middle).sum(), middle)
        return torch.where(near, slope, quotient).nan_to_num_(0)

    return secant


class Rescale(Function):
    """A function of one number."""

    @staticmethod
    def forward(
        ctx: Context, x0: Tensor, x: Tensor, function: Callable[[Tensor], Tensor], secant: Secant
    ) -> Tensor:
        """Return the function of the references, x0; x is what was observed."""
        ctx.save_for_backward(x0, x)
        ctx.secant = secant
        return function(x0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Multiply with the secant."""
        x0, x = ctx.saved_tensors
        slopes = ctx.secant(x.unsqueeze(1), grouped(x0, x)).flatten(0, 1)
        return slopes.mul_(gradient), None, None, None


# ---------------------------------------------------------------- maxima


def _max_multipliers(
    y: Tensor, y0: Tensor, x_there: Tensor, x0_there: Tensor, gradient: Tensor
) -> Tensor:
    """Return the gradient times the multiplier of the position that a change is the work of."""
    difference = x_there - x0_there
    share = torch.where(difference == 0, 1.0, (y - y0) / difference)
    return share.nan_to_num_(0).flatten(0, 1).mul_(gradient)


class Maximum(Function):
    """The maximum along one axis."""

    @staticmethod
    def forward(ctx: Context, x0: Tensor, x: Tensor, dim: int) -> Tensor:
        """Return the maxima of the references, without the axis."""
        y0, place0 = x0.max(dim, keepdim=True)
        ctx.save_for_backward(x0, x, y0, place0)
        ctx.dim = dim
        return y0.squeeze(dim)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Give each difference to the position whose work it is."""
        x0, x, y0, place0 = ctx.saved_tensors
        dim = ctx.dim
        y, place = (part.unsqueeze(1) for part in x.max(dim, keepdim=True))
        y0, place0, before = (grouped(part, x) for part in (y0, place0, x0))
        where = torch.where(y > y0, place, place0)
        here = x.unsqueeze(1).expand_as(before).gather(dim + 1, where)
        there = before.gather(dim + 1, where)
        change = _max_multipliers(y, y0, here, there, gradient.unsqueeze(dim))
        spread = torch.zeros_like(x0).scatter_(dim, where.flatten(0, 1), change)
        return spread, None, None


class MaxPool(Function):
    """Two-dimensional max-pooling, with windows that may overlap."""

    @staticmethod
    def forward(ctx: Context, x0: Tensor, x: Tensor, options: Pooling) -> Tensor:
        """Return the pooled references."""
        y0, place0 = F.max_pool2d(x0, **options, return_indices=True)
        ctx.save_for_backward(x0, x, y0, place0)
        ctx.options = options
        return y0

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Give each difference to the position whose work it is."""
        x0, x, y0, place0 = ctx.saved_tensors
        pooled = F.max_pool2d(x, **ctx.options, return_indices=True)
        y, place = (part.unsqueeze(1) for part in pooled)
        y0, place0, before = (grouped(part, x) for part in (y0, place0, x0))
        where = torch.where(y > y0, place, place0)
        here = _at(x.unsqueeze(1).expand_as(before), where)
        change = _max_multipliers(y, y0, here, _at(before, where), gradient)
        o = ctx.options
        spread = torch.ops.aten.max_pool2d_with_indices_backward(
            change,
            x0,
            _two(o["kernel_size"]),
            _two(o["stride"] or o["kernel_size"]),
            _two(o["padding"]),
            _two(o["dilation"]),
            o["ceil_mode"],
            where.flatten(0, 1),
        )
        return spread, None, None


def _two(size: Sizes) -> list[int]:
    sizes = [size] if isinstance(size, int) else list(size)
    return sizes * 2 if len(sizes) == 1 else sizes


def _at(pictures: Tensor, places: Tensor) -> Tensor:
    """Return the values at flat places of pictures, both of shape (…, height, width)."""
    flat = places.flatten(-2)
    return pictures.flatten(-2).gather(-1, flat).unflatten(-1, places.shape[-2:])


# ---------------------------------------------------------------- products, softmax


class Bilinear(Function):
    """Any operation that is linear in each of two operands."""

    @staticmethod
    def forward(
        ctx: Context,
        a0: Tensor,
        b0: Tensor,
        a: Tensor,
        b: Tensor,
        operation: Callable[[Tensor, Tensor], Tensor],
    ) -> Tensor:
        """Return the operation on the references, a0 and b0."""
        ctx.save_for_backward(a0, b0, a, b)
        ctx.operation = operation
        return operation(a0, b0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Take the derivative half-way between observed and reference."""
        a0, b0, a, b = ctx.saved_tensors
        with torch.enable_grad():
            middle = [half_way(*pair).detach().requires_grad_() for pair in ((a0, a), (b0, b))]
            product = ctx.operation(*middle)
        shares = torch.autograd.grad(product, middle, gradient)
        return *shares, None, None, None


class Softmax(Function):
    """Softmax along one axis."""

    @staticmethod
    def forward(ctx: Context, x0: Tensor, x: Tensor, dim: int) -> Tensor:
        """Return the softmax of the references."""
        ctx.save_for_backward(x0, x)
        ctx.dim = dim
        return x0.softmax(dim)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Share the difference by the logarithmic means."""
        x0, x = ctx.saved_tensors
        dim = ctx.dim % x.ndim
        logs0, logs = grouped(x0.log_softmax(dim), x), x.log_softmax(dim).unsqueeze(1)
        means = log_mean(logs.exp(), logs0.exp(), logs - logs0).flatten(0, 1)
        direct = gradient * means
        total = direct.sum(dim, keepdim=True) / means.sum(dim, keepdim=True)
        return direct - means * total, None, None
