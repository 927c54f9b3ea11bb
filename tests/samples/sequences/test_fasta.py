from __future__ import annotations

import gzip
import textwrap
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.samples.alphabet import ALPHABETS
from cistron.samples.records import Block
from cistron.samples.samples import Sequences
from cistron.samples.sequences.fasta import iter_records, read_fasta
from tests.places import DATA, REAL_DATA
from tests.samples.made import compress, fasta, feed, proteins, refused

AWKWARD = DATA / "awkward.fasta"


def texts(samples) -> list[str]:
    return [samples.payload.text(row) for row in range(len(samples))]


def whole(path, alphabet="protein", **how) -> Block:
    return Block.join(list(iter_records(path, alphabet, **how)))


def test_every_oddity():
    samples = read_fasta(AWKWARD)
    assert dict(zip(samples.ids, texts(samples), strict=True)) == {
        "plain": "MKWVTFISLLFLFSSAYS",
        "wrapped": "MKWVTFISLLFLFSSAYR",
        "lower": "MKWVTFISLLFLFSSAYK",
        "gaps": "MKWVTFISLLFLFSSAYE",
        "stop": "MKWVTFISLLFLFSSAYD",
        "inner_stop": "MKWVTFXSLLFLFSSAYH",
        "ambiguous": "MKWVTFBZJUOXLFSSAYP",
        "plain#2": "MKWVTFISLLFLFSSAYT",
        "record_12": "MKWVTFISLLFLFSSAYV",
        "naïve_蛋白": "MKWVTFISLLFLFSSAYW",
    }
    assert samples.dropped.to_dict("records") == [
        {"id": "empty", "source": str(AWKWARD), "record": 8, "reason": "no sequence"},
        {"id": "only_gaps", "source": str(AWKWARD), "record": 9, "reason": "no sequence"},
        {
            "id": "cut",
            "source": str(AWKWARD),
            "record": 10,
            "reason": "characters that are no protein letters: ( )",
        },
    ]
    assert samples.notes == (
        "Records without an id, called record_N: 1.",
        "Records with a * inside the sequence, read as X: 1.",
        "Records renamed because an earlier one has their id: 1, such as plain to plain#2.",
    )
    assert samples.classes == ()
    assert samples.table["label"].isna().all()
    assert (samples.targets == -1).all()
    assert list(samples.sources) == [str(AWKWARD)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1 << 24])
def test_the_block_size_does_not_matter(size):
    expected = read_fasta(AWKWARD)
    block = whole(AWKWARD, block_size=size)
    kept = [row for row, problem in enumerate(block.problems) if not problem]
    assert [block.sequences.text(row) for row in kept] == texts(expected)
    assert [block.problems[row] for row in range(len(block)) if row not in kept] == list(
        expected.dropped["reason"]
    )
    assert block.headers[0] == "plain a description family=f1"
    assert block.headers[-1] == "naïve_蛋白 family=f5"


def test_blocks_are_numbered_and_can_be_skipped():
    blocks = list(iter_records(AWKWARD, block_size=40))
    assert len(blocks) > 3
    firsts = np.cumsum([1, *map(len, blocks)])[:-1]
    assert [block.first_record for block in blocks] == firsts.tolist()
    every = Block.join(blocks)
    for skip in (0, 1, 5, 12):
        rest = whole(AWKWARD, block_size=40, skip=skip)
        assert rest.first_record == skip + 1
        assert rest.ids == every.ids[skip:]
        assert (
            rest.sequences.values == every.sequences.values[every.sequences.offsets[skip] :]
        ).all()
    assert list(iter_records(AWKWARD, skip=13)) == []


sequences = st.lists(
    # The W keeps hypothesis's favourites from looking like DNA.
    st.text("ARNDCQEGHILKMFPSTWYVXBZJUO", max_size=18).map(lambda text: f"W{text}"),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(
    written=sequences,
    width=st.integers(1, 50),
    lower=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    final=st.booleans(),
    packed=st.booleans(),
    size=st.integers(1, 60),
)
def test_round_trip(tmp_path_factory, written, width, lower, newline, final, packed, size):
    lines = []
    for number, text in enumerate(written):
        shown = text.lower() if lower else text
        lines += [f">s{number} some > words", *textwrap.wrap(shown, width)]
    data = (newline.join(lines) + newline * final).encode()
    path = tmp_path_factory.mktemp("made") / "x.fasta"
    path.write_bytes(gzip.compress(data) if packed else data)
    expected = Sequences.from_text(written)
    block = whole(path, block_size=size)
    assert (block.sequences.values == expected.values).all()
    assert (block.sequences.offsets == expected.offsets).all()
    assert block.headers == [f"s{number} some > words" for number in range(len(written))]
    assert not any(block.problems)


@settings(max_examples=100, deadline=None)
@given(data=st.lists(st.sampled_from([*b">>\n\n\r*-. MKvx(\xe9\x00"]), max_size=60).map(bytes))
def test_any_bytes_read_the_same_in_any_block_size(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("made") / "x.fasta"
    path.write_bytes(b">a\nMKV\n" * 200 + data)
    expected = whole(path)
    for size in (1, 64):
        block = whole(path, block_size=size)
        assert block.headers == expected.headers
        assert block.problems == expected.problems
        assert (block.sequences.values == expected.sequences.values).all()
        assert (block.sequences.offsets == expected.sequences.offsets).all()
        assert (block.stops == expected.stops).all()
    assert (expected.sequences.values < len(ALPHABETS["protein"].letters)).all()


@pytest.mark.parametrize(
    ("written", "read", "internal"),
    [
        ("MKV*", "MKV", False),
        ("MKV**", "MKV", False),
        ("M*KV*", "MXKV", True),
        ("*MKV", "XMKV", True),
        ("M**KV", "MXXKV", True),
        ("*", "", False),
    ],
)
def test_stops(tmp_path, written, read, internal):
    path = fasta(tmp_path / "x.fasta", {"a": written, "b": "MKV*", "c": "KVM"})
    block = whole(path)
    assert [block.sequences.text(row) for row in range(3)] == [read, "MKV", "KVM"]
    assert block.stops.tolist() == [internal, False, False]
    assert block.problems[0] == ("" if read else "no sequence")


def test_stops_are_no_letters_of_dna(tmp_path):
    path = fasta(tmp_path / "x.fasta", {"a": "ACGT*", "b": "ACGTNRYK", "c": "acgt"})
    samples = read_fasta(path, "dna")
    assert texts(samples) == ["ACGTNRYK", "ACGT"]
    assert samples.dropped["reason"].tolist() == ["characters that are no DNA letters: *"]


def test_foreign_characters_are_named(tmp_path):
    path = fasta(tmp_path / "x.fasta", {"a": "MK1V2é", "b": "MK蛋V", "c": f"MK\0{'V' * 99}"})
    assert read_fasta(path).dropped["reason"].tolist() == [
        "characters that are no protein letters: 1 2 é",
        "characters that are no protein letters: 蛋",
        r"characters that are no protein letters: ['\x00']",
    ]


def test_headers_that_are_not_utf8(tmp_path):
    path = tmp_path / "x.fasta"
    path.write_bytes(b">caf\xe9 x\nMKV\n>\xc3\xa9\nMKW\n")
    assert read_fasta(path).ids.tolist() == ["café", "é"]


def test_byte_order_mark_and_blank_lines_before_the_first_header(tmp_path):
    path = tmp_path / "x.fasta"
    path.write_bytes(b"\xef\xbb\xbf\n \n>a\nMKV\n")
    assert whole(path, block_size=1).ids == ["a"]


def test_repeated_ids_become_unique(tmp_path):
    path = tmp_path / "x.fasta"
    path.write_text("".join(f">{name}\n{text}\n" for name, text in zip(
        ["a", "a", "a#2", "a", "b"], proteins(5), strict=True)))  # fmt: skip
    assert read_fasta(path).ids.tolist() == ["a", "a#3", "a#2", "a#4", "b"]


def test_a_record_longer_than_a_block(tmp_path):
    long = "".join(proteins(1, length=35_000))
    path = fasta(tmp_path / "x.fasta", {"a": "MKV", "long": long, "b": "KVM"})
    block = whole(path, block_size=1000)
    assert [block.sequences.text(row) for row in range(3)] == ["MKV", long, "KVM"]


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for copies in (100, 500):
        path = tmp_path / f"{copies}.fasta"
        path.write_text("".join(f">{i}\n{t}\n" for i, t in enumerate(proteins(100) * copies)))
        tracemalloc.start()
        count = sum(len(block) for block in iter_records(path, block_size=1 << 14))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 100 * copies
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"\n\nMKVL\n>a\nMKV\n", ("line 3", "'MKVL'", "before the first header")),
        (b"MKVLAAGIVGL\nMKV\n", ("line 1", "No line begins with >")),
        (b"id,sequence\na,MKV\n", ("line 1", "set kind: table")),
        (b"@r1\nACGT\n+\nIIII\n", ("looks like a FASTQ file", "Convert")),
        (b"<html><body>404</body></html>", ("HTML", "download")),
        (b"PK\x03\x04" + b"xl/workbook", ("Excel workbook", "kind: table")),
        (bytes(range(256)) * 9, ("a binary file",)),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_is_no_fasta(tmp_path, data, parts, pack):
    path = tmp_path / "x.fasta"
    path.write_bytes(pack(data))
    with refused(path, *parts):
        read_fasta(path)


DNA = {f"s{i}": "ACGTTGCANN" * 5 for i in range(20)}


def test_dna_declared_as_proteins(tmp_path):
    path = fasta(tmp_path / "x.fasta", DNA)
    with refused(path, "100% of the letters", "looks like DNA", "Set alphabet: dna"):
        read_fasta(path)
    assert len(read_fasta(path, "dna")) == 20


def test_rna(tmp_path):
    path = fasta(tmp_path / "x.fasta", {k: v.replace("T", "U") for k, v in DNA.items()})
    with refused(path, "looks like RNA", "Write T for U", "alphabet: dna"):
        read_fasta(path)
    with refused(path, "20 of the first 20 records", "(U)", "looks like RNA", "Write T for U"):
        read_fasta(path, "dna")


def test_proteins_declared_as_dna(tmp_path):
    path = fasta(tmp_path / "x.fasta", {f"s{i}": t for i, t in enumerate(proteins(400))})
    with refused(path, "300 records", "looks like proteins", "Set alphabet: protein"):
        read_fasta(path, "dna")


def test_one_broken_record_does_not_condemn_the_file(tmp_path):
    path = fasta(tmp_path / "x.fasta", {**DNA, "odd": "ACGTEFIL"})
    samples = read_fasta(path, "dna")
    assert len(samples) == 20
    assert samples.dropped["reason"].tolist() == ["characters that are no DNA letters: E F I L"]


def test_a_short_peptide_may_be_all_alanine(tmp_path):
    assert len(read_fasta(fasta(tmp_path / "x.fasta", {"a": "AAGAAGTAAN"}))) == 1


def test_alphabet_is_spelt(tmp_path):
    path = fasta(tmp_path / "x.fasta", {"a": "MKV"})
    with refused("'protien'", "Did you mean 'protein'?"):
        list(iter_records(path, "protien"))


@pytest.mark.real_data
def test_published_localization_headers():
    path = REAL_DATA / "localization" / "deeploc_test.fasta.gz"
    if not path.is_file():
        pytest.skip("the data are not here")
    samples = read_fasta(path, label=r"^\S+ ([\w./-]+)-[MSU]", groups={"membrane": r"-([MSU])\b"})
    assert len(samples) + len(samples.dropped) == 2768
    assert 10 <= len(samples.classes) <= 11  # ten compartments, and some in two of them
    assert set(samples.table["membrane"]) == set("MSU")


def test_several_files_gzip_and_standard_input(tmp_path, monkeypatch):
    first = fasta(tmp_path / "a.fasta", {"a": "MKV"})
    second = compress(fasta(tmp_path / "b.fasta", {"b": "KVM"}), "b.fasta.gz")
    feed(monkeypatch, b">c\nVMK\n")
    samples = read_fasta([first, second, "-"])
    assert samples.ids.tolist() == ["a", "b", "c"]
    assert list(samples.sources) == [str(first), str(second)]
