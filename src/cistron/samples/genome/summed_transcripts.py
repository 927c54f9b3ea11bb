"""Numbers of transcripts, as salmon and kallisto give them, summed to numbers of genes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cistron.base.errors import InputError
from cistron.base.files import open_input
from cistron.samples.frames import column_names, frames

_VERSION = re.compile(r"\.\d+$")
LEAST = 0.5  # share of the transcripts that the table has to know


def sum_transcripts(
    table: pd.DataFrame, columns: Sequence[str], genes: Path, source: Path
) -> tuple[pd.DataFrame, list[str]]:
    """Return one row a gene, and what is to be said of transcripts without one.

    Parameters
    ----------
    table : DataFrame
        `id` (of the transcript), `record` and columns of numbers. A gene keeps the record of its
        first transcript.
    columns : sequence of str
        What is summed; a number that is missing counts nothing.
    genes : Path
        Table of two columns, transcript and gene, with or without a header (tximport's tx2gene).
    source : Path
        Of the numbers, for messages.

    Raises
    ------
    InputError
        If the table knows less than half of the transcripts, or puts one into two genes.
    """
    gene_of = _read(genes)
    gene = table["id"].map(gene_of)
    bare = table["id"].str.replace(_VERSION, "", regex=True)
    gene = gene.where(gene.notna(), bare.map(gene_of))
    unknown = table["id"][gene.isna()]
    if len(unknown) > (1 - LEAST) * len(table):
        raise InputError(
            f"{genes} knows {len(table) - len(unknown):,} of the {len(table):,} transcripts of "
            f"{source}; it lacks {unknown.iloc[0]!r}. Its first column is to hold the ids of "
            f"transcripts ({', '.join(list(gene_of)[:2])}), its second those of genes."
        )
    known = table[gene.notna()].assign(id=gene[gene.notna()])
    sums = known.groupby("id", sort=False)[list(columns)].sum(min_count=1)
    summed = sums.assign(record=known.groupby("id", sort=False)["record"].first()).reset_index()
    notes = [f"{source}: {len(known):,} transcripts are summed to {len(summed):,} genes."]
    if len(unknown):
        names = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
        notes.append(f"{source}: {genes} does not know {len(unknown):,} transcripts ({names}).")
    return summed, notes


def _read(path: Path) -> dict[str, str]:
    names = column_names(path)
    if len(names) < 2:
        raise InputError(f"{path} has one column. It is to have two: transcript and gene.")
    with open_input(path) as source:
        pairs = pd.concat(frames(source, names[:2]), ignore_index=True)
    pairs.columns = pd.Index(["transcript", "gene"])
    # The first line is a pair as well where there is no header.
    pairs.loc[len(pairs)] = names[:2]
    pairs = pairs.apply(lambda column: column.str.strip()).drop_duplicates()
    pairs = pairs[(pairs != "").all(axis=1)]
    twice = pairs["transcript"].duplicated()
    if twice.any():
        name = pairs["transcript"][twice].iloc[0]
        raise InputError(f"{path} puts {name!r} into several genes. Leave one row a transcript.")
    every = dict(zip(pairs["transcript"], pairs["gene"], strict=True))
    return {**{_VERSION.sub("", name): gene for name, gene in every.items()}, **every}
