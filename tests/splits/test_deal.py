from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.base.errors import InputError
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.allocate import allocate
from cistron.splits.components import components
from cistron.splits.group import GroupSplit, group_split
from cistron.splits.predefined import PredefinedSplit
from cistron.splits.random import RandomSplit, random_split
from cistron.splits.split import TEST, TRAIN, VALIDATION


def labelled(n: int, seed: int = 0, texts: list[str] | None = None, **groups: list[str]):
    rng = np.random.default_rng(seed)
    letters = np.array(list("ARNDCQEGHILKMFPSTWYV"))
    texts = texts or ["".join(rng.choice(letters, size=30)) for _ in range(n)]
    labels = ["a" if i % 3 else "b" for i in range(n)]
    return make_samples(Sequences.from_text(texts), labels=labels, groups=groups)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 200), st.integers(5, 60))
def test_no_unit_is_ever_divided(seed, n, kinds):
    rng = np.random.default_rng(seed)
    units, targets = rng.integers(0, kinds, n), rng.integers(0, 2, n)
    part = allocate(units, targets, [0.7, 0.1, 0.2], seed)
    for unit in np.unique(units):
        assert len(set(part[units == unit])) == 1


def test_single_samples_are_dealt_in_exact_shares():
    targets = np.repeat([0, 1, 2], [700, 200, 100])
    part = allocate(np.arange(1000), targets, [0.7, 0.1, 0.2], seed=3)
    for k, size in enumerate([700, 200, 100]):
        counts = np.bincount(part[targets == k], minlength=3)
        np.testing.assert_allclose(counts, np.array([0.7, 0.1, 0.2]) * size, atol=1)


def test_the_seed_decides():
    units, targets = np.arange(300), np.arange(300) % 2
    first = allocate(units, targets, [0.8, 0.2], 1)
    np.testing.assert_array_equal(first, allocate(units, targets, [0.8, 0.2], 1))
    assert (first != allocate(units, targets, [0.8, 0.2], 2)).any()


def test_components_join_what_any_partition_or_pair_links():
    first = np.array([0, 0, 1, 2, 3, 4])
    second = np.array([0, 1, 1, 2, 3, 4])
    found = components([first, second], 6, pairs=(np.array([3]), np.array([5])))
    assert len(set(found[:3])) == 1
    assert found[3] == found[5]
    assert len(set(found)) == 3


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000))
def test_group_split_never_divides_a_group(seed):
    rng = np.random.default_rng(seed)
    gene = [f"g{x}" for x in rng.integers(0, 40, 150)]
    species = [f"s{x}" for x in rng.integers(0, 400, 150)]
    samples = labelled(150, seed, gene=gene, species=species)
    split = GroupSplit(columns=("gene", "species"), folds=2, seed=seed).split
    try:
        found = split(samples)
    except InputError:
        return  # the two columns chained everything together, and it says so
    for column in ("gene", "species"):
        for value in samples.table[column].unique():
            inside = (samples.table[column] == value).to_numpy()
            assert len(set(found.part[inside])) == 1
            assert len(set(found.fold[inside])) == 1
    for fold in range(found.folds):
        part = found.for_fold(fold, samples.targets)
        for unit in np.unique(found.units):
            assert len(set(part.part[found.units == unit])) == 1


def test_random_split_keeps_identical_sequences_together():
    texts = ["MKVAAA" * (1 + i // 2) for i in range(60)]
    samples = labelled(60, texts=texts)
    split = random_split(samples, folds=2)
    assert (split.part[::2] == split.part[1::2]).all()
    assert split.details["identical_kept_together"] == 30


def test_folds_are_balanced_and_cover_everything():
    samples = labelled(300)
    split = RandomSplit(folds=4, validation=0.2).split(samples)
    assert sorted(np.unique(split.fold)) == [0, 1, 2, 3]
    for fold in range(4):
        part = split.for_fold(fold, samples.targets)
        assert (part.rows(TEST) == np.flatnonzero(split.fold == fold)).all()
        assert len(part.rows(VALIDATION)) == pytest.approx(0.2 * 225, abs=2)
        assert abs(samples.targets[part.rows(TRAIN)].mean() - samples.targets.mean()) < 0.02


def test_too_few_groups_is_said():
    samples = labelled(60, gene=["g1", "g2", "g3"] * 20)
    with pytest.raises(InputError, match="only 3 groups.*5 folds"):
        group_split(samples, "gene")


def test_a_class_with_fewer_members_than_folds_is_said():
    samples = labelled(60)
    table = samples.table.assign(label=["rare"] * 2 + ["common"] * 58)
    samples = type(samples)(table, samples.payload, ("common", "rare"))
    with pytest.raises(InputError, match="'rare' has 2 samples, fewer than the 5 folds"):
        random_split(samples)


def test_an_unknown_group_column_is_said_with_the_nearest():
    samples = labelled(60, gene=["g1", "g2"] * 30)
    with pytest.raises(InputError, match="'gen' is not a group column.*Did you mean 'gene'"):
        group_split(samples, "gen")


def test_predefined_parts_and_spellings():
    names = ["Train", "training", "val", "TEST"] * 15
    samples = labelled(60, part=names)
    split = PredefinedSplit(column="part").split(samples)
    assert split.names().tolist() == ["train", "train", "validation", "test"] * 15
    assert split.folds == 0


def test_predefined_folds():
    samples = labelled(60, fold=["0", "1", "2"] * 20)
    split = PredefinedSplit(column="fold", test_fold=1).split(samples)
    assert split.folds == 3
    assert (split.rows(TEST) % 3 == 1).all()
    assert len(split.rows(VALIDATION)) == pytest.approx(4, abs=1)


def test_predefined_refuses_other_words():
    samples = labelled(60, part=["train", "test", "maybe"] * 20)
    with pytest.raises(InputError, match="also says 'maybe'"):
        PredefinedSplit(column="part").split(samples)


def test_test_and_validation_leave_something_to_train_on():
    with pytest.raises(InputError, match="leave nothing to train on"):
        RandomSplit(test=0.6, validation=0.4).split(labelled(60))
