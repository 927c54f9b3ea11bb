"""A classifier read from its folder; every file is checked."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from pydantic import ValidationError

from cistron.base.arrays import Arrays
from cistron.base.errors import InputError
from cistron.base.files import sha256
from cistron.base.untrusted import as_damage, read_arrays, read_tensors
from cistron.classifier.classifier import Classifier
from cistron.classifier.description import ClassifierDescription, EnsembleDescription
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.files import ARRAYS, DESCRIPTION, SECOND, WEIGHTS, read_description
from cistron.classifier.predictor import Predictor
from cistron.classifier.try_out import try_out
from cistron.evaluation.novelty import restore_novelty
from cistron.experiment.file import parse_encoder, parse_model
from cistron.models.classical.classical import load as load_classical
from cistron.models.families import NetworkSettings
from cistron.models.input import Network
from cistron.models.kinds import as_saved
from cistron.training.settings import TrainingSettings

MAY_BE_INFINITE = ("novelty.scales",)  # where all components are kept
MAY_BE_MISSING = ("encoder.neighbours",)  # values of cells that have none


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
    description = read_description(folder / DESCRIPTION)
    if isinstance(description, EnsembleDescription):
        return _read_members(folder, description)
    return _read(folder, description)


def _read_members(folder: Path, description: EnsembleDescription) -> Predictor:
    """Read an ensemble; every member is checked as a classifier, and to be the one it was."""
    members = []
    for entry in description.members:
        own = folder / entry.folder
        if not (own / DESCRIPTION).is_file():
            raise InputError(f"{own} is missing. Copy the whole model folder again.")
        member = read_description(own / DESCRIPTION)
        if member.sha256 != entry.sha256:
            raise InputError(
                f"{own} is another classifier than the one this ensemble was made of (its checksum "
                "differs). Copy the model folder again from where it was made."
            )
        if isinstance(member, EnsembleDescription):
            raise InputError(f"{own} is an ensemble itself, which no member can be.")
        members.append(_read(own, member))
    weights = [entry.weight for entry in description.members if entry.weight is not None]
    ensemble = Ensemble(members, weights or None)
    heads = description.answers()
    if [head.question() for head in heads] != [head.question() for head in ensemble.heads_]:
        raise InputError(
            f"{folder / DESCRIPTION} is damaged: it answers another question than its members."
        )
    _describe(ensemble, description)
    return ensemble


def _describe(
    predictor: Predictor, description: EnsembleDescription | ClassifierDescription
) -> None:
    """Give a predictor what every description says."""
    calibration = description.calibration
    predictor.calibration, predictor.thresholds = calibration.kind, calibration.thresholds
    predictor.least_confidence = calibration.least_confidence
    predictor.classes_ = np.array(description.classes, dtype=object)
    predictor.heads_, predictor.alphabet_ = description.answers(), description.alphabet
    predictor.checksum_, predictor.provenance_ = description.sha256, description.provenance


def _read(folder: Path, description: ClassifierDescription) -> Classifier:
    source = folder / DESCRIPTION
    try:
        encoder = parse_encoder(description.encoder.settings)
        model = parse_model(as_saved(description.model))
        # The device is this machine's choice, not that of the machine the model was trained on.
        training = TrainingSettings(**{**description.training, "device": "auto"})
    except (InputError, ValidationError, TypeError) as error:
        raise InputError(
            f"{source} has settings that this version does not know; it was written by Cistron "
            f"{description.cistron}. Upgrade Cistron."
        ) from error
    heads = description.answers()
    _require_files(folder, description, [ARRAYS, WEIGHTS[model.family], SECOND], len(heads))
    arrays = read_arrays(folder / ARRAYS, MAY_BE_INFINITE, MAY_BE_MISSING)
    classifier = Classifier(description.encoder.settings, model.document(), description.training)
    _describe(classifier, description)
    with as_damage(f"{folder} is damaged: what the encoder learned does not fit it ({{}})."):
        classifier.encoder_ = encoder.restore(
            description.encoder.learned, _under("encoder.", arrays)
        )
        classifier.novelty_ = restore_novelty(description.novelty, _under("novelty.", arrays))
        _require_known(classifier, arrays)
    classifier.model_settings_, classifier.training_ = model, training
    classifier.history_, classifier.reading_ = [], description.reading
    classifier.started_ = description.provenance.get("start_from")
    with as_damage(f"{folder} is damaged: its model does not fit its encoder ({{}})."):
        _read_weights(classifier, folder / WEIGHTS[model.family])
        try_out(classifier)
    return classifier


def _require_files(
    folder: Path, description: ClassifierDescription, names: list[str], heads: int
) -> None:
    """Refuse a folder whose files are not those that were written."""
    classical = names[1] == WEIGHTS["classical"]
    expected = set(names if classical and heads > 1 else names[:2])
    if description.files.keys() != expected:
        raise InputError(
            f"{folder / DESCRIPTION} is damaged: files: the files should be "
            f"{', '.join(sorted(expected))}."
        )
    for name, checksum in description.files.items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing. Copy the whole model folder again.")
        if sha256(folder / name) != checksum:
            raise InputError(
                f"{folder / name} was changed or cut short since it was written (its checksum "
                "differs). Copy the model folder again from where it was made."
            )


def _require_known(classifier: Classifier, arrays: Arrays) -> None:
    """Refuse arrays that neither the encoder nor the novelty reads, or reads otherwise."""
    parts = (("encoder.", classifier.encoder_), ("novelty.", classifier.novelty_))
    read = {f"{prefix}{k}": v for prefix, part in parts for k, v in part.state()[1].items()}
    strangers = sorted(arrays.keys() ^ read.keys())
    if strangers:
        raise InputError(f"The array {strangers[0]!r} of {ARRAYS} is not expected, or is missing.")


def _read_weights(classifier: Classifier, path: Path) -> None:
    if classifier.model_settings_.family == "network":
        tensors = read_tensors(path)
        _require_shapes(classifier, tensors, path)
        network = _network(classifier)
        network.load_state_dict(tensors)
        classifier.model_ = network.eval()
    else:
        classifier.model_ = load_classical(path.read_bytes(), str(path))
        if classifier.second is not None:
            path = path.with_name(SECOND)
            classifier.second_model_ = load_classical(path.read_bytes(), str(path))


def _network(classifier: Classifier) -> Network:
    settings = cast("NetworkSettings", classifier.model_settings_)
    exclusive = classifier.head.exclusive
    return Network(classifier.encoder_.shape, settings, classifier.width, exclusive=exclusive)


def _require_shapes(classifier: Classifier, tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Refuse weights of other names, shapes and types before memory is taken for them."""
    if classifier.encoder_.shape.embedding is not None:
        return  # of a language model, which is built to be known
    with torch.device("meta"):
        expected = _network(classifier).state_dict()
    for name in sorted(expected.keys() ^ tensors.keys()):
        word = "has no" if name in expected else "should have no"
        raise InputError(f"{path} is damaged: it {word} tensor {name!r}.")
    for name, tensor in tensors.items():
        known = expected[name]
        if (tensor.shape, tensor.dtype) != (known.shape, known.dtype):
            raise InputError(
                f"{path} is damaged: {name!r} is {tensor.dtype} of shape {list(tensor.shape)}, and "
                f"the network of {DESCRIPTION} has {known.dtype} of shape {list(known.shape)}."
            )


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


Predictor.reader = staticmethod(load)
