"""Several classifiers as one: the mean, or weighted mean, of what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.cell_predictions import predict_cells
from cistron.classifier.classifier import Classifier
from cistron.classifier.files import save_classifier
from cistron.classifier.predictor import Predictor, calibrated
from cistron.evaluation.cell_novelty import CellNovelties
from cistron.samples.samples import Samples
from cistron.training.augment.orthologs import OrthologSource

Floats = NDArray[np.float64]


class Ensemble(Predictor):
    """Trained classifiers that answer the same question, as one classifier.

    Its logits are the mean of the members' calibrated logits: each is divided by the temperature
    of its member (and, where a sample may have several classes, shifted) before. Of a number it is
    the mean of the numbers. Its own temperature is 1, and its thresholds are the mean of the
    members', until `calibrate` fits them on samples that no member was trained on.

    Lakshminarayanan, B., Pritzel, A. & Blundell, C. Simple and scalable predictive uncertainty
    estimation using deep ensembles. NeurIPS 2017, arXiv:1612.01474. (They average probabilities;
    the mean of logits can be explained: contributions to it are the mean of contributions.)

    Parameters
    ----------
    members : sequence of Classifier
        Two or more, trained, and no ensembles themselves.
    weights : sequence of float, optional
        Of each member in the mean, above zero; they are divided by their sum. All the same without.

    Attributes
    ----------
    classes_, alphabet_, heads_, temperature_, checksum_
        As of any classifier; the order of the classes is that of the first member.
    encoder_, training_
        Those of the first member: by them a file is read. Each member has its own.

    Raises
    ------
    InputError
        If there are fewer than two, or they do not answer the same question.
    """

    def __init__(
        self, members: Sequence[Predictor], weights: Sequence[float] | None = None
    ) -> None:
        members = require_same_question(members)
        given = np.ones(len(members)) if weights is None else np.asarray(weights, dtype=np.float64)
        if given.shape != (len(members),) or not (np.isfinite(given) & (given > 0)).all():
            raise InputError("An ensemble needs one weight above zero for each member.")
        self.weights: Floats = given / given.sum()
        first = members[0]
        self.calibration, self.thresholds = first.calibration, first.thresholds
        self.least_confidence = max(member.least_confidence for member in members)
        self.classes_, self.alphabet_ = first.classes_, first.alphabet_
        each = zip(*(member.heads_ for member in members), strict=True)
        self.heads_ = tuple(type(heads[0]).mean_of(heads) for heads in each)
        self._become(members)
        self._lines = [_line(member, self) for member in members]
        if self.domain is CELLS:
            self.novelty_ = CellNovelties(tuple(member.novelty_ for member in members))

    @property
    def members(self) -> tuple[Classifier, ...]:
        """The classifiers that are averaged."""
        return self._members

    def outputs(
        self, samples: Samples, orthologs: OrthologSource | None = None
    ) -> NDArray[np.float32]:
        """Return the mean of the members' calibrated outputs, shape (n, width)."""
        return self.mean([member.outputs(samples, orthologs) for member in self.members])

    def mean(self, outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        """Return the ensemble's outputs from those of its members, each of shape (n, width)."""
        return self.averaged(self.calibrated(outputs)).astype(np.float32)

    @property
    def weighted(self) -> bool:
        """Whether some members count more than others."""
        return bool((self.weights != self.weights[0]).any())

    def averaged(self, each: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the mean over the members, by their weights, of an array (members, ...)."""
        if not self.weighted:
            return np.asarray(each.mean(axis=0))
        return np.tensordot(self.weights, each, axes=1)

    def calibrated(self, outputs: Sequence[NDArray[np.floating]]) -> Floats:
        """Return the members' outputs as they are averaged, shape (members, n, width).

        Calibrated, and in the order of the ensemble's classes; numbers are standardised by the
        center and scale of the ensemble.
        """
        each = zip(outputs, self._lines, strict=True)
        return np.stack([out[:, order] * slope + shift for out, (order, slope, shift) in each])

    @property
    def shift(self) -> Floats:
        """What calibration of the members adds to the ensemble's outputs, shape (width,)."""
        each = np.stack([shift for _, _, shift in self._lines])
        return np.asarray(self.averaged(each), dtype=np.float64)

    def predict(self, samples: Samples, orthologs: OrthologSource | None = None) -> pd.DataFrame:
        """Return the table of `Classifier.predict`, with one column more, `spread`.

        It is the standard deviation over the members of the probability of the most probable
        class, or of the number.
        """
        if self.domain is CELLS:
            return predict_cells(self, samples)
        outputs = [member.outputs(samples, orthologs) for member in self.members]
        table = self.answers(samples, self.mean(outputs))
        table["spread"] = self.spread(outputs)
        table["warning"] = self.warnings(samples)
        return table

    def spread(self, outputs: Sequence[NDArray[np.floating]]) -> Floats:
        """Return how far the members are apart, shape (n,): see `predict`.

        Parameters
        ----------
        outputs : sequence of ndarray, shape (n, width)
            Of each member.
        """
        return self.head.spread(self.calibrated(outputs)[:, :, : self.head.outputs])

    def warnings(self, samples: Samples) -> list[str]:
        """Return what at least half of the members find odd, in the words of the first of them."""
        said = zip(*(member.warnings(samples) for member in self.members), strict=True)
        found = [[text for text in texts if text] for texts in said]
        return [own[0] if 2 * len(own) >= len(self.members) and own else "" for own in found]

    def calibrate(self, validation: Samples, orthologs: OrthologSource | None = None) -> Self:
        """Fit calibration and thresholds of the ensemble on samples no member was trained on."""
        calibrate = self.calibration == "temperature"
        self.heads_ = calibrated(self, validation, orthologs, calibrate)
        return self

    def save(self, folder: str | Path, provenance: Document | None = None) -> Path:
        """Write a folder with every member (see `Predictor.save`)."""
        return save_classifier(self, Path(folder), provenance or {})

    def on(self, device: str, reporter: Reporter = SILENT) -> Self:
        """Run every member on that device from now on; return the ensemble."""
        self._become([member.on(device, reporter) for member in self.members])
        return self

    def replaced(self, change: Callable[[Classifier], Classifier]) -> Self:
        """Return an ensemble of changed members; calibration and thresholds stay."""
        other = copy(self)
        other._become([change(member) for member in self.members])
        return other

    def _become(self, members: Sequence[Classifier]) -> None:
        self._members = tuple(members)
        self.encoder_, self.training_ = members[0].encoder_, members[0].training_
        self.reading_ = members[0].reading_

    @property
    def parameters(self) -> int | None:
        """Number of trainable parameters of all members; None where one is no network."""
        each = [member.parameters for member in self.members]
        return None if None in each else sum(n for n in each if n is not None)


def join(predictors: Sequence[Predictor]) -> Ensemble:
    """Return classifiers and blends as one ensemble, in which each counts the same.

    A blend becomes its members, each with its weight over the temperature of the blend; its shifts
    are left out, so that the ensemble is to be calibrated.
    """
    members = [member for one in predictors for member in one.members]
    weights = [weight for one in predictors for weight in _shares(one)]
    return Ensemble(members, weights)


def _shares(predictor: Predictor) -> list[float]:
    if not isinstance(predictor, Ensemble):
        return [1.0]
    return [float(weight) / predictor.temperature_ for weight in predictor.weights]


def require_same_question(
    members: Sequence[Predictor], names: Sequence[str] = ()
) -> tuple[Classifier, ...]:
    """Return the classifiers; refuse those whose answers cannot be averaged.

    Parameters
    ----------
    members : sequence of Classifier
    names : sequence of str, optional
        What messages call them.

    Raises
    ------
    InputError
    """
    if len(members) < 2:
        raise InputError("An ensemble needs two classifiers or more.")
    names = names or [f"Member {number + 1}" for number in range(len(members))]
    for member, name in zip(members, names, strict=True):
        if not isinstance(member, Classifier):
            raise InputError(f"{name} is an ensemble itself. Name its members instead.")
    first = _question(members[0])
    for member, name in zip(members, names, strict=True):
        for what, own in _question(member).items():
            if own != first.get(what, own):
                raise InputError(
                    f"{names[0]} and {name} cannot be one classifier: {what} {_told(first[what])} "
                    f"in the one, {_told(own)} in the other. Join classifiers that answer the "
                    "same question."
                )
    return tuple(member for member in members if isinstance(member, Classifier))


def _question(member: Predictor) -> Document:
    """Return what members must have in common, by what a message calls it."""
    found: Document = {"what is read is": member.alphabet_}
    for head, which in zip(member.heads_, ("", "of the second target "), strict=False):
        found |= {f"{which}{what}": value for what, value in head.question().items()}
    found["the number of targets is"] = len(member.heads_)
    if member.reading_ is not None:
        reading = member.reading_
        found["the matrix of AnnData is"] = "raw" if reading.raw else reading.layer or "X"
    return found


def _told(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else repr(value)


def _line(member: Classifier, ensemble: Ensemble) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return which output of a member is each of the ensemble's, and its slope and shift."""
    order: list[int] = []
    slopes, shifts = [], []
    for own, head in zip(member.heads_, ensemble.heads_, strict=True):
        place = [own.classes.index(name) for name in head.classes] or [0]
        slope, shift = head.line_of(own)
        start = len(order)
        order += [start + number for number in place]
        slopes.append(np.full(len(place), slope))
        shifts.append(shift[place])
    return np.array(order), np.concatenate(slopes), np.concatenate(shifts)
