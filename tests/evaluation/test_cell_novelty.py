from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from cistron.base.counts import Counts
from cistron.encoders.cells.expression import ExpressionSettings
from cistron.evaluation.baselines import score_baselines
from cistron.evaluation.cell_baselines import rules_of_cells
from cistron.evaluation.cell_novelty import CellNovelty, Space, fit_cell_novelty
from cistron.evaluation.novelty import restore_novelty
from cistron.samples.samples import make_samples
from tests.cells_planted import planted

ENCODER = ExpressionSettings(genes={"kind": "all"})


def fitted(samples, components=None) -> tuple[CellNovelty, object]:
    encoder = ENCODER.model_copy(update={"components": components}).fit(samples)
    return fit_cell_novelty(samples, encoder.encode(samples)), encoder


@pytest.mark.parametrize("components", [None, 4])
def test_cells_of_another_kind_are_further_than_those_of_a_new_donor(components):
    samples = planted(60, 5)
    known = samples.take(np.flatnonzero(samples.table["donor"] != "d4"))
    new = samples.take(np.flatnonzero(samples.table["donor"] == "d4"))
    novelty, encoder = fitted(known, components)
    assert novelty.held_out == "donor"
    assert set(novelty.groups) == {"d0", "d1", "d2", "d3"}
    other = planted(60, 1, shift=60, effect=8.0, seed=3)
    of_donor, of_kind = (
        novelty.drift(novelty.distances(encoder.encode(cells))) for cells in (new, other)
    )
    assert of_donor["share_unlike"] < 0.15
    # Below 1, because the encoder was fitted on the donors that were held out, too.
    assert 0.6 < of_donor["ratio"] < 1.2
    assert of_kind["share_unlike"] > 3 * max(of_donor["share_unlike"], 0.05)
    assert of_kind["ratio"] > of_donor["ratio"]
    assert of_kind["beyond"]


def test_one_held_out_cell_in_twenty_is_beyond_the_threshold():
    samples = planted(80, 4)
    novelty, encoder = fitted(samples)
    dense = encoder.encode(samples)[np.arange(len(samples))]
    group = samples.table["donor"].to_numpy()
    beyond = []
    for name in novelty.groups:
        inside = group == name
        space = Space.fit(dense[~inside], samples.targets[~inside])
        beyond.append(space.distances(dense[inside]) > novelty.threshold)
    assert np.concatenate(beyond).mean() == pytest.approx(0.05, abs=0.01)


def test_without_groups_validation_cells_set_the_threshold():
    samples = planted(60, 1)
    alone = make_samples(samples.payload, labels=samples.table["label"].tolist())
    train, validation = alone.take(np.arange(0, 120, 2)), alone.take(np.arange(1, 120, 2))
    encoder = ENCODER.fit(train)
    vectors = [encoder.encode(part) for part in (train, validation)]
    novelty = fit_cell_novelty(train, vectors[0], validation, vectors[1])
    assert novelty.held_out == "validation cells"
    assert (novelty.distances(vectors[1]) > novelty.threshold).mean() == pytest.approx(0.05)
    assert novelty.threshold > np.percentile(novelty.distances(vectors[0]), 95)


def test_the_distance_is_mahalanobis_where_nothing_is_left():
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(4000, 3)) @ np.diag([1, 5, 0.2])).astype(np.float32)
    values = np.hstack([values, np.zeros((4000, 1), np.float32)])
    space = Space.fit(values, np.zeros(4000, np.int64))
    near, left = space.parts(values)
    centred = values[:, :3] - values[:, :3].mean(axis=0)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(centred.T)), centred))
    np.testing.assert_allclose(near, expected, rtol=0.01)
    assert left.max() < 0.05
    np.testing.assert_allclose(space.distances(values), near / np.median(near))


def test_state_round_trip():
    samples = planted(30, 3)
    novelty, encoder = fitted(samples)
    again = restore_novelty(*novelty.state())
    assert isinstance(again, CellNovelty)
    assert again.groups == novelty.groups
    vectors = encoder.encode(samples)
    np.testing.assert_array_equal(again.distances(vectors), novelty.distances(vectors))


def test_a_class_that_one_group_alone_has_raises_no_threshold():
    samples = planted(40, 4, effect=2.0)
    usual, _ = fitted(samples)
    other = planted(40, 1, shift=60, effect=30.0, seed=2)
    both = make_samples(
        Counts.of(
            sparse.vstack([samples.payload.read(), other.payload.read()[:40]]),
            list(samples.payload.genes),
        ),
        labels=[*samples.table["label"], *["odd"] * 40],
        groups={"donor": [*samples.table["donor"], *["d0"] * 40]},
    )
    assert fitted(both)[0].threshold < 1.5 * usual.threshold


def test_baselines_of_cells_are_fitted_on_training_cells():
    samples = planted(40, 4)
    donor = samples.table["donor"]
    train, test = (np.flatnonzero(rows) for rows in (donor != "d3", donor == "d3"))
    rules = rules_of_cells(ENCODER)
    parts = train, test[:0], test
    found = score_baselines(samples, parts, ("majority", "depth", "genes"), rules=rules)
    assert list(found) == ["majority", "depth", "genes"]
    truth = samples.targets[test]
    for probabilities in found.values():
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (found["majority"] == 0.5).all()
    assert (found["genes"].argmax(axis=1) == truth).mean() > 0.95
    assert (found["depth"].argmax(axis=1) == truth).mean() < 0.75
    parts = train, test[:0], test[::2]
    half = score_baselines(samples, parts, ("genes",), rules=rules)["genes"]
    np.testing.assert_allclose(half, found["genes"][::2], rtol=1e-5)


def test_baselines_of_cells_predict_numbers_and_sets_too():
    samples = planted(40, 4)
    parts = tuple(np.split(np.random.default_rng(0).permutation(len(samples)), [80, 120]))
    classes = samples.targets == 1
    numbers = make_samples(samples.payload, numbers=classes + 0.0)
    rules = rules_of_cells(ENCODER)
    found = score_baselines(numbers, parts, ("majority", "depth", "genes"), rules=rules)
    assert list(found) == ["mean", "depth", "genes"]
    errors = {name: np.abs(p - classes[parts[2]]).mean() for name, p in found.items()}
    assert errors["genes"] < 0.25 < errors["depth"]
    sets = make_samples(
        samples.payload, labels=np.where(classes, "a;b", "a").tolist(), separator=";"
    )
    called = score_baselines(sets, parts, ("genes",), rules=rules)["genes"].called
    assert (called[:, 1] == classes[parts[2]]).mean() > 0.95
    assert called[:, 0].all()


def test_sparse_vectors_are_as_far_as_dense_ones():
    samples = planted(40, 3)
    novelty, encoder = fitted(samples)
    vectors = encoder.encode(samples)
    dense = vectors[np.arange(len(samples))]
    np.testing.assert_allclose(novelty.distances(vectors), novelty.distances(dense), rtol=1e-4)
