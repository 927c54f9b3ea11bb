"""A second target: a second head of one classifier, the whole way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict import predict_file
from cistron.classifier.second import require_known, second_weights, where_known
from cistron.cli import app
from cistron.experiment.file import make_experiment, read_experiment
from cistron.models.classical.classical import fit_classical, log_probabilities
from cistron.pipeline.compare import compare_runs
from cistron.pipeline.pipeline import crossval, fit
from cistron.pipeline.second_scores import _of_tested
from cistron.samples.samples import Samples
from cistron.splits.random import random_split
from cistron.splits.search.nearest import NearestHomolog
from cistron.splits.split import TEST, TRAIN, VALIDATION
from cistron.targets.calibration import fit_temperature
from cistron.targets.one_class import OneClass
from cistron.targets.several_classes import SeveralClasses
from cistron.training.losses import losses, shared
from cistron.training.settings import TrainingSettings

LETTERS = np.array(list("ARNDCQEGHILKMFPSTWYV"))
SECOND = {
    "name": "membrane",
    "label": r"-([MSU])$",
    "rename": {"S": "soluble", "M": "membrane"},
    "unknown": ["U"],
}
LABEL = r"^\S+ (\w+)-"


def planted(n: int = 480, seed: int = 0) -> str:
    """Return FASTA text: one motif tells the class, another the second target; a third unknown."""
    rng = np.random.default_rng(seed)
    records = []
    for row in range(n):
        text = "".join(rng.choice(LETTERS, size=rng.integers(55, 75)))
        nucleus, membrane = bool(row % 2), bool(row // 2 % 2)
        for present, motif, half in ((nucleus, "WWHCW", 0), (membrane, "CMYMC", 27)):
            if present:
                place = half + rng.integers(0, 20)
                text = text[:place] + motif + text[place + 5 :]
        said = "U" if row % 3 == 0 else "SM"[membrane]
        records.append(f">s{row} {('cytosol', 'nucleus')[nucleus]}-{said}\n{text}\n")
    return "".join(records)


@pytest.fixture(scope="module")
def fasta(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("second") / "proteins.fasta"
    path.write_text(planted())
    return path


@pytest.fixture(scope="module")
def samples(fasta) -> Samples:
    return cistron.read_fasta(fasta, label=LABEL, second=SECOND)


@pytest.fixture(scope="module")
def split(samples):
    return random_split(samples, test=0.3, validation=0.2, folds=3)


@pytest.fixture(scope="module")
def network(samples, split):
    training = {"epochs": 10, "batch_size": 32, "learning_rate": 1e-2, "patience": 10}
    model = {"kind": "cnn", "filters": 24, "blocks": 1, "kernel_size": 5}
    return Classifier({"kind": "residues", "as": "one_hot"}, model, training).fit(samples, split)


@pytest.fixture(scope="module")
def classical(samples, split):
    return Classifier("composition", "logistic_regression").fit(samples, split)


def truth_of(samples: Samples) -> np.ndarray:
    """Return what the planted motif says, known or not."""
    numbers = np.array([int(name[1:]) for name in samples.ids])
    return np.where(numbers // 2 % 2, "membrane", "soluble")


# --- samples


def test_the_second_target_is_read_beside_the_class(samples):
    assert samples.classes == ("cytosol", "nucleus")
    assert (samples.second.name, samples.second.classes) == ("membrane", ("soluble", "membrane"))
    assert np.bincount(samples.second_targets + 1).tolist() == [160, 160, 160]
    known = samples.second_targets >= 0
    assert (samples.table["membrane"][known] == truth_of(samples)[known]).all()
    assert samples.table["membrane"][~known].isna().all()
    assert "membrane is not known of 160 of 480 samples" in samples.notes[0]
    some = samples.take([1, 2, 3])
    assert some.second_targets.tolist() == samples.second_targets[[1, 2, 3]].tolist()


def test_it_can_stand_in_a_table_of_labels_and_in_a_column(samples, tmp_path):
    ids, labels = samples.ids, samples.table["membrane"]
    known = labels.notna()
    table = pd.DataFrame({"name": ids[known], "bound": labels[known]})
    table.to_csv(tmp_path / "labels.csv", index=False)
    (tmp_path / "p.fasta").write_text(planted())
    second = {"table": tmp_path / "labels.csv", "id": "name", "column": "bound"}
    read = cistron.read_fasta(
        tmp_path / "p.fasta", label=LABEL, second={"name": "place", "label": second}
    )
    assert read.second.classes == ("membrane", "soluble")  # alphabetical
    assert [*read.table["place"].dropna()] == [*labels.dropna()]
    assert str(tmp_path / "labels.csv") in read.sources
    texts = [samples.payload.text(row) for row in range(len(samples))]
    rows = pd.DataFrame(
        {"id": ids, "sequence": texts, "label": samples.table["label"], "bound": labels.fillna("?")}
    )
    rows.to_csv(tmp_path / "p.csv", index=False)
    column = {"name": "membrane", "label": "bound", "unknown": ["?"], "rename": SECOND["rename"]}
    with pytest.raises(InputError, match="samples.second.rename: no record is labelled 'S'"):
        cistron.read_table(tmp_path / "p.csv", second=column)
    del column["rename"]
    read = cistron.read_table(tmp_path / "p.csv", second=column)
    assert (read.table["membrane"].isna() == ~known).all()


def test_it_can_be_that_of_profiles(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.dirichlet(np.ones(20), size=(12, 10)).astype(np.float32)
    names = np.array([f"{'ab'[i % 2]}-{'MSU'[i % 3]}{i}" for i in range(12)])
    np.savez(tmp_path / "p.npz", x=x, y=np.arange(12) % 2, id=names)
    second = {"name": "membrane", "label": r"-(\w)", "unknown": ["U"]}
    read = cistron.read_profiles(tmp_path / "p.npz", classes=("a", "b"), id="id", second=second)
    assert read.second.classes == ("M", "S")
    assert read.second_targets.tolist() == [0, 1, -1] * 4


def test_equal_sequences_that_contradict_each_other_are_unknown(tmp_path):
    (tmp_path / "p.fasta").write_text(
        planted(24) + ">x nucleus-M\nMKVLMKVLMKVL\n>y nucleus-S\nMKVLMKVLMKVL\n>z nucleus-U\nMKVL\n"
    )
    read = cistron.read_fasta(tmp_path / "p.fasta", label=LABEL, second=SECOND)
    assert read.second_targets[-3:].tolist() == [-1, -1, -1]
    assert "of 2 because equal sequences say different things" in read.notes[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"second": {**SECOND, "label": "-([XY])$"}}, "matches none of the 480 headers"),
        ({"second": {**SECOND, "unknown": ["U", "M"]}}, "Known are: soluble .160 samples"),
        ({"second": {**SECOND, "name": "length"}}, "cannot be called 'length'"),
        ({"second": SECOND, "groups": {"membrane": r"s(\d)"}}, "both called 'membrane'"),
        ({"second": SECOND, "label_separator": ";"}, "`label_separator` gives several"),
        (
            {"second": SECOND, "rename": {"nucleus": "membrane_soluble"}},
            "would both have the column p_membrane_soluble",
        ),
    ],
)
def test_what_cannot_be_a_second_target_is_refused(fasta, settings, message):
    with pytest.raises(ValueError, match=message):
        cistron.read_fasta(fasta, label=LABEL, **settings)


def test_it_needs_a_class_beside_it(fasta, tmp_path):
    with pytest.raises(ValueError, match="`second` need labels"):
        cistron.read_fasta(fasta, second=SECOND)
    column = {"name": "membrane", "label": "bound"}
    with pytest.raises(ValueError, match="`target` is a number"):
        cistron.read_table(tmp_path / "x.csv", target="size", second=column)


# --- the loss


HEADS = (OneClass("class", ("a", "b", "c")), OneClass("membrane", ("S", "M")))


def made(n: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, 5, generator=generator, requires_grad=True)
    first = torch.randint(0, 3, (n,), generator=generator)
    second = torch.randint(-1, 2, (n,), generator=generator)
    weights = torch.rand(n, 2, generator=generator) + 0.1
    weights[:, 1] *= second >= 0
    return logits, torch.stack([first, second], dim=1), weights


def test_the_loss_is_the_mean_of_both_and_ignores_what_is_unknown():
    logits, targets, weights = made()
    known = targets[:, 1] >= 0
    assert 0 < known.sum() < len(known)
    each = losses(logits, targets, "huber", HEADS)
    scaled = shared(weights)
    loss = (each * scaled).sum() / scaled.sum()
    parts = []
    for part, column, rows in ((logits[:, :3], 0, slice(None)), (logits[:, 3:], 1, known)):
        own = F.cross_entropy(part[rows], targets[rows, column], reduction="none")
        parts.append((own * weights[rows, column]).sum() / weights[rows, column].sum())
    assert loss.item() == pytest.approx((parts[0] + parts[1]).item() / 2, rel=1e-5)
    assert scaled.sum().item() == pytest.approx(weights[:, 0].sum().item(), rel=1e-5)
    loss.backward()
    assert (logits.grad[~known, 3:] == 0).all()
    assert (logits.grad[known, 3:] != 0).all()


def test_where_nothing_is_known_the_loss_is_that_of_the_first_head():
    logits, targets, weights = made()
    targets[:, 1], weights[:, 1] = -1, 0.0
    scaled = shared(weights)
    loss = (losses(logits, targets, "huber", HEADS) * scaled).sum() / scaled.sum()
    alone = losses(logits[:, :3], targets[:, 0], "huber")
    expected = (alone * weights[:, 0]).sum() / weights[:, 0].sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
    (wanted,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(gradient, wanted)


def test_its_classes_have_weights_of_their_own(samples, split):
    train = samples.take(split.rows(TRAIN)[10:])
    counts = np.bincount(train.second_targets[train.second_targets >= 0])
    balanced = counts.sum() / (2 * counts)
    by_name = {"cytosol": 3, "nucleus": 1}
    for keys in ({}, {"class_weights": by_name}, {"sampling": "balanced"}):
        np.testing.assert_allclose(second_weights(train, TrainingSettings(**keys)), balanced)
    none = TrainingSettings(class_weights="none")
    assert second_weights(train, none).tolist() == [1, 1]


# --- the classifier


@pytest.mark.parametrize(("kind", "least"), [("network", 0.85), ("classical", 0.7)])
def test_both_planted_motifs_are_learned(kind, least, request, samples, split):
    classifier = request.getfixturevalue(kind)
    test = samples.take(split.rows(TEST))
    found = classifier.predict(test)
    assert (found["predicted"] == test.table["label"]).mean() > least
    # Of samples whose second target was never told, too.
    right = found["predicted_membrane"] == truth_of(test)
    assert right.mean() > least
    assert right[test.second_targets < 0].mean() > least
    assert found.columns.tolist() == [
        *("id", "predicted", "p_cytosol", "p_nucleus"),
        *("predicted_membrane", "p_membrane_soluble", "p_membrane_membrane", "warning"),
    ]
    shares = found[["p_membrane_soluble", "p_membrane_membrane"]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert ((shares[:, 1] > 0.5) == (found["predicted_membrane"] == "membrane")).all()


def test_the_history_tells_both(network):
    last = network.history_[-1]
    assert last["validation_mcc"] > 0.7
    assert last["validation_mcc_membrane"] > 0.7


def test_probabilities_of_the_class_are_those_of_the_first_head(network, samples):
    found = network.predict(samples)
    first = found[["p_cytosol", "p_nucleus"]].to_numpy()
    np.testing.assert_allclose(network.predict_proba(samples), first)
    assert network.logits(samples).shape == (480, 2)
    assert network.outputs(samples).shape == (480, 4)


@pytest.mark.parametrize("kind", ["network", "classical"])
def test_each_head_is_calibrated_on_what_it_knows(kind, request, samples, split):
    classifier = request.getfixturevalue(kind)
    validation = samples.take(split.rows(VALIDATION))
    outputs, known = classifier.outputs(validation), validation.second_targets >= 0
    first, second = classifier.heads_
    assert first.temperature == fit_temperature(outputs[:, :2], validation.targets)
    assert second.temperature == fit_temperature(
        outputs[known, 2:], validation.second_targets[known]
    )
    assert classifier.temperature_ == first.temperature
    assert first.temperature != second.temperature


def test_a_classical_model_of_the_second_target_is_fitted_on_what_is_known(
    classical, samples, split
):
    train = samples.take(split.rows(TRAIN))
    targets = train.second_targets
    vectors, known = classical.encoder_.encode(train), targets >= 0
    weights = second_weights(train, classical.training_)[targets[known]]
    alone = fit_classical(
        classical.model_settings_, vectors[known], targets[known], weights, classical.training_.seed
    )
    expected = log_probabilities(alone, vectors)
    np.testing.assert_allclose(classical.outputs(train)[:, 2:], expected, atol=1e-6)


def test_the_first_classical_model_does_not_know_of_the_second(classical, samples, split):
    without = replace(samples, second=None)
    plain = Classifier("composition", "logistic_regression").fit(without, split)
    np.testing.assert_array_equal(plain.logits(samples), classical.logits(samples))
    assert plain.second is None
    assert "predicted_membrane" not in plain.predict(samples)


@pytest.mark.parametrize("kind", ["network", "classical"])
def test_saved_and_loaded_predicts_the_same(kind, request, samples, tmp_path):
    classifier = request.getfixturevalue(kind)
    classifier.save(tmp_path / "model")
    again = cistron.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(samples), classifier.predict(samples))
    assert again.heads_ == classifier.heads_
    document = json.loads((tmp_path / "model" / "classifier.json").read_text())
    assert document["format"] == 4
    assert [head["name"] for head in document["heads"]] == ["class", "membrane"]
    if kind == "classical":
        (tmp_path / "model" / "second.skops").unlink()
        with pytest.raises(InputError, match="second.skops is missing"):
            cistron.load(tmp_path / "model")


def test_without_calibration_temperatures_are_one(samples, split):
    plain = Classifier("composition", "logistic_regression", calibration="none")
    assert [head.temperature for head in plain.fit(samples, split).heads_] == [1, 1]


def test_several_classes_or_a_number_cannot_stand_beside_it(samples, split):
    several = replace(samples, target=SeveralClasses("class", samples.classes, ";"))
    with pytest.raises(InputError, match="beside one class a sample"):
        Classifier("composition", "logistic_regression").fit(several, split)


def test_a_part_that_knows_too_little_is_refused(samples, split):
    table = samples.table.copy()
    train = np.isin(np.arange(len(table)), split.rows(TRAIN))
    table.loc[train & (table["membrane"] == "membrane"), "membrane"] = None
    lacking = replace(samples, table=table)
    with pytest.raises(InputError, match="'membrane' is 'membrane' for none of the 240 samples"):
        Classifier("composition", "logistic_regression").fit(lacking, split)
    table = samples.table.copy()
    table.loc[split.rows(TEST), "membrane"] = None
    lacking = replace(samples, table=table)
    require_known(lacking, split)
    with pytest.raises(InputError, match="'membrane' is known of none of the 144 .* test part"):
        require_known(lacking, split, (TRAIN, VALIDATION, TEST))


# --- runs


def document(fasta: Path, **more) -> dict:
    return {
        "name": "membranes",
        "samples": {"kind": "fasta", "path": str(fasta), "label": LABEL, "second": SECOND},
        "split": {"kind": "random", "folds": 3, "test": 0.3},
        "encoder": {"kind": "composition"},
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100},
        **more,
    }


@pytest.fixture(scope="module")
def run(fasta, tmp_path_factory):
    return fit(make_experiment(document(fasta)), tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def folds(fasta, tmp_path_factory):
    return crossval(make_experiment(document(fasta)), tmp_path_factory.mktemp("runs") / "folds")


def accuracy(table: pd.DataFrame) -> float:
    known = table[table["label_membrane"].notna()]
    return float((known["label_membrane"] == known["predicted_membrane"]).mean())


def test_a_run_scores_the_second_target_where_it_is_known(run):
    second, predictions = run.metrics["second"], run.predictions
    assert (second["name"], second["positive"]) == ("membrane", "membrane")
    for part in ("test", "validation"):
        own = predictions[predictions["part"] == part]
        assert second[part]["n"] == own["label_membrane"].notna().sum()
        assert second[part]["accuracy"]["value"] == pytest.approx(accuracy(own))
    test = predictions[predictions["part"] == "test"]
    assert second["unknown"] == test["label_membrane"].isna().sum() > 0
    assert second["test"]["accuracy"]["low"] < second["test"]["accuracy"]["high"]
    assert set(second["test"]["per_class"]) == {"soluble", "membrane"}
    assert set(second["baselines"]) == {"majority", "length", "composition", "homolog"}
    assert {b["n"] for b in second["baselines"].values()} == {second["test"]["n"]}
    assert second["comparison"]["metric"] == "mcc"
    baselines = pd.read_parquet(run.path / "baselines_second.parquet")
    majority = baselines[baselines["baseline"] == "majority"]
    assert [*majority["id"]] == [*test["id"][test["label_membrane"].notna()]]
    assert run.samples["membrane"].notna().sum() == 320
    assert predictions.columns[-5:].tolist() == [
        *("label_membrane", "predicted_membrane", "p_membrane_soluble", "p_membrane_membrane"),
        "warning",
    ]


def test_the_first_target_is_scored_as_without_the_second(run, fasta, tmp_path):
    plain = document(fasta)
    del plain["samples"]["second"]
    alone = fit(make_experiment(plain), tmp_path / "run").metrics
    assert {k: v for k, v in run.metrics.items() if k != "second"} == alone


def test_a_cross_validation_pools_the_second_target(folds):
    second, predictions = folds.metrics["second"], folds.predictions
    assert second["test"]["n"] == 320
    assert second["unknown"] == 160
    assert second["validation"] is None
    assert second["test"]["accuracy"]["value"] == pytest.approx(accuracy(predictions))
    assert {b["n"] for b in second["baselines"].values()} == {320}
    # Composition knows the motifs, length nothing: the baselines stand beside the right samples.
    values = {name: b["roc_auc"]["value"] for name, b in second["baselines"].items()}
    assert values["composition"] > 0.75 > 0.6 > values["length"]


def test_the_nearest_homologs_are_those_of_the_tested_that_know(samples, split):
    tested = np.random.default_rng(0).permutation(split.rows(TEST))
    n = len(tested)
    some = np.zeros(n)
    nearest = NearestHomolog(
        tested, tested * 1000, tested / 480, some, some, some, some > 0, {}, 0.3
    )
    known = where_known(samples, split)
    found = _of_tested(nearest, known)
    assert 0 < len(known.rows(TEST)) < n
    assert found.row.tolist() == (known.rows(TEST) * 1000).tolist()
    np.testing.assert_array_equal(found.identity, known.rows(TEST) / 480)


@pytest.mark.parametrize("kind", ["run", "folds"])
def test_the_report_has_a_section_of_it(kind, request):
    page = (request.getfixturevalue(kind).path / "report.html").read_text()
    section = page[page.index('<section id="second"') :]
    section = section[: section.index("</section>")]
    assert "Second target: membrane" in section
    assert ">soluble<" in section
    assert "Composition" in section
    assert "of which it is known; of" in section
    assert '<section id="groups"' not in page  # its column is no group


def test_compare_says_that_it_compares_the_first(run, folds):
    notes = compare_runs([run.path, folds.path], resamples=100)["notes"]
    assert any("learned a second target" in note for note in notes)


def test_predictions_of_a_file_have_its_columns(run, tmp_path):
    (tmp_path / "new.fasta").write_text(planted(6, seed=1) + ">empty\n")
    predict_file(cistron.load(run.path), tmp_path / "new.fasta", tmp_path / "out.tsv")
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert table["predicted_membrane"].isin(["soluble", "membrane"]).tolist() == [True] * 6 + [
        False
    ]
    assert table["p_membrane_membrane"].between(0, 1).tolist() == [True] * 6 + [False]
    assert "not predicted" in table["warning"].iloc[-1]


def test_check_shows_how_much_is_known(fasta, tmp_path):
    path = tmp_path / "experiment.yaml"
    path.write_text(json.dumps(document(fasta)))
    plain = CliRunner().invoke(app, ["check", str(path)])
    assert "Second target: membrane" in plain.stdout
    found = json.loads(CliRunner().invoke(app, ["check", str(path), "--json"]).stdout)["second"]
    assert found["unknown"] == 160
    assert sum(n for part in found["parts"].values() for n in part.values()) == 320


def test_repeats_of_a_cross_validation_are_refused(fasta, tmp_path):
    experiment = make_experiment(document(fasta, evaluation={"repeats": 2}))
    with pytest.raises(InputError, match="a second target .* is not averaged over repeats"):
        crossval(experiment, tmp_path / "run")


def test_the_recipe_shows_a_second_target_that_works(tmp_path):
    path = tmp_path / "localization.yaml"
    assert CliRunner().invoke(app, ["new", "localization", str(path)]).exit_code == 0
    lines = path.read_text().splitlines(keepends=True)
    first = lines.index("  # second:\n")
    lines[first : first + 5] = [line.replace("# ", "", 1) for line in lines[first : first + 5]]
    path.write_text("".join(lines))
    texts = planted(12).replace("cytosol", "Cytoplasm").replace("nucleus", "Nucleus")
    (tmp_path / "deeploc.fasta").write_text(texts)
    changed = [
        f"samples.path={tmp_path / 'deeploc.fasta'}",
        "samples.only=[Nucleus, Cytoplasm]",
    ]
    read = read_experiment(path, changed).samples.read()
    assert read.second.classes == ("soluble", "membrane")
    assert read.second_targets.tolist() == [-1, 0, 1, -1, 0, 0, -1, 1, 0, -1, 1, 1]
