"""A classifier read from its folder; every file is checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file as load_tensors

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import sha256
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.files import ARRAYS, DESCRIPTION, SECOND, WEIGHTS, read_description
from cistron.classifier.predictor import Predictor
from cistron.evaluation.novelty import restore_novelty
from cistron.experiment.file import parse_encoder, parse_model
from cistron.models.classical.classical import load as load_classical
from cistron.models.input import Network
from cistron.targets.kinds import restore_target
from cistron.targets.one_class import OneClass
from cistron.targets.target import Target
from cistron.training.settings import TrainingSettings


def load(path: str | Path) -> Predictor:
    """Read a classifier from a run or from its `model` folder.

    Parameters
    ----------
    path : path
        A run directory, or the folder with `classifier.json`.

    Raises
    ------
    InputError
        If it is none, was changed or cut short, or comes from a newer version.
    """
    folder = _model_folder(Path(path))
    document = read_description(folder / DESCRIPTION)
    if "members" in document:
        return _read_members(folder, document)
    return _read(folder, document)


def _read_members(folder: Path, document: Document) -> Predictor:
    """Read an ensemble; every member is checked as a classifier, and to be the one it was."""
    members = []
    for entry in document["members"]:
        own = folder / entry["folder"]
        if not (own / DESCRIPTION).is_file():
            raise InputError(f"{own} is missing. Copy the whole model folder again.")
        members.append(load(own))
        if members[-1].checksum_ != entry["sha256"]:
            raise InputError(
                f"{own} is another classifier than the one this ensemble was made of (its checksum "
                "differs). Copy the model folder again from where it was made."
            )
    ensemble = Ensemble(members)
    calibration = document["calibration"]
    ensemble.calibration = calibration["kind"]
    ensemble.thresholds = calibration.get("thresholds", "f1")
    ensemble.least_confidence = calibration.get("least_confidence", 0.0)
    ensemble.heads_ = _heads(document)
    ensemble.checksum_, ensemble.provenance_ = document["sha256"], document["provenance"]
    return ensemble


def _heads(document: Document) -> tuple[Target, ...]:
    """Return what the classifier answers; where only classes are described, one of them."""
    if "heads" in document:
        return tuple(restore_target(head) for head in document["heads"])
    temperature = document["calibration"]["temperature"]
    return (OneClass("class", tuple(document["classes"]), temperature=temperature),)


def _read(folder: Path, document: Document) -> Classifier:
    for name, expected in document["files"].items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing. Copy the whole model folder again.")
        if sha256(folder / name) != expected:
            raise InputError(
                f"{folder / name} was changed or cut short since it was written (its checksum "
                "differs). Copy the model folder again from where it was made."
            )
    arrays = load_arrays(folder / ARRAYS)
    try:
        encoder = parse_encoder(document["encoder"]["settings"])
        model = parse_model(document["model"])
        # The device is this machine's choice, not that of the machine the model was trained on.
        training = TrainingSettings(**{**document["training"], "device": "auto"})
    except (InputError, ValidationError) as error:
        raise InputError(
            f"{folder / DESCRIPTION} has settings that this version does not know; it was written "
            f"by Cistron {document.get('cistron', '?')}. Upgrade Cistron."
        ) from error
    classifier = Classifier(
        encoder=document["encoder"]["settings"],
        model=document["model"],
        training=document["training"],
        calibration=document["calibration"]["kind"],
        thresholds=document["calibration"].get("thresholds", "f1"),
        least_confidence=document["calibration"].get("least_confidence", 0.0),
    )
    classifier.classes_ = np.array(document["classes"], dtype=object)
    classifier.alphabet_, classifier.checksum_ = document["alphabet"], document["sha256"]
    classifier.encoder_ = encoder.restore(
        document["encoder"]["learned"], _under("encoder.", arrays)
    )
    classifier.model_settings_, classifier.training_ = model, training
    classifier.heads_ = _heads(document)
    classifier.novelty_ = restore_novelty(document["novelty"], _under("novelty.", arrays))
    classifier.history_ = []
    classifier.provenance_ = document["provenance"]
    _read_weights(classifier, folder / WEIGHTS[classifier.model_settings_.family])
    return classifier


def _read_weights(classifier: Classifier, path: Path) -> None:
    if classifier.model_settings_.family == "network":
        network: Network = Network(
            classifier.encoder_.shape,
            classifier.model_settings_,
            classifier.width,
            exclusive=classifier.head.exclusive,
        )
        network.load_state_dict(load_tensors(path))
        classifier.model_ = network.eval()
    else:
        classifier.model_ = load_classical(path.read_bytes())
        if classifier.second is not None:
            classifier.second_model_ = load_classical(path.with_name(SECOND).read_bytes())


def _model_folder(path: Path) -> Path:
    for folder in (path, path / "model"):
        if (folder / DESCRIPTION).is_file():
            return folder
    if not path.exists():
        raise InputError(f"{path}: there is no such run or model folder.")
    fold = next((one for one in (path, *path.glob("repeats/*")) if (one / "folds").is_dir()), None)
    if fold is not None:
        raise InputError(
            f"{path} is a cross-validation: it holds one classifier a fold and none for use. "
            f"Join them to one (cistron ensemble {path} --out NEW), name one of them "
            f"({fold / 'folds' / '0'}), or train one with `cistron fit`."
        )
    if (path / "search.yaml").is_file():
        raise InputError(
            f"{path} is a search: it holds the best experiment and no classifier. Train one: "
            f"cistron fit {path / 'experiment.yaml'} --out RUN"
        )
    if (path / "experiment.yaml").is_file():
        raise InputError(
            f"{path} is a run that was not finished. Continue it: cistron fit "
            f"{path / 'experiment.yaml'} --out {path} --resume"
        )
    raise InputError(f"{path} is neither a run nor a model folder: it has no {DESCRIPTION}.")


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name[len(prefix) :]: v for name, v in arrays.items() if name.startswith(prefix)}
