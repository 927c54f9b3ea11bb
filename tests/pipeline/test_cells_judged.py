"""Cells from `check` to `predict`: stopped, scored, drawn, predicted, rejected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import r2_score
from typer.testing import CliRunner

import cistron
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict_cells import NewCells, predict_cell_file
from cistron.classifier.predict.predict_shards import Reading, find_shards, predict_shards
from cistron.cli import app
from cistron.cli.display import interval
from cistron.experiment.file import make_experiment
from cistron.pipeline.check import check
from cistron.pipeline.pipeline import crossval, fit
from cistron.samples.samples import Samples, make_samples
from cistron.splits.audit.audit import audit
from cistron.splits.audit.confounding import confounded_sentence
from cistron.splits.group import group_split
from cistron.splits.random import random_split
from tests.cells_planted import planted, with_labels, write_h5ad
from tests.places import REAL_DATA

ENCODER = {"kind": "expression", "genes": {"kind": "all"}}


def document(path: Path, **sections) -> dict:
    made = {
        "name": "cells",
        "samples": {
            "kind": "cells",
            "path": str(path),
            "label": "label",
            "groups": {"donor": "donor"},
        },
        "split": {"kind": "group", "columns": "donor", "folds": "each"},
        "encoder": ENCODER,
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100},
    }
    return {**made, **sections}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with cells of five donors, of a new donor, and of another kind."""
    where = tmp_path_factory.mktemp("cells")
    samples = planted(40, 6)
    last = (samples.table["donor"] == "d5").to_numpy()
    write_h5ad(samples.take(np.flatnonzero(~last)), where / "train.h5ad")
    write_h5ad(samples.take(np.flatnonzero(last)), where / "new.h5ad")
    write_h5ad(planted(40, 2, shift=60, effect=8.0, seed=5), where / "other.h5ad")
    return where


@pytest.fixture(scope="module")
def run(folder) -> Path:
    experiment = make_experiment(
        document(
            folder / "train.h5ad",
            evaluation={"bootstrap": 100, "projection": "pca", "least_confidence": 0.6},
        )
    )
    return fit(experiment, folder / "run").path


def test_fit_writes_what_is_known_of_cells(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["baselines"]) == {"majority", "depth", "genes"}
    assert metrics["test"]["accuracy"]["value"] > 0.9
    assert metrics["test"]["rejected"]["share"] < 0.3
    assert metrics["test"]["rejected"]["kept"]["n"] <= metrics["test"]["n"]
    samples = pd.read_parquet(run / "samples.parquet")
    assert "length" not in samples
    assert {"counts", "detected", "donor"} <= set(samples)
    predictions = pd.read_parquet(run / "predictions.parquet")
    unsure = predictions[["p_active", "p_resting"]].max(axis=1) < 0.6
    assert (predictions["rejected"] >= unsure).all()
    assert predictions.loc[unsure, "warning"].str.contains("no class has a probability").all()
    assert (run / "projection.parquet").is_file()
    assert "length" not in (run / "audit.json").read_text()
    assert "logistic regression on the same genes" in (run / "report.html").read_text()


def test_crossval_leaves_each_donor_out(folder):
    run = crossval(make_experiment(document(folder / "train.h5ad")), folder / "folds")
    assert len(run.metrics["folds"]) == 5
    tested = run.predictions.merge(run.samples[["id", "donor"]], on="id")
    assert len(tested[["fold", "donor"]].drop_duplicates()) == 5
    assert run.metrics["test"]["accuracy"]["value"] > 0.9


def test_check_reads_cells(folder):
    result = CliRunner().invoke(app, ["check", _written(folder, document(folder / "train.h5ad"))])
    assert result.exit_code == 0, result.output
    assert "genes found" in result.output
    assert "confounded groups" in result.output


def _written(folder: Path, made: dict, name: str = "experiment.yaml") -> str:
    (folder / name).write_text(yaml.safe_dump(made))
    return str(folder / name)


@pytest.fixture(scope="module")
def confounded(folder) -> dict:
    samples = planted(30, 4)
    label = np.where(samples.table["donor"].isin(["d0", "d1"]), "resting", "active").tolist()
    write_h5ad(with_labels(samples, label), folder / "confounded.h5ad")
    return document(folder / "confounded.h5ad", split={"kind": "random"})


def test_a_label_that_a_group_determines_stops_training(confounded, folder):
    experiment = make_experiment(confounded)
    for train in (fit, crossval):
        with pytest.raises(InputError, match="determined by donor.*--allow-confounded"):
            train(experiment, folder / "stopped")
    assert not (folder / "stopped").exists()
    assert check(experiment)[2]["checks"][0]["verdict"] == "fail"


def test_allowed_it_stands_first_in_the_report(confounded, folder):
    made = {**confounded, "split": {"kind": "group", "columns": "donor", "test": 0.4}}
    made["split"] |= {"folds": 2, "validate_on": "samples"}
    run = fit(make_experiment(made), folder / "allowed", allow_confounded=True)
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["allow_confounded"] is True
    assert "determined by donor" in environment["confounded"]
    assert run.audit["verdict"] == "confounded"
    page = (run.path / "report.html").read_text()
    main = page[page.index("<main>") :]
    assert main.index("nothing tells the label from the group") < main.index('id="verdict"')
    lead = main[main.index('class="lead"') :]
    assert "determined by donor" in lead[: lead.index("</p>")]


@pytest.mark.parametrize(
    ("section", "value", "said"),
    [
        ("split", {"kind": "homology"}, "split.kind: 'homology' keeps sequences apart"),
        ("split", {"kind": "chromosome"}, "split.kind: 'chromosome' keeps sequences apart"),
        ("evaluation", {"baselines": ["length"]}, "'length' is a baseline of sequences"),
        ("evaluation", {"homology_search": True}, "cells have no homologs"),
    ],
)
def test_what_is_of_sequences_is_refused_before_anything_is_read(section, value, said):
    with pytest.raises(InputError, match=said):
        make_experiment(document(Path("nowhere.h5ad"), **{section: value}))


def test_sequences_have_no_baselines_of_cells():
    made = document(Path("x"), encoder={"kind": "kmers"}, split={"kind": "random"})
    made["samples"] = {
        "kind": "fasta",
        "alphabet": "protein",
        "classes": {"a": "a.fa", "b": "b.fa"},
    }
    usual = make_experiment(made)
    assert usual.evaluation.baselines == ("majority", "length", "composition", "homolog")
    with pytest.raises(InputError, match="'depth' is a baseline of cells"):
        make_experiment({**made, "evaluation": {"baselines": ["depth"]}})


def test_another_data_set_is_predicted_as_python_predicts_it(run, folder):
    out = folder / "new.tsv"
    how = NewCells(label="label", groups=("donor",))
    found = predict_cell_file(cistron.load(run), folder / "new.h5ad", out, how=how)
    table = pd.read_csv(out, sep="\t", keep_default_na=False)
    assert table.columns.tolist() == [
        "id",
        "predicted",
        "p_active",
        "p_resting",
        "warning",
        "rejected",
    ]
    samples = cistron.read_cells(folder / "new.h5ad", label="label")
    expected = cistron.load(run).predict(samples)
    assert table["predicted"].tolist() == expected["predicted"].tolist()
    np.testing.assert_allclose(table["p_active"], expected["p_active"], rtol=1e-4)
    assert json.loads((folder / "new.tsv.summary.json").read_text()) == found
    assert found["genes"]["share"] == 1
    accuracy = (table["predicted"] == samples.table["label"]).mean()
    assert found["scores"]["accuracy"]["value"] == pytest.approx(accuracy)
    assert found["groups"]["donor"]["d5"]["scores"]["accuracy"]["low"] is not None
    assert not (folder / "new.tsv.parts").exists()


def test_several_data_sets_are_predicted_as_one_by_one(run, folder, tmp_path):
    how = NewCells(label="label", groups=("donor",))
    shards = find_shards(f"{folder}/[no]*[wr].h5ad", "genes")
    assert [path.name for path in shards] == ["new.h5ad", "other.h5ad"]
    found = predict_shards(run, shards, tmp_path / "out", format="csv", reading=Reading(cells=how))
    for path in shards:
        one = tmp_path / f"{path.stem}.csv"
        predict_cell_file(cistron.load(run), path, one, how=how)
        for name in (one.name, f"{one.name}.summary.json"):
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert found["shards"] == 2
    assert find_shards(str(tmp_path / "out"), "genes") is None  # a folder is one input
    options = {"reading": Reading(cells=NewCells()), "format": "csv", "resume": True}
    with pytest.raises(InputError, match=r"other options \(reading\)"):
        predict_shards(run, shards, tmp_path / "out", **options)


def test_cells_of_another_kind_drift_and_are_rejected(run, folder):
    classifier = cistron.load(run)
    new, other = (
        predict_cell_file(classifier, folder / f"{name}.h5ad", folder / f"{name}.csv")
        for name in ("new", "other")
    )
    assert other["share_rejected"] > 2 * new["share_rejected"]
    assert other["drift"]["ratio"] > new["drift"]["ratio"]
    assert other["drift"]["beyond"]


def test_missing_and_renamed_genes_are_counted(run, folder):
    samples = cistron.read_cells(folder / "new.h5ad", label="label", groups=["donor"])
    kept = samples.payload.read()[:, 20:]
    genes = [name.lower() for name in samples.payload.genes[20:]]
    renamed = make_samples(Counts.of(kept, genes), labels=samples.table["label"].tolist())
    path = write_h5ad(renamed, folder / "renamed.h5ad")
    found = predict_cell_file(cistron.load(run), path, folder / "renamed.tsv")
    assert found["genes"]["found"] == found["genes"]["read"] - 20
    assert "either case" in found["genes"]["note"]


def test_too_few_genes_are_refused_and_nothing_is_left(run, folder):
    samples = cistron.read_cells(folder / "new.h5ad", label="label")
    strange = [f"strange{k}" for k in range(len(samples.payload.genes))]
    path = write_h5ad(samples, folder / "strange.h5ad", strange)
    with pytest.raises(InputError, match="0 of the 150 genes"):
        predict_cell_file(cistron.load(run), path, folder / "strange.tsv")
    assert not (folder / "strange.tsv.parts").exists()
    table = folder / "aliases.csv"
    pairs = zip(strange, samples.payload.genes, strict=True)
    table.write_text("alias,gene\n" + "".join(f"{a},{b}\n" for a, b in pairs))
    found = predict_cell_file(
        cistron.load(run), path, folder / "strange.tsv", how=NewCells(aliases=table)
    )
    assert found["genes"]["found"] == 150


def test_the_copy_of_the_h5ad_has_what_was_predicted(run, folder):
    import anndata

    arguments = ["predict", str(run), str(folder / "new.h5ad"), "--label", "label", "--quiet"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(folder / "copy.h5ad")])
    assert result.exit_code == 0, result.output
    assert "held-out cells of training" in result.output
    before, after = (anndata.read_h5ad(folder / name) for name in ("new.h5ad", "copy.h5ad"))
    assert (before.X != after.X).nnz == 0
    assert (before.obs["label"] == after.obs["label"]).all()
    expected = cistron.load(run).predict(cistron.read_cells(folder / "new.h5ad"))
    assert after.obs["cistron_predicted"].astype(str).tolist() == expected["predicted"].tolist()
    assert after.obs["cistron_rejected"].tolist() == expected["rejected"].tolist()
    assert after.uns["cistron"]["classifier"] == cistron.load(run).checksum_
    assert not list(folder.glob("copy.h5ad.p*"))


def test_an_interrupted_prediction_goes_on(run, folder, monkeypatch):
    import cistron.classifier.predict.predict_cells as module

    monkeypatch.setattr(module, "WINDOW", 32)
    source, how = folder / "new.h5ad", NewCells(label="label")
    whole = predict_cell_file(cistron.load(run), source, folder / "whole.tsv", how=how)
    written, real = [], module.write_part

    def dies(table: pd.DataFrame, path: Path) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        real(table, path)

    monkeypatch.setattr(module, "write_part", dies)
    with pytest.raises(KeyboardInterrupt):
        predict_cell_file(cistron.load(run), source, folder / "part.tsv", how=how)
    monkeypatch.setattr(module, "write_part", real)
    with pytest.raises(InputError, match="--resume"):
        predict_cell_file(cistron.load(run), source, folder / "part.tsv", how=how)
    with pytest.raises(InputError, match="another input or by another classifier"):
        predict_cell_file(cistron.load(run), source, folder / "part.tsv", resume=True)
    found = predict_cell_file(cistron.load(run), source, folder / "part.tsv", how=how, resume=True)
    assert found == whole
    assert (folder / "part.tsv").read_text() == (folder / "whole.tsv").read_text()


@pytest.mark.parametrize(
    ("name", "how", "out", "said"),
    [
        ("new.h5ad", {"label": "labl"}, "x.tsv", "no column 'labl'.*Did you mean 'label'"),
        ("new.h5ad", {"label": "donor"}, "x.tsv", "no label in 'donor' is a class"),
        ("new.h5ad", {"groups": ("patient",)}, "x.tsv", "--group.*no column 'patient'"),
        ("new.h5ad", {}, "x.txt", "the suffix tells the format"),
        ("counts.csv", {}, "x.h5ad", "copy of an h5ad file"),
        ("counts.csv", {"label": "label"}, "x.tsv", "stand in the obs of an h5ad file"),
    ],
)
def test_bad_input_is_one_sentence(run, folder, name, how, out, said):
    (folder / "counts.csv").write_text("gene,c1\nGENE1,1\n")
    with pytest.raises(InputError, match=said):
        predict_cell_file(cistron.load(run), folder / name, folder / out, how=NewCells(**how))
    assert not (folder / f"{out}.parts").exists()


def test_options_of_cells_are_refused_for_sequences(tmp_path):
    from tests.splits.families import families

    samples = families([0.5] * 12)
    Classifier("kmers", "logistic_regression").fit(samples).save(tmp_path / "model")
    (tmp_path / "x.fasta").write_text(">a\nMKV\n")
    arguments = ["predict", str(tmp_path / "model"), str(tmp_path / "x.fasta")]
    result = CliRunner().invoke(app, [*arguments, "--out", "y.tsv", "--layer", "x"])
    assert isinstance(result.exception, InputError)
    assert "--layer is of cells" in str(result.exception)


def permuted_within(samples: Samples, seed: int) -> Samples:
    """Return cells whose labels are shuffled within each donor."""
    rng = np.random.default_rng(seed)
    labels = samples.table["label"].to_numpy(dtype=object).copy()
    for donor in samples.table["donor"].unique():
        rows = np.flatnonzero(samples.table["donor"] == donor)
        labels[rows] = rng.permutation(labels[rows])
    return with_labels(samples, labels.tolist())


@pytest.mark.parametrize(
    ("encoder", "model", "training"),
    [
        ({}, "logistic_regression", {}),
        ({"genes": {"kind": "markers"}}, "logistic_regression", {}),
        ({"components": 10}, "random_forest", {}),
        ({"components": 10}, "mlp", {"epochs": 4, "class_weights": "balanced"}),
        ({}, "mlp", {"epochs": 4, "sampling": "balanced"}),
        ({"genes": {"kind": "highly_variable", "number": 40}}, "nearest_centroid", {}),
    ],
)
def test_permuted_labels_are_told_no_better_than_by_chance(encoder, model, training):
    samples = planted(60, 4, effect=5.0)
    rare = np.flatnonzero((samples.targets == 0) | (np.arange(len(samples)) % 3 == 0))
    samples = samples.take(rare)  # unbalanced: what draws or weighs classes has something to do
    split = group_split(samples, "donor", folds="each")

    def scored(labelled: Samples) -> float:
        right, known = [], []
        for fold in range(2):
            part = split.for_fold(fold, labelled.strata)
            classifier = Classifier({**ENCODER, **encoder}, model, training).fit(labelled, part)
            tested = labelled.take(part.rows(2))
            right.append(classifier.predict_proba(tested).argmax(axis=1))
            known.append(tested.targets)
        found, truth = np.concatenate(right), np.concatenate(known)
        return float(np.mean([(found[truth == k] == k).mean() for k in range(2)]))

    assert scored(samples) > 0.85
    assert abs(np.mean([scored(permuted_within(samples, seed)) for seed in (1, 2)]) - 0.5) < 0.1


def test_a_run_of_cells_survives_saving(tmp_path):
    samples = planted(30, 3)
    split = group_split(samples, "donor", folds="each")
    made = Classifier(ENCODER, "logistic_regression", least_confidence=0.9).fit(samples, split)
    made.save(tmp_path / "model")
    again = cistron.load(tmp_path / "model")
    assert again.alphabet_ == "genes"
    assert again.least_confidence == 0.9
    pd.testing.assert_frame_equal(again.predict(samples), made.predict(samples))


CELLS = REAL_DATA / "cells"
real = pytest.mark.skipif(not CELLS.is_dir(), reason="the real cells are not here")


@pytest.fixture(scope="module")
def kang(tmp_path_factory) -> Path:
    """Return the cells of two donors, with the donor as a column of its own."""
    import anndata

    path = tmp_path_factory.mktemp("kang") / "kang.h5ad"
    cells = anndata.read_h5ad(CELLS / "kang_example.h5ad")
    donor = cells.obs["sample_id"].astype(str).str.extract(r"(\d+)$")[0]
    cells.obs["donor"] = donor.to_numpy()
    cells.write_h5ad(path)
    return path


@real
@pytest.mark.real_data
def test_real_cells_leave_each_donor_out(kang, tmp_path):
    made = document(kang, encoder={"kind": "expression"})
    made["samples"]["label"] = "group_id"
    made["split"]["validate_on"] = "samples"
    run = crossval(make_experiment(made), tmp_path / "run")
    assert len(run.metrics["folds"]) == 2
    assert run.metrics["test"]["accuracy"]["value"] > 0.97
    assert run.metrics["baselines"]["genes"]["accuracy"]["value"] > 0.97
    assert run.metrics["baselines"]["depth"]["accuracy"]["value"] < 0.65


@real
@pytest.mark.real_data
def test_real_cells_of_a_type_that_was_left_out_are_rejected(kang, tmp_path):
    samples = cistron.read_cells(kang, "cluster_id", groups=["donor", "sample_id"])
    donor = samples.table["donor"].to_numpy()
    kind = samples.table["label"].to_numpy()
    left = kind == "CD14+ Monocytes"
    known = samples.take(np.flatnonzero((donor == "101") & ~left))
    train = with_labels(
        known, known.table["label"].tolist(), sample=known.table["sample_id"].tolist()
    )
    classifier = Classifier("expression", "logistic_regression").fit(train)
    new, odd = (samples.take(np.flatnonzero((donor == "107") & rows)) for rows in (~left, left))
    assert classifier.predict(new)["rejected"].mean() < 0.1
    assert classifier.predict(odd)["rejected"].mean() > 0.5
    drift = [
        classifier.novelty_.drift(classifier.novelty_.distances(classifier.encoder_.encode(part)))
        for part in (new, odd)
    ]
    assert not drift[0]["beyond"]
    assert drift[1]["beyond"]


@real
@pytest.mark.real_data
def test_two_real_libraries_are_confounded_and_technical_genes_tell_them():
    made = document(Path("x"), split={"kind": "random"}, encoder={"kind": "expression"})
    files = {"control": "Day11_control.txt.gz", "persister": "Day11_Erlotinib.txt.gz"}
    made["samples"] = {
        "kind": "cells",
        "classes": {name: str(CELLS / file) for name, file in files.items()},
        "min_genes": 500,
    }
    samples = make_experiment(made).samples.read()
    assert "determined by source" in confounded_sentence(samples)
    found = {c["name"]: c for c in audit(samples, random_split(samples))["checks"]}
    assert found["confounded_groups"]["verdict"] == "fail"
    assert found["technical_genes"]["verdict"] == "warn"


@pytest.mark.parametrize("asked", ["number", "several"])
def test_labels_that_are_not_one_class_are_scored(asked, tmp_path):
    """They were passed over without a word."""
    samples = planted(30, 2)
    counts, labels = samples.payload, samples.table["label"]
    rng = np.random.default_rng(3)
    if asked == "number":
        numbers = labels.eq(samples.classes[1]).to_numpy() + rng.normal(0, 0.1, len(labels))
        told = {"numbers": numbers}
        truth = [f"{number:.6f}" for number in numbers]
    else:
        truth = [f"{label};both" if rng.random() < 0.5 else label for label in labels]
        told = {"labels": truth, "separator": ";", "classes": [*samples.classes, "both"]}
    model = "ridge" if asked == "number" else "logistic_regression"
    asked_of = make_samples(counts, samples.ids.tolist(), **told)
    classifier = Classifier(ENCODER, model).fit(asked_of)
    classifier.save(tmp_path / "model")
    truth[0] = "strange"
    write_h5ad(samples, tmp_path / "new.h5ad", truth=truth)
    arguments = ["predict", tmp_path / "model", tmp_path / "new.h5ad", "--label", "truth", "-q"]
    arguments += ["--group", "donor", "--align", "--out", tmp_path / "p.csv"]
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "p.csv.summary.json").read_text())
    assert found["scored"] == len(labels) - 1
    assert found["unscored"] == {"the classifier does not know the label 'strange'": 1}
    table = pd.read_csv(tmp_path / "p.csv")[1:]
    if asked == "number":
        name, expected = "r2", r2_score(numbers[1:].round(6), table["predicted"])
        assert found["calls"] == {}, "a number is no call"
    else:
        name = "jaccard"
        sets = [(set(a.split(";")), set(b.split(";"))) for a, b in
                zip(truth[1:], table["predicted"].fillna(""), strict=True)]  # fmt: skip
        expected = np.mean([len(a & b) / len(a | b) for a, b in sets])
    assert found["scores"][name]["value"] == pytest.approx(expected)
    assert found["groups"]["donor"]["d1"]["scores"][name]["value"] is not None
    assert found["aligned"]["scores"][name]["value"] is not None
    assert f"{name}: {interval(found['scores'][name])}; of the cells not" in result.output
