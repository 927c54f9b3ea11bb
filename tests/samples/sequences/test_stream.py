from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from cistron.samples.sequences.fasta import read_fasta
from cistron.samples.sequences.stream import stream
from tests.places import DATA
from tests.samples.made import compress, fasta, feed, proteins, refused

AWKWARD = DATA / "awkward.fasta"


def joined(parts) -> tuple[list, list]:
    kept = [(i, p.payload.text(r)) for p in parts for r, i in enumerate(p.ids)]
    dropped = [tuple(row) for p in parts for row in p.dropped.to_numpy()]
    return kept, dropped


@pytest.mark.parametrize("window", [1, 2, 5, 13, 14, 1000])
def test_stream_equals_read(window):
    expected = read_fasta(AWKWARD)
    parts = list(stream(AWKWARD, window=window))
    sizes = [len(part) + len(part.dropped) for part in parts]
    assert sizes[:-1] == [window] * (len(parts) - 1)
    assert sum(sizes) == 13
    kept, dropped = joined(parts)
    names = [name.removesuffix("#2") for name in expected.ids]  # ids are not made unique here
    assert [name for name, _ in kept] == names
    assert [text for _, text in kept] == [expected.payload.text(r) for r in range(len(expected))]
    assert dropped == [tuple(row) for row in expected.dropped.to_numpy()]
    assert all(part.table["label"].isna().all() for part in parts)
    assert {note for part in parts for note in part.notes} == set(expected.notes[:2])


@pytest.mark.parametrize("skip", [0, 1, 3, 6, 7, 100])
def test_windows_are_skipped(skip):
    every = list(stream(AWKWARD, window=2))
    assert joined(list(stream(AWKWARD, window=2, skip=skip))) == joined(every[skip:])


@pytest.fixture
def table(tmp_path):
    frame = pd.DataFrame({"name": list("abcdefg"), "seq": proteins(7), "more": "x, y"})
    frame.loc[3, "seq"] = ""
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    frame.to_csv(tmp_path / "t.txt", sep="\t", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    compress(path, "t.csv.gz")
    return tmp_path


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.parquet", "t.csv.gz"])
@pytest.mark.parametrize("skip", [0, 1, 3])
def test_tables(table, name, skip):
    parts = list(stream(table / name, window=2, id="name", sequence="seq", skip=skip))
    kept, dropped = joined(parts)
    expected = [pair for pair in zip("abcdefg", proteins(7), strict=True) if pair[0] != "d"]
    assert kept == [pair for pair in expected if pair[0] >= "aceg"[skip]]
    wanted = [("d", str(table / name), 4, "no sequence")] if skip < 2 else []
    assert dropped == wanted


def test_content_goes_before_the_name(tmp_path):
    path = fasta(tmp_path / "x.csv", {"a": "MKV"})
    assert next(stream(path)).ids.tolist() == ["a"]


@pytest.mark.parametrize("data", [b">a\nMKV\n>b\nKV\n", b"id,sequence\na,MKV\nb,KV\n"])
def test_standard_input(monkeypatch, data):
    feed(monkeypatch, data)
    assert joined(list(stream("-", window=1)))[0] == [("a", "MKV"), ("b", "KV")]


def test_parquet_cannot_come_from_a_pipe(monkeypatch, table):
    feed(monkeypatch, (table / "t.parquet").read_bytes())
    with refused("standard input", "cannot be read from a pipe"):
        list(stream("-"))


def test_bad_input(tmp_path):
    with refused("no such file"):
        list(stream(tmp_path / "x.fasta"))
    plain = tmp_path / "x.fasta"
    plain.write_text("MKV, LL\n")
    with refused(plain, "line 1", "No line begins with >"):
        list(stream(plain))
    with refused("alphabet: 'rna'"):
        list(stream(AWKWARD, "rna"))
    with pytest.raises(ValueError, match="window"):
        list(stream(AWKWARD, window=0))


def test_memory_does_not_grow_with_the_input(tmp_path):
    rows = proteins(200)
    peaks = []
    for copies in (100, 300):
        path = tmp_path / f"{copies}.csv"
        lines = (f"{i},{text}\n" for i, text in enumerate(rows * copies))
        path.write_text("id,sequence\n" + "".join(lines))
        tracemalloc.start()
        count = sum(len(part) for part in stream(path, window=1000))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 200 * copies
    assert peaks[1] < 1.25 * peaks[0]


def test_windows_do_not_depend_on_the_blocks(tmp_path):
    rng = np.random.default_rng(0)
    made = {f"s{i}": text[: rng.integers(1, 40)] for i, text in enumerate(proteins(500))}
    path = fasta(tmp_path / "x.fasta", made)
    parts = list(stream(path, window=7))
    assert [len(part) for part in parts] == [7] * 71 + [3]
    assert joined(parts)[0] == list(made.items())
