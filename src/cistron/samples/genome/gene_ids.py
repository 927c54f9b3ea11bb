"""Ids of two files that mean the same genes and do not write them alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError

FEWEST = 0.5  # share of a table's ids that must be found
SHARED = 0.9  # share of a file's ids that have an ending, where it is that of the file
_PREFIX = re.compile(r"^(?:(?:gene|transcript|mrna|rna|id)[:\-|]|loc_(?=os))", re.IGNORECASE)
_VERSION = re.compile(r"[._](?:v|t)?\d+(?:\.\d+)*$", re.IGNORECASE)


def _without_prefix(text: str) -> str:
    return _PREFIX.sub("", text)


def _without_version(text: str) -> str:
    return _VERSION.sub("", _without_prefix(text))


def without_shared_ending(ids: Sequence[str]) -> list[str]:
    """Return ids without prefixes, and without the ending that nearly all of them share.

    Phytozome writes the name of the annotation behind every id (AT1G01010.Araport11.447,
    Glyma.01G000100.Wm82.a4.v1). Such an ending begins with a dot or an underscore and has a digit:
    .L and .S of two subgenomes are none.
    """
    plain = [_without_prefix(text) for text in ids]
    endings = Counter(
        text[place:]
        for text in plain
        for place in range(1, len(text))
        if text[place] in "._" and any(map(str.isdigit, text[place:]))
    )
    shared = [e for e, n in endings.items() if n >= max(2, SHARED * len(plain))]
    ending = max(shared, key=len, default="")
    return [text.removesuffix(ending) for text in plain]


RULES: dict[str, Callable[[Sequence[str]], list[str]]] = {
    "without prefixes such as gene:": lambda ids: [_without_prefix(text) for text in ids],
    "without regard to upper and lower case": lambda ids: [
        _without_prefix(text).upper() for text in ids
    ],
    "without version suffixes such as .1": lambda ids: [_without_version(text) for text in ids],
    "without version suffixes, in upper case": lambda ids: [
        _without_version(text).upper() for text in ids
    ],
    "without the ending that the ids of a file share": without_shared_ending,
    "without shared endings and versions, in upper case": lambda ids: [
        _without_version(text).upper() for text in without_shared_ending(ids)
    ],
    "by what stands before a |": lambda ids: [_without_prefix(text.split("|")[0]) for text in ids],
    "by what stands before a |, without version suffixes": lambda ids: [
        _without_version(text.split("|")[0]) for text in ids
    ],
    "by what stands behind a |": lambda ids: [
        _without_prefix(text.rpartition("|")[2]) for text in ids
    ],
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
    for words, change in RULES.items():
        changed = change(ours), change(theirs)
        share = _found(*changed)
        if share > best + 0.01:
            best, rule, made = share, words, changed
    several = pd.Series(made[1])
    several = several[several.duplicated(keep=False) & several.isin(set(made[0]))]
    if best >= FEWEST and not len(several) and len(set(made[0])) == len(set(ours)):
        return _rows(*made), [f"Genes of {name} were matched {rule} ({best:.0%} of its ids)."]
    raise InputError(_refusal(genes, theirs, name, (best, rule, several)))


def match_overlap(
    ours: Sequence[str],
    theirs: Sequence[str],
    name: str,
    *,
    needed: NDArray[np.bool_] | None = None,
    fewest: float = 0.0,
) -> tuple[NDArray[np.int64], list[str]]:
    """Find the row of a list of ids for every gene, where each side may lack most of the other.

    Ids are compared as they are. Where that finds fewer than half of either side, they are
    compared by the first of `RULES` that finds most of them, of those by which no two ids of
    either side become one; a note says which.

    Parameters
    ----------
    ours, theirs : sequence of str
        Each id once.
    name : str
        What messages call their file.
    needed : ndarray of bool, shape (len(ours),), optional
        Which of ours are counted as a side; all of them where not given.
    fewest : float
        Share of either side that must be found.

    Returns
    -------
    rows : ndarray of int64, shape (len(ours),)
        Row of `theirs`; -1 where there is none. It may be that none is found.
    notes : list of str

    Raises
    ------
    InputError
        If ids meet only by a rule by which several become one, or some meet, but fewer than
        `fewest`.
    """
    wanted = np.ones(len(ours), dtype=bool) if needed is None else needed

    def share_of(changed: tuple[list[str], list[str]], both: set[str]) -> float:
        met = np.array([text in both for text in changed[0]], dtype=bool)
        sides = (met[wanted].sum(), wanted.sum()), (len(both), len(theirs))
        return max(found / max(all_of_them, 1) for found, all_of_them in sides)

    made, rule, refused = (list(ours), list(theirs)), "", ""
    best = share_of(made, set(ours) & set(theirs))
    for words, change in RULES.items() if best < FEWEST else ():
        changed = change(ours), change(theirs)
        both = set(changed[0]) & set(changed[1])
        share = share_of(changed, both)
        if share > best + 0.01:
            if all(sum(text in both for text in side) == len(both) for side in changed):
                best, rule, made = share, words, changed
            else:
                refused = refused or words
    called = f"{', '.join(map(repr, theirs[:3]))}; the samples are called"
    called += f" {', '.join(map(repr, np.array(ours, dtype=object)[wanted][:3]))}."
    if refused and best < max(fewest, 1e-9):
        raise InputError(
            f"{name}: {best:.0%} of its ids meet those of the samples as they stand. It holds "
            f"{called} {refused[0].upper()}{refused[1:]} they would meet, but then several become "
            "one: name genes, or one transcript of each."
        )
    if 0 < best < fewest:
        raise InputError(
            f"{name}: its ids and those of the samples do not meet. Only {best:.0%} of either are "
            f"found in the other, and {fewest:.0%} are needed. It holds {called} Write both alike."
        )
    note = f"Genes of {name} were matched {rule} ({best:.0%} of the shorter list)."
    return _rows(*made), [note] if rule else []


def _refusal(
    genes: pd.DataFrame, theirs: list[str], name: str, nearest: tuple[float, str, pd.Series]
) -> str:
    """Say that ids do not meet, and why that may be."""
    best, rule, several = nearest
    share = _found(genes["id"].tolist(), theirs)
    called = ", ".join(repr(text) for text in theirs[:3])
    known = ", ".join(repr(text) for text in genes["id"].iloc[:3])
    shares = (
        f"{name}: only {share:.0%} of its {len(theirs):,} ids are genes of the annotation. It "
        f"holds {called}; the annotation holds {known}."
    )
    names = genes["name"][genes["name"] != ""].tolist()
    if len(several) and best >= FEWEST:
        rows = [theirs[row] for row in several.index[several == several.iloc[0]][:3]]
        return (
            f"{shares} {rule[0].upper()}{rule[1:]} they would meet, but then several rows are one "
            f"gene ({', '.join(rows)}): these look like transcripts. Sum them by gene first."
        )
    if best >= FEWEST:
        return f"{shares} {rule[0].upper()}{rule[1:]} they would meet, but then genes become one."
    if sum(text.isdecimal() for text in theirs) >= FEWEST * len(theirs):
        return (
            f"{shares} They look like Entrez ids: where the annotation has Dbxref or db_xref with "
            "GeneID, set samples.id_attribute to GeneID."
        )
    if _found(names, theirs) >= FEWEST:
        return f"{shares} They look like gene names: set samples.id_attribute to Name or gene_name."
    return (
        f"{shares} Name the attribute that holds these ids with samples.id_attribute, or use the "
        "annotation that the table was made with."
    )


def _found(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return which share of their ids is among ours."""
    known = set(ours)
    return sum(text in known for text in theirs) / max(len(theirs), 1)


def _rows(ours: Sequence[str], theirs: Sequence[str]) -> NDArray[np.int64]:
    row_of = {text: row for row, text in enumerate(theirs)}
    return np.array([row_of.get(text, -1) for text in ours], dtype=np.int64)
