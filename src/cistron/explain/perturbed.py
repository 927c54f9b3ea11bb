"""Samples that are changed and predicted again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.device import choose_device
from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.classifier.predictor import Predictor
from cistron.explain.rules.local_trunk import substituted_logits, trunk_of
from cistron.models.classical.classical import Vectors, form_outputs
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.samples import Profiles, Samples, Sequences, make_samples
from cistron.training.outputs import compute_logits

Score = Callable[[Encoded], NDArray[np.float32]]
Substitute = Callable[
    [NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]
]

TOKENS = 1 << 19  # positions that are predicted again at once


@dataclass(frozen=True, eq=False)
class Changeable:
    """What can be changed of n samples, and how it is predicted.

    Parameters
    ----------
    values : Ragged or ndarray
        Letter codes or channels of each position; or features, shape (n, features).
    blank : int
        What stands for nothing there.
    score : callable
        Values of any number of samples → outputs, shape (samples, width).
    substitute : callable, optional
        Codes of a sample, places, and codes of what is put there → logits of the sample and of
        each substitution alone, shape (1 + places, width); where that is faster than `score`.
    """

    values: Encoded
    blank: int
    score: Score
    substitute: Substitute | None = None


def encoded_inputs(classifier: Classifier, encoded: Encoded) -> Changeable:
    """Return what the model reads: letters, channels or features."""
    if classifier.model_settings_.family == "network":
        model, training = classifier.model_, classifier.training_
        blank = 0
        if model.kind == "codes":
            blank = ALPHABETS[classifier.alphabet_].unknown
        score = lambda x: compute_logits(model, x, training)  # noqa: E731
        trunk = trunk_of(model)
        if trunk is None:
            return Changeable(encoded, blank, score)
        model.to(choose_device(training.device))
        return Changeable(
            encoded, blank, score, lambda *given: substituted_logits(model, trunk, *given)
        )
    form = classifier.head.form
    return Changeable(
        encoded, 0, lambda x: form_outputs(form, classifier.model_, cast("Vectors", x))
    )


def inputs_of(classifier: Classifier, samples: Samples) -> Changeable:
    """Return what the model of a classifier, which is no ensemble, reads of samples."""
    return encoded_inputs(classifier, classifier.encoder_.encode(samples))


def letters_of(classifier: Predictor, samples: Samples) -> Changeable:
    """Return the letters of samples: those that the model reads, where it reads letters.

    Raises
    ------
    InputError
        If the samples are profiles, which have no letters.
    """
    if not isinstance(classifier, Classifier):
        shared = _letters_of_members(classifier, samples)
        if shared is not None:
            return shared
    elif classifier.model_settings_.family == "network" and classifier.model_.kind == "codes":
        return inputs_of(classifier, samples)
    sequences = samples.payload
    if isinstance(sequences, Profiles) or not isinstance(sequences, Sequences):
        raise InputError("Only samples with letters can have them changed. Use --method deeplift.")
    alphabet = sequences.alphabet

    def score(x: Encoded) -> NDArray[np.float32]:
        rows = cast("Ragged", x)
        return classifier.outputs(make_samples(Sequences(rows.values, rows.offsets, alphabet)))

    return Changeable(Ragged(sequences.values, sequences.offsets), alphabet.unknown, score)


def _letters_of_members(ensemble: Predictor, samples: Samples) -> Changeable | None:
    """Return the letters that all members read; None where these are not the same."""
    each = [letters_of(member, samples) for member in ensemble.members]
    first, *others = (cast("Ragged", letters.values) for letters in each)
    same = all(np.array_equal(first.offsets, other.offsets) for other in others)
    same = same and all(np.array_equal(first.values, other.values) for other in others)
    whole = np.array_equal(first.lengths, samples.sequences.lengths)
    crops = {getattr(member.encoder_.settings, "crop", "") for member in ensemble.members}
    if not same or not (whole or len(crops) == 1):
        return None
    substitutes = [letters.substitute for letters in each if letters.substitute is not None]

    def substitute(
        codes: NDArray[np.uint8], places: NDArray[np.int64], letters: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        return ensemble.mean([logits(codes, places, letters) for logits in substitutes])

    return Changeable(
        first,
        each[0].blank,
        lambda x: ensemble.mean([letters.score(x) for letters in each]),
        substitute if len(substitutes) == len(each) else None,
    )


def rectangle(rows: Array) -> Ragged:
    """Return samples of one length, shape (n, length), as Ragged."""
    n, length = rows.shape[:2]
    return Ragged(rows.reshape(-1, *rows.shape[2:]), np.arange(n + 1, dtype=np.int64) * length)


def outputs_of(
    changed: Changeable,
    codes: Array,
    places: NDArray[np.int64],
    weights: NDArray[np.float32],
    change: Callable[[Array, NDArray[np.int64]], Array],
) -> NDArray[np.float64]:
    """Return what is explained of many changed copies of one sample, shape (copies,).

    Parameters
    ----------
    changed : Changeable
    codes : ndarray, shape (length,)
    places : ndarray of int64, shape (copies,)
        Number of each change.
    weights : ndarray, shape (outputs,)
    change : callable
        Is given copies, shape (some, length), and their numbers; returns them changed.
    """
    at_once = max(1, TOKENS // max(len(codes), 1))
    explained = []
    for start in range(0, len(places), at_once):
        some = places[start : start + at_once]
        copies = change(np.repeat(codes[None], len(some), axis=0), some)
        outputs = changed.score(rectangle(copies))[:, : len(weights)]
        explained.append(outputs.astype(np.float64) @ weights)
    return np.concatenate(explained) if explained else np.empty(0)
