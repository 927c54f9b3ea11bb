"""Methods that change letters and predict again: of any classifier that reads sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.progress import Advance
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.explain.layout import layout_of
from cistron.explain.method import Contributions, ExplanationMethod
from cistron.explain.options import Options
from cistron.explain.perturbed import Changeable, letters_of
from cistron.explain.target import Target
from cistron.samples.alphabet import ALPHABETS, Alphabet
from cistron.samples.samples import Samples

Floats = NDArray[np.float32]
OfSample = Callable[
    [Changeable, NDArray[np.uint8], Floats, float, Alphabet, Options],
    tuple[Floats, Floats | None],
]
"""Letters, and codes, weights and output of one sample (see
`cistron.explain.in_silico_mutagenesis.mutation_effects`), alphabet and options → contributions,
shape (length,), and hypothetical ones, shape (length, letters), or None."""


@dataclass(frozen=True, eq=False)
class LetterMethod(ExplanationMethod):
    """A method that changes the letters of one sample after the other.

    Parameters
    ----------
    name, words : str
        See `ExplanationMethod`.
    of_sample : callable
        See `OfSample`.
    """

    name: str
    words: str
    of_sample: OfSample
    adds_up: bool = False
    looks_inside: bool = False

    def fits(self, classifier: Classifier) -> bool:  # noqa: ARG002 (as the other methods)
        """Any classifier; samples without letters are refused when they are explained."""
        return True

    def explain(
        self,
        classifier: Classifier,
        samples: Samples,
        target: Target,
        options: Options,
        advance: Advance,
    ) -> Contributions:
        """See `ExplanationMethod`."""
        letters = letters_of(classifier, samples)
        rows, alphabet = cast("Ragged", letters.values), ALPHABETS[classifier.alphabet_]
        output = target.of(classifier.logits(samples))
        contributions, hypothetical = [], []
        for row in range(len(samples)):
            given = (letters, rows[row], target.weights[row], float(output[row]))
            here, each_letter = self.of_sample(*given, alphabet, options)
            contributions.append(here)
            if each_letter is not None:
                hypothetical.append(each_letter)
            advance()
        nothing = np.full(len(samples), np.nan)
        return Contributions(
            layout_of(classifier, samples, rows),
            np.concatenate(contributions),
            np.concatenate(hypothetical) if hypothetical else None,
            output,
            nothing,
            nothing,
            np.full(len(samples), self.name, dtype=object),
        )
