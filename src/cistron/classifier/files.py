"""A classifier as a folder: JSON and safetensors, checked when read; never a pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file as save_tensors

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import sha256
from cistron.base.outputs import written_folder
from cistron.base.untrusted import as_model, read_object
from cistron.base.version import __version__
from cistron.classifier.description import ClassifierDescription, EnsembleDescription
from cistron.classifier.predictor import Predictor
from cistron.models.classical.classical import dump

# Formats: 1 one class a sample, 2 several, 3 a number (see `Target.format`); older versions read
# what is written in the oldest format that can say it.
FORMAT = 7
WEIGHTED = 7  # an ensemble whose members have weights
MEMBERS = 5  # an ensemble
TWO_TARGETS = 4  # a second head
ONE_CLASS = 1
DESCRIPTION = "classifier.json"
WEIGHTS = {"network": "weights.safetensors", "classical": "weights.skops"}
SECOND = "second.skops"  # the classical model of a second target
ARRAYS = "encoder.safetensors"
FOLDER = "members"  # of an ensemble: members/0 and so on, each a model folder


def save_classifier(classifier: Predictor, folder: Path, provenance: Document) -> Path:
    """Write a fitted classifier; the folder appears whole or not at all.

    Raises
    ------
    FileExistsError
        If the folder is there already.
    """
    with written_folder(folder) as partial:
        alone = len(classifier.members) == 1
        written = _write(classifier, partial) if alone else _write_members(classifier, partial)
        document = {
            "format": _format(classifier),
            "cistron": __version__,
            "alphabet": classifier.alphabet_,
            "classes": list(classifier.classes_),
            "calibration": {"kind": classifier.calibration, "temperature": classifier.temperature_},
            "provenance": provenance,
            **written,
        }
        if classifier.least_confidence:
            document["calibration"]["least_confidence"] = classifier.least_confidence
        if not _only_one_class(classifier):
            document["calibration"]["thresholds"] = classifier.thresholds
            document["heads"] = [head.document() for head in classifier.heads_]
        document["sha256"] = _checksum(document)
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (partial / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return folder


def _write(classifier: Any, folder: Path) -> Document:
    """Write the files of one classifier; return what its description says of them."""
    learned, encoder_arrays = classifier.encoder_.state()
    novelty, novelty_arrays = classifier.novelty_.state()
    arrays = {f"encoder.{k}": np.ascontiguousarray(v) for k, v in encoder_arrays.items()}
    arrays |= {f"novelty.{k}": np.ascontiguousarray(v) for k, v in novelty_arrays.items()}
    save_arrays(arrays, folder / ARRAYS)
    weights = folder / WEIGHTS[classifier.model_settings_.family]
    _write_weights(classifier, weights)
    files = [folder / ARRAYS, weights]
    if classifier.second_model_ is not None:
        files.append(folder / SECOND)
        files[-1].write_bytes(dump(classifier.second_model_))
    reading = classifier.reading_
    return {
        **({} if reading is None else {"reading": reading.document()}),
        "encoder": {"settings": classifier.encoder_.settings.document(), "learned": learned},
        "model": classifier.model_settings_.document(),
        "training": classifier.training_.document(),
        "novelty": novelty,
        "files": {path.name: sha256(path) for path in files},
    }


def _write_members(ensemble: Predictor, folder: Path) -> Document:
    """Write each member as a model folder; return how the ensemble's description names them."""
    members: list[Document] = []
    for number, member in enumerate(ensemble.members):
        own = f"{FOLDER}/{number}"
        member.save(folder / own, getattr(member, "provenance_", {}))
        written = read_description(folder / own / DESCRIPTION)
        members.append({"folder": own, "sha256": written.sha256})
    if getattr(ensemble, "weighted", False):
        for entry, weight in zip(members, cast("Any", ensemble).weights, strict=True):
            entry["weight"] = float(weight)
    return {"members": members}


def _format(classifier: Predictor) -> int:
    """Return the oldest format that says what the classifier answers."""
    if len(classifier.members) > 1:
        return WEIGHTED if getattr(classifier, "weighted", False) else MEMBERS
    return TWO_TARGETS if classifier.second is not None else classifier.head.format


def _only_one_class(classifier: Predictor) -> bool:
    """Return whether the classes and the temperature say all that the classifier answers."""
    return classifier.second is None and classifier.head.format == ONE_CLASS


def _write_weights(classifier: Any, path: Path) -> None:
    if classifier.model_settings_.family == "network":
        state = classifier.model_.state_dict()
        # Copies, because a language model may hold one array under two names.
        save_tensors({k: v.detach().cpu().contiguous().clone() for k, v in state.items()}, path)
    else:
        path.write_bytes(dump(classifier.model_))


def read_description(path: Path) -> ClassifierDescription | EnsembleDescription:
    """Read classifier.json, and refuse it where it is damaged, changed or too new."""
    document = read_object(path)
    newest = document.get("format")
    if not isinstance(newest, int) or "sha256" not in document:
        raise InputError(f"{path} is cut short or not a classifier's description.")
    if newest > FORMAT:
        raise InputError(
            f"{path} was written by Cistron {document.get('cistron', '?')} in format {newest}; "
            f"this version reads up to format {FORMAT}. Upgrade Cistron."
        )
    if document["sha256"] != _checksum(document):
        raise InputError(f"{path} was changed since it was written (its checksum differs).")
    if "members" in document:
        return as_model(EnsembleDescription, document, str(path))
    return as_model(ClassifierDescription, document, str(path))


def _checksum(document: Document) -> str:
    content = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
