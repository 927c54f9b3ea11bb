"""Proteins of an annotated genome: its coding sequences, spliced and translated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.alphabet import DNA, PROTEIN
from cistron.samples.genome.annotation import read_annotation
from cistron.samples.genome.chromosomes import Names, iter_chromosomes
from cistron.samples.genome.transcripts import choose_transcripts
from cistron.samples.samples import Samples, Sequences, make_samples

# The standard genetic code, the first base changing slowest, each in the order T, C, A, G.
_CODE = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
_STOP = 255


def read_proteins(
    genome: str | Path,
    annotation: str | Path,
    id_attribute: str | None = None,
    aliases: dict[str, str] | None = None,
) -> Samples:
    """Translate the canonical transcript of every gene that has a coding sequence.

    Organelles, which have a genetic code of their own, are left out.

    Parameters
    ----------
    genome, annotation : path
        FASTA; GTF or GFF3 with CDS lines. Plain or gzip.
    id_attribute, aliases
        As in `GenomeSamples`.

    Returns
    -------
    Samples
        Unlabelled proteins; ids are those of the genes. What is not translated is X.

    Raises
    ------
    InputError
        If files cannot be read or do not belong together, or no gene has a coding sequence.
    """
    genes_read = read_annotation(annotation, id_attribute)
    chosen = choose_transcripts(genes_read)
    genes = genes_read.genes
    if not chosen.parts:
        raise InputError(
            f"{annotation} has no CDS lines, so that nothing can be translated. Use the full "
            "annotation, or take families from a table."
        )
    rows_on: dict[str, list[int]] = {}
    for row in sorted(chosen.parts):
        name = genes["chromosome"].iloc[row]
        if genes["strand"].iloc[row] in ("+", "-") and name not in genes_read.organelles:
            rows_on.setdefault(name, []).append(row)
    names = Names(rows_on, aliases or {})
    minus = (genes["strand"] == "-").to_numpy()
    proteins: dict[int, NDArray[np.uint8]] = {}
    for chromosome in iter_chromosomes(genome):
        if chromosome.is_organelle:
            continue
        for row in rows_on.get(names.find(chromosome) or "", []):
            pieces = [chromosome.codes[start:end] for start, end in chosen.parts[row]]
            coding = np.concatenate(pieces)
            coding = DNA.complement[coding[::-1]] if minus[row] else coding
            proteins[row] = translate(coding)
    rows = [row for row in sorted(proteins) if len(proteins[row])]
    if not rows:
        raise InputError(
            f"No chromosome of {genome} is one of {annotation} with coding sequences. Say which is "
            "which with samples.aliases, or take files of one source."
        )
    ids = pd.Series(genes["id"].to_numpy()[rows], dtype=object)
    once = np.flatnonzero(~ids.duplicated())
    kept = [proteins[rows[k]] for k in once]
    offsets = np.concatenate([[0], np.cumsum([len(protein) for protein in kept])])
    payload = Sequences(np.concatenate(kept), offsets.astype(np.int64), PROTEIN)
    return make_samples(payload, ids=ids.iloc[once].tolist())


def translate(coding: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the protein of a coding sequence by the standard genetic code.

    A stop at the end is left out, one before the end and a codon with an unknown base are X, and
    an incomplete codon at the end is passed over.

    Parameters
    ----------
    coding : ndarray of uint8, shape (bases,)
        Codes into `DNA.letters`, from the first base of the start codon.

    Returns
    -------
    ndarray of uint8, shape (residues,)
        Codes into `PROTEIN.letters`.
    """
    codons = coding[: len(coding) // 3 * 3].reshape(-1, 3).astype(np.int64)
    known = (codons < DNA.standard).all(axis=1)
    protein = np.full(len(codons), PROTEIN.unknown, dtype=np.uint8)
    protein[known] = _table()[codons[known] @ [16, 4, 1]]
    if len(protein) and protein[-1] == _STOP:
        protein = protein[:-1]
    protein[protein == _STOP] = PROTEIN.unknown
    return protein


def _table() -> NDArray[np.uint8]:
    """Return the residue's code for every codon, the bases in the order of `DNA.letters`."""
    order = [DNA.letters[:4].index(base) for base in "TCAG"]
    table = np.empty((4, 4, 4), dtype=np.uint8)
    letters = [_STOP if x == "*" else PROTEIN.letters.index(x) for x in _CODE]
    table[np.ix_(order, order, order)] = np.array(letters, dtype=np.uint8).reshape(4, 4, 4)
    return table.reshape(-1)
