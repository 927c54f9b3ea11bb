"""The command line as a user meets it: files in, files out, one sentence for a mistake."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cistron import cli
from tests.conftest import planted_texts

EXPERIMENT = """\
name: test
samples:
  kind: fasta
  alphabet: protein
  classes: {without: without.fasta, with: with.fasta}
  groups: {family: "family=(f\\\\d+)"}
split: {kind: group, columns: family, folds: 3}
encoder: {kind: residues}
model: {kind: cnn, filters: 8}
training: {epochs: 3, batch_size: 16, learning_rate: 3e-3}
evaluation: {bootstrap: 100, baselines: [majority, length, composition], homology_search: false}
"""


def write_fasta(path: Path, texts: list[str], first: int = 0) -> None:
    lines = [f">p{first + i} family=f{(first + i) % 24}\n{t}\n" for i, t in enumerate(texts)]
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    texts, _ = planted_texts(240)
    write_fasta(folder / "without.fasta", texts[:120])
    write_fasta(folder / "with.fasta", texts[120:], first=120)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    return folder


@pytest.fixture(scope="module")
def run(project: Path) -> Path:
    arguments = ["fit", str(project / "experiment.yaml"), "--out", str(project / "run"), "--quiet"]
    assert command(*arguments) == 0
    return project / "run"


def command(*arguments: str) -> int:
    """Run the command line in this process; return its exit code."""
    before, sys.argv = sys.argv, ["cistron", *arguments]
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must stop with exit code 2; return what it says."""
    capsys.readouterr()
    assert command(*arguments) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


def test_the_run_directory_holds_what_it_promises(run, project):
    names = {path.name for path in run.iterdir()}
    assert names == {
        "experiment.yaml",
        "model",
        "samples.parquet",
        "predictions.parquet",
        "baselines.parquet",
        "metrics.json",
        "audit.json",
        "history.csv",
        "environment.json",
        "metadata.jsonld",
        "report.html",
        "log.txt",
        ".cistron",
    }
    samples = pd.read_parquet(run / "samples.parquet")
    assert len(samples) == 240
    assert set(samples["part"]) == {"train", "validation", "test"}
    assert samples.groupby("family")["part"].nunique().max() == 1
    predictions = pd.read_parquet(run / "predictions.parquet")
    assert set(predictions["part"]) == {"validation", "test"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["n"] == (samples["part"] == "test").sum()
    low, value, high = (metrics["test"]["mcc"][k] for k in ("low", "value", "high"))
    assert low <= value <= high
    assert set(metrics["baselines"]) == {"majority", "length", "composition"}
    environment = json.loads((run / "environment.json").read_text())
    assert environment["seed"] == 1
    assert set(environment["sources"]) == {
        str(project / "without.fasta"),
        str(project / "with.fasta"),
    }
    assert len(pd.read_csv(run / "history.csv")) == 3
    resolved = yaml.safe_load((run / "experiment.yaml").read_text())
    assert resolved["training"]["batch_size"] == 16


def test_the_metrics_are_those_of_the_predictions(run):
    from sklearn.metrics import matthews_corrcoef, roc_auc_score

    table = pd.read_parquet(run / "predictions.parquet").query("part == 'test'")
    metrics = json.loads((run / "metrics.json").read_text())["test"]
    assert metrics["mcc"]["value"] == pytest.approx(
        matthews_corrcoef(table["label"], table["predicted"])
    )
    assert metrics["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(table["label"] == "with", table["p_with"])
    )


def test_the_headline_metric_of_the_experiment_is_the_first_column(project, capsys):
    changes = ["--set", "evaluation.metric=balanced_accuracy", "--set", "training.epochs=1"]
    arguments = [str(project / "experiment.yaml"), "-o", str(project / "balanced"), "-q", *changes]
    assert command("fit", *arguments) == 0
    printed = capsys.readouterr().out.splitlines()
    columns = [name.strip() for name in printed[2].split("  ") if name.strip()]
    assert columns[0] == "balanced accuracy"
    assert set(columns[1:]) == {"mcc", "accuracy", "roc auc"}
    metrics = json.loads((project / "balanced" / "metrics.json").read_text())
    score = metrics["test"]["balanced_accuracy"]
    model = next(line for line in printed if line.strip().startswith("model"))
    assert model.split()[1].startswith(f"{score['value']:.2f}")


def test_fit_twice_gives_the_same_run(run, project):
    again = project / "again"
    assert command("fit", str(project / "experiment.yaml"), "-o", str(again), "-q") == 0
    for name in ("metrics.json", "model/weights.safetensors", "predictions.parquet"):
        assert (again / name).read_bytes() == (run / name).read_bytes()


def test_a_run_is_never_overwritten(run, project, capsys):
    experiment = str(project / "experiment.yaml")
    before = (run / "metrics.json").read_bytes()
    message = fails(capsys, "fit", experiment, "--out", str(run))
    assert "holds a finished run, which is never overwritten" in message
    precious = project / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    message = fails(capsys, "fit", experiment, "--out", str(precious), "--force")
    assert "exists and is not a run" in message
    assert (precious / "thesis.txt").read_text() == "years"
    # A mistake in the input of a forced run must not cost the old one either.
    fails(
        capsys,
        "fit",
        experiment,
        "-o",
        str(run),
        "--force",
        "--set",
        "samples.classes.with=absent.fasta",
    )
    assert (run / "metrics.json").read_bytes() == before


def test_resume_refuses_other_settings(project, tmp_path, capsys):
    experiment = str(project / "experiment.yaml")
    unfinished = tmp_path / "run"
    assert (
        command("fit", experiment, "-o", str(unfinished), "-q", "--set", "training.epochs=1") == 0
    )
    (unfinished / "metrics.json").unlink()
    message = fails(capsys, "fit", experiment, "-o", str(unfinished))
    assert "not finished, which is never overwritten: continue it with --resume" in message
    message = fails(capsys, "fit", experiment, "-o", str(unfinished), "--resume")
    assert "begun with other settings (training.epochs)" in message


def test_resume_takes_defaults_for_keys_that_did_not_exist(project, tmp_path):
    experiment, run = str(project / "experiment.yaml"), tmp_path / "run"
    options = ["-q", "--set", "training.epochs=1"]
    assert command("fit", experiment, "-o", str(run), *options) == 0
    scores = (run / "metrics.json").read_bytes()
    (run / "metrics.json").unlink()
    older = yaml.safe_load((run / "experiment.yaml").read_text())
    del older["training"]["clip"]
    (run / "experiment.yaml").write_text(yaml.safe_dump(older))
    assert command("fit", experiment, "-o", str(run), "--resume", *options) == 0
    assert (run / "metrics.json").read_bytes() == scores


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_fit_resumes_to_the_same_result(project, tmp_path, stop):
    experiment = str(project / "experiment.yaml")
    more = ["--set", "training.epochs=40", "--set", "training.patience=40"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    # Each in a process of its own, as from a shell: other tests leave their mark on this one.
    start = [sys.executable, "-m", "cistron.cli", "fit", experiment, *more, "-q", "-o"]
    subprocess.run([*start, str(whole)], check=True)
    arguments = [sys.executable, "-m", "cistron.cli", "fit", experiment, "-o", str(broken), *more]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 300  # of a busy machine
    while not (broken / "checkpoint.safetensors").exists() and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(stop)
    _, said = process.communicate(timeout=300)
    assert not (broken / "metrics.json").exists()
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert "continue with --resume" in said
        assert "Traceback" not in said
    subprocess.run([*start, str(broken), "--resume"], check=True)
    for name in ("model/weights.safetensors", "predictions.parquet", "metrics.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()


def test_resume_refuses_changed_data(project, tmp_path, capsys):
    for name in ("without.fasta", "with.fasta", "experiment.yaml"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    experiment, out = str(tmp_path / "experiment.yaml"), tmp_path / "run"
    assert command("fit", experiment, "-o", str(out), "-q", "--set", "training.epochs=1") == 0
    environment = json.loads((out / "environment.json").read_text())
    (out / "metrics.json").unlink()
    (out / "sources.json").write_text(json.dumps(environment["sources"]))
    with (tmp_path / "with.fasta").open("a") as stream:
        stream.write(">new family=f1\nMKVLAAAAAAAAAAA\n")
    message = fails(
        capsys, "fit", experiment, "-o", str(out), "--resume", "--set", "training.epochs=1"
    )
    assert "with.fasta changed since" in message


def test_crossval_scores_every_sample_once(project, tmp_path):
    experiment, out = str(project / "experiment.yaml"), tmp_path / "folds"
    assert command("crossval", experiment, "-o", str(out), "-q") == 0
    predictions = pd.read_parquet(out / "predictions.parquet")
    assert sorted(predictions["id"]) == sorted(f"p{i}" for i in range(240))
    metrics = json.loads((out / "metrics.json").read_text())
    assert [fold["fold"] for fold in metrics["folds"]] == [0, 1, 2]
    assert sum(fold["n"] for fold in metrics["folds"]) == 240 == metrics["test"]["n"]
    samples = pd.read_parquet(out / "samples.parquet")
    assert samples.groupby("family")["fold"].nunique().max() == 1


def test_crossval_in_processes_resumes_and_equals_one_process(project, tmp_path):
    experiment = str(project / "experiment.yaml")
    one, two = tmp_path / "one", tmp_path / "two"
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    base = [sys.executable, "-m", "cistron.cli", "crossval", experiment, "--quiet", "--out"]
    workers = str(os.cpu_count())
    arguments = [*base, str(two), "--workers", workers]
    process = subprocess.Popen(arguments, env={**os.environ, **threads})
    deadline = time.time() + 90
    while not list(two.glob("folds/*/predictions.parquet")) and time.time() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    finished = len(list(two.glob("folds/*/predictions.parquet")))
    assert finished >= 1
    subprocess.run([*arguments, "--resume"], check=True, env={**os.environ, **threads})
    subprocess.run(
        [*base, str(one), "--workers", workers], check=True, env={**os.environ, **threads}
    )
    assert (one / "metrics.json").read_bytes() == (two / "metrics.json").read_bytes()


def test_a_crossval_has_no_classifier_to_predict_with(project, tmp_path, capsys):
    out = tmp_path / "folds"
    more = ["--set", "training.epochs=1", "--set", "split.folds=2"]
    assert command("crossval", str(project / "experiment.yaml"), "-o", str(out), "-q", *more) == 0
    message = fails(
        capsys, "predict", str(out), str(project / "with.fasta"), "-o", str(tmp_path / "p.tsv")
    )
    assert "is a cross-validation" in message
    assert (
        command(
            "predict",
            str(out / "folds" / "0"),
            str(project / "with.fasta"),
            "-q",
            "-o",
            str(tmp_path / "p.tsv"),
        )
        == 0
    )


READERS = {
    ".tsv": lambda p: pd.read_csv(p, sep="\t", keep_default_na=False, na_values={"predicted": ""}),
    ".csv": lambda p: pd.read_csv(p, keep_default_na=False),
    ".parquet": pd.read_parquet,
    ".jsonl": lambda p: pd.read_json(p, lines=True),
}


@pytest.mark.parametrize("suffix", list(READERS))
def test_predict_writes_every_format(run, project, tmp_path, suffix):
    out = tmp_path / f"predictions{suffix}"
    assert command("predict", str(run), str(project / "with.fasta"), "-o", str(out), "-q") == 0
    table = READERS[suffix](out)
    assert table.columns.tolist() == ["id", "predicted", "p_without", "p_with", "warning"]
    assert table["id"].tolist() == [f"p{i}" for i in range(120, 240)]
    np.testing.assert_allclose(table["p_without"] + table["p_with"], 1, atol=1e-5)


def test_predict_keeps_the_order_and_lists_what_it_cannot_predict(
    run, project, tmp_path, monkeypatch
):
    monkeypatch.setattr("cistron.classifier.predict.predict.WINDOW", 7)
    records = (project / "with.fasta").read_text() + ">empty\n>digits\nMKV123\n>last\nMKVLAAAAA\n"
    with gzip.open(tmp_path / "in.fasta.gz", "wt") as stream:
        stream.write(">first_empty\n" + records)
    out = tmp_path / "p.parquet"
    assert command("predict", str(run), str(tmp_path / "in.fasta.gz"), "-o", str(out), "-q") == 0
    table = pd.read_parquet(out)
    wanted = ["first_empty", *[f"p{i}" for i in range(120, 240)], "empty", "digits", "last"]
    assert table["id"].tolist() == wanted
    unpredicted = table[table["predicted"].isna()]
    assert unpredicted["id"].tolist() == ["first_empty", "empty", "digits"]
    assert unpredicted["warning"].str.startswith("not predicted: ").all()
    assert unpredicted["p_with"].isna().all()
    # The same sequences predicted in one window have the same probabilities.
    monkeypatch.setattr("cistron.classifier.predict.predict.WINDOW", 4096)
    whole = tmp_path / "whole.parquet"
    assert command("predict", str(run), str(tmp_path / "in.fasta.gz"), "-o", str(whole), "-q") == 0
    expected = pd.read_parquet(whole)
    np.testing.assert_allclose(table["p_with"], expected["p_with"], atol=1e-5)


def test_predict_resumes(run, project, tmp_path, monkeypatch, capsys):
    import cistron.classifier.predict.predict as module

    monkeypatch.setattr(module, "WINDOW", 10)
    out, source = tmp_path / "p.tsv", str(project / "with.fasta")
    whole = tmp_path / "whole.tsv"
    assert command("predict", str(run), source, "-o", str(whole), "-q") == 0
    written, real = [], module.write_part

    def dies(table, path):
        if len(written) == 5:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        real(table, path)

    monkeypatch.setattr(module, "write_part", dies)
    message = fails(capsys, "predict", str(run), source, "-o", str(out))
    assert "No space left on device" in message
    monkeypatch.setattr(module, "write_part", real)
    message = fails(capsys, "predict", str(run), source, "-o", str(out))
    assert "Continue it with --resume" in message
    message = fails(
        capsys, "predict", str(run), str(project / "without.fasta"), "-o", str(out), "--resume"
    )
    assert "interrupted prediction of another input" in message
    assert command("predict", str(run), source, "-o", str(out), "-q", "--resume") == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not out.with_name("p.tsv.parts").exists()
    assert "never overwritten" in fails(capsys, "predict", str(run), source, "-o", str(out))


def test_predict_reads_tables_and_stdin(run, tmp_path, capsys):
    pd.DataFrame({"name": ["a", "b"], "protein": ["MKVWWHCWAAAA", "MKVLLLAAAGGG"]}).to_csv(
        tmp_path / "t.csv", index=False
    )
    out = tmp_path / "p.tsv"
    columns = ["--id-column", "name", "--sequence-column", "protein"]
    assert (
        command("predict", str(run), str(tmp_path / "t.csv"), "-o", str(out), "-q", *columns) == 0
    )
    table = pd.read_csv(out, sep="\t")
    assert table["id"].tolist() == ["a", "b"]
    arguments = [sys.executable, "-m", "cistron.cli", "predict", str(run), "-", "--quiet"]
    text = ">a\nMKVWWHCWAAAA\n>b\nMKVLLLAAAGGG\n"
    subprocess.run([*arguments, "-o", str(tmp_path / "s.tsv")], input=text, text=True, check=True)
    again = pd.read_csv(tmp_path / "s.tsv", sep="\t")
    np.testing.assert_allclose(again["p_with"], table["p_with"], atol=1e-5)
    (tmp_path / "notes.txt").write_text("not a FASTA file")
    for _ in range(2):  # the first failure leaves nothing behind that stops the second
        message = fails(
            capsys, "predict", str(run), str(tmp_path / "notes.txt"), "-o", str(tmp_path / "n.tsv")
        )
        assert "is no FASTA header" in message
    message = fails(
        capsys, "predict", str(run), str(tmp_path / "t.csv"), "-o", str(tmp_path / "p.xls")
    )
    assert "Use one of .tsv, .csv, .parquet, .jsonl" in message


def test_check_prints_counts_and_passes_on_a_clean_split(project, capsys):
    assert command("check", str(project / "experiment.yaml"), "--no-homology", "-q") == 0
    printed = capsys.readouterr().out
    assert "240 samples" in printed
    assert "24 values of family" in printed
    assert "PASS" in printed
    assert "not fully checked: similar sequences" in printed.replace("\n", " ")


def test_a_fit_without_the_search_is_not_called_clean(run, tmp_path, capsys):
    capsys.readouterr()
    from cistron.cli.show_run import show_comparison, show_run
    from cistron.experiment.run_folder import Run
    from cistron.pipeline.compare import compare_runs
    from cistron.report.comparison import render_comparison

    show_run(Run(run), as_json=False)
    assert "not fully checked: similar sequences" in capsys.readouterr().out
    show_run(Run(run), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["audit_state"] == "not fully checked"
    assert document["not_checked"] == ["similar_sequences", "nearest_homolog"]
    page = (run / "report.html").read_text()
    assert "Not fully checked" in page
    assert "No check that ran found a leak, but the audit warns" in page
    shutil.copytree(run, tmp_path / "again")
    found = compare_runs([run, tmp_path / "again"])
    assert {row["audit_state"] for row in found["runs"]} == {"not fully checked"}
    assert "warning (not checked: similar sequences" in render_comparison(found)
    show_comparison(found, None, as_json=False)
    assert "The split of run is not fully checked" in capsys.readouterr().out


def test_check_fails_on_a_divided_group_and_as_json(project, capsys):
    experiment = str(project / "experiment.yaml")
    change = ["--set", "split={kind: random, folds: 3}"]
    capsys.readouterr()
    assert command("check", experiment, "--no-homology", "--json", "-q", *change) == 2
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["audit"]["verdict"] == "leak"
    failed = [c["name"] for c in document["audit"]["checks"] if c["verdict"] == "fail"]
    assert failed == ["shared_groups"]
    assert document["classes"] == {"without": 120, "with": 120}
    assert "leakage" in printed.err


def test_fit_puts_a_leak_at_the_top_of_its_report(project, tmp_path):
    change = ["--set", "split={kind: random, folds: 3}", "--set", "training.epochs=1"]
    out = tmp_path / "run"
    assert command("fit", str(project / "experiment.yaml"), "-o", str(out), "-q", *change) == 0
    assert json.loads((out / "audit.json").read_text())["verdict"] == "leak"
    page = (out / "report.html").read_text()
    assert 0 < page.lower().find("leak") < page.find("<table")


def test_check_against_an_external_set(project, tmp_path, capsys):
    same = (project / "with.fasta").read_text().splitlines()[:20]
    (tmp_path / "external.fasta").write_text("\n".join(same) + "\n")
    message = fails(
        capsys,
        "check",
        str(project / "experiment.yaml"),
        "--no-homology",
        "-q",
        "--against",
        str(tmp_path / "external.fasta"),
    )
    assert "leakage" in message


BAD_INPUT = {
    "absent file": (None, "absent.fasta"),
    "empty file": (b"", "empty"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
    "fastq": (b"@r1\nACGT\n+\nIIII\n", "FASTQ"),
    "binary": (bytes(range(256)) * 4, "binary"),
    "no header": (b"MKVLAA\n>a family=f1\nMKVL\n", "line 1"),
    "dna": (b"".join(b">d%d family=f1\n%s\n" % (i, b"ACGTTGCA" * 9) for i in range(60)), "DNA"),
    "truncated gzip": (
        gzip.compress(b">a family=f1\n" + bytes(f"{list(range(999))}", "ascii"))[:-20],
        "gzip",
    ),
}


@pytest.mark.parametrize("case", list(BAD_INPUT))
def test_files_that_are_no_protein_fasta(project, tmp_path, capsys, case):
    content, word = BAD_INPUT[case]
    path = tmp_path / "absent.fasta"
    if content is not None:
        path.write_bytes(content)
    message = fails(
        capsys,
        "check",
        str(project / "experiment.yaml"),
        "-q",
        "--set",
        f"samples.classes.with={path}",
    )
    assert word.lower() in message.lower()
    assert str(path) in message


def test_other_bad_input(project, tmp_path, capsys):
    experiment = str(project / "experiment.yaml")
    message = fails(capsys, "check", experiment, "--set", f"samples.classes.with={tmp_path}")
    assert "is a folder" in message
    message = fails(capsys, "check", experiment, "--set", "training.epochs=-1")
    assert "greater than or equal to 1" in message
    message = fails(capsys, "check", experiment, "--set", "samples.only=[with]")
    assert "with" in message
    message = fails(capsys, "check", experiment, "--set", "split.folds=100")
    assert "24 groups" in message
    assert "experiment file cannot be read" in fails(capsys, "check", str(tmp_path / "x.yaml"))
    assert fails(capsys, "fit", experiment)  # --out is missing
    message = fails(capsys, "new", "senescense", str(tmp_path / "s.yaml"))
    assert "Did you mean 'senescence'" in message
    message = fails(capsys, "report", str(tmp_path))
    assert "metrics.json" in message


def test_help_version_schema_and_data_list(capsys):
    assert command("--help") == 0
    assert "crossval" in capsys.readouterr().out
    assert command("--version") == 0
    assert capsys.readouterr().out.startswith("cistron ")
    assert command("schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Experiment"
    assert command("data", "list", "--json") == 0
    assert "senescence" in json.loads(capsys.readouterr().out)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['cistron', '--help']\n"
        "from cistron import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'sklearn', 'matplotlib', 'scipy', 'numpy', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_crossval_by_gene_on_headers_of_the_first_senescence_set(tmp_path):
    """Genes are read from headers as they are: no edits, non-ASCII ones included."""
    texts, _ = planted_texts(120)
    genes = [f"GENE{i % 30}" for i in range(120)]
    for name, first in (("negative", 0), ("positive", 60)):
        lines = []
        for i in range(first, first + 60):
            gene = genes[i] + name[0].upper()
            header = f"Seq_{gene}共207条.xlsx_{i}" if i % 7 == 0 else f"Seq_uniparc_{gene}.xlsx_{i}"
            lines.append(f">{header}\n{texts[i]}\n")
        (tmp_path / f"{name}.fasta").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "first.yaml").write_text(
        "name: first\n"
        "samples:\n"
        "  kind: fasta\n"
        "  alphabet: protein\n"
        "  classes: {negative: negative.fasta, positive: positive.fasta}\n"
        "  groups: {gene: 'Seq_(?:uniparc_)?([A-Za-z0-9-]+)'}\n"
        "  conflicts: drop\n"
        "split: {kind: group, columns: gene, folds: 3}\n"
        "encoder: {kind: composition}\n"
        "model: {kind: logistic_regression}\n"
        "evaluation: {bootstrap: 100, homology_search: false}\n"
    )
    out = tmp_path / "run"
    assert command("crossval", str(tmp_path / "first.yaml"), "-o", str(out), "-q") == 0
    samples = pd.read_parquet(out / "samples.parquet")
    assert samples["gene"].nunique() == 60
    assert samples.groupby("gene")["fold"].nunique().max() == 1
    assert json.loads((out / "audit.json").read_text())["verdict"] != "leak"


def test_fit_draws_the_samples_where_asked(project, tmp_path):
    out = tmp_path / "run"
    arguments = ["fit", str(project / "experiment.yaml"), "--out", str(out), "--quiet"]
    keys = ["evaluation.projection=pca", "training.epochs=1", "evaluation.baselines=[]"]
    assert command(*arguments, *[word for key in keys for word in ("--set", key)]) == 0
    points = pd.read_parquet(out / "projection.parquet")
    samples = pd.read_parquet(out / "samples.parquet")
    assert points.columns.tolist() == ["id", "part", "label", "x", "y"]
    assert points["id"].tolist() == samples["id"].tolist()
    assert points["part"].tolist() == samples["part"].tolist()
    page = (out / "report.html").read_text()
    assert "the first two principal components" in page
    assert "a picture and no evidence" in page


def test_a_repeated_crossval_resumes_and_says_which_number_is_which(project, tmp_path):
    """Three repeats, broken off after a fold, end at the metrics of an uninterrupted run."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    keys = ["model={kind: logistic_regression}", "encoder={kind: composition}", "split.folds=2"]
    keys += ["evaluation.baselines=[composition]", "split={kind: random, folds: 2}"]
    base = ["crossval", str(project / "experiment.yaml"), "--seeds", "3", "--seed", "5", "-q"]
    base += [word for key in keys for word in ("--set", key)]
    assert command(*base, "-o", str(whole)) == 0
    shutil.copytree(whole, broken)
    shutil.rmtree(broken / "repeats" / "6" / "folds" / "1")
    shutil.rmtree(broken / "repeats" / "7")
    (broken / "metrics.json").unlink()
    kept = (broken / "repeats" / "5" / "folds" / "0" / "predictions.parquet").stat().st_mtime_ns
    assert command(*base, "-o", str(broken), "--resume") == 0
    for name in ("metrics.json", "predictions.parquet", "repeats/7/metrics.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    again = (broken / "repeats" / "5" / "folds" / "0" / "predictions.parquet").stat().st_mtime_ns
    assert kept == again

    metrics = json.loads((whole / "metrics.json").read_text())
    assert [repeat["seed"] for repeat in metrics["repeats"]] == [5, 6, 7]
    assert [(f["repeat"], f["fold"]) for f in metrics["folds"]] == [
        (seed, fold) for seed in (5, 6, 7) for fold in (0, 1)
    ]
    accuracy = [repeat["accuracy"]["value"] for repeat in metrics["repeats"]]
    assert metrics["spread"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracy))
    assert metrics["spread"]["accuracy"]["sd"] == pytest.approx(np.std(accuracy, ddof=1))
    environment = json.loads((whole / "environment.json").read_text())
    assert environment["seeds"] == [5, 6, 7]
    audit = json.loads((whole / "audit.json").read_text())
    assert set(audit["repeats"]) == {"5", "6", "7"}
    tables = [
        pd.read_parquet(whole / "repeats" / seed / "predictions.parquet").set_index("id")
        for seed in "567"
    ]
    assert not tables[0]["fold"].equals(tables[1]["fold"].loc[tables[0].index])
    pooled = pd.read_parquet(whole / "predictions.parquet").set_index("id")
    assert len(pooled) == 240
    expected = sum(table["p_with"].loc[pooled.index] for table in tables) / 3
    assert np.allclose(pooled["p_with"], expected)
    called = np.where(pooled["p_with"] > 0.5, "with", "without")
    assert metrics["test"]["accuracy"]["value"] == pytest.approx((called == pooled["label"]).mean())
    page = (whole / "report.html").read_text()
    assert "repeated 3 times" in page
    assert "averaged over the 3 repeats" in page


def test_a_repeat_is_the_crossval_of_its_seed(project, tmp_path):
    experiment = str(project / "experiment.yaml")
    keys = ["model={kind: logistic_regression}", "encoder={kind: composition}"]
    words = ["-q", *[word for key in keys for word in ("--set", key)]]
    repeated, alone = tmp_path / "repeated", tmp_path / "alone"
    assert command("crossval", experiment, "-o", str(repeated), "--seeds", "2", *words) == 0
    assert command("crossval", experiment, "-o", str(alone), "--seed", "2", *words) == 0
    own = json.loads((repeated / "repeats" / "2" / "metrics.json").read_text())
    assert own == json.loads((alone / "metrics.json").read_text())
    assert command("report", str(repeated / "repeats" / "2")) == 0
    assert "repeats" not in own
    paths = [str(repeated / "repeats" / "1"), str(repeated), str(alone)]
    assert command("compare", *paths, "--json") == 0
