"""What was uploaded, measured before it is read: nothing is larger inside than is allowed."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import GZIP, PARQUET, open_input
from cistron.samples.cells.cell_formats import HDF5
from cistron.samples.sequences.profiles import holds_profiles
from cistron.samples.sequences.stream import stream
from cistron.serve.settings import Limits

ZIP = b"PK\x03\x04"
VCF = b"##fileformat=VCF"
MEGABYTE = 1_000_000
BLOCK = 1 << 20
# Files of a 10x folder; whatever else is in an archive stays there.
_TENX = re.compile(r"(?:[\w.-]*?)(matrix\.mtx|barcodes\.tsv|features\.tsv|genes\.tsv)(\.gz)?")
UNZIPPED = "cells"


@dataclass(frozen=True)
class Upload:
    """What a job reads.

    Parameters
    ----------
    path : Path
        The file, or of cells the folder that its archive became.
    variants : bool
        Whether it is a VCF.
    records : int or None
        How many there are, where they were counted.
    """

    path: Path
    variants: bool = False
    records: int | None = None


def plain_name(name: str) -> str:
    """Return the name of an uploaded file as it may stand on disk and in answers."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", last).lstrip("._-")[-80:].lstrip("._-")
    return plain or "input"


def measure(path: Path, alphabet: str, columns: dict[str, str], limits: Limits) -> Upload:
    """Return what an upload is; refuse what is too large, before it is parsed.

    Raises
    ------
    InputError
        If it is larger than allowed, of a kind that is not taken, or cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(len(VCF))
    if head.startswith(PARQUET):
        raise InputError(f"{path} is a parquet table, which is not taken here. Send TSV or CSV.")
    if head.startswith(ZIP):
        _require_small_zip(path, limits)
        if alphabet == "genes":
            return Upload(_unzipped(path, limits))
    if head.startswith(GZIP):
        head = _require_small_gzip(path, limits)
    if head.startswith(HDF5):
        _require_small_hdf5(path, limits)
    if head.startswith(VCF):
        return Upload(path, variants=True, records=_count_lines(path, limits))
    if alphabet == "genes":
        return Upload(path)
    return Upload(path, records=_count_records(path, alphabet, columns, limits))


def _unpacked(limits: Limits) -> int:
    return int(limits.unpacked * MEGABYTE)


def _too_large(path: Path | str, limits: Limits) -> InputError:
    return InputError(
        f"{path} is larger than {limits.unpacked:g} MB once it is decompressed, which is the most "
        "that is taken here. Send a part of it, or use the command line."
    )


def _require_small_gzip(path: Path, limits: Limits) -> bytes:
    """Return the first bytes; refuse a file that is too large, or compressed twice."""
    size, head = 0, b""
    try:
        with gzip.open(path) as file:
            while block := file.read(BLOCK):
                head = head or block[: len(VCF)]
                size += len(block)
                if size > _unpacked(limits):
                    raise _too_large(path, limits)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} is cut short or damaged: its gzip data cannot be decompressed. Send it again."
        ) from error
    if head.startswith(GZIP):
        raise InputError(f"{path} is compressed twice. Decompress it once.")
    if head.startswith(HDF5):
        raise InputError(f"{path} is a compressed HDF5 file. Decompress it first.")
    return head


def _require_small_zip(path: Path, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{path} is no readable zip archive. Make it again.") from error
    if size > _unpacked(limits):
        raise _too_large(path, limits)


def _unzipped(path: Path, limits: Limits) -> Path:
    """Return the folder of the 10x files that an archive holds, under names of our own."""
    folder = path.with_name(UNZIPPED)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    left = _unpacked(limits)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            match = _TENX.fullmatch(entry.filename.rsplit("/", 1)[-1])
            if match is None or entry.is_dir():
                continue
            target = folder / f"{match[1]}{match[2] or ''}"
            if target.exists():
                raise InputError(
                    f"{path} holds two files {target.name}. Send the folder of one sample."
                )
            try:
                with archive.open(entry) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, BLOCK)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
                raise InputError(f"{path} cannot be unzipped. Make it again.") from error
            if match[2]:
                _require_small_gzip(target, limits)
            left -= target.stat().st_size
            if left < 0:
                raise _too_large(path, limits)
    if not (names := {file.name.removesuffix(".gz") for file in folder.iterdir()}):
        raise InputError(
            f"{path} holds no 10x files. Zip the folder with matrix.mtx, barcodes.tsv and "
            "features.tsv (each plain or .gz)."
        )
    if "matrix.mtx" not in names:
        raise InputError(f"{path} has no matrix.mtx. It has: {', '.join(sorted(names))}.")
    return folder


def _require_small_hdf5(path: Path, limits: Limits) -> None:
    """Refuse an HDF5 file whose arrays say that they are larger than allowed, or lie elsewhere."""
    import h5py

    sizes: list[int] = []

    def elsewhere(name: str, item: object) -> str | None:
        """Return the name of what refers to another file, which ends the visit."""
        if isinstance(item, h5py.Dataset):
            sizes.append((item.size or 0) * item.dtype.itemsize)
            return name if item.external or item.is_virtual else None
        return name if isinstance(item, h5py.ExternalLink) else None

    try:
        with h5py.File(path) as file:
            outside = file.visititems_links(elsewhere) or file.visititems(elsewhere)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is cut short or damaged, and no readable HDF5 file.") from error
    if outside:
        raise InputError(f"{path} refers to another file at {outside!r}. Copy it into this one.")
    if sum(sizes) > _unpacked(limits):
        raise _too_large(path, limits)


def _count_lines(path: Path, limits: Limits) -> int:
    with open_input(path) as source:
        lines = sum(not line.startswith(b"#") for line in source.stream)
    if lines > limits.records:
        raise InputError(f"{path} has {lines:,} variants. {_most(limits)}")
    return lines


def _count_records(path: Path, alphabet: str, columns: dict[str, str], limits: Limits) -> int:
    records = letters = 0
    lengths = not (alphabet == "protein" and holds_profiles(path))
    named: Document = dict(columns)
    for samples in stream(path, alphabet, **named):
        start = records
        records += len(samples) + len(samples.dropped)
        if lengths:
            letters += int(samples.sequences.lengths.sum())
            require_short(samples.ids, samples.sequences.lengths, limits)
        if records > limits.records or letters > limits.letters:
            raise InputError(
                f"{path} has more than {start:,} records, and more than are taken here. "
                f"{_most(limits)}"
            )
    return records


def require_short(ids: object, lengths: object, limits: Limits) -> None:
    """Refuse a sequence that is longer than allowed, by its name.

    Raises
    ------
    InputError
    """
    for name, length in zip(ids, lengths, strict=True):  # type: ignore[call-overload]
        if length > limits.longest:
            raise InputError(
                f"The record {name} has {length:,} letters, and at most {limits.longest:,} are "
                "taken here. Cut it, or leave it out."
            )


def _most(limits: Limits) -> str:
    return (
        f"A job takes at most {limits.records:,} records and {limits.letters:,} letters. Send "
        "several jobs, or use the command line."
    )
