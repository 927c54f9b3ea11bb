"""A classifier as a folder: JSON and safetensors, checked when read; never a pickle."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cistron.base.errors import InputError
from cistron.base.files import sha256

if TYPE_CHECKING:
    from cistron.classifier.classifier import Classifier

FORMAT = 5
MEMBERS = 5  # of an ensemble
TWO_TARGETS = 4  # of one with a second head
NUMBER = 3  # of one that predicts a number
SEVERAL_CLASSES = 2  # of one that may give a sample several
ONE_CLASS = 1  # the format of a classifier that gives each sample one class: older versions read it
DESCRIPTION = "classifier.json"
WEIGHTS = {"network": "weights.safetensors", "classical": "weights.skops"}
SECOND = "second.skops"  # the classical model of a second target
ARRAYS = "encoder.safetensors"
FOLDER = "members"  # of an ensemble: members/0 and so on, each a model folder


def save(classifier: Classifier, folder: Path, provenance: dict[str, Any]) -> Path:
    """Write a fitted classifier; the folder appears whole or not at all.

    Raises
    ------
    FileExistsError
        If the folder is there already.
    """
    from cistron.base.version import __version__
    from cistron.classifier.ensemble import Ensemble

    if folder.exists():
        raise FileExistsError(f"{folder} exists already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        partial = Path(name) / "model"
        partial.mkdir()
        ensemble = isinstance(classifier, Ensemble)
        written = _write_members(classifier, partial) if ensemble else _write(classifier, partial)
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
        if classifier.heads_:
            document["calibration"]["thresholds"] = classifier.thresholds
            document["heads"] = [head.document() for head in classifier.heads_]
        document["sha256"] = _checksum(document)
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (partial / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        partial.rename(folder)
    return folder


def _write(classifier: Classifier, folder: Path) -> dict[str, Any]:
    """Write the files of one classifier; return what its description says of them."""
    from safetensors.numpy import save_file

    from cistron.models.classical.classical import dump

    learned, encoder_arrays = classifier.encoder_.state()
    novelty, novelty_arrays = classifier.novelty_.state()
    arrays = {f"encoder.{k}": np.ascontiguousarray(v) for k, v in encoder_arrays.items()}
    arrays |= {f"novelty.{k}": np.ascontiguousarray(v) for k, v in novelty_arrays.items()}
    save_file(arrays, folder / ARRAYS)
    weights = folder / WEIGHTS[classifier.model_settings_.family]
    _write_weights(classifier, weights)
    files = [folder / ARRAYS, weights]
    if classifier.second_model_ is not None:
        files.append(folder / SECOND)
        files[-1].write_bytes(dump(classifier.second_model_))
    return {
        "encoder": {"settings": classifier.encoder_.settings.document(), "learned": learned},
        "model": classifier.model_settings_.document(),
        "training": classifier.training_.document(),
        "novelty": novelty,
        "files": {path.name: sha256(path) for path in files},
    }


def _write_members(ensemble: Any, folder: Path) -> dict[str, Any]:
    """Write each member as a model folder; return how the ensemble's description names them."""
    members = []
    for number, member in enumerate(ensemble.members):
        own = f"{FOLDER}/{number}"
        member.save(folder / own, getattr(member, "provenance_", {}))
        written = _read_description(folder / own / DESCRIPTION)
        members.append({"folder": own, "sha256": written["sha256"]})
    return {"members": members}


def _format(classifier: Classifier) -> int:
    """Return the oldest format that says what the classifier answers."""
    if getattr(classifier, "members", ()):
        return MEMBERS
    if classifier.second is not None:
        return TWO_TARGETS
    formats = {"softmax": ONE_CLASS, "sigmoid": SEVERAL_CLASSES, "number": NUMBER}
    return formats[classifier.head.kind]


def load(path: str | Path) -> Classifier:
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
    document = _read_description(folder / DESCRIPTION)
    if "members" in document:
        return _read_members(folder, document)
    return _read(folder, document)


def _read_members(folder: Path, document: dict[str, Any]) -> Classifier:
    """Read an ensemble; every member is checked as a classifier, and to be the one it was."""
    from cistron.classifier.ensemble import Ensemble
    from cistron.targets.heads import Head

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
    ensemble.calibration, ensemble.temperature_ = calibration["kind"], calibration["temperature"]
    ensemble.thresholds = calibration.get("thresholds", "f1")
    ensemble.least_confidence = calibration.get("least_confidence", 0.0)
    ensemble.heads_ = tuple(Head.restore(head) for head in document.get("heads", ()))
    ensemble.checksum_, ensemble.provenance_ = document["sha256"], document["provenance"]
    return ensemble


def _read(folder: Path, document: dict[str, Any]) -> Classifier:
    from pydantic import ValidationError
    from safetensors.numpy import load_file

    from cistron.classifier.classifier import Classifier
    from cistron.evaluation.novelty import restore_novelty
    from cistron.experiment.file import parse_encoder, parse_model
    from cistron.targets.heads import Head
    from cistron.training.settings import TrainingSettings

    for name, expected in document["files"].items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing. Copy the whole model folder again.")
        if sha256(folder / name) != expected:
            raise InputError(
                f"{folder / name} was changed or cut short since it was written (its checksum "
                "differs). Copy the model folder again from where it was made."
            )
    arrays = load_file(folder / ARRAYS)
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
    classifier.temperature_ = document["calibration"]["temperature"]
    classifier.heads_ = tuple(Head.restore(head) for head in document.get("heads", ()))
    classifier.novelty_ = restore_novelty(document["novelty"], _under("novelty.", arrays))
    classifier.history_ = []
    classifier.provenance_ = document["provenance"]
    _read_weights(classifier, folder / WEIGHTS[classifier.model_settings_.family])
    return classifier


def _write_weights(classifier: Classifier, path: Path) -> None:
    if classifier.model_settings_.family == "network":
        from safetensors.torch import save_file

        state = classifier.model_.state_dict()
        # Copies, because a language model may hold one array under two names.
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in state.items()}, path)
    else:
        from cistron.models.classical.classical import dump

        path.write_bytes(dump(classifier.model_))


def _read_weights(classifier: Classifier, path: Path) -> None:
    if classifier.model_settings_.family == "network":
        from safetensors.torch import load_file

        from cistron.models.input import Network

        network = Network(
            classifier.encoder_.shape,
            classifier.model_settings_,
            classifier.width,
            exclusive=classifier.head.kind == "softmax",
        )
        network.load_state_dict(load_file(path))
        classifier.model_ = network.eval()
    else:
        from cistron.models.classical.classical import load as load_classical

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


def _read_description(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        newest, checksum = document["format"], document["sha256"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is cut short or not a classifier's description.") from error
    if newest > FORMAT:
        raise InputError(
            f"{path} was written by Cistron {document.get('cistron', '?')} in format {newest}; "
            f"this version reads up to format {FORMAT}. Upgrade Cistron."
        )
    if checksum != _checksum(document):
        raise InputError(f"{path} was changed since it was written (its checksum differs).")
    return document


def _checksum(document: dict[str, Any]) -> str:
    content = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _under(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {name[len(prefix) :]: v for name, v in arrays.items() if name.startswith(prefix)}
