"""Weights in Keras's HDF5 files → the parameters of PyTorch's layers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.base.errors import InputError
from cistron.models.keras.keras_layers import LSTM, BothDirections, Convolution
from cistron.models.layers import BatchNorm

# Where Keras 3 keeps the variables of a layer, below the layer's own group.
CELLS = {
    "LSTM": ("cell/vars",),
    "Bidirectional": ("forward_layer/cell/vars", "backward_layer/cell/vars"),
}

AFFINE = (("scale", "weight"), ("center", "bias"))


def read_weights(file: h5py.File, classes: Sequence[str], where: str) -> list[list[NDArray]]:
    """Return the arrays of every layer that has any, in order.

    Parameters
    ----------
    file : h5py.File
        Of Keras 2 (`layer_names`, alone or under `model_weights`), where layers go by their order,
        or of Keras 3 (`layers/<class>_<number>/vars`), where they go by their class.
    classes : sequence of str
        Class names of all layers of the network.
    where : str
        What messages begin with: the file.

    Raises
    ------
    InputError
        If it has neither layout.
    """
    root = file.get("model_weights", file)
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        try:
            groups = [root[name] for name in _names(root, "layer_names")]
            found = [[group[k][()] for k in _names(group, "weight_names")] for group in groups]
        except KeyError as error:
            raise InputError(f"{where} lists weights that are not in it: {error}.") from error
        return [arrays for arrays in found if arrays]
    layers = file.get("layers", file.get("_layer_checkpoint_dependencies"))
    if layers is None:
        raise InputError(
            f"{where} holds no weights of Keras: neither `layer_names` nor the group `layers` is "
            f"in it (there are: {', '.join(list(file)[:5]) or 'no groups'})."
        )
    seen: Counter[str] = Counter()
    found = []
    for name in classes:
        base = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        group = f"{base}_{seen[base]}" if seen[base] else base
        seen[base] += 1
        arrays: list[NDArray] = []
        for below in CELLS.get(name, ("vars",)):
            variables = layers.get(f"{group}/{below}", {})
            arrays += [variables[key][()] for key in sorted(variables, key=int)]
        if arrays:
            found.append(arrays)
    return found


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """Return an attribute that lists names, whole or cut into `<name>0`, `<name>1` and so on."""
    keys = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(keys)}" in group.attrs:
        keys.append(f"{attribute}{len(keys)}")
    names = [name for key in keys for name in group.attrs[key]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def variables(module: nn.Module, config: dict[str, Any]) -> list[tuple[Tensor, str]]:
    """Return what a layer's arrays go into, in Keras's order, with the array's kind.

    Parameters
    ----------
    module : Module
        Built from the layer's settings.
    config : dict
        Keras's configuration of the layer; normalisations may be without `scale` or `center`.

    Returns
    -------
    list of (tensor, kind)
        Kinds: "kernel" (as many axes as the tensor, in reversed roles) and "vector".
    """
    if isinstance(module, nn.Sequential):  # with its activation
        return variables(module[0], config) if len(module) else []
    if isinstance(module, BothDirections):
        return variables(module.onward, config) + variables(module.backward, config)
    own = dict(module.named_parameters()) | dict(module.named_buffers())
    if isinstance(module, LSTM):
        kernels = [(own[f"cell.weight_{gates}_l0"], "kernel") for gates in ("ih", "hh")]
        return kernels + ([(own["cell.bias_ih_l0"], "vector")] if module.cell.bias else [])
    if isinstance(module, Convolution | nn.Linear):
        return [(own["weight"], "kernel")] + ([(own["bias"], "vector")] if "bias" in own else [])
    if isinstance(module, BatchNorm | nn.LayerNorm):
        learned = [name for key, name in AFFINE if config.get(key, True)]
        estimated = ["running_mean", "running_var"] if isinstance(module, BatchNorm) else []
        return [(own[name], "vector") for name in learned + estimated]
    return []


@torch.no_grad()
def load_into(targets: list[tuple[Tensor, str]], arrays: list[NDArray], where: str) -> None:
    """Copy a layer's arrays into its tensors.

    A kernel of Keras is (positions…, channels, filters), one of PyTorch (filters, channels,
    positions…). The gates of an LSTM stand in the same order in both.

    Raises
    ------
    InputError
        If number or shapes differ, or a value is no number.
    """
    turned = [
        _turned(array) if kind == "kernel" else array
        for array, (_, kind) in zip(arrays, targets, strict=False)
    ]
    given, wanted = [a.shape for a in turned], [tuple(t.shape) for t, _ in targets]
    if len(arrays) != len(targets) or given != wanted:
        shapes = ", ".join(str(array.shape) for array in arrays) or "none"
        raise InputError(
            f"{where}: the weights have the shapes {shapes}, which is not what the layer's "
            "configuration asks for. Are model and weights those of one network?"
        )
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(f"{where}: its weights hold values that are no numbers.")
    for (tensor, _), array in zip(targets, turned, strict=True):
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)))


def _turned(kernel: NDArray) -> NDArray:
    axes = range(kernel.ndim)
    return kernel.transpose(axes[-1], axes[-2], *axes[:-2])
