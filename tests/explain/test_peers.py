"""Explanations beside shap's and tangermeme's of the same model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cistron.classifier.classifier import Classifier
from cistron.explain.explanation import explain
from cistron.explain.rules.deeplift import deeplift
from cistron.explain.trees import shapley_values, trees_of
from cistron.models.published.deepcre import DeepCRESettings
from cistron.models.published.deepdife import DeepDifESettings
from cistron.samples.samples import Sequences, make_samples
from tests.explain.test_deeplift import Network, settled
from tests.explain.test_trees import MODELS, dna
from tests.places import ROOT

LENGTH = 60


def shap_values(model, X):
    """Shapley values by shap, which knows no bagging: the mean over its trees."""
    import shap

    if "Bagging" in type(model).__name__:
        return np.mean([shap_values(tree, X) for tree in model.estimators_], axis=0)
    return shap.TreeExplainer(model).shap_values(X)


# shap draws its colours by what matplotlib is to lose.
@pytest.mark.filterwarnings("ignore:The set_(bad|over|under) function:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", ["two", "three", "number"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["kind"])
def test_shapley_values_are_those_of_shap(model, kind):
    classifier = Classifier({"kind": "kmers", "k": 2}, {**model, "trees": 20}).fit(dna(kind))
    X = classifier.encoder_.encode(dna(kind, 40, seed=1))
    theirs = shap_values(classifier.model_, X)
    outputs = classifier.head.outputs
    theirs = theirs[..., None] if theirs.ndim == 2 else theirs[..., -outputs:]
    assert np.abs(theirs).max() > 0.01
    for output in range(theirs.shape[2]):
        # The one log-odds of boosting is that of the second of two classes.
        weights = np.eye(outputs)[[outputs - theirs.shape[2] + output] * len(X)]
        found = shapley_values(trees_of(classifier), X, weights)
        np.testing.assert_allclose(found, theirs[..., output], rtol=0, atol=1e-12)


# Beside tangermeme, which takes modules, channels first.


def plain_network():
    return nn.Sequential(
        nn.Conv1d(4, 8, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool1d(3, 2),
        nn.Conv1d(8, 6, 5),
        nn.BatchNorm1d(6),
        nn.ELU(),
        nn.Flatten(),
        nn.LazyLinear(5),
        nn.Tanh(),
        nn.Linear(5, 1),
    )


def as_modules(body, monkeypatch):
    """The same weights in a chain of torch's own modules."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import attributions

    return attributions.as_modules(body, LENGTH)


@pytest.mark.parametrize("kind", ["plain", "deepdife", "deepcre"])
def test_multipliers_are_those_of_tangermeme(kind, monkeypatch):
    from tangermeme.deep_lift_shap import deep_lift_shap

    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "plain":
            modules = plain_network()
            modules(torch.zeros(1, 4, LENGTH))
            body = Network(lambda n, x: n.network(x.transpose(1, 2)), network=modules)
            settled(body)
        else:
            settings = {"deepdife": DeepDifESettings, "deepcre": DeepCRESettings}[kind]
            body = settled(settings(length=LENGTH).build(4, 1))
            modules = as_modules(body, monkeypatch)
        x = torch.eye(4)[torch.randint(4, (3, LENGTH))]
        references = torch.eye(4)[torch.randint(4, (3, 5, LENGTH))]
    theirs = deep_lift_shap(
        modules,
        x.transpose(1, 2),
        references=references.transpose(2, 3),
        device="cpu",
        hypothetical=True,
    )
    mask = () if kind == "plain" else (torch.ones(x.shape[:2], dtype=torch.bool),)
    found = deeplift(body, x, references, torch.ones(3, 1), *mask)
    of_letters = torch.eye(4) - references.unsqueeze(3)  # (…, letter, channel)
    ours = (of_letters * found.values.unsqueeze(3)).sum(-1).mean(1).transpose(1, 2)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


@pytest.fixture(scope="module")
def deepdife():
    """A trained network of one logit, and DNA as long as it reads."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), LENGTH)) for _ in range(80)]
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=["no", "yes"] * 40)
    training = {"epochs": 2, "batch_size": 16, "device": "cpu"}
    encoder = {"kind": "one_hot", "max_length": LENGTH}
    return Classifier(encoder, {"kind": "deepdife", "length": LENGTH}, training).fit(samples)


def one_hot(texts):
    letters = np.array([list(text) for text in texts])
    return torch.from_numpy((letters[:, None] == np.array(list("ACGT"))[:, None]).astype("f4"))


class LogOdds(nn.Module):
    """A classifier of DNA as tangermeme sees it: one-hot, channels first, to log-odds."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier
        self.anything = nn.Parameter(torch.zeros(1))  # tells tangermeme the device

    def forward(self, x):
        texts = ["".join("ACGT"[code] for code in row) for row in x.argmax(1).tolist()]
        logits = self.classifier.logits(make_samples(Sequences.from_text(texts, "dna")))
        return torch.from_numpy(logits[:, 1:] - logits[:, :1])


def test_mutagenesis_is_that_of_tangermeme(deepdife):
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    texts = ["ACGT" * 15, "TTGACGTCAA" * 6]
    samples = make_samples(Sequences.from_text(texts, "dna"))
    found = explain(deepdife, samples, {"method": "in_silico_mutagenesis"})
    theirs = saturation_mutagenesis(
        LogOdds(deepdife), one_hot(texts), hypothetical=True, device="cpu"
    )
    ours = found.hypothetical.reshape(2, LENGTH, 4).transpose(0, 2, 1)
    assert np.abs(ours).max() > 1e-3
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=2e-6)
