"""Find byte-identical sequences by hash."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cistron.samples import Sequences


def identical(sequences: Sequences) -> NDArray[np.int64]:
    """Return a number for each distinct sequence, shape (n,)."""
    seen: dict[bytes, int] = {}
    data, offsets = sequences.values.tobytes(), sequences.offsets.tolist()
    return np.array(
        [seen.setdefault(data[start:end], len(seen)) for start, end in pairwise(offsets)],
        dtype=np.int64,
    )
