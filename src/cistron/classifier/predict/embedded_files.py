"""Files of embeddings: written a window at a time, read by anyone's tools.

One vector a protein: `.parquet` has a column `id` and one a feature; `.npz` and `.h5` hold `ids`
and `embeddings`, shape (proteins, width). One vector a residue: `.npz` holds `ids` and, for the
protein in row 7, an array "7", shape (length, width), which is read alone; `.h5` holds `ids`,
`embeddings`, shape (residues, width), and `offsets`: protein 7 is
`embeddings[offsets[7]:offsets[8]]`.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from cistron.base.arrays import Array
from cistron.base.hdf5 import hdf5_file
from cistron.base.ragged import Ragged

FORMATS = (".parquet", ".npz", ".h5")
Write = Callable[[list[str], Ragged], None]
"""Appends proteins: their ids, and their embeddings; pooled ones have one position each."""


def open_output(
    suffix: str, path: Path, width: int, residues: bool
) -> AbstractContextManager[Write]:
    """Return a context manager that yields a `Write`; the file is complete when it ends."""
    if suffix == ".parquet":
        return _parquet(path, width)
    if suffix == ".h5":
        return _hdf5(path, width, residues)
    return _npz_of_residues(path) if residues else _npz(path, width)


@contextmanager
def _parquet(path: Path, width: int) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"embedding_{number + 1}" for number in range(width)]
    schema = pa.schema([("id", pa.string()), *[(name, pa.float32()) for name in names]])
    # Neither encoding saves anything where no two values are equal.
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=["id"]) as writer:

        def write(ids: list[str], rows: Ragged) -> None:
            columns = [pa.array(ids, pa.string()), *np.ascontiguousarray(rows.values.T)]
            writer.write_table(pa.table(columns, schema=schema))

        yield write


@contextmanager
def _npz(path: Path, width: int) -> Iterator[Write]:
    """Collect the matrix in a file: the archive wants its shape before its content."""
    names: list[str] = []
    with tempfile.TemporaryFile(dir=path.parent) as rows_file:

        def write(ids: list[str], rows: Ragged) -> None:
            names.extend(ids)
            rows_file.write(np.ascontiguousarray(rows.values).data)

        yield write
        rows_file.seek(0)
        with zipfile.ZipFile(path, "w") as archive:
            _member(archive, "ids", np.array(names, dtype=str))
            with archive.open("embeddings.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f4", "fortran_order": False, "shape": (len(names), width)}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(rows_file, member, 1 << 20)


@contextmanager
def _npz_of_residues(path: Path) -> Iterator[Write]:
    names: list[str] = []
    with zipfile.ZipFile(path, "w") as archive:

        def write(ids: list[str], rows: Ragged) -> None:
            for row in range(len(rows)):
                _member(archive, str(len(names) + row), rows[row])
            names.extend(ids)

        yield write
        _member(archive, "ids", np.array(names, dtype=str))


def _member(archive: zipfile.ZipFile, name: str, values: Array) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)


@contextmanager
def _hdf5(path: Path, width: int, residues: bool) -> Iterator[Write]:
    import h5py

    names: list[str] = []
    offsets = [np.zeros(1, dtype=np.int64)]
    with hdf5_file(path) as file:
        chunk = max(1, (1 << 20) // (4 * width))
        values = file.create_dataset(
            "embeddings", (0, width), "float32", maxshape=(None, width), chunks=(chunk, width)
        )

        def write(ids: list[str], rows: Ragged) -> None:
            names.extend(ids)
            begin = len(values)
            values.resize(begin + len(rows.values), axis=0)
            values[begin:] = rows.values
            offsets.append(rows.offsets[1:] + begin)
            file.flush()  # a full disk is noticed here

        yield write
        file.create_dataset("ids", data=names, dtype=h5py.string_dtype())
        if residues:
            file.create_dataset("offsets", data=np.concatenate(offsets))
