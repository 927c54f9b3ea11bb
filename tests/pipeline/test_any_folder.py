"""A run made by relative paths is used from other folders."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.cli import app
from tests.samples.genome.genes_made import plant

EXPERIMENT = """\
name: promoters
samples:
  kind: genome
  genome: genome.fa
  annotation: ./genes.gtf
  numbers: {table: ../data/tpm.csv, columns: leaf_1}
  regions: deepdife
  groups: {family: {table: families.csv, column: family}}
split: {kind: chromosome}
encoder: {kind: kmers, k: 2}
model: {kind: logistic_regression}
evaluation: {bootstrap: 100}
"""


def call(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--quiet"])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    plant(data, each=20)
    (data / "e.yaml").write_text(EXPERIMENT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_used_from_any_folder(project, monkeypatch):
    call("fit", "data/e.yaml", "--out", "net")
    samples = yaml.safe_load((project / "net" / "experiment.yaml").read_text())["samples"]
    places = samples["genome"], samples["numbers"]["table"], samples["groups"]["family"]["table"]
    assert all(Path(place).is_absolute() for place in places)
    base = (project / "data" / "genome.fa").read_text().split("\n")[5][0]  # 1-based 240 + 1
    variant = f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n1\t241\t.\t{base}\tN\n"
    (project / "elsewhere" / "v.vcf").write_text(variant)
    monkeypatch.chdir(project / "elsewhere")
    call("variants", "../net", "v.vcf", "--out", "v.tsv")
    assert pd.read_csv("v.tsv", sep="\t")["window"].tolist() == ["AT1G00000"]
    call("fit", "../net/experiment.yaml", "--out", "again")
    first, again = (
        json.loads((folder / "metrics.json").read_text())["test"]["roc_auc"]
        for folder in (project / "net", Path("again"))
    )
    assert again == first


def test_a_run_is_resumed_from_any_folder(project, monkeypatch):
    call("crossval", "data/e.yaml", "--out", "net")
    whole = json.loads((project / "net" / "metrics.json").read_text())["test"]["roc_auc"]
    (project / "net" / "metrics.json").unlink()
    monkeypatch.chdir(project / "elsewhere")
    call("crossval", "../data/e.yaml", "--out", "../net", "--resume")
    assert json.loads((project / "net" / "metrics.json").read_text())["test"]["roc_auc"] == whole
    (project / "net" / "metrics.json").unlink()
    # As an older version wrote them: by the paths of the folder where the run was begun.
    (project / "net" / "sources.json").write_text('{"data/genome.fa": "changed"}')
    monkeypatch.chdir(project)
    words = ["crossval", "data/e.yaml", "--out", "net", "--resume", "--quiet"]
    with pytest.raises(InputError, match=r"genome.fa changed since net was begun"):
        CliRunner().invoke(app, words, catch_exceptions=False)
