"""What is frozen stays, to the bit; all else is trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.models.layers import BatchNorm
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.random import random_split
from cistron.training.frozen import held, require_named
from cistron.training.restarts import train_until_learned
from tests.training.test_restarts import SETTINGS, Fragile, examples

SMALL = {"kind": "residual_cnn", "filters": 8, "blocks": 2}
TRAINING = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01, "restarts": 0}


@pytest.fixture(scope="module")
def promoters():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), rng.integers(30, 60))) for _ in range(60)]
    return make_samples(Sequences.from_text(texts, "dna"), labels=["a", "b"] * 30)


def fitted(samples, **training):
    split = random_split(samples, folds=2)
    return Classifier("one_hot", SMALL, {**TRAINING, **training}).fit(samples, split)


def changed(samples, **training):
    """Return the names of what differs from a network that was not trained."""
    still = fitted(samples, learning_rate=1e-60, weight_decay=0, epochs=1, frozen=["body.head"])
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        fresh = type(still.model_)(still.encoder_.shape, still.model_settings_, 2).state_dict()
    after = fitted(samples, **training).model_.state_dict()
    return {name for name in after if not torch.equal(after[name], fresh[name])}


def statistics(names):
    return {name for name in names if "running" in name or "tracked" in name}


@pytest.mark.parametrize("ema", [None, 0.9])
def test_frozen_weights_and_statistics_are_the_same_to_the_bit(promoters, ema):
    everything = changed(promoters)
    assert statistics(everything)
    frozen = changed(promoters, frozen=["body.blocks.*", "body.motifs", "body.norm"], ema=ema)
    inside = {n for n in everything if n.startswith(("body.blocks.", "body.motifs", "body.norm"))}
    assert statistics(inside)
    assert frozen == everything - inside


def test_a_weight_alone_is_frozen_and_a_batch_norm_whose_weights_all_are(promoters):
    network = fitted(promoters, epochs=1).model_
    norms = [n for n, m in network.named_modules() if isinstance(m, BatchNorm)]
    with held(network, [f"{norms[0]}.weight"]) as still:
        assert still == []
        assert not network.get_parameter(f"{norms[0]}.weight").requires_grad
        assert network.get_parameter(f"{norms[0]}.bias").requires_grad
    with held(network, [f"{norms[0]}.*"]) as still:
        assert still == [network.get_submodule(norms[0])]
    assert all(p.requires_grad for p in network.parameters())


def test_frozen_for_the_first_epochs(promoters):
    """What the first stage leaves alone, the second one trains."""
    stages = [{"epochs": 1, "frozen": ["body.blocks"]}, {"epochs": 1}]
    one = fitted(promoters, stages=stages[:1])
    both = fitted(promoters, stages=stages)
    names = [n for n, _ in one.model_.named_parameters() if n.startswith("body.blocks.")]
    fresh = fitted(promoters, learning_rate=1e-60, weight_decay=0, epochs=1).model_
    for name in names:
        assert torch.equal(one.model_.get_parameter(name), fresh.get_parameter(name))
        assert not torch.equal(both.model_.get_parameter(name), fresh.get_parameter(name))


def test_training_begins_again_with_what_is_frozen():
    network, before = Fragile(), Fragile()
    settings = SETTINGS.model_copy(update={"frozen": ("last",), "learning_rate": 100.0})
    history = train_until_learned(network, examples(), examples(), settings)
    assert history[-1]["restart"] in (1, 2)
    assert torch.equal(network.last.weight, before.last.weight)
    assert torch.equal(network.last.bias, before.last.bias)
    assert not torch.equal(network.hidden.weight, before.hidden.weight)


def test_patterns_that_name_nothing_or_everything_are_refused(promoters):
    with pytest.raises(InputError, match=r"no layer or weight 'body\.motif'\. It has: .*body\.bl"):
        fitted(promoters, frozen=["body.motif"])
    with pytest.raises(InputError, match="name all weights"):
        fitted(promoters, stages=[{}, {"frozen": ["body.*"]}])
    network = fitted(promoters, epochs=1).model_
    require_named(network, ())
