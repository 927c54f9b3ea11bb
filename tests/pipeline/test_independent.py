"""A classifier scored on labelled sequences from elsewhere."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cistron
from cistron import cli
from cistron.base.errors import InputError
from cistron.experiment.file import make_experiment
from cistron.pipeline.independent import score_sequences
from cistron.pipeline.labelled import NewLabels, classes_in
from cistron.pipeline.pipeline import fit
from tests.conftest import planted_texts
from tests.splits.families import random_text

SECTIONS = {
    "name": "made",
    "split": {"kind": "random", "folds": 3, "test": 0.2},
    "encoder": {"kind": "composition"},
    "model": {"kind": "logistic_regression"},
    "evaluation": {"bootstrap": 100},
}


def write_fasta(path: Path, texts: list[str], headers: list[str]) -> Path:
    pairs = zip(headers, texts, strict=True)
    path.write_text("".join(f">{h}\n{t}\n" for h, t in pairs))
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A run of `with` and `without`, which has learned nothing of the sequences after 200."""
    folder = tmp_path_factory.mktemp("independent")
    texts, _ = planted_texts(280)
    named = [("without", "with")[i >= 140] for i in range(280)]
    order = np.random.default_rng(0).permutation(280)
    texts, named = [texts[i] for i in order], [named[i] for i in order]
    for name in ("without", "with"):
        rows = [i for i in range(200) if named[i] == name]
        write_fasta(folder / f"{name}.fasta", [texts[i] for i in rows], [f"t{i}" for i in rows])
    samples = {
        "kind": "fasta",
        "classes": {name: str(folder / f"{name}.fasta") for name in ("without", "with")},
    }
    document = {"samples": samples, **SECTIONS}
    run = fit(make_experiment(document), folder / "run")
    train = run.samples.query("part == 'train'")["id"].str[1:].astype(int).tolist()[:15]
    rows = [*range(200, 280), *train]
    heads = [f"n{i} class={named[i]}" for i in rows] + [
        "odd class=other",
        "plain",
        "bad class=with",
    ]
    write_fasta(folder / "new.fasta", [texts[i] for i in rows] + [texts[0], texts[1], "A?1"], heads)
    return folder


def found_of(project: Path, **changes) -> dict:
    how = NewLabels(r"class=(\w+)")
    out = project / "new.tsv"
    return score_sequences(project / "run", project / "new.fasta", out, how=how, force=True)


def test_an_independent_set_is_scored_beside_the_baselines(project):
    found = found_of(project)
    assert (found["records"], found["predicted"], found["scored"]) == (98, 97, 95)
    assert sum(found["unscored"].values()) == 3
    assert found["unscored"]["the classifier does not know the label 'other'"] == 1
    assert found["unscored"]["no label"] == 1
    table = pd.read_csv(project / "new.tsv", sep="\t").iloc[:95]
    truth = re.findall(r"class=(with|without)\n", (project / "new.fasta").read_text())[:95]
    right = float((table["predicted"].to_numpy() == np.array(truth)).mean())
    assert found["scores"]["accuracy"]["value"] == pytest.approx(right)
    assert found["scores"]["accuracy"]["low"] <= right <= found["scores"]["accuracy"]["high"]
    assert found["scores"]["ece"]["value"] is not None
    assert list(found["baselines"]) == ["majority", "length", "composition", "homolog"]
    written = json.loads((project / "new.tsv.summary.json").read_text())
    assert written == found
    assert not {"label", "scored"} & set(table.columns)


def test_sequences_that_were_trained_on_are_counted_and_scored_apart(project):
    found = found_of(project)
    assert found["audit"]["state"] == "leaks"
    relatives = found["relatives"]
    assert (relatives["n_with"], relatives["n_without"]) == (15, 80)
    assert relatives["with"]["n"] == 15
    assert relatives["without"]["n"] == 80
    whole = found["scores"]["accuracy"]["value"]
    parts = [relatives[k]["accuracy"]["value"] * relatives[k]["n"] for k in ("with", "without")]
    assert sum(parts) / 95 == pytest.approx(whole)
    homolog = found["baselines"]["homolog"]["accuracy"]["value"]
    assert homolog > found["baselines"]["majority"]["accuracy"]["value"]


def test_the_command_takes_a_file_of_each_class(project, capsys, monkeypatch):
    for name in ("with", "without"):
        lines = (project / "new.fasta").read_text().split(">")[1:81]
        chosen = [f">{text}" for text in lines if f"class={name}\n" in text]
        (project / f"new_{name}.fasta").write_text("".join(chosen))
    source = ",".join(f"{name}={project}/new_{name}.fasta" for name in ("with", "without"))
    out = project / "each.csv"
    command = ["cistron", "predict", str(project / "run"), source, "-o", str(out), "-q"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    printed = " ".join(capsys.readouterr().out.split())
    assert "80 records, 80 predicted, 80 scored, 0 not scored" in printed
    assert "majority" in printed
    assert "Audit against the training samples: " in printed
    assert "0 sequences have a training relative" in printed
    assert len(pd.read_csv(out)) == 80
    wrong = ["cistron", "predict", *command[2:4], "-o", str(project / "w.csv"), "--resume"]
    monkeypatch.setattr(sys, "argv", wrong)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "--resume does not go with labelled sequences" in capsys.readouterr().err


def test_training_samples_that_are_not_at_hand_are_said(project):
    path = project / "with.fasta"
    before = path.read_text()
    try:
        path.write_text(before + ">more\nMKVL\n")
        found = found_of(project)
    finally:
        path.write_text(before)
    assert found["audit"]["state"] == "not fully checked"
    assert "has changed since the training" in found["audit"]["missing"]
    assert list(found["baselines"]) == ["majority"]
    assert found["relatives"] is None
    assert found["scored"] == 95


def test_labels_that_cannot_be_read_are_refused(project):
    def message(source="new.fasta", label=None) -> str:
        with pytest.raises(InputError) as error:
            score_sequences(project / "run", project / source, how=NewLabels(label))
        return str(error.value)

    assert "no header of" in message(label=r"species=(\w+)")
    assert "has 0 groups" in message(label="class")
    assert "not valid" in message(label="class=(")
    assert "No record can be scored" in message(label=r"^(n)\d")
    assert "--label PATTERN" in message()
    with pytest.raises(InputError, match="some parts have no class"):
        classes_in("a=b.fasta,c.fasta")


@pytest.mark.parametrize(
    ("keys", "label", "metric"),
    [
        ({"target": "y"}, "y", "r2"),
        ({"label": "both", "label_separator": ";"}, "both", "macro_f1"),
    ],
)
def test_numbers_and_several_classes_are_scored(keys, label, metric, tmp_path):
    rng = np.random.default_rng(1)
    texts = [random_text(rng, 60) for _ in range(160)]
    lysines = np.array([text.count("K") + text.count("E") for text in texts])
    names = [";".join(n for n, yes in (("k", k > 6), ("l", len(t) % 2 or k < 9)) if yes) or "k"
             for k, t in zip(lysines, texts, strict=True)]  # fmt: skip
    frame = pd.DataFrame({"id": [f"s{i}" for i in range(160)], "sequence": texts})
    frame = frame.assign(y=lysines + rng.normal(0, 0.3, 160), both=names).astype({"y": object})
    frame.iloc[:110].to_csv(tmp_path / "train.csv", index=False)
    frame.loc[150, ["y", "both"]] = None
    frame.loc[151, ["y", "both"]] = "unknown"
    frame.iloc[110:].to_csv(tmp_path / "new.csv", index=False)
    samples = {"kind": "table", "path": str(tmp_path / "train.csv"), **keys}
    model = {"kind": "ridge" if metric == "r2" else "logistic_regression"}
    document = {**SECTIONS, "samples": samples, "model": model}
    run = fit(make_experiment(document), tmp_path / "run")
    found = cistron.score_sequences(run.path, tmp_path / "new.csv", how=NewLabels(label))
    assert (found["records"], found["scored"]) == (50, 48)
    assert found["unscored"]["the classifier does not know the label 'unknown'"] == 1
    assert found["scores"][metric]["value"] > 0.5
    assert found["headline"] == metric
    assert len(found["baselines"]) == 4
    assert found["relatives"]["n_with"] == 0
