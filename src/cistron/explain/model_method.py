"""Methods of models that explain themselves: what each feature adds, in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.base.progress import Advance
from cistron.classifier.classifier import Classifier
from cistron.explain.carried import carried_back
from cistron.explain.cells import dense
from cistron.explain.layout import layout_of
from cistron.explain.method import Contributions, ExplanationMethod
from cistron.explain.options import Options
from cistron.explain.target import LOGITS, Scale, Target
from cistron.samples.samples import Samples

Floats = NDArray[np.float64]
OfVectors = Callable[[Classifier, Encoded, Target], tuple[NDArray[np.floating], Floats, Floats]]
"""Classifier, encoded samples and target → contributions, shape (n, features), what is explained,
and its mean over the references, shape (n,)."""


@dataclass(frozen=True, eq=False)
class ModelMethod(ExplanationMethod):
    """A method of one family of classical models.

    Parameters
    ----------
    name, words : str
        See `ExplanationMethod`.
    of_vectors : callable
        See `OfVectors`.
    can_explain : callable
        Classical classifier → whether its model is of that family.
    multiplied : bool
        Whether contributions are multipliers times the distance from a reference.
    size : tuple of str
        See `ExplanationMethod`.
    scale_of, why_not_averaged : callable
        See `ExplanationMethod.scale` and `ExplanationMethod.not_averaged`.
    """

    name: str
    words: str
    of_vectors: OfVectors
    can_explain: Callable[[Classifier], bool]
    multiplied: bool
    size: tuple[str, str] = ExplanationMethod.size
    scale_of: Callable[[Classifier], Scale] = lambda _: LOGITS
    why_not_averaged: Callable[[Classifier], str] = lambda _: ""
    adds_up: bool = True
    asked: bool = False

    def fits(self, classifier: Classifier) -> bool:
        """Whether the model is no network, and of the family."""
        return classifier.model_settings_.family != "network" and self.can_explain(classifier)

    def explain(
        self,
        classifier: Classifier,
        samples: Samples,
        target: Target,
        options: Options,  # noqa: ARG002 (as the other methods)
        advance: Advance,
    ) -> Contributions:
        """See `ExplanationMethod`."""
        encoded = classifier.encoder_.encode(samples)
        each, output, reference = self.of_vectors(classifier, encoded, target)
        difference = output - reference
        advance(len(samples))
        read = Contributions(
            layout_of(classifier, samples, dense(encoded)),
            each.astype(np.float32).ravel(),
            None,
            output,
            reference,
            np.abs(each.sum(axis=1) - difference) / np.maximum(np.abs(difference), 1e-6),
            np.full(len(samples), self.name, dtype=object),
        )
        return carried_back(classifier, samples, encoded, read, self.multiplied)

    def scale(self, classifier: Classifier) -> Scale:
        """See `ExplanationMethod`."""
        return self.scale_of(classifier)

    def not_averaged(self, member: Classifier) -> str:
        """See `ExplanationMethod`."""
        return self.why_not_averaged(member)
