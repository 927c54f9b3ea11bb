"""HDF5 files to write, which a full disk cannot make crash the process.

The HDF5 library ends the process when a write fails at the wrong moment. It is therefore given a
file whose writes never fail: from the first failure on they are kept in memory, and the error is
raised by `flush`, and when the file is closed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cistron.base.outputs import written

if TYPE_CHECKING:
    import h5py


@contextmanager
def hdf5_file(path: Path, mode: str = "w") -> Iterator[h5py.File]:
    """Yield an HDF5 file to write, anew ("w") or further ("r+").

    Call its `flush` now and then: after a failure everything stays in memory until then.

    Raises
    ------
    OSError
        If something could not be written.
    """
    import h5py

    class File(h5py.File):
        def flush(self) -> None:
            super().flush()
            stream.check()

    with path.open("w+b" if mode == "w" else "r+b", buffering=0) as raw:
        stream = _Unfailing(raw)
        with File(stream, mode) as file:
            yield file
        stream.check()


@contextmanager
def written_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file, which becomes `path` when the block ends (see `written`)."""
    with written(path) as draft, hdf5_file(draft) as file:
        yield file


class _Unfailing(io.RawIOBase):
    """A file whose writes are kept in memory once one has failed."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._at = 0
        self._kept: list[tuple[int, bytes]] = []
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the first error there was."""
        if self._error is not None:
            raise self._error

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end()}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        size = min(len(view), max(self._end() - self._at, 0))
        view[:size] = bytes(size)
        self._raw.seek(self._at)
        self._raw.readinto(view[:size])
        for start, data in self._kept:
            first, last = max(start, self._at), min(start + len(data), self._at + size)
            if first < last:
                view[first - self._at : last - self._at] = data[first - start : last - start]
        self._at += size
        return size

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        content = bytes(data)
        if self._error is None:
            try:
                self._raw.seek(self._at)
                left = memoryview(content)
                while left:
                    left = left[self._raw.write(left) :]
            except OSError as error:
                self._error = error
        if self._error is not None:
            self._kept.append((self._at, content))
        self._at += len(content)
        return len(content)

    def truncate(self, size: int | None = None) -> int:
        size = self._at if size is None else size
        if self._error is None:
            try:
                return self._raw.truncate(size)
            except OSError as error:
                self._error = error
        return size

    def _end(self) -> int:
        here = self._raw.seek(0, io.SEEK_END)
        return max([here, *(start + len(data) for start, data in self._kept)])
