from __future__ import annotations

import numpy as np
import pytest

from cistron.base.errors import InputError
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.fasta import read_fasta
from cistron.samples.sequences.table import read_table
from cistron.targets.memberships import RARE, strata

HEADERS = r"^\S+ (\S*)-[MSU]$"


def write(path, records):
    path.write_text("".join(f">{name}\n{text}\n" for name, text in records))
    return path


@pytest.fixture
def headers(tmp_path):
    records = [
        ("p1 Cytoplasm-Nucleus-U", "MKVLAA"),
        ("p2 Nucleus-M", "MKVLCC"),
        ("p3 Nucleus-Cytoplasm-S", "MKVLDD"),
        ("p4 Golgi-S", "MKVLEE"),
        ("p5 Golgi-Nucleus-S", "MKVLFF"),
    ]
    return write(tmp_path / "all.fasta", records)


def test_labels_of_headers_are_taken_apart(headers):
    samples = read_fasta(headers, label=HEADERS, label_separator="-")
    assert samples.classes == ("Cytoplasm", "Golgi", "Nucleus")
    # The order of the classes, whatever that of the header.
    assert samples.table["label"].tolist() == [
        *("Cytoplasm-Nucleus", "Nucleus", "Cytoplasm-Nucleus", "Golgi", "Golgi-Nucleus")
    ]
    assert samples.memberships.astype(int).tolist() == [
        *([1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1])
    ]
    assert samples.take([3, 0]).memberships.tolist() == [[False, True, False], [True, False, True]]
    with pytest.raises(ValueError, match="no single target"):
        _ = samples.targets


def test_without_the_key_a_label_is_one_class():
    plain = make_samples(Sequences.from_text(["MK", "MV"]), labels=["a-b", "a"])
    assert plain.classes == ("a", "a-b")
    assert plain.targets.tolist() == plain.strata.tolist() == [1, 0]
    assert plain.memberships.tolist() == [[False, True], [True, False]]


def test_only_takes_classes_out_and_drops_what_is_left_without(headers):
    samples = read_fasta(headers, label=HEADERS, label_separator="-", only=["Nucleus", "Cytoplasm"])
    assert samples.classes == ("Nucleus", "Cytoplasm")
    assert samples.table["label"].tolist()[0] == "Nucleus-Cytoplasm"
    assert samples.dropped[["id", "reason"]].to_numpy().tolist() == [
        ["p4", "of no class that is in `only`"]
    ]
    assert "keep only their classes that are in `only`: 1." in samples.notes[0]


def test_rename_can_join_classes(headers):
    samples = read_fasta(
        headers, label=HEADERS, label_separator="-", rename={"Golgi": "Inside", "Nucleus": "Inside"}
    )
    assert samples.classes == ("Cytoplasm", "Inside")
    assert samples.table["label"].tolist()[-2:] == ["Inside", "Inside"]


def test_a_record_in_several_class_files_has_all_classes(tmp_path):
    one = write(tmp_path / "one.fasta", [("p1", "MKVL"), ("p2", "MKAA"), ("p3", "MKCC")])
    two = write(tmp_path / "two.fasta", [("p2", "MKAA"), ("p4", "MKDD"), ("p5", "MKEE")])
    files = {"one": one, "two": two}
    samples = read_fasta(files, label_separator=";")
    assert samples.ids.tolist() == ["p1", "p2", "p3", "p4", "p5"]
    assert samples.table["label"].tolist() == ["one", "one;two", "one", "two", "two"]
    assert samples.dropped["reason"].tolist() == [
        "joined with an earlier record of the same id and sequence"
    ]
    with pytest.raises(InputError, match="more than one class"):
        read_fasta(files)


def test_the_same_sequence_under_two_names_with_two_sets_is_a_conflict(tmp_path):
    path = write(tmp_path / "x.fasta", [("a n-c-U", "MKVL"), ("b n-U", "MKVL"), ("c c-U", "MKA")])
    with pytest.raises(InputError, match="in more than one set of classes"):
        read_fasta(path, label=HEADERS, label_separator="-")


def test_tables_of_either_shape(tmp_path):
    path = tmp_path / "wide.tsv"
    path.write_text("id\tsequence\tlabel\np\tMKVL\ta; b\nq\tMKAA\tb;;\nr\tMKCC\ta\ns\tMKDD\t\n")
    wide = read_table(path, label_separator=";")
    assert wide.table["label"].tolist() == ["a;b", "b", "a"]
    assert wide.dropped["reason"].tolist() == ["no label"]
    path.write_text("id\tsequence\tlabel\np\tMKVL\ta\np\tMKVL\tb\nq\tMKAA\tb\nr\tMKCC\ta\n")
    long = read_table(path, label_separator=";")
    assert long.table["label"].tolist() == ["a;b", "b", "a"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rename": {"Golgi": "Golgi-body"}}, "contains the separator '-'"),
        ({"only": ["Nucleus", "Golgy"]}, "no record is labelled 'Golgy'.*Did you mean"),
        ({"rename": {"Nuclei": "N"}}, "no record is labelled 'Nuclei'"),
        ({"only": ["Golgi"]}, "only one class to learn"),
        ({"min_length": 100}, "No record is left"),
    ],
)
def test_mistakes_are_told(headers, settings, message):
    with pytest.raises(InputError, match=message):
        read_fasta(headers, label=HEADERS, label_separator="-", **settings)


def test_a_separator_needs_labels(headers, tmp_path):
    with pytest.raises(ValueError, match="`label_separator` need labels"):
        read_fasta(headers, label_separator="-")
    with pytest.raises(ValueError, match="`label_separator` need labels"):
        read_table(tmp_path / "x.tsv", label=None, label_separator="-")


def test_rare_combinations_count_with_their_rarest_class():
    rows = [[1, 0, 0]] * 30 + [[0, 1, 0]] * 20 + [[0, 0, 1]] * 12 + [[1, 1, 0]] * RARE
    rows += [[1, 0, 1]] * 3 + [[0, 0, 0]]
    found = strata(np.array(rows, dtype=bool))
    assert found[-1] == -1
    assert set(found[72:75]) == set(found[50:62])  # the third class is rarer than the first
    assert len(set(found[:72])) == 4
