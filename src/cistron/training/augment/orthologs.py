"""Orthologs of samples: from tables and FASTA files, or among the samples themselves.

From tables and genomes: `cistron.training.augment.ortholog_genomes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.samples.sequences.fasta import iter_records
from cistron.training.augment.ortholog_tables import Pairs, listed, read_pairs


@dataclass(frozen=True, eq=False)
class Related:
    """The orthologs of given samples.

    Parameters
    ----------
    offsets : ndarray of int64, shape (samples + 1,)
        Those of sample i are `offsets[i]:offsets[i + 1]`.
    sequences : Sequences
    labels : ndarray of object, shape (orthologs,)
        Class name, or None where it is not known.
    """

    offsets: NDArray[np.int64]
    sequences: Sequences
    labels: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def owners(self) -> NDArray[np.int64]:
        """The sample of each ortholog, shape (orthologs,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def keep(self, kept: NDArray[np.bool_]) -> Related:
        """Return the orthologs that are kept."""
        counts = np.bincount(self.owners[kept], minlength=len(self.offsets) - 1)
        sequences = self.sequences.take(np.flatnonzero(kept))
        return Related(np.append(0, np.cumsum(counts)), sequences, self.labels[kept])


@dataclass(frozen=True, eq=False)
class Orthologs:
    """Sequences of orthologs, by gene.

    Parameters
    ----------
    rows : dict of str to list of int
        Gene → rows of `sequences`.
    sequences : Sequences
    labels : ndarray of object, shape (orthologs,)
        What a FASTA id says of the class; None where it says nothing.
    gene : str, optional
        Group column with the gene of a sample; its id where not given.
    notes : tuple of str
        What of the files is not used, one sentence each.
    """

    rows: dict[str, list[int]]
    sequences: Sequences
    labels: NDArray[np.object_]
    gene: str | None = None
    notes: tuple[str, ...] = ()

    def of(self, samples: Samples) -> Related:
        """Return the orthologs of these samples."""
        found = [self.rows.get(name, []) for name in genes_of(samples, self.gene)]
        return _related(found, self.sequences, self.labels)


@dataclass(frozen=True, eq=False)
class SamplesOfOneGene:
    """Samples that are each other's orthologs: those with the same value of a group column."""

    gene: str
    notes: tuple[str, ...] = ()

    def of(self, samples: Samples) -> Related:
        """Return, for each of these samples, the others of its gene among them."""
        rows: dict[str, list[int]] = {}
        names = genes_of(samples, self.gene)
        for row, name in enumerate(names):
            rows.setdefault(name, []).append(row)
        found = [[r for r in rows[name] if r != row] for row, name in enumerate(names)]
        return _related(found, samples.sequences, samples.table["label"].to_numpy(dtype=object))


OrthologSource = Orthologs | SamplesOfOneGene
"""Where the orthologs of samples come from."""


def averaged_logits(
    logits: Callable[[Samples], NDArray[np.float32]], samples: Samples, related: Related
) -> NDArray[np.float32]:
    """Return the mean over each sample and its orthologs, all with the same weight."""
    total = logits(samples)
    if len(related):
        np.add.at(total, related.owners, logits(make_samples(related.sequences)))
    counts = 1 + np.diff(related.offsets)
    return np.asarray(total / counts[:, None], dtype=np.float32)


def read_orthologs(
    tables: Iterable[Path],
    fastas: Iterable[Path],
    alphabet: str = "dna",
    samples: Samples | None = None,
    gene: str | None = None,
) -> Orthologs:
    """Read orthologs from tables and FASTA files (see `PhyloAugSettings`).

    Parameters
    ----------
    tables, fastas : iterable of Path
    alphabet : {"protein", "dna"}
    samples : Samples, optional
        Whose orthologs are read; those of all genes where not given.
    gene : str, optional
        Group column with the gene of a sample; its id where not given.

    Raises
    ------
    InputError
        See `PhyloAugSettings.read`.
    """
    fastas = list(fastas)
    genes = None if samples is None else list(dict.fromkeys(genes_of(samples, gene)))
    pairs = read_pairs(tables, genes)
    classes = () if samples is None else samples.classes
    sequences, labels, row_of = _sequences(fastas, set(pairs.orthologs), alphabet, classes)
    if not row_of:
        raise InputError(
            f"{', '.join(map(str, fastas))}: none of the {len(pairs.orthologs):,} orthologs that "
            f"{pairs.tables} names is there, such as {listed(pairs.orthologs, 3)}. An id is the "
            "first word of a header, with or without _label behind it."
        )
    return orthologs_of(pairs, sequences, row_of, labels, samples=samples, gene=gene)


def orthologs_of(
    pairs: Pairs,
    sequences: Sequences,
    row_of: Mapping[str, int],
    labels: NDArray[np.object_] | None = None,
    *,
    samples: Samples | None = None,
    gene: str | None = None,
    notes: Sequence[str] = (),
) -> Orthologs:
    """Bring together which gene has which orthologs, and their sequences.

    Parameters
    ----------
    pairs : Pairs
    sequences : Sequences
    row_of : dict of str to int
        Ortholog → its row of `sequences`.
    labels : ndarray of object, shape (orthologs,), optional
        What is known of their classes.
    samples, gene
        As in `read_orthologs`.
    notes : sequence of str
        Of how the sequences were read.
    """
    rows: dict[str, list[int]] = {}
    for name, ortholog in pairs.used:
        if ortholog in row_of:
            rows.setdefault(name, []).append(row_of[ortholog])
    missing = [name for name in pairs.orthologs if name not in row_of]
    said = [*pairs.notes, *notes]
    if samples is not None:
        asked = genes_of(samples, gene)
        covered = sum(name in rows for name in asked)
        said.insert(0, f"Samples with orthologs: {covered:,} of {len(asked):,}.")
    if missing:
        said.append(f"Orthologs without a sequence: {len(missing):,} ({listed(missing)}).")
    if labels is None:
        labels = np.full(len(sequences), None, dtype=object)
    return Orthologs(rows, sequences, labels, gene, tuple(said))


def genes_of(samples: Samples, gene: str | None) -> list[str]:
    """Return the gene of each sample: a group column, or its id.

    Raises
    ------
    InputError
        If the samples have no such column.
    """
    if gene is None:
        return [str(name) for name in samples.ids]
    if gene not in samples.groups:
        raise InputError(
            f"The samples have no group {gene!r}, which names the gene whose orthologs are "
            "averaged. Read them with that group."
        )
    return [str(name) for name in samples.table[gene]]


def _related(found: list[list[int]], sequences: Sequences, labels: NDArray[np.object_]) -> Related:
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in found])]).astype(np.int64)
    rows = np.array([row for one in found for row in one], dtype=np.int64)
    return Related(offsets, sequences.take(rows), labels[rows])


def _sequences(
    fastas: Iterable[Path], wanted: set[str], alphabet: str, classes: Iterable[str]
) -> tuple[Sequences, NDArray[np.object_], dict[str, int]]:
    """Return the wanted sequences, what their ids say of the class, and the row of each id."""
    parts, labels = [Sequences.from_text([], alphabet)], list[str | None]()
    row_of: dict[str, int] = {}
    classes = set(classes)
    for path in fastas:
        for block in iter_records(path, alphabet):
            picked = []
            for row, name in enumerate(block.ids):
                base, _, label = name.rpartition("_")
                ortholog = name if name in wanted else base
                if ortholog not in wanted or block.problems[row]:
                    continue
                if ortholog in row_of:
                    raise InputError(
                        f"{path}: record {block.first_record + row:,}: the ortholog {ortholog!r} "
                        "has a sequence already. Leave one record of each."
                    )
                row_of[ortholog] = len(labels)
                picked.append(row)
                labels.append(label if ortholog == base and label in classes else None)
            parts.append(block.sequences.take(picked))
    return Sequences.stack(parts), np.array(labels, dtype=object), row_of
