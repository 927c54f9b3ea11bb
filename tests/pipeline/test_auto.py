"""`model: {kind: auto}`: candidates, their weights, and the one classifier made of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.optimize import nnls
from sklearn.linear_model import LogisticRegression

import cistron
from cistron.base.errors import InputError
from cistron.base.progress import SILENT
from cistron.classifier.ensemble import Ensemble, join
from cistron.experiment.file import make_experiment, parse_model
from cistron.explain.explanation import explain
from cistron.explain.settings import ExplainSettings
from cistron.pipeline.auto import fit as auto_fit
from cistron.pipeline.auto.blend import blend_weights
from cistron.pipeline.auto.candidates import CANDIDATES, chosen
from cistron.pipeline.auto.inner import inner_folds
from cistron.pipeline.one import train
from cistron.pipeline.pipeline import crossval, fit
from cistron.report.page import render
from cistron.splits.group import GroupSplit
from cistron.targets.number import Number
from cistron.targets.one_class import OneClass
from tests.cli.test_cli import command

FAST = {"epochs": 12, "batch_size": 16, "learning_rate": 1e-2, "schedule": "constant", "ema": 0.5}
BOTH = {"kind": "auto", "candidates": ["kmers", "cnn"], "folds": 2}
EVALUATION = {"bootstrap": 100, "baselines": ["majority"], "projection": "none"}


def composed(number: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return sequences whose classes differ in the share of every letter, and in nothing else."""
    shares = {"low": [0.3, 0.2, 0.2, 0.3], "high": [0.21, 0.29, 0.29, 0.21]}
    classes = ["low", "high"] * (number // 2)
    return [("".join(rng.choice(list("ACGT"), 100, p=shares[name])), name) for name in classes]


def ordered(number: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return sequences with two words in one order, or the other: words of 5 letters are alike."""
    rows = []
    for row in range(number):
        letters = rng.choice(list("ACGT"), 40)
        start = int(rng.integers(5, 20))
        first, second = ("GATTA", "CCGTC")[:: 1 if row % 2 else -1]
        letters[start : start + 5], letters[start + 6 : start + 11] = list(first), list(second)
        rows.append(("".join(letters), ("without", "with")[row % 2]))
    return rows


def document(folder: Path, rows: list[tuple[str, str]], **changes: object) -> dict:
    folder.mkdir(exist_ok=True, parents=True)
    lines = [f"s{k},{text},{label},g{k // 4}" for k, (text, label) in enumerate(rows)]
    (folder / "s.csv").write_text("id,sequence,label,family\n" + "\n".join(lines) + "\n")
    samples = {
        "kind": "table",
        "path": str(folder / "s.csv"),
        "alphabet": "dna",
        "groups": ["family"],
    }
    split = {"kind": "group", "columns": "family", "folds": 2}
    made = {"name": "auto", "samples": samples, "split": split, "model": BOTH}
    return {**made, "training": FAST, "evaluation": EVALUATION, **changes}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("auto")
    rows = composed(120, np.random.default_rng(1))
    return fit(make_experiment(document(folder, rows)), folder / "run").path


def weights_of(run: Path) -> dict[str, float]:
    known = json.loads((run / "candidates.json").read_text())
    return {entry["candidate"]: entry["weight"] for entry in known["candidates"]}


def test_words_win_where_composition_tells(tmp_path):
    made = document(tmp_path, composed(160, np.random.default_rng(2)))
    made["training"] = {**FAST, "epochs": 1, "learning_rate": 1e-4}
    weights = weights_of(fit(make_experiment(made), tmp_path / "run").path)
    assert weights["kmers"] > 0.5
    assert sum(weights.values()) == pytest.approx(1)


def test_the_network_wins_where_order_tells(tmp_path):
    made = document(tmp_path, ordered(320, np.random.default_rng(3)))
    made["training"] = {**FAST, "epochs": 20, "learning_rate": 5e-3}
    weights = weights_of(fit(make_experiment(made), tmp_path / "run").path)
    assert weights["cnn"] > 0.5


def test_weights_of_numbers_are_those_of_non_negative_least_squares():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    each = [truth + rng.normal(size=400) * s for s in (0.3, 0.6)] + [rng.normal(size=400)]
    expected, _ = nnls(np.stack(each, axis=1), truth)
    found = blend_weights([one[:, None] for one in each], truth, Number("level"))
    np.testing.assert_allclose(found, expected / expected.sum(), atol=0.021)
    assert found[2] < 0.03


def test_weights_of_classes_are_those_of_a_logistic_regression():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 2000)
    odds = np.stack([(2 * truth - 1) * s + rng.normal(size=2000) for s in (1.0, 0.5)], axis=1)
    model = LogisticRegression(C=1e9, fit_intercept=False).fit(odds, truth)
    outputs = [np.stack([np.zeros(2000), column], axis=1) for column in odds.T]
    found = blend_weights(outputs, truth, OneClass("class", ("a", "b")))
    np.testing.assert_allclose(found, model.coef_[0] / model.coef_[0].sum(), atol=2e-3)


def test_a_candidate_that_says_the_opposite_has_no_weight():
    truth = np.array([0, 1] * 50)
    right = np.stack([-truth + 0.4, truth - 0.4], axis=1) + np.tile([[0], [1], [0], [0]], (25, 1))
    assert blend_weights([right, -right], truth, OneClass("class", ("a", "b"))).tolist() == [1, 0]


def test_saved_and_loaded_it_predicts_the_same(run, tmp_path):
    blend = cistron.load(run)
    samples = make_experiment(document(tmp_path, composed(20, np.random.default_rng(5))))
    new = samples.samples.read()
    again = cistron.load(blend.save(tmp_path / "again"))
    np.testing.assert_array_equal(again.predict_proba(new), blend.predict_proba(new))
    if isinstance(blend, Ensemble):
        expected = [member.logits(new) for member in blend.members]
        mean = np.tensordot(blend.weights, np.stack(expected), axes=1)
        np.testing.assert_allclose(blend.logits(new), mean, rtol=1e-5, atol=1e-6)


def blended(run: Path, tmp_path: Path) -> tuple[Ensemble, Path]:
    """Return the candidates of a run as a blend of known weights, saved."""
    made = document(tmp_path, composed(80, np.random.default_rng(6)))
    members = []
    for name in ("kmers", "cnn"):
        own = {**made, "model": {**BOTH, "candidates": [name]}}
        members.append(cistron.load(fit(make_experiment(own), tmp_path / name).path))
    blend = Ensemble(members, [3, 1])
    return blend, blend.save(tmp_path / "blend")


def test_a_weighted_ensemble(run, tmp_path):
    blend, folder = blended(run, tmp_path)
    new = make_experiment(document(tmp_path, composed(12, np.random.default_rng(7)))).samples.read()
    loaded = cistron.load(folder)
    assert loaded.weights.tolist() == [0.75, 0.25]
    each = [one.logits(new) / one.temperature_ for one in loaded.members]
    np.testing.assert_allclose(loaded.logits(new), 0.75 * each[0] + 0.25 * each[1], rtol=1e-5)
    pair = join([blend, blend.members[0]])
    np.testing.assert_allclose(
        pair.logits(new), (blend.logits(new) + each[0]) / 2, rtol=1e-4, atol=1e-5
    )
    told = explain(loaded, new.take([0, 1]), ExplainSettings(method="deeplift"))
    assert set(told.method) == {"in_silico_mutagenesis"}
    with pytest.raises(InputError, match="one weight above zero"):
        Ensemble(blend.members, [1, 0])
    text = (folder / "classifier.json").read_text()
    assert '"format": 7' in text
    assert '"weight": 0.75' in text


def test_test_labels_change_nothing_that_is_fitted(tmp_path):
    rows = composed(80, np.random.default_rng(8))
    experiment = make_experiment(document(tmp_path / "one", rows))
    samples = experiment.samples.read()
    split = experiment.split.split(samples)
    classifiers = []
    for number in range(2):
        table = samples.table.copy()
        if number:
            held = split.part == 2
            table.loc[held, "label"] = np.where(table.loc[held, "label"] == "low", "high", "low")
        changed = type(samples)(**{**samples.__dict__, "table": table})
        place = tmp_path / str(number)
        place.mkdir()
        classifiers.append(train(experiment, changed, split, place, SILENT))
    weights = [weights_of(tmp_path / str(number)) for number in range(2)]
    assert weights[0] == weights[1]
    logits = [one.logits(samples) for one in classifiers]
    np.testing.assert_array_equal(*logits)


def test_groups_stay_together_and_nothing_tested_is_seen(tmp_path):
    experiment = make_experiment(document(tmp_path, composed(120, np.random.default_rng(9))))
    samples = experiment.samples.read()
    split = GroupSplit(columns="family", folds=3).split(samples)
    seen, inner = inner_folds(samples, split, 4)
    assert set(seen.ids) == set(np.array(samples.ids)[split.part != 2])
    folds = pd.DataFrame({"family": seen.table["family"], "fold": inner.fold})
    assert len(folds.drop_duplicates()) == folds["family"].nunique()
    assert sorted(set(inner.fold)) == [0, 1, 2, 3]


def test_the_time_is_over(tmp_path):
    model = {**BOTH, "minutes": 1e-6}
    made = document(tmp_path, composed(60, np.random.default_rng(1)), model=model)
    place = fit(make_experiment(made), tmp_path / "run").path
    entries = json.loads((place / "candidates.json").read_text())["candidates"]
    assert [entry["state"] for entry in entries] == ["fitted", "not reached"]
    assert "not reached" in (place / "candidates.tsv").read_text()


def test_a_finished_fold_is_not_fitted_again(tmp_path, monkeypatch):
    experiment = make_experiment(document(tmp_path, composed(60, np.random.default_rng(1))))
    whole = fit(experiment, tmp_path / "whole").path
    weigh = auto_fit.blend_weights

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(auto_fit, "blend_weights", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(experiment, tmp_path / "run")
    files = sorted((tmp_path / "run" / "candidates").glob("*/*.npz"))
    assert len(files) == 4
    times = [path.stat().st_mtime_ns for path in files[1:]]
    files[0].unlink()
    monkeypatch.setattr(auto_fit, "blend_weights", weigh)
    again = fit(experiment, tmp_path / "run", resume=True).path
    assert [path.stat().st_mtime_ns for path in files[1:]] == times
    assert weights_of(again) == weights_of(whole)
    tables = [pd.read_parquet(one / "predictions.parquet") for one in (whole, again)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert not list((again / "candidates").glob("*/all"))


def test_the_report_has_the_table(run):
    page = render(run)
    assert "Candidates and their weights" in page
    assert "logistic_regression" in page


def test_folds_and_seeds(tmp_path):
    made = document(tmp_path, composed(60, np.random.default_rng(1)))
    made["training"] = {**FAST, "epochs": 1}
    folds = crossval(make_experiment(made), tmp_path / "folds").path
    assert (folds / "folds" / "1" / "candidates.json").is_file()
    made["evaluation"] = {**EVALUATION, "repeats": 2}
    seeds = fit(make_experiment(made), tmp_path / "seeds").path
    assert len(json.loads((seeds / "metrics.json").read_text())["repeats"]) == 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"candidates": ["kmer"]}, "no candidate 'kmer'.*kmers"),
        ({"candidates": ["cnn", "cnn"]}, "each candidate once"),
        ({"folds": 1}, "model.folds"),
        ({"minutes": 0}, "model.minutes"),
    ],
)
def test_bad_keys(tmp_path, model, message):
    with pytest.raises(InputError, match=message):
        chosen(
            make_experiment(document(tmp_path, [("ACGT", "a")], model={"kind": "auto", **model}))
        )


def test_what_does_not_go_with_it(tmp_path, capsys):
    with pytest.raises(InputError, match="blends several classifiers"):
        parse_model("auto")
    with pytest.raises(InputError, match="augment: 'auto'"):
        chosen(make_experiment(document(tmp_path, [("ACGT", "a")], augment=["random_strand"])))

    made = document(tmp_path, composed(20, np.random.default_rng(1)))
    made["training"] = {"epochs": {"low": 1, "high": 2}}
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(made))
    words = ["tune", str(tmp_path / "e.yaml"), "-o", str(tmp_path / "t"), "--trials", "1"]
    assert command(*words) == 2
    assert "it is not tuned" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["protein", "dna", "genes"])
def test_every_candidate_can_be_made(content, tmp_path):
    names = list(CANDIDATES[content])
    samples = {
        "protein": {"kind": "table", "path": "t.csv", "alphabet": "protein"},
        "dna": {"kind": "table", "path": "t.csv", "alphabet": "dna"},
        "genes": {"kind": "cells", "path": "c.h5ad", "label": "label"},
    }[content]
    model = {"kind": "auto", "candidates": names}
    made = {"name": "a", "samples": samples, "split": {"kind": "random"}, "model": model}
    assert list(chosen(make_experiment(made))) == names
    usual = [name for name, one in CANDIDATES[content].items() if one.usual]
    assert list(chosen(make_experiment({**made, "model": {"kind": "auto"}}))) == usual
