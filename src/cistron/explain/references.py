"""What a sample is compared with: its letters shuffled, nothing, or the mean of training."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.alphabet import Alphabet
from cistron.samples.sequences.shuffle import shuffle_pairs

Codes = NDArray[np.uint8]


def shuffles(
    codes: Codes, number: int, kind: str, seed: int, alphabet: Alphabet, both_strands: bool = False
) -> Codes:
    """Return shuffled copies of a sequence, shape (number, length).

    They depend on the sequence and the seed alone, not on what else is explained. Letters that do
    not stand for themselves stay where they are, and no letter crosses one.

    Parameters
    ----------
    codes : ndarray of uint8, shape (length,)
    number : int
    kind : {"dinucleotide", "shuffled"}
        What is kept: how often each pair of neighbours occurs, or each letter.
    seed : int
    alphabet : Alphabet
    both_strands : bool
        The shuffled copies of a reverse complement are then the reverse complements of those of
        the sequence.
    """
    other = alphabet.complement[codes][::-1] if both_strands else codes
    turned = other.tobytes() < codes.tobytes()
    first = other if turned else codes
    rng = np.random.default_rng([seed, crc32(first.tobytes())])
    known = np.concatenate([[False], first < alphabet.standard, [False]])
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    found = np.tile(first, (number, 1))
    for row in found:
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            stretch = row[begin:end]
            shuffled = shuffle_pairs(stretch, rng) if kind == "dinucleotide" else None
            row[begin:end] = rng.permutation(stretch) if shuffled is None else shuffled
    return alphabet.complement[found][:, ::-1] if turned else found


def choose(kind: str, content: str, dna: bool) -> str:
    """Return the kind of reference for what a network reads.

    Parameters
    ----------
    kind : str
        As in the settings.
    content : {"codes", "channels", "vector"}
    dna : bool

    Raises
    ------
    InputError
        If that kind has no meaning here.
    """
    if kind == "auto":
        if content == "vector":
            return "mean"
        return "dinucleotide" if dna else "shuffled"
    if content == "vector" and kind in ("dinucleotide", "shuffled"):
        raise InputError(
            f"references: a vector of features cannot be {kind}. Use mean (of the training "
            "samples) or zero."
        )
    if kind == "dinucleotide" and content != "codes":
        raise InputError("references: only letters can be shuffled in pairs. Use shuffled.")
    if kind == "mean" and content == "channels":
        raise InputError(
            "references: the mean of the training samples is not known position by position. Use "
            "shuffled or zero."
        )
    return kind
