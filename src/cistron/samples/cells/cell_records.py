"""Cells of all files on their way to becoming samples: ids, labels, filters, notes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.base.files import checksums, sha256
from cistron.samples.cells.cell_file import CellFile, which_are_genes
from cistron.samples.cells.cell_keys import LabelColumn
from cistron.samples.cells.cell_numbers import Numbers
from cistron.samples.labels import Records, require_label
from cistron.samples.samples import Samples
from cistron.targets.kinds import target_of

_SUFFIXES = (".gz", ".h5ad", ".h5", ".zarr", ".csv", ".tsv", ".tab", ".txt", ".mtx")


def name_files(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: its own without endings, where that is unique; else its path."""
    names = []
    for path in paths:
        name = path.name
        while Path(name).suffix.lower() in _SUFFIXES and Path(name).stem:
            name = Path(name).stem
        names.append(name)
    return [
        name if names.count(name) == 1 else str(path)
        for name, path in zip(names, paths, strict=True)
    ]


def make_records(
    files: Sequence[CellFile],
    names: Sequence[str],
    labels: Sequence[str | None],
    payload: Counts,
    *,
    number: bool,
) -> Records:
    """Put the cells of all files in one table, with unique ids.

    Parameters
    ----------
    files, names, labels : sequences, one for each file
        `names` are those of the files, `labels` those of all of its cells, if any.
    payload : Counts
    number : bool
        Whether cells of one file that have the same name become name, name#2, …

    Raises
    ------
    InputError
        If two cells of one file have the same name, and they are not to be numbered.
    """
    sizes = [len(file.barcodes) for file in files]
    barcodes = np.concatenate([file.barcodes for file in files])
    table = pd.DataFrame(
        {
            "id": pd.Series(barcodes, dtype=object),
            "header": pd.Series(barcodes, dtype=object),
            "source": pd.Series(np.repeat([str(file.path) for file in files], sizes), dtype=object),
            "record": np.concatenate([np.arange(1, size + 1) for size in sizes]),
            "label": pd.Series(np.repeat(np.array(labels, dtype=object), sizes), dtype=object),
            "weight": 1.0,
            "reason": pd.Series([""] * len(barcodes), dtype=object),
        }
    )
    paths = list(dict.fromkeys(path for file in files for path in file.paths))
    records = Records(table, payload, paths)  # type: ignore[arg-type]
    owner = np.repeat(np.arange(len(files)), sizes)
    _tell_files_apart(records, owner, names)
    _number(records, owner, files, number)
    return records


def _tell_files_apart(records: Records, owner: NDArray[np.int64], names: Sequence[str]) -> None:
    """Put the name of the file before barcodes that several files have."""
    ids = records.table["id"]
    distinct = pd.DataFrame({"id": ids, "owner": owner}).drop_duplicates()
    shared = ids.isin(distinct["id"][distinct["id"].duplicated()]).to_numpy()
    if not shared.any():
        return
    new_ids = [f"{names[owner[row]]}:{ids[row]}" for row in np.flatnonzero(shared)]
    records.table.loc[shared, "id"] = new_ids
    records.notes.append(
        f"Barcodes that several files have: {len(set(ids[shared])):,}; the name of the file was "
        f"put before them, as in {new_ids[0]}."
    )


def _number(
    records: Records, owner: NDArray[np.int64], files: Sequence[CellFile], number: bool
) -> None:
    ids = records.table["id"]
    turn = ids.groupby(ids, sort=False).cumcount().to_numpy()
    again = np.flatnonzero(turn)
    if not len(again):
        return
    first = ids[again[0]]
    file = files[owner[again[0]]]
    problem = f"{len(set(ids[again])):,} names of cells stand more than once, such as {first!r}"
    if not number:
        raise InputError(
            f"{file.path}: {problem}. A cell needs a name of its own: make them unique (AnnData: "
            "adata.obs_names_make_unique()), or set samples.number_cells: true, which calls them "
            f"{first}, {first}#2, …"
        )
    unique, taken = ids.to_numpy(dtype=object).copy(), set(ids)
    for row in again.tolist():
        count = int(turn[row]) + 1
        while f"{unique[row]}#{count}" in taken:
            count += 1
        unique[row] = f"{unique[row]}#{count}"
        taken.add(unique[row])
    records.table["id"] = pd.Series(unique, dtype=object)
    records.notes.append(
        f"{file.path}: {problem}; later ones were numbered, as {unique[again[0]]}."
    )


def refuse_swapped(files: Sequence[CellFile]) -> None:
    """Refuse a file whose rows are genes and whose columns are cells, where the names prove it.

    Raises
    ------
    InputError
        Naming the file and what tells.
    """
    for file in files:
        which, why = which_are_genes(file.barcodes, file.genes)
        if which == "first":
            raise InputError(
                f"{file.path} has its genes and cells swapped: among the names of its "
                f"{len(file.barcodes):,} cells and {len(file.genes):,} genes, {why}. Turn it "
                "(AnnData: adata.T; a table: samples.orientation)."
            )


def label_cells(records: Records, values: pd.Series, label: str | LabelColumn) -> list[str]:
    """Give the cells their labels; return the classes in the order in which they were declared.

    Raises
    ------
    InputError
        If no cell has a value that a class names.
    """
    texts = values.to_numpy(dtype=object)
    if isinstance(label, str):
        records.table["label"] = pd.Series(texts, dtype=object)
        records.drop(pd.isna(texts), "no label")
        return []
    known = {text for text in texts if text is not None}
    for value in (value for values in label.classes.values() for value in values):
        require_label(value, known, "label.classes")
    of = {value: name for name, values in label.classes.items() for value in values}
    records.table["label"] = pd.Series([of.get(text) for text in texts], dtype=object)
    records.drop(pd.isna(texts), "no label")
    others = Counter(text for text in texts if text is not None and text not in of)
    for value, count in sorted(others.items()):
        records.drop(texts == value, f"{label.column} is {value!r}, which no class names")
        records.notes.append(
            f"Cells left out because no class names their {label.column} {value!r}: {count:,}."
        )
    return list(label.classes)


def weigh_cells(records: Records, values: pd.Series, column: str) -> None:
    """Give the cells their weights.

    Raises
    ------
    InputError
        If one is no number from 0 up.
    """
    weights = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = np.flatnonzero(records.used & ~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"samples.weight: {values.loc[row]!r} in the column {column!r} is no weight "
            f"({records.place(row)}; {len(wrong):,} in all). A weight is a number from 0 up."
        )
    records.table["weight"] = weights


def arrangement_notes(records: Records, payload: Counts) -> list[str]:
    """Say where cells that are read from their file stand sorted by label or group."""
    if not payload.chunk:
        return []
    used = np.flatnonzero(records.used)
    columns = {"label": records.table["label"].to_numpy(dtype=object), **records.groups}
    notes = []
    for name, values in columns.items():
        numbers = pd.factorize(values[used])[0]
        kinds = len(np.unique(numbers))
        runs = 1 + int((np.diff(numbers) != 0).sum())
        if kinds > 1 and runs <= 2 * kinds and len(used) > payload.chunk:
            notes.append(
                f"The cells stand in the file sorted by {name} ({runs:,} stretches of {kinds:,} "
                f"values): batches are mixed from stretches of {payload.chunk:,} cells, read in "
                "random order. A file in random order mixes them better."
            )
    return notes


def group_notes(groups: Mapping[str, NDArray[np.object_]], used: NDArray[np.bool_]) -> list[str]:
    """Say which groups have a single cell."""
    notes = []
    for name, values in groups.items():
        sizes = pd.Series(values[used]).value_counts()
        single = sorted(sizes.index[sizes == 1])
        if single:
            shown = ", ".join(single[:5]) + (", …" if len(single) > 5 else "")
            notes.append(f"Groups of {name} with a single cell: {len(single):,} ({shown}).")
    return notes


def cell_samples(
    records: Records, payload: Counts, numbers: Numbers, classes: Sequence[str]
) -> Samples:
    """Return the cells that are used as samples."""
    used = records.used
    table = records.table.loc[used, ["id", "label", "weight"]].reset_index(drop=True)
    for name, values in records.groups.items():
        table[name] = pd.Series(values[used], dtype=object)
    table["counts"] = numbers.counts[used]
    table["detected"] = numbers.detected[used]
    dropped = records.table.loc[~used, ["id", "source", "record", "reason"]]
    return Samples(
        table=table,
        payload=payload.take(np.flatnonzero(used)),
        target=target_of(classes),
        groups=tuple(records.groups),
        dropped=dropped.reset_index(drop=True),
        notes=tuple(records.notes),
        sources=_checksums(records.paths),
    )


def _checksums(paths: Sequence[Path]) -> dict[str, str]:
    """Return the checksum of each file, and of each folder: that of the list of its files."""
    digests = checksums(list(paths))
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            lines = [f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
            digests[str(path)] = hashlib.sha256("".join(lines).encode()).hexdigest()
    return digests
