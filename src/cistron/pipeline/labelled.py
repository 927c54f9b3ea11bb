"""Records of a new file with what is known of them: sequences and labels, window by window."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import open_input
from cistron.samples.frames import is_table, read_frame
from cistron.samples.labels import capture
from cistron.samples.samples import Samples
from cistron.samples.sequences.fasta import iter_records
from cistron.samples.sequences.stream import stream

Sources = str | Path | Mapping[str, str | Path]


@dataclass(frozen=True)
class NewLabels:
    """Where the labels of new sequences are.

    Parameters
    ----------
    label : str, optional
        Of a table the column with the label; of FASTA a regular expression with one group that is
        searched in every header, as `samples.label` of an experiment file. Not read where each
        class has a file of its own.
    columns : dict
        Of a table: the names of the `id` and `sequence` columns.
    rename : dict
        Label in the file → class of the classifier.
    """

    label: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Window:
    """Records that follow one another in a file.

    Parameters
    ----------
    samples : Samples
        The usable records; the others are in `dropped`.
    labels : Series of str or None
        Of the usable records.
    first : int
        Records of the file before the window.
    """

    samples: Samples
    labels: pd.Series
    first: int


def classes_in(source: str) -> Sources:
    """Return the file of each class where the source is `CLASS=FILE,CLASS=FILE`, else the source.

    Raises
    ------
    InputError
        If only some of the parts name a class.
    """
    parts = [part.strip() for part in source.split(",")]
    if "=" not in source or Path(source).exists():
        return source
    if not all(re.fullmatch(r"[^=]+=.+", part) for part in parts):
        raise InputError(
            f"{source}: some parts have no class. Write CLASS=FILE,CLASS=FILE, or give one file "
            "and --label."
        )
    files = dict(part.split("=", 1) for part in parts)
    if len(files) < len(parts):
        raise InputError(f"{source}: a class is named twice. Join its files first.")
    return dict(files)


def labelled_windows(
    source: Sources, alphabet: str, how: NewLabels, window: int
) -> Iterator[Window]:
    """Read files with labels, a window of records at a time.

    Raises
    ------
    InputError
        If a file cannot be read, has no such column, or no header matches.
    """
    files = source.items() if isinstance(source, Mapping) else [(None, source)]
    columns: Document = dict(how.columns)
    for name, path in files:
        labels = _labels(str(path), name, alphabet, how)
        first = 0
        for samples in stream(path, alphabet, window, **columns):
            total = len(samples) + len(samples.dropped)
            unused = samples.dropped["record"].to_numpy(dtype=np.int64) - 1
            rows = np.setdiff1d(np.arange(first, first + total), unused)
            known = labels[rows] if labels is not None else [name] * len(rows)
            texts = pd.Series(known, dtype=object).replace(dict(how.rename))
            yield Window(samples, texts, first)
            first += total


def _labels(path: str, name: str | None, alphabet: str, how: NewLabels) -> np.ndarray | None:
    """Return the label of every record of a file; None where the file is one class."""
    if name is not None:
        return None
    if path == "-" or Path(path).is_dir() or how.label is None:
        raise InputError(
            f"{path}: labels are read from one FASTA file or table on disk, with --label PATTERN "
            "or COLUMN, or from a file of each class (CLASS=FILE,CLASS=FILE)."
        )
    with open_input(path) as opened:
        table = is_table(opened)
    if table:
        return read_frame(path, [how.label])[how.label].to_numpy(dtype=object)
    return _captured(path, alphabet, how.label)


def _captured(path: str, alphabet: str, pattern: str) -> np.ndarray:
    mend = 'Give a pattern with one group, such as --label "class=(\\w+)".'
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise InputError(
            f"--label {pattern}: the pattern is not valid ({error}). {mend}"
        ) from error
    if groups != 1:
        raise InputError(f"--label {pattern}: the pattern has {groups} groups. {mend}")
    headers = [text for block in iter_records(path, alphabet) for text in block.headers]
    labels = capture(pattern, headers)
    if not any(label is not None for label in labels):
        raise InputError(
            f"--label {pattern}: no header of {path} matches. The first header is {headers[0]!r}."
        )
    return labels


def reasons(parts: Sequence[pd.Series]) -> dict[str, int]:
    """Return how often each reason stands in the parts."""
    every = pd.concat(list(parts), ignore_index=True) if parts else pd.Series(dtype=object)
    return {str(reason): int(n) for reason, n in every.value_counts().items()}
