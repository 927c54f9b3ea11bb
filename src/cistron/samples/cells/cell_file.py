"""What is read of one file of cells, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.counts import Matrix
from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.samples.cells.gene_names import is_ensembl
from cistron.samples.frames import MISSING

GeneNames = Literal["symbol", "ensembl"]
_BARCODE = re.compile(r"(?:.*[^A-Za-z])?[ACGTN]{8,}(?:[^A-Za-z].*)?")
_EVERYWHERE = frozenset(
    [
        "actb",
        "b2m",
        "eef1a1",
        "gapdh",
        "hprt1",
        "hsp90ab1",
        "malat1",
        "ppia",
        "rpl13",
        "rpl19",
        "rplp0",
        "rps18",
        "rps27a",
        "tbp",
        "tmsb4x",
        "tmsb10",
        "tpt1",
        "ubc",
        "ywhaz",
    ]
)  # genes that nearly every data set of cells has


class CellFormat(Settings):
    """The keys that say which numbers of a file are meant, and how it is laid out."""

    layer: str | None = Field(None, description="AnnData: layer with the numbers; null: X")
    raw: bool = Field(False, description="AnnData: whether `.raw` is taken, with its genes")
    orientation: Literal["genes_in_rows", "cells_in_rows"] | None = Field(
        None,
        description="count tables: whether genes or cells are in rows; needed where the names do "
        "not tell",
    )
    gene_names: GeneNames | None = Field(
        None, description="names that the genes go by; null: those of the file (10x: symbols)"
    )
    backed: bool | None = Field(
        None,
        description="whether the numbers stay in the file and cells are read when they are "
        "needed; null: where they would take more than 1 GB of memory",
    )


@dataclass(frozen=True, eq=False)
class CellFile:
    """Cells as they stand in one file.

    Parameters
    ----------
    path : Path
    matrix : Matrix
        Cells × genes.
    barcodes : ndarray of object, shape (cells,)
        Names of the cells; not always unique.
    genes : ndarray of object, shape (genes,)
        Names of the genes; not always unique.
    names : dict of str to ndarray of object, shape (genes,)
        Further names ("symbol", "ensembl").
    columns : tuple of str
        What the file knows of its cells.
    frame : DataFrame
        Those columns that were asked for and are there, as text; None where a value is missing.
    paths : tuple of Path
        All files that were read.
    notes : tuple of str
    """

    path: Path
    matrix: Matrix
    barcodes: NDArray[np.object_]
    genes: NDArray[np.object_]
    names: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    paths: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def objects(values: Sequence[str] | pd.Series | pd.Index) -> NDArray[np.object_]:
    """Return names as an array of str."""
    return np.array([str(value) for value in values], dtype=object)


def as_text(values: pd.Series) -> list[str | None]:
    """Return a column as text; whole numbers without a point, None where a value is missing.

    Words that stand for a missing value ("nan", "NA", "None"; `MISSING`) are none.
    """
    texts: list[str | None] = []
    for value in values.astype(object).tolist():
        if value is None or value is pd.NA or value != value or value == "":
            texts.append(None)
        elif isinstance(value, float) and value.is_integer():
            texts.append(str(int(value)))
        else:
            text = str(value).strip()
            texts.append(None if text in MISSING else text)
    return texts


def name_genes(
    path: Path,
    stored: NDArray[np.object_],
    further: dict[str, NDArray[np.object_]],
    wanted: GeneNames | None,
) -> tuple[NDArray[np.object_], dict[str, NDArray[np.object_]]]:
    """Return the names the genes go by, and the others that are stored of them.

    A gene that has no name of the wanted kind keeps its own.

    Raises
    ------
    InputError
        If the file has no names of that kind.
    """
    kind = "ensembl" if is_ensembl(stored[:1000].tolist()) else "symbol"
    if wanted is None or wanted == kind:
        return stored, {name: values for name, values in further.items() if name != kind}
    if wanted not in further:
        raise InputError(
            f"samples.gene_names: {path} has no names of the kind {wanted!r}; its genes are called "
            f"{', '.join(stored[:3])}. Leave the key out."
        )
    given = further[wanted]
    genes = np.where(given == "", stored, given)
    rest = {name: values for name, values in further.items() if name not in (wanted, kind)}
    return genes, {**rest, kind: stored}


def which_are_genes(
    first: NDArray[np.object_], second: NDArray[np.object_]
) -> tuple[Literal["first", "second", ""], str]:
    """Tell the names of genes from those of cells, where the names prove it.

    Ensembl ids and genes that every data set has are genes, barcodes (eight and more of the
    letters ACGTN) are cells.

    Returns
    -------
    which, why
        "" where nothing is proven, or the names contradict each other.
    """
    proofs: dict[Literal["first", "second"], str] = {}
    for which, names, others in (("first", first, second), ("second", second, first)):
        head = names[:1000].tolist()
        if is_ensembl(head):
            proofs[which] = f"{head[0]} is an Ensembl id"  # type: ignore[index]
        other: Literal["first", "second"] = "second" if which == "first" else "first"
        if head and sum(bool(_BARCODE.fullmatch(name)) for name in head) > 0.9 * len(head):
            proofs[other] = f"{head[0]} is a barcode"
        usual = {name.casefold() for name in names} & _EVERYWHERE
        if len(usual) >= 3 and not {name.casefold() for name in others} & _EVERYWHERE:
            proofs[which] = f"{sorted(usual)[0].upper()} is a gene"  # type: ignore[index]
    if len(proofs) != 1:
        return "", ""
    return next(iter(proofs.items()))
