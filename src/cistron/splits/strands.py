"""DNA whichever strand it is written on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.samples import Sequences


def either_strand(sequences: Sequences) -> NDArray[np.int64]:
    """Return a number for each distinct sequence, its reverse complement being the same, (n,)."""
    complement = sequences.alphabet.complement
    seen: dict[bytes, int] = {}
    found = []
    for row in range(len(sequences)):
        strand = sequences[row]
        other = complement[strand[::-1]].tobytes()
        found.append(seen.setdefault(min(strand.tobytes(), other), len(seen)))
    return np.array(found, dtype=np.int64)
