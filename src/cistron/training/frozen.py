"""Layers of a network that a stage of training leaves as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

from torch import nn

from cistron.base.errors import InputError

MOST_NAMES = 60  # of a message


@contextmanager
def held(network: nn.Module, patterns: Sequence[str]) -> Iterator[list[nn.Module]]:
    """Let no gradient reach what the patterns name, for the time of the context.

    A pattern names a module, with all that is in it, or a weight. `*` stands for any letters, dots
    too.

    Parameters
    ----------
    network : Module
    patterns : sequence of str

    Yields
    ------
    list of Module
        Those that are to be in evaluation mode, so that a batch norm keeps its statistics: the
        modules that are named, all modules in them, and those of which every weight is named.

    Raises
    ------
    InputError
        If a pattern names nothing, or nothing is left to be learned.
    """
    named = _named(network, patterns)
    weights = [p for name, p in network.named_parameters() if p.requires_grad and name in named]
    if patterns and len(weights) == sum(p.requires_grad for p in network.parameters()):
        raise InputError(
            f"training.frozen: {', '.join(patterns)} name all weights of the network, so nothing "
            "could be learned. Leave a layer out, such as the last one."
        )
    modules = [module for name, module in network.named_modules() if _still(name, module, named)]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield modules
    finally:
        for weight in weights:
            weight.requires_grad_(True)


def require_named(network: nn.Module, patterns: Sequence[str]) -> None:
    """Refuse patterns that name nothing, or everything (see `held`).

    Raises
    ------
    InputError
    """
    with held(network, patterns):
        pass


def _named(network: nn.Module, patterns: Sequence[str]) -> set[str]:
    """Return the names of all modules, weights and statistics that the patterns name."""
    modules = {name for name, _ in network.named_modules() if name}
    names = modules | {name for name, _ in network.named_parameters()}
    names |= {name for name, _ in network.named_buffers()}
    roots = set()
    for pattern in patterns:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise InputError(
                f"training.frozen: the network has no layer or weight {pattern!r}. It has: "
                f"{_listed(sorted(modules))}."
            )
        roots |= matches
    return {name for name in names if any(prefix in roots for prefix in _prefixes(name))}


def _prefixes(name: str) -> Iterator[str]:
    """Return "a", "a.b" and "a.b.c" of the name "a.b.c"."""
    parts = name.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))


def _still(name: str, module: nn.Module, named: set[str]) -> bool:
    """Return whether a module is named, or holds weights and each of them is.

    A recurrent layer is not: cuDNN computes its gradient in training mode alone.
    """
    if isinstance(module, nn.RNNBase):
        return False
    weights = [key for key, _ in module.named_parameters(prefix=name, recurse=False)]
    return name in named or (bool(weights) and named.issuperset(weights))


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
