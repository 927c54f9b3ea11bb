"""Mutations of single sequences."""

from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.cli import app
from cistron.explain.variants.mutate import Which, mutate_file, parse_positions, read_mutations
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.fasta import write_fasta
from tests.explain.conftest import MOTIF, PLACE, promoters

PROTEIN = "MKVLATTGWLKACDEFGHIK"


@pytest.fixture(scope="module")
def proteins():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 24)) for _ in range(90)]
    texts = [t[:8] + "WWW" + t[11:] if i % 3 == 0 else t for i, t in enumerate(texts)]
    texts = [t[:8] + "KKK" + t[11:] if i % 3 == 1 else t for i, t in enumerate(texts)]
    labels = ["wkx"[i % 3] for i in range(90)]
    samples = make_samples(Sequences.from_text(texts), labels=labels)
    encoder = {"kind": "residues", "max_length": 16, "crop": "start"}
    training = {"epochs": 3, "device": "cpu", "learning_rate": 1e-2}
    return Classifier(encoder, {"kind": "cnn", "blocks": 1, "filters": 8}, training).fit(samples)


def made(classifier, tmp_path, texts, alphabet="protein", **options):
    samples = make_samples(Sequences.from_text(texts, alphabet))
    write_fasta(samples, tmp_path / "x.fasta")
    found = mutate_file(classifier, tmp_path / "x.fasta", tmp_path / "o.parquet", **options)
    return pd.read_parquet(tmp_path / "o.parquet"), found


def test_every_substitution_is_that_of_a_loop(proteins, tmp_path):
    table, found = made(proteins, tmp_path, [PROTEIN, PROTEIN[::-1]])
    assert found["rows"] == len(table) == 2 * 20 * 19
    assert table["mutation"][0] == "M1A"
    rows = table.sample(60, random_state=1)
    texts = []
    for row in rows.itertuples():
        text = PROTEIN if row.id == "sample_1" else PROTEIN[::-1]
        assert text[row.position - 1] == row.reference
        texts.append(text[: row.position - 1] + row.mutant + text[row.position :])
    samples = make_samples(Sequences.from_text(texts))
    shares = proteins.predict_proba(samples)
    for number, name in enumerate(proteins.classes_):
        np.testing.assert_allclose(rows[f"p_alternative_{name}"], shares[:, number], atol=1e-5)
    originals = make_samples(
        Sequences.from_text([PROTEIN if i == "sample_1" else PROTEIN[::-1] for i in rows["id"]])
    )
    chosen = [list(proteins.classes_).index(name) for name in rows["class"]]
    at = np.arange(len(rows)), chosen
    expected = proteins.logits(samples)[at] - proteins.logits(originals)[at]
    np.testing.assert_allclose(rows["difference"], expected, atol=1e-4)
    # Behind what the model reads nothing changes, and it is said.
    behind = table["position"] > 16
    assert (table["difference"][behind] == 0).all()
    assert table["warning"][behind].str.contains("not read").all()
    assert (table["warning"][~behind] == "").all()


def test_motif_of_dna(cnn, tmp_path):
    text = promoters(4, seed=3).payload.text(1)
    table, _ = made(cnn, tmp_path, [text], "dna", which=Which(parse_positions("3-5,21-28")))
    assert len(table) == 11 * 3
    inside = table["position"].between(PLACE + 1, PLACE + len(MOTIF))
    assert table["difference"][inside].max() < -1
    assert table["difference"][~inside].abs().max() < 0.3


def test_mutations_of_a_list(proteins, tmp_path):
    (tmp_path / "m.csv").write_text("id,mutation\nsample_1,M1A\nsample_1,k2w:V3W\nother,A1C\n")
    which = Which(listed=read_mutations(tmp_path / "m.csv"))
    table, found = made(proteins, tmp_path, [PROTEIN, PROTEIN], which=which)
    assert table["mutation"].tolist() == ["M1A", "K2W:V3W"]
    assert found["unknown_ids"] == ["other"]
    assert found["without"]["first"][0]["id"] == "sample_2"
    both = make_samples(Sequences.from_text(["MWWLATTGWLKACDEFGHIK"]))
    np.testing.assert_allclose(
        table["p_alternative_w"][1], proteins.predict_proba(both)[0, 1], atol=1e-5
    )


@pytest.mark.parametrize(
    ("mutation", "message"),
    [
        ("A1C", "letter 1 of the sequence is M, not A"),
        ("M99C", "has 20 letters"),
        ("M1*", "is no mutation"),
        ("M1X", "X is none of"),
    ],
)
def test_mutations_that_do_not_fit(proteins, tmp_path, mutation, message):
    (tmp_path / "m.csv").write_text(f"id,mutation\nsample_1,{mutation}\n")
    with pytest.raises(InputError, match=message):
        made(proteins, tmp_path, [PROTEIN], which=Which(listed=read_mutations(tmp_path / "m.csv")))


def test_bad_options(proteins, tmp_path):
    assert parse_positions("3, 5-7") == ((2, 3), (4, 7))
    for text in ("0-3", "7-3", "a", ""):
        with pytest.raises(InputError, match="write them like"):
            parse_positions(text)
    with pytest.raises(InputError, match="nothing to mutate"):
        made(proteins, tmp_path, [PROTEIN], which=Which(((90, 95),)))
    with pytest.raises(InputError, match="every substitution"):
        made(proteins, tmp_path, [PROTEIN], which=Which(((1, 5),)), maps=tmp_path / "maps")


def test_command_line_and_heat_maps(proteins, tmp_path):
    proteins.save(tmp_path / "run")
    (tmp_path / "x.fasta").write_text(f">a|1\n{PROTEIN}\n>bad\n!!\n")
    command = ["mutate", str(tmp_path / "run"), str(tmp_path / "x.fasta"), "--quiet"]
    command += ["--out", str(tmp_path / "o.tsv"), "--maps", str(tmp_path / "maps")]
    said = CliRunner().invoke(app, [*command, "--device", "cpu"])
    assert said.exit_code == 0, said.output
    assert "380 mutations of 1 sequences" in said.stdout
    assert "bad" in said.stdout
    table = pd.read_csv(tmp_path / "o.tsv", sep="\t", keep_default_na=False)
    assert len(table) == 380
    (drawing,) = (tmp_path / "maps").glob("*.svg")
    root = ET.fromstring(drawing.read_text())
    assert "a|1" in root.get("aria-label", "")
    strongest = table.loc[table["difference"].abs().idxmax(), "mutation"]
    assert strongest in root.get("aria-label", "")
    wrong = CliRunner().invoke(app, [*command, "--force", "--positions", "1", "--mutations", "x"])
    assert "give one of them" in str(wrong.exception)
