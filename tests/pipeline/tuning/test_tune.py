"""Searches: what they see, what they find, and that they go on where they were cut short."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.classifier.load import load
from cistron.cli import app
from cistron.experiment.file import read_experiment
from cistron.pipeline.tuning import trial as trials
from cistron.pipeline.tuning.search import How
from cistron.pipeline.tuning.study import finished, storage_of
from cistron.pipeline.tuning.trial import visible
from cistron.pipeline.tuning.tune import read_search, tune
from cistron.samples.alphabet import PROTEIN

EXPERIMENT: dict[str, Any] = {
    "name": "search",
    "samples": {"kind": "fasta", "path": "proteins.fasta", "label": r"\|(\w+)$"},
    "split": {"kind": "random", "test": 0.25, "validation": 0.25, "folds": 3},
    "encoder": {"kind": "kmers", "k": {"choices": [1, 2]}},
    "model": {"kind": "logistic_regression", "c": {"low": 1e-4, "high": 10.0, "log": True}},
    "training": {"epochs": 3},
    "evaluation": {"homology_search": False, "bootstrap": 100},
}


def made(folder: Path, signal: bool = True, samples: int = 120, **sections: Any) -> Path:
    """Write proteins whose class is a pair of residues that composition does not tell."""
    rng = np.random.default_rng(3)
    letters = np.array(list(PROTEIN.letters[:20]))
    records = []
    for number in range(samples):
        sequence = letters[rng.integers(0, 20, 60)]
        label = ("no", "yes")[number % 2]
        if signal:
            pair = "WC" if label == "yes" else "CW"
            for start in rng.choice(29, 6, replace=False):
                sequence[2 * start : 2 * start + 2] = list(pair)
        records.append(f">p{number}|{label}\n{''.join(sequence)}\n")
    (folder / "proteins.fasta").write_text("".join(records))
    path = folder / "search.yaml"
    path.write_text(yaml.safe_dump({**EXPERIMENT, **sections}))
    return path


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "trials.csv").drop(columns="seconds")


def test_what_tells_the_classes_is_found_and_ready_to_fit(tmp_path: Path) -> None:
    run = tune(read_search(made(tmp_path)), tmp_path / "run", How(trials=6))
    found = json.loads((run.path / "tuning.json").read_text())
    assert found["best"]["values"]["encoder.k"] == 2
    assert found["best"]["value"] > 0.9
    assert found["trials"] == {"complete": 6, "pruned": 0, "fail": 0}
    assert (found["samples"], found["hidden"]) == (90, 30)
    best = read_experiment(run.path / "experiment.yaml")
    assert best.encoder.k == (2,) or best.encoder.k == 2
    assert list(table(run.path)["trial"]) == list(range(6))
    assert "experiment.yaml" in (run.path / "report.html").read_text()


def test_the_file_of_a_search_is_used_from_any_folder(tmp_path: Path, monkeypatch: Any) -> None:
    names = "".join(f"p{n}|{('no', 'yes')[n % 2]}\n" for n in range(120))
    (tmp_path / "scored.txt").write_text(names)
    split = {**EXPERIMENT["split"], "only_test": "scored.txt"}
    made(tmp_path, split=split)
    monkeypatch.chdir(tmp_path)
    tune(read_search("search.yaml"), "run", How(trials=1))
    tune(read_search("search.yaml"), "run", How(trials=1), resume=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = read_search("../run/search.yaml").start
    assert again.samples.path == (tmp_path / "proteins.fasta",)
    assert again.split.only_test == tmp_path / "scored.txt"


def test_the_search_cannot_read_test_samples(tmp_path: Path, monkeypatch: Any) -> None:
    search = read_search(made(tmp_path))
    samples = search.start.samples.read()
    hidden = set(samples.ids[search.start.split.split(samples).part == 2])
    seen: set[str] = set()
    measure = trials.measure

    def watched(classifier: Any, given: Any, metric: str) -> float:
        seen.update(given.ids)
        return measure(classifier, given, metric)

    monkeypatch.setattr(trials, "measure", watched)
    for inner in (0, 2):
        left = visible(search.start, samples, search.start.split.split(samples), inner)
        assert not hidden & set(left.samples.ids)
        assert len(left.samples) == len(samples) - len(hidden)
        tune(search, tmp_path / f"run{inner}", How(trials=2, inner_folds=inner))
    assert seen
    assert not hidden & seen


def test_other_test_sequences_give_the_same_search(tmp_path: Path) -> None:
    search = read_search(made(tmp_path))
    samples = search.start.samples.read()
    hidden = set(samples.ids[search.start.split.split(samples).part == 2])
    tune(search, tmp_path / "first", How(trials=4))
    lines = (tmp_path / "proteins.fasta").read_text().splitlines()
    for number, line in enumerate(lines):
        if line.removeprefix(">") in hidden:
            lines[number + 1] = lines[number + 1][::-1]
    (tmp_path / "proteins.fasta").write_text("\n".join(lines) + "\n")
    tune(search, tmp_path / "second", How(trials=4))
    pd.testing.assert_frame_equal(table(tmp_path / "first"), table(tmp_path / "second"))


def test_a_search_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    search = read_search(made(tmp_path))
    tune(search, tmp_path / "whole", How(trials=14))
    tune(search, tmp_path / "parts", How(trials=11))
    with pytest.raises(InputError, match="never overwritten"):
        tune(search, tmp_path / "parts", How(trials=14))
    study = optuna.load_study(study_name=None, storage=storage_of(tmp_path / "parts", None))
    assert len(finished(study)) == 11
    study.ask()  # as of a process that was killed
    tune(search, tmp_path / "parts", How(trials=14), resume=True)
    whole, parts = table(tmp_path / "whole"), table(tmp_path / "parts")
    assert list(parts["state"]).count("lost") == 1
    ended = parts[parts["state"] != "lost"].reset_index(drop=True)
    values = ["value", "encoder.k", "model.c"]
    pd.testing.assert_frame_equal(whole[values], ended[values], check_dtype=False)
    assert len(whole) == 14
    counted = json.loads((tmp_path / "parts" / "tuning.json").read_text())["trials"]
    assert counted == {"complete": 14, "pruned": 0, "fail": 0}
    assert (tmp_path / "parts" / "experiment.yaml").is_file()


@pytest.mark.parametrize("lines", [2, 3, 5])  # of the first trial: asked for, begun, half drawn
def test_a_first_trial_that_was_cut_short_is_made_again(tmp_path: Path, lines: int) -> None:
    search = read_search(made(tmp_path))
    whole = tune(search, tmp_path / "run", How(trials=2)).read_json("tuning.json")
    journal = tmp_path / "run" / "study.journal"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:lines]))
    parts = tune(search, tmp_path / "run", How(trials=2), resume=True).read_json("tuning.json")
    assert parts["start"] == whole["start"]
    assert parts["best"]["values"] == whole["best"]["values"]


def test_the_same_seed_gives_the_same_trials(tmp_path: Path) -> None:
    search = read_search(made(tmp_path))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        tune(search, tmp_path / name, How(trials=5, seed=seed, sampler="random"))
    pd.testing.assert_frame_equal(table(tmp_path / "a"), table(tmp_path / "b"))
    assert not table(tmp_path / "a").equals(table(tmp_path / "c"))


def test_on_noise_the_search_believes_too_much(tmp_path: Path) -> None:
    path = made(tmp_path, signal=False, samples=80)
    run = tune(read_search(path), tmp_path / "run", How(trials=8, pruner="none"), nested=3)
    nested = json.loads((run.path / "tuning.json").read_text())["nested"]
    assert len(nested["folds"]) == 3
    assert nested["optimism"] > 0.1
    assert abs(nested["score"]["value"]) < 0.3
    for one in nested["folds"]:
        assert one["optimism"] == pytest.approx(one["inner"] - one["outer"])


def test_trials_that_fail_are_kept_with_their_reason(tmp_path: Path) -> None:
    model = {"choices": [{"kind": "logistic_regression"}, {"kind": "svm", "folds": 60}]}
    path = made(tmp_path, model=model)
    run = tune(read_search(path), tmp_path / "run", How(trials=6, sampler="random"))
    rows = pd.read_csv(run.path / "trials.csv")
    failed = rows[rows["state"] == "fail"]
    assert len(rows) == 6
    assert 0 < len(failed) < 6
    assert failed["error"].str.contains("60").all()
    assert set(failed["model"]) == {"svm"}


def test_what_is_drawn_again_is_not_trained_again(tmp_path: Path) -> None:
    path = made(tmp_path, model={"kind": "logistic_regression"})
    run = tune(read_search(path), tmp_path / "run", How(trials=6, pruner="none"))
    study = optuna.load_study(study_name=None, storage=storage_of(run.path, None))
    trained = [t for t in finished(study) if "same_as" not in t.user_attrs]
    assert len(trained) == len({t.params["encoder.k"] for t in trained}) <= 2
    assert pd.read_csv(run.path / "trials.csv").groupby("encoder.k")["value"].nunique().max() == 1


def test_networks_that_fall_behind_are_ended(tmp_path: Path) -> None:
    training = {"epochs": 12, "learning_rate": {"low": 3e-3, "high": 0.1, "log": True}}
    path = made(
        tmp_path,
        encoder={"kind": "kmers", "k": 2},
        model={"kind": "mlp", "hidden": 16},
        training={**training, "patience": 12},
    )
    run = tune(read_search(path), tmp_path / "run", How(trials=14))
    states = pd.read_csv(run.path / "trials.csv")["state"]
    assert (states == "pruned").any()
    assert (states == "complete").sum() >= 5


def test_two_workers_make_the_trials_that_were_asked_for(tmp_path: Path) -> None:
    search = read_search(made(tmp_path))
    tune(search, tmp_path / "run", How(trials=5, workers=2))
    rows = table(tmp_path / "run")
    assert sorted(rows["trial"]) == list(range(5))
    assert (rows["state"] == "complete").all()


def test_patience_and_time_end_a_search(tmp_path: Path) -> None:
    search = read_search(made(tmp_path))
    tune(search, tmp_path / "patience", How(trials=40, patience=3))
    rows = table(tmp_path / "patience")
    assert len(rows) < 40
    assert len(rows) - 1 - rows["value"].idxmax() == 3
    with pytest.raises(InputError, match="No trial came to its end"):
        tune(search, tmp_path / "time", How(trials=40, seconds=-1.0))


def test_what_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path)
    with pytest.raises(InputError, match=r"encoder.k is a range, from which `cistron tune`"):
        read_experiment(path)
    with pytest.raises(InputError, match="nothing to search"):
        read_search(path, ["encoder.k=1", "model.c=1"])
    with pytest.raises(InputError, match=r"With model.c at one of its values: .*greater than 0"):
        read_search(path, ["model.c={low: -1, high: 3}"])
    with pytest.raises(InputError, match="there is no 'tpee'. Did you mean 'tpe'"):
        How(sampler="tpee")
    search = read_search(path)
    with pytest.raises(InputError, match="there is no 'mc'"):
        tune(search, tmp_path / "metric", How(trials=1, metric="mc"))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("")
    with pytest.raises(InputError, match="is not a search"):
        tune(search, folder, How(trials=1), force=True)
    tune(search, tmp_path / "run", How(trials=2))
    other = read_search(path, ["training.epochs=4"])
    with pytest.raises(InputError, match="begun with another experiment"):
        tune(other, tmp_path / "run", How(trials=3), resume=True)
    with pytest.raises(InputError, match="is a search: it holds the best experiment"):
        load(tmp_path / "run")
    predefined = read_search(
        path, ["split={kind: group, columns: x}", "samples.groups={x: '(p.)'}"]
    )
    assert predefined.start.split.kind == "group"


def test_from_the_command_line(tmp_path: Path) -> None:
    path, out = made(tmp_path), tmp_path / "run"
    run = CliRunner()
    options = ["tune", str(path), "--out", str(out), "--trials", "3", "-q"]
    shown = run.invoke(app, options, catch_exceptions=False)
    assert shown.exit_code == 0
    assert "ready for cistron fit" in shown.stdout
    assert "encoder.k" in shown.stdout
    page = (out / "report.html").read_text()
    (out / "report.html").unlink()
    assert run.invoke(app, ["report", str(out)], catch_exceptions=False).exit_code == 0
    assert (out / "report.html").read_text() == page
    again = run.invoke(app, [*options, "--resume", "--json"], catch_exceptions=False)
    assert json.loads(again.stdout)["trials"]["complete"] == 3
    fitted = run.invoke(
        app, ["fit", str(out / "experiment.yaml"), "--out", str(tmp_path / "best"), "-q"]
    )
    assert fitted.exit_code == 0
    shutil.rmtree(out)
