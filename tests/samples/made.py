"""What the tests of this folder share."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cistron.base.errors import InputError


def fasta(path: Path, records: dict[str, str]) -> Path:
    """Write records, header → sequence."""
    path.write_text("".join(f">{header}\n{text}\n" for header, text in records.items()))
    return path


def proteins(n: int, seed: int = 0, length: int = 40) -> list[str]:
    """Return n random proteins, all different."""
    rng = np.random.default_rng(seed)
    return ["".join(row) for row in rng.choice(list("ARNDCQEGHILKMFPSTWYV"), (n, length))]


def compress(path: Path, name: str) -> Path:
    """Write a gzip copy under another name."""
    target = path.with_name(name)
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Make data the standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@contextlib.contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Give up the rights of root, who may read and write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def refused(*parts: object) -> Iterator[None]:
    """Expect an InputError of whole sentences that holds all the parts."""
    with pytest.raises(InputError) as caught:
        yield
    message = str(caught.value)
    missing = [str(part) for part in parts if str(part) not in message]
    assert not missing, f"{missing} not in: {message}"
    assert message.endswith((".", "?")) or ": " in message
