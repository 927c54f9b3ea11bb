from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cistron.base.errors import InputError
from cistron.samples.samples import Sequences, make_samples
from cistron.splits import homology
from cistron.splits.homology import HomologySplit, homology_split
from cistron.splits.search.search import Search, find_similar
from cistron.splits.split import TEST, TRAIN, UNUSED, VALIDATION
from tests.splits.families import (
    BASES,
    divided,
    families,
    mutated,
    random_text,
    reverse_complement,
)


@pytest.fixture(scope="module")
def planted():
    """Sixty families of three: an ancestor and two mutants of it at 40, 60 or 90 % identity."""
    return families([0.4, 0.6, 0.9] * 20)


@pytest.fixture(scope="module")
def split(planted):
    return homology_split(planted)


def test_planted_families_are_found_and_never_separated(planted, split):
    family = planted.group(["family"])
    assert divided(family, split.part) == 0
    assert divided(family, split.fold) == 0
    assert split.details["units"] == 60
    assert split.details["largest_unit"] == 3
    assert len({(a, b) for a, b in zip(family, split.units, strict=True)}) == 60


def test_parts_have_their_shares_and_classes(planted, split):
    shares = [len(split.rows(part)) / len(planted) for part in (TRAIN, VALIDATION, TEST)]
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.02)
    np.testing.assert_allclose(np.bincount(split.fold) / len(planted), 0.2, atol=0.02)
    assert all(part["deviation"] < 0.05 for part in split.details["balance"].values())


def test_what_was_done_is_told(split):
    details = split.details
    assert details["engine"]["name"] == "MMseqs2"
    assert details["engine"]["version"]
    assert details["rounds"] == 1
    assert details["joined_pairs"] == details["remaining_pairs"] == 0
    assert details["pairs"] >= 120
    assert "30% identity over 80% of both were never separated" in split.reason
    assert "warning" not in details


def test_an_independent_search_finds_nothing_across_the_parts(planted, split):
    sequences, train = planted.payload, split.rows(TRAIN)
    for part in (VALIDATION, TEST):
        queries = sequences.take(split.rows(part))
        hits = find_similar(queries, sequences.take(train), Search(max_hits=1000))
        assert not hits.at_least(0.3, 0.8).any()


def test_higher_identity_lets_distant_relatives_part(planted):
    strict = homology_split(planted, identity=0.8)
    family = planted.group(["family"])
    near = np.isin(family, np.arange(2, 60, 3))
    assert divided(family[near], strict.part[near]) == 0
    assert divided(family[~near], strict.part[~near]) > 10
    assert strict.details["units"] == 140


def test_the_same_seed_gives_the_same_split(planted, split):
    again = homology_split(planted)
    np.testing.assert_array_equal(again.part, split.part)
    np.testing.assert_array_equal(again.fold, split.fold)
    other = homology_split(planted, seed=2)
    assert (other.part != split.part).any()


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    members=st.integers(1, 4),
    identity=st.sampled_from([0.75, 0.85, 0.95]),
    folds=st.integers(2, 5),
)
def test_no_unit_and_no_group_is_ever_divided(seed, members, identity, folds):
    samples = families([identity] * 24, members, length=70, seed=seed)
    rng = np.random.default_rng(seed)
    place = [f"p{x}" for x in rng.integers(0, 400, len(samples))]
    samples = make_samples(
        samples.payload,
        labels=list(samples.table["label"]),
        groups={"family": list(samples.table["family"]), "place": place},
    )
    try:
        found = homology_split(
            samples, 0.6, folds=folds, seed=seed, engine="kmers", keep_together="place"
        )
    except InputError as error:
        assert "linked" in str(error) or "class" in str(error)  # noqa: PT017 (a possible outcome)
        return
    for numbers in (samples.group(["family"]), samples.group(["place"]), found.units):
        assert divided(numbers, found.part) == 0
        assert divided(numbers, found.fold) == 0
        for fold in range(found.folds):
            assert divided(numbers, found.for_fold(fold, samples.targets).part) == 0
    assert (found.part != UNUSED).all()
    assert found.folds == folds


def chains(n: int, seed: int = 0):
    """Return n chains a - b - c: b is half like a and half like c, a and c are not alike."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        a, c = random_text(rng, 160), random_text(rng, 160)
        mixed = "".join(x if rng.random() < 0.5 else y for x, y in zip(a, c, strict=True))
        texts += [a + "AGK", mixed, c]
    return make_samples(
        Sequences.from_text(texts),
        labels=["x" if i % 2 else "y" for i in range(3 * n)],
        groups={"chain": [f"c{i // 3}" for i in range(3 * n)]},
    )


def test_the_check_joins_pairs_that_clusters_left_in_two_parts(monkeypatch):
    samples = chains(30)
    chain = samples.group(["chain"])
    found = homology_split(samples, method="clusters")
    hits = find_similar(samples.payload, None, Search())
    alike = hits[hits.at_least(0.3, 0.8)]

    def across(split):
        held = np.isin(split.part, (VALIDATION, TEST))
        return int((held[alike.query] & (split.part[alike.target] == TRAIN)).sum())

    monkeypatch.setattr(homology, "ROUNDS", 1)
    unchecked = homology_split(samples, method="clusters")
    assert unchecked.details["rounds"] == 1
    assert unchecked.details["remaining_pairs"] == across(unchecked) > 10
    assert f"{across(unchecked)} pairs as similar remain" in unchecked.reason
    monkeypatch.undo()
    assert found.details["rounds"] == 3
    assert found.details["joined_pairs"] > 10
    assert found.details["remaining_pairs"] == across(found) < 10
    assert "members of two clusters can be alike" in found.reason
    whole = homology_split(samples)
    assert divided(chain, whole.part) == 0
    assert whole.details["rounds"] == 1
    assert whole.details["units"] == 30
    assert found.details["units"] > 30


def test_identical_sequences_stay_together_however_short():
    texts = [f"{'MKV' * 2}{a}"[:k] for k in (3, 4) for a in "A"] * 2
    rng = np.random.default_rng(0)
    texts += [random_text(rng, 40) for _ in range(36)]
    samples = make_samples(Sequences.from_text(texts), labels=["a", "b"] * 20)
    for seed in range(4):
        found = homology_split(samples, seed=seed, engine="kmers")
        assert found.units[0] == found.units[2]
        assert found.units[1] == found.units[3]


@pytest.mark.parametrize("engine", ["mmseqs", "kmers"])
def test_a_reverse_complement_stays_with_its_sequence(engine):
    rng = np.random.default_rng(1)
    texts = [random_text(rng, 200, BASES) for _ in range(20)]
    texts += [reverse_complement(text) for text in texts]
    texts += [reverse_complement(mutated(text, 0.9, rng, BASES)) for text in texts[:20]]
    samples = make_samples(
        Sequences.from_text(texts, "dna"), labels=["a" if i % 2 else "b" for i in range(60)]
    )
    found = homology_split(samples, 0.8, engine=engine)
    assert divided(np.tile(np.arange(20), 3), found.part) == 0
    assert found.details["units"] == 20


def test_too_short_for_any_search_a_reverse_complement_stays_too():
    rng = np.random.default_rng(2)
    texts = [random_text(rng, 200, BASES) for _ in range(38)] + ["ACC", "GGT"]
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=["a", "b"] * 20)
    found = homology_split(samples, 0.8, engine="kmers")
    assert found.units[38] == found.units[39]


def test_without_mmseqs_a_split_below_half_identity_warns():
    samples = families([0.9] * 20)
    found = homology_split(samples, engine="kmers")
    assert found.details["warning"].startswith("WARNING: without MMseqs2")
    assert found.details["warning"] in found.reason
    assert found.details["engine"]["name"] == "k-mers"
    assert "warning" not in homology_split(samples, 0.5, engine="kmers").details


def test_a_family_larger_than_the_test_part_is_said():
    samples = families([0.9] * 4, members=20)
    with pytest.raises(InputError, match="20 of 80 samples are linked.*the test part may hold"):
        homology_split(samples, engine="kmers")
    with pytest.raises(InputError, match="method: clusters, or a group split"):
        homology_split(samples, engine="kmers")


def test_more_folds_than_families_is_said():
    samples = families([0.9] * 6, members=5)
    with pytest.raises(InputError, match="only 6 sets of similar sequences.*8 folds"):
        homology_split(samples, engine="kmers", folds=8)


def test_an_unknown_column_is_said_with_the_nearest():
    samples = families([0.9] * 10)
    with pytest.raises(InputError, match="'famly' is not a group column.*Did you mean 'family'"):
        homology_split(samples, keep_together="famly")


def test_only_sequences_can_be_searched():
    samples = families([0.9] * 10)
    matrix = replace(samples, payload=np.zeros((len(samples), 3)))
    with pytest.raises(InputError, match="needs sequences"):
        homology_split(matrix)


def test_settings_are_checked():
    for wrong in ({"identity": 0}, {"coverage": 1.2}, {"engine": "blast"}, {"method": "greedy"}):
        with pytest.raises(ValidationError):
            HomologySplit(**wrong)
    assert HomologySplit(keep_together="gene").keep_together == ("gene",)
    assert HomologySplit().document()["kind"] == "homology"


def test_every_stage_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path))
    said: list[str] = []
    samples = families([0.9] * 10)
    HomologySplit(engine="kmers").split(samples, said.append)
    assert said[0] == "Searching 30 sequences against each other (k-mers)."
    assert len(said) == 3
