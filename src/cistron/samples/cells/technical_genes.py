"""Genes that differ between libraries for technical reasons before they do for biological ones."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from cistron.base.counts import Counts

# How well a gene of these kinds is counted depends on the library, on what was lysed, and on the
# annotation that reads were counted by. Names of human and mouse genes.
KINDS = {
    "pseudogene": re.compile(
        r"^(RP[LS]\d+[AXYL]?\d*|RPLP\d|RPSA|EEF1A1|FTH1|FTL|GAPDH|TUBA\d[A-C]|HMGB1|TPT1|"
        r"MT-?(ND\d|CO\d|CYB|ATP\d|RNR\d))P\d+$|^MTRNR2L\d+$|-PS\d*$",
        re.IGNORECASE,
    ),
    "ribosomal": re.compile(
        r"^RP[LS]\d+[AXYL]?\d*(L\d*)?$|^RPLP\d$|^RPSA2?$|^FAU$|^UBA52$", re.IGNORECASE
    ),
    "mitochondrial": re.compile(r"^MT-", re.IGNORECASE),
    "clone name": re.compile(
        r"^(RP\d+-|CT[ABCD]-|KB-|GS1-|XX(bac|yac|cos|-)|LL\d+(NC|XNC)?\d*-|"
        r"[A-Z]{2}\d{6}(\.\d+)?$|LOC\d+$|Gm\d{4,}$)"
    ),
}


def technical_kinds(cells: Counts) -> NDArray[np.object_]:
    """Return for each gene which technical kind it is of by its name, or "", shape (genes,)."""
    names = cells.names.get("symbol", cells.genes)
    symbols = np.where(names == "", cells.genes, names)
    kinds = np.full(len(symbols), "", dtype=object)
    for row, symbol in enumerate(symbols):
        for kind, pattern in KINDS.items():
            if pattern.search(str(symbol)):
                kinds[row] = kind
                break
    return kinds
