"""Families of genes: what is linked by similar sequences, directly or through others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cistron.samples.samples import Samples
from cistron.splits.components import components
from cistron.splits.search.search import Search, find_similar
from cistron.splits.split import Progress, silent


def gene_families(
    proteins: Samples, identity: float = 0.3, coverage: float = 0.5, progress: Progress = silent
) -> pd.DataFrame:
    """Put genes into families by an all-against-all search of their proteins.

    Parameters
    ----------
    proteins : Samples
        One protein a gene (`cistron.samples.genome.translations.read_proteins`).
    identity : float
        Share of identical residues from which two are relatives, 0 to 1.
    coverage : float
        Share of both that the alignment must span, 0 to 1.
    progress : callable, optional
        Is told what is being done, in sentences.

    Returns
    -------
    DataFrame
        `gene_id` and `family`: the id of the family's first gene. A gene without relatives is a
        family of its own.
    """
    # MMseqs2 judges by the lengths what a pair can cover: gaps may let it cover more.
    search = Search(identity=identity, covering=0.75 * coverage).settled(len(proteins))
    hits = find_similar(proteins.sequences, None, search, progress)
    hits = hits[hits.at_least(identity, coverage)]
    number = components([], len(proteins), (hits.query, hits.target))
    _, first, family = np.unique(number, return_index=True, return_inverse=True)
    return pd.DataFrame({"gene_id": proteins.ids, "family": proteins.ids[first[family]]})
