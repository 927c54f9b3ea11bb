"""Matrices that stay in their file (HDF5 or zarr), of which only the rows asked for are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.errors import InputError

CHUNK = 2048  # rows that are best read together: some megabytes of counts
GAP = 8  # rows between two stretches that are sooner read than passed over
PIECE = 1 << 24  # numbers of a dense matrix, or of a sparse one, that are read at once


@contextmanager
def open_store(path: Path) -> Iterator[Any]:
    """Open an HDF5 file, or a zarr folder, for reading.

    It is opened anew for each reading, which takes a millisecond: so that a matrix can be sent to
    other processes, and no file stays open.

    Raises
    ------
    InputError
        If it cannot be opened; while it is read, if it is damaged.
    """
    import h5py

    try:
        if path.is_dir():
            yield open_zarr(path)
        else:
            with h5py.File(path, "r") as file:
                yield file
    except InputError:
        raise
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        # What h5py, zarr and anndata raise where bytes are not what they should be.
        raise InputError(
            f"{path} is damaged or cut short and cannot be read ({_first(error)}). Copy or "
            "download it again."
        ) from error


def open_zarr(path: Path) -> Any:
    """Open a zarr folder.

    Raises
    ------
    InputError
        If zarr is not installed, or cannot read the folder.
    """
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            f"{path} is a zarr folder, and zarr is not installed. Install it with: pip install "
            "'cistron[cells]'."
        ) from error
    try:
        return zarr.open_group(str(path), mode="r")
    except (ValueError, KeyError, OSError) as error:
        raise InputError(f"{path} is no readable zarr group: {_first(error)}.") from error


@dataclass(frozen=True, eq=False)
class StoredRows:
    """A compressed sparse matrix in a file, whose rows stand one behind the other (CSR).

    Parameters
    ----------
    path : Path
    key : str
        The group of the file with the arrays `data` and `indices`.
    indptr : ndarray of int64, shape (rows + 1,)
        Where each row begins.
    width : int
        Number of columns.
    """

    path: Path
    key: str
    indptr: NDArray[np.int64]
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return len(self.indptr) - 1, self.width

    @property
    def chunk(self) -> int:
        """Rows that are best read together."""
        return CHUNK

    @property
    def bytes(self) -> int:
        """What it would take in memory."""
        return 8 * int(self.indptr[-1])

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return rows in the order given; consecutive ones are read in one go."""
        ordered, back = np.unique(rows, return_inverse=True)
        sizes = np.diff(self.indptr)[ordered] if len(ordered) else np.empty(0, np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        data = np.empty(starts[-1], dtype=np.float32)
        indices = np.empty(starts[-1], dtype=np.int32)
        with open_store(self.path) as store:
            stored = store[f"{self.key}/data"], store[f"{self.key}/indices"]
            for first, last in stretches(ordered, GAP):
                self._fill(stored, ordered[first:last], data, indices, starts[first])
        require_inside(indices, self.width, self.path, self.key)
        matrix = sparse.csr_matrix((data, indices, starts), shape=(len(ordered), self.width))
        matrix.sort_indices()
        return matrix if np.array_equal(back, np.arange(len(back))) else matrix[back]

    def _fill(
        self,
        stored: tuple[Any, Any],
        rows: NDArray[np.int64],
        data: NDArray[np.float32],
        indices: NDArray[np.int32],
        place: int,
    ) -> None:
        """Read nearby rows, ascending, into `data` and `indices` from `place`."""
        begin, end = int(self.indptr[rows[0]]), int(self.indptr[rows[-1] + 1])
        full = rows[-1] - rows[0] == len(rows) - 1
        for first in range(begin, end, PIECE):
            last = min(first + PIECE, end)
            if full:
                part = slice(place + first - begin, place + last - begin)
                data[part], indices[part] = stored[0][first:last], stored[1][first:last]
                continue
            inside = np.zeros(last - first, dtype=bool)
            for row in rows:
                a, b = self.indptr[row] - first, self.indptr[row + 1] - first
                inside[max(a, 0) : max(b, 0)] = True
            part = slice(place, place + int(inside.sum()))
            data[part] = stored[0][first:last][inside]
            indices[part] = stored[1][first:last][inside]
            place = part.stop


@dataclass(frozen=True, eq=False)
class StoredDense:
    """A dense matrix in a file, read a part at a time.

    Parameters
    ----------
    path : Path
    key : str
        The array.
    shape : tuple of int
    """

    path: Path
    key: str
    shape: tuple[int, int]

    @property
    def chunk(self) -> int:
        """Rows that are best read together."""
        return CHUNK

    @property
    def bytes(self) -> int:
        """What it would take in memory if no number were zero."""
        return 8 * self.shape[0] * self.shape[1]

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return rows in the order given; consecutive ones are read in one go."""
        ordered, back = np.unique(rows, return_inverse=True)
        parts = [sparse.csr_matrix((0, self.shape[1]), dtype=np.float32)]
        most = max(1, PIECE // max(self.shape[1], 1))
        with open_store(self.path) as store:
            array = store[self.key]
            for first, last in stretches(ordered, 0):
                for start in range(int(ordered[first]), int(ordered[last - 1]) + 1, most):
                    stop = min(start + most, int(ordered[last - 1]) + 1)
                    parts.append(sparse.csr_matrix(array[start:stop], dtype=np.float32))
        matrix = sparse.vstack(parts, format="csr")
        return matrix if np.array_equal(back, np.arange(len(back))) else matrix[back]


def require_complete(group: Any, indptr: NDArray[np.int64], path: Path, key: str) -> None:
    """Refuse a sparse matrix whose rows begin where it has no numbers.

    Raises
    ------
    InputError
    """
    stored = min(int(group[name].shape[0]) for name in ("data", "indices"))
    if not len(indptr) or indptr[0] != 0 or (np.diff(indptr) < 0).any() or indptr[-1] > stored:
        raise InputError(
            f"{path}: {key} is damaged: it has {stored:,} numbers, and its rows need "
            f"{indptr.max(initial=0):,}. Copy or download the file again."
        )


def require_inside(indices: NDArray[np.int32], width: int, path: Path, key: str) -> None:
    """Refuse numbers of genes, or cells, that do not exist.

    Raises
    ------
    InputError
    """
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < width:
        raise InputError(f"{path}: {key} is damaged: it has numbers of genes that do not exist.")


def stretches(rows: NDArray[np.int64], gap: int) -> list[tuple[int, int]]:
    """Return where ascending rows are consecutive, but for gaps: positions, half-open."""
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) > gap + 1) + 1
    return list(zip([0, *breaks.tolist()], [*breaks.tolist(), len(rows)], strict=True))


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no reason"
