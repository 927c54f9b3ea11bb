"""Sequences shuffled as a control: what a model still learns from them is composition alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cistron.samples.alphabet import DNA

Codes = NDArray[np.uint8]


def shuffle_windows(
    windows: Codes, kind: str, spans: Sequence[tuple[int, int]], seed: int
) -> Codes:
    """Shuffle the bases of each region of each window.

    Letters other than A, C, G and T stay where they are, and no base crosses one.

    Parameters
    ----------
    windows : ndarray of uint8, shape (n, length)
    kind : {"mononucleotide", "dinucleotide"}
        What is kept of each stretch: the number of each base, or of each pair of neighbours.
    spans : sequence of (int, int)
        First and last column (exclusive) of each region.
    seed : int

    Returns
    -------
    ndarray of uint8, shape (n, length)
    """
    rng = np.random.default_rng(seed)
    shuffled = windows.copy()
    change = rng.permutation if kind == "mononucleotide" else lambda x: shuffle_pairs(x, rng)
    for row in shuffled:
        for begin, end in spans:
            known = np.concatenate([[False], row[begin:end] < DNA.standard, [False]])
            edges = np.flatnonzero(known[1:] != known[:-1]) + begin
            for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                row[first:last] = change(row[first:last])
    return shuffled


def shuffle_pairs(codes: Codes, rng: np.random.Generator) -> Codes:
    """Return a random sequence with the same number of each pair of neighbouring letters.

    Every such sequence with the same first (and so the same last) letter is equally likely: a
    random walk through all edges of the graph of pairs, whose last exits form a random tree.

    Altschul SF, Erickson BW (1985). Significance of nucleotide sequence alignments: a method for
    random sequence permutation that preserves dinucleotide and codon usage. Mol Biol Evol
    2:526-538. doi:10.1093/oxfordjournals.molbev.a040370

    Parameters
    ----------
    codes : ndarray of uint8, shape (length,)
    rng : numpy.random.Generator
    """
    if len(codes) < 4:
        return codes.copy()
    final = int(codes[-1])
    exits = {int(letter): codes[1:][codes[:-1] == letter] for letter in np.unique(codes[:-1])}
    last = _last_exits(exits, final, rng)
    paths: dict[int, list[int]] = {}
    for letter, following in exits.items():
        if letter in last:
            spared = int(np.flatnonzero(following == last[letter])[0])
            rest = rng.permutation(np.delete(following, spared)).tolist()
            paths[letter] = [last[letter], *rest]
        else:
            paths[letter] = rng.permutation(following).tolist()
    letter, walk = int(codes[0]), [int(codes[0])]
    for _ in range(len(codes) - 1):
        letter = paths[letter].pop()
        walk.append(letter)
    return np.array(walk, dtype=np.uint8)


def _last_exits(exits: dict[int, Codes], final: int, rng: np.random.Generator) -> dict[int, int]:
    """Return for every letter but the final one the letter it is left for the last time.

    These lead from every letter to the final one. They are a tree drawn with the probability that
    edges drawn at random would form it, by loop-erased walks (Wilson 1996,
    doi:10.1145/237814.237880).
    """
    chosen: dict[int, int] = {}
    reached = {final}
    for start in exits:
        letter = start
        while letter not in reached:
            chosen[letter] = int(rng.choice(exits[letter]))
            letter = chosen[letter]
        letter = start
        while letter not in reached:
            reached.add(letter)
            letter = chosen[letter]
    return {letter: chosen[letter] for letter in chosen if letter != final}
