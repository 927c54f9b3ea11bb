"""A damaged model folder is refused in a sentence, or predicts with finite numbers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cistron
from cistron.base.errors import InputError
from cistron.classifier.ensemble import Ensemble
from cistron.models.classical.classical import dump
from tests.border import damage
from tests.border.damage import SAVED, VALUES, Case, changed_key, read, seal

CHOSEN = 60  # of each kind of damage, in the usual tests
READ = {
    "proteins": lambda folder: cistron.read_fasta(folder / "input.fasta"),
    "several": lambda folder: cistron.read_table(folder / "input.tsv", label=None),
    "cells": lambda folder: cistron.read_cells(folder / "input.tsv", orientation="cells_in_rows"),
}
ALL = {"key": damage.descriptions, "array": damage.arrays, "bytes": damage.contents}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def samples():
    return {name: read_(SAVED / name) for name, read_ in READ.items()}


def chosen(kind: str, number: int) -> list[Case]:
    cases = list(ALL[kind]())
    rows = np.random.default_rng(20).choice(len(cases), size=min(number, len(cases)), replace=False)
    return [cases[row] for row in sorted(rows)]


def answer(folder: Path, samples) -> str:
    """Return the sentence by which a folder is refused; empty where it predicts."""
    try:
        table = cistron.load(folder).on("cpu").predict(samples)
    except InputError as error:
        return str(error)
    numbers = table.select_dtypes("number").to_numpy(dtype=np.float64)
    assert np.isfinite(numbers).all()
    assert table["predicted"].notna().all()
    return ""


def require_sentence(message: str) -> None:
    assert message == "" or message.endswith(".")
    assert "Traceback" not in message
    assert "\n" not in message.strip() or "training" in message


@pytest.mark.parametrize(
    "case", [case for kind in ALL for case in chosen(kind, CHOSEN)], ids=lambda case: case.name
)
def test_damage(case, samples, tmp_path):
    require_sentence(answer(case.make(tmp_path / "model"), samples[case.saved]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ALL)
def test_all_damage(kind, samples, tmp_path):
    for number, case in enumerate(ALL[kind]()):
        folder = tmp_path / str(number)
        require_sentence(answer(case.make(folder), samples[case.saved]))
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("saved", "path", "value", "words"),
    [
        ("proteins", ("calibration", "temperature"), -1, "temperature: input should be greater"),
        ("proteins", ("calibration", "temperature"), VALUES["nan"], "input should be a finite"),
        ("proteins", ("classes",), ["a", "a"], "2 or more different names are needed"),
        ("proteins", ("classes",), ["a", "b", "c"], "weight"),
        ("proteins", ("files",), {}, "files: the files should be encoder.safetensors, weights."),
        ("proteins", ("model", "hidden"), 10**6, "weights.safetensors is damaged: 'body."),
        ("proteins", ("novelty", "threshold"), VALUES["nan"], "threshold: input should be a fin"),
        ("several", ("heads", 0, "thresholds"), [0.5], "thresholds: there should be one number"),
        ("several", ("heads", 0, "shifts", 1), VALUES["infinite"], "shifts.1: input should be"),
        ("several", ("heads", 0, "classes"), ["a", "b", "c"], "classes: the classes are not those"),
        ("cells", ("encoder", "learned", "low"), 20.0, "low: it should be less than high"),
        ("cells", ("provenance",), damage.deep(101), "nested too deeply"),
    ],
)
def test_what_is_wrong_is_said(saved, path, value, words, samples, tmp_path):
    case = Case("", saved, changed_key(path, value))
    assert words in answer(case.make(tmp_path / "model"), samples[saved])


def test_an_estimator_of_other_classes(samples, tmp_path):
    """Three classes from the model, two names: nothing is left out silently."""

    def fewer(folder: Path) -> None:
        document = read(folder)
        document["classes"] = document["heads"][0]["classes"] = ["alpha", "beta"]
        for name in ("shifts", "thresholds"):
            del document["heads"][0][name][2:]
        seal(folder, document)

    message = answer(Case("", "several", fewer).make(tmp_path / "model"), samples["several"])
    assert "The model gives 3 outputs, and its classes need 2" in message


@pytest.mark.parametrize("attribute", ["coef_", "intercept_", "scale_", "mean_"])
def test_an_estimator_of_nan(attribute, samples, tmp_path):
    def spoiled(folder: Path) -> None:
        models = cistron.load(folder).model_
        step = next(s for _, s in models[1].steps if hasattr(s, attribute))
        setattr(step, attribute, np.full_like(getattr(step, attribute), np.nan))
        (folder / "weights.skops").write_bytes(dump(models))
        seal(folder, read(folder))

    message = answer(Case("", "several", spoiled).make(tmp_path / "model"), samples["several"])
    assert "weights.skops is damaged (it holds values that are not finite numbers)" in message


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    member = cistron.load(SAVED / "proteins" / "model")
    folder = tmp_path_factory.mktemp("ensemble") / "model"
    return Ensemble([member, member]).save(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document["members"][0].update(folder="."), "members.0.folder"),
        (lambda document: document["members"][0].update(folder="../model"), "members.0.folder"),
        (lambda document: document["members"][0].update(folder="/etc"), "members.0.folder"),
        (lambda document: document["members"][0].update(sha256="0" * 64), "is another classifier"),
        (lambda document: document["members"].pop(), "members: tuple should have at least 2"),
        (lambda document: document.update(members=None), "members: input should be a valid tuple"),
        (lambda document: document.update(classes=["x", "y"]), "another question than its members"),
    ],
)
def test_members_of_an_ensemble(change, words, ensemble, samples, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(ensemble, folder)
    document = read(folder)
    change(document)
    seal(folder, document)
    assert words in answer(folder, samples["proteins"])


def test_an_ensemble_is_not_its_own_member(ensemble, samples, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(ensemble, folder)
    shutil.rmtree(folder / "members" / "0")
    (folder / "members" / "0").symlink_to(folder)
    document = read(folder)
    seal(folder, document)
    assert "is another classifier" in answer(folder, samples["proteins"])
    shutil.rmtree(folder / "members" / "1")
    for name in ("0", "1"):
        (folder / "members" / name).unlink(missing_ok=True)
        (folder / "members" / name).symlink_to(name)
    assert "members/0 is missing" in answer(folder, samples["proteins"])


def test_the_command_line_ends_in_a_sentence(tmp_path):
    folder = Case("", "proteins", changed_key(("calibration",), None)).make(tmp_path / "model")
    command = [sys.executable, "-m", "cistron", "predict", folder, SAVED / "proteins/input.fasta"]
    command += ["--out", tmp_path / "out.tsv"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "classifier.json is damaged: calibration: it should be an object with keys.\n"
    )


def test_trees_and_machines_that_lead_nowhere():
    """Whatever scikit-learn would follow out of its arrays, or for ever, is refused before."""
    command = [sys.executable, "-m", "tests.border.crafted_models"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-300:]
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert len(told) == 37
    words = "The file of the classical model is damaged ("
    assert [name for name, message in told.items() if not message.startswith(words)] == []


def test_a_folder_that_is_whole_still_predicts(samples, tmp_path):
    document = json.loads((SAVED / "proteins" / "model" / "classifier.json").read_text())
    case = Case("", "proteins", lambda folder: seal(folder, document))
    assert answer(case.make(tmp_path / "model"), samples["proteins"]) == ""
