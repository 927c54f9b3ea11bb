"""Keep embeddings on disk: computed once, by whichever run comes first, and used by all.

A folder holds the embeddings of one model, layer and pooling, in shards: safetensors files that are
written under another name, renamed when they are whole, and never changed. Several processes may
therefore write one folder at once. Each row carries a checksum, which is compared when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from time import monotonic, time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cistron.base.arrays import Arrays
from cistron.base.progress import SILENT, Reporter
from cistron.samples.samples import Sequences

FORMAT = 1
SHARD_BYTES = 64 << 20
SHARD_SECONDS = 30.0  # what a killed job may lose
ABANDONED = 86_400.0  # seconds after which a file that is half written is nobody's
SMALL_BYTES, MANY = 4 << 20, 32  # so many shards smaller than this become one


@dataclass(frozen=True)
class EmbeddingKey:
    """All that decides the numbers, apart from the sequence.

    Parameters
    ----------
    fingerprint : str
        SHA-256 of the language model's configuration and weights.
    layer : int
    pooling : {"mean", "max", "cls", "residues"}
    window, overlap : int
        How sequences longer than the model reads are cut, in residues.
    precision : str
        In which the model computes.
    alphabet : str
    """

    fingerprint: str
    layer: int
    pooling: str
    window: int
    overlap: int
    precision: str
    alphabet: str = "protein"

    @property
    def folder(self) -> Path:
        """Where these embeddings are: under CISTRON_CACHE, or ~/.cache/cistron."""
        text = json.dumps([FORMAT, *asdict(self).values()])
        return cache_folder() / hashlib.sha256(text.encode()).hexdigest()[:32]


def cache_folder() -> Path:
    """Return the folder of all embeddings of this user."""
    named = os.environ.get("CISTRON_CACHE")
    return (Path(named) if named else Path.home() / ".cache" / "cistron") / "embeddings"


def sequence_digests(sequences: Sequences) -> list[bytes]:
    """Return a digest (BLAKE2b, 16 bytes) of the letters of each sequence."""
    letters = np.frombuffer(sequences.alphabet.letters.encode(), dtype=np.uint8)
    text = memoryview(letters[sequences.values].tobytes())
    ends = sequences.offsets.tolist()
    return [
        hashlib.blake2b(text[start:end], digest_size=16).digest() for start, end in pairwise(ends)
    ]


class EmbeddingCache:
    """The embeddings of one folder.

    Parameters
    ----------
    folder : Path
        Made when something is written.
    about : dict
        What stands in about.json, for people: the model's name and the key.
    reporter : Reporter, optional
        Is told of damage.
    """

    def __init__(
        self, folder: Path, about: dict[str, str | int], reporter: Reporter = SILENT
    ) -> None:
        self.folder, self.about, self.reporter = folder, about, reporter
        self._shards: dict[Path, _Shard] = {}
        self._places: dict[bytes, tuple[Path, int]] = {}
        self.refresh()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places

    def __len__(self) -> int:
        return len(self._places)

    def refresh(self) -> None:
        """Take in the shards that other processes wrote since the last look."""
        there = set(self.folder.glob("*.safetensors")) if self.folder.is_dir() else set()
        if set(self._shards) - there:  # merged or deleted by someone: look anew
            self._shards, self._places = {}, {}
        for path in sorted(there - set(self._shards)):
            try:
                shard = _Shard.open(path)
            except OSError:
                continue  # merged by another process, or not ours to read
            except (SafetensorError, KeyError, ValueError) as error:
                self._discard(path, str(error))
                continue
            self._shards[path] = shard
            for row, digest in enumerate(shard.digests):
                self._places.setdefault(digest, (path, row))

    def in_order(self, digests: list[bytes]) -> NDArray[np.int64]:
        """Return the positions of the digests that are there, in the order of the disk."""
        stored = [i for i, digest in enumerate(digests) if digest in self._places]
        return np.array(sorted(stored, key=lambda i: self._places[digests[i]]), dtype=np.int64)

    def read(self, digest: bytes) -> NDArray[np.float32] | None:
        """Return one embedding, shape (positions, width); None where it is absent or damaged.

        Pooled embeddings have one position. A damaged shard is deleted; its rows are missing then.
        """
        place = self._places.get(digest)
        if place is None:
            return None
        path, row = place
        try:
            return self._shards[path].read(row)
        except (SafetensorError, ValueError) as error:
            self._discard(path, str(error))
            return None

    @contextmanager
    def writing(self) -> Iterator[_Writer]:
        """Yield a writer; what it was given is on disk afterwards, also after an interruption."""
        writer = _Writer(self)
        try:
            yield writer
        finally:
            writer.flush()
            self.refresh()
            self._merge()
            _sweep(self.folder)

    def _discard(self, path: Path, reason: str) -> None:
        """Forget and delete a damaged shard."""
        self._shards.pop(path, None)
        self._places = {d: place for d, place in self._places.items() if place[0] != path}
        self.reporter.say(
            f"{path} is damaged ({reason}): it was deleted, and what it held is computed anew."
        )
        _remove(path)

    def write(self, rows: dict[bytes, NDArray[np.float32]]) -> bool:
        """Write one shard, which appears whole or not at all; return whether it is there.

        A full or read-only disk is no error: the embeddings are then not kept, which is said.
        """
        part = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self.folder, suffix=".part")
            os.close(handle)
            save_file(_tensors(rows), part)
            note = self.folder / "about.json"
            if not note.exists():
                note.write_text(json.dumps(self.about, indent=2) + "\n", encoding="utf-8")
            Path(part).replace(Path(part).with_suffix(".safetensors"))
        except (OSError, SafetensorError) as error:
            if part is not None:
                _remove(Path(part))
            self.reporter.say(f"Embeddings could not be kept under {self.folder}: {error}.")
            return False
        return True

    def _merge(self) -> None:
        """Make one shard of many small ones, which many short jobs leave behind.

        The new one is there before the old ones go: whoever does the same at the same time leaves
        a row twice, which costs space and nothing else.
        """
        small = [path for path, shard in self._shards.items() if shard.size < SMALL_BYTES]
        if len(small) < MANY:
            return
        rows: dict[bytes, NDArray[np.float32]] = {}
        for path in small:
            for digest in self._shards[path].digests:
                values = None if digest in rows else self.read(digest)
                if values is not None:
                    rows[digest] = values
        if self.write(rows):
            for path in small:
                _remove(path)
        self.refresh()


class _Writer:
    """Collects embeddings and writes them as shards of a practical size."""

    def __init__(self, cache: EmbeddingCache) -> None:
        self._cache = cache
        self._rows: dict[bytes, NDArray[np.float32]] = {}
        self._bytes, self._since = 0, monotonic()

    def add(self, digest: bytes, values: NDArray[np.float32]) -> None:
        """Keep one embedding, shape (positions, width)."""
        self._rows[digest] = values
        self._bytes += values.nbytes
        if self._bytes >= SHARD_BYTES or monotonic() - self._since >= SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        if self._rows:
            self._cache.write(self._rows)
        self._rows, self._bytes, self._since = {}, 0, monotonic()


@dataclass(frozen=True, eq=False)
class _Shard:
    """One file: `values` (positions, width), `offsets`, `digests` and `checksums` of its rows."""

    file: Any
    size: int
    digests: list[bytes]
    offsets: NDArray[np.int64]
    checksums: NDArray[np.uint32]

    @classmethod
    def open(cls, path: Path) -> _Shard:
        """Map a file into memory and read its index; SafetensorError or ValueError if damaged."""
        size = path.stat().st_size
        file = safe_open(path, framework="np")
        digests = [row.tobytes() for row in file.get_tensor("digests")]
        offsets, checksums = file.get_tensor("offsets"), file.get_tensor("checksums")
        if len(offsets) != len(digests) + 1 or len(checksums) != len(digests):
            raise ValueError("its index is not complete")
        return cls(file.get_slice("values"), size, digests, offsets, checksums)

    def read(self, row: int) -> NDArray[np.float32]:
        """Return one row; ValueError if its checksum differs."""
        values = self.file[int(self.offsets[row]) : int(self.offsets[row + 1])]
        if _checksum(self.digests[row], values) != self.checksums[row]:
            raise ValueError("a checksum differs")
        return values


def _tensors(rows: dict[bytes, NDArray[np.float32]]) -> Arrays:
    lengths = [len(values) for values in rows.values()]
    sums = [_checksum(digest, values) for digest, values in rows.items()]
    return {
        "values": np.concatenate(list(rows.values())),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "digests": np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), -1),
        "checksums": np.array(sums, dtype=np.uint32),
    }


def _checksum(digest: bytes, values: NDArray[np.float32]) -> int:
    return zlib.crc32(np.ascontiguousarray(values).data, zlib.crc32(digest))


def _sweep(folder: Path) -> None:
    """Delete what killed processes left half written, once nobody can be writing it any more."""
    for path in folder.glob("*.part"):
        with suppress(OSError):
            if time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def _remove(path: Path) -> None:
    with suppress(OSError):  # read-only, or open elsewhere on Windows: it stays
        path.unlink(missing_ok=True)
