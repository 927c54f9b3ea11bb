"""Genes that say more of how a cell was prepared than of what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Technical = Literal["mitochondrial", "ribosomal", "ribosomal_pseudogenes", "haemoglobin"]

# Symbols of vertebrates, of any case, and FlyBase's mt: genes.
PATTERNS: dict[str, str] = {
    "mitochondrial": r"mt[-:.].+",
    "ribosomal": r"rp(l|s)(\d+[axyl]?\d*|p[0-2]|a)(-?like|l\d*)?",
    "ribosomal_pseudogenes": r"rp(l|s)(\d+[axyl]?|p[0-2]|a)-?p\d+|rps\d+-ps\d+|rpl\d+-ps\d+",
    "haemoglobin": r"hb[abdegmqz]\d?(-[a-z]\d?)?",
}


def technical(
    names: Iterable[NDArray[np.object_]], kinds: Iterable[str], pattern: str | None = None
) -> NDArray[np.bool_]:
    """Return which genes are of these kinds by any of their names, shape (genes,).

    Parameters
    ----------
    names : iterable of ndarray of object, shape (genes,)
        As `Counts.known` gives them.
    kinds : iterable of str
        Of `PATTERNS`.
    pattern : str, optional
        A regular expression of further names, whole and of any case.
    """
    wanted = [PATTERNS[kind] for kind in kinds] + ([pattern] if pattern else [])
    chosen: NDArray[np.bool_] | None = None
    matches = re.compile("|".join(f"(?:{p})" for p in wanted) or r"(?!)", re.IGNORECASE).fullmatch
    for each in names:
        here = np.array([matches(str(name)) is not None for name in each], dtype=bool)
        chosen = here if chosen is None else chosen | here
    return np.zeros(0, dtype=bool) if chosen is None else chosen
