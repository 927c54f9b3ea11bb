"""Samples that are scored, of those that a split holds out: a list such as deepCRE's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import looks_like, open_input
from cistron.base.settings import InputPath
from cistron.samples.genome.gene_ids import FEWEST, match_overlap
from cistron.samples.records import decode_utf8
from cistron.samples.samples import Samples
from cistron.splits.allocate import balance
from cistron.splits.split import PARTS, TEST, UNUSED, VALIDATION, Split

OnlyTest = Annotated[
    InputPath | None,
    Field(
        description="file with the ids of the samples that are scored, one a line, or the first "
        "column of a CSV or TSV table: other samples train, but are left out where they would be "
        "validated or tested; null: all are scored"
    ),
]


def count_only(split: Split, samples: Samples, path: Path | None) -> Split:
    """Return a split that validates and tests only the samples of a list.

    Others are in no part while their fold is tested or stops training, and train in all others.

    Parameters
    ----------
    split : Split
    samples : Samples
    path : Path, optional
        See `OnlyTest`; nothing changes without. Ids are compared as
        `cistron.samples.genome.gene_ids.match_overlap` does.

    Raises
    ------
    InputError
        If the file cannot be read, fewer than half of either side meet, or a part has no sample of
        the list.
    """
    counted = listed_rows(samples, path)
    if counted is None or path is None:
        return split
    listed, where = len(_read(path)), f"split.only_test: {path}"
    part = np.where(counted | ~np.isin(split.part, [VALIDATION, TEST]), split.part, UNUSED)
    left_out = {name: int(((split.part == p) & (part != p)).sum()) for p, name in enumerate(PARTS)}
    for p in (VALIDATION, TEST):
        if (split.part == p).any() and not (part == p).any():
            raise InputError(
                f"{where} holds no sample of the {PARTS[p]} part. Hold other samples out, or use a "
                "list that has some of them."
            )
    details: Document = {
        "file": str(path),
        "listed": listed,
        "no_sample": listed - int(counted.sum()),
        "not_listed": int((~counted).sum()),
        "left_out": {name: left_out[name] for name in ("validation", "test")},
    }
    changed = {**split.details, "only_test": details}
    if "balance" in changed:
        changed["balance"] = balance(part, samples.strata, PARTS)
    made = replace(split, part=part.astype(np.int8), counted=counted, details=changed)
    return replace(made, reason=f"{split.reason}{scored_sentence(made)}")


def listed_rows(samples: Samples, path: Path | None) -> NDArray[np.bool_] | None:
    """Return which samples are in a list, shape (n,); None without one. See `count_only`."""
    if path is None:
        return None
    where = f"split.only_test: {path}"
    rows, _ = match_overlap(samples.ids.tolist(), _read(path), where, fewest=FEWEST)
    return rows >= 0


def scored_sentence(split: Split) -> str:
    """Return what to add to a reason about the samples that are left out; empty without a list."""
    told = split.details.get("only_test")
    if not told:
        return ""
    lost = told["left_out"]
    return (
        f" Only samples of {told['file']} are scored: {told['not_listed']:,} are not in it, of "
        f"which {lost['test']:,} test and {lost['validation']:,} validation samples are left out. "
        f"{told['no_sample']:,} of its {told['listed']:,} ids are no sample."
    )


def require_scored_folds(split: Split) -> None:
    """Refuse a cross-validation of which a fold has no sample of the list.

    Raises
    ------
    InputError
    """
    names = split.details.get("folds") or [str(k) for k in range(split.folds)]
    scored = np.bincount(split.fold[split.tested], minlength=split.folds)
    for name, count in zip(names, scored, strict=True):
        if not count:
            raise InputError(
                f"split.only_test: the list holds no sample of the fold {name}, which a "
                "cross-validation tests. Pool such folds (a chromosome split: pool_below), leave "
                "their samples out, or use fit."
            )


def _read(path: Path) -> list[str]:
    with open_input(path) as source:
        kind, remedy = looks_like(source.head)
        if kind:
            raise InputError(
                f"split.only_test: {source.name} looks like {kind}, not a list of ids. "
                f"{remedy if 'gzip' in remedy else 'Write one id a line.'}"
            )
        text = decode_utf8(source.stream.read(), source.name)
    ids = [re.split(r"[\t,;]", line)[0].strip().strip('"') for line in text.splitlines()]
    return list(dict.fromkeys(name for name in ids if name))
