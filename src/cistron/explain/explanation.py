"""Explain samples: what each position or feature contributes to a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Json
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Advance, Reporter
from cistron.classifier.predictor import Predictor
from cistron.explain.ensembles import contributions_of
from cistron.explain.settings import ExplainSettings, parse_settings
from cistron.explain.target import choose_target
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.samples import COORDINATES, Samples

PLACED = ("chromosome", *COORDINATES[:3])


@dataclass(frozen=True, eq=False)
class Explanation:
    """Contributions of n samples, end to end.

    What belongs to sample i is `offsets[i]:offsets[i + 1]` of the arrays of length `total`.

    Parameters
    ----------
    ids : ndarray of object, shape (n,)
    offsets : ndarray of int64, shape (n + 1,)
    contributions : ndarray of float32, shape (total,)
        To the output that is explained, of each position (or feature).
    hypothetical : ndarray of float32, shape (total, letters), or None
        What each standard letter of the alphabet would contribute if it stood there. The
        contribution is that of the letter which is there. None where the model reads no letters.
    codes : ndarray of uint8, shape (total,), or None
        Letter at each position, in the order of `letters`; None of features.
    positions : ndarray of int64, shape (total,), or None
        0-based place of each position in its sample, of which the encoder may have kept a part.
    logits : ndarray of float32, shape (n, outputs)
    probabilities : ndarray of float64, shape (n, classes)
        Calibrated; of a number, the number.
    explained : ndarray of int64, shape (n,)
        Index of the class whose logit is explained; -1 of a number.
    output, reference_output : ndarray of float64, shape (n,)
        What is explained, and its mean over the references.
    error : ndarray of float64, shape (n,)
        Completeness error; not a number for methods that need not add up.
    method : ndarray of object, shape (n,)
    coordinates : DataFrame, n rows
        `chromosome`, `start`, `end` (0-based, half-open) and `strand`, where known.
    settings : ExplainSettings
    classes : tuple of str
    letters : str
        Of the alphabet, in the order of the codes.
    features : tuple of str
        Names of the features of a vector (of cells, genes); empty of positions.
    lengths : ndarray of int64, shape (n,), or None
        Positions of each sample, of which a part may have been read; None of features.
    groups : DataFrame, n rows
        Columns that samples are grouped by, where they were asked for.
    strands : ndarray of float32, shape (total, 2), or None
        Contributions by the reading of the strand that is written, and of the other one, where a
        model reads both; `contributions` is their mean.
    """

    ids: NDArray[np.object_]
    offsets: NDArray[np.int64]
    contributions: NDArray[np.float32]
    hypothetical: NDArray[np.float32] | None
    codes: NDArray[np.uint8] | None
    positions: NDArray[np.int64] | None
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    explained: NDArray[np.int64]
    output: NDArray[np.float64]
    reference_output: NDArray[np.float64]
    error: NDArray[np.float64]
    method: NDArray[np.object_]
    coordinates: pd.DataFrame
    settings: ExplainSettings
    classes: tuple[str, ...] = ()
    letters: str = ""
    features: tuple[str, ...] = ()
    lengths: NDArray[np.int64] | None = None
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    strands: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, row: int) -> NDArray[np.float32]:
        """Return the contributions of one sample."""
        return self.contributions[self.offsets[row] : self.offsets[row + 1]]

    def span(self, start: int, stop: int) -> Self:
        """Return the consecutive samples from `start` up to and without `stop`."""
        inside = slice(self.offsets[start], self.offsets[stop])
        codes, positions, letters = self.codes, self.positions, self.hypothetical
        return replace(
            self,
            ids=self.ids[start:stop],
            offsets=self.offsets[start : stop + 1] - self.offsets[start],
            contributions=self.contributions[inside],
            hypothetical=None if letters is None else letters[inside],
            codes=None if codes is None else codes[inside],
            positions=None if positions is None else positions[inside],
            logits=self.logits[start:stop],
            probabilities=self.probabilities[start:stop],
            explained=self.explained[start:stop],
            output=self.output[start:stop],
            reference_output=self.reference_output[start:stop],
            error=self.error[start:stop],
            method=self.method[start:stop],
            coordinates=self.coordinates.iloc[start:stop].reset_index(drop=True),
            lengths=None if self.lengths is None else self.lengths[start:stop],
            groups=self.groups.iloc[start:stop].reset_index(drop=True),
            strands=None if self.strands is None else self.strands[inside],
        )


def explain(
    classifier: Predictor,
    samples: Samples,
    settings: ExplainSettings | Json | None = None,
    reporter: Reporter = SILENT,
) -> Explanation:
    """Explain the prediction of each sample.

    Parameters
    ----------
    classifier : Predictor
    samples : Samples
        At least one.
    settings : ExplainSettings or dict, optional
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If the method does not fit the classifier, or its result is not exact enough.
    """
    chosen = settings if isinstance(settings, ExplainSettings) else parse_settings(**settings or {})
    if not len(samples):
        raise InputError("There is no sample to explain.")
    with reporter.bar(len(samples), f"explaining by {chosen.method}") as advance:
        return explain_window(classifier, samples, chosen, advance)


def explain_window(
    classifier: Predictor, samples: Samples, settings: ExplainSettings, advance: Advance
) -> Explanation:
    """Explain samples within a progress bar that is shown already. See `explain`."""
    logits = classifier.logits(samples)
    target = choose_target(classifier.head, logits, settings.class_)
    answer = contributions_of(classifier, samples, target, settings, advance)
    layout, head, alphabet = answer.layout, classifier.head, ALPHABETS.get(classifier.alphabet_)
    known = [name for name in PLACED if name in samples.table]
    return Explanation(
        ids=samples.ids,
        offsets=layout.offsets,
        contributions=answer.contributions,
        hypothetical=answer.hypothetical,
        codes=layout.codes,
        positions=layout.positions,
        logits=logits,
        probabilities=head.answers(logits),
        explained=target.classes,
        output=answer.output,
        reference_output=answer.reference_output,
        error=answer.error,
        method=answer.method,
        coordinates=samples.table[known].reset_index(drop=True),
        settings=settings,
        classes=tuple(map(str, classifier.classes_)),
        letters=alphabet.letters if alphabet else "",
        features=layout.features,
        lengths=None if layout.codes is None else samples.sequences.lengths,
        groups=samples.table[list(samples.groups)].reset_index(drop=True),
        strands=answer.strands,
    )


Predictor.explainer = explain
