from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from cistron.base.files import checksums, looks_like, open_input, sha256
from tests.samples.made import as_ordinary_user, feed, refused

TEXT = b">a\nMKV\n"


def read(path: object) -> bytes:
    with open_input(path) as source:
        assert source.head == source.stream.read()[: len(source.head)]
        return source.head


@pytest.mark.parametrize("name", ["x.fasta", "x.fasta.gz", "x"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda t: gzip.compress(t) * 2])
def test_gzip_is_told_by_content_not_by_name(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(TEXT))
    assert read(path) in (TEXT, TEXT * 2)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch, pack):
    feed(monkeypatch, pack(TEXT))
    assert read("-") == TEXT


def test_everything_is_read_after_the_head(tmp_path):
    data = b">a\n" + b"MKV" * 200_000
    path = tmp_path / "long.fasta"
    path.write_bytes(gzip.compress(data, 1))
    with open_input(path) as source:
        assert 0 < len(source.head) < len(data)
        assert source.stream.read() == data


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "positive.fasta").write_bytes(TEXT)
    with refused(tmp_path / "postive.fasta", "no such file", "Did you mean 'positive.fasta'?"):
        read(tmp_path / "postive.fasta")
    with refused("there is no folder", tmp_path / "nowhere"):
        read(tmp_path / "nowhere" / "x.fasta")
    with refused("there is no folder"):
        read(tmp_path / "positive.fasta" / "x.fasta")


def test_folder_instead_of_file(tmp_path):
    with refused(tmp_path, "is a folder, not a file"):
        read(tmp_path)


def test_unreadable_file():
    # Outside of pytest's own folder, which no other user may enter.
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "secret.fasta"
        path.write_bytes(TEXT)
        path.chmod(0)
        with as_ordinary_user(), refused(path, "may not be read"):
            read(path)


@pytest.mark.parametrize("data", [b"", b" \n\n", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf\n"])
def test_empty_file(tmp_path, data):
    path = tmp_path / "x.fasta"
    path.write_bytes(data)
    with refused(path, "is empty"):
        read(path)


def test_empty_standard_input(monkeypatch):
    feed(monkeypatch, b"")
    with refused("standard input is empty"):
        read("-")


@pytest.mark.parametrize("left", [10, 200, -1])
def test_truncated_gzip(tmp_path, left):
    path = tmp_path / "x.fasta.gz"
    path.write_bytes(gzip.compress(hashlib.shake_256(b"x").hexdigest(1000).encode())[:left])
    with refused(path, "cut short", "again"):
        read(path)


def test_truncation_behind_the_head(tmp_path):
    letters = hashlib.shake_256(b"x").hexdigest(1 << 19).encode()
    path = tmp_path / "x.fasta.gz"
    path.write_bytes(gzip.compress(b">a\n" + letters)[:-1000])
    with open_input(path) as source, refused(path, "cut short"):
        source.stream.read()


def test_damaged_gzip(tmp_path):
    path = tmp_path / "x.fasta.gz"
    data = bytearray(gzip.compress(TEXT * 1000))
    data[-6] ^= 1  # the stored checksum
    path.write_bytes(data)
    with refused(path, "damaged"):
        read(path)


def workbook() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"@r1\nACGT\n+\nIIII\n", "FASTQ"),
        (b"\n<!DOCTYPE html>\n<html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (workbook(), "Excel workbook"),
        (b"PK\x03\x04" + bytes(40), "zip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"PAR1\x15\x04", "parquet"),
        ("\ufeff>a\nMKV".encode("utf-16-le"), "UTF-16"),
        (b'{"a": 1}', "JSON"),
        (b"LOCUS       X 10 bp", "GenBank"),
        (bytes(range(256)) * 4, "binary"),
    ],
)
def test_what_a_file_looks_like(head, kind):
    assert kind in looks_like(head)[0]


@pytest.mark.parametrize(
    "head", [TEXT, b"id,sequence\n", b"\xef\xbb\xbf>a\n", b"@a\nMKV\n", b"MKV"]
)
def test_text_looks_like_nothing_else(head):
    assert looks_like(head) == ("", "")


def test_checksums(tmp_path):
    path = tmp_path / "x.fasta.gz"
    path.write_bytes(gzip.compress(TEXT))
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256(path) == expected
    assert checksums([path, Path("-")]) == {str(path): expected}
