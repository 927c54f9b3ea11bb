from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.random import random_split

TRAINING = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3}
KINDS = [
    ("residues", {"kind": "cnn", "filters": 8}),
    ({"kind": "residues", "as": "embedding", "width": 6}, {"kind": "lstm", "hidden": 6}),
    ({"kind": "kmers", "k": 2}, {"kind": "mlp"}),
    ("composition", "logistic_regression"),
    ({"kind": "kmers", "k": 1}, "gradient_boosting"),
]


@pytest.fixture(scope="module")
def fitted(planted):
    return Classifier("residues", {"kind": "cnn", "filters": 8}, TRAINING).fit(
        planted, random_split(planted, folds=2)
    )


@pytest.mark.parametrize(("encoder", "model"), KINDS)
def test_saved_and_loaded_predicts_the_same(planted, tmp_path, encoder, model):
    split = random_split(planted, folds=2)
    classifier = Classifier(encoder, model, TRAINING).fit(planted, split)
    classifier.save(tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names <= {
        "classifier.json",
        "weights.safetensors",
        "weights.skops",
        "encoder.safetensors",
    }
    again = cistron.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(planted), classifier.predict_proba(planted))
    assert again.classes_.tolist() == ["without", "with"]


def test_the_model_folder_alone_is_enough(fitted, planted, tmp_path):
    fitted.save(tmp_path / "run" / "model")
    shutil.move(tmp_path / "run" / "model", tmp_path / "elsewhere")
    code = (
        "import cistron, sys\n"
        "c = cistron.load(sys.argv[1])\n"
        "s = cistron.make_samples(cistron.Sequences.from_text(['MKVWWHCWAAAA']))\n"
        "print(repr(float(c.predict_proba(s)[0, 1])))\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "elsewhere")]
    found = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=tmp_path)
    samples = make_samples(Sequences.from_text(["MKVWWHCWAAAA"]))
    assert float(found.stdout) == pytest.approx(
        float(fitted.predict_proba(samples)[0, 1]), abs=1e-9
    )


def test_predictions_do_not_depend_on_order_batch_or_neighbours(fitted, planted):
    whole = fitted.predict_proba(planted)
    order = np.random.default_rng(0).permutation(len(planted))
    np.testing.assert_allclose(fitted.predict_proba(planted.take(order)), whole[order], atol=1e-5)
    alone = np.concatenate([fitted.predict_proba(planted.take([i])) for i in range(10)])
    np.testing.assert_allclose(alone, whole[:10], atol=1e-5)
    long = make_samples(Sequences.from_text([planted.payload.text(0), "A" * 5000]))
    np.testing.assert_allclose(fitted.predict_proba(long)[0], whole[0], atol=1e-5)


def test_the_table_has_calibrated_probabilities_and_warnings(fitted):
    samples = make_samples(Sequences.from_text(["MKVL" * 20, "X" * 40 + "MKVL" * 5, "A" * 1200]))
    table = fitted.predict(samples)
    assert table.columns.tolist() == ["id", "predicted", "p_without", "p_with", "warning"]
    np.testing.assert_allclose(table[["p_without", "p_with"]].sum(axis=1), 1)
    assert "cropped to 1000 of 1200" in table["warning"][2]
    assert table["warning"][1] != ""


def damage(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weights.safetensors", lambda b: b[:-8] + b"\0\0\0\0\0\0\0\1", "changed or cut short"),
        ("weights.safetensors", lambda b: b[: len(b) // 2], "changed or cut short"),
        ("encoder.safetensors", lambda b: b + b" ", "changed or cut short"),
        ("classifier.json", lambda b: b[: len(b) // 2], "cut short or"),
        ("classifier.json", lambda b: b.replace(b'"without"', b'"withou"'), "was changed"),
        ("classifier.json", lambda b: b.replace(b'"format": 1', b'"format": 9'), "Upgrade Cistron"),
    ],
)
def test_damaged_or_newer_files_are_refused(fitted, tmp_path, name, change, message):
    fitted.save(tmp_path / "model")
    damage(tmp_path / "model", name, change)
    with pytest.raises(InputError, match=message):
        cistron.load(tmp_path / "model")


def test_missing_files_are_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    (tmp_path / "model" / "weights.safetensors").unlink()
    with pytest.raises(InputError, match=r"weights.safetensors is missing"):
        cistron.load(tmp_path / "model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no such run"):
        cistron.load(tmp_path / "absent")
    with pytest.raises(InputError, match="neither a run nor a model"):
        cistron.load(tmp_path / "empty")


def test_nothing_is_overwritten(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    with pytest.raises(FileExistsError):
        fitted.save(tmp_path / "model")


def test_provenance_is_stored(fitted, tmp_path):
    fitted.save(tmp_path / "model", {"experiment": "x"})
    assert json.loads((tmp_path / "model" / "classifier.json").read_text())["provenance"] == {
        "experiment": "x"
    }
    assert cistron.load(tmp_path / "model").provenance_ == {"experiment": "x"}


def test_scikit_learns_tools_take_it(planted):
    classifier = Classifier({"kind": "kmers", "k": 1}, "logistic_regression")
    copy = clone(classifier)
    assert copy.get_params() == classifier.get_params()
    assert copy.set_params(calibration="none").calibration == "none"
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(kalibration="none")
    folds = KFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(classifier, planted, cv=folds)
    assert scores.shape == (3,)
    assert scores.mean() > 0.6  # the motif's W, H and C show in the composition


def test_unlabelled_samples_are_refused():
    samples = make_samples(Sequences.from_text(["MKVL"] * 10))
    with pytest.raises(InputError, match="at least two classes"):
        Classifier().fit(samples)


def test_encoder_and_model_that_do_not_fit(planted):
    with pytest.raises((InputError, ValueError), match="vector"):
        Classifier("residues", "mlp", TRAINING).fit(planted)


def test_both_strands_give_the_same_call():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(60)]
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=["a", "b"] * 30)
    classifier = Classifier("one_hot", {"kind": "cnn", "filters": 8}, TRAINING).fit(samples)
    flip = str.maketrans("ACGT", "TGCA")
    reverse = make_samples(Sequences.from_text([t.translate(flip)[::-1] for t in texts], "dna"))
    np.testing.assert_allclose(
        classifier.predict_proba(samples), classifier.predict_proba(reverse), atol=1e-5
    )


def test_light_attention_saved_before_keeps_the_layers_it_was_trained_with(planted, tmp_path):
    """Files of earlier versions do not name `published`: their layers are the published ones."""
    model = {"kind": "light_attention", "filters": 8, "hidden": 6, "published": True}
    split = random_split(planted, folds=2)
    expected = Classifier("residues", model, TRAINING).fit(planted, split)
    expected.save(tmp_path / "model")
    path = tmp_path / "model" / "classifier.json"
    document = json.loads(path.read_text())
    del document["model"]["published"], document["sha256"]
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))

    again = cistron.load(tmp_path / "model")

    np.testing.assert_array_equal(again.predict_proba(planted), expected.predict_proba(planted))
    assert again.model_settings_.published
    again.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "classifier.json").read_text())["model"]["published"]
