"""Keras networks of DNA (Sequential, or any plain chain), read without Keras or TensorFlow."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from cistron.base.arrays import Array
from cistron.base.errors import InputError
from cistron.base.untrusted import as_damage, parse_json
from cistron.classifier.classifier import Classifier
from cistron.classifier.imports import hdf5_probe
from cistron.classifier.imports.hdf5_probe import MOST_NUMBERS
from cistron.classifier.imports.keras_description import Json, Layer, chain, chain_settings
from cistron.classifier.imports.untrained import untrained
from cistron.encoders.one_hot import OneHotSettings
from cistron.models.input import Network
from cistron.training.settings import TrainingSettings

PATIENCE = 60  # seconds that reading a file of weights may take
NOTES = (
    "Its training samples are not in the files, so no sequence is called unlike them, and nothing "
    "is scored.",
    "Its probabilities are the published ones and are not calibrated.",
)

# Where Keras 3 keeps the variables of a layer, below the layer's own group.
CELLS = {
    "LSTM": ("cell/vars",),
    "Bidirectional": ("forward_layer/cell/vars", "backward_layer/cell/vars"),
}
# Tensors of ours that Keras has not: a second bias that is zero, and a count.
OURS = {"bias_hh_l0", "num_batches_tracked"}


def import_keras(
    files: Sequence[Path], *, classes: Sequence[str] | None = None, both_strands: bool = False
) -> Classifier:
    """Return the classifier that a Keras network of DNA is.

    Parameters
    ----------
    files : sequence of path
        A model in JSON and its weights in HDF5, of Keras 2 or 3; or one file with both: `.keras`,
        or `.h5` of a whole model. The input is one-hot DNA in the order A, C, G, T with zeros for
        N, of shape (length, 4), (length, 4, 1) or (1, length, 4).
    classes : sequence of str, optional
        "negative" and "positive" of one sigmoid output, "class_0", … of a softmax, unless given.
    both_strands : bool
        Average the logits of both strands.

    Raises
    ------
    InputError
        Naming the file and the layer that cannot be read.
    """
    names = " and ".join(map(str, files))
    with as_damage(f"{names}: this is no Keras model that can be read ({{}}). Save it again."):
        return _import(files, classes, both_strands)


def _import(files: Sequence[Path], classes: Sequence[str] | None, both_strands: bool) -> Classifier:
    document, weights, where = _open(files)
    with weights:
        layers = list(chain(document, where))
        settings, width = chain_settings(layers, where)
        encoder = OneHotSettings(
            max_length=settings.length, both_strands="average" if both_strands else False
        )
        # Single precision: the published predictions, to the last digit that can be had.
        training, names = TrainingSettings(precision="fp32"), _class_names(classes, width)
        fitted = encoder.restore({}, {})
        with torch.device("meta"):
            network = Network(fitted.shape, settings, len(names))
        if sum(tensor.numel() for tensor in network.parameters()) > MOST_NUMBERS:
            raise InputError(f"{where}: the network has more than {MOST_NUMBERS:,} weights.")
        classifier = untrained(encoder, fitted, settings, training, names, "dna")
        arrays = _arrays(weights, layers, str(files[-1]))
        modules = classifier.model_.body.layers
        # Where the input is a picture, a Reshape of ours stands before Keras's first layer.
        for layer, module in zip(
            layers[1:], modules[len(modules) - len(layers) + 1 :], strict=True
        ):
            _load(module, layer, arrays)
        if next(arrays, None) is not None:
            raise InputError(
                f"{files[-1]} holds weights of more layers than {where} has. Are model and "
                "weights those of one network?"
            )
    classifier.provenance_ = {"notes": list(NOTES)}
    return classifier


def _class_names(classes: Sequence[str] | None, width: int) -> list[str]:
    number = max(width, 2)
    if classes is None:
        return ["negative", "positive"] if width == 1 else [f"class_{k}" for k in range(width)]
    if len(set(classes)) != number or len(classes) != number or not all(classes):
        raise InputError(
            f"--classes {','.join(classes)}: the network tells {number} classes apart, so "
            f"{number} different names are needed."
        )
    return list(classes)


def _open(files: Sequence[Path]) -> tuple[Json, h5py.File, str]:
    """Return the model's description, its weights, and the name of the file with the former."""
    if len(files) not in (1, 2):
        raise InputError("import keras: give MODEL.json and WEIGHTS.h5, or one .keras or .h5 file.")
    model, weights = files[0], files[-1]
    for path in files:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file.")
    if zipfile.is_zipfile(model):
        with zipfile.ZipFile(model) as archive:
            if sum(member.file_size for member in archive.infolist()) > 8 * MOST_NUMBERS:
                raise ValueError("it unpacks to too many bytes")
            missing = {"config.json", "model.weights.h5"} - set(archive.namelist())
            if missing:
                raise InputError(f"{model} is no Keras model: it has no {min(missing)}.")
            text = archive.read("config.json")
            return _parse(text, model), _hdf5(archive.read("model.weights.h5"), model), str(model)
    if len(files) == 2:
        return _parse(model.read_bytes(), model), _hdf5(weights.read_bytes(), weights), str(model)
    file = _hdf5(model.read_bytes(), model)
    if "model_config" not in file.attrs:
        raise InputError(
            f"{model} holds weights alone. Give the model's JSON too (model.to_json() in Keras): "
            "cistron import keras MODEL.json WEIGHTS.h5"
        )
    return _parse(file.attrs["model_config"], model), file, str(model)


def _hdf5(content: bytes, path: Path) -> h5py.File:
    command = [sys.executable, hdf5_probe.__file__]
    try:
        subprocess.run(command, input=content, capture_output=True, check=True, timeout=PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{path} is cut short or no HDF5 file.") from error
    try:
        return h5py.File(io.BytesIO(content), "r")
    except OSError as error:
        raise InputError(f"{path} is cut short or no HDF5 file.") from error


def _parse(text: str | bytes, path: Path) -> Json:
    try:
        document = parse_json(text, str(path))
        config = document["config"]
        layers = config if isinstance(config, list) else config["layers"]
        if document["class_name"] and all(
            e["class_name"] and "name" in e["config"] for e in layers
        ):
            return document
    except (KeyError, TypeError):
        pass
    raise InputError(f"{path} is not the JSON of a Keras model (model.to_json() writes it).")


def _arrays(file: h5py.File, layers: Sequence[Layer], where: str) -> Iterator[list[Array]]:
    """Yield the arrays of every layer that has any, in order.

    Weights of Keras 2 (`layer_names`, alone or under `model_weights`) go by their order, those of
    Keras 3 (`layers/<class>_<number>/vars`) by their class.

    Raises
    ------
    InputError
        If the file has neither layout.
    """
    root = file.get("model_weights", file)
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        try:
            groups = [root[name] for name in _names(root, "layer_names")]
            each = [[_array(group[k]) for k in _names(group, "weight_names")] for group in groups]
        except KeyError as error:
            raise InputError(f"{where} lists weights that are not in it: {error}.") from error
        yield from filter(None, each)
        return
    kept = file.get("layers", file.get("_layer_checkpoint_dependencies"))
    if kept is None:
        raise InputError(
            f"{where} holds no weights of Keras: neither `layer_names` nor the group `layers` is "
            f"in it (there are: {', '.join(list(file)[:5]) or 'no groups'})."
        )
    seen: Counter[str] = Counter()
    for layer in layers:
        base = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", layer.kind).lower()
        group = f"{base}_{seen[base]}" if seen[base] else base
        seen[base] += 1
        cells = [kept.get(f"{group}/{below}", {}) for below in CELLS.get(layer.kind, ("vars",))]
        arrays = [_array(cell[key]) for cell in cells for key in sorted(cell, key=int)]
        if arrays:
            yield arrays


def _array(data: h5py.Dataset) -> Array:
    """Return an array of weights; its size is looked at before memory is taken for it."""
    if data.size > MOST_NUMBERS or data.dtype.kind not in "fiu":
        raise ValueError(f"{data.name} is {data.dtype} of shape {data.shape}")
    return data[()]


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """Return an attribute that lists names, whole or cut into `<name>0`, `<name>1` and so on."""
    keys = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(keys)}" in group.attrs:
        keys.append(f"{attribute}{len(keys)}")
    names = [name for key in keys for name in group.attrs[key]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _load(module: nn.Module, layer: Layer, arrays: Iterator[list[Array]]) -> None:
    """Copy the next arrays into the tensors of a layer, if it has any, which are in Keras's order.

    A kernel of Keras is (positions…, channels, filters), one of PyTorch (filters, channels,
    positions…). The gates of an LSTM stand in the same order in both.

    Raises
    ------
    InputError
        If number or shapes differ, or a value is no number.
    """
    learned = {"weight": layer.config.get("scale", True), "bias": layer.config.get("center", True)}
    skipped = OURS | {name for name, is_there in learned.items() if not is_there}
    state = module.state_dict()
    tensors = [state[name] for name in state if name.rpartition(".")[2] not in skipped]
    if not tensors:
        return
    given = next(arrays, [])
    turned = [a.transpose(-1, -2, *range(a.ndim - 2)) if a.ndim > 1 else a for a in given]
    if [array.shape for array in turned] != [tuple(tensor.shape) for tensor in tensors]:
        shapes = ", ".join(str(array.shape) for array in given) or "none"
        raise layer.refuse(
            f"the weights have the shapes {shapes}, which is not what the layer's configuration "
            "asks for. Are model and weights those of one network?"
        )
    if not all(np.isfinite(array).all() for array in turned):
        raise layer.refuse("its weights hold values that are no numbers.")
    for tensor, array in zip(tensors, turned, strict=True):
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)))
