from __future__ import annotations

import pytest

from cistron.samples.letters import identical, select, unknown_letters
from cistron.samples.samples import Sequences
from cistron.samples.sequences.fasta import read_fasta
from tests.samples.made import fasta, proteins, refused


def classes(tmp_path, **files: list[str]) -> dict:
    return {
        name: fasta(tmp_path / f"{name}.fasta", {f"{name}{i}": t for i, t in enumerate(made)})
        for name, made in files.items()
    }


def reasons(samples) -> dict:
    return dict(zip(samples.dropped["id"], samples.dropped["reason"], strict=True))


def test_lengths_and_unknown_letters(tmp_path):
    made = ["MKVLH", "MKVLHW", "MKVLHWAAA", "MKXXVX", "MKXXXX", "BZJUOX"]
    path = fasta(tmp_path / "x.fasta", {f"s{i}": t for i, t in enumerate(made)})
    samples = read_fasta(path, min_length=6, max_length=8)
    assert samples.ids.tolist() == ["s1", "s3"]  # half unknown is not too much
    assert reasons(samples) == {
        "s0": "shorter than 6",
        "s2": "longer than 8",
        "s4": "more than 50% of the letters are none of the 20 amino acids",
        "s5": "more than 50% of the letters are none of the 20 amino acids",
    }
    assert len(read_fasta(path, max_unknown=None)) == 6
    assert len(read_fasta(path, max_unknown=0)) == 3


def test_unknown_letters_of_dna(tmp_path):
    path = fasta(tmp_path / "x.fasta", {"a": "ACGTNN", "b": "ACNNNR", "c": "ACGT"})
    samples = read_fasta(path, "dna")
    assert reasons(samples) == {"b": "more than 50% of the letters are none of ACGT"}


def test_unknown_letters_of_empty_rows():
    sequences = Sequences.from_text(["", "XA", "", "BZ", ""])
    assert unknown_letters(sequences).tolist() == [0, 1, 0, 2, 0]


def test_identical():
    sequences = Sequences.from_text(["MK", "KM", "MK", "", "M", "", "MK"])
    assert identical(sequences).tolist() == [0, 1, 0, 2, 3, 2, 0]


def test_select():
    sequences = Sequences.from_text(["MK", "", "KMV", "W"])
    import numpy as np

    chosen = select(sequences, np.array([True, True, False, True]))
    assert [chosen.text(row) for row in range(3)] == ["MK", "", "W"]


@pytest.fixture
def conflicting(tmp_path):
    a, b, c, d, e, f = proteins(6)
    # b: once in each; c: twice in one, once in the other.
    return classes(tmp_path, red=[a, b, c, c, d], blue=[b, c, e, f])


def test_conflicts_are_an_error(conflicting):
    with refused("2 sequences are in more than one class (5 records)", "red1 (red, record 2 of",
                 conflicting["red"], "blue0 (blue, record 1 of", "samples.conflicts"):  # fmt: skip
        read_fasta(conflicting)


def test_conflicts_dropped(conflicting):
    samples = read_fasta(conflicting, conflicts="drop")
    assert samples.ids.tolist() == ["red0", "red4", "blue2", "blue3"]
    assert set(reasons(samples)) == {"red1", "red2", "red3", "blue0", "blue1"}
    assert set(reasons(samples).values()) == {"the same sequence is in another class"}


def test_conflicts_by_majority(conflicting):
    samples = read_fasta(conflicting, conflicts="majority")
    assert samples.ids.tolist() == ["red0", "red2", "red3", "red4", "blue2", "blue3"]
    assert set(reasons(samples)) == {"red1", "blue0", "blue1"}  # a tie has no majority


def test_a_conflict_with_a_filtered_record_is_none(conflicting):
    samples = read_fasta({**conflicting, "green": conflicting["red"]}, only=["red", "blue"],
                         conflicts="majority")  # fmt: skip
    assert samples.classes == ("red", "blue")
    assert len(samples) == 6


def test_duplicates(tmp_path):
    a, b, c, d = proteins(4)
    made = classes(tmp_path, red=[a, b, a, a], blue=[c, c, d])
    assert len(read_fasta(made)) == 7
    samples = read_fasta(made, duplicates="drop")
    assert samples.ids.tolist() == ["red0", "red1", "blue0", "blue2"]
    assert set(reasons(samples).values()) == {"the same sequence came before"}
    assert len(read_fasta(list(made.values()), duplicates="drop")) == 4  # unlabelled


def test_kept_and_dropped_are_all(tmp_path, conflicting):
    samples = read_fasta(conflicting, conflicts="majority", duplicates="drop")
    every = [*samples.ids, *samples.dropped["id"]]
    assert sorted(every) == sorted([f"red{i}" for i in range(5)] + [f"blue{i}" for i in range(4)])
    assert samples.table.index.tolist() == list(range(len(samples)))
    assert len(samples.payload) == len(samples)


def test_one_class_left(tmp_path):
    made = classes(tmp_path, red=proteins(3), blue=["MKV", "MKW"])
    with refused("only one class", "red (3 records)", "blue (0 records)", "2: shorter than 10"):
        read_fasta(made, min_length=10)
    with refused("only one class to learn: red (3 records)"):
        read_fasta({"red": made["red"]})


def test_one_member_left(tmp_path):
    made = classes(tmp_path, red=proteins(3), blue=proteins(1, seed=1), green=proteins(2, seed=2))
    with refused("Class 'blue' has 1 of the records", "at least two", "green (2 records)"):
        read_fasta(made)
    assert read_fasta(made, only=["red", "green"]).classes == ("red", "green")


def test_nothing_left(tmp_path):
    made = classes(tmp_path, red=proteins(3), blue=proteins(3, seed=1))
    with refused("No record is left", "6 of 6 records", "6: longer than 5"):
        read_fasta(made, max_length=5)
    empty = read_fasta(made["red"], max_length=5)  # unlabelled: nothing to learn, nothing wrong
    assert len(empty) == len(empty.payload) == 0
    assert len(empty.dropped) == 3
