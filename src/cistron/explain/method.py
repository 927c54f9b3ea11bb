"""What a method of explanation says of itself, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cistron.base.progress import Advance
from cistron.classifier.classifier import Classifier
from cistron.explain.layout import Layout
from cistron.explain.options import Options
from cistron.explain.target import LOGITS, Scale, Target
from cistron.samples.samples import Samples


@dataclass(frozen=True, eq=False)
class Contributions:
    """Contributions of n samples.

    Parameters
    ----------
    layout : Layout
        Where they stand.
    contributions : ndarray of float32, shape (total,)
        Of each position, or feature, of each sample, end to end.
    hypothetical : ndarray of float32, shape (total, letters), or None
        What each standard letter would contribute at each position if it stood there; None where
        letters are not read.
    output : ndarray of float64, shape (n,)
        What is explained.
    reference_output : ndarray of float64, shape (n,)
        Its mean over the references; not a number where there are none.
    error : ndarray of float64, shape (n,)
        Completeness error: sum of contributions against the difference of the outputs, relative to
        that, both for each reference; not a number where nothing has to add up.
    method : ndarray of object, shape (n,)
        Name of the method, which may be another than asked for: of one that was not exact, where
        falling back is allowed.
    strands : ndarray of float32, shape (total, 2), or None
        Contributions of each position by the reading of its own strand and of the other one; their
        mean is `contributions`. None where one strand is read, or the method asks for outputs only.
    """

    layout: Layout
    contributions: NDArray[np.float32]
    hypothetical: NDArray[np.float32] | None
    output: NDArray[np.float64]
    reference_output: NDArray[np.float64]
    error: NDArray[np.float64]
    method: NDArray[np.object_]
    strands: NDArray[np.float32] | None = None


class ExplanationMethod(Protocol):
    """One way to explain; `cistron.explain.methods` lists all.

    Parameters
    ----------
    name : str
    words : str
        What it is, for the report.
    adds_up : bool
        Whether contributions add up to the output less that of the references, so that a
        completeness error is told.
    asked : bool
        Whether settings name it. The others are of models that are explained in one way only,
        whichever method is asked for.
    looks_inside : bool
        Whether it looks into a model: it then explains an ensemble member by member.
    size : tuple of str
        Heading and meaning of the mean size of contributions, for the report.
    """

    name: str
    words: str
    adds_up: bool
    asked: bool = True
    looks_inside: bool = True
    size: tuple[str, str] = ("Mean size of contributions", "their mean, without sign")

    def fits(self, classifier: Classifier) -> bool:
        """Whether it can explain a classifier; where it looks inside, one that is no ensemble."""
        ...

    def explain(
        self,
        classifier: Classifier,
        samples: Samples,
        target: Target,
        options: Options,
        advance: Advance,
    ) -> Contributions:
        """Return the contributions of samples to the target; report each sample done.

        Raises
        ------
        InputError
            If the samples do not fit the method, or contributions are not exact enough.
        """
        ...

    def scale(self, classifier: Classifier) -> Scale:  # noqa: ARG002 (others depend on it)
        """Return on which scale contributions to the output of a classifier are."""
        return LOGITS

    def not_averaged(self, member: Classifier) -> str:  # noqa: ARG002 (as above)
        """Return why contributions of a member of an ensemble cannot be averaged, or ""."""
        return ""
