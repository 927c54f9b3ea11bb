from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from cistron.samples.sequences.fasta import FastaSamples, read_fasta
from tests.places import DATA
from tests.samples.made import compress, fasta, proteins, refused

AWKWARD = DATA / "awkward.fasta"
LABELS = {"table": DATA / "labels.tsv", "id": "name", "column": "class"}


@pytest.fixture
def one_file(tmp_path):
    headers = [f"s{i} place={'Golgi' if i % 3 else 'nucleus'}|family=f{i % 4}" for i in range(12)]
    return fasta(tmp_path / "all.fasta", dict(zip(headers, proteins(12), strict=True)))


@pytest.fixture
def two_files(tmp_path):
    made = proteins(8)
    zero = fasta(tmp_path / "zero.fasta", {f"z{i} gene=g{i % 2}": made[i] for i in range(4)})
    one = fasta(tmp_path / "one.fasta", {f"o{i} gene=g{i % 2}": made[4 + i] for i in range(4)})
    return {"zero": zero, "one": one}


def test_a_file_for_each_class(two_files):
    samples = read_fasta(two_files, groups={"gene": r"gene=(\S+)"})
    assert samples.classes == ("zero", "one")
    assert samples.targets.tolist() == [0] * 4 + [1] * 4
    assert samples.groups == ("gene",)
    assert samples.table["gene"].tolist() == ["g0", "g1"] * 4
    assert samples.table["weight"].tolist() == [1.0] * 8
    assert list(samples.sources) == [str(path) for path in two_files.values()]


def test_several_files_for_a_class(two_files, tmp_path):
    more = fasta(tmp_path / "more.fasta", {"m": "MKVLLW"})
    samples = read_fasta({"zero": [two_files["zero"], more], "one": two_files["one"]})
    assert (samples.targets == 0).sum() == 5


def test_labels_from_the_header(one_file):
    samples = read_fasta(one_file, label=r"place=(\w+)", groups={"family": r"family=(?P<f>\w+)"})
    assert samples.classes == ("Golgi", "nucleus")
    assert samples.table["label"].tolist()[:3] == ["nucleus", "Golgi", "Golgi"]
    assert samples.table["family"].tolist()[:5] == ["f0", "f1", "f2", "f3", "f0"]


def test_records_without_a_label_are_dropped(tmp_path):
    made = dict(zip(["a x=1", "b", "c x=2", "d x=1", "e x=2"], proteins(5), strict=True))
    samples = read_fasta(fasta(tmp_path / "x.fasta", made), label=r"x=(\d)")
    assert samples.ids.tolist() == ["a", "c", "d", "e"]
    assert samples.dropped.to_numpy().tolist() == [
        ["b", str(tmp_path / "x.fasta"), 2, "the header does not match the label pattern"]
    ]


def test_a_pattern_that_matches_nothing(one_file):
    with refused("'compartment=(.+)'", "none of the 12 headers", one_file, "s0 place=nucleus"):
        read_fasta(one_file, label="compartment=(.+)")


def test_groups_are_never_guessed(one_file):
    with refused("samples.groups.odd", "'family=(f[0-2])'", "3 of 12 records", "record 4 of",
                 one_file, "'s3 place=nucleus|family=f3'"):  # fmt: skip
        read_fasta(one_file, label=r"place=(\w+)", groups={"odd": "family=(f[0-2])"})


def test_a_group_that_is_a_matter_of_files(two_files):
    files = {"train": two_files["zero"], "test": two_files["one"]}
    paths = list(two_files.values())
    samples = read_fasta(paths, label=r"gene=(\S+)", groups={"part": {"files": files}})
    assert samples.table["part"].tolist() == ["train"] * 4 + ["test"] * 4
    with refused("samples.groups.part", "no value has the file", two_files["one"]):
        read_fasta(paths, groups={"part": {"files": {"train": two_files["zero"]}}})
    with refused("samples.groups.part", two_files["one"], "not among the files"):
        read_fasta(two_files["zero"], groups={"part": {"files": files}})


def test_dropped_records_need_no_group(one_file):
    samples = read_fasta(
        one_file, label=r"(?:family=)(f\d)", groups={"odd": "family=(f[0-2])"}, only=["f0", "f1"]
    )
    assert set(samples.table["odd"]) == {"f0", "f1"}


def test_label_table():
    samples = read_fasta(AWKWARD, label=LABELS, groups={"family": {"column": "family"}})
    assert samples.table[["id", "label", "family"]].to_numpy().tolist() == [
        ["plain", "red", "f1"],
        ["wrapped", "blue", "f1"],
        ["lower", "red", "f2"],
        ["gaps", "blue", "f2"],
        ["inner_stop", "red", "f3"],
        ["plain#2", "red", "f1"],
    ]
    reasons = dict(zip(samples.dropped["id"], samples.dropped["reason"], strict=True))
    assert reasons["stop"] == "no label in the label table"
    assert reasons["ambiguous"] == "not in the label table"
    assert reasons["empty"] == "no sequence"
    assert f"Ids of {LABELS['table']} that are no record: 1 ('nowhere')." in samples.notes
    assert list(samples.sources) == [str(AWKWARD), str(LABELS["table"])]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.csv.gz", "t.tsv.gz"])
def test_formats_of_the_label_table(tmp_path, name):
    frame = pd.read_csv(LABELS["table"], sep="\t")
    path = tmp_path / name.removesuffix(".gz")
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if "tsv" in name else ",", index=False)
    if name.endswith(".gz"):
        path = compress(path, name)
    samples = read_fasta(AWKWARD, label={**LABELS, "table": path})
    assert samples.ids.tolist() == ["plain", "wrapped", "lower", "gaps", "inner_stop", "plain#2"]


def table(tmp_path, text: str) -> dict:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return {"table": path}


def test_a_table_that_contradicts_itself(tmp_path):
    label = table(tmp_path, "id,label\nplain,red\nlower,blue\nplain,blue\n")
    with refused(label["table"], "label of 'plain' is 'red' and 'blue'", "differ: 1)"):
        read_fasta(AWKWARD, label=label)
    same = table(tmp_path, "id,label\nplain,red\nlower,blue\nplain,red\ngaps,blue\n")
    assert len(read_fasta(AWKWARD, label=same)) == 4


def test_a_table_of_other_ids(tmp_path):
    label = table(tmp_path, "id,label\nP1,red\nP2,blue\n")
    with refused(label["table"], "knows none", "'P1', 'P2'", "'plain', 'wrapped', 'lower'"):
        read_fasta(AWKWARD, label=label)


def test_a_table_whose_ids_are_written_otherwise(tmp_path):
    made = dict(zip([f"AT1G{i:05d}.1 x" for i in range(8)], proteins(8), strict=True))
    path = fasta(tmp_path / "x.fasta", made)
    rows = "".join(f"at1g{i:05d},{'red' if i % 2 else 'blue'}\n" for i in range(8))
    samples = read_fasta(path, label=table(tmp_path, f"id,label\n{rows}"))
    assert samples.table["label"].tolist() == ["blue", "red"] * 4
    assert any("were matched without version suffixes, in upper" in n for n in samples.notes)
    few = "AT1G00000.1,red\n" + "".join(f"P{i},blue\n" for i in range(7))
    with refused("labels.csv", "Only 12% of either", "'AT1G00000.1', 'P0'", "50% are needed"):
        read_fasta(path, label=table(tmp_path, f"id,label\n{few}"))


def test_a_table_without_the_column(tmp_path):
    label = table(tmp_path, "id,labels\nplain,red\n")
    with refused(label["table"], "no column 'label'", "id, labels", "Did you mean 'labels'?"):
        read_fasta(AWKWARD, label=label)


def test_a_table_without_rows(tmp_path):
    with refused("has a header and no rows"):
        read_fasta(AWKWARD, label=table(tmp_path, "id,label\n"))


def test_rename_and_only(one_file):
    pattern = r"family=(\w+)"
    samples = read_fasta(one_file, label=pattern, rename={"f3": "f2"}, only=["f2", "f0"])
    assert samples.classes == ("f2", "f0")
    assert samples.table["label"].value_counts().to_dict() == {"f2": 6, "f0": 3}
    assert set(samples.dropped["reason"]) == {"of a class that is not in `only`"}
    with refused("samples.only", "'f9'", "f0, f1, f2, f3"):
        read_fasta(one_file, label=pattern, only=["f9", "f0"])
    with refused("samples.rename", "'Golgy'", "Did you mean 'Golgi'?"):
        read_fasta(one_file, label=r"place=(\w+)", rename={"Golgy": "x"})


def test_renamed_classes_keep_the_order_of_the_files(two_files):
    samples = read_fasta(two_files, rename={"zero": "z"})
    assert samples.classes == ("z", "one")


def problems(**keys) -> list[tuple]:
    with pytest.raises(ValidationError) as caught:
        FastaSamples(**keys)
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("keys", "place", "said"),
    [
        ({"path": "x", "label": "place="}, "label", "0 capturing groups and needs exactly one"),
        ({"path": "x", "label": "(a)(b)"}, "label", "2 capturing groups"),
        ({"path": "x", "label": "(a"}, "label", "no regular expression"),
        ({"path": "x", "label": {"table": "t", "colum": "x"}}, "label", "not permitted"),
        ({"path": "x", "groups": {"label": "(a)"}}, "groups", "cannot be called"),
        ({"path": "x", "groups": {"g": {"column": "c"}}}, None, "column of the label table"),
        ({"path": "x", "classes": {"a": "y"}}, None, "not both"),
        ({}, None, "not both or neither"),
        ({"classes": {"a": "x"}, "label": "(a)"}, None, "`label` goes with `path`"),
        ({"classes": {True: "x", False: "y"}}, "classes", "quotation marks"),
        ({"classes": {}}, "classes", "at least 1"),
        ({"path": []}, "path", "at least 1"),
        ({"path": "x", "only": ["a"]}, None, "need labels"),
        ({"path": "x", "min_length": 5, "max_length": 4}, None, "no sequence would be left"),
        ({"path": "x", "min_length": 0}, "min_length", "greater than or equal to 1"),
        ({"path": "x", "max_unknown": 1.5}, "max_unknown", "less than or equal to 1"),
    ],
)
def test_settings_are_checked_before_anything_is_read(keys, place, said):
    (location, message), *_ = problems(**keys)
    assert said in message
    assert place is None or location[0] == place


def test_one_named_group_among_several_is_the_value(tmp_path):
    made = dict(zip(["a1", "b2", "a3", "b4"], proteins(4), strict=True))
    samples = read_fasta(fasta(tmp_path / "x.fasta", made), label=r"(?P<kind>[ab])(\d)")
    assert samples.table["label"].tolist() == ["a", "b", "a", "b"]


def test_numbers_as_class_names(two_files):
    samples = FastaSamples(classes={0: two_files["zero"], 1: two_files["one"]}).read()
    assert samples.classes == ("0", "1")


def test_settings_survive_a_round_trip(two_files):
    one = FastaSamples(classes={k: str(v) for k, v in two_files.items()}, groups={"g": "gene=(.)"})
    other = FastaSamples(path="x", label=LABELS, groups={"f": {"column": "family"}}, only=["a"])
    parts = {"part": {"files": {"train": ["x"], "test": ["y", "z"]}}}
    third = FastaSamples(path=["x", "y", "z"], groups=parts)
    for made in (one, other, third):
        assert FastaSamples.model_validate(made.document()) == made
    assert one.document()["classes"]["zero"] == [str(two_files["zero"])]
    assert FastaSamples.model_json_schema()["properties"]["kind"]["const"] == "fasta"


def test_paths_are_relative_to_the_experiment(two_files, tmp_path):
    document = {"classes": {"zero": "zero.fasta", "one": ["one.fasta"]}}
    made = FastaSamples.model_validate(document, context={"folder": tmp_path})
    assert len(made.read()) == 8
