"""A run that starts from another one: what it records, and what that one was trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import cistron
from cistron import cli
from cistron.base.errors import InputError
from cistron.base.progress import Silent
from cistron.base.yaml_text import read_yaml
from cistron.cli import app
from cistron.experiment.file import make_experiment, read_experiment
from cistron.pipeline.check import check
from cistron.pipeline.imports import import_model
from cistron.pipeline.pipeline import crossval, fit
from cistron.samples.samples import make_samples
from tests.cells_planted import planted, write_h5ad
from tests.classifier.imports.test_keras import NETS, write
from tests.conftest import planted_texts

CLASSES = ("without", "with")


class Stopped(Exception):
    pass


class Stopping(Silent):
    """Break off when a sentence begins like this."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def say(self, sentence: str) -> None:
        if sentence.startswith(self.sentence):
            raise Stopped


def experiment(folder: Path, data: str, start: str | None = None, seed: int = 1, **training):
    """Return an experiment of the proteins `data` that starts from a run of the folder."""
    keys = {"epochs": 2, "batch_size": 26, "learning_rate": 3e-3, "device": "cpu", **training}
    document = {
        "name": data,
        "samples": {"kind": "fasta", "classes": {c: f"{data}_{c}.fasta" for c in CLASSES}},
        "split": {"kind": "random", "folds": 2, "seed": seed},
        "encoder": {"kind": "residues"},
        "model": {"kind": "cnn", "filters": 8},
        "training": keys if start is None else {**keys, "start_from": start},
        "evaluation": {"bootstrap": 100, "baselines": ["majority"]},
    }
    return make_experiment(document, folder=folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Proteins a, and others b, that have no relatives among a; a run of each, b from a."""
    folder = tmp_path_factory.mktemp("start")
    for seed, data in enumerate("ab"):
        texts, labels = planted_texts(160, seed)
        for name in CLASSES:
            rows = [n for n, label in enumerate(labels) if label == name]
            text = "".join(f">{data}{n}\n{texts[n]}\n" for n in rows)
            (folder / f"{data}_{name}.fasta").write_text(text)
    fit(experiment(folder, "a"), folder / "first")
    fit(experiment(folder, "b", "first"), folder / "second")
    return folder


def checked(run: cistron.Run) -> dict:
    return next(one for one in run.audit["checks"] if one["name"] == "earlier_training")


def test_what_a_run_started_from_is_recorded(project):
    run, start = cistron.Run(project / "second"), cistron.load(project / "first")
    record = run.read_json("environment.json")["start_from"]
    assert record == cistron.load(run.path).provenance_["start_from"]
    assert (record["run"], record["sha256"]) == ("first", start.checksum_)
    assert record["copied"] == record["weights"]
    assert record["sentence"] in (run.path / "log.txt").read_text()
    assert record["sentence"] in (run.path / "report.html").read_text()
    assert read_experiment(run.path / "experiment.yaml").training.start_from == project / "first"
    assert "start_from" not in cistron.Run(project / "first").read_json("environment.json")


def test_other_proteins_were_not_in_the_earlier_training(project):
    section = cistron.Run(project / "second").audit["start_from"]
    assert (section["run"], section["state"], section["not_checked"]) == ("first", "clean", [])
    verdicts = {one["name"]: one["verdict"] for one in section["checks"]}
    assert verdicts["exact_duplicates"] == verdicts["similar_sequences"] == "pass"
    assert checked(cistron.Run(project / "second"))["verdict"] != "fail"


def test_proteins_that_the_earlier_run_was_trained_on_are_a_leak(project):
    """The same proteins, split otherwise: most of the test part trained the first run."""
    run = fit(experiment(project, "a", "first", seed=2), project / "leaking")
    assert run.audit["verdict"] == "leak"
    assert run.audit["start_from"]["state"] == "leaks"
    parts = [cistron.Run(project / n).samples.set_index("id")["part"] for n in ("first", "leaking")]
    tested = parts[1][parts[1] == "test"].index
    shared = (parts[0][tested] != "test").mean()
    assert 0.3 < shared < 1
    found = checked(run)
    assert found["verdict"] == "fail"
    assert f"{shared:.1%} of the test samples" in found["summary"]
    assert found["summary"] in (run.path / "report.html").read_text()
    said = CliRunner().invoke(app, ["check", str(run.path / "experiment.yaml")])
    assert said.exit_code != 0
    assert "Audit: leak" in said.output


def test_the_run_before_the_earlier_one_counts_too(project):
    """`second` was trained on b alone, but it had started from a run that knows a."""
    *_, audit = check(experiment(project, "a", "second/model", seed=2))
    assert audit["verdict"] == audit["start_from"]["start_from"]["verdict"] == "leak"
    assert audit["start_from"]["run"] == "second"
    summary = next(o["summary"] for o in audit["checks"] if o["name"] == "earlier_training")
    assert "second started from first. It was trained on samples that are tested here." in summary


def test_all_samples_of_a_cross_validation_are_audited(project):
    run = crossval(experiment(project, "a", "first"), project / "folds")
    assert run.audit["verdict"] == "leak"
    first = cistron.Run(project / "first").samples
    share = (first["part"] != "test").mean()
    assert f"{share:.1%} of the test samples" in checked(run)["summary"]
    assert run.read_json("environment.json")["start_from"]["run"] == "first"


def test_training_samples_that_are_not_at_hand_are_told(project, tmp_path):
    for file in project.glob("*.fasta"):
        shutil.copy(file, tmp_path)
    fit(experiment(tmp_path, "a", epochs=1), tmp_path / "first")
    (tmp_path / "a_with.fasta").unlink()
    *_, audit = check(experiment(tmp_path, "b", "first"))
    assert "earlier_training" in audit["not_checked"]
    assert "a_with.fasta is not there" in audit["start_from"]["missing"]
    assert audit["state"] == "not fully checked"


def test_a_published_network_has_no_list_of_training_samples(tmp_path):
    import_model("keras", write(tmp_path, NETS["chain"](), "keras 3"), tmp_path / "published")
    sections = read_yaml(tmp_path / "published" / "sections.yaml")
    rng = np.random.default_rng(0)
    for name in ("negative", "positive"):
        texts = ["".join(rng.choice(list("ACGT"), 37)) for _ in range(30)]
        text = "".join(f">{name}{n}\n{one}\n" for n, one in enumerate(texts))
        (tmp_path / f"{name}.fasta").write_text(text)
    classes = {name: f"{name}.fasta" for name in ("negative", "positive")}
    document = {
        "name": "tuned",
        "samples": {"kind": "fasta", "alphabet": "dna", "classes": classes},
        "split": {"kind": "random"},
        **sections,
        "training": {"epochs": 1, "start_from": "published", "frozen": ["body.layers.0*"]},
        "evaluation": {"bootstrap": 100, "baselines": ["majority"]},
    }
    run = fit(make_experiment(document, folder=tmp_path), tmp_path / "run")
    assert run.read_json("environment.json")["start_from"]["numbers"] == 1
    assert "earlier_training" in run.audit["not_checked"]
    assert "keeps no list of its training samples" in checked(run)["summary"]


def test_a_run_that_is_resumed_ends_as_one_that_was_never_interrupted(project):
    planned = experiment(project, "b", "first")
    out = project / "broken"
    with pytest.raises(Stopped):
        fit(planned, out, reporter=Stopping("Epoch 2"))
    run = fit(planned, out, resume=True)
    whole = cistron.Run(project / "second")
    pd.testing.assert_frame_equal(run.predictions, whole.predictions)
    assert run.audit["start_from"] == whole.audit["start_from"]


def test_a_run_is_not_resumed_from_another_start(project, tmp_path):
    for file in project.glob("*.fasta"):
        shutil.copy(file, tmp_path)
    fit(experiment(tmp_path, "a", epochs=1), tmp_path / "first")
    planned = experiment(tmp_path, "b", "first")
    with pytest.raises(Stopped):
        fit(planned, tmp_path / "run", reporter=Stopping("Epoch 1"))
    fit(experiment(tmp_path, "a", epochs=1), tmp_path / "first", force=True)
    with pytest.raises(InputError, match=r"first/model/classifier\.json changed since"):
        fit(planned, tmp_path / "run", resume=True)


def test_a_start_that_is_not_there_is_one_sentence(project, capsys, monkeypatch):
    file = project / "wrong.yaml"
    file.write_text(experiment(project, "a", "firts").to_yaml())
    for command in ("fit", "crossval"):
        words = ["cistron", command, str(file), "--out", str(project / "never")]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "training.start_from: " in said
        assert "firts: there is no such run or model folder." in said
        assert "Traceback" not in said
    assert not (project / "never").exists()


def test_a_run_is_never_replaced_by_one_that_starts_from_it(project):
    with pytest.raises(InputError, match="is an input and lies in"):
        fit(experiment(project, "b", "second/model"), project / "second", force=True)


def cells_experiment(folder: Path, data: str, start: str | None = None):
    document = {
        "name": data,
        "samples": {
            "kind": "cells",
            "path": f"{data}.h5ad",
            "label": "label",
            "groups": {"donor": "donor"},
        },
        "split": {"kind": "group", "columns": "donor", "seed": 1 if start is None else 3},
        "encoder": {"kind": "expression", "genes": {"kind": "all", "min_cells": 1}},
        "model": {"kind": "mlp", "hidden": 8},
        "training": {"epochs": 1, "device": "cpu", **({"start_from": start} if start else {})},
        "evaluation": {"bootstrap": 100, "baselines": ["majority"], "projection": "none"},
    }
    return make_experiment(document, folder=folder)


def barcoded(samples, seed):
    """Return cells with barcodes for ids."""
    rng = np.random.default_rng(seed)
    ids = ["".join(rng.choice(list("ACGT"), 16)) + "-1" for _ in range(len(samples))]
    table = samples.table.assign(id=ids)
    return cistron.Samples(table, samples.payload, samples.target, samples.groups)


@pytest.mark.parametrize("copies", [False, True])
def test_cells_that_the_earlier_run_was_trained_on_are_a_leak(tmp_path, copies):
    """Other donors by the same names are a warning; the same cells in fewer genes are a leak."""
    earlier = barcoded(planted(donors=6), 0)
    write_h5ad(earlier, tmp_path / "a.h5ad")
    fit(cells_experiment(tmp_path, "a"), tmp_path / "first")
    other = barcoded(planted(donors=6, seed=0 if copies else 1), 0 if copies else 1)
    genes = np.arange(other.cells.matrix.shape[1])[::-1][:-10]
    values = other.cells.read()[:, genes]
    fewer = make_samples(
        cistron.base.counts.Counts.of(values, other.cells.genes[genes].tolist()),
        ids=other.ids.tolist(),
        labels=other.table["label"].tolist(),
        groups={"donor": other.table["donor"].tolist()},
    )
    write_h5ad(fewer, tmp_path / "b.h5ad")
    run = fit(cells_experiment(tmp_path, "b", "first"), tmp_path / "second")
    section = run.audit["start_from"]
    verdicts = {one["name"]: one["verdict"] for one in section["checks"]}
    assert verdicts["shared_groups"] == "warn"
    assert (
        verdicts["exact_duplicates"]
        == verdicts["shared_barcodes"]
        == ("fail" if copies else "pass")
    )
    assert section["verdict"] == ("leak" if copies else "warning")
    assert checked(run)["verdict"] == ("fail" if copies else "warn")
    genes_in_both = run.read_json("environment.json")["start_from"]["features"]
    assert (
        genes_in_both["both"] == genes_in_both["of"] == len(cistron.load(run.path).encoder_.names)
    )


def test_a_search_may_start_from_a_run(project):
    file = project / "search.yaml"
    text = experiment(project, "b", "first", epochs=1).to_yaml()
    file.write_text(
        text.replace("learning_rate: 0.003", "learning_rate: {low: 0.001, high: 0.01}", 1)
    )
    said = CliRunner().invoke(
        app, ["tune", str(file), "--trials", "1", "--out", str(project / "search")]
    )
    assert said.exit_code == 0, said.output
    best = read_experiment(project / "search" / "experiment.yaml")
    assert best.training.start_from == project / "first"
