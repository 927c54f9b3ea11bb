"""Keras networks of DNA (Sequential, or any plain chain), read without Keras or TensorFlow."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.imports.keras_description import chain, chain_settings
from cistron.classifier.imports.keras_weights import load_into, read_weights, variables
from cistron.encoders.one_hot import OneHotSettings
from cistron.evaluation.novelty import Novelty
from cistron.models.input import Network
from cistron.models.keras.keras import KerasSettings
from cistron.targets.one_class import OneClass
from cistron.training.settings import TrainingSettings

NOTES = (
    "Its training samples are not in the files, so no sequence is called unlike them, and nothing "
    "is scored.",
    "Its probabilities are the published ones and are not calibrated.",
)


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
    document, weights, where = _open(files)
    with weights:
        layers = list(chain(document, where))
        settings, width = chain_settings(layers, where)
        names = _class_names(classes, width)
        classifier = _classifier(settings, names, both_strands)
        kinds = [layer.kind for layer in layers]
        arrays = iter(read_weights(weights, kinds, str(files[-1])))
        body: Any = classifier.model_.body
        # Where the input is a picture, a Reshape of ours stands before Keras's first layer.
        modules = list(body.layers)[len(body.layers) - len(layers) + 1 :]
        for layer, module in zip(layers[1:], modules, strict=True):
            targets = variables(module, layer.config)
            if targets:
                load_into(targets, next(arrays, []), layer.place)
        if next(arrays, None) is not None:
            raise InputError(
                f"{files[-1]} holds weights of more layers than {where} has. Are model and "
                "weights those of one network?"
            )
    classifier.provenance_ = {"notes": list(NOTES)}
    return classifier


def _classifier(settings: KerasSettings, classes: list[str], both_strands: bool) -> Classifier:
    encoder = OneHotSettings(
        max_length=settings.length, both_strands="average" if both_strands else False
    )
    # Single precision everywhere: the published predictions, to the last digit that can be had.
    training = TrainingSettings(precision="fp32")
    classifier = Classifier(encoder, settings, training, calibration="none")
    classifier.classes_ = np.array(classes, dtype=object)
    classifier.alphabet_, classifier.checksum_ = "dna", None
    classifier.encoder_ = encoder.restore({}, {})
    classifier.model_settings_, classifier.training_ = settings, training
    classifier.novelty_ = Novelty.unfitted("dna")
    classifier.heads_, classifier.history_ = (OneClass("class", tuple(classes)),), []
    with torch.random.fork_rng([]):  # the weights drawn here are replaced
        classifier.model_ = Network(classifier.encoder_.shape, settings, len(classes)).eval()
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


def _open(files: Sequence[Path]) -> tuple[dict[str, Any], h5py.File, str]:
    """Return the model's description, its weights, and the name of the file with the former."""
    if len(files) not in (1, 2):
        raise InputError("import keras: give MODEL.json and WEIGHTS.h5, or one .keras or .h5 file.")
    model, weights = files[0], files[-1]
    for path in files:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file.")
    if zipfile.is_zipfile(model):
        with zipfile.ZipFile(model) as archive:
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
    try:
        return h5py.File(io.BytesIO(content), "r")
    except OSError as error:
        raise InputError(f"{path} is cut short or no HDF5 file.") from error


def _parse(text: str | bytes, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(text)
        config = document["config"]
        layers = config if isinstance(config, list) else config["layers"]
        if document["class_name"] and all(
            e["class_name"] and "name" in e["config"] for e in layers
        ):
            return document
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        pass
    raise InputError(f"{path} is not the JSON of a Keras model (model.to_json() writes it).")
