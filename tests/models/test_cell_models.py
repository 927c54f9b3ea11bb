"""Models of cells: sparse rows give what dense ones do, and published networks are as published."""

from __future__ import annotations

from inspect import signature
from typing import ClassVar, get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cistron.base.cell_vectors import CellVectors
from cistron.base.errors import InputError
from cistron.base.progress import Silent
from cistron.classifier.classifier import Classifier
from cistron.experiment.file import parse_encoder, parse_model
from cistron.models.classical import sparse_input
from cistron.models.classical.classical import dump, fit_classical, load, log_probabilities
from cistron.models.classical.l1_regression import L1LogisticRegression
from cistron.models.classical.logistic_regression import LogisticRegressionSettings
from cistron.models.gene_attention import GeneAttentionSettings
from cistron.models.penalty import penalty
from cistron.models.published.oncopersistnet import OncoPersistNetSettings, Penalised
from cistron.models.published.pooled_bilstm import PooledBiLSTMSettings
from tests.cells_made import cells

KINDS = ["logistic_regression", "nearest_centroid", "random_forest", "gradient_boosting", "svm"]


@pytest.fixture(scope="module")
def encoded():
    samples = cells(160, 60)
    keys = {"kind": "expression", "genes": {"kind": "all"}}
    return parse_encoder(keys).fit(samples).encode(samples), samples.targets


def dense(vectors: CellVectors) -> np.ndarray:
    return vectors[np.arange(len(vectors))]


def weights_of(y: np.ndarray) -> np.ndarray:
    return np.where(y == 0, 2.0, 1.0)


@pytest.mark.parametrize("classes", [2, 3])
def test_regression_of_sparse_cells_is_that_of_dense_ones(encoded, classes):
    vectors, y = encoded
    y = y if classes == 2 else y + (np.arange(len(y)) % 3 == 0) * (y == 1)
    settings = LogisticRegressionSettings(c=0.01, tolerance=1e-9)
    model = fit_classical(settings, vectors, y, weights_of(y), 1)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-9, max_iter=1000))
    each = {f"{name}__sample_weight": weights_of(y) for name in reference.named_steps}
    X = dense(vectors).astype(np.float64)
    expected = reference.fit(X, y, **each).predict_proba(X)
    found = np.exp(log_probabilities(model, vectors))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(model[-1].coef_, reference[-1].coef_, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_the_l1_solver_finds_what_scikit_learn_finds(encoded, classes, share):
    vectors, y = encoded
    y = y if classes == 2 else y + (np.arange(len(y)) % 3 == 0) * (y == 1)
    X = StandardScaler().fit_transform(dense(vectors).astype(np.float64)[:, 10:25])
    by_ratio = signature(LogisticRegression).parameters["penalty"].default == "deprecated"
    named = {} if by_ratio else {"penalty": "elasticnet"}
    reference = LogisticRegression(
        C=0.2, l1_ratio=share, solver="saga", tol=1e-8, max_iter=20_000, **named
    ).fit(X, y, sample_weight=weights_of(y))
    found = L1LogisticRegression(C=0.2, l1_ratio=share, tol=1e-8, max_iter=5000)
    found.fit(csr_matrix(X), y, sample_weight=weights_of(y))
    np.testing.assert_allclose(found.coef_, reference.coef_, atol=1e-4)
    np.testing.assert_allclose(found.predict_proba(X), reference.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("penalty", ["l1", "elastic_net"])
@pytest.mark.filterwarnings("error")
def test_an_l1_penalty_leaves_few_genes_and_the_right_ones(encoded, penalty):
    vectors, y = encoded
    settings = LogisticRegressionSettings(penalty=penalty, l1_share=0.9, c=0.03)
    model = fit_classical(settings, vectors, y, np.ones(len(y)), 1)
    chosen = np.flatnonzero(model[-1].coef_[0])
    assert 2 <= len(chosen) <= 20
    assert (chosen < 16).mean() >= 0.9
    signs = np.sign(model[-1].coef_[0, chosen[chosen < 16]])
    assert (signs == np.where(chosen[chosen < 16] < 8, -1, 1)).all()


def test_the_strength_of_the_penalty_is_found_on_sparse_cells_too(encoded):
    vectors, y = encoded
    settings = LogisticRegressionSettings(c="auto")
    model = fit_classical(settings, vectors, y, np.ones(len(y)), 1)
    again = fit_classical(settings, dense(vectors), y, np.ones(len(y)), 1)
    assert model[-1].C == again[-1].C


@pytest.mark.parametrize(
    "kind", [*KINDS, {"kind": "logistic_regression", "penalty": "l1"}], ids=str
)
def test_cells_are_told_apart_in_blocks_and_after_storage(encoded, kind, monkeypatch):
    vectors, y = encoded
    model = fit_classical(parse_model(kind), vectors, y, weights_of(y), 1)
    whole = log_probabilities(model, vectors)
    assert (whole.argmax(axis=1) == y).mean() > 0.95
    blocks = CellVectors.blocks
    monkeypatch.setattr(CellVectors, "blocks", lambda self: blocks(self, 37))
    np.testing.assert_allclose(log_probabilities(load(dump(model)), vectors), whole, atol=1e-5)


def test_probabilities_of_centroids_are_the_softmax_of_squared_distances(encoded):
    vectors, y = encoded
    y = y + (np.arange(len(y)) % 3 == 0) * (y == 1)
    model = fit_classical(parse_model("nearest_centroid"), vectors, y, weights_of(y), 1)
    X = StandardScaler().fit(dense(vectors), sample_weight=weights_of(y)).transform(dense(vectors))
    distances = np.stack(
        [np.square(X - X[y == c].mean(axis=0)).sum(axis=1) for c in range(3)], axis=1
    )
    found = log_probabilities(model, vectors)
    inside = found.min(axis=1) > np.log(1e-5)
    ratio = (found[:, 0] - found[:, 1])[inside] / (distances[:, 1] - distances[:, 0])[inside]
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)
    expected = softmax(-np.median(ratio) * distances, axis=1)
    np.testing.assert_allclose(np.exp(found), expected, atol=1e-4)
    # Another factor would make the training labels less probable.
    chosen = np.log(expected[np.arange(len(y)), y]) @ weights_of(y)
    for factor in (0.8, 1.25):
        other = softmax(-factor * np.median(ratio) * distances, axis=1)
        assert np.log(other[np.arange(len(y)), y]) @ weights_of(y) < chosen


def test_a_centroid_of_few_cells_is_found_in_dense_vectors(encoded):
    vectors, y = encoded
    sparse = fit_classical(parse_model("nearest_centroid"), vectors, y, weights_of(y), 1)
    plain = fit_classical(parse_model("nearest_centroid"), dense(vectors), y, weights_of(y), 1)
    np.testing.assert_allclose(
        log_probabilities(sparse, vectors), log_probabilities(plain, dense(vectors)), atol=1e-3
    )


def test_dense_models_of_too_many_cells_ask_for_components(encoded, monkeypatch):
    vectors, y = encoded
    monkeypatch.setattr(sparse_input, "MOST_DENSE", 1000)
    with pytest.raises(InputError, match=r"HistGradientBoosting.* Set encoder\.components"):
        fit_classical(parse_model("gradient_boosting"), vectors, y, np.ones(len(y)), 1)
    fit_classical(parse_model("logistic_regression"), vectors, y, np.ones(len(y)), 1)


# Networks


def count(module: torch.nn.Module) -> tuple[int, int]:
    """Return the parameters that are trained, and all as Keras counts them."""
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    moving = sum(v.numel() for n, v in module.named_buffers() if n.endswith(("mean", "var")))
    return trained, trained + moving


def test_oncopersistnet_has_the_published_parameters():
    network = OncoPersistNetSettings().build(100, 1)
    assert count(network) == (152_833, 152_961)
    pooled = network.pool(network.convolution(torch.zeros(2, 1, 100)))
    assert pooled.shape == (2, 64, 49)
    assert OncoPersistNetSettings().single_logit
    assert "order" in OncoPersistNetSettings.caution


PENALISED = ("convolution.weight", "lstms.0.cell.weight_ih_l0", "lstms.1.cell.weight_ih_l0")
FOUR = (*PENALISED, "dense.weight")


def test_oncopersistnet_is_penalised_on_four_layers():
    """By hand: of Glorot's weights the sum of squares is 2 x size / (inputs + outputs)."""
    torch.manual_seed(0)
    network = OncoPersistNetSettings().build(100, 1)
    state = dict(network.named_parameters())
    parts = [1e-3 * float((state[name].detach() ** 2).sum()) for name in FOUR]
    assert parts == pytest.approx([0.002, 0.114, 0.171, 0.064], abs=0.006)
    assert float(penalty(network).detach()) == pytest.approx(sum(parts), rel=1e-6)


@pytest.mark.parametrize(
    ("keys", "kernels"),
    [
        ({"penalties": dict.fromkeys(get_args(Penalised), 0.5)}, FOUR),
        ({"penalties": {"dense": 0.5}}, ("dense.weight",)),
        ({"penalty": 0.5}, ("convolution.weight",)),  # as files of before say it
    ],
)
def test_oncopersistnet_penalises_the_kernels_that_are_named(keys, kernels):
    torch.manual_seed(0)
    x, y = torch.randn(8, 20), torch.randint(0, 2, (8, 1)).float()
    gradients = []
    for chosen in ({"penalties": {}}, keys):
        torch.manual_seed(1)
        network = OncoPersistNetSettings(**chosen, dropout=0.0).build(20, 1)
        (F.binary_cross_entropy_with_logits(network(x), y) + penalty(network)).backward()
        gradients.append({name: p.grad for name, p in network.named_parameters()})
    state = {name: p.detach() for name, p in network.named_parameters()}
    for name, gradient in gradients[0].items():
        if gradient is not None:
            added = gradients[1][name] - gradient
            expected = state[name] if name in kernels else torch.zeros_like(added)
            torch.testing.assert_close(added, expected)


@pytest.mark.parametrize("kind", ["oncopersistnet", "pooled_bilstm"])
def test_a_vector_too_short_is_refused(kind):
    with pytest.raises(InputError, match=f"{kind}' needs a vector of at least 4 features"):
        parse_model(kind).build(3, 2)
    assert parse_model(kind).build(4, 2)(torch.randn(2, 4)).shape == (2, 2)


def test_the_repaired_form_counts_every_step():
    torch.manual_seed(0)
    network = PooledBiLSTMSettings().build(40, 3).eval()
    x = torch.randn(2, 40, requires_grad=True)
    network(x).sum().backward()
    assert (x.grad.abs() > 0).all()
    assert count(PooledBiLSTMSettings().build(100, 2))[0] == (
        64 * 3 + 2 * 64 + 2 * 4 * (64 * 64 + 64 * 64 + 2 * 64) + 257 * 64 + 65 * 2
    )


def test_attention_does_not_depend_on_the_order_of_genes():
    torch.manual_seed(0)
    network = GeneAttentionSettings(width=8, queries=2, hidden=16).build(30, 2).eval()
    x, order = torch.randn(5, 30), torch.randperm(30)
    _, weights = network.attend(x)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(5, 2))
    before = network(x)
    with torch.no_grad():
        network.slope.copy_(network.slope[order])
        network.level.copy_(network.level[order])
    torch.testing.assert_close(network(x[:, order]), before)
    plain = 2 * 30 * 8 + 8 * 2 + 2 * 16 + 17 * 16 + 17 * 2
    assert count(network)[0] == plain


def test_what_a_network_of_components_does_is_said_before_it_is_trained():
    class Said(Silent):
        sentences: ClassVar[list[str]] = []

        def say(self, sentence: str) -> None:
            self.sentences.append(sentence)

    keys = {"kind": "expression", "genes": {"kind": "list", "names": ["GENE0", "GENE9", "NONE"]}}
    training = {"epochs": 1, "device": "cpu"}
    said = Said()
    with pytest.raises(InputError, match="at least 4 features"):
        Classifier(keys, "oncopersistnet", training).fit(cells(60, 30), reporter=said)
    assert said.sentences == [
        "1 of 3 listed genes are not in the samples: NONE.",
        OncoPersistNetSettings.caution,
    ]
