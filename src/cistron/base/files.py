"""Open the files users have: plain or gzip, a path or standard input, and not always what they say.

Whatever cannot be read is told in a sentence that names the file and the remedy.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cistron.base.errors import InputError, nearest

STDIN = "-"
HEAD = 1 << 18  # bytes looked at before reading: some hundreds of proteins
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_COMPRESSED = "Decompress it first, or compress it with gzip."
_WORKBOOK = "Save the sheet as CSV and read it with kind: table."
_SEQUENCES = "Export the sequences as FASTA."
_DOWNLOAD = "Perhaps a download brought an error page; fetch the file again."
_FORMATS = (
    (b"BZh", "a bzip2 archive", _COMPRESSED),
    (b"\xfd7zXZ", "an xz archive", _COMPRESSED),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", _COMPRESSED),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", _WORKBOOK),
    (PARQUET, "a parquet table", "Read it with kind: table."),
    (b"\x89HDF", "an HDF5 file", _SEQUENCES),
    (b"%PDF", "a PDF document", _SEQUENCES),
    (b"{\\rtf", "an RTF document", "Save it as plain text."),
    (b"\xff\xfe", "UTF-16 text", "Save it as UTF-8."),
    (b"\xfe\xff", "UTF-16 text", "Save it as UTF-8."),
    (b"LOCUS  ", "a GenBank file", _SEQUENCES),
    (b"ID   ", "an EMBL or UniProt flat file", _SEQUENCES),
    (b"CLUSTAL", "a Clustal alignment", _SEQUENCES),
    (b"#NEXUS", "a NEXUS file", _SEQUENCES),
    (b"##gff", "a GFF annotation", _SEQUENCES),
    (b"##fileformat=VCF", "a VCF file", _SEQUENCES),
)


@dataclass(frozen=True)
class Input:
    """An open input.

    Parameters
    ----------
    path : Path
        As given; "-" is standard input.
    name : str
        What messages call it.
    head : bytes
        Its first bytes, decompressed, at most `HEAD`.
    stream : BinaryIO
        All of its bytes, decompressed, from the beginning.
    """

    path: Path
    name: str
    head: bytes
    stream: BinaryIO


@contextmanager
def open_input(path: str | Path) -> Iterator[Input]:
    """Open a plain or gzip file, or standard input ("-"), for reading once.

    Gzip is told by the content, whatever the name.

    Raises
    ------
    InputError
        If there is no such file, it is a folder, may not be read or is empty; while it is read,
        if it is cut short or damaged.
    """
    path = Path(path)
    piped = str(path) == STDIN
    name = "standard input" if piped else str(path)
    raw = sys.stdin.buffer if piped else _open(path)
    try:
        source = _Source(raw, name)
        if source.peek(len(GZIP)) == GZIP:
            source = _Source(gzip.GzipFile(fileobj=source, mode="rb"), name)
        head = source.peek(HEAD)
        if not head.removeprefix(BYTE_ORDER_MARK).strip():
            raise InputError(f"{name} is empty: there is nothing in it to read.")
        yield Input(path, name, head, io.BufferedReader(source, 1 << 16))
    finally:
        if not piped:
            raw.close()


def resolved(path: str | Path) -> Path:
    """Return the absolute path without links; of a link that leads to itself, its own path."""
    return Path(os.path.realpath(path))


def sha256(path: str | Path) -> str:
    """Return the SHA-256 checksum of a file's bytes as they are on disk, in hexadecimal."""
    with _open(Path(path)) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksums(paths: list[Path]) -> dict[str, str]:
    """Return path as given → SHA-256; what can be read only once (a pipe) has none."""
    return {str(path): sha256(path) for path in paths if path.is_file()}


def looks_like(head: bytes) -> tuple[str, str]:
    """Return what begins like this ("a FASTQ file") and what to do about it.

    Two empty strings where it is FASTA, or text of no known kind.
    """
    for start, kind, remedy in _FORMATS:
        if head.startswith(start):
            return kind, remedy
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types].xml" in head[:100]:
            return "an Excel workbook", _WORKBOOK
        return "a zip archive", _COMPRESSED
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith(b"<"):
        return "an HTML or XML page", _DOWNLOAD
    if text.startswith((b"{", b"[")):
        return "a JSON file", _SEQUENCES
    lines = text.split(b"\n", 3)
    if text.startswith(b"@") and len(lines) > 2 and lines[2].startswith(b"+"):
        return "a FASTQ file", "Convert it to FASTA first."
    control = sum(head.count(byte) for byte in range(32) if byte not in b"\t\n\v\f\r\x01\x1b")
    if control > len(head) / 20:
        return "a binary file", _SEQUENCES
    return "", ""


class _Source(io.RawIOBase):
    """Bytes that can be looked at before they are read; damage is told in the user's words."""

    def __init__(self, stream: io.RawIOBase | BinaryIO | gzip.GzipFile, name: str) -> None:
        self._stream = stream
        self._name = name
        self._pending = b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        while len(self._pending) < size and (more := self._read(size - len(self._pending))):
            self._pending += more
        return self._pending[:size]

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._pending[: len(buffer)] or self._read(len(buffer))
        self._pending = self._pending[len(data) :]
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size) or b""
        except EOFError as error:
            raise InputError(
                f"{self._name} is cut short: its gzip data end before they are complete. Copy or "
                "download it again."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InputError(
                f"{self._name} is damaged: its gzip data cannot be decompressed ({error}). Copy "
                "or download it again."
            ) from error
        except OSError as error:
            raise InputError(f"{self._name} cannot be read: {error.strerror or error}.") from error


def _open(path: Path) -> io.FileIO:
    try:
        return path.open("rb", buffering=0)
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder, not a file. Name a file in it.") from error
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read by this user. Change its permissions (chmod u+r)."
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(_missing(path)) from error
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}.") from error


def _missing(path: Path) -> str:
    if not path.parent.is_dir():
        return f"{path}: there is no folder {path.parent}."
    try:
        there = [entry.name for entry in path.parent.iterdir()]
    except PermissionError:
        there = []
    return f"{path}: there is no such file.{nearest(path.name, there)}"
