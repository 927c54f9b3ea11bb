"""What the server answers is what the command line says."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cistron.base.version import __version__
from cistron.classifier.load import load
from tests.cli.test_cli import command
from tests.samples.cells.cells_made import write_10x
from tests.serve.conftest import SAVED, dna_texts
from tests.serve.server import Server

INPUTS = {"proteins": "input.fasta", "several": "input.tsv", "cells": "input.tsv"}


def predicted(run: Path, source: Path, out: Path, capsys) -> tuple[bytes, dict]:
    """Return what `cistron predict --json` writes and prints."""
    capsys.readouterr()
    assert command("predict", str(run), str(source), "--out", str(out), "--json", "--quiet") == 0
    printed = json.loads(capsys.readouterr().out)
    return out.read_bytes(), {k: v for k, v in printed.items() if k != "out"}


@pytest.mark.parametrize("kind", ["tsv", "jsonl"])
@pytest.mark.parametrize("name", INPUTS)
def test_a_job_gives_what_predict_gives(server, runs, tmp_path, capsys, name, kind):
    source = SAVED / name / INPUTS[name]
    expected, counts = predicted(runs[name], source, tmp_path / f"x.{kind}", capsys)
    job = server.wait(server.submit(source.read_bytes(), source.name, model=name))
    assert job["state"] == "done", job
    assert server.results(job["id"], kind) == expected
    assert job["counts"] == counts
    document = json.loads(server.results(job["id"], "json"))
    lines = server.results(job["id"], "jsonl").splitlines()
    assert document["results"] == [json.loads(line) for line in lines]
    known = {"name": name, "sha256": load(runs[name]).checksum_}
    assert document["cistron"] == __version__ == job["cistron"]
    assert document["model"] == known == job["model"]
    assert document["records"] == counts["records"]


def test_a_small_request_gives_what_predict_gives(server, runs, tmp_path, capsys):
    records = (SAVED / "proteins" / "input.fasta").read_text().split(">")[1:8]
    text = "".join(f">{record}" for record in records) + ">bad\nMKV1\n>\nMKVLLAGQ\n"
    source = tmp_path / "x.fasta"
    source.write_text(text)
    expected, counts = predicted(runs["proteins"], source, tmp_path / "x.jsonl", capsys)
    answer = server.client.post("/v1/predict?model=proteins", content=text).json()
    assert answer["results"] == [json.loads(line) for line in expected.splitlines()]
    assert {key: answer[key] for key in counts} == counts
    assert counts["predicted"] == counts["records"] - 1


def test_tables_have_columns_of_any_name(server):
    text = "name\tprotein\na\tMKVLLAGQWWHCWAAAKLMNP\n"
    query = {"model": "proteins", "id_column": "name", "sequence_column": "protein"}
    answer = server.client.post("/v1/predict", content=text, params=query).json()
    assert [row["id"] for row in answer["results"]] == ["a"]
    job = server.wait(server.submit(text, "x.tsv", **query))
    assert job["counts"]["predicted"] == 1


def test_what_is_compressed_is_read(server):
    source = SAVED / "proteins" / "input.fasta"
    plain = server.wait(server.submit(source.read_bytes(), model="proteins"))
    job = server.submit(gzip.compress(source.read_bytes()), "x.fasta.gz", model="proteins")
    assert server.wait(job)["state"] == "done"
    assert server.results(job) == server.results(plain["id"])


def cells_of(name: str, folder: Path) -> Path:
    """Return the saved cells as 10x has them in a zip, or as h5ad."""
    table = pd.read_csv(SAVED / "cells" / "input.tsv", sep="\t", index_col=0)
    if name == "h5ad":
        import anndata

        frames = {"obs": table[[]], "var": pd.DataFrame(index=table.columns)}
        anndata.AnnData(table.to_numpy(np.float32), **frames).write_h5ad(folder / "x.h5ad")
        return folder / "x.h5ad"
    write_10x(folder / "tenx", table.to_numpy(np.float32))
    features = "".join(f"{gene}\t{gene}\tGene Expression\n" for gene in table.columns)
    (folder / "tenx" / "features.tsv.gz").write_bytes(gzip.compress(features.encode()))
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        for file in (folder / "tenx").iterdir():
            archive.write(file, f"sample/filtered/{file.name}")
        archive.writestr("../../evil.py", "raise SystemExit")
    return folder / "x.zip"


@pytest.mark.parametrize("name", ["h5ad", "zip"])
def test_cells_come_as_h5ad_and_as_a_zipped_folder(server, runs, tmp_path, name):
    source = cells_of(name, tmp_path)
    job = server.wait(server.submit(source.read_bytes(), source.name, model="cells"))
    assert job["state"] == "done", job
    expected = pd.read_csv(SAVED / "cells" / "expected.tsv", sep="\t", keep_default_na=False)
    table = pd.read_csv(io.BytesIO(server.results(job["id"])), sep="\t", keep_default_na=False)
    assert table["predicted"].tolist() == expected["predicted"].tolist()
    (tmp_path / "result.h5ad").write_bytes(server.results(job["id"], "h5ad"))
    import anndata

    cells = anndata.read_h5ad(tmp_path / "result.h5ad")
    assert cells.obs["cistron_predicted"].astype(str).tolist() == table["predicted"].tolist()
    page = server.client.get(f"/jobs/{job['id']}/rows/0").text
    assert "GENE" in page
    assert "<svg" in page
    assert not list(server.data.rglob("evil.py"))


def test_explanations_are_figures_with_their_numbers(server):
    texts, _ = dna_texts(4)
    text = "".join(f">d{i}\n{t}\n" for i, t in enumerate(texts))
    job = server.wait(server.submit(text, model="dna"))
    page = server.client.get(f"/jobs/{job['id']}/rows/1").text
    assert "<svg" in page
    assert "d1" in page
    table = server.client.get(f"/jobs/{job['id']}/rows/1/contributions.tsv").text
    table = pd.read_csv(io.StringIO(table), sep="\t")
    assert "".join(table["letter"]) == texts[1]
    assert table["position"].tolist() == list(range(1, 81))
    text = (SAVED / "proteins" / "input.fasta").read_text()
    job = server.wait(server.submit(text, model="proteins"))
    page = server.client.get(f"/jobs/{job['id']}/rows/0").text
    assert page.count("<svg") == 2
    substitutions = server.client.get(f"/jobs/{job['id']}/rows/0/substitutions.tsv").text
    protein = text.split(">")[1].split("\n", 1)[1].replace("\n", "")
    assert len(substitutions.splitlines()) == 1 + 19 * len(protein)
    figure = server.client.get(f"/jobs/{job['id']}/rows/0/substitutions.svg")
    assert figure.text.startswith("<svg")


def test_a_record_that_was_not_predicted_says_why(server):
    job = server.wait(server.submit(">a\nMKVLLAGQWWHCW\n>b\nMK?V\n", model="proteins"))
    page = server.client.get(f"/jobs/{job['id']}").text
    assert "not predicted: " in page
    answer = server.client.get(f"/jobs/{job['id']}/rows/1")
    assert answer.status_code == 400
    assert "was not predicted" in answer.text


def test_a_bad_upload_is_named(server):
    job = server.wait(server.submit(">a\nACGUACGUACGUACGUACGUACGUACGUACGU\n", model="proteins"))
    assert job["state"] == "failed"
    assert "looks like RNA" in job["error"]
    assert job["error"] in server.client.get(f"/jobs/{job['id']}").text.replace("&#39;", "'")


def test_a_check_names_the_record(server):
    text = ">a\nMKVLLAGQWWHCW\n>b\nMK?V\n>c\n" + "MKVLA" * 200
    found = server.client.post("/v1/check?model=proteins", content=text).json()
    assert (found["records"], found["usable"]) == (3, 2)
    reasons = {each["id"]: each["reason"] for each in found["odd"]}
    assert found["odd"][0]["record"] == 2
    assert "no protein letters" in reasons["b"]
    assert "longer than any training sequence" in reasons["c"]


def test_the_first_page_says_how_far_to_trust_each_model(server):
    page = server.client.get("/").text
    assert "The model does not beat copying the label of the nearest training homolog" in page
    assert "Not scored." in page
    document = server.client.get("/v1/models").json()
    models = {model["name"]: model for model in document["models"]}
    assert models["proteins"]["trusted"] is False
    assert [each["state"] for each in models["proteins"]["verdict"]][:2] == ["fail", "fail"]
    assert models["cells"]["verdict"] == []
    assert models["dna"]["facts"]["Training range"] == "80 to 80 letters"
    assert document["limits"]["records"] == 100_000


def test_rows_are_sorted_and_filtered(server):
    job = server.wait(server.submit((SAVED / "proteins" / "input.fasta").read_bytes(),
                                    model="proteins"))  # fmt: skip
    table = pd.read_csv(io.BytesIO(server.results(job["id"])), sep="\t", keep_default_na=False)
    page = f"/jobs/{job['id']}"

    def ids(**query: str) -> list[str]:
        text = server.client.get(page, params=query).text
        cells = text.split("<tbody>")[1].split("</tbody>")[0].split('<th scope="row">')[1:]
        return [cell.split(">")[1].split("<")[0] for cell in cells]

    assert ids() == table["id"].tolist()
    column = next(name for name in table if name.startswith("p_"))
    assert ids(sort=column) == table.sort_values(column, kind="stable")["id"].tolist()
    down = table.sort_values(column, kind="stable", ascending=False)["id"].tolist()
    assert ids(sort=column, down="1") == down
    assert ids(warned="1") == table[table["warning"] != ""]["id"].tolist() != []
    assert ids(find=table["id"][3].upper()) == [table["id"][3]]
    call = table["predicted"][0]
    assert ids(predicted=call) == table[table["predicted"] == call]["id"].tolist()
    assert ids(sort="nothing", below="x", page="0") == table["id"].tolist()


def test_a_job_is_cancelled(server):
    text = "".join(f">a{i}\n{'MKVLLAGQWW' * 8}\n" for i in range(15_000))
    first = server.submit(text, model="proteins")
    second = server.submit(">b\nMKVLLAGQWWHCW\n", model="proteins")
    assert server.job(second)["state"] == "queued"
    server.wait(first, "running")
    server.client.post(f"/jobs/{first}/cancel", follow_redirects=False)
    assert server.client.delete(f"/v1/jobs/{first}").json()["state"] == "cancelled"
    assert server.wait(second)["state"] == "done"
    assert server.client.get(f"/v1/jobs/{first}/results").status_code == 409


def test_the_page_is_one_file(server):
    job = server.wait(server.submit(">sp|P01308|INS_HUMAN\nMKVLLAGQWWHCW\n", model="proteins"))
    page = server.client.get(f"/jobs/{job['id']}/page.html").text
    assert "<script" not in page
    assert '<link rel="stylesheet"' not in page
    assert "default-src 'none'" in page
    assert "https://www.uniprot.org/uniprotkb/P01308" in page


def test_metrics_count(server):
    before = server.client.get("/metrics").text
    server.client.post("/v1/predict?model=proteins", content=">a\nMKVLLAGQ\n")
    after = server.client.get("/metrics").text

    def requests(text: str) -> float:
        line = 'cistron_requests_total{method="POST",status="200"} '
        return float(next((r.removeprefix(line) for r in text.splitlines()
                           if r.startswith(line)), "0"))  # fmt: skip

    assert requests(after) == requests(before) + 1
    assert 'cistron_jobs{state="queued"} 0' in after


def test_the_documentation_needs_no_other_host(server):
    page = server.client.get("/docs").text
    assert "/v1/jobs/{job}/results" in page
    assert "//cdn" not in page
    schema = server.client.get("/openapi.json").json()
    assert {"/v1/jobs", "/v1/predict", "/v1/models", "/healthz", "/metrics"} <= set(schema["paths"])
    assert not [path for path in schema["paths"] if path.startswith("/jobs")]


def test_old_results_are_deleted(runs, tmp_path):
    server = Server(tmp_path, [runs["proteins"]], "--limit", "hours=0.0001").start()
    try:
        job = server.submit(">a\nMKVLLAGQWWHCW\n")
        until = time.monotonic() + 60
        while server.client.get(f"/v1/jobs/{job}").status_code == 200:
            assert time.monotonic() < until
            time.sleep(0.5)
        assert not list((server.data / "jobs").iterdir())
    finally:
        server.stop()


def test_variants_are_those_of_the_command_line(runs, tmp_path):
    texts, _ = dna_texts(12)
    genome = tmp_path / "genome.fa"
    genome.write_text(f">chr1\n{''.join(texts)}\n")
    run = shutil.copytree(runs["dna"], tmp_path / "run")
    ids = [f"chr1:{80 * i}-{80 * (i + 1)}(+)" for i in range(12)]
    pd.DataFrame({"id": ids}).to_parquet(run / "samples.parquet")
    whole, other = "".join(texts), {"A": "C", "C": "G", "G": "T", "T": "A"}
    lines = [f"chr1\t{p + 1}\tv{p}\t{whole[p]}\t{other[whole[p]]}\n" for p in (35, 118, 500)]
    vcf = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines)
    (tmp_path / "x.vcf").write_text(vcf)
    out = tmp_path / "x.tsv"
    arguments = ["variants", str(run), str(tmp_path / "x.vcf"), "--genome", str(genome)]
    assert command(*arguments, "--out", str(out), "--quiet") == 0
    server = Server(tmp_path, [run], "--genome", str(genome)).start()
    try:
        job = server.wait(server.submit(vcf, "x.vcf"))
        assert job["state"] == "done", job
        assert job["counts"] == {**job["counts"], "alleles": 3, "predicted": 3, "rows": 3}
        assert server.results(job["id"]) == out.read_bytes()
        page = server.client.get(f"/jobs/{job['id']}").text
        assert "3 of 3 alleles were predicted" in page
        assert page.count("<tr>") == 4
        assert str(tmp_path) not in page
    finally:
        server.stop()
