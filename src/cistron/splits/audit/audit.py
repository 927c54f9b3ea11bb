"""The leakage audit: whether what is tested is new to what was trained, and what gives it away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from cistron.base import domains
from cistron.base.counts import Counts
from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.samples.cells.gene_names import align_genes
from cistron.samples.cells.rearranged import put_columns, stack
from cistron.samples.samples import Samples, Sequences
from cistron.splits.audit.cell_checks import (
    balance_of_cells,
    batch_effect,
    detected_genes_shortcut,
    library_size_shortcut,
    shared_barcodes,
    technical_genes,
)
from cistron.splits.audit.check import Check, Context, report
from cistron.splits.audit.checks import (
    exact_duplicates,
    nearest_homolog,
    reverse_complements,
    shared_groups,
    similar_sequences,
)
from cistron.splits.audit.confounding import confounded_groups
from cistron.splits.audit.shortcuts import (
    class_balance,
    composition_shortcut,
    dominant_groups,
    group_labels,
    length_shortcut,
)
from cistron.splits.search.nearest import NearestHomolog, nearest_in_other_folds, nearest_training
from cistron.splits.search.search import EngineName
from cistron.splits.split import PARTS, TEST, TRAIN, UNUSED, Progress, Split, silent

__all__ = [
    "NearestHomolog",
    "audit",
    "audit_external",
    "audit_folds",
    "joined_external",
    "nearest_in_other_folds",
    "nearest_training",
]

SEQUENCE_CHECKS: tuple[Callable[[Context], Check], ...] = (
    exact_duplicates,
    reverse_complements,
    shared_groups,
    similar_sequences,
    nearest_homolog,
    group_labels,
    length_shortcut,
    composition_shortcut,
    dominant_groups,
    class_balance,
)
CELL_CHECKS: tuple[Callable[[Context], Check], ...] = (
    confounded_groups,
    exact_duplicates,
    shared_barcodes,
    shared_groups,
    library_size_shortcut,
    detected_genes_shortcut,
    batch_effect,
    technical_genes,
    dominant_groups,
    balance_of_cells,
)
EXTERNAL_CHECKS = (exact_duplicates, reverse_complements, similar_sequences, nearest_homolog)
EXTERNAL_CELL_CHECKS = (exact_duplicates, shared_barcodes, shared_groups)
FEWEST_GENES = 20  # in common: fewer say not which cells are the same
CHECKS = {
    domains.PROTEINS.name: SEQUENCE_CHECKS,
    domains.PROFILES.name: SEQUENCE_CHECKS,
    domains.DNA.name: SEQUENCE_CHECKS,
    domains.CELLS.name: CELL_CHECKS,
}
"""The checks of each domain, in the order in which they are reported."""


def audit(
    samples: Samples,
    split: Split,
    *,
    homology: bool = True,
    nearest: NearestHomolog | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> Document:
    """Check a split for leakage between its parts, and the training part for shortcuts.

    Parameters
    ----------
    samples : Samples
    split : Split
    homology : bool
        Whether to search the test part against the training part.
    nearest : NearestHomolog, optional
        What that search found, if it was made already (`nearest_training`).
    engine : {"auto", "mmseqs", "kmers"}
    threads : int, optional
        Of the search; all cores by default.
    progress : callable, optional
        Is told what is being done, in sentences.

    Returns
    -------
    dict
        As plain JSON types: `verdict`: "leak" if a check fails ("confounded" if only that of groups
        that determine the label), else "warning" if one warns, else "not fully checked" if one
        that applies was skipped, else "clean"; `state`: "leaks" if the verdict is "leak", else "not
        fully checked" if a check that applies was skipped, else "clean"; `not_checked`: names of
        those skipped checks; `checks`: in the order of `CHECKS` for the domain, each
        with `name`, `verdict` ("pass", "warn", "fail" or "skipped"), `summary` (sentences with the
        numbers), `details` and `unchecked` (skipped although it applies).
    """
    homologs = homology and samples.payload.domain.homologs
    if homologs and nearest is None and len(split.rows(TEST)):
        nearest = nearest_training(
            samples, split, engine=engine, threads=threads, progress=progress
        )
    context = Context(
        samples=samples,
        place=split.part,
        places=PARTS,
        tested=split.rows(TEST),
        trained=split.rows(TRAIN),
        units=split.units,
        nearest=nearest,
    )
    return report([check(context) for check in CHECKS[samples.payload.domain.name]])


def audit_folds(
    samples: Samples,
    split: Split,
    *,
    homology: bool = True,
    nearest: NearestHomolog | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> Document:
    """Check the folds of a cross-validation: each is tested on what all the others trained.

    Parameters
    ----------
    samples, split, homology, engine, threads, progress
        As in `audit`.
    nearest : NearestHomolog, optional
        What the search found, if it was made already (`nearest_in_other_folds`).

    Returns
    -------
    dict
        As of `audit`; the parts are "fold 0", "fold 1", …
    """
    if homology and samples.payload.domain.homologs and nearest is None:
        nearest = nearest_in_other_folds(
            samples, split, engine=engine, threads=threads, progress=progress
        )
    rows = np.flatnonzero(split.fold >= 0)
    context = Context(
        samples=samples,
        place=split.fold,
        places=tuple(f"fold {k}" for k in range(split.folds)),
        tested=split.tested,
        trained=rows,
        units=split.units,
        nearest=nearest,
        apart=split.apart,
    )
    return report([check(context) for check in CHECKS[samples.payload.domain.name]])


def audit_external(
    samples: Samples,
    external: Samples,
    *,
    homology: bool = True,
    nearest: NearestHomolog | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
    tested_as: str = "external",
) -> Document:
    """Check whether a set from elsewhere is new to what was trained on all samples.

    Parameters
    ----------
    samples : Samples
        What is, or was, trained on.
    external : Samples
        Of the same alphabet. Labels that are classes of `samples` are scored. Cells are compared
        in the genes that both have, and in the group columns that both have.
    homology, engine, threads, progress
        As in `audit`.
    nearest : NearestHomolog, optional
        What the search found, if it was made already (of `joined_external`).
    tested_as : str
        What a sample of the set is called.

    Returns
    -------
    dict
        As of `audit`, with the checks of `EXTERNAL_CHECKS`, or `EXTERNAL_CELL_CHECKS`; the parts
        are "train" and "external".

    Raises
    ------
    InputError
        If cells have too few genes in common.
    """
    both, split = joined_external(samples, external)
    domain = samples.payload.domain
    if homology and domain.homologs and nearest is None and len(external):
        nearest = nearest_training(both, split, engine=engine, threads=threads, progress=progress)
    context = Context(
        samples=both,
        place=split.part,
        places=("train", "", tested_as),
        tested=split.rows(TEST),
        trained=split.rows(TRAIN),
        units=split.units,
        nearest=nearest,
        tested_as=tested_as,
    )
    checks = EXTERNAL_CELL_CHECKS if domain is domains.CELLS else EXTERNAL_CHECKS
    return report([check(context) for check in checks])


def joined_external(samples: Samples, external: Samples) -> tuple[Samples, Split]:
    """Return samples and an external set as one, in this order, split into train and test."""
    n, m = len(samples), len(external)
    theirs = external.table
    if samples.target.task != external.target.task:
        theirs = theirs.assign(label=np.nan)
    cells = samples.payload.domain is domains.CELLS
    both = replace(
        samples,
        table=pd.concat([samples.table, theirs], ignore_index=True),
        payload=_joined_cells(samples.cells, external.cells)
        if cells
        else Sequences.stack([samples.sequences, external.sequences]),
        groups=tuple(name for name in samples.groups if cells and name in external.groups),
    )
    part = np.repeat([TRAIN, TEST], [n, m]).astype(np.int8)
    return both, Split(part, np.full(n + m, UNUSED, np.int16), np.arange(n + m), "")


def _joined_cells(cells: Counts, others: Counts) -> Counts:
    """Return cells and those of another data set, in this order, with the genes that both have."""
    further = {kind: names.tolist() for kind, names in cells.names.items()}
    there = align_genes(others, cells.genes, names=further, least=0.0).index
    both = np.flatnonzero(there >= 0)
    if len(both) < FEWEST_GENES:
        raise InputError(f"The two data sets of cells have only {len(both)} genes in common.")
    matrices = []
    for counts, columns in ((cells, both), (others, there[both])):
        places = np.full(len(counts.genes), -1, dtype=np.int64)
        places[columns] = np.arange(len(both))
        matrices.append(put_columns(counts.matrix, places, len(both)))
    rows = np.concatenate([cells.rows, cells.matrix.shape[0] + others.rows])
    return Counts(stack(matrices), cells.genes[both], rows, {})
