"""What the values of training cells looked like, and whether those of new cells are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.errors import InputError

FEWEST = 200  # values other than zero, from which on they are judged
LEAST_ESTIMATE = 10.0  # counts, estimated or normalised, exceed it somewhere; logarithms do not
SCALED = 0.05  # share of negative values, from which on they are scaled
BEYOND = 3.0  # logarithms of one kind stay below so many times the largest of training

Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class ValueRange:
    """What is known of values, of those other than zero.

    Parameters
    ----------
    lowest, highest : float
        Zero is one of the values.
    whole : bool
        Whether all are whole numbers.
    negative : float
        Share of them that is below zero.
    n : int
    """

    lowest: Finite = 0.0
    highest: Finite = 0.0
    whole: bool = True
    negative: Annotated[float, Field(ge=0, le=1)] = 0.0
    n: Annotated[int, Field(ge=0)] = 0

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> ValueRange:
        """Return what is known of an array; missing values (NaN) and zeros are left out."""
        known = values[(values != 0) & ~np.isnan(values)]
        if not len(known):
            return cls()
        lowest, highest = float(known.min()), float(known.max())
        head = known[:1000]
        whole = bool((head == np.rint(head)).all() and (known == np.rint(known)).all())
        negative = float((known < 0).mean()) if lowest < 0 else 0.0
        return cls(min(lowest, 0.0), max(highest, 0.0), whole, negative, len(known))

    def joined(self, other: ValueRange) -> ValueRange:
        """Return what is known of both together."""
        n = self.n + other.n
        return ValueRange(
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.whole and other.whole,
            (self.n * self.negative + other.n * other.negative) / max(n, 1),
            n,
        )

    @property
    def words(self) -> str:
        """What the values are, in words."""
        kind = "whole numbers" if self.whole else "numbers with fractions"
        text = f"{kind} from {self.lowest:.4g} to {self.highest:.4g}"
        return f"{text}, {self.negative:.0%} of them negative" if self.negative else text

    def require_alike(self, values: NDArray[np.floating], promised: str) -> None:
        """Refuse values of new cells that are of another kind than these of the training cells.

        Parameters
        ----------
        values : ndarray
            Few values tell nothing, and are not refused.
        promised : str
            What the training cells held (`encoder.normalise.input`).

        Raises
        ------
        InputError
        """
        if promised == "counts":
            return  # `NormaliseSettings.require_promised` says what counts are
        new = ValueRange.of(values)
        kind = self._other_kind(new, promised) if new.n >= FEWEST else None
        if kind:
            raise InputError(
                f"The cells hold {new.words}: they look like {kind}. The classifier was trained on "
                f"{promised}: {self.words}. Name the layer with such numbers (--layer), or "
                "transform the matrix as that of the training cells."
            )

    def _other_kind(self, new: ValueRange, promised: str) -> str | None:
        """Return what new values look like where that is something else."""
        taken = promised in ("logarithms", "normalised")
        if taken and new.whole and not self.whole and new.highest > 1:
            return "counts"
        if promised == "logarithms":
            if self.negative >= SCALED and not new.negative:
                return "values that were not scaled"
            if new.negative >= SCALED and not self.negative:
                return "scaled values"
            if not self.negative and new.highest > BEYOND * self.highest:
                return "values of which no logarithm was taken"
        elif not new.whole and new.highest < LEAST_ESTIMATE:
            return "logarithms" if self.highest >= LEAST_ESTIMATE else None
        return None
