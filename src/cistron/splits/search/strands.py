"""The two strands of DNA."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cistron.samples.alphabet import DNA
from cistron.samples.letters import identical
from cistron.samples.samples import Sequences


def reverse_complements(sequences: Sequences) -> Sequences:
    """Return the other strand of every sequence."""
    offsets, lengths, letters = sequences.offsets, sequences.lengths, sequences.values
    mirror = np.repeat(offsets[:-1] + offsets[1:] - 1, lengths) - np.arange(len(letters))
    return replace(sequences, values=DNA.complement[letters[mirror]])


def same_molecule(sequences: Sequences) -> NDArray[np.int64]:
    """Return a number for each distinct sequence, shape (n,); of DNA, both strands are one."""
    if sequences.alphabet is not DNA:
        return identical(sequences)
    number = identical(Sequences.stack([sequences, reverse_complements(sequences)]))
    return number.reshape(2, -1).min(axis=0)
