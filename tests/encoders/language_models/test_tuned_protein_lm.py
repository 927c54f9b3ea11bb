from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.load import load
from cistron.encoders.language_models import embedder
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.protein_lm import ProteinLMSettings, TunedProteinLM
from cistron.experiment.file import make_experiment
from cistron.models.input import Network
from cistron.models.mlp import MLPSettings
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.random import random_split
from cistron.training.settings import TrainingSettings
from tests.encoders.language_models.tiny import make_tiny_esm, make_tiny_t5

MLP = {"kind": "mlp", "layers": 1, "hidden": 16, "dropout": 0.0}
CNN = {"kind": "cnn", "filters": 8, "blocks": 1}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_esm(tmp_path_factory.mktemp("models") / "tiny", num_hidden_layers=2)


@pytest.fixture(scope="module")
def pairs():
    """Proteins of one composition that only the order of neighbours tells apart: AC or CA."""
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for row in range(160):
        first, second = ("AC", "CA")[row % 2], "GG"
        pieces = [first] * 4 + [second] * int(rng.integers(6, 14))
        texts.append("".join(rng.permutation(pieces)))
        labels.append(("forward", "backward")[row % 2])
    return make_samples(Sequences.from_text(texts), labels=labels)


def training(how, **keys):
    base = {"epochs": 6, "batch_size": 16, "learning_rate": 5e-3, "patience": 20}
    return {**base, "language_model": how, "language_model_learning_rate": 5e-3, **keys}


def fitted(tiny, samples, how, model=MLP, epochs=6, **keys):
    encoder = {"kind": "protein_lm", "model": str(tiny), **keys}
    split = random_split(samples, folds=2, seed=1)
    return Classifier(encoder, model, training(how, epochs=epochs)).fit(samples, split)


def digest(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("how", ["lora", "full"])
def test_it_learns_what_was_planted_and_is_saved_whole(tiny, pairs, tmp_path, how):
    folder = shutil.copytree(tiny, tmp_path / "base")
    before = digest(folder)
    classifier = fitted(folder, pairs, how, epochs=12)
    losses = [entry["train_loss"] for entry in classifier.history_]
    assert min(losses[-3:]) < 0.5 * losses[0]
    assert classifier.score(pairs) > 0.9
    assert digest(folder) == before
    base = load_file(folder / "model.safetensors")
    inside = classifier.model_.embedding.model.state_dict()
    kept = {k.replace(".base_layer", ""): v for k, v in inside.items()}
    moved = [name for name in base if name in kept and not torch.equal(kept[name], base[name])]
    assert bool(moved) == (how == "full")
    assert len(set(base) & set(kept)) > 20

    classifier.save(tmp_path / "model")
    expected = classifier.predict_proba(pairs)
    saved = load_file(tmp_path / "model" / "weights.safetensors")
    embedder._load.cache_clear()
    if how == "full":
        shutil.rmtree(folder)  # all is in the classifier
    else:
        assert all("lora_" in name for name in saved if name.startswith("embedding."))
    again = load(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(pairs), expected, atol=1e-6)
    np.testing.assert_allclose(again.predict_proba(pairs[:1]), expected[:1], atol=1e-5)


def test_adapters_are_a_small_file(tmp_path, pairs):
    big = make_tiny_esm(tmp_path / "big", hidden_size=128, intermediate_size=512)
    fitted(big, pairs, "lora", epochs=1).save(tmp_path / "model")
    weights = (tmp_path / "model" / "weights.safetensors").stat().st_size
    assert weights < 0.2 * (big / "model.safetensors").stat().st_size


def test_a_base_that_changed_or_went_is_refused(tiny, pairs, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "base")
    fitted(folder, pairs, "lora", epochs=1).save(tmp_path / "model")
    shutil.rmtree(folder)
    embedder._load.cache_clear()
    with pytest.raises(InputError, match="CISTRON_MODELS"):
        load(tmp_path / "model")
    make_tiny_esm(folder, seed=9)
    with pytest.raises(InputError, match="not those the classifier was trained on"):
        load(tmp_path / "model")


@pytest.mark.parametrize("pooling", ["mean", "max", "cls", "residues"])
@pytest.mark.parametrize("layer", [-1, 1])
def test_before_training_it_is_the_frozen_model(tiny, pooling, layer):
    samples = make_samples(Sequences.from_text(["MKV", "ACDEFGHIKLMNPQRSTVWYX" * 3, "W"]))
    settings = ProteinLMSettings(model=str(tiny), pooling=pooling, layer=layer)
    encoder = TunedProteinLM.fit(settings, TrainingSettings(language_model="lora", device="cpu"))
    module = encoder.build().eval()
    codes, lengths = encoder.encode(samples).padded(np.arange(3), fill=26)
    with torch.no_grad():
        found = module(torch.from_numpy(codes)).numpy()
    whole = load_language_model(str(tiny), layer=layer).embed(samples.payload, pooling)
    for row, length in enumerate(lengths.tolist()):
        one = found[row, :length] if pooling == "residues" else found[row]
        np.testing.assert_allclose(one, whole[row], atol=2e-5)


def test_residues_are_tuned_and_longer_proteins_cropped(tiny, pairs, tmp_path):
    classifier = fitted(
        tiny, pairs, "lora", CNN, epochs=2, pooling="residues", window=30, overlap=5, max_length=25
    )
    long = make_samples(Sequences.from_text(["A" * 40, "AC" * 10]))
    table = classifier.predict(long)
    assert table["warning"].str.contains("cropped to 25 of 40").tolist() == [True, False]
    classifier.save(tmp_path / "model")
    np.testing.assert_allclose(
        load(tmp_path / "model").predict_proba(long), classifier.predict_proba(long), atol=1e-6
    )


def test_a_model_with_shared_arrays_is_saved(pairs, tmp_path):
    t5 = make_tiny_t5(tmp_path / "t5")
    classifier = fitted(t5, pairs, "full", epochs=1)
    classifier.save(tmp_path / "model")
    np.testing.assert_allclose(
        load(tmp_path / "model").predict_proba(pairs), classifier.predict_proba(pairs), atol=1e-6
    )


def test_training_that_is_broken_off_goes_on_to_the_same_weights(tiny, pairs, tmp_path):
    class Stop(Exception):
        pass

    def stop(history):
        if len(history) == 2:
            raise Stop

    encoder = {"kind": "protein_lm", "model": str(tiny)}
    pairs = pairs[:60]
    split = random_split(pairs, folds=2, seed=1)

    def fit(**keys):
        return Classifier(encoder, MLP, training("lora", epochs=3)).fit(pairs, split, **keys)

    with pytest.raises(Stop):
        fit(checkpoint=tmp_path / "c.safetensors", after_epoch=stop)
    assert not any(".base_layer." in name for name in load_file(tmp_path / "c.safetensors"))
    resumed = fit(checkpoint=tmp_path / "c.safetensors")
    np.testing.assert_allclose(resumed.predict_proba(pairs), fit().predict_proba(pairs), atol=1e-6)


def test_the_language_model_has_its_own_learning_rate(tiny):
    from cistron.training.fit import _decayed

    settings = TrainingSettings(
        language_model="lora", learning_rate=1e-2, language_model_learning_rate=1e-4, device="cpu"
    )
    encoder = TunedProteinLM.fit(ProteinLMSettings(model=str(tiny)), settings)
    network = Network(encoder.shape, MLPSettings(), 2)
    groups = _decayed(network, settings)
    slow = {id(p) for group in groups if group["share"] < 1 for p in group["params"]}
    adapters = {id(p) for name, p in network.named_parameters() if "lora_" in name}
    assert slow == adapters
    assert sorted({group["share"] for group in groups}) == pytest.approx([1e-2, 1.0])
    trained = {id(p) for p in network.parameters() if p.requires_grad}
    assert {id(p) for group in groups for p in group["params"]} == trained


def document(**sections):
    base = {
        "name": "x",
        "samples": {"kind": "fasta", "alphabet": "protein", "classes": {"a": "a", "b": "b"}},
        "split": {"kind": "random"},
        "encoder": {"kind": "protein_lm"},
        "model": {"kind": "mlp"},
        "training": {"language_model": "lora"},
    }
    return json.loads(json.dumps({**base, **sections}))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"kind": "svm"}}, "'svm' is no network"),
        ({"encoder": {"kind": "composition"}}, "the encoder is 'composition'"),
        ({"encoder": {"kind": "protein_lm", "precision": "int8"}}, "int8 cannot be trained"),
    ],
)
def test_what_cannot_be_tuned_is_refused(sections, message):
    make_experiment(document())
    with pytest.raises(InputError, match=message):
        make_experiment(document(**sections))
    make_experiment(document(**sections, training={"language_model": "frozen"}))
