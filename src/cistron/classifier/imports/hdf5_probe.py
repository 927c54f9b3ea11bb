"""Reads every attribute and array of an HDF5 file from standard input, run as a program.

The HDF5 library goes round for ever, or ends the process, at some damaged files. Here that ends
nothing but this.
"""

from __future__ import annotations

import io
import sys

import h5py

MOST_NUMBERS = 500_000_000  # of an array


def touch(item: h5py.Group | h5py.Dataset) -> None:
    """Read what an object holds; an array that is too large is left to who reads the file."""
    dict(item.attrs)
    if isinstance(item, h5py.Dataset) and item.size is not None and item.size < MOST_NUMBERS:
        item[()]


def main() -> None:
    """Read the file."""
    with h5py.File(io.BytesIO(sys.stdin.buffer.read()), "r") as file:
        touch(file)
        file.visititems(lambda _, item: touch(item))


if __name__ == "__main__":
    main()
