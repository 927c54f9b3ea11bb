"""How much of what a model says is of the letters of a sample, and how much of their places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.classifier.predictor import Predictor
from cistron.explain.explanation import Explanation
from cistron.explain.settings import ExplainSettings

SHUFFLES = ("auto", "dinucleotide", "shuffled")
FEWEST = 10  # samples of which shares are told


def shuffled(classifier: Predictor, settings: ExplainSettings) -> bool:
    """Whether samples are compared with their own letters in another order."""
    members = getattr(classifier, "members", [classifier])
    read = {getattr(getattr(member, "model_", None), "kind", "") for member in members}
    ours = settings.background is None and settings.references in SHUFFLES
    return ours and read <= {"codes", "channels"}


class Shares:
    """Divides the differences of the output between samples into composition and position.

    What a model says of shuffled copies of a sample is what it says of its composition; the rest
    is of where letters stand. Both parts of the variance, the covariance of each with the output,
    add up to it. Outputs of different classes are not compared.
    """

    def __init__(self) -> None:
        self.explained: list[NDArray[np.integer]] = []
        self.output: list[NDArray[np.float64]] = []
        self.composition: list[NDArray[np.float64]] = []

    def add(self, explanation: Explanation) -> None:
        """Take a window of samples."""
        known = np.isfinite(explanation.reference_output)
        self.explained.append(np.asarray(explanation.explained)[known])
        self.output.append(explanation.output[known])
        self.composition.append(explanation.reference_output[known])

    def document(self) -> Document | None:
        """Return the share of either and of how many samples; None where that cannot be told."""
        if not self.output:
            return None
        groups = np.concatenate(self.explained)
        output = np.concatenate(self.output).astype(np.float64)
        composition = np.concatenate(self.composition).astype(np.float64)
        for name in np.unique(groups):
            of_class = groups == name
            output[of_class] -= output[of_class].mean()
            composition[of_class] -= composition[of_class].mean()
        whole = float(output @ output)
        if len(output) < FEWEST or whole <= 0:
            return None
        share = min(1.0, max(0.0, float(composition @ output) / whole))
        return {"composition": share, "position": 1 - share, "samples": len(output)}
