"""Numbers of another kind than those of training are refused, in every block that is encoded."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import cistron
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.encoders.cells.value_range import ValueRange
from cistron.samples.samples import Samples, make_samples
from tests.cells_planted import planted


def normalised(samples: Samples, size: float = 1e4) -> sparse.csr_matrix:
    counts = samples.payload.read()
    return sparse.csr_matrix(counts.multiply(size / counts.sum(axis=1)), dtype=np.float32)


def logarithms(samples: Samples) -> sparse.csr_matrix:
    return normalised(samples).log1p()


def scaled(samples: Samples) -> sparse.csr_matrix:
    values = logarithms(samples).toarray()
    return sparse.csr_matrix((values - values.mean(axis=0)) / (values.std(axis=0) + 0.01))


def counts(samples: Samples) -> sparse.csr_matrix:
    return samples.payload.read().minimum(50).tocsr()


def of(samples: Samples, values: sparse.csr_matrix) -> Samples:
    labels = samples.table["label"].tolist()
    return make_samples(Counts.of(values, samples.payload.genes), labels=labels)


@pytest.mark.parametrize(
    ("promised", "made", "new", "look"),
    [
        ("logarithms", logarithms, counts, "counts"),
        ("logarithms", logarithms, scaled, "scaled values"),
        ("logarithms", scaled, logarithms, "values that were not scaled"),
        ("normalised", normalised, counts, "counts"),
        ("normalised", normalised, logarithms, "logarithms"),
        ("estimated_counts", normalised, logarithms, "logarithms"),
    ],
)
def test_values_of_another_kind_are_refused(tmp_path, promised, made, new, look):
    train, other = planted(30, 3), planted(30, 1, seed=3)
    encoder = {"kind": "expression", "genes": {"kind": "all"}, "normalise": {"input": promised}}
    classifier = Classifier(encoder, "logistic_regression").fit(of(train, made(train)))
    classifier.save(tmp_path / "model")
    loaded = cistron.load(tmp_path / "model")
    assert loaded.encoder_.values == classifier.encoder_.values
    assert len(loaded.predict(of(other, made(other)))) == 60
    with pytest.raises(InputError, match=f"they look like {look}.*trained on {promised}"):
        loaded.predict(of(other, new(other)))


def test_logarithms_beyond_those_of_training_are_refused():
    train = planted(30, 3)
    known = ValueRange.of(logarithms(train).data)
    with pytest.raises(InputError, match="no logarithm was taken"):
        known.require_alike(np.linspace(0.1, 45, 500), "logarithms")
    known.require_alike(np.linspace(0.1, 1.4 * known.highest, 500), "logarithms")


def test_few_values_tell_nothing():
    known = ValueRange.of(np.linspace(0.1, 7, 500))
    known.require_alike(np.full(199, 2.0), "logarithms")
    with pytest.raises(InputError, match="counts"):
        known.require_alike(np.full(200, 2.0), "logarithms")


def test_ranges_join_as_if_they_were_read_at_once():
    values = np.random.default_rng(0).normal(1, 1, 1000).round(1)
    values[::50] = np.nan
    joined = ValueRange.of(values[:300]).joined(ValueRange.of(values[300:]))
    at_once = ValueRange.of(values)
    assert joined.negative == pytest.approx(at_once.negative)
    assert (joined.lowest, joined.highest, joined.n) == (at_once.lowest, at_once.highest, at_once.n)
    assert at_once.lowest == np.nanmin(values)
    assert (joined.whole, ValueRange.of(np.arange(5.0)).whole) == (False, True)
