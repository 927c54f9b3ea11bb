"""In-silico mutagenesis: every letter replaced or deleted, and predicted again.

Of any classifier that reads sequences. Zhou, J. & Troyanskaya, O. G. Predicting effects of
noncoding variants with deep learning-based sequence model. Nature Methods 12, 931-934 (2015),
doi:10.1038/nmeth.3547.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.errors import InputError
from cistron.explain.letter_method import LetterMethod
from cistron.explain.options import Options
from cistron.explain.perturbed import Changeable, outputs_of
from cistron.samples.alphabet import Alphabet

Floats = NDArray[np.float32]


def mutation_effects(
    letters: Changeable, codes: NDArray[np.uint8], weights: Floats, output: float, standard: int
) -> Floats:
    """Return the change of the output by every substitution in one sample.

    Parameters
    ----------
    letters : Changeable
    codes : ndarray of uint8, shape (length,)
    weights : ndarray, shape (outputs,)
    output : float
        Of the unchanged sample.
    standard : int
        Letters that stand for themselves.

    Returns
    -------
    ndarray of float32, shape (length, standard)
        0 for the letter that is there.
    """
    effects = np.zeros((len(codes), standard), dtype=np.float32)
    place, letter = np.nonzero(codes[:, None] != np.arange(standard))
    if letters.substitute is not None and len(place):
        logits = letters.substitute(codes, place, letter)[:, : len(weights)]
        outputs = logits.astype(np.float64) @ weights
        effects[place, letter] = outputs[1:] - outputs[0]
        return effects

    def mutate(copies: Array, numbers: NDArray[np.int64]) -> Array:
        copies[np.arange(len(copies)), place[numbers]] = letter[numbers]
        return copies

    after = outputs_of(letters, codes, np.arange(len(place)), weights, mutate)
    effects[place, letter] = after - output
    return effects


def in_silico_mutagenesis(
    letters: Changeable,
    codes: NDArray[np.uint8],
    weights: Floats,
    output: float,
    alphabet: Alphabet,
    options: Options,
) -> tuple[Floats, Floats | None]:
    """Return contributions of the letters of one sample, and hypothetical ones.

    Hypothetical contributions are the effects of all letters less their mean at each position, and
    the contribution is that of the letter which is there: how much more it gives than letters do
    on average. Of a scan, the contribution is what is lost.

    Parameters
    ----------
    letters, codes, weights, output
        As of `mutation_effects`.
    alphabet : Alphabet
    options : Options
        Of which `scan`.

    Returns
    -------
    contributions : ndarray of float32, shape (length,)
    hypothetical : ndarray of float32, shape (length, letters); None of a scan

    Raises
    ------
    InputError
        If alanine is to be put into DNA.
    """
    scan = options.scan
    if scan == "substitutions":
        effects = mutation_effects(letters, codes, weights, output, alphabet.standard)
        hypothetical = effects - effects.mean(axis=1, keepdims=True)
        return (alphabet.shares[codes] * hypothetical).sum(axis=1), hypothetical
    if scan == "alanine" and alphabet.name != "protein":
        raise InputError("--scan alanine is for proteins. Use substitutions or deletion.")
    places = np.arange(len(codes))
    if scan == "alanine":
        alanine = alphabet.letters.index("A")
        places = np.flatnonzero(codes != alanine)

    def change(copies: Array, numbers: NDArray[np.int64]) -> Array:
        rows = np.arange(len(copies))
        if scan == "alanine":
            copies[rows, numbers] = alanine
            return copies
        kept = np.ones(copies.shape, dtype=bool)
        kept[rows, numbers] = False
        return copies[kept].reshape(len(copies), -1)

    contributions = np.zeros(len(codes), dtype=np.float32)
    if scan == "deletion" and len(codes) < 2:
        return contributions, None
    contributions[places] = output - outputs_of(letters, codes, places, weights, change)
    return contributions, None


IN_SILICO_MUTAGENESIS = LetterMethod(
    "in_silico_mutagenesis",
    "in-silico mutagenesis: every letter replaced, and predicted again",
    in_silico_mutagenesis,
)
