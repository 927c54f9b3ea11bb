"""Where the label and the groups of a record come from: its header, or a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.samples.frames import MISSING, read_frame
from cistron.samples.genome.gene_ids import FEWEST, match_overlap
from cistron.samples.keys import GroupColumn, GroupFiles, LabelTable
from cistron.samples.records import Block
from cistron.samples.samples import Sequences

# Names of labels that say that there is none. Tables have no `MISSING` ones; headers may.
PLACEHOLDERS = re.compile(
    "un(known|assigned|labell?ed|classified|defined|determined)|not_assigned|ambiguous|debris|"
    "doublets?|multiplets?|low_quality|"
    + "|".join(sorted({re.escape(word.casefold()) for word in MISSING if word}))
)


@dataclass(eq=False)
class Records:
    """All records of the input, on their way to becoming samples.

    Parameters
    ----------
    table : DataFrame
        `id` (as in the input, not unique), `header`, `source`, `record` (1-based in its source),
        `label`, `weight` and `reason`: why the record is not used, or "".
    sequences : Sequences
    paths : list of Path
        Every file that was read.
    groups : dict of str to ndarray of object
        Group columns; None where there is no value.
    second : ndarray of object, optional
        What the input says of the second target; None where it says nothing.
    notes : list of str
    """

    table: pd.DataFrame
    sequences: Sequences
    paths: list[Path]
    groups: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    second: NDArray[np.object_] | None = None
    notes: list[str] = field(default_factory=list)

    def drop(self, rows: NDArray[np.bool_] | pd.Series, reason: str) -> None:
        """Mark rows as not used; a reason given before stays."""
        self.table.loc[np.asarray(rows) & self.used, "reason"] = reason

    @property
    def used(self) -> NDArray[np.bool_]:
        """Rows that no reason speaks against, shape (records,)."""
        return (self.table["reason"] == "").to_numpy(dtype=bool)

    def place(self, row: int) -> str:
        """Say where a record stands."""
        source, record = self.table.loc[row, ["source", "record"]]
        return f"record {record:,} of {source}"


def collect(blocks: Sequence[tuple[Block, Path]], labels: Sequence[str | None]) -> Records:
    """Put the blocks of all files together.

    Parameters
    ----------
    blocks : sequence of (Block, Path)
        Never empty: a file without a record is refused before.
    labels : sequence of str or None
        The label of every record of each block.
    """
    whole = Block.join([block for block, _ in blocks])
    sizes = [len(block) for block, _ in blocks]
    firsts = [np.arange(len(block)) + block.first_record for block, _ in blocks]
    sources = np.array([str(path) for _, path in blocks], dtype=object)
    table = pd.DataFrame(
        {
            "id": pd.Series(whole.ids, dtype=object),
            "header": pd.Series(whole.headers, dtype=object),
            "source": pd.Series(np.repeat(sources, sizes), dtype=object),
            "record": np.concatenate(firsts),
            "label": pd.Series(np.repeat(np.array(labels, dtype=object), sizes), dtype=object),
            "weight": 1.0,
            "reason": pd.Series(whole.problems, dtype=object),
        }
    )
    paths = list(dict.fromkeys(path for _, path in blocks))
    return Records(table, whole.sequences, paths, notes=whole.notes())


def capture(pattern: str, headers: Sequence[str]) -> NDArray[np.object_]:
    """Return what the pattern captures in each header; None where it does not match."""
    regex = re.compile(pattern)
    group = next(iter(regex.groupindex.values()), 1)
    found = (regex.search(header) for header in headers)
    values = [match.group(group) if match else None for match in found]
    return np.array([value.strip() or None if value else None for value in values], dtype=object)


def assign(
    records: Records,
    label: str | LabelTable | None,
    groups: Mapping[str, str | GroupColumn | GroupFiles],
) -> dict[str, str]:
    """Give the records their labels, where `label` says how, and their groups.

    Returns
    -------
    dict
        Where each group came from, in words.

    Raises
    ------
    InputError
        If labels or groups are not found.
    """
    headers = records.table["header"].tolist()
    if isinstance(label, LabelTable):
        columns = {n: g.column for n, g in groups.items() if isinstance(g, GroupColumn)}
        label_by_table(records, label, columns)
    elif label is not None:
        label_by_pattern(records, label)
    found, records.groups, origins = records.groups, {}, {}
    for name, group in groups.items():
        if isinstance(group, GroupColumn):
            records.groups[name] = found[name]
            origins[name] = f"the column {group.column!r} of the label table"
        elif isinstance(group, GroupFiles):
            records.groups[name] = _group_by_file(records, name, group)
            origins[name] = "the files of the group"
        else:
            records.groups[name] = capture(group, headers)
            origins[name] = f"the pattern {group!r}"
            vague = [value for value in records.groups[name].tolist() if value in MISSING]
            if vague:
                records.notes.append(
                    f"samples.groups.{name}: {len(vague):,} headers have the value "
                    f"{_quoted(sorted(set(vague)))}. They count as one group of that name."
                )
    return origins


def _group_by_file(records: Records, name: str, group: GroupFiles) -> NDArray[np.object_]:
    """Return each record's value of a group that is a matter of files."""
    values = {str(path): value for value, paths in group.files.items() for path in paths}
    read = [str(path) for path in records.paths]
    for path in read:
        if path not in values:
            raise InputError(
                f"samples.groups.{name}: no value has the file {path}.{nearest(path, values)} "
                "Name every file of the samples once."
            )
    if unread := sorted(values.keys() - set(read)):
        raise InputError(
            f"samples.groups.{name}: {unread[0]} is not among the files of the samples."
            f"{nearest(unread[0], read)}"
        )
    return records.table["source"].map(values).to_numpy(dtype=object)


def label_by_pattern(records: Records, pattern: str) -> None:
    """Take labels from the headers; records whose header does not match are not used.

    Raises
    ------
    InputError
        If no header matches.
    """
    labels = capture(pattern, records.table["header"].tolist())
    missing = pd.isna(labels)
    if missing.all():
        headers = "; ".join(records.table["header"].iloc[:3])
        raise InputError(
            f"samples.label: the pattern {pattern!r} matches none of the {len(labels):,} headers "
            f"of {records.paths[0]}, such as: {headers}. It is searched in the whole line behind "
            "the >."
        )
    records.table["label"] = pd.Series(labels, dtype=object)
    records.drop(missing, "the header does not match the label pattern")


def label_by_table(records: Records, source: LabelTable, columns: dict[str, str]) -> None:
    """Take labels and groups from a table, by id; records that are not in it are not used.

    Parameters
    ----------
    records : Records
    source : LabelTable
    columns : dict
        Group name → column of the table.

    Raises
    ------
    InputError
        See `look_up`.
    """
    frame, rows = look_up(records, source, list(columns.values()))
    unknown = rows < 0
    records.table["label"] = pd.Series(values_at(frame[source.column], rows), dtype=object)
    for group, column in columns.items():
        records.groups[group] = values_at(frame[column], rows)
    records.drop(unknown, "not in the label table")
    records.drop(records.table["label"].isna(), "no label in the label table")
    unused = np.setdiff1d(np.arange(len(frame)), rows)
    if len(unused):
        records.notes.append(
            f"Ids of {source.table} that are no record: {len(unused):,} "
            f"({_quoted(frame[source.id].iloc[unused[:3]])}{', …' if len(unused) > 3 else ''})."
        )


def look_up(
    records: Records, source: LabelTable, columns: Sequence[str] = ()
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Read a label table, and find the records in it.

    Parameters
    ----------
    records : Records
        The table is added to their paths.
    source : LabelTable
    columns : sequence of str
        Columns that are read beside the id and the label.

    Returns
    -------
    frame : DataFrame
    rows : ndarray of int, shape (records,)
        Row of each record in the frame; -1 where it has none.

    Raises
    ------
    InputError
        If the table says two things about one id, or fewer than half of its ids are records and
        of the records are in it (see `cistron.samples.genome.gene_ids.match_overlap`).
    """
    frame = read_frame(source.table, [source.id, source.column, *columns])
    frame = frame[frame[source.id].notna()].drop_duplicates(ignore_index=True)
    twice = frame[source.id].duplicated()
    if twice.any():
        name = frame[source.id][twice].iloc[0]
        of_name = frame[frame[source.id] == name].astype(object)
        said = next(column for column in frame if len(of_name[column].unique()) > 1)
        values = " and ".join(repr(value) for value in of_name[said].iloc[:2])
        raise InputError(
            f"{source.table} contradicts itself: {said} of {name!r} is {values} (ids with rows "
            f"that differ: {frame[source.id][twice].nunique():,}). Leave one row of each id."
        )
    place, ours = pd.factorize(records.table["id"])
    theirs = frame[source.id].tolist()
    rows, told = match_overlap(list(ours), theirs, str(source.table), fewest=FEWEST)
    records.notes += told
    if (rows < 0).all():
        raise InputError(
            f"{source.table} knows none of the {len(place):,} records. Its column {source.id!r} "
            f"holds {_quoted(theirs[:3])}; the records are called {_quoted(list(ours[:3]))}. An "
            "id is the first word of a header."
        )
    if source.table not in records.paths:
        records.paths.append(source.table)
    return frame, rows[place].astype(np.intp)


def placeholder_notes(classes: Sequence[str]) -> list[str]:
    """Return a note where classes are called as if nobody knew what their samples are."""
    vague = [name for name in classes if PLACEHOLDERS.fullmatch(name.casefold().replace(" ", "_"))]
    if not vague:
        return []
    kept = ", ".join(name for name in classes if name not in vague) or "…"
    return [
        f"Classes that may not be classes: {_quoted(vague)}. To leave their samples out, set "
        f"samples.only: [{kept}]."
    ]


def require_groups(records: Records, described: dict[str, str]) -> None:
    """Refuse samples without a group: groups must not be guessed.

    Parameters
    ----------
    records : Records
    described : dict
        Group name → where its values come from ("the pattern 'gene=([^|]+)'").

    Raises
    ------
    InputError
        Naming the first record without a value, and how many there are.
    """
    used = records.used
    for name, values in records.groups.items():
        missing = np.flatnonzero(used & pd.isna(values))
        if len(missing):
            row = int(missing[0])
            raise InputError(
                f"samples.groups.{name}: {described[name]} gives no value for {len(missing):,} of "
                f"{used.sum():,} records. The first is {records.place(row)}: "
                f"{records.table.loc[row, 'header']!r}. Every sample needs a group; mend the "
                "source of the groups or take these records out."
            )


def rename(records: Records, names: dict[str, str]) -> None:
    """Give labels other names.

    Raises
    ------
    InputError
        If no record carries one of the labels.
    """
    known = set(records.table["label"].dropna())
    for label in names:
        require_label(label, known, "rename")
    renamed = [names.get(label, label) for label in records.table["label"].tolist()]
    records.table["label"] = pd.Series(renamed, dtype=object)


def keep_only(records: Records, classes: Sequence[str]) -> None:
    """Drop the records of other classes.

    Raises
    ------
    InputError
        If no record is of one of the classes.
    """
    known = set(records.table["label"].dropna())
    for name in classes:
        require_label(name, known, "only")
    records.drop(~records.table["label"].isin(list(classes)), "of a class that is not in `only`")


def require_label(label: str, known: set[str], key: str) -> None:
    """Refuse a key of the samples that names a label which no record has."""
    if label not in known:
        there = ", ".join(sorted(known)[:20])
        raise InputError(
            f"samples.{key}: no record is labelled {label!r}. The labels are: {there}."
            f"{nearest(label, known)}"
        )


def values_at(column: pd.Series, rows: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return the values in the given rows of a column; None for row -1."""
    values = np.array([*column, None], dtype=object)
    return values[rows]  # row -1 is the None at the end


def _quoted(names: Sequence[str] | pd.Series) -> str:
    return ", ".join(repr(name) for name in names)
