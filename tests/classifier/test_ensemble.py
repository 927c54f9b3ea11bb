"""Several classifiers as one: what it says is the mean of what its members say, exactly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.predict.predict import predict_file
from cistron.classifier.predict.predict_cells import NewCells, predict_cell_file
from cistron.experiment.file import make_experiment
from cistron.explain.checks import faithfulness, randomised_weights
from cistron.explain.explanation import explain
from cistron.explain.settings import ExplainSettings
from cistron.explain.target import choose_target
from cistron.explain.variants.mutate import mutate_file
from cistron.pipeline.joined import join_runs
from cistron.pipeline.pipeline import crossval
from cistron.report.page import render
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.targets.calibration import fit_temperature
from tests import cells_planted
from tests.conftest import planted_texts
from tests.explain.conftest import promoters
from tests.targets import test_multilabel, test_numbers, test_second

FAST = {"epochs": 2, "batch_size": 32, "learning_rate": 1e-2, "device": "cpu"}
NETWORK = {"kind": "cnn", "filters": 8, "blocks": 1, "kernel_size": 5}
LETTERS = {"encoder": {"kind": "residues", "as": "one_hot"}, "model": NETWORK, "training": FAST}
CELLS = {
    "name": "cells",
    "split": {"kind": "group", "columns": "donor", "folds": 2},
    "encoder": {
        "kind": "expression",
        "genes": {"kind": "highly_variable", "number": 20},
        "components": 5,
    },
    "model": {"kind": "logistic_regression"},
}
QUICK = {"evaluation": {"bootstrap": 100, "baselines": ["majority"], "homology_search": False}}
KINDS = ("proteins", "several", "number", "second", "cells")


def folds_of(kind: str, folder: Path) -> tuple[Path, Samples]:
    """Cross-validate tiny samples of a kind; return the run, and the samples without labels."""
    folder.mkdir(exist_ok=True)
    if kind == "several":
        samples = test_multilabel.planted(160)
        document = test_multilabel.document(folder, samples, **LETTERS)
    elif kind == "number":
        path = test_numbers.write(test_numbers.planted(160), folder / "samples.csv")
        document = test_numbers.document(path)
        samples = test_numbers.planted(160)
    elif kind == "cells":
        samples = cells_planted.planted(20, 4)
        path = cells_planted.write_h5ad(samples, folder / "cells.h5ad")
        read = {"kind": "cells", "path": str(path), "label": "label", "groups": {"donor": "donor"}}
        document = {**CELLS, "samples": read}
    else:
        path = folder / "proteins.fasta"
        path.write_text(test_second.planted(160))
        document = test_second.document(path, **LETTERS)
        if kind == "proteins":
            del document["samples"]["second"]
        samples = cistron.read_fasta(path, label=test_second.LABEL)
    document |= QUICK | {"split": {**document["split"], "folds": 2}}
    return crossval(make_experiment(document), folder / "folds").path, samples


@pytest.fixture(scope="module", params=KINDS)
def joined(request, tmp_path_factory) -> tuple[Path, Path, Samples]:
    """Return a cross-validation, the run that joins its folds, and samples."""
    folder = tmp_path_factory.mktemp(request.param)
    run, samples = folds_of(request.param, folder)
    join_runs([run], folder / "joined")
    return run, folder / "joined", samples[:60]


def members_of(run: Path) -> list[Classifier]:
    return [cistron.load(run / "folds" / str(k)) for k in range(2)]


def test_logits_are_the_mean_of_calibrated_logits(joined):
    run, out, samples = joined
    ensemble, members = cistron.load(out), members_of(run)
    assert ensemble.alphabet_ == members[0].alphabet_
    if ensemble.head.kind == "number":
        expected = np.mean([one.predict_numbers(samples) for one in members], axis=0)
        table = ensemble.predict(samples)
        np.testing.assert_allclose(ensemble.predict_numbers(samples), expected, rtol=1e-6)
        np.testing.assert_allclose(table["predicted"], expected, rtol=1e-6)
        each = [one.predict_numbers(samples) for one in members]
        np.testing.assert_allclose(table["spread"], np.std(each, axis=0, ddof=1), rtol=1e-4)
        return
    for place in range(len(ensemble.heads_) or 1):
        logits = []
        for one in members:
            head = (one.heads_ or (one.head,))[place]
            start = sum(h.outputs for h in one.heads_[:place])
            own = one.outputs(samples)[:, start : start + head.outputs] / head.temperature
            logits.append(own + np.array(getattr(head, "shifts", ()) or 0.0))
        start = sum(h.outputs for h in ensemble.heads_[:place])
        found = ensemble.outputs(samples)[:, start : start + len(logits[0][0])]
        np.testing.assert_allclose(found, np.mean(logits, axis=0), rtol=1e-5, atol=1e-6)
    said, mean = ensemble.predict(samples), np.mean(logits, axis=0)
    if ensemble.head.kind == "sigmoid":
        expected, spread = 1 / (1 + np.exp(-mean)), [1 / (1 + np.exp(-own)) for own in logits]
        thresholds = np.mean([one.head.thresholds for one in members], axis=0)
        assert ensemble.head.thresholds == pytest.approx(thresholds)
    else:
        shares = [np.exp(own) for own in (mean, *logits)]
        expected, *spread = [own / own.sum(axis=1, keepdims=True) for own in shares]
    if len(ensemble.heads_) < 2:
        columns = [f"p_{name}" for name in ensemble.classes_]
        np.testing.assert_allclose(said[columns], expected, rtol=1e-4)
        first = expected.argmax(axis=1)[None, :, None]
        apart = np.take_along_axis(np.stack(spread), first, axis=2)[:, :, 0].std(axis=0, ddof=1)
        np.testing.assert_allclose(said["spread"], apart, rtol=1e-3, atol=1e-7)
    assert said.columns[-1] == ("rejected" if ensemble.alphabet_ == "genes" else "warning")


def test_it_is_copied_anywhere_and_nothing_in_it_may_change(joined, tmp_path):
    run, out, samples = joined
    before = cistron.load(out).predict(samples)
    shutil.copytree(out / "model", tmp_path / "model")
    shutil.rmtree(out.with_name("gone"), ignore_errors=True)
    copied = cistron.load(tmp_path / "model")
    pd.testing.assert_frame_equal(copied.predict(samples), before)
    again = cistron.load(copied.save(tmp_path / "again"))
    pd.testing.assert_frame_equal(again.predict(samples), before)
    assert not [one for one in tmp_path.rglob("*") if one.suffix in (".pkl", ".pt", ".joblib")]
    member = next((tmp_path / "model" / "members" / "1").glob("weights.*"))
    member.write_bytes(member.read_bytes()[:-1] + b"!")
    with pytest.raises(InputError, match="was changed or cut short"):
        cistron.load(tmp_path / "model")
    shutil.rmtree(tmp_path / "again" / "members" / "1")
    with pytest.raises(InputError, match="members/1 is missing"):
        cistron.load(tmp_path / "again")
    shutil.copytree(run / "folds" / "0" / "model", tmp_path / "again" / "members" / "1")
    with pytest.raises(InputError, match="is another classifier"):
        cistron.load(tmp_path / "again")


def test_contributions_add_up_to_the_logit_of_the_ensemble(joined):
    _, out, samples = joined
    ensemble, few = cistron.load(out), samples[:8]
    found = explain(ensemble, few, {"number": 3})
    sums = np.add.reduceat(found.contributions.astype(np.float64), found.offsets[:-1])
    target = choose_target(ensemble.head, ensemble.logits(few), None)
    assert np.array_equal(found.explained, target.classes)
    output = target.of(ensemble.logits(few))
    np.testing.assert_allclose(found.output, output, rtol=1e-4, atol=1e-4)
    difference = output - found.reference_output
    np.testing.assert_allclose(sums, difference, rtol=1e-4, atol=1e-4 * np.abs(difference).mean())
    assert (found.error < 1e-4).all()
    assert faithfulness(ensemble, few, found, orders=1)["samples"] == 8


def test_what_a_run_says_of_where_it_comes_from(joined):
    run, out, _ = joined
    known = json.loads((out / "environment.json").read_text())
    models = [json.loads((run / "folds" / k / "model/classifier.json").read_text()) for k in "01"]
    assert [one["sha256"] for one in known["ensemble"]] == [one["sha256"] for one in models]
    assert "was not scored" in known["notes"][0]
    assert json.loads((out / "model/classifier.json").read_text())["provenance"]["notes"]
    with pytest.raises(InputError, match="holds an ensemble: nothing was scored"):
        render(out)
    with pytest.raises(InputError, match=r"cistron ensemble .* --out NEW"):
        cistron.load(run)
    with pytest.raises(InputError, match="never overwritten"):
        join_runs([run], out)


@pytest.fixture(scope="module")
def networks() -> list[Classifier]:
    """Two networks of one seed each, that learned from other samples."""
    return [
        Classifier("one_hot", NETWORK, {**FAST, "seed": seed}).fit(promoters(80, seed))
        for seed in (1, 2)
    ]


def test_contributions_are_the_mean_of_the_members(networks):
    samples, ensemble = promoters(6, seed=9), Ensemble(networks)
    settings = ExplainSettings(number=4)
    each = [explain(one, samples, settings) for one in networks]
    found = explain(ensemble, samples, settings)
    temperatures = [one.temperature_ for one in networks]
    assert temperatures[0] != temperatures[1]
    for name in ("contributions", "hypothetical", "output", "reference_output"):
        own = zip(each, temperatures, strict=True)
        expected = np.mean([getattr(one, name) / warm for one, warm in own], axis=0)
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-5, atol=1e-6)
    numbers = randomised_weights(ensemble, samples, found)
    assert numbers["correlation"] < 0.9
    with pytest.raises(InputError, match="saliency"):
        explain(ensemble, samples, {"method": "saliency"})


def test_mutations_change_the_logits_of_the_ensemble(networks, tmp_path):
    ensemble = Ensemble(networks)
    sample = promoters(2, seed=9)[1:2]
    found = explain(ensemble, sample, {"method": "in_silico_mutagenesis"})
    codes = np.array(sample.payload.values)
    before = ensemble.logits(sample)[0]
    effects = np.zeros(4)
    for letter in range(4):
        changed = codes.copy()
        changed[25] = letter
        one = make_samples(Sequences(changed, sample.payload.offsets, sample.payload.alphabet))
        after = ensemble.logits(one)[0]
        effects[letter] = (after - before) @ [-1, 1]
    np.testing.assert_allclose(found.hypothetical[25], effects - effects.mean(), atol=1e-5)
    path = tmp_path / "one.fasta"
    path.write_text(f">a\n{sample.payload.text(0)}\n")
    mutate_file(ensemble, path, tmp_path / "out.tsv")
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t").set_index("mutation")["difference"]
    letters = "ACGT"
    for letter in range(4):
        if letter != codes[25]:
            name = f"{letters[codes[25]]}26{letters[letter]}"
            assert table[name] == pytest.approx(effects[letter], abs=1e-5)


def test_members_that_read_other_parts_are_explained_in_the_whole_sequence(tmp_path):
    (tmp_path / "proteins.fasta").write_text(test_second.planted(80))
    samples = cistron.read_fasta(tmp_path / "proteins.fasta", label=test_second.LABEL)
    members = [
        Classifier({**LETTERS["encoder"], "max_length": length, "crop": crop}, NETWORK, FAST).fit(
            samples
        )
        for length, crop in ((30, "start"), (20, "end"))
    ]
    ensemble, few = Ensemble(members), samples[:5]
    found = explain(ensemble, few, {"number": 3})
    assert np.array_equal(found.offsets, few.payload.offsets)
    for row in range(5):
        length = few.payload.lengths[row]
        assert (found.of(row)[30 : length - 20] == 0).all()
        assert np.abs(found.of(row)[:30]).sum() > 0 < np.abs(found.of(row)[length - 20 :]).sum()
    difference = found.output - found.reference_output
    sums = np.add.reduceat(found.contributions.astype(np.float64), found.offsets[:-1])
    np.testing.assert_allclose(sums, difference, rtol=1e-4, atol=1e-4 * np.abs(difference).mean())
    assert faithfulness(ensemble, few, found, orders=1)["samples"] == 5


def test_classes_in_another_order_are_brought_into_one():
    samples = promoters(80)
    turned = make_samples(
        samples.payload, labels=samples.table["label"].tolist(), classes=["with", "without"]
    )
    one, other = (
        Classifier({"kind": "kmers", "k": 2}, "logistic_regression").fit(some)
        for some in (samples, turned)
    )
    ensemble, new = Ensemble([one, other]), promoters(10, seed=4)
    assert list(ensemble.classes_) == ["without", "with"]
    logits = one.logits(new) / one.temperature_ + other.logits(new)[:, ::-1] / other.temperature_
    np.testing.assert_allclose(ensemble.logits(new), logits / 2, rtol=1e-5)
    for name in ("with", "without"):
        found = explain(ensemble, new, {"class": name})
        sums = found.contributions.reshape(10, -1).sum(axis=1)
        np.testing.assert_allclose(sums, found.output - found.reference_output, atol=1e-4)
        turn = 1 if name == "with" else -1
        assert np.allclose(found.output, turn * (ensemble.logits(new) @ [-1, 1]), atol=1e-4)


def test_what_cannot_be_joined_is_refused(networks):
    linear = Classifier({"kind": "kmers", "k": 2}, "logistic_regression")
    samples = promoters(40)
    named = ["x" if one == "with" else one for one in samples.table["label"]]
    other = linear.fit(make_samples(samples.payload, labels=named, classes=["without", "x"]))
    with pytest.raises(InputError, match="the classes are"):
        Ensemble([networks[0], other])
    texts, labels = planted_texts(40)
    proteins = make_samples(Sequences.from_text(texts), labels=labels)
    of_proteins = Classifier("composition", "logistic_regression").fit(proteins)
    with pytest.raises(InputError, match="what is read is 'dna' in the one, 'protein'"):
        Ensemble([networks[0], of_proteins])
    number = Classifier({"kind": "kmers", "k": 2}, "ridge").fit(test_numbers.planted(40))
    with pytest.raises(InputError, match="the answer is 'one class' in the one, 'a number'"):
        Ensemble([networks[0], number])
    with pytest.raises(InputError, match="two classifiers or more"):
        Ensemble(networks[:1])
    with pytest.raises(InputError, match="is an ensemble itself"):
        Ensemble([networks[0], Ensemble(networks)])
    assert not hasattr(Ensemble(networks), "fit")  # what is joined is trained already


def test_it_is_calibrated_on_samples_that_no_member_saw(networks):
    samples = promoters(60, seed=7)
    ensemble = Ensemble(networks).calibrate(samples)
    before = Ensemble(networks).logits(samples)
    assert ensemble.temperature_ == fit_temperature(before, samples.targets) != 1.0
    np.testing.assert_array_equal(ensemble.logits(samples), before)


def test_a_warning_needs_half_of_the_members(networks):
    strange = make_samples(Sequences.from_text(["A" * 55, "ACGT" * 30], "dna"))
    third = promoters(40, seed=3)
    long = make_samples(
        Sequences.from_text([third.payload.text(row) * 3 for row in range(40)], "dna"),
        labels=third.table["label"].tolist(),
    )
    odd = Classifier({"kind": "kmers", "k": 2}, "logistic_regression").fit(long)
    said = Ensemble([*networks, odd]).warnings(strange)
    assert "longer than any" in said[1]  # of two of three
    assert "longer" not in said[0]
    assert "shorter than any" in odd.warnings(strange)[0]
    assert "shorter" not in said[0]  # of one of three


def test_new_cells_are_rejected_by_the_mean_distance(tmp_path):
    run, _ = folds_of("cells", tmp_path)
    ensemble, members = join_runs([run], tmp_path / "joined"), members_of(run)
    new = cells_planted.planted(15, 2, shift=20, effect=6.0, seed=5)
    path = cells_planted.write_h5ad(new, tmp_path / "new.h5ad")
    how = NewCells(align=True, label="label")
    found = predict_cell_file(ensemble, path, tmp_path / "out.tsv", how=how)
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    distances = [one.novelty_.distances(one.encoder_.scaled(new)) for one in members]
    threshold = np.mean([one.novelty_.threshold for one in members])
    unlike = np.mean(distances, axis=0) > threshold
    assert unlike.sum() > 0
    assert table["rejected"].tolist() == unlike.tolist()
    assert found["drift"]["share_unlike"] == unlike.mean()
    assert found["drift"]["mean_distance"] == pytest.approx(np.mean(distances))
    own = []
    for number, one in enumerate(members):
        predict_cell_file(one, path, tmp_path / f"{number}.tsv", how=how)
        own.append(pd.read_csv(tmp_path / f"{number}.tsv", sep="\t")["aligned_p_active"])
    odds = [np.log(p / (1 - p)) for p in own]
    expected = 1 / (1 + np.exp(-np.mean(odds, axis=0)))
    np.testing.assert_allclose(table["aligned_p_active"], expected, atol=1e-3)
    genes = [set(one.encoder_.genes) for one in members]
    assert genes[0] != genes[1]
    assert set(explain(ensemble, new[:3]).features) == genes[0] | genes[1]


def test_a_file_is_predicted_window_by_window(networks, tmp_path):
    samples = promoters(9, seed=2)
    path = tmp_path / "new.fasta"
    texts = [f">s{row}\n{samples.payload.text(row)}\n" for row in range(9)]
    path.write_text("".join([*texts[:4], ">empty\n\n", *texts[4:]]))
    predict_file(Ensemble(networks), path, tmp_path / "out.tsv")
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert table["id"].tolist()[4] == "empty"
    assert table["spread"].isna().sum() == 1
    expected = Ensemble(networks).predict_proba(samples)[:, 1]
    np.testing.assert_allclose(table["p_with"].drop(4), expected, rtol=1e-4)
