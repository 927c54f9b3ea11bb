"""What predicts: one classifier, or several as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.document import Document
from cistron.base.domains import DOMAINS, Domain
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.second import second_columns, truths_of
from cistron.encoders.encoder import Encoder
from cistron.samples.cells.cell_reading import CellReading
from cistron.samples.samples import Samples
from cistron.targets.target import Target
from cistron.training.augment.orthologs import OrthologSource
from cistron.training.settings import TrainingSettings


class Predictor(ABC):
    """What a classifier and an ensemble have in common: outputs, and all that follows from them.

    Attributes
    ----------
    heads_ : tuple of Target
        What it answers, with what was fitted for it; a second target stands behind the first.
    classes_ : ndarray of str
        Class names in the order of the probability columns; empty where a number is predicted.
    alphabet_ : str
        "protein" or "dna"; "genes" of cells.
    encoder_ : Encoder
        By it a file is read.
    training_ : TrainingSettings
    novelty_ : Novelty, CellNovelty or CellNovelties
        What the training samples looked like.
    checksum_ : str or None
        Of the files it was loaded from.
    provenance_ : dict
        How it came about, where it was loaded.
    started_ : dict or None
        What its weights started from (see `cistron.classifier.start`); None where all were new.
    reading_ : CellReading or None
        Of cells, how the files of the training cells were read; None where they came from memory.
    """

    explainer: ClassVar[Callable[..., Any] | None] = None
    """Explains predictions; `cistron.explain.explanation` puts itself here."""

    reader: ClassVar[Callable[[str | Path], Predictor] | None] = None
    """Reads a saved classifier; `cistron.classifier.load` puts itself here."""

    heads_: tuple[Target, ...]
    classes_: NDArray[np.object_]
    alphabet_: str
    encoder_: Encoder
    training_: TrainingSettings
    novelty_: Any
    checksum_: str | None = None
    provenance_: Document
    started_: Document | None = None
    reading_: CellReading | None = None
    calibration: str
    thresholds: str
    least_confidence: float

    @property
    @abstractmethod
    def members(self) -> Sequence[Predictor]:
        """The classifiers whose answers are averaged; of one classifier itself."""

    @abstractmethod
    def outputs(
        self, samples: Samples, orthologs: OrthologSource | None = None
    ) -> NDArray[np.float32]:
        """Return the uncalibrated outputs of all heads side by side, shape (n, width)."""

    @abstractmethod
    def predict(self, samples: Samples, orthologs: OrthologSource | None = None) -> pd.DataFrame:
        """Return a table of predictions, one row a sample."""

    @abstractmethod
    def warnings(self, samples: Samples) -> list[str]:
        """Return for each sample what is odd about it, or an empty string."""

    @abstractmethod
    def on(self, device: str, reporter: Reporter = SILENT) -> Self:
        """Run on that device from now on (auto, cpu, cuda, mps); return the predictor."""

    @property
    @abstractmethod
    def parameters(self) -> int | None:
        """Number of trainable parameters; None where a model is classical."""

    @abstractmethod
    def save(self, folder: str | Path, provenance: Document | None = None) -> Path:
        """Write a folder that needs nothing else (see `cistron.load`).

        Parameters
        ----------
        folder : path
            Must not exist yet.
        provenance : dict, optional
            What is known of how it came about, as plain JSON types.
        """

    @abstractmethod
    def replaced(self, change: Callable[[Any], Any]) -> Self:
        """Return it with each classifier changed; calibration and thresholds stay."""

    @property
    def domain(self) -> Domain:
        """What kind of sample it reads."""
        return DOMAINS[self.alphabet_]

    @property
    def head(self) -> Target:
        """What is answered first: the target, its calibration and thresholds."""
        return self.heads_[0]

    @property
    def second(self) -> Target | None:
        """What is answered beside it, where there is a second target."""
        return self.heads_[1] if len(self.heads_) > 1 else None

    @property
    def width(self) -> int:
        """How many outputs the heads read together."""
        return sum(head.outputs for head in self.heads_)

    @property
    def temperature_(self) -> float:
        """What the logits of the first target are divided by; 1 for a number."""
        return float(getattr(self.head, "temperature", 1.0))

    def mean(self, outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        """Return the outputs from those of each member; of one classifier its own."""
        return np.asarray(outputs[0], dtype=np.float32)

    def spread(
        self,
        outputs: Sequence[NDArray[np.floating]],  # noqa: ARG002
    ) -> NDArray[np.float64] | None:
        """Return how far the members are apart, shape (n,); None of one classifier."""
        return None

    def logits(
        self, samples: Samples, orthologs: OrthologSource | None = None
    ) -> NDArray[np.float32]:
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

    def predict_proba(
        self, samples: Samples, orthologs: OrthologSource | None = None
    ) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n, classes); for orthologs see `logits`.

        Raises
        ------
        InputError
            If numbers are predicted: see `predict_numbers`.
        """
        if not self.head.classes:
            raise InputError("A number has no probabilities. Use predict or predict_numbers.")
        return self.head.answers(self.logits(samples, orthologs))

    def predict_numbers(
        self, samples: Samples, orthologs: OrthologSource | None = None
    ) -> NDArray[np.float64]:
        """Return the number predicted of each sample, shape (n,), in the unit of the labels.

        For orthologs see `logits`.

        Raises
        ------
        InputError
            If classes are predicted: see `predict_proba`.
        """
        if self.head.classes:
            raise InputError("A class is no number. Use predict or predict_proba.")
        return self.head.answers(self.logits(samples, orthologs))[:, 0]

    def answers(self, samples: Samples, outputs: NDArray[np.floating]) -> pd.DataFrame:
        """Return what outputs of shape (n, width) say of samples: `predict` without warnings."""
        logits, rest = np.split(outputs, [self.head.outputs], axis=1)
        columns = self.head.columns(self.head.predictions(logits))
        table = pd.DataFrame({"id": samples.ids, **columns})
        if self.second is not None:
            table = table.join(second_columns(self.second, rest))
        return table

    def score(self, samples: Samples, labels: ArrayLike | None = None) -> float:
        """Return the accuracy on labelled samples (scikit-learn's default score).

        Of several classes a sample, the share whose set of classes is exactly right; of a number
        R², the coefficient of determination.
        """
        given = samples.table["label"] if labels is None else pd.Series(np.asarray(labels))
        return self.head.accuracy(given, self.head.predictions(self.logits(samples)))

    def explain(self, samples: Samples, **settings: object) -> Any:
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
        if Predictor.explainer is None:
            raise RuntimeError("import cistron.explain.explanation before explaining")
        return Predictor.explainer(self, samples, settings)


def require_outputs(outputs: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return what a model gave; refuse it where no answer can be made of it.

    Raises
    ------
    InputError
        If there are not so many outputs a sample, or they are not numbers: of NaN, the first class
        would be the most probable.
    """
    if outputs.shape[1] != width:
        raise InputError(
            f"The model gives {outputs.shape[1]} outputs, and its classes need {width}. Its files "
            "are damaged. Copy the model folder again from where it was made."
        )
    bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
    if len(bad):
        raise InputError(
            f"The model gives outputs that are not finite numbers for {len(bad):,} of "
            f"{len(outputs):,} samples; the first is number {bad[0] + 1}. Its files are damaged, "
            "or the numbers of these samples are too large. Nothing was predicted."
        )
    return outputs


def calibrated(
    predictor: Predictor, validation: Samples, orthologs: OrthologSource | None, temperature: bool
) -> tuple[Target, ...]:
    """Return what is answered, calibrated on validation samples.

    Parameters
    ----------
    predictor : Predictor
    validation : Samples
        Labelled, and not trained on.
    orthologs : Orthologs or SamplesOfOneGene, optional
        See `Predictor.logits`.
    temperature : bool
        Whether probabilities are calibrated; thresholds are fitted where there are any.
    """
    heads = predictor.heads_
    if not any(head.needs_outputs(temperature) for head in heads):
        return heads
    bounds = np.cumsum([head.outputs for head in heads])[:-1]
    outputs = np.split(predictor.outputs(validation, orthologs), bounds, axis=1)
    truths = truths_of(validation)[: len(heads)]
    return tuple(
        head.calibrated(logits, truth, temperature, predictor.thresholds)
        for head, logits, truth in zip(heads, outputs, truths, strict=True)
    )
