"""Samples that are held out and not in a list are neither scored nor trained on."""

from __future__ import annotations

import numpy as np
import pytest

from cistron.splits.audit.audit import audit_folds
from cistron.splits.chromosome import chromosome_split
from cistron.splits.group import group_split
from cistron.splits.homology import homology_split
from cistron.splits.only_test import require_scored_folds
from cistron.splits.predefined import PredefinedSplit
from cistron.splits.random import random_split
from cistron.splits.split import TEST, TRAIN, UNUSED, VALIDATION
from tests.samples.made import refused
from tests.splits.test_chromosome import made


@pytest.fixture
def listed(tmp_path):
    """Two of three genes, and one that is no sample, as a table with a header."""
    path = tmp_path / "scored.csv"
    names = [f"g{k}" for k in range(160) if k % 3]
    path.write_text("gene_id,why\n" + "".join(f"{name},x\n" for name in [*names, "other"]))
    return path


def scored(samples):
    return np.array([int(name[1:]) % 3 > 0 for name in samples.ids])


def test_chromosomes_are_scored_by_listed_genes_alone(listed):
    samples = made()
    whole, split = chromosome_split(samples), chromosome_split(samples, only_test=listed)
    inside = scored(samples)
    for fold in range(-1, 5):
        before, after = whole, split
        if fold >= 0:
            before, after = (s.for_fold(fold, samples.targets) for s in (whole, split))
        held_out = np.isin(before.part, [VALIDATION, TEST])
        assert (after.part == np.where(held_out & ~inside, UNUSED, before.part)).all()
        assert (after.part[~held_out] == TRAIN).all()  # not listed, and trained on elsewhere
    test, validation = (int(((whole.part == p) & ~inside).sum()) for p in (TEST, VALIDATION))
    assert split.details["only_test"] == {
        "file": str(listed),
        "listed": 108,  # the header too
        "no_sample": 2,
        "not_listed": 54,
        "left_out": {"validation": validation, "test": test},
    }
    assert f"{test} test and {validation} validation samples are left out" in split.reason
    sizes = {name: row["samples"] for name, row in split.details["balance"].items()}
    assert sizes["test"] == (inside & (whole.part == TEST)).sum()


def test_relatives_of_genes_that_are_not_scored_may_train(listed):
    samples = made(families=12)
    split = chromosome_split(samples, keep_apart=("family",), only_test=listed)
    family, inside = samples.table["family"].to_numpy(), scored(samples)
    for fold in range(split.folds):
        part = split.for_fold(fold, samples.targets).part
        tested, train = part == TEST, part == TRAIN
        assert not set(family[tested]) & set(family[train])
        related = np.isin(family, family[tested]) & (split.fold != fold)
        stops = split.fold == split.validators[fold]
        assert (train == ((split.fold != fold) & ~related & ~stops)).all()
    lost = sum(split.details["relatives_left_out"].values())
    all_of_them = chromosome_split(samples, keep_apart=("family",)).details["relatives_left_out"]
    assert 0 < lost < sum(all_of_them.values())
    found = audit_folds(samples, split, homology=False)
    assert "share_of_tested" in found["checks"][0]["details"]
    assert inside[split.tested].all()
    assert len(split.tested) == inside.sum()


@pytest.mark.parametrize(
    "make",
    [
        random_split,
        lambda samples, **keys: group_split(samples, "family", **keys),
        lambda samples, **keys: homology_split(samples, identity=0.9, engine="kmers", **keys),
    ],
)
def test_every_split_that_deals(listed, make):
    samples = made()
    whole, split = make(samples), make(samples, only_test=listed)
    held_out, inside = np.isin(whole.part, [VALIDATION, TEST]), scored(samples)
    assert (split.part == np.where(held_out & ~inside, UNUSED, whole.part)).all()
    assert "are left out" in split.reason
    for fold in range(split.folds):
        part = split.for_fold(fold, samples.targets).part
        assert ((part == TEST) == ((split.fold == fold) & inside)).all()
        assert inside[part == VALIDATION].all()


def test_a_split_that_stands_in_the_data(listed):
    samples = made({"train": 60, "valid": 30, "test": 70})
    split = PredefinedSplit(column="chromosome", only_test=listed).split(samples)
    expected = np.repeat([TRAIN, VALIDATION, TEST], [60, 30, 70])
    expected[60:][~scored(samples)[60:]] = UNUSED
    assert (split.part == expected).all()


def test_lists_that_leave_nothing(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text("".join(f"g{k}\n" for k in range(100)))  # none of chromosomes 4 and 5
    with refused("split.only_test", path, "no sample of the test part"):
        chromosome_split(made(), test=("5",), only_test=path)
    split = chromosome_split(made(), test=("2",), validation=("1",), only_test=path)
    with refused("split.only_test", "no sample of the fold 4", "pool_below"):
        require_scored_folds(split)
    path.write_text("AT1G01010\nAT1G01020\ng1\n")
    with refused("split.only_test", path, "Only 33% of either", "'AT1G01010'", "'g0', 'g1'"):
        chromosome_split(made(), only_test=path)
    path.write_bytes(b"\x80\x04\x95" + bytes(60))
    with refused("split.only_test", path, "a binary file", "one id a line"):
        chromosome_split(made(), only_test=path)
