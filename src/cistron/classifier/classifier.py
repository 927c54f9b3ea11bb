"""The portable model: encoder + trained model + class names + calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from cistron.base.cell_vectors import CellVectors
from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.base.settings import Settings
from cistron.classifier.second import (
    beside,
    calibrated,
    fit_second,
    require_known,
    second_columns,
    second_weights,
    two_heads,
)
from cistron.encoders.encoder import Encoder
from cistron.experiment.checks import check_numbers, check_tuning
from cistron.experiment.file import parse_augment, parse_encoder, parse_model
from cistron.samples.samples import Samples
from cistron.splits.random import RandomSplit
from cistron.splits.settle import settle
from cistron.splits.split import TEST, TRAIN, VALIDATION, Split
from cistron.targets.heads import Head
from cistron.targets.quantities import require_spread
from cistron.training.class_weights import class_weights
from cistron.training.settings import TrainingSettings


class Classifier(ClassifierMixin, BaseEstimator):
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
    classes_ : ndarray of str
        Class names in the order of the probability columns.
    alphabet_ : str
        "protein" or "dna"; "genes" of cells.
    encoder_ : Encoder
        The fitted encoder.
    model_ : torch.nn.Module or scikit-learn estimator
    second_model_ : scikit-learn estimator or None
        Of a second target, where the model is a classical one; a network has both heads.
    temperature_ : float
        What logits are divided by before the softmax (or sigmoid: see `heads_`).
    heads_ : tuple of Head
        What it answers, with calibration and thresholds; empty where each sample has one class.
        Of samples with a second target there are two, each with a class.
        Of samples with a number, `head.kind` is "number", and `classes_` is empty.
    novelty_ : Novelty or CellNovelty
        What the training samples looked like.
    checksum_ : str or None
        Of the files the classifier was loaded from.
    history_ : list of dict
        One entry an epoch; empty for classical models.
    """

    heads_: tuple[Head, ...] = ()
    second_model_: Any = None

    def __init__(
        self,
        encoder: str | dict[str, Any] | Settings = "residues",
        model: str | dict[str, Any] | Settings = "cnn_lstm",
        training: dict[str, Any] | TrainingSettings | None = None,
        calibration: str = "temperature",
        thresholds: str = "f1",
        augment: Sequence[str | dict[str, Any] | Settings] = (),
        least_confidence: float = 0.0,
    ) -> None:
        self.encoder = encoder
        self.model = model
        self.training = training
        self.calibration = calibration
        self.thresholds = thresholds
        self.augment = augment
        self.least_confidence = least_confidence

    def settings(self) -> tuple[Any, Any, TrainingSettings]:
        """Return the validated settings of encoder, model and training."""
        training = self.training or {}
        if not isinstance(training, TrainingSettings):
            training = TrainingSettings(**training)
        return parse_encoder(self.encoder), parse_model(self.model), training

    def fit(
        self,
        samples: Samples,
        split: Split | None = None,
        *,
        orthologs: Any = None,
        checkpoint: Path | None = None,
        after_epoch: Callable[[list[dict[str, Any]]], None] = lambda history: None,  # noqa: ARG005
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
        if samples.quantity:
            _require_numbers(samples, training)
        elif len(samples.classes) < 2:
            raise InputError("Labelled samples of at least two classes are needed to train.")
        if split is None:
            split = RandomSplit(test=0.0, folds=2, seed=training.seed).split(samples)
        samples, split = settle(samples, split)
        train, validation = (samples.take(split.rows(part)) for part in (TRAIN, VALIDATION))
        if len(train) == 0 or len(validation) == 0:
            raise InputError("The split leaves no training or no validation samples.")
        require_known(samples, split)
        from cistron.models.fixed_length import require_length
        from cistron.training.augment.augment import (
            averages_orthologs,
            find_orthologs,
            require_possible,
        )
        from cistron.training.augment.phyloaug import training_orthologs
        from cistron.training.augmented import augmenter

        require_length(encoder_settings, model_settings)
        augment = parse_augment(self.augment)
        require_possible(augment, encoder_settings, model_settings, training)
        if orthologs is None:
            orthologs = find_orthologs(augment, samples)
        averaged = orthologs if averages_orthologs(augment) else None
        self.classes_ = np.array(samples.classes, dtype=object)
        self.alphabet_ = samples.payload.content
        self.checksum_: str | None = None
        check_tuning(encoder_settings, model_settings, training, "Settings")
        self.encoder_: Encoder = _fitted(encoder_settings, train, training, reporter)
        for note in getattr(self.encoder_, "notes", ()):
            reporter.say(note)
        self.model_settings_, self.training_ = model_settings, training
        self.novelty_: Any = self._described(train, validation)
        self.model_: Any = None
        self.temperature_ = 1.0
        self.second_model_: Any = None
        self.heads_ = two_heads(samples)
        if samples.separator:
            self.heads_ = (Head("class", samples.classes, "sigmoid", samples.separator),)
        elif samples.quantity:
            self.heads_ = (Head.of_number(samples.quantity, train.numbers),)
        self.history_: list[dict[str, Any]] = []
        if model_settings.family == "network":
            held_out = samples.take(np.flatnonzero(np.isin(split.part, [VALIDATION, TEST])))
            related = training_orthologs(orthologs, train, held_out, reporter.say)
            bound = getattr(model_settings, "length", None)
            augmented = augmenter(augment, related, self.encoder_, bound)
            self._fit_network(train, validation, augmented, checkpoint, after_epoch, reporter)
        else:
            self._fit_classical(train)
        return self.calibrate(validation, averaged)

    def calibrate(self, validation: Samples, orthologs: Any = None) -> Self:
        """Fit temperatures, and where a sample may have several classes shifts and thresholds.

        Parameters
        ----------
        validation : Samples
            Labelled, and not trained on.
        orthologs : Orthologs or SamplesOfOneGene, optional
            See `logits`.
        """
        from cistron.targets.calibration import fit_temperature

        calibrate = self.calibration == "temperature"
        if self.head.kind == "sigmoid":
            logits, truth = self.logits(validation, orthologs), validation.memberships
            self.heads_ = (self.head.fitted(logits, truth, calibrate, self.thresholds),)
            self.temperature_ = self.head.temperature
        elif self.second is not None and calibrate:
            self.heads_ = calibrated(self.heads_, self.outputs(validation, orthologs), validation)
            self.temperature_ = self.head.temperature
        elif self.head.kind == "softmax" and calibrate:
            logits = self.logits(validation, orthologs)
            self.temperature_ = fit_temperature(logits, validation.targets)
        return self

    @property
    def head(self) -> Head:
        """What is answered: the classes, calibration and thresholds."""
        if self.heads_:
            return self.heads_[0]
        return Head("class", tuple(self.classes_), temperature=self.temperature_)

    @property
    def second(self) -> Head | None:
        """What is answered beside it, where there is a second target."""
        return self.heads_[1] if len(self.heads_) > 1 else None

    @property
    def width(self) -> int:
        """How many outputs the heads read together."""
        return sum(head.outputs for head in self.heads_ or (self.head,))

    def logits(self, samples: Samples, orthologs: Any = None) -> NDArray[np.float32]:
        """Return uncalibrated logits (of classical models log-probabilities), shape (n, k).

        Of classical models of several classes a sample: the logarithm of the odds. Of a number:
        the standardised number, shape (n, 1).

        Parameters
        ----------
        samples : Samples
        orthologs : Orthologs or SamplesOfOneGene, optional
            The logits are the mean over a sample and its orthologs (see
            `cistron.training.augment`).
        """
        return self.outputs(samples, orthologs)[:, : self.head.outputs]

    def outputs(self, samples: Samples, orthologs: Any = None) -> NDArray[np.float32]:
        """Return the logits of all heads side by side, shape (n, width): see `logits`."""
        if orthologs is not None:
            from cistron.training.augment.orthologs import averaged_logits

            return averaged_logits(self.outputs, samples, orthologs.of(samples))
        if len(samples) == 0:
            return np.empty((0, self.width), dtype=np.float32)
        return self.outputs_of(self.encoder_.encode(samples))

    def outputs_of(self, encoded: Encoded) -> NDArray[np.float32]:
        """Return the outputs for what the encoder made of samples (see `outputs`)."""
        from cistron.models.classical.classical import log_odds, log_probabilities, predict_numbers
        from cistron.training.fit import compute_logits

        if self.model_settings_.family == "network":
            return compute_logits(self.model_, encoded, self.training_)
        if self.head.kind == "sigmoid":
            return log_odds(self.model_, _vectors(encoded))
        if self.head.kind == "number":
            return predict_numbers(self.model_, _vectors(encoded))
        models = [model for model in (self.model_, self.second_model_) if model is not None]
        return np.hstack([log_probabilities(model, _vectors(encoded)) for model in models])

    def predict_proba(self, samples: Samples, orthologs: Any = None) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n, classes); for orthologs see `logits`.

        Raises
        ------
        InputError
            If numbers are predicted: see `predict_numbers`.
        """
        if self.head.kind == "number":
            raise InputError("A number has no probabilities. Use predict or predict_numbers.")
        return self.head.probabilities(self.logits(samples, orthologs))

    def predict_numbers(self, samples: Samples, orthologs: Any = None) -> NDArray[np.float64]:
        """Return the number predicted of each sample, shape (n,), in the unit of the labels.

        For orthologs see `logits`.

        Raises
        ------
        InputError
            If classes are predicted: see `predict_proba`.
        """
        if self.head.kind != "number":
            raise InputError("A class is no number. Use predict or predict_proba.")
        return self.head.values(self.logits(samples, orthologs))

    def predict(self, samples: Samples, orthologs: Any = None) -> pd.DataFrame:
        """Return a table: `id`, `predicted`, `p_<class>` for each class, and `warning`.

        Where a sample may have several classes, `predicted` names those that reach their
        threshold, joined by the separator of the labels; where none does, the most probable one.
        Of a number, the columns are `id`, `predicted` (the number) and `warning`. Of a second
        target, `predicted_<name>` and `p_<name>_<class>` stand before the warning.
        `warning` says what is odd about a sample: cropped, unlike anything in training, …
        For orthologs see `logits`. Of cells the column `rejected` says which are unlike the
        training cells, or have no class of at least `least_confidence`.
        """
        if self.alphabet_ == "genes":
            from cistron.classifier.cell_predictions import predict_cells

            return predict_cells(self, samples)
        table = self.answers(samples, self.outputs(samples, orthologs))
        table["warning"] = self.warnings(samples)
        return table

    def answers(self, samples: Samples, outputs: NDArray[np.floating]) -> pd.DataFrame:
        """Return what outputs of shape (n, width) say of samples: `predict` without warnings."""
        logits, rest = np.split(outputs, [self.head.outputs], axis=1)
        table = pd.DataFrame({"id": samples.ids, **self.head.columns(logits)})
        if self.second is not None:
            table = table.join(second_columns(self.second, rest))
        return table

    def warnings(self, samples: Samples) -> list[str]:
        """Return for each sample what is odd about it, or an empty string."""
        lost, odd = self.encoder_.warnings(samples), self.novelty_.warnings(samples)
        return ["; ".join(filter(None, pair)) for pair in zip(lost, odd, strict=True)]

    def score(self, samples: Samples, labels: Any = None) -> float:
        """Return the accuracy on labelled samples (scikit-learn's default score).

        Of several classes a sample, the share whose set of classes is exactly right; of a number
        R², the coefficient of determination.
        """
        if self.head.kind == "number":
            from cistron.targets.number import scores

            numbers = samples.numbers if labels is None else labels
            return float(scores(numbers, self.predict_numbers(samples))["r2"])
        labels = samples.table["label"] if labels is None else labels
        predicted = self.head.named(self.predict_proba(samples))
        return float((predicted == np.asarray(labels, dtype=object)).mean())

    def explain(self, samples: Samples, **settings: Any) -> Any:
        """Return what each position or feature contributes to the predictions.

        Parameters
        ----------
        samples : Samples
        settings
            Keys of `cistron.explain.settings.ExplainSettings`: `method`, `class_`, `references`, …

        Returns
        -------
        cistron.explain.explanation.Explanation
        """
        from cistron.explain.explanation import explain

        return explain(self, samples, settings)

    def on(self, device: str, reporter: Reporter = SILENT) -> Self:
        """Run on that device from now on (auto, cpu, cuda, mps); return the classifier.

        An encoder that computes for long tells the reporter how far it is.
        """
        from cistron.base.device import require_known

        require_known(device)
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

    def save(self, folder: str | Path, provenance: dict[str, Any] | None = None) -> Path:
        """Write the classifier as a folder that needs nothing else (see `cistron.load`).

        Parameters
        ----------
        folder : path
            Must not exist yet.
        provenance : dict, optional
            What is known of how it came about, as plain JSON types.
        """
        from cistron.classifier.files import save

        known = provenance or {}
        if self.augment:
            known = {**known, "augment": [s.document() for s in parse_augment(self.augment)]}
        return save(self, Path(folder), known)

    def _described(self, train: Samples, validation: Samples) -> Any:
        """Return what training samples look like: of cells, in their genes as they are scaled."""
        if train.payload.content != "genes":
            from cistron.evaluation.novelty import fit_novelty

            return fit_novelty(train)
        from cistron.evaluation.cell_novelty import fit_cell_novelty

        encoder: Any = self.encoder_
        vectors, others = (encoder.scaled(part) for part in (train, validation))
        return fit_cell_novelty(train, vectors, validation, others)

    def _fit_network(
        self,
        train: Samples,
        validation: Samples,
        augmented: Callable[[Any], Any],
        checkpoint: Path | None,
        after_epoch: Callable[[list[dict[str, Any]]], None],
        reporter: Reporter,
    ) -> None:
        import torch

        from cistron.models.input import Network
        from cistron.training.fit import Examples
        from cistron.training.stages import Stage, train_stages

        if self.model_settings_.caution:
            reporter.say(self.model_settings_.caution)
        encoded = {id(part): self.encoder_.encode(part) for part in (train, validation)}

        def examples(part: Samples, settings: TrainingSettings) -> Examples:
            targets, weighted = self._targets(part, self._class_weights(train, settings))
            heads = self.heads_ if self.second is not None else ()
            if heads:
                of_second = second_weights(train, settings)
                targets, weighted = beside(part, targets, weighted, of_second)
            told = targets if targets.dtype == np.int64 else targets.astype(np.float32)
            return Examples(encoded[id(part)], told, weighted.astype(np.float32), heads=heads)

        stages = []
        for settings in self.training_.by_stage():
            training = examples(train, settings)
            if settings.augment:
                training = augmented(training)
            stages.append(Stage(settings, training, examples(validation, settings)))
        with torch.random.fork_rng([]):
            torch.manual_seed(self.training_.seed)
            self.model_ = Network(
                self.encoder_.shape,
                self.model_settings_,
                self.width,
                exclusive=self.head.kind == "softmax",
            )
        self.history_ = train_stages(
            self.model_,
            stages,
            checkpoint=checkpoint,
            after_epoch=after_epoch,
            reporter=reporter,
        )

    def _fit_classical(self, train: Samples) -> None:
        from cistron.models.classical.classical import fit_classical, fit_each_class, fit_regressor

        of_class = self._class_weights(train, self.training_)
        targets, weights = self._targets(train, of_class)
        vectors, seed = _vectors(self.encoder_.encode(train)), self.training_.seed
        if targets.ndim == 2:
            self.model_ = fit_each_class(
                self.model_settings_, vectors, targets, weights, seed, self.classes_.tolist()
            )
        elif train.quantity:
            self.model_ = fit_regressor(self.model_settings_, vectors, targets, weights, seed)
        else:
            self.model_ = fit_classical(self.model_settings_, vectors, targets, weights, seed)
        if self.second is not None:
            self.second_model_ = fit_second(self.model_settings_, vectors, train, self.training_)

    def _class_weights(self, train: Samples, settings: TrainingSettings) -> NDArray[np.float64]:
        if train.quantity:
            return np.ones(0)
        targets = train.memberships if train.separator else train.targets
        return class_weights(targets, self.classes_.tolist(), settings)

    def _targets(
        self, part: Samples, weights: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return targets and their weights: each of shape (n,), or of (n, classes)."""
        each = part.table["weight"].to_numpy()
        if part.quantity:
            return self.head.standardised(part.numbers), each
        if not part.separator:
            return part.targets, weights[part.targets] * each
        members = part.memberships
        return members, np.where(members, weights, 1.0) * each[:, None]


def _fitted(settings: Any, train: Samples, training: TrainingSettings, reporter: Reporter) -> Any:
    """Return the fitted encoder; a language model is told where to compute and whether to learn."""
    if training.language_model != "frozen":
        from cistron.encoders.language_models.tuned_protein_lm import TunedProteinLM

        return TunedProteinLM.fit(settings, training)
    if getattr(settings, "on_device", False):
        return settings.fit(train, device=training.device, reporter=reporter)
    return settings.fit(train)


def _require_numbers(samples: Samples, training: TrainingSettings) -> None:
    """Refuse samples from whose numbers nothing can be learned, and settings that are of classes.

    Raises
    ------
    InputError
        If there are too few numbers, one is missing, or all are equal; if samples are to be drawn
        or weighted by class.
    """
    numbers = samples.numbers
    if not np.isfinite(numbers).all():
        raise InputError(
            f"{(~np.isfinite(numbers)).sum():,} of {len(numbers):,} samples have no number. Leave "
            "them out before training."
        )
    require_spread(numbers, "samples")
    check_numbers(training, "Settings")


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
