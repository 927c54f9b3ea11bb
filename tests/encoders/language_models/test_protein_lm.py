from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cistron.base.errors import InputError
from cistron.base.progress import SILENT
from cistron.classifier.classifier import Classifier
from cistron.classifier.load import load
from cistron.classifier.predict.predict import predict_file
from cistron.encoders.language_models import embedder
from cistron.encoders.language_models.int8 import has_int8
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.protein_lm import ProteinLMSettings
from cistron.experiment.file import read_experiment
from cistron.samples.samples import Sequences, make_samples
from tests.conftest import planted_texts
from tests.encoders.language_models.tiny import make_tiny_esm

TRAINING = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_esm(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    """Give every test a cache of its own, and no model that is loaded already."""
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path / "cache"))
    embedder._load.cache_clear()


def settings(tiny, **keys):
    return ProteinLMSettings(model=str(tiny), **keys)


def proteins(*texts):
    return make_samples(Sequences.from_text(texts))


def labelled(n=48):
    texts, labels = planted_texts(n)
    return make_samples(Sequences.from_text(texts), labels=labels)


@pytest.mark.skipif(not has_int8(), reason="the processor has no 8-bit dot products")
def test_int8_says_how_far_it_drifts(tiny):
    said = []
    reporter = SimpleNamespace(say=said.append, bar=SILENT.bar)
    settings(tiny, precision="int8").fit(labelled(), device="cpu", reporter=reporter)
    assert len([sentence for sentence in said if "differ from fp32 by" in sentence]) == 1


def test_pooled_vectors_are_those_of_the_engine_standardised(tiny):
    train, other = labelled(), proteins("MKV", "W" * 40)
    encoder = settings(tiny).fit(train)
    model = load_language_model(str(tiny))
    raw = model.embed(train.payload)
    found = encoder.encode(train)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-3)
    expected = (model.embed(other.payload) - raw.mean(axis=0)) / raw.std(axis=0)
    np.testing.assert_allclose(encoder.encode(other), expected, atol=1e-3)
    assert encoder.shape.kind == "vector"
    assert encoder.names == [f"embedding_{i + 1}" for i in range(model.width)]
    plain = settings(tiny, scale=False, pooling="max").fit(train)
    np.testing.assert_array_equal(plain.encode(other), model.embed(other.payload, "max"))


def test_residues_are_cropped_after_the_whole_was_embedded(tiny):
    samples = proteins("ACDEFGHIKL" * 4, "MKV", "Y" * 90)
    encoder = settings(tiny, pooling="residues", max_length=10, window=32, overlap=8).fit(samples)
    whole = load_language_model(str(tiny)).embed(samples.payload, "residues", window=32, overlap=8)
    found = encoder.encode(samples)
    assert found.lengths.tolist() == [10, 3, 10]
    np.testing.assert_array_equal(found[0], np.concatenate([whole[0][:5], whole[0][-5:]]))
    np.testing.assert_array_equal(found[1], whole[1])
    assert (encoder.shape.kind, encoder.names) == ("channels", None)
    assert encoder.warnings(samples) == [
        "embedded in windows of 32 of 40; cropped to 10 of 40",
        "",
        "embedded in windows of 32 of 90; cropped to 10 of 90",
    ]


def test_identical_sequences_are_computed_once_and_never_again(tiny):
    samples = proteins("MKVLAA", "mkvlaa", "WWW", "MKVLAA")
    encoder = settings(tiny, scale=False).fit(samples)
    first = encoder.encode(samples)
    assert encoder.embedder.counts == {"cached": 0, "computed": 2}
    np.testing.assert_array_equal(first[[0, 0, 0]], first[[0, 1, 3]])
    embedder._load.cache_clear()
    again = settings(tiny, scale=False).fit(samples)
    np.testing.assert_array_equal(again.encode(samples), first)
    assert again.embedder.counts == {"cached": 2, "computed": 0}
    assert "forward" not in vars(again.embedder.model)  # the weights were not even read


def test_what_is_cached_needs_no_model(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "moved")
    samples = labelled()
    classifier = Classifier(
        {"kind": "protein_lm", "model": str(folder)}, "logistic_regression"
    ).fit(samples)
    classifier.save(tmp_path / "model")
    expected = classifier.predict_proba(samples)
    shutil.rmtree(folder)
    embedder._load.cache_clear()
    again = load(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(samples), expected, atol=1e-12)
    with pytest.raises(InputError, match=r"moved is no folder.*CISTRON_MODELS"):
        again.predict_proba(proteins("MKVAAA"))


def test_a_model_that_was_moved_is_found_on_the_shelf(tiny, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny, tmp_path / "here" / "tiny")
    encoder = settings(folder).fit(labelled())
    expected = encoder.encode(proteins("MKVAAA"))
    document, arrays = encoder.state()
    shutil.move(folder, tmp_path / "shelf" / "tiny")
    shutil.rmtree(tmp_path / "cache")
    embedder._load.cache_clear()
    monkeypatch.setenv("CISTRON_MODELS", str(tmp_path / "shelf"))
    again = encoder.settings.restore(json.loads(json.dumps(document)), arrays)
    np.testing.assert_allclose(again.encode(proteins("MKVAAA")), expected, atol=1e-6)
    assert embedder.find_model("owner/tiny") == str(tmp_path / "shelf" / "tiny")
    assert embedder.find_model("owner/other") == "owner/other"


def test_other_weights_are_refused(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "m")
    encoder = settings(folder).fit(labelled())
    shutil.rmtree(folder)
    make_tiny_esm(folder, seed=5)
    embedder._load.cache_clear()
    again = encoder.settings.restore(*encoder.state())
    with pytest.raises(InputError, match="are not those the classifier was trained on"):
        again.encode(proteins("MKVAAA"))


@pytest.mark.parametrize(
    ("pooling", "model"),
    [("mean", {"kind": "mlp"}), ("residues", {"kind": "cnn", "filters": 8})],
)
def test_a_prediction_depends_on_its_sequence_alone(tiny, tmp_path, pooling, model):
    """Whatever the order, the batch, the neighbours, the case; also of 30,000 residues."""
    encoder = {"kind": "protein_lm", "model": str(tiny), "pooling": pooling, "window": 200}
    Classifier({**encoder, "overlap": 50}, model, TRAINING).fit(labelled()).save(tmp_path / "model")
    rng = np.random.default_rng(1)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWYX"))
    texts = ["".join(rng.choice(letters, n)) for n in (3, 50, 50, 200, 1500, 30_000, 1)]
    texts += [*texts[1:3], texts[3].lower()]
    tables = []
    for number in range(3):
        order = rng.permutation(len(texts))
        fasta = tmp_path / f"{number}.fasta"
        fasta.write_text("".join(f">p{i}\n{texts[i]}\n" for i in order))
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        classifier = load(tmp_path / "model")
        if number == 2:
            rows = order.tolist()
            alone = [classifier.predict_proba(proteins(texts[i].upper()))[0] for i in rows]
            tables.append(np.array(alone)[np.argsort(rows)])
            continue
        predict_file(classifier, fasta, tmp_path / f"{number}.parquet")
        table = pd.read_parquet(tmp_path / f"{number}.parquet")
        table = table.set_index("id").loc[[f"p{i}" for i in range(len(texts))]]
        assert "embedded in windows of 200 of 30000" in table["warning"].iloc[5]
        tables.append(table.filter(like="p_").to_numpy())
    np.testing.assert_allclose(tables[1], tables[0], atol=1e-5)
    np.testing.assert_allclose(tables[2], tables[0], atol=1e-5)
    for copy, original in ((7, 1), (8, 2), (9, 3)):
        np.testing.assert_allclose(tables[0][copy], tables[0][original], atol=1e-12)


class Recorder:
    """A reporter that keeps what it is told; as on a terminal, one bar at a time."""

    def __init__(self):
        self.said, self.notes, self.steps, self.open = [], [], 0, False

    def say(self, sentence):
        self.said.append(sentence)

    @contextmanager
    def bar(self, total, description):
        assert not self.open

        def advance(steps=1, note=""):
            self.steps += steps
            self.notes.append(note)

        self.open = True
        yield advance
        self.open = False


def test_embedding_tells_how_far_it_is(tiny, tmp_path):
    samples = labelled(24)
    fitting, predicting = Recorder(), Recorder()
    classifier = Classifier({"kind": "protein_lm", "model": str(tiny)}, "logistic_regression")
    classifier.fit(samples, reporter=fitting)
    assert fitting.steps >= 24
    assert "Embedding by" in fitting.said[0]
    (tmp_path / "new.fasta").write_text(">a\nMKVA\n>b\nMKVV\n>c\nMKVA\n")
    predict_file(classifier, tmp_path / "new.fasta", tmp_path / "o.tsv", reporter=predicting)
    assert predicting.steps == 3
    assert "embedding 2 of 2" in predicting.notes


EXPERIMENT = """\
name: lm
samples:
  kind: fasta
  alphabet: {alphabet}
  classes: {{a: a.fasta, b: b.fasta}}
split: {{kind: random}}
encoder: {{kind: protein_lm, model: {model}, pooling: {pooling}}}
model: {{kind: {kind}}}
"""


def experiment(folder, **keys):
    keys = {"alphabet": "protein", "model": "owner/m", "pooling": "mean", "kind": "mlp"} | keys
    (folder / "e.yaml").write_text(EXPERIMENT.format(**keys))
    return read_experiment(folder / "e.yaml")


def test_the_pooling_decides_which_models_fit(tmp_path):
    assert experiment(tmp_path).encoder.gives == "vector"
    assert experiment(tmp_path, pooling="residues", kind="cnn").encoder.gives == "positions"
    with pytest.raises(InputError, match="reads positions"):
        experiment(tmp_path, kind="cnn")
    with pytest.raises(InputError, match="reads one vector"):
        experiment(tmp_path, pooling="residues")
    with pytest.raises(InputError, match="reads protein sequences"):
        experiment(tmp_path, alphabet="dna")
    with pytest.raises(InputError, match="overlap must be smaller"):
        Classifier({"kind": "protein_lm", "window": 100, "overlap": 100}).settings()


def test_a_folder_is_found_beside_the_experiment(tiny, tmp_path, monkeypatch):
    shutil.copytree(tiny, tmp_path / "models" / "tiny")
    monkeypatch.chdir(tmp_path.parent)
    chosen = experiment(tmp_path, model="models/tiny")
    assert chosen.encoder.model == str(tmp_path / "models" / "tiny")
    assert experiment(tmp_path, model="owner/tiny").encoder.model == "owner/tiny"
