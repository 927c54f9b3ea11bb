"""The portable model: encoder + trained model + class names + calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from cistron.base.cell_vectors import CellVectors
from cistron.base.device import require_known as require_device
from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.base.settings import Settings
from cistron.classifier.cell_predictions import predict_cells
from cistron.classifier.files import save_classifier
from cistron.classifier.predictor import Predictor, calibrated, require_outputs
from cistron.classifier.second import fit_second, heads_of, learned, require_known
from cistron.classifier.start import Named, read_start, start
from cistron.encoders.encoder import Encoder
from cistron.encoders.language_models.protein_lm import TunedProteinLM
from cistron.encoders.settings import EncoderSettings
from cistron.evaluation.domains import describe_training
from cistron.experiment.checks import check_start, check_target, check_tuning
from cistron.experiment.file import parse_augment, parse_encoder, parse_model
from cistron.models.classical.classical import fit_form, form_outputs
from cistron.models.families import ClassicalSettings, NetworkSettings
from cistron.models.fixed_length import require_length
from cistron.models.input import Network
from cistron.samples.cells.cell_reading import CellReading
from cistron.samples.samples import Samples
from cistron.splits.random import RandomSplit
from cistron.splits.settle import settle
from cistron.splits.split import TEST, TRAIN, VALIDATION, Split
from cistron.training.augment.augment import averages_orthologs, find_orthologs, require_possible
from cistron.training.augment.orthologs import OrthologSource, averaged_logits
from cistron.training.augment.phyloaug import training_orthologs
from cistron.training.augmented import augmenter
from cistron.training.class_weights import class_weights
from cistron.training.examples import Examples
from cistron.training.frozen import require_named
from cistron.training.outputs import compute_logits
from cistron.training.settings import TrainingSettings
from cistron.training.stages import Stage, train_stages


class Classifier(Predictor, ClassifierMixin, BaseEstimator):
    """Tells classes of samples apart, or predicts a number of them.

    Follows scikit-learn's conventions (`fit`, `predict_proba`, `score`, `classes_`,
    `get_params`), with Samples for X and their labels for y. `predict` returns a table.

    Parameters
    ----------
    encoder : str, dict or Settings
        A kind ("residues"), or its keys ({"kind": "residues", "max_length": 500}).
    model : str, dict or Settings
        A kind ("cnn_lstm"), or its keys.
    training : dict or TrainingSettings, optional
        Keys of the `training` section.
    calibration : {"temperature", "none"}
        How probabilities are calibrated on the validation samples.
    thresholds : {"f1", "mcc", "none"}
        Where a sample may have several classes: what the threshold of each class maximises on the
        validation samples; none: 0.5 each.
    augment : sequence of str, dict or Settings
        Kinds of augmentation of the training samples ("evoaug"), or their keys.
    least_confidence : float
        Of cells: those whose most probable class has less are rejected.

    Attributes
    ----------
    classes_, alphabet_, encoder_, heads_, novelty_, training_, checksum_
        See `Predictor`.
    model_ : torch.nn.Module or scikit-learn estimator
    second_model_ : scikit-learn estimator or None
        The classical model of a second target; a network has both heads.
    history_ : list of dict
        One entry an epoch; empty for classical models.
    """

    model_: Any  # a torch module, or an estimator (one for each class, where there are several)
    model_settings_: NetworkSettings | ClassicalSettings
    history_: list[Document]
    second_model_: Any = None

    def __init__(
        self,
        encoder: str | Document | Settings = "residues",
        model: str | Document | Settings = "cnn_lstm",
        training: Document | TrainingSettings | None = None,
        calibration: str = "temperature",
        thresholds: str = "f1",
        augment: Sequence[str | Document | Settings] = (),
        least_confidence: float = 0.0,
    ) -> None:
        self.encoder = encoder
        self.model = model
        self.training = training
        self.calibration = calibration
        self.thresholds = thresholds
        self.augment = augment
        self.least_confidence = least_confidence

    def settings(
        self,
    ) -> tuple[EncoderSettings, NetworkSettings | ClassicalSettings, TrainingSettings]:
        """Return the validated settings of encoder, model and training."""
        training = self.training or {}
        if not isinstance(training, TrainingSettings):
            training = TrainingSettings(**training)
        return parse_encoder(self.encoder), parse_model(self.model), training

    @property
    def members(self) -> tuple[Self]:
        """Itself alone."""
        return (self,)

    def fit(
        self,
        samples: Samples,
        split: Split | None = None,
        *,
        start_from: Predictor | str | Path | None = None,
        orthologs: OrthologSource | None = None,
        checkpoint: Path | None = None,
        after_epoch: Callable[[list[Document]], None] = lambda history: None,  # noqa: ARG005
        reporter: Reporter = SILENT,
    ) -> Self:
        """Learn from the training part; stop and calibrate on the validation part.

        Parameters
        ----------
        samples : Samples
            Labelled, by classes or by numbers.
        split : Split, optional
            Samples of its test part are not touched. Without it a tenth of the samples, at
            random, is the validation part and all others are trained on.
        start_from : Classifier or path, optional
            A trained network, or the folder of one, whose weights this one starts from; in place
            of `start_from` of the section `training`. `started_` then says what was copied.
        orthologs : Orthologs or SamplesOfOneGene, optional
            Those of `phyloaug`, where they were read already
            (`cistron.training.augment.find_orthologs`).
        checkpoint : Path, optional
            File for the state after each epoch; training goes on from it where it exists.
        after_epoch : callable, optional
            Is given the history after each epoch.
        reporter : Reporter, optional

        Raises
        ------
        InputError
            If the samples are unlabelled, or encoder and model do not fit each other.
        """
        encoder_settings, model_settings, training = self.settings()
        earlier = read_start(start_from or training.start_from)
        # The path is this machine's; what the weights started from is recorded by its checksum.
        training = training.model_copy(update={"start_from": None})
        samples.target.require_learnable(samples.truth)
        check_target(samples.target, training, "Settings")
        if split is None:
            split = RandomSplit(test=0.0, folds=2, seed=training.seed).split(samples)
        samples, split = settle(samples, split)
        train, validation = (samples.take(split.rows(part)) for part in (TRAIN, VALIDATION))
        if len(train) == 0 or len(validation) == 0:
            raise InputError("The split leaves no training or no validation samples.")
        require_known(samples, split)

        require_length(encoder_settings, model_settings)
        augment = parse_augment(self.augment)
        require_possible(augment, encoder_settings, model_settings, training)
        if orthologs is None:
            orthologs = find_orthologs(augment, samples)
        averaged = orthologs if averages_orthologs(augment) else None
        self.classes_ = np.array(samples.classes, dtype=object)
        self.alphabet_, self.checksum_ = samples.payload.content, None
        self.reading_ = samples.reading if isinstance(samples.reading, CellReading) else None
        check_tuning(encoder_settings, model_settings, training, "Settings")
        check_start(model_settings, training, "Settings", starts=earlier is not None)
        self.encoder_ = _fitted(encoder_settings, train, training, reporter)
        for note in getattr(self.encoder_, "notes", ()):
            reporter.say(note)
        self.model_settings_, self.training_ = model_settings, training
        self.novelty_ = describe_training(train, validation, self.encoder_)
        self.second_model_ = self.started_ = None
        self.heads_ = heads_of(samples, train)
        self.history_: list[Document] = []
        if model_settings.family == "network":
            self._build(train, earlier, reporter)
            held_out = samples.take(np.flatnonzero(np.isin(split.part, [VALIDATION, TEST])))
            related = training_orthologs(orthologs, train, held_out, reporter.say)
            bound = getattr(model_settings, "length", None)
            augmented = augmenter(augment, related, self.encoder_, bound)
            self._fit_network(train, validation, augmented, checkpoint, after_epoch, reporter)
        else:
            self._fit_classical(train)
        return self.calibrate(validation, averaged)

    def calibrate(self, validation: Samples, orthologs: OrthologSource | None = None) -> Self:
        """Fit temperatures, and where a sample may have several classes shifts and thresholds.

        Parameters
        ----------
        validation : Samples
            Labelled, and not trained on.
        orthologs : Orthologs or SamplesOfOneGene, optional
            See `logits`.
        """
        calibrate = self.calibration == "temperature"
        self.heads_ = calibrated(self, validation, orthologs, calibrate)
        return self

    def replaced(self, change: Callable[[Self], Self]) -> Self:
        """Return what the change makes of it."""
        return change(self)

    def outputs(
        self, samples: Samples, orthologs: OrthologSource | None = None
    ) -> NDArray[np.float32]:
        """Return the logits of all heads side by side, shape (n, width): see `logits`."""
        if orthologs is not None:
            return averaged_logits(self.outputs, samples, orthologs.of(samples))
        if len(samples) == 0:
            return np.empty((0, self.width), dtype=np.float32)
        return self.outputs_of(self.encoder_.encode(samples))

    def outputs_of(self, encoded: Encoded) -> NDArray[np.float32]:
        """Return the outputs for what the encoder made of samples (see `outputs`)."""
        if self.model_settings_.family == "network":
            return require_outputs(compute_logits(self.model_, encoded, self.training_), self.width)
        models = [model for model in (self.model_, self.second_model_) if model is not None]
        vectors = _vectors(encoded)
        each = zip(self.heads_, models, strict=True)
        parts = [(head, form_outputs(head.form, model, vectors)) for head, model in each]
        return np.hstack([require_outputs(outputs, head.outputs) for head, outputs in parts])

    def predict(self, samples: Samples, orthologs: OrthologSource | None = None) -> pd.DataFrame:
        """Return a table: `id`, `predicted`, `p_<class>` for each class, and `warning`.

        Where a sample may have several classes, `predicted` names those that reach their
        threshold, joined by the separator of the labels; where none does, the most probable one.
        Of a number, the columns are `id`, `predicted` (the number) and `warning`. Of a second
        target, `predicted_<name>` and `p_<name>_<class>` stand before the warning.
        `warning` says what is odd about a sample: cropped, unlike anything in training, …
        For orthologs see `logits`. Of cells the column `rejected` says which are unlike the
        training cells, or have no class of at least `least_confidence`.
        """
        if self.domain is CELLS:
            return predict_cells(self, samples)
        table = self.answers(samples, self.outputs(samples, orthologs))
        table["warning"] = self.warnings(samples)
        return table

    def warnings(self, samples: Samples) -> list[str]:
        """Return for each sample what is odd about it, or an empty string."""
        lost, odd = self.encoder_.warnings(samples), self.novelty_.warnings(samples)
        return ["; ".join(filter(None, pair)) for pair in zip(lost, odd, strict=True)]

    def on(self, device: str, reporter: Reporter = SILENT) -> Self:
        """Run on that device from now on (auto, cpu, cuda, mps); return the classifier.

        An encoder that computes for long tells the reporter how far it is.
        """
        require_device(device)
        self.training_ = TrainingSettings(**{**self.training_.document(), "device": device})
        if getattr(self.encoder_.settings, "on_device", False):
            self.encoder_ = cast("Any", self.encoder_).on(device, reporter)
        return self

    @property
    def parameters(self) -> int | None:
        """Number of trainable parameters of a network; None for classical models."""
        if self.model_settings_.family != "network":
            return None
        return sum(p.numel() for p in self.model_.parameters() if p.requires_grad)

    def save(self, folder: str | Path, provenance: Document | None = None) -> Path:
        """Write the classifier as a folder that needs nothing else (see `Predictor.save`)."""
        known = provenance or {}
        if self.augment:
            known = {**known, "augment": [s.document() for s in parse_augment(self.augment)]}
        if self.started_ is not None:
            known = {**known, "start_from": self.started_}
        return save_classifier(self, Path(folder), known)

    def _build(self, train: Samples, earlier: Named | None, reporter: Reporter) -> None:
        """Make the network that is to be trained, with the weights that it starts from."""
        if self.model_settings_.caution:
            reporter.say(self.model_settings_.caution)
        with torch.random.fork_rng([]):
            torch.manual_seed(self.training_.seed)
            self.model_ = Network(
                self.encoder_.shape,
                cast("NetworkSettings", self.model_settings_),
                self.width,
                exclusive=self.head.exclusive,
            )
        if earlier is not None:
            self.started_ = start(self, earlier, train)
            for sentence in (self.started_["sentence"], *self.started_["notes"]):
                reporter.say(sentence)
        for settings in self.training_.by_stage():
            require_named(self.model_, settings.frozen)

    def _fit_network(
        self,
        train: Samples,
        validation: Samples,
        augmented: Callable[[Examples], Examples],
        checkpoint: Path | None,
        after_epoch: Callable[[list[Document]], None],
        reporter: Reporter,
    ) -> None:
        encoded = {id(part): self.encoder_.encode(part) for part in (train, validation)}

        def examples(part: Samples, settings: TrainingSettings) -> Examples:
            truth, weights = learned(self.heads_, part, train, settings)
            return Examples(encoded[id(part)], truth, weights, heads=self.heads_)

        stages = []
        for settings in self.training_.by_stage():
            training = examples(train, settings)
            if settings.augment:
                training = augmented(training)
            stages.append(Stage(settings, training, examples(validation, settings)))
        self.history_ = train_stages(
            self.model_,
            stages,
            checkpoint=checkpoint,
            after_epoch=after_epoch,
            reporter=reporter,
        )

    def _fit_classical(self, train: Samples) -> None:
        head, settings = self.head, cast("ClassicalSettings", self.model_settings_)
        vectors, seed = _vectors(self.encoder_.encode(train)), self.training_.seed
        known = train.truth
        of_class = class_weights(head, known, self.training_)
        weights = head.weights(known, train.table["weight"].to_numpy(), of_class)
        truth = head.learned(known)
        self.model_ = fit_form(head.form, settings, vectors, truth, weights, seed, head.classes)
        if self.second is not None:
            self.second_model_ = fit_second(settings, vectors, train, self.training_)


def _fitted(
    settings: Any, train: Samples, training: TrainingSettings, reporter: Reporter
) -> Encoder:
    """Return the fitted encoder; a language model is told where to compute and whether to learn."""
    if training.language_model != "frozen":
        return TunedProteinLM.fit(settings, training)
    if getattr(settings, "on_device", False):
        return settings.fit(train, device=training.device, reporter=reporter)
    return settings.fit(train)


def _vectors(encoded: Encoded) -> NDArray[np.float32] | CellVectors:
    """Return what an encoder made if it is one vector a sample.

    Raises
    ------
    InputError
        If it is positions, which classical models cannot read.
    """
    if isinstance(encoded, Ragged):
        raise InputError(
            "model: a classical model reads one vector a sample, and the encoder gives "
            "positions. Use kmers or composition, or a network."
        )
    return encoded
