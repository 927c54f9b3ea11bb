"""Occlusion: windows of a sequence hidden, and predicted again.

Zeiler, M. D. & Fergus, R. Visualizing and understanding convolutional networks. ECCV 2014,
doi:10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.explain.letter_method import LetterMethod
from cistron.explain.options import Options
from cistron.explain.perturbed import Changeable, outputs_of
from cistron.samples.alphabet import Alphabet


def occlusion(
    letters: Changeable,
    codes: NDArray[np.uint8],
    weights: NDArray[np.float32],
    output: float,
    alphabet: Alphabet,  # noqa: ARG001 (as the other method)
    options: Options,
) -> tuple[NDArray[np.float32], None]:
    """Return contributions of the positions of one sample, shape (length,).

    Each window, one position further than the last, is filled with letters that say nothing (N,
    X). What the output loses is shared by the window's positions, and averaged over the windows
    that hide a position.

    Parameters
    ----------
    letters, codes, weights, output
        As of `cistron.explain.in_silico_mutagenesis.mutation_effects`.
    options : Options
        Of which `window`: positions; all of a shorter sample.
    """
    size = min(options.window, len(codes))
    inside = np.arange(size)

    def hide(copies: Array, starts: NDArray[np.int64]) -> Array:
        copies[np.arange(len(copies))[:, None], starts[:, None] + inside] = letters.blank
        return copies

    starts = np.arange(len(codes) - size + 1)
    lost = (output - outputs_of(letters, codes, starts, weights, hide)) / size
    covered, hidden = np.ones(size), np.ones(len(starts))
    return (np.convolve(lost, covered) / np.convolve(hidden, covered)).astype(np.float32), None


OCCLUSION = LetterMethod("occlusion", "occlusion: stretches hidden, and predicted again", occlusion)
