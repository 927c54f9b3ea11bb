from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cistron import cli
from cistron.base.errors import InputError
from cistron.pipeline.compare import compare_runs
from cistron.pipeline.tested import FEWEST_SHARED, match, read_tested

N = 240
CLASSES = ["no", "yes"]


def write_run(
    folder: Path,
    *,
    tested: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    unit: np.ndarray | None = None,
    wrong: int = 0,
    seed: int = 1,
    labels: np.ndarray | None = None,
    classes: list[str] = CLASSES,
    split: str = "group",
) -> Path:
    """Write a run of N samples, `wrong` of 10 wrong, tested in folds or in one part."""
    labels = np.arange(N) % 2 if labels is None else labels
    tested = np.ones(N, dtype=bool) if tested is None else tested
    rng = np.random.default_rng(seed)
    called = np.where(rng.integers(0, 10, N) < wrong, 1 - labels, labels)
    ids = [f"s{i}" for i in range(N)]
    table = pd.DataFrame({"id": ids, "label": np.array(classes, dtype=object)[labels]})
    samples = table.assign(length=100, part=np.where(tested, "test", "train"), fold=-1, dropped="")
    if folds is not None:
        samples = samples.assign(part="", fold=folds)
    if unit is not None:
        samples["unit"] = unit
    shares = np.where(np.eye(2)[called] == 1, 0.8, 0.2)
    predictions = table.assign(part="test", fold=-1, predicted=table["label"])
    for place, name in enumerate(classes):
        predictions[f"p_{name}"] = shares[:, place]
    majority = predictions[["id"]].assign(baseline="majority")
    majority = majority.assign(**{f"p_{name}": 0.5 for name in classes})
    scored = {m: {"value": 0.5, "low": 0, "high": 1} for m in ("mcc", "accuracy", "log_loss")}
    metrics = {
        "classes": classes,
        "positive": classes[1],
        "headline": "mcc",
        "test": scored,
        "folds": [] if folds is None else [{"fold": k} for k in range(folds.max() + 1)],
    }
    folder.mkdir(parents=True)
    samples.to_parquet(folder / "samples.parquet")
    predictions[tested].to_parquet(folder / "predictions.parquet")
    majority[tested].to_parquet(folder / "baselines.parquet")
    (folder / "metrics.json").write_text(json.dumps(metrics))
    environment = {"seconds": {"train": 61.0}, "parameters": 1234, "seed": seed}
    (folder / "environment.json").write_text(json.dumps(environment))
    kinds = {"encoder": {"kind": "kmers"}, "model": {"kind": "mlp", "width": wrong}}
    experiment = {"name": folder.name, "split": {"kind": split, "folds": 4}, **kinds}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    return folder


@pytest.fixture
def three(tmp_path) -> list[Path]:
    """Three cross-validations of the same folds by 24 families: good, middling, like it."""
    unit, folds = np.arange(N) // 10, np.arange(N) // 10 % 4
    return [
        write_run(tmp_path / name, folds=folds, unit=unit, wrong=wrong, seed=seed)
        for name, wrong, seed in (("good", 1, 1), ("middling", 4, 2), ("similar", 4, 3))
    ]


def test_runs_on_the_same_samples_are_one_table(three):
    found = compare_runs(three)
    (table,) = found["tables"]
    assert table["n"] == N
    assert table["resampled"] == "24 groups"
    assert table["runs"][0] == "good"
    groups = {row["name"]: row["group"] for row in table["scores"]}
    assert groups["good"] == "a"
    assert groups["middling"] == groups["similar"] != "a"
    verdicts = {(d["first"], d["second"]): d["verdict"] for d in table["differences"]}
    assert len(verdicts) == 6  # three runs and the best baseline
    assert {v for (a, _), v in verdicts.items() if a == "good"} == {"better"}
    assert "good is better than every other run" in table["conclusion"]
    said = " ".join(d["sentence"] for d in table["differences"])
    assert "good is better than middling by" in said
    assert "cannot be told apart: difference in MCC" in said
    assert found["settings"] == {"model.width": {"good": 1, "middling": 4, "similar": 4}}
    assert found["apart"] == []
    scores = pd.read_parquet(three[0] / "predictions.parquet")
    right = (scores["p_yes"] > 0.5) == (scores["label"] == "yes")
    assert table["scores"][0]["accuracy"]["value"] == pytest.approx(right.mean())


def test_the_order_of_runs_changes_nothing(three):
    assert compare_runs(three) == compare_runs(list(reversed(three)))


def test_runs_are_compared_on_the_samples_that_both_tested(tmp_path):
    first = write_run(tmp_path / "first", tested=np.arange(N) < 120, unit=np.arange(N))
    second = write_run(tmp_path / "second", tested=np.arange(N) >= 60, unit=np.arange(N), wrong=3)
    (table,) = compare_runs([first, second])["tables"]
    assert table["n"] == 60
    assert table["resampled"] == "60 samples"
    assert any("first tested 120 samples" in note for note in table["notes"])


def test_too_few_shared_samples_are_no_comparison(tmp_path):
    first = write_run(tmp_path / "first", tested=np.arange(N) < 120, unit=np.arange(N))
    rest = np.arange(N) >= 120 - FEWEST_SHARED + 1
    second = write_run(tmp_path / "second", tested=rest, unit=np.arange(N))
    found = compare_runs([first, second])
    assert [table["n"] for table in found["tables"]] == [120, 149]
    (reason,) = found["apart"]
    assert "share 29 tested samples; a paired comparison needs 30" in reason
    assert "first trained on 120 of the 149 samples that second tested" in reason


def test_a_run_that_trained_on_relatives_is_in_another_table(tmp_path):
    families = np.arange(N) // 10
    grouped = [
        write_run(tmp_path / f"g{i}", folds=families % 4, unit=families, wrong=i) for i in (2, 3)
    ]
    scattered = [
        write_run(
            tmp_path / f"r{i}", folds=np.arange(N) % 4, unit=families, wrong=i, split="random"
        )
        for i in (1, 2)
    ]
    found = compare_runs([*scattered, *grouped])
    assert [sorted(table["runs"]) for table in found["tables"]] == [["g2", "g3"], ["r1", "r2"]]
    (reason,) = found["apart"]
    assert "would favour r" in reason
    assert "relatives of 240 of the 240 samples" in reason


def test_a_small_advantage_is_said(tmp_path):
    families = np.arange(N) // 2
    folds = families % 4
    other = folds.copy()
    other[0] = (other[0] + 1) % 4  # one family of two is torn apart
    first = write_run(tmp_path / "first", folds=folds, unit=families, wrong=2)
    second = write_run(tmp_path / "second", folds=other, unit=families, wrong=3)
    (table,) = compare_runs([first, second])["tables"]
    (warning,) = table["warnings"]
    assert "favours second, which trained on relatives of 2 of the 240" in warning


@pytest.mark.parametrize("crossvalidated", [False, True])
def test_relatives_are_counted_in_both_kinds_of_run(tmp_path, crossvalidated):
    unit = np.arange(N) // 4
    torn = np.arange(N) % 4 == 0  # tests one of each family of four
    whole = unit < 30
    if crossvalidated:
        a = write_run(tmp_path / "a", folds=torn.astype(int), unit=unit)
    else:
        a = write_run(tmp_path / "a", tested=torn, unit=unit)
    b = write_run(tmp_path / "b", tested=whole, unit=unit)
    pair = match(*read_tested([a, b]))
    shared = whole.sum() if crossvalidated else (torn & whole).sum()
    assert len(pair.shared) == shared
    assert (pair.first_knew, pair.second_knew) == (shared, 0)


def test_older_runs_resample_single_samples(tmp_path):
    runs = [write_run(tmp_path / name, wrong=2) for name in ("one", "two")]
    (table,) = compare_runs(runs)["tables"]
    assert table["resampled"] == f"{N} samples"
    assert any("kept no resampling units" in note for note in table["notes"])
    assert table["differences"][0]["difference"] == {"value": 0, "low": 0, "high": 0}
    assert table["differences"][0]["holm"] == 1


def fails(*runs: Path, **keys) -> str:
    with pytest.raises(InputError) as stopped:
        compare_runs(runs, **keys)
    return str(stopped.value)


def test_what_cannot_be_compared_is_refused(tmp_path):
    one = write_run(tmp_path / "one")
    assert "two runs or more" in fails(one)
    assert "given twice" in fails(one, one)
    named = write_run(tmp_path / "named", classes=["no", "maybe"])
    assert "classes differ (maybe, no; and no, yes)" in fails(one, named)
    changed = np.arange(N) % 2
    changed[3] = 0
    other = write_run(tmp_path / "other", labels=changed)
    assert "1 of the 240 samples both tested have other labels, 's3'" in fails(one, other)
    two = write_run(tmp_path / "two")
    assert "Did you mean 'accuracy'" in fails(one, two, metric="acuracy")
    (two / "metrics.json").unlink()
    assert "no finished run" in fails(one, two)


def test_runs_of_one_name_are_told_by_their_folders(tmp_path):
    runs = [write_run(tmp_path / place / "run") for place in ("x", "y")]
    assert [run.name for run in read_tested(runs)] == ["x/run", "y/run"]
    repeats = [write_run(tmp_path / "z" / "repeats" / seed) for seed in "12"]
    names = [run.name for run in read_tested([*repeats, runs[0]])]
    assert names == ["run", "z/repeats/1", "z/repeats/2"]


def command(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["cistron", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def test_the_command_prints_and_writes_a_page(three, tmp_path, capsys, monkeypatch):
    page = tmp_path / "page.html"
    paths = [str(path) for path in three]
    assert command("compare", *paths, "-o", str(page), monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "good is better than every other run" in said
    assert str(page) in said.replace("\n", "")
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert command("compare", *paths, "-o", str(page), monkeypatch=monkeypatch) == 2
    assert "exists" in capsys.readouterr().err
    arguments = ("compare", *paths, "--json", "--metric", "accuracy")
    assert command(*arguments, monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["metric"] == "accuracy"
