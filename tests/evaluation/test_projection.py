from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cistron import figures
from cistron.base.encoded import InputShape
from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.encoders.one_hot import OneHotSettings
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.evaluation import projection
from cistron.evaluation.projection import (
    choose,
    places_and_shares,
    project,
    projection_table,
    sample_vectors,
)
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.random import random_split


def clouds(n=60, features=12, seed=1):
    """Return two clouds of points far from one another, and which is which."""
    rng = np.random.default_rng(seed)
    name = np.arange(n) % 2
    return (rng.normal(size=(n, features)) + 8 * name[:, None]).astype(np.float32), name


def neighbours_agree(places, name):
    """Return the share of points whose nearest other point is of their own cloud."""
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places)) * 1e9
    return (name[apart.argmin(axis=1)] == name).mean()


METHODS = ["pca", "tsne", pytest.param("umap", marks=pytest.mark.slow)]  # numba takes a minute


@pytest.mark.parametrize("method", METHODS)
def test_clouds_stay_apart_and_the_seed_decides(method):
    vectors, name = clouds()
    places = project(vectors, method, seed=3)
    assert places.shape == (60, 2)
    assert neighbours_agree(places, name) == 1
    assert np.array_equal(places, project(vectors, method, seed=3))


def test_pca_is_that_of_standardised_features():
    rng = np.random.default_rng(2)
    wide = np.outer(rng.normal(size=50), [1, 2]).astype(np.float32)  # one direction, two scales
    constant = np.ones((50, 1), dtype=np.float32)
    places = project(np.hstack([wide, constant]), "pca", 1)
    assert np.allclose(places[:, 1], 0, atol=1e-5)
    expected = np.sqrt(2) * (wide[:, 0] - wide[:, 0].mean()) / wide[:, 0].std()
    assert np.allclose(np.abs(places[:, 0]), np.abs(expected), atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_few_or_equal_samples_have_places_too(n):
    vectors, _ = clouds(n)
    for method in ("pca", "tsne"):
        assert np.isfinite(project(vectors, method, 1)).all()
        assert np.array_equal(project(np.ones((n, 3), np.float32), method, 1), np.zeros((n, 2)))


def test_the_choice_keeps_the_shares_of_the_classes():
    targets = np.repeat([0, 1, 2], [8000, 1999, 1])
    rows = choose(targets, 1000, seed=1)
    assert len(rows) == len(set(rows)) == 1000
    assert np.abs(np.bincount(targets[rows]) - [799.9, 199.9, 0.1]).max() < 1
    assert 2 in targets[rows]
    assert np.array_equal(rows, choose(targets, 1000, seed=1))
    assert not np.array_equal(rows, choose(targets, 1000, seed=2))
    assert np.array_equal(choose(targets, 10_000, seed=1), np.arange(10_000))


def test_codes_are_shown_by_the_mean_of_their_channels():
    samples = make_samples(Sequences.from_text(["AACG", "TTTT"], "dna"))
    encoder = OneHotSettings().fit(samples)
    assert np.allclose(sample_vectors(encoder, samples), [[0.5, 0.25, 0.25, 0], [0, 0, 0, 1]])


def test_learned_channels_are_shown_by_the_composition():
    samples = make_samples(Sequences.from_text(["AAAR", "R"]))
    vectors = sample_vectors(ResiduesSettings(**{"as": "embedding"}).fit(samples), samples)
    assert np.allclose(vectors.sum(axis=1), 1)
    assert sorted(vectors[0][vectors[0] > 0]) == [0.25, 0.75]


def test_channels_are_averaged_over_the_positions_of_the_sample():
    values = np.array([[1, 2], [3, 4], [10, 20]], dtype=np.float32)
    encoder = SimpleNamespace(
        encode=lambda samples: Ragged(values, np.array([0, 2, 2, 3])),
        shape=InputShape("channels", 2),
    )
    samples = make_samples(Sequences.from_text(["A", "C", "D"]))
    assert np.allclose(sample_vectors(encoder, samples), [[2, 3], [0, 0], [10, 20]])


def test_the_table_holds_every_sample_of_a_part(planted):
    split = random_split(planted, test=0.25)
    encoder = ResiduesSettings().fit(planted)
    table = projection_table(encoder, planted, split, "pca", seed=1)
    assert table["id"].tolist() == planted.ids.tolist()
    assert table["part"].tolist() == split.names().tolist()
    assert table["label"].tolist() == planted.table["label"].tolist()


def test_umap_names_the_extra_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(projection, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'cistron\[umap\]'"):
        project(clouds()[0], "umap", 1)


def test_the_drawing_names_and_counts_the_classes():
    labels, classes = ["b", "a", "b", "b"], ["a", "b", "none"]
    drawn = figures.by_class([0, 1, 2, 3], [0, 1, 2, 3], labels, classes)
    assert "coloured by class: a 1, b 3." in drawn
    assert "var(--class-1" in drawn
    assert "var(--class-3" not in drawn  # nothing of that class is there
    many = [f"c{i}" for i in range(9)]
    drawn = figures.by_class(range(9), range(9), many, many)
    assert "one drawing a class" in drawn
    assert "var(--class" not in drawn
    assert "coloured by part: train 2, test 1." in figures.by_part(
        [0, 1, 2], [0, 0, 0], ["train", "test", "train"]
    )


def test_principal_components_say_how_much_of_the_variance_they_hold():
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    vectors, _ = clouds()
    _, shares = places_and_shares(vectors, "pca", seed=1)
    expected = PCA(2).fit(StandardScaler().fit_transform(vectors)).explained_variance_ratio_
    assert shares == pytest.approx(expected.tolist(), rel=1e-5)
    assert places_and_shares(vectors, "tsne", seed=1)[1] == []  # whose axes mean nothing


def test_the_table_of_a_picture_keeps_the_variance(planted, tmp_path):
    encoder = ResiduesSettings().fit(planted)
    made = projection_table(encoder, planted, random_split(planted, test=0.25), "pca", seed=1)
    made.to_parquet(tmp_path / "projection.parquet")
    again = pd.read_parquet(tmp_path / "projection.parquet").attrs["variance"]
    assert again == made.attrs["variance"]
    assert 1 >= again[0] >= again[1] > 0
