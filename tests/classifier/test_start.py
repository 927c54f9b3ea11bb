"""A network starts from what another one learned: copied by name and shape, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.imports.keras import import_keras
from cistron.samples.samples import Sequences, make_samples
from tests.cells_made import as_samples, counts_of, names_of
from tests.classifier.imports.test_keras import NETS, write
from tests.conftest import planted_texts
from tests.training.test_restarts import Listener

SMALL = {"kind": "cnn", "filters": 8, "dropout": 0}
STILL = {"epochs": 1, "learning_rate": 1e-60, "weight_decay": 0, "restarts": 0, "ema": None}
"""Training that changes no weight, but for the statistics of batch norms."""


class Killed(Exception):
    pass


def proteins(seed=0, classes=("without", "with"), n=160):
    texts, labels = planted_texts(n, seed, motif="WWHCW" * 3)
    names = dict(zip(("without", "with"), classes, strict=True))
    return make_samples(
        Sequences.from_text(texts), labels=[names[label] for label in labels], classes=classes
    )


def fitted(samples, training=STILL, model=SMALL, encoder="residues", **more):
    split = cistron.random_split(samples)
    return Classifier(encoder, model, training).fit(samples, split, **more)


def state(classifier):
    return dict(classifier.model_.named_parameters())


@pytest.fixture(scope="module")
def earlier():
    return fitted(proteins(), {"epochs": 12, "batch_size": 16, "learning_rate": 0.005})


def test_weights_of_the_same_name_and_shape_are_copied_to_the_bit(earlier):
    started = fitted(proteins(1), start_from=earlier)
    assert started.started_["copied"] == started.started_["weights"]
    assert started.started_["numbers"] == 1
    assert started.started_["new"] == started.started_["notes"] == []
    for name, weight in state(started).items():
        assert torch.equal(weight, state(earlier)[name]), name


def test_a_layer_of_another_shape_is_new_and_all_is_told(earlier):
    listener = Listener()
    samples = proteins(1)
    larger = {**SMALL, "blocks": 4}
    started = fitted(samples, model=larger, start_from=earlier, reporter=listener)
    record = started.started_
    assert 0 < record["copied"] < record["weights"]
    fresh, before, after = state(fitted(samples, model=larger)), state(earlier), state(started)
    for name, weight in after.items():
        same = name in before and before[name].shape == weight.shape
        assert same == (name not in record["new"])
        assert torch.equal(weight, before[name] if same else fresh[name]), name
    learned = started.model_.body.state_dict()
    sizes = {f"body.{n}": t.numel() for n, t in learned.items() if t.is_floating_point()}
    lost = sum(sizes[name] for name in record["new"])
    assert record["weights"] == len(sizes)
    assert record["numbers"] == pytest.approx(1 - lost / sum(sizes.values()))
    told = listener.sentences
    assert told[0] == record["sentence"]
    assert told[0].startswith(f"{record['copied']} of {record['weights']} weights, ")
    assert f"new: {record['new'][0]}" in told[0]
    assert any("The model differs" in text for text in told)


def test_outputs_go_by_the_names_of_the_classes(earlier):
    turned = fitted(proteins(1, ("with", "without")), start_from=earlier)
    renamed = fitted(proteins(1, ("no", "yes")), start_from=earlier)
    head = [name for name in state(earlier) if len(state(earlier)[name]) == 2]
    assert head
    for name in head:
        assert torch.equal(state(turned)[name], state(earlier)[name].flip(0))
        assert torch.equal(state(renamed)[name], state(earlier)[name])
    assert turned.started_["notes"] == []
    assert "other names (without, with): they go by their order" in renamed.started_["notes"][0]


def test_outputs_of_more_classes_are_copied_one_by_one(earlier):
    samples = proteins(1)
    labels = samples.table["label"].tolist()
    labels[:40] = ["neither"] * 40
    three = make_samples(samples.payload, labels=labels, classes=["neither", "with", "without"])
    started, fresh = fitted(three, start_from=earlier), fitted(three)
    for name, weight in state(started).items():
        if len(weight) == 3:
            assert torch.equal(weight[[2, 1]], state(earlier)[name])
            assert torch.equal(weight[0], state(fresh)[name][0])
            assert name in started.started_["partly"]


def gene_cells(genes, seed=0):
    """Return cells that know only some genes, by their numbers and in this order."""
    values, classes = counts_of(160, 60, seed)
    return as_samples(values[:, genes], classes, [names_of(60)[gene] for gene in genes])


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "mlp", "hidden": 12},
        {"kind": "residual_mlp", "hidden": 40},
        {"kind": "gene_attention", "width": 8, "queries": 2, "hidden": 12},
    ],
    ids=lambda model: model["kind"],
)
@pytest.mark.parametrize("here", [range(20, 60), range(39, -1, -1)], ids=["others", "turned"])
def test_weights_of_genes_are_copied_by_the_names_of_the_genes(model, here):
    """Both data sets have 40 genes, which are others, or the same in another order."""
    encoder = {"kind": "expression", "genes": {"kind": "all", "min_cells": 1}}
    samples = gene_cells(list(here), seed=1)
    before = fitted(gene_cells(list(range(40))), {"epochs": 1}, model, encoder)
    started = fitted(samples, model=model, encoder=encoder, start_from=before)
    fresh = fitted(samples, model=model, encoder=encoder)
    names, theirs = started.encoder_.names, before.encoder_.names
    both = [name for name in names if name in theirs]
    assert len(both) == (20 if here[0] == 20 else 40)
    assert started.started_["features"] == {"both": len(both), "of": 40}
    assert f"{len(both)} of 40 genes are in both" in started.started_["sentence"]
    columns = {
        "mlp": {"body.layers.0.weight": 1},
        "residual_mlp": {"body.input.1.weight": 1, "body.scale.weight": 0, "body.scale.bias": 0},
        "gene_attention": {"body.slope": 0, "body.level": 0},
    }[model["kind"]]
    for name, weight in state(started).items():
        if name not in columns:
            assert torch.equal(weight, state(before)[name]), name
            continue
        weight, old, new = (
            each[name].movedim(columns[name], 0) for each in map(state, (started, before, fresh))
        )
        for number, gene in enumerate(names):
            expected = old[theirs.index(gene)] if gene in theirs else new[number]
            assert torch.equal(weight[number], expected), (name, gene)
    assert any("scaling" in note for note in started.started_["notes"])


def test_components_of_other_cells_are_other_axes():
    encoder = {"kind": "expression", "genes": {"kind": "all", "min_cells": 1}, "components": 5}
    model = {"kind": "mlp", "hidden": 12}
    samples = gene_cells(list(range(60)), seed=1)
    before = fitted(gene_cells(list(range(60))), {"epochs": 1}, model, encoder)
    started = fitted(samples, model=model, encoder=encoder, start_from=before)
    assert started.started_["new"] == ["body.layers.0.weight"]
    assert "components are other axes" in started.started_["notes"][0]
    again = fitted(gene_cells(list(range(60))), STILL, model, encoder, start_from=before)
    assert again.started_["new"] == []


def test_one_epoch_teaches_what_a_fresh_network_does_not_learn(earlier):
    samples, few = proteins(7), {"epochs": 1, "learning_rate": 1e-4, "restarts": 0}
    test = proteins(8)
    started, fresh = (fitted(samples, few, start_from=start) for start in (earlier, None))
    right = [c.predict(test)["predicted"] == test.table["label"] for c in (started, fresh)]
    assert right[0].mean() > 0.9
    assert right[1].mean() < 0.7


def test_an_interrupted_training_goes_on_to_the_same_weights(earlier, tmp_path):
    samples = proteins(1)
    training = {
        "batch_size": 16,
        "ema": 0.9,
        "stages": [{"epochs": 2, "frozen": ["body.blocks*"]}, {"epochs": 2}],
    }
    whole = fitted(samples, training, start_from=earlier)
    for stop in (1, 3):

        def die(history, stop=stop):
            if len(history) == stop:
                raise Killed

        path = tmp_path / f"{stop}.safetensors"
        with pytest.raises(Killed):
            fitted(samples, training, start_from=earlier, checkpoint=path, after_epoch=die)
        resumed = fitted(samples, training, start_from=earlier, checkpoint=path)
        one, other = whole.model_.state_dict(), resumed.model_.state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert len(resumed.history_) == 4


def test_a_published_keras_network_is_a_start(tmp_path):
    published = import_keras(write(tmp_path, NETS["chain"](), "keras 3"))
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 37)) for _ in range(60)]
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=["negative", "positive"] * 30)
    training = {**STILL, "frozen": ["body.layers.0*", "body.layers.1"]}
    settings = published.encoder_.settings, published.model_settings_, training
    started = Classifier(*settings).fit(
        samples, cistron.random_split(samples), start_from=published
    )
    assert started.started_["numbers"] == 1
    for name, weight in state(started).items():
        assert torch.equal(weight, state(published)[name]), name
    for name, buffer in started.model_.named_buffers():
        if name.startswith("body.layers.1."):
            assert torch.equal(buffer, published.model_.get_buffer(name))


def test_what_was_copied_is_recorded_without_a_path(earlier, tmp_path):
    earlier.save(tmp_path / "human" / "model")
    saved = cistron.load(tmp_path / "human")
    training = {**STILL, "start_from": tmp_path / "human"}
    started = fitted(proteins(1), training)
    assert started.started_["run"] == "human"
    assert started.started_["sha256"] == saved.checksum_
    text = (started.save(tmp_path / "new") / "classifier.json").read_text()
    assert str(tmp_path) not in text
    loaded = cistron.load(tmp_path / "new")
    assert loaded.provenance_["start_from"] == loaded.started_ == started.started_
    assert loaded.training_.start_from is None


def test_what_cannot_be_a_start_is_refused(earlier, tmp_path):
    samples = proteins(1)
    with pytest.raises(InputError, match=r"training\.start_from: .*there is no such run"):
        fitted(samples, {"start_from": tmp_path / "none"})
    both = cistron.Ensemble([earlier, fitted(samples)])
    with pytest.raises(InputError, match="is an ensemble of 2 classifiers"):
        fitted(samples, start_from=both)
    classical = fitted(samples, {}, "logistic_regression", "kmers")
    with pytest.raises(InputError, match="logistic_regression, and only networks have weights"):
        fitted(samples, start_from=classical)
    with pytest.raises(InputError, match=r"training\.start_from is about the weights of a network"):
        fitted(samples, {}, "logistic_regression", "kmers", start_from=earlier)
    with pytest.raises(InputError, match=r"training\.frozen is about the weights of a network"):
        fitted(samples, {"frozen": ["body"]}, "logistic_regression", "kmers")
    with pytest.raises(InputError, match=r"no weight .* encoder residues .* encoder kmers .* mlp"):
        fitted(samples, {}, {"kind": "mlp", "hidden": 31}, "kmers", start_from=earlier)
