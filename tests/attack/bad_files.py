"""Files as users bring them by mistake, and as nobody should: name → content."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

PROTEIN = "MKVWWHCWAAAAKLMNPQRSTVWYACDEFGHIKLMNPQRST"
FASTA = f">a\n{PROTEIN}\n>b\n{PROTEIN[::-1]}\n".encode()
RANDOM = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8).tobytes()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.fasta", FASTA)
    return stream.getvalue()


def _workbook() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


def _npz(pickled: bool) -> bytes:
    stream = io.BytesIO()
    values = np.array([{"a": 1}], dtype=object) if pickled else np.zeros((3, 4))
    np.savez(stream, a=values)
    return stream.getvalue()


def _parquet() -> bytes:
    stream = io.BytesIO()
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_parquet(stream)
    return stream.getvalue()


def _hdf5() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["X"] = np.zeros((3, 4))
        file["obs"] = "not a group"
    return stream.getvalue()


BYTES: dict[str, bytes] = {
    "empty": b"",
    "newlines": b"\n\n\n",
    "spaces": b"   \t  ",
    "mark-alone": b"\xef\xbb\xbf",
    "nul": bytes(5000),
    "random": RANDOM,
    "ff": b"\xff" * 4000,
    "latin-1": ">prot\xe9ine\nMKV\n".encode("latin-1"),
    "utf-16": FASTA.decode().encode("utf-16"),
    "utf-8-names": ">蛋白 一\nMKVWW\n>🧬\nMKVWW\n".encode(),
    "gzip-cut": gzip.compress(FASTA * 100)[:60],
    "gzip-of-nothing": gzip.compress(b""),
    "gzip-damaged": gzip.compress(FASTA * 50)[:40] + RANDOM[:100],
    "gzip-twice": gzip.compress(gzip.compress(FASTA)),
    "bzip2": bz2.compress(FASTA),
    "zip": _zip(),
    "workbook": _workbook(),
    "png": b"\x89PNG\r\n\x1a\n" + RANDOM[:300],
    "pdf": b"%PDF-1.7\n" + RANDOM[:300],
    "html": b"<!DOCTYPE html><html><body>404</body></html>",
    "json": b'{"a": [1, 2, {"b": null}]}',
    "json-deep": b"[" * 100_000 + b"]" * 100_000,
    "fastq": b"@r1\nACGT\n+\nIIII\n",
    "headers-alone": b">a\n>b\n>c\n",
    "greater-than": b">",
    "no-header": PROTEIN.encode() + b"\n",
    "digits": b">a\n12345\n>b\n67890\n",
    "same-ids": FASTA + FASTA,
    "one-line": b"A" * 2_000_000,
    "long-header": b">" + b"x" * 500_000 + b"\nMKV\n",
    "carriage-returns": FASTA.replace(b"\n", b"\r"),
    "control": b">a\n\x07\x08MKV\x1b[31m\n",
    "table-of-one-column": b"id\na\nb\n",
    "header-alone": b"id,sequence\n",
    "ragged": b"id,sequence\na,MKV,x,y\nb\nc,MKV\n",
    "quote-unclosed": b'id,sequence\n"a,MKV\nb,MKV\n',
    "nul-in-table": b"id,sequence\na,M\x00KV\n",
    "same-columns": b"id,id,sequence,sequence\na,b,MKV,MKV\n",
    "semicolons": b"id;sequence\na;MKVWW\n",
    "formulas": b"id,sequence\n=1+1,MKVWW\n@x,MKVWW\n",
    "numbers": b"1,2,3\n4,5,6\nnan,inf,-inf\n",
    "huge-number": b"id,sequence\na,1e999999\n" + b"9" * 5000 + b",MKV\n",
    "parquet": _parquet(),
    "parquet-cut": _parquet()[:200],
    "hdf5": _hdf5(),
    "hdf5-cut": _hdf5()[:900],
    "npz": _npz(pickled=False),
    "npz-of-objects": _npz(pickled=True),
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x8c\x06system\x93.",
    "yaml-deep": b"{a: " * 3000 + b"1" + b"}" * 3000,
    "yaml-self": b"&a [*a]\n",
    "yaml-tag": b"!!python/object/apply:os.system ['true']\n",
    "yaml-laughs": b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9) if n else b"x")
        for n in range(9)
    ),
    "gff": b"##gff-version 3\nchr1\tx\tgene\t1\t5\t.\t+\t.\tID=g\n",
    "vcf": b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\nchr1\t9" + b"9" * 22 + b"\t.\tA\tC\n",
    "meme": b"MEME version 4\nALPHABET= ACGT\nMOTIF a\n"
    b"letter-probability matrix: w= 999999999999\n",
}


def bad_paths(folder: Path, suffix: str) -> dict[str, Path]:
    """Write every bad file with a suffix, and what is not a file; return name → path."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, content in BYTES.items():
        paths[name] = folder / f"{name}{suffix}"
        paths[name].write_bytes(content)
    paths["missing"] = folder / f"missing{suffix}"
    paths["in-no-folder"] = folder / "no" / "folder" / f"x{suffix}"
    paths["folder"] = folder / f"folder{suffix}"
    paths["folder"].mkdir(exist_ok=True)
    paths["below-a-file"] = paths["random"] / f"x{suffix}"
    paths["device"] = Path(os.devnull)
    paths["loop"] = folder / f"loop{suffix}"
    if not paths["loop"].is_symlink():
        paths["loop"].symlink_to(paths["loop"])
    paths["name-too-long"] = folder / ("x" * 300 + suffix)
    return paths
