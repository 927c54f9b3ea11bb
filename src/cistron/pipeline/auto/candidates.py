"""The candidates of `model: {kind: auto}`: encoder, model and training of each, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest
from cistron.experiment.checks import check_sections
from cistron.experiment.experiment import Experiment
from cistron.experiment.file import parse_encoder, parse_model
from cistron.models.auto import AutoSettings
from cistron.training.settings import TrainingSettings

ONE_CYCLE: Document = {
    "epochs": 60,
    "patience": 60,
    "schedule": "one_cycle",
    "warmup": 0.3,
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "label_smoothing": 0.05,
    "monitor": "metric",
}


@dataclass(frozen=True)
class Candidate:
    """An encoder and a model.

    Parameters
    ----------
    encoder : dict
        Its keys; the encoder of the experiment takes their place where it is of the same kind.
    models : tuple of dict
        The first that predicts what is asked: of classes, of numbers.
    training : dict
        Keys of `training` where the experiment leaves the defaults.
    usual : bool
        Whether it is tried where no names are given.
    """

    encoder: Document
    models: tuple[Document, ...]
    training: Document = field(default_factory=dict)
    usual: bool = True


LINEAR = ({"kind": "logistic_regression"}, {"kind": "ridge"})
BOOSTING = ({"kind": "gradient_boosting"},)
RESIDUES: Document = {"kind": "residues", "as": "blosum62", "max_length": 1000, "crop": "ends"}
LETTERS: Document = {"kind": "one_hot", "both_strands": True}
WORDS: Document = {"kind": "kmers", "k": [1, 2, 3, 4, 5]}
EMBEDDED = Candidate({"kind": "protein_lm"}, LINEAR, usual=False)
PROTEIN_NETWORK: Document = {**ONE_CYCLE, "steps": 2000, "batch_size": 32, "ema": 0.99}
DNA_NETWORK: Document = {**ONE_CYCLE, "steps": 1500, "ema": 0.995}
CELLS: Document = {"kind": "expression"}

CANDIDATES: Mapping[str, Mapping[str, Candidate]] = {
    "protein": {
        "kmers": Candidate({"kind": "kmers", "k": [1, 2]}, LINEAR),
        "descriptors": Candidate({"kind": "descriptors"}, BOOSTING),
        "cnn": Candidate(RESIDUES, ({"kind": "cnn"},), PROTEIN_NETWORK),
        "light_attention": Candidate(
            RESIDUES, ({"kind": "light_attention"},), PROTEIN_NETWORK, usual=False
        ),
        "embeddings": EMBEDDED,
    },
    "dna": {
        "kmers": Candidate(WORDS, LINEAR),
        "kmers_boosting": Candidate({"kind": "kmers", "k": [1, 2, 3, 4]}, BOOSTING),
        "cnn": Candidate(LETTERS, ({"kind": "cnn"},), DNA_NETWORK),
        "residual_cnn": Candidate(LETTERS, ({"kind": "residual_cnn"},), DNA_NETWORK),
    },
    "genes": {
        "linear": Candidate(CELLS, LINEAR),
        "boosting": Candidate(CELLS, BOOSTING),
        "mlp": Candidate(CELLS, ({"kind": "mlp"},)),
    },
}
"""Content of samples → its candidates, by name, in the order in which they are fitted."""


def chosen(experiment: Experiment) -> dict[str, Experiment]:
    """Return the experiment of every candidate, by its name, in order.

    Raises
    ------
    InputError
        If a name is unknown, or augmentation or a second target is asked for.
    """
    settings, samples = experiment.model, experiment.samples
    known = CANDIDATES[samples.content]
    if not isinstance(settings, AutoSettings):
        raise ValueError("not an experiment of candidates")
    if experiment.augment:
        raise InputError(
            "augment: model.kind: 'auto' augments nothing, since its candidates read samples in "
            "different ways. Leave the section out."
        )
    read = {one.encoder["kind"] for one in known.values() if one.usual}
    given = experiment.encoder.kind  # embeddings are tried where their encoder is given
    usual = [
        name
        for name, one in known.items()
        if one.usual or (one.encoder["kind"] == given and given not in read)
    ]
    for name in settings.candidates:
        if name not in known:
            raise InputError(
                f"model.candidates: there is no candidate {name!r}.{nearest(name, list(known))} "
                f"Use some of: {', '.join(known)}."
            )
    return {name: _made(experiment, name, known[name]) for name in settings.candidates or usual}


def _made(experiment: Experiment, name: str, candidate: Candidate) -> Experiment:
    encoder = parse_encoder(candidate.encoder)
    if encoder.kind == experiment.encoder.kind:
        encoder = experiment.encoder
    task = experiment.samples.asks.task
    models = [parse_model(keys) for keys in candidate.models]
    model = next((model for model in models if task in model.predicts), None)
    if model is None:
        raise InputError(f"model.candidates: {name} does not predict {task}. Leave it out.")
    usual = TrainingSettings().document()
    changed = {k: v for k, v in experiment.training.document().items() if v != usual[k]}
    training = TrainingSettings(**{**_fitting(candidate.training, experiment), **changed})
    # The blend is calibrated, once: temperatures of single candidates would add the noise of few
    # validation samples to their weights.
    evaluation = experiment.evaluation.model_copy(update={"calibration": "none", "repeats": 1})
    made = experiment.model_copy(
        update={
            "encoder": encoder,
            "model": model,
            "training": training,
            "evaluation": evaluation,
        }
    )
    check_sections(made, f"model.candidates: {name}")
    return made


def _fitting(training: Document, experiment: Experiment) -> Document:
    """Return the keys of training that make sense for what is asked."""
    if experiment.samples.asks.task == "classes":
        return training
    return {k: v for k, v in training.items() if k not in ("label_smoothing", "monitor")}
