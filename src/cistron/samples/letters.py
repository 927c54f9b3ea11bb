"""What is asked of sequences before they are samples: their kind, their letters, their copies."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.samples.alphabet import ALPHABETS, PROTEIN, Alphabet
from cistron.samples.samples import Sequences

CHECKED = 300  # records from which proteins are told from DNA
_FEWEST_LETTERS = 30  # with fewer, a peptide of A, C, G and T is no surprise


def find_alphabet(name: str) -> Alphabet:
    """Return the alphabet of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in ALPHABETS:
        raise InputError(
            f"alphabet: {name!r} is none of {', '.join(ALPHABETS)}.{nearest(name, ALPHABETS)}"
        )
    return ALPHABETS[name]


def check_alphabet(texts: Iterable[bytes], alphabet: Alphabet, name: str) -> None:
    """Refuse DNA or RNA declared as proteins, and proteins or RNA declared as DNA.

    Parameters
    ----------
    texts : iterable of bytes
        Sequences of the first records.
    alphabet : Alphabet
        What they were declared to be.
    name : str
        What the message calls the input.

    Raises
    ------
    InputError
        If at least 95 % of the letters of proteins are A, C, G, T, U or N; if more than half of
        the DNA records hold letters that no DNA has, and these make up at least 5 %.
    """
    texts = [text.upper() for text in texts]
    count = np.bincount(np.frombuffer(b"".join(texts), dtype=np.uint8), minlength=256)
    share = count / max(int(count[ord("A") : ord("Z") + 1].sum()), 1)
    records = f"the first {len(texts):,} records" if len(texts) > 1 else "its one record"
    rna = "Write T for U in the sequences"
    if alphabet is PROTEIN:
        nucleotides = share[list(b"ACGTUN")].sum()
        if count.sum() >= _FEWEST_LETTERS and nucleotides >= 0.95:
            kind = "RNA" if share[ord("U")] > share[ord("T")] else "DNA"
            raise InputError(
                f"{name} was declared as proteins, but {nucleotides:.0%} of the letters of "
                f"{records} are {'A, C, G, U or N' if kind == 'RNA' else 'A, C, G, T or N'}: it "
                f"looks like {kind}. {f'{rna} and set' if kind == 'RNA' else 'Set'} alphabet: dna."
            )
        return
    letters = bytes(letter for letter in b"EFIJLOPQUXZ" if count[letter])
    affected = sum(any(letter in text for letter in letters) for text in texts)
    if 2 * affected <= len(texts) or share[list(letters)].sum() < 0.05:
        return
    odd = ", ".join(chr(letter) for letter in letters)
    records = f"{affected:,} of {records}" if len(texts) > 1 else records
    problem = f"{name} was declared as DNA, but in {records} are letters that no DNA has ({odd})"
    if letters == b"U":
        raise InputError(f"{problem}: it looks like RNA. {rna}.")
    raise InputError(f"{problem}: it looks like proteins. Set alphabet: protein.")


def select(sequences: Sequences, kept: NDArray[np.bool_]) -> Sequences:
    """Return the sequences of the rows that are kept; memory is one byte a letter."""
    return sequences if kept.all() else sequences.where(kept)


def identical(sequences: Sequences) -> NDArray[np.int64]:
    """Return a number for each distinct sequence, shape (n,)."""
    seen: dict[bytes, int] = {}
    data = sequences.values.data
    spans = pairwise(sequences.offsets.tolist())
    return np.array(
        [seen.setdefault(bytes(data[start:end]), len(seen)) for start, end in spans], dtype=np.int64
    )


def unknown_letters(sequences: Sequences) -> NDArray[np.int64]:
    """Return how many letters of each sequence are none of the standard ones, shape (n,)."""
    odd = (sequences.values >= sequences.alphabet.standard).view(np.uint8)
    counts = np.zeros(len(sequences), dtype=np.int64)
    rows = np.flatnonzero(sequences.lengths)
    if len(rows):
        counts[rows] = np.add.reduceat(odd, sequences.offsets[rows], dtype=np.uint32)
    return counts
