"""Keep the results of searches on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from cistron.samples.samples import Sequences
from cistron.splits.search.hits import Hits

FORMAT = 2  # 2: low-complexity sequences are searched again


def cache_path(queries: Sequences, targets: Sequences | None, settings: tuple[object, ...]) -> Path:
    """Return where the result of a search is kept: its name is made of all that decides it.

    The folder is the environment variable CISTRON_CACHE, or ~/.cache/cistron/search.
    """
    digest = hashlib.sha256(repr((FORMAT, *settings, targets is None)).encode())
    for sequences in (queries, queries if targets is None else targets):
        digest.update(sequences.alphabet.name.encode())
        digest.update(np.ascontiguousarray(sequences.offsets, dtype=np.int64).data)
        digest.update(np.ascontiguousarray(sequences.values).data)
    named = os.environ.get("CISTRON_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "cistron" / "search"
    return folder / f"{digest.hexdigest()}.npz"


def load_hits(path: Path) -> Hits | None:
    """Return the hits of a file, or None where it is absent or damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            columns = [stored[f.name] for f in fields(Hits)]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        return None
    return Hits(*columns) if len({column.shape for column in columns}) == 1 else None


def save_hits(path: Path, hits: Hits) -> None:
    """Write a file that is whole or not there at all; a full or read-only disk is no error."""
    columns = {f.name: getattr(hits, f.name) for f in fields(Hits)}
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **columns)
        Path(part).replace(path)
    except OSError:
        if part is not None:
            Path(part).unlink(missing_ok=True)
