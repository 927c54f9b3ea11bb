"""Ids of two files that mean the same genes and do not write them alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.errors import InputError

FEWEST = 0.5  # share of a table's ids that must be found
_PREFIX = re.compile(r"^(?:gene|transcript|mrna|id)[:\-|]", re.IGNORECASE)
_VERSION = re.compile(r"[._](?:v|t)?\d+(?:\.\d+)*$", re.IGNORECASE)


def _without_prefix(text: str) -> str:
    return _PREFIX.sub("", text)


def _without_version(text: str) -> str:
    return _VERSION.sub("", _without_prefix(text))


RULES: dict[str, Callable[[str], str]] = {
    "without prefixes such as gene:": _without_prefix,
    "without regard to upper and lower case": lambda text: _without_prefix(text).upper(),
    "without version suffixes such as .1": _without_version,
    "without version suffixes, in upper case": lambda text: _without_version(text).upper(),
}


def match_ids(
    genes: pd.DataFrame, ids: Sequence[str], name: str
) -> tuple[NDArray[np.int64], list[str]]:
    """Find the row of a table for every gene.

    Ids are compared as they are. Where fewer than half of the table's are found, they are compared
    by the first of `RULES` that finds most of them, as long as no two ids become one; a note says
    which.

    Parameters
    ----------
    genes : DataFrame
        `id` and `name` of every annotated gene.
    ids : sequence of str
        Ids of the table, each once.
    name : str
        What messages call the table.

    Returns
    -------
    rows : ndarray of int64, shape (genes,)
        Row of the table; -1 where there is none.
    notes : list of str

    Raises
    ------
    InputError
        If no rule finds half of the table's ids, showing three ids of each side and the likely
        reason.
    """
    ours, theirs = genes["id"].tolist(), list(ids)
    if _found(ours, theirs) >= FEWEST:
        return _rows(ours, theirs), []
    best, rule, made = 0.0, "", ((ours, theirs))
    for told, change in RULES.items():
        changed = [change(text) for text in ours], [change(text) for text in theirs]
        share = _found(*changed)
        if share > best + 0.01:
            best, rule, made = share, told, changed
    several = pd.Series(made[1])
    several = several[several.duplicated(keep=False) & several.isin(set(made[0]))]
    if best >= FEWEST and not len(several) and len(set(made[0])) == len(set(ours)):
        return _rows(*made), [f"Genes of {name} were matched {rule} ({best:.0%} of its ids)."]
    raise InputError(_refusal(genes, theirs, name, (best, rule, several)))


def _refusal(genes: pd.DataFrame, theirs: list[str], name: str, found: Any) -> str:
    """Say that ids do not meet, and why that may be."""
    best, rule, several = found
    share = _found(genes["id"].tolist(), theirs)
    called = ", ".join(repr(text) for text in theirs[:3])
    known = ", ".join(repr(text) for text in genes["id"].iloc[:3])
    said = (
        f"{name}: only {share:.0%} of its {len(theirs):,} ids are genes of the annotation. It "
        f"holds {called}; the annotation holds {known}."
    )
    names = genes["name"][genes["name"] != ""].tolist()
    if len(several) and best >= FEWEST:
        rows = [theirs[row] for row in several.index[several == several.iloc[0]][:3]]
        return (
            f"{said} {rule[0].upper()}{rule[1:]} they would meet, but then several rows are one "
            f"gene ({', '.join(rows)}): these look like transcripts. Sum them by gene first."
        )
    if best >= FEWEST:
        return f"{said} {rule[0].upper()}{rule[1:]} they would meet, but then genes become one."
    if _found(names, theirs) >= FEWEST:
        return f"{said} They look like gene names: set samples.id_attribute to Name or gene_name."
    return (
        f"{said} Name the attribute that holds these ids with samples.id_attribute, or use the "
        "annotation that the table was made with."
    )


def _found(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return which share of their ids is among ours."""
    known = set(ours)
    return sum(text in known for text in theirs) / max(len(theirs), 1)


def _rows(ours: Sequence[str], theirs: Sequence[str]) -> NDArray[np.int64]:
    row_of = {text: row for row, text in enumerate(theirs)}
    return np.array([row_of.get(text, -1) for text in ours], dtype=np.int64)
