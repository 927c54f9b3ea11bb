"""Named features of a whole sequence, standardised by the training samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import InputShape, State
from cistron.base.untrusted import require_arrays
from cistron.samples.alphabet import ALPHABETS, Alphabet
from cistron.samples.samples import Samples, Sequences


class Features(Protocol):
    """Settings that compute features of sequences."""

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the raw features, shape (sequences, features)."""

    def feature_names(self, alphabet: Alphabet) -> list[str]:
        """Return the name of every feature."""


Computing = TypeVar("Computing", bound=Features)


@dataclass(frozen=True, eq=False)
class ScaledFeatures(Generic[Computing]):
    """A fitted encoder of sequences as standardised features.

    Parameters
    ----------
    settings : Features
        Computes the raw features.
    alphabet : Alphabet
        Of the training samples; others are refused.
    mean, scale : ndarray of float32, shape (features,)
        Mean and standard deviation over the training samples; a constant feature has scale 1.
    """

    settings: Computing
    alphabet: Alphabet
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(cls, settings: Computing, samples: Samples) -> Self:
        """Estimate mean and standard deviation on training samples."""
        raw = settings.features(samples.sequences)
        # In double precision: float32 sums over 10⁵ rows lose the small features.
        mean = raw.mean(axis=0, dtype=np.float64)
        deviation = raw.std(axis=0, dtype=np.float64)
        scale = np.where(deviation > 1e-12, deviation, 1.0)
        alphabet = samples.sequences.alphabet
        return cls(settings, alphabet, mean.astype(np.float32), scale.astype(np.float32))

    @property
    def shape(self) -> InputShape:
        """One vector a sample."""
        return InputShape("vector", len(self.mean))

    @property
    def names(self) -> list[str]:
        """Name of every feature."""
        return self.settings.feature_names(self.alphabet)

    def encode(self, samples: Samples) -> NDArray[np.float32]:
        """Return standardised features, shape (n, features)."""
        if samples.sequences.alphabet.name != self.alphabet.name:
            raise ValueError(
                f"fitted on {self.alphabet.name}, given {samples.sequences.alphabet.name}"
            )
        values = self.settings.features(samples.sequences)
        values -= self.mean
        values /= self.scale
        return values

    def warnings(self, samples: Samples) -> list[str]:
        """Nothing is lost in encoding."""
        return [""] * len(samples)

    def state(self) -> State:
        """Return the alphabet's name, and mean and scale."""
        return {"alphabet": self.alphabet.name}, {"mean": self.mean, "scale": self.scale}

    @classmethod
    def restore(cls, settings: Computing, document: Document, arrays: Arrays) -> Self:
        """Rebuild the encoder from its state."""
        alphabet = ALPHABETS[document["alphabet"]]
        require_arrays(arrays, {"mean": ["features"], "scale": ["features"]}, ["scale"])
        if len(arrays["mean"]) != len(settings.feature_names(alphabet)):
            raise ValueError(f"there are {len(arrays['mean'])} means, not one for each feature")
        return cls(settings, alphabet, arrays["mean"], arrays["scale"])
