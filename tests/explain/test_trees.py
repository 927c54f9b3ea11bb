"""TreeSHAP: against the definition of Shapley values, and against the model."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from cistron.classifier.classifier import Classifier
from cistron.explain.checks import faithfulness
from cistron.explain.explanation import explain
from cistron.explain.files import explain_file
from cistron.explain.tree_shap import as_probability, explains_probability
from cistron.explain.trees import shapley_values, trees_of
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.fasta import write_fasta
from tests.explain.conftest import promoters

MODELS = [
    {"kind": "gradient_boosting", "trees": 6, "leaf_size": 5},
    {"kind": "random_forest", "trees": 5},
    {"kind": "bagging", "trees": 4, "depth": 4},
]
KINDS = ["two", "three", "labels", "number"]


def dna(kind, n=90, seed=0):
    """Random DNA of skewed compositions, which decide on the answer."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(4), n)
    texts = ["".join(rng.choice(list("ACGT"), 40, p=p)) for p in shares]
    sequences = Sequences.from_text(texts, "dna")
    first, second = shares[:, 0] * shares[:, 1] > 0.05, shares[:, 2] > 0.3
    if kind == "number":
        return make_samples(sequences, numbers=50 + 10 * shares[:, 0] + 20 * second * shares[:, 1])
    if kind == "labels":
        named = [
            ";".join(np.array(["x", "y"])[[a, b]]) or "z"
            for a, b in zip(first, second, strict=True)
        ]
        return make_samples(sequences, labels=named, separator=";")
    several = first.astype(int) + (second if kind == "three" else 0)
    return make_samples(sequences, labels=["abc"[number] for number in several])


def conditional(nodes, node, x, known):
    """The mean over the tree of a sample of which only some features are known."""
    if not nodes.left[node]:
        return nodes.value[node]
    sides = nodes.left[node], nodes.right[node]
    if nodes.feature[node] in known:
        side = sides[int(x[nodes.feature[node]] > nodes.threshold[node])]
        return conditional(nodes, side, x, known)
    return sum(
        nodes.cover[side] / nodes.cover[node] * conditional(nodes, side, x, known) for side in sides
    )


def by_definition(trees, x, features):
    """Shapley values of one sample, shape (features, outputs), by all sets of features."""

    def output(known):
        return sum(conditional(tree, 0, x, known) for tree in trees)

    found = []
    for feature in range(features):
        others = [f for f in range(features) if f != feature]
        found.append(
            sum(
                factorial(size)
                * factorial(features - 1 - size)
                / factorial(features)
                * (output({*some, feature}) - output(set(some)))
                for size in range(features)
                for some in combinations(others, size)
            )
        )
    return np.array(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["kind"])
def test_shapley_values_by_definition(model, kind, monkeypatch):
    from cistron.explain import trees

    made = []
    whole = trees._joined
    monkeypatch.setattr(
        trees, "_joined", lambda given, base: (made.extend(given), whole(given, base))[1]
    )
    monkeypatch.setattr(trees, "CELLS", 500)  # so that leaves and samples are cut into pieces
    monkeypatch.setattr(trees, "SAMPLES", 3)
    classifier = Classifier("composition", model).fit(dna(kind))
    X = classifier.encoder_.encode(dna(kind, 4, seed=1))
    ensemble = trees_of(classifier)
    for output in range(classifier.head.outputs):
        weights = np.eye(classifier.head.outputs)[[output] * len(X)]
        found = shapley_values(ensemble, X, weights)
        expected = [by_definition(made, x, X.shape[1])[:, output] for x in X.astype(float)]
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["kind"])
def test_contributions_add_up_to_what_the_model_says(model, kind):
    classifier = Classifier("composition", model).fit(dna(kind))
    samples = dna(kind, 30, seed=1)
    logits = classifier.logits(samples).astype(float)
    names = [None] if kind == "number" else [None, "predicted", *classifier.classes_]
    for name in names:
        found = explain(classifier, samples, {"class_": name})
        assert set(found.method) == {"tree_shap"}
        assert (found.error < 1e-4).all()
        chosen = found.explained
        if kind == "number":
            said = logits[:, 0] * classifier.head.scale
        elif explains_probability(classifier):
            said = as_probability(classifier, logits)[np.arange(30), chosen]
        elif kind == "two":
            said = (logits[:, 1] - logits[:, 0]) * (2 * chosen - 1)
        elif kind == "labels":
            said = logits[np.arange(30), chosen]
        else:  # exclusive classes have scores of which softmax makes probabilities
            raw = classifier.model_.decision_function(classifier.encoder_.encode(samples))
            said = raw[np.arange(30), chosen]
        np.testing.assert_allclose(found.output, said, rtol=1e-4, atol=3e-6)
        sums = found.contributions.reshape(30, -1).sum(axis=1)
        np.testing.assert_allclose(found.reference_output + sums, said, rtol=1e-4, atol=3e-6)


@pytest.mark.parametrize("kind", ["gradient_boosting", "random_forest"])
def test_the_planted_motif_leads(kind, tmp_path):
    classifier = Classifier({"kind": "kmers", "k": 4}, {"kind": kind, "trees": 50}).fit(
        promoters(200)
    )
    samples = promoters(40, seed=3)
    found = explain(classifier, samples)
    size = np.abs(found.contributions.reshape(40, -1)).mean(axis=0)
    assert found.features[size.argmax()] in {"TGAC", "GACG", "ACGT", "CGTC", "GTCA"}
    assert faithfulness(classifier, samples, found)["better"] > 0.8
    write_fasta(samples, tmp_path / "x.fasta")
    summary = explain_file(classifier, tmp_path / "x.fasta", tmp_path / "out")
    assert summary["methods"] == {"tree_shap": 40}
    assert summary["scale"] == ("logit" if kind == "gradient_boosting" else "probability")
    curve = summary["checks"]["faithfulness"]
    if kind == "random_forest":
        assert 0 <= min(curve["top"]) <= max(curve["random"]) <= 1
