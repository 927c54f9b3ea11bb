"""How often each letter, and each word of k letters, occurs in sequences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cistron.samples.samples import Sequences

CHUNK = 1 << 17  # letters counted at a time: their indices stay in the processor's cache
CELLS = 1 << 22  # at most so many counters at a time


def letter_counts(sequences: Sequences) -> NDArray[np.float64]:
    """Return how often each letter, ambiguous ones too, occurs; shape (n, letters)."""
    letters = len(sequences.alphabet.letters)
    counts = np.empty((len(sequences), letters))
    for rows, values, row in _chunks(sequences, letters):
        index = row * letters + values
        size = (rows.stop - rows.start) * letters
        counts[rows] = np.bincount(index, minlength=size).reshape(-1, letters)
    return counts


def composition(sequences: Sequences) -> NDArray[np.float64]:
    """Return the share of every standard letter among the known letters.

    An ambiguous letter counts in equal parts for each letter it may stand for (B is half D, half
    N); one that says nothing (X, N of DNA) is not counted.

    Returns
    -------
    ndarray, shape (n, standard)
        Rows add up to 1; to 0 where no letter is known.
    """
    known = letter_counts(sequences) @ sequences.alphabet.shares.astype(np.float64)
    total = known.sum(axis=1, keepdims=True)
    return np.divide(known, total, out=known, where=total > 0)


def length_features(sequences: Sequences) -> NDArray[np.float64]:
    """Return the logarithm of the length and its square, shape (n, 2)."""
    logarithm = np.log(np.maximum(sequences.lengths, 1))
    return np.stack([logarithm, logarithm**2], axis=1)


def gc_features(sequences: Sequences) -> NDArray[np.float64]:
    """Return the share of G and C among known bases, its square, and the log of the length.

    Returns
    -------
    ndarray, shape (n, 3)
    """
    shares, letters = composition(sequences), sequences.alphabet.letters
    gc = shares[:, letters.index("G")] + shares[:, letters.index("C")]
    return np.stack([gc, gc**2, length_features(sequences)[:, 0]], axis=1)


def kmer_counts(sequences: Sequences, k: int) -> NDArray[np.float32]:
    """Return how often each word of k standard letters occurs, overlaps included.

    Words with an ambiguous letter are not counted.

    Returns
    -------
    ndarray, shape (n, standard ** k)
        Words in the order of the codes, the first letter changing slowest.
    """
    standard = sequences.alphabet.standard
    words = standard**k
    counts = np.empty((len(sequences), words), dtype=np.float32)
    for rows, values, row in _chunks(sequences, words):
        places = max(len(values) - k + 1, 0)
        word = np.zeros(places, dtype=np.int64)
        whole = row[:places] == row[len(row) - places :]
        for shift in range(k):
            letter = values[shift : shift + places]
            word = word * standard + letter
            whole &= letter < standard
        index = (row[:places] * words + word)[whole]
        size = (rows.stop - rows.start) * words
        counts[rows] = np.bincount(index, minlength=size).reshape(-1, words)
    return counts


def reverse_complements(k: int) -> NDArray[np.int64]:
    """Return, for the number of each DNA word of k letters, that of its reverse complement."""
    digits = np.indices((4,) * k).reshape(k, -1)
    return ((3 - digits) * (4 ** np.arange(k))[:, None]).sum(axis=0)


def both_strand_shares(sequences: Sequences, k: int) -> NDArray[np.float32]:
    """Return the share of each DNA word, counted together with its reverse complement.

    Returns
    -------
    ndarray, shape (n, words)
        Each pair once (512 words of 5 letters), named by the first of the two.
    """
    counts, mirror = kmer_counts(sequences, k), reverse_complements(k)
    words = np.arange(len(mirror))
    both = np.where(words == mirror, counts, counts + counts[:, mirror])[:, words <= mirror]
    return both / np.maximum(both.sum(axis=1, keepdims=True), 1)


def _chunks(
    sequences: Sequences, cells: int
) -> Iterator[tuple[slice, NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield runs of rows, their letters, and for each letter its row within the run.

    Parameters
    ----------
    sequences : Sequences
    cells : int
        Counters that each row needs.
    """
    most_rows = max(CELLS // cells, 1)
    offsets, first = sequences.offsets, 0
    while first < len(sequences):
        last = int(np.searchsorted(offsets, offsets[first] + CHUNK, side="right")) - 1
        last = min(max(last, first + 1), first + most_rows, len(sequences))
        letters = slice(offsets[first], offsets[last])
        lengths = np.diff(offsets[first : last + 1])
        yield (
            slice(first, last),
            sequences.values[letters],
            np.repeat(np.arange(last - first), lengths),
        )
        first = last
