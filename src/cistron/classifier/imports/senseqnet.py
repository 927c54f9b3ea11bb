"""SenSeqNet's trained network (Jiang et al. 2024, no DOI stated)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.files import sha256
from cistron.classifier.classifier import Classifier
from cistron.classifier.imports.state_dict import load_strictly, read_state_dict
from cistron.classifier.imports.untrained import untrained
from cistron.experiment.file import parse_encoder
from cistron.models.published.senseqnet import SenSeqNetSettings
from cistron.samples.sequences.public import SENESCENCE
from cistron.training.settings import TrainingSettings

CHECKPOINT = "SenSeqNet_model.pth"
CLASSES = ("not_senescent", "senescent")
ENCODER: dict[str, object] = {
    "kind": "protein_lm",
    "model": "facebook/esm2_t33_650M_UR50D",
    "layer": -1,
    "pooling": "mean",
    "scale": False,
    "window": 1000,
    "overlap": 0,
    "precision": "fp32",
}
# Which weights of it are not recorded in the checkpoint: the name must do.
LANGUAGE_MODEL = {"fingerprint": None, "width": 1280, "layer": 33}
# Weight decay 0 makes AdamW Adam. The published training stopped on the samples it reported.
TRAINING = {
    "epochs": 50,
    "batch_size": 32,
    "learning_rate": 0.0003466440190079221,
    "weight_decay": 0.0,
    "schedule": "constant",
    "warmup": 0.0,
    "clip": None,
    "patience": 5,
    "class_weights": "none",
    "seed": 42,
    "precision": "fp32",
}
NOTES = (
    "Its training samples are not in the file, so no protein is called unlike them, and nothing "
    "is scored.",
    "Its probabilities are the published ones and are not calibrated.",
    "Of a protein of more than 1,000 residues each residue counts once; the published code counts "
    "a short last window as much as a whole one, so that its probabilities differ there.",
)


def import_senseqnet(files: Sequence[Path]) -> Classifier:
    """Return the classifier that SenSeqNet's published checkpoint is.

    Its probabilities of an embedding are the published ones: softmax of the logits, which the
    published code calls after a log-softmax that changes nothing.

    Parameters
    ----------
    files : sequence of path
        One file, `SenSeqNet_model.pth` of the package senseqnet (`cistron data get senescence`
        brings it), or its tensors as safetensors.

    Raises
    ------
    InputError
        If it is not one file, or holds anything but the tensors of the published network.
    """
    if len(files) != 1:
        raise InputError(f"import senseqnet: one file is needed ({CHECKPOINT}), not {len(files)}.")
    state = read_state_dict(files[0])
    encoder = parse_encoder(ENCODER)
    fitted, training = encoder.restore(LANGUAGE_MODEL, {}), TrainingSettings(**TRAINING)
    classifier = untrained(encoder, fitted, SenSeqNetSettings(), training, CLASSES, "protein")
    load_strictly(classifier.model_.body, state, files[0])
    known = sha256(files[0]) == SENESCENCE.files[CHECKPOINT]
    classifier.provenance_ = {
        "published": SENESCENCE.package if known else None,
        "reference": SENESCENCE.reference,
        "notes": list(NOTES),
    }
    return classifier
