"""Every operation of a network on a pair of inputs: linear, with a rule of its own, or refused.

A `TorchFunctionMode` sees each torch function that a network calls, as a module or bare. Whatever
reads a value that depends on the input is looked up here: what is linear is left to autograd, what
has a rule (`rules`) or can be taken apart into operations that have one (`composites`) follows it,
and all else raises. So nothing non-linear passes unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.explain.rules import recurrent, rules
from cistron.explain.rules.composites import COMPOSITES
from cistron.explain.rules.rules import Refused

Operation = Callable[..., Tensor]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of torch functions and tensor methods. With a single operand that depends on the input:
LINEAR = _words(
    """
    add __add__ __radd__ sub __sub__ __rsub__ rsub subtract neg __neg__ negative
    linear conv1d conv2d conv3d pad batch_norm masked_fill where cat concat concatenate stack
    chunk split tensor_split unbind __iter__ view view_as reshape reshape_as flatten unflatten
    transpose swapaxes permute movedim moveaxis squeeze unsqueeze expand expand_as repeat
    repeat_interleave tile flip roll gather index_select take_along_dim __getitem__ narrow select
    sum mean cumsum contiguous clone to float double type_as t diagonal T mT
    avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d
    """
)
DROPOUT = _words("dropout dropout1d dropout2d feature_dropout alpha_dropout")
PRODUCTS = _words("mul __mul__ __rmul__ multiply matmul __matmul__ __rmatmul__ bmm mm einsum")
DIVISIONS = _words("div __truediv__ divide true_divide")
# Functions and properties that tell nothing of the values:
NEUTRAL = _words(
    """
    size dim stride numel __len__ is_floating_point is_complex get_device ones_like zeros_like
    full_like empty_like new_zeros new_ones new_full new_empty new_tensor
    shape dtype device ndim requires_grad layout is_cuda is_leaf is_nested is_sparse
    """
)
CLOSED: dict[str, rules.Secant] = {
    "relu": rules.relu_secant,
    "tanh": rules.tanh_secant,
    "sigmoid": rules.sigmoid_secant,
    "exp": rules.exp_secant,
    "reciprocal": rules.reciprocal_secant,
    "sqrt": rules.sqrt_secant,
    "rsqrt": rules.rsqrt_secant,
}
OTHERS = _words(
    """
    gelu silu elu selu celu softplus leaky_relu mish softsign logsigmoid hardtanh relu6 hardsigmoid
    hardswish threshold tanhshrink erf log log1p expm1 sin cos atan abs absolute square clamp
    clamp_min clamp_max
    """
)


class Operations(TorchFunctionMode):
    """What happens to the observed inputs is noted; what happens to references is paired with it.

    Used twice: the network first runs on the observed inputs with `tape` None, then on references
    with the tape of that run, any number of times.

    Parameters
    ----------
    tape : list of list of Tensor, optional
        Operands of each operation that has a rule, in order.
    """

    def __init__(self, tape: list[list[Tensor]] | None = None) -> None:
        super().__init__()
        self.recording = tape is None
        self.tape: list[list[Tensor]] = [] if tape is None else tape
        self.played = 0

    def __torch_function__(
        self,
        func: Operation,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Document | None = None,
    ) -> Any:
        """Run one operation."""
        kwargs = kwargs or {}
        operands = list(_dependent([*args, *kwargs.values()]))
        if not operands:
            return func(*args, **kwargs)
        name = _name(func)
        if name in LINEAR or name in NEUTRAL or name in DROPOUT:
            _require_inference(name, args, kwargs)
            return func(*args, **kwargs)
        if name in PRODUCTS or name in DIVISIONS:
            single = len(operands) == 1
            if single and (name in PRODUCTS or args[0] is operands[0]):
                return func(*args, **kwargs)
            if name in DIVISIONS or len(operands) > 2:
                return self._composite(name, args, kwargs)
            return self._product(func, args, kwargs, operands)
        if name in CLOSED or name in OTHERS:
            return self._elementwise(name, func, args, kwargs)
        if name in ("softmax", "_softmax"):
            return self._softmax(*args, **kwargs)
        if name == "amax":
            return self._amax(*args, **kwargs)
        if name in ("max_pool1d", "max_pool2d"):
            return self._max_pool(name == "max_pool1d", *args, **kwargs)
        if name in ("lstm_sequence", "rnn_sequence"):
            return self._sequence(func, *args)
        return self._composite(name, args, kwargs)

    def _paired(self, *operands: Tensor) -> list[Tensor] | None:
        """Note the operands of observed inputs, or return the observed ones of references."""
        if self.recording:
            self.tape.append([operand.detach() for operand in operands])
            return None
        observed = self.tape[self.played]
        self.played += 1
        for one, other in zip(operands, observed, strict=True):
            rows = len(self.tape[0][0])
            if one.shape[1:] != other.shape[1:] or len(other) != rows or len(one) % rows:
                raise Refused(
                    f"An operation on the shape {tuple(other.shape)} does not keep samples apart "
                    "as rows."
                )
        return observed

    def _composite(self, name: str, args: tuple[Any, ...], kwargs: Document) -> Any:
        if name not in COMPOSITES:
            raise Refused(f"The operation {name!r} is not supported.")
        with self:  # its parts come back here
            return COMPOSITES[name](*args, **kwargs)

    def _elementwise(
        self, name: str, func: Operation, args: tuple[Any, ...], kwargs: Document
    ) -> Tensor:
        options = {key: value for key, value in kwargs.items() if key != "input"}
        x, rest = (args[0], args[1:]) if args else (kwargs["input"], ())
        if (rest and name == "relu") or options.pop("inplace", False):
            rest = ()
        if any(isinstance(value, Tensor) for value in [*rest, *options.values()]):
            raise Refused(f"The operation {name!r} of several tensors is not supported.")

        def function(values: Tensor) -> Tensor:
            return func(values, *rest, **options)

        observed = self._paired(x)
        if observed is None:
            return function(x)
        secant = CLOSED.get(name) or rules.any_secant(function)
        return rules.Rescale.apply(x, *observed, function, secant)

    def _product(
        self,
        func: Operation,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        operands: list[Tensor],
    ) -> Tensor:
        def operation(a: Tensor, b: Tensor) -> Tensor:
            given = [a, b]
            filled = [given.pop(0) if _depends(argument) else argument for argument in args]
            return func(*filled, **kwargs)

        if sum(_depends(argument) for argument in args) != 2:
            raise Refused(f"The operation {_name(func)!r} is not supported on lists of tensors.")
        observed = self._paired(*operands)
        if observed is None:
            return operation(*operands)
        return rules.Bilinear.apply(*operands, *observed, operation)

    def _sequence(
        self, func: Operation, seen: Tensor, weight: Tensor, bias: Tensor | None, *kind: str
    ) -> Tensor:
        observed = self._paired(seen)
        if observed is None:
            with torch.no_grad():
                states = func(seen, weight, bias, *kind)
            return states.requires_grad_()
        if not kind:
            return recurrent.LSTMSequence.apply(seen, *observed, weight, bias)
        activation, secant = getattr(torch, kind[0]), CLOSED[kind[0]]
        return recurrent.RNNSequence.apply(seen, *observed, weight, bias, activation, secant)

    def _softmax(self, input: Tensor, dim: int = -1, *_: object, **__: object) -> Tensor:  # noqa: A002
        observed = self._paired(input)
        if observed is None:
            return input.softmax(dim)
        return rules.Softmax.apply(input, *observed, dim)

    def _amax(self, input: Tensor, dim: rules.Sizes = (), keepdim: bool = False) -> Tensor:  # noqa: A002
        axes = [dim] if isinstance(dim, int) else list(dim)
        if len(axes) != 1 or axes[0] % input.ndim == 0:
            raise Refused("The operation 'amax' is supported along one axis of each sample.")
        axis = axes[0] % input.ndim
        observed = self._paired(input)
        if observed is None:
            largest = input.amax(axis)
        else:
            largest = rules.Maximum.apply(input, *observed, axis)
        return largest.unsqueeze(axis) if keepdim else largest

    def _max_pool(
        self,
        flat: bool,
        input: Tensor,  # noqa: A002
        kernel_size: rules.Sizes,
        stride: rules.Sizes | None = None,
        padding: rules.Sizes = 0,
        dilation: rules.Sizes = 1,
        ceil_mode: bool = False,
        **_: object,
    ) -> Tensor:
        x = input.unsqueeze(-2) if flat else input
        options: rules.Pooling = {
            "kernel_size": _picture(kernel_size, flat, 1),
            "stride": _picture(stride, flat, 1) if stride else None,
            "padding": _picture(padding, flat, 0),
            "dilation": _picture(dilation, flat, 1),
            "ceil_mode": ceil_mode,
        }
        observed = self._paired(x)
        if observed is None:
            y = F.max_pool2d(x, **options)
        else:
            y = rules.MaxPool.apply(x, *observed, options)
        return y.squeeze(-2) if flat else y


def _picture(size: rules.Sizes, flat: bool, height: int) -> rules.Sizes:
    if not flat:
        return size
    return (height, size if isinstance(size, int) else size[0])


def _depends(value: object) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.requires_grad


def _dependent(values: list[object]) -> Iterator[Tensor]:
    """Yield the tensors that depend on the input, also from within lists."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _dependent(list(value))
        elif _depends(value):
            yield value


def _name(func: Operation) -> str:
    name = getattr(func, "__name__", str(func))
    return getattr(func, "__self__", func).__name__ if name == "__get__" else name


def _require_inference(name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Refuse what is linear in inference only."""
    training = kwargs.get("training")
    if training is None and name in DROPOUT:
        training = len(args) > 2 and args[2]
    if training:
        raise Refused(f"The operation {name!r} is in training mode.")
    if name == "pad" and kwargs.get("mode", args[2] if len(args) > 2 else "constant") != "constant":
        raise Refused("Padding is supported with a constant.")


@contextmanager
def named(network: nn.Module) -> Iterator[None]:
    """Add to a refusal the layer that it comes from."""
    entered: list[str] = []
    handles: list[RemovableHandle] = []

    def enter(name: str, *_: object) -> None:
        entered.append(name)

    def leave(*_: object) -> None:
        entered.pop()

    for name, module in network.named_modules():
        title = f"{name or 'the network'} ({type(module).__name__})"
        handles.append(module.register_forward_pre_hook(partial(enter, title)))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    except Refused as error:
        where = entered[-1] if entered else "the network"
        raise InputError(
            f"Layer {where}: {error} Attributions by deeplift would not be exact, so there are "
            "none. Use --method integrated_gradients or in_silico_mutagenesis."
        ) from error
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Put a network into inference mode without gradients of its weights, and back afterwards."""
    learned = [p for p in network.parameters() if p.requires_grad]
    training = [module for module in network.modules() if module.training]
    network.eval()
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        with torch.enable_grad():
            yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
        for module in training:
            module.training = True
