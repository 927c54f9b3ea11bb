"""Substitutions through a part of a network equal those through the whole of it."""

import numpy as np
import pytest
import torch

from cistron.classifier.classifier import Classifier
from cistron.experiment.file import parse_encoder, parse_model
from cistron.explain.perturbed import letters_of, rectangle
from cistron.explain.rules.local_trunk import substituted_logits, trunk_of
from cistron.models.input import Network
from tests.explain.conftest import promoters

MODELS = [
    {"kind": "deepdife", "length": 64},
    {"kind": "deepdife", "length": 131, "convolutions": 4, "filters": 16},
    {"kind": "deepcre", "length": 70},
    {"kind": "cnn", "blocks": 1, "filters": 8},
    {"kind": "cnn", "blocks": 3, "filters": 8, "kernel_size": 6, "pool_size": 3},
    {"kind": "cnn", "blocks": 2, "filters": 4, "pool_size": 1, "pooling": "attention"},
]


def network_of(model: dict, both_strands: bool) -> Network:
    shape = parse_encoder({"kind": "one_hot", "both_strands": both_strands}).fit(promoters(8)).shape
    torch.manual_seed(1)
    network = Network(shape, parse_model(model), 2).eval()
    for module in network.modules():  # statistics as after training
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean = torch.randn_like(module.running_mean) / 5
            module.running_var = torch.rand_like(module.running_var) + 0.5
    return network


@pytest.mark.parametrize("both_strands", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_the_logits_are_those_of_whole_predictions(model, both_strands):
    network = network_of(model, both_strands)
    trunk = trunk_of(network)
    assert trunk is not None
    rng = np.random.default_rng(0)
    for length in (50, 61):
        codes = rng.integers(0, 5, length).astype(np.uint8)  # an N here and there
        place, letter = np.nonzero(codes[:, None] != np.arange(4))
        copies = np.repeat(codes[None], len(place) + 1, axis=0)
        copies[np.arange(len(place)) + 1, place] = letter
        with torch.inference_mode():
            lengths = torch.full((len(copies),), length)
            expected = network(torch.from_numpy(copies), lengths).numpy()
        found = substituted_logits(network, trunk, codes, place, letter)
        assert np.abs(expected[1:] - expected[0]).max() > 1e-4
        np.testing.assert_allclose(found, expected, atol=2e-6, rtol=1e-5)


def test_batches_do_not_matter(monkeypatch):
    network = network_of(MODELS[0], True)
    codes = np.zeros(60, dtype=np.uint8)
    given = (network, trunk_of(network), codes, np.arange(60), np.full(60, 2))
    whole = substituted_logits(*given)
    monkeypatch.setattr("cistron.explain.rules.local_trunk.TOGETHER", 7)
    np.testing.assert_allclose(substituted_logits(*given), whole, atol=1e-6)


def test_other_networks_are_predicted_whole(cnn, promoter_samples):
    few = promoters(40)
    recurrent = Classifier("one_hot", {"kind": "bilstm", "hidden": 4}, {"epochs": 1}).fit(few)
    assert trunk_of(recurrent.model_) is None
    assert letters_of(recurrent, few[:2]).substitute is None
    letters = letters_of(cnn, promoter_samples)
    assert letters.substitute is not None
    codes = letters.values[0]
    both = letters.substitute(codes, np.array([3]), np.array([1]))
    copy = codes.copy()
    copy[3] = 1
    expected = [letters.score(rectangle(row[None]))[0] for row in (codes, copy)]
    np.testing.assert_allclose(both, expected, atol=1e-5)
