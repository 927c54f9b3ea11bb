"""How unlike the training samples a sample is: by its composition and its length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.untrusted import checked, require_arrays
from cistron.evaluation.cell_novelty import CellNovelty
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.samples import Samples, Sequences
from cistron.samples.sequences.composition import composition, letter_counts

Floats = NDArray[np.float64]

PERCENTILE = 99.9
MOST_UNKNOWN = 0.1
SMALLEST_VARIANCE = 1e-6  # of a standardised feature, where all training samples are alike


@dataclass(frozen=True)
class Learned:
    """What `Novelty.state` returns beside its arrays."""

    alphabet: Literal["protein", "dna"]
    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    shortest: Annotated[int, Field(ge=0, le=2**53)]
    longest: Annotated[int, Field(ge=0, le=2**53)]


@dataclass(frozen=True, eq=False)
class Novelty:
    """What the training samples looked like.

    Features are the share of every standard letter and the logarithm of the length; the distance
    from the training samples is Mahalanobis' (1936), with the covariance shrunk as by Ledoit and
    Wolf (2004, https://doi.org/10.1016/S0047-259X(03)00096-4).

    Parameters
    ----------
    alphabet : str
    mean, scale : ndarray, shape (features,)
        Mean and standard deviation of the training samples.
    whitening : ndarray, shape (features, features)
        Turns standardised features into independent ones of variance 1; the last one is the
        length alone, the others the composition beyond what the length leads to expect.
    threshold : float
        99.9th percentile of the distances of the training samples.
    shortest, longest : int
        Lengths of training sequences.
    """

    alphabet: str
    mean: Floats
    scale: Floats
    whitening: Floats
    threshold: float
    shortest: int
    longest: int

    def distances(self, samples: Samples) -> Floats:
        """Return the distance of each sample from the training samples, shape (n,)."""
        return np.linalg.norm(self._whitened(samples.sequences), axis=1)

    def warnings(self, samples: Samples) -> list[str]:
        """Return for each sample what is odd about it, or an empty string."""
        sequences = samples.sequences
        if sequences.alphabet.name != self.alphabet:
            raise ValueError(f"fitted on {self.alphabet}, given {sequences.alphabet.name}")
        lengths, unknown = sequences.lengths, _unknown(sequences)
        white = self._whitened(sequences)
        far = (np.linalg.norm(white, axis=1) > self.threshold) & (unknown < 1)
        by_length = white[:, -1] ** 2 > (white[:, :-1] ** 2).sum(axis=1)
        short, long = lengths < self.shortest, lengths > self.longest
        oddities = [""] * len(samples)
        for row in np.flatnonzero(far | short | long | (unknown > MOST_UNKNOWN)):
            parts = []
            if short[row]:
                parts.append(
                    f"shorter than any training sequence ({lengths[row]:,} < {self.shortest:,})"
                )
            if long[row]:
                parts.append(
                    f"longer than any training sequence ({lengths[row]:,} > {self.longest:,})"
                )
            if far[row] and not by_length[row]:
                parts.append("unlike the training data (composition)")
            elif far[row] and not parts:
                parts.append("unlike the training data (length)")
            if unknown[row] > MOST_UNKNOWN:
                parts.append(f"letters unknown: {100 * unknown[row]:.0f} %")
            oddities[row] = "; ".join(parts)
        return oddities

    def state(self) -> tuple[Document, Arrays]:
        """Return what was learned, as JSON types and as arrays."""
        document = {
            "alphabet": self.alphabet,
            "threshold": self.threshold,
            "shortest": self.shortest,
            "longest": self.longest,
        }
        return document, {"mean": self.mean, "scale": self.scale, "whitening": self.whitening}

    @classmethod
    def restore(cls, document: Document, arrays: Arrays) -> Self:
        """Rebuild what `state` returned."""
        axes = {"mean": ["f"], "scale": ["f"], "whitening": ["f", "f"]}
        require_arrays(arrays, axes, ["scale"])
        learned = checked(Learned, document)
        if len(arrays["mean"]) != ALPHABETS[learned.alphabet].standard + 1:
            raise ValueError("the arrays of the novelty are not those of this alphabet")
        learnt: Document = {**vars(learned), **{name: arrays[name] for name in axes}}
        return cls(**learnt)

    @classmethod
    def unfitted(cls, alphabet: str) -> Self:
        """Return what is known where the training samples are not: only letters can be odd."""
        features = ALPHABETS[alphabet].standard + 1
        return cls(
            alphabet=alphabet,
            mean=np.zeros(features),
            scale=np.ones(features),
            whitening=np.zeros((features, features)),
            threshold=0.0,
            shortest=0,
            longest=2**53,
        )

    def _whitened(self, sequences: Sequences) -> Floats:
        return ((_features(sequences) - self.mean) / self.scale) @ self.whitening


def restore_novelty(document: Document, arrays: Arrays) -> Novelty | CellNovelty:
    """Rebuild what the `state` of a Novelty, or of a CellNovelty, returned."""
    if document.get("kind") == CellNovelty.kind:
        return CellNovelty.restore(document, arrays)
    return Novelty.restore(document, arrays)


def fit_novelty(samples: Samples) -> Novelty:
    """Describe training sequences; of cells see `cistron.evaluation.cell_novelty`.

    Raises
    ------
    ValueError
        If there are none.
    """
    from sklearn.covariance import ledoit_wolf

    if len(samples) == 0:
        raise ValueError("there are no training samples to describe")
    features, lengths = _features(samples.sequences), samples.sequences.lengths
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 1e-12, deviation, 1.0)
    standardised = (features - mean) / scale
    covariance = SMALLEST_VARIANCE * np.eye(len(mean))
    if len(samples) > 1:
        covariance += ledoit_wolf(standardised, assume_centered=True)[0]
    # Lower triangular: its last column reads the last feature alone, which is the length.
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    distances = np.linalg.norm(standardised @ whitening, axis=1)
    return Novelty(
        alphabet=samples.sequences.alphabet.name,
        mean=mean,
        scale=scale,
        whitening=whitening,
        threshold=float(np.percentile(distances, PERCENTILE)),
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
    )


def _features(sequences: Sequences) -> Floats:
    """Return composition and log length, shape (n, standard + 1)."""
    length = np.log(np.maximum(sequences.lengths, 1))
    return np.column_stack([composition(sequences), length])


def _unknown(sequences: Sequences) -> Floats:
    """Return the share of letters that are not standard, shape (n,)."""
    standard = letter_counts(sequences)[:, : sequences.alphabet.standard].sum(axis=1)
    return 1 - standard / np.maximum(sequences.lengths, 1)
