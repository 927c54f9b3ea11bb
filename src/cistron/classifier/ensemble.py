"""Several classifiers as one: the mean of what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Samples
from cistron.targets.heads import Head

Floats = NDArray[np.float64]


class Ensemble(Classifier):
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

    def __init__(self, members: Sequence[Classifier]) -> None:
        require_same_question(members)
        first = members[0]
        super().__init__(
            first.encoder,
            first.model,
            first.training,
            first.calibration,
            first.thresholds,
            least_confidence=max(member.least_confidence for member in members),
        )
        self.members = tuple(members)
        self.classes_, self.alphabet_ = first.classes_, first.alphabet_
        self.encoder_, self.training_ = first.encoder_, first.training_
        self.checksum_, self.history_, self.temperature_ = None, [], 1.0
        if first.heads_:
            each = zip(*(member.heads_ or (member.head,) for member in members), strict=True)
            self.heads_ = tuple(_averaged(heads) for heads in each)
        self._lines = [_line(member, self) for member in members]
        if self.alphabet_ == "genes":
            from cistron.evaluation.cell_novelty import CellNovelties

            self.novelty_ = CellNovelties(tuple(member.novelty_ for member in members))

    def fit(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what is joined is trained already."""
        raise InputError("An ensemble is made of trained classifiers: train each of its members.")

    def outputs(self, samples: Samples, orthologs: Any = None) -> NDArray[np.float32]:
        """Return the mean of the members' calibrated outputs, shape (n, width)."""
        return self.mean([member.outputs(samples, orthologs) for member in self.members])

    def mean(self, outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        """Return the ensemble's outputs from those of its members, each of shape (n, width)."""
        return self.calibrated(outputs).mean(axis=0).astype(np.float32)

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
        return np.mean([shift for _, _, shift in self._lines], axis=0)

    def predict(self, samples: Samples, orthologs: Any = None) -> pd.DataFrame:
        """Return the table of `Classifier.predict`, with one column more, `spread`.

        It is the standard deviation over the members of the probability of the most probable
        class, or of the number.
        """
        if self.alphabet_ == "genes":
            return super().predict(samples)
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
        head, each = self.head, self.calibrated(outputs)[:, :, : self.head.outputs]
        if head.kind == "number":
            return each[:, :, 0].std(axis=0, ddof=1) * head.scale
        plain = replace(head, temperature=1.0, shifts=())
        probabilities = np.stack([plain.probabilities(own) for own in each])
        first = head.probabilities(each.mean(axis=0)).argmax(axis=1)
        return probabilities.std(axis=0, ddof=1)[np.arange(len(first)), first]

    def warnings(self, samples: Samples) -> list[str]:
        """Return what at least half of the members find odd, in the words of the first of them."""
        said = zip(*(member.warnings(samples) for member in self.members), strict=True)
        found = [[text for text in texts if text] for texts in said]
        return [own[0] if 2 * len(own) >= len(self.members) and own else "" for own in found]

    def on(self, device: str, reporter: Reporter = SILENT) -> Self:
        """Run every member on that device from now on; return the ensemble."""
        self._become([member.on(device, reporter) for member in self.members])
        return self

    def replaced(self, change: Callable[[Classifier], Classifier]) -> Self:
        """Return an ensemble of changed members; calibration and thresholds stay."""
        from copy import copy

        other = copy(self)
        other._become([change(member) for member in self.members])
        return other

    def _become(self, members: Sequence[Classifier]) -> None:
        self.members = tuple(members)
        self.encoder_, self.training_ = members[0].encoder_, members[0].training_

    @property
    def parameters(self) -> int | None:
        """Number of trainable parameters of all members; None where one is no network."""
        each = [member.parameters for member in self.members]
        return None if None in each else sum(n for n in each if n is not None)


def require_same_question(members: Sequence[Classifier], names: Sequence[str] = ()) -> None:
    """Refuse classifiers whose answers cannot be averaged.

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
        if isinstance(member, Ensemble):
            raise InputError(f"{name} is an ensemble itself. Name its members instead.")
    first = _question(members[0])
    for member, name in zip(members, names, strict=True):
        for what, own in _question(member).items():
            if own != first[what]:
                raise InputError(
                    f"{names[0]} and {name} cannot be one classifier: {what} {_told(first[what])} "
                    f"in the one, {_told(own)} in the other. Join classifiers that answer the "
                    "same question."
                )


def _question(member: Classifier) -> dict[str, Any]:
    """Return what members must have in common, by what a message calls it."""
    found: dict[str, Any] = {"what is read is": member.alphabet_}
    heads = member.heads_ or (member.head,)
    kinds = {"softmax": "one class", "sigmoid": "any number of classes", "number": "a number"}
    for head, which in zip(heads, ("", "of the second target "), strict=False):
        found |= {
            f"{which}the answer is": kinds[head.kind],
            f"{which}what is asked for is": head.name,
            f"{which}the classes are": sorted(head.classes),
            f"{which}the separator of classes is": head.separator,
        }
    found["the number of targets is"] = len(heads)
    return found


def _told(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else repr(value)


def _averaged(heads: Sequence[Head]) -> Head:
    """Return the head of the mean of calibrated outputs, with the mean of the thresholds."""
    first = heads[0]
    thresholds: tuple[float, ...] = ()
    if all(head.thresholds for head in heads):
        each = [[head.named_thresholds[name] for name in first.classes] for head in heads]
        thresholds = tuple(np.mean(each, axis=0).tolist())
    return replace(
        first,
        temperature=1.0,
        shifts=(),
        thresholds=thresholds,
        center=float(np.mean([head.center for head in heads])),
        scale=float(np.mean([head.scale for head in heads])),
    )


def _line(member: Classifier, ensemble: Ensemble) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return which output of a member is each of the ensemble's, and its slope and shift."""
    order: list[int] = []
    slopes, shifts = [], []
    own_heads, heads = (one.heads_ or (one.head,) for one in (member, ensemble))
    for own, head in zip(own_heads, heads, strict=True):
        place = [own.classes.index(name) for name in head.classes] or [0]
        slope, shift = own.line
        if head.kind == "number":
            slope, shift = slope / head.scale, (shift - head.center) / head.scale
        start = len(order)
        order += [start + number for number in place]
        slopes.append(np.full(len(place), slope))
        shifts.append(shift[place])
    return np.array(order), np.concatenate(slopes), np.concatenate(shifts)
