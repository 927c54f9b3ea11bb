from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from cistron.samples.sequences.table import TableSamples, read_table
from tests.samples.made import compress, feed, proteins, refused

TEXTS = proteins(6)


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "id": [f"s{i}" for i in range(6)],
            "note": "a, b; c",
            "sequence": TEXTS,
            "label": ["no", "yes"] * 3,
            "family": ["f1", "f1", "f2", "f2", "f3", "f3"],
            "weight": [1, 2, 0.5, 1, 1, 0],
        }
    )


def write(frame: pd.DataFrame, path):
    plain = path.with_name(path.name.removesuffix(".gz"))
    if plain.suffix == ".parquet":
        frame.to_parquet(plain)
    else:
        separator = {".csv": ",", ".tsv": "\t", ".txt": ";"}[plain.suffix]
        frame.to_csv(plain, sep=separator, index=False)
    return compress(plain, path.name) if path.suffix == ".gz" else plain


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.csv.gz", "t.tsv.gz", "t.parquet"])
def test_formats(tmp_path, frame, name):
    path = write(frame, tmp_path / name)
    samples = read_table(path, groups=("family",), weight="weight")
    assert samples.ids.tolist() == frame["id"].tolist()
    assert [samples.payload.text(row) for row in range(6)] == TEXTS
    assert samples.classes == ("no", "yes")
    assert samples.targets.tolist() == [0, 1] * 3
    assert samples.table["family"].tolist() == frame["family"].tolist()
    assert samples.table["weight"].tolist() == frame["weight"].tolist()
    assert list(samples.sources) == [str(path)]
    assert (samples.dropped.columns == ["id", "source", "record", "reason"]).all()


def test_standard_input(monkeypatch, frame):
    feed(monkeypatch, gzip.compress(frame.to_csv(index=False).encode()))
    assert len(read_table("-")) == 6


def test_other_columns_and_no_label(tmp_path, frame):
    path = write(frame.rename(columns={"id": "name", "sequence": "seq"}), tmp_path / "t.csv")
    samples = read_table(path, id="name", sequence="seq", label=None)
    assert samples.classes == ()
    assert len(samples) == 6


def test_the_same_column_twice(tmp_path, frame):
    samples = read_table(write(frame, tmp_path / "t.csv"), label="family", groups=("family",))
    assert samples.classes == ("f1", "f2", "f3")
    assert samples.table["family"].equals(samples.table["label"].rename("family"))


def test_odd_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "\ufeffid, sequence ,label\n"
        f"a,{TEXTS[0].lower()}*,x\n"
        f",{TEXTS[1]},y\n"
        "c,,x\n"
        "\n"
        f"a,{TEXTS[3]},y\n"
        f"NA,{TEXTS[4]},NaN\n"
        "f,MK(V),x\n"
        f'"g h","{TEXTS[5][:20]}\n{TEXTS[5][20:]}", x \n'
        "i,NA,y\n"
        "j\n"
    )
    samples = read_table(path)
    assert samples.ids.tolist() == ["a", "record_2", "a#2", "g h", "i"]
    assert samples.table["label"].tolist() == ["x", "y", "y", "x", "y"]
    assert samples.payload.text(0) == TEXTS[0]
    assert samples.payload.text(3) == TEXTS[5]
    assert samples.payload.text(4) == "NA"  # asparagine, alanine
    assert samples.dropped[["id", "record", "reason"]].to_numpy().tolist() == [
        ["c", 3, "no sequence"],
        ["NA", 5, "no label"],
        ["f", 6, "characters that are no protein letters: ( )"],
        ["j", 9, "no sequence"],
    ]


def test_ids_and_labels_stay_as_written(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,sequence,label\n007,MKV,01\n1e3,MKW,1\n008,MKL,01\n1.0,MKI,1\n")
    samples = read_table(path)
    assert samples.ids.tolist() == ["007", "1e3", "008", "1.0"]
    assert samples.classes == ("01", "1")


def test_numbers_and_missing_values_in_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    made = {"id": range(5), "sequence": TEXTS[:5], "label": [0, 1, 0, 1, None]}
    pd.DataFrame(made).astype({"label": "Int64", "sequence": "category"}).to_parquet(path)
    samples = read_table(path)
    assert samples.ids.tolist() == ["0", "1", "2", "3"]
    assert samples.classes == ("0", "1")
    assert samples.dropped["reason"].tolist() == ["no label"]


def test_filters_work_on_tables_too(tmp_path, frame):
    frame["sequence"] = [TEXTS[0], TEXTS[0], *TEXTS[2:]]
    path = write(frame, tmp_path / "t.csv")
    with refused(
        "One sequence is in more than one class", "s0 (no, record 1 of", "s1 (yes, record 2"
    ):
        read_table(path)
    assert len(read_table(path, conflicts="drop")) == 4
    renamed = read_table(path, conflicts="drop", rename={"no": "zz"})
    assert renamed.classes == ("yes", "zz")


def test_a_missing_column(tmp_path, frame):
    path = write(frame.rename(columns={"sequence": "sequences"}), tmp_path / "t.csv")
    with refused(path, "no column 'sequence'", "id, note, sequences", "Did you mean 'sequences'?"):
        read_table(path)


def test_a_column_twice(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,sequence,label,id\na,MKV,x,b\n")
    with refused(path, "two columns 'id'"):
        read_table(path)


def test_missing_groups(tmp_path, frame):
    frame.loc[[2, 4], "family"] = None
    path = write(frame, tmp_path / "t.csv")
    with refused("samples.groups.family", "2 of 6 records", f"record 3 of {path}", "'s2'"):
        read_table(path, groups=("family",))


@pytest.mark.parametrize("wrong", ["-1", "heavy", "", "inf", "nan"])
def test_wrong_weights(tmp_path, frame, wrong):
    frame["weight"] = frame["weight"].astype(object)
    frame.loc[3, "weight"] = wrong
    path = write(frame, tmp_path / "t.csv")
    with refused("samples.weight", repr(wrong), f"record 4 of {path}", "from 0 up"):
        read_table(path, weight="weight")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("id,sequence,label\na,MKV,x\nb,MKV,x,more\n", ("line 3 has 4 fields, its first line 3",)),
        ("id,sequence,label\n1,2,a,MKV,x\n", ("line 2 has 5 fields",)),
        ('id,sequence,label\na,"MKV,x\nb,MKW,y\n', ("quotation mark opened in line 2",)),
        ("id,sequence,label\n", ("has a header and no rows",)),
        ("a,MKV,x\nb,MKW,y\n", ("no column 'id'", "a, MKV, x")),
        (">a\nMKV\n", ("looks like FASTA", "Set kind: fasta")),
        ("<html></html>", ("HTML",)),
    ],
)
def test_broken_tables(tmp_path, text, parts):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with refused(path, *parts):
        read_table(path)


def test_a_table_in_another_encoding(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("id,sequence,label\nä,MKV,x\n".encode("latin-1"))
    with refused(path, "not UTF-8"):
        read_table(path)


def test_truncated_files(tmp_path):
    path = tmp_path / "t.csv.gz"
    rng = np.random.default_rng(0)
    rows = "".join(f"s{i},{rng.integers(1 << 60)},x\n" for i in range(30_000))
    path.write_bytes(gzip.compress(f"id,sequence,label\n{rows}".encode())[:-50_000])
    with refused(path, "cut short"):
        read_table(path)
    parquet = tmp_path / "t.parquet"
    pd.DataFrame({"id": ["a"], "sequence": ["MKV"]}).to_parquet(parquet)
    parquet.write_bytes(parquet.read_bytes()[:-20])
    with refused(parquet, "no readable parquet table"):
        read_table(parquet)


def test_the_wrong_alphabet(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,sequence\n" + "".join(f"s{i},ACGTACGTNN\n" for i in range(9)))
    with refused(path, "looks like DNA", "Set alphabet: dna"):
        read_table(path, label=None)


def test_many_rows_are_read_in_parts(tmp_path):
    made = proteins(20_000, length=12)
    path = tmp_path / "t.csv"
    frame = pd.DataFrame({"id": np.arange(20_000), "sequence": made, "label": ["x", "y"] * 10_000})
    frame.to_csv(path, index=False)
    samples = read_table(path, conflicts="drop")
    assert len(samples) + len(samples.dropped) == 20_000
    row = samples.ids.tolist().index("19999")
    assert samples.payload.text(row) == made[-1]


def test_settings_survive_a_round_trip():
    made = TableSamples(path="x.csv", groups=("family",), weight="w", label=None)
    assert TableSamples.model_validate(made.document()) == made
    assert TableSamples.model_json_schema()["properties"]["kind"]["const"] == "table"
