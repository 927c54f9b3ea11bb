"""A plant user's path: genome, annotation, TPM table → a judged classifier of genes."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest
import yaml

from cistron import cli
from cistron.samples.genome.genome import read_genome
from tests.samples.genome.genes_made import Gene, dna, genome, gff3, plant


def run(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", ["cistron", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plant")
    plant(folder, each=80)
    document = {
        "name": "plant",
        "samples": {
            "kind": "genome",
            "genome": "genome.fa",
            "annotation": "genes.gtf",
            "numbers": {"table": "tpm.csv", "columns": ["leaf_*"]},
            "regions": "deepdife",
            "groups": {"family": {"table": "families.csv", "column": "family"}},
        },
        "split": {"kind": "chromosome", "keep_apart": ["family"]},
        "encoder": {"kind": "kmers", "k": 4},
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100, "homology_search": False},
    }
    path = folder / "plant.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_check(experiment, monkeypatch, capsys):
    run(monkeypatch, "check", experiment, "--json", "--quiet")
    found = json.loads(capsys.readouterr().out)
    assert found["dropped"]["in the middle: neither class"] > 100
    assert found["dropped"]["on an organelle"] == 1
    assert set(found["classes"]) == {"low", "high"}
    assert found["audit"]["split"]["kind"] == "chromosome"
    assert any("percentile of" in note for note in found["notes"])
    run(monkeypatch, "check", experiment, "--quiet")
    assert "chromosome: 1 " in capsys.readouterr().out


def test_fit_and_crossval(experiment, monkeypatch, capsys, tmp_path):
    run(monkeypatch, "fit", experiment, "--out", tmp_path / "fit", "--quiet", "--json")
    assert json.loads(capsys.readouterr().out)["test"]["roc_auc"]["value"] > 0.65
    changes = ["--set", "split.keep_apart=[]"]
    arguments = ["crossval", experiment, "--out", tmp_path / "cv", "--quiet", "--json", *changes]
    run(monkeypatch, *arguments)
    found = json.loads(capsys.readouterr().out)
    assert found["test"]["roc_auc"]["value"] > 0.8
    assert len(found["folds"]) == 5
    sides = found["test"]["relatives"]["family"]
    assert sides["with"]["n"] + sides["without"]["n"] == found["test"]["n"]
    samples = pd.read_parquet(tmp_path / "cv" / "samples.parquet")
    used = samples[samples["dropped"] == ""]
    assert len(used) == found["test"]["n"]
    assert (used["end"] - used["start"] == 150).all()
    assert set(used["strand"]) == {"+", "-"}
    tested = pd.read_parquet(tmp_path / "cv" / "predictions.parquet").set_index("id")
    assert (tested["label"][used["id"]].to_numpy() == used["label"].to_numpy()).all()
    page = (tmp_path / "cv" / "report.html").read_text()
    assert "Scores of samples whose family is, or is not, in training too" in page
    assert "strand" not in page.split("Groups in each part")[1][:2000].lower()


def test_genes_without_numbers_are_predicted(experiment, monkeypatch, capsys, tmp_path):
    changes = ["samples.numbers=null", "samples.label=null", "samples.groups={}"]
    changes += ["split.keep_apart=[]"]
    arguments = [word for change in changes for word in ("--set", change)]
    run(monkeypatch, "windows", experiment, "--out", tmp_path / "new.fa", *arguments, "--quiet")
    assert "400 sequences" in capsys.readouterr().out
    lines = (tmp_path / "new.fa").read_text().splitlines()
    assert lines[0] == ">AT1G00000"
    assert {len(line) for line in lines[1::2]} == {600}
    samples = read_genome(
        experiment.parent / "genome.fa", experiment.parent / "genes.gtf", regions="deepdife"
    )
    assert lines[1::2] == [samples.payload.text(row) for row in range(400)]


def test_families(monkeypatch, capsys, tmp_path):
    text = dna(200, 1) + "ATG" + "GCTAAACTGGAC" * 30 + "TGA" + dna(200, 2)
    fasta = genome(tmp_path / "genome.fa", {"1": text + text})
    genes = [Gene("a", "1", 201, 566), Gene("b", "1", 201 + len(text), 566 + len(text))]
    cds = [
        f"1\tmade\tCDS\t{g.start}\t{g.end}\t.\t+\t0\tID=c{g.id};Parent=gene:{g.id}\n" for g in genes
    ]
    annotation = gff3(tmp_path / "genes.gff3", genes, "".join(cds))
    out = tmp_path / "families.csv"
    run(monkeypatch, "families", fasta, annotation, "--out", out, "--quiet")
    assert "2 genes in 1 families" in capsys.readouterr().out
    assert out.read_text() == "gene_id,family\na,a\nb,a\n"
