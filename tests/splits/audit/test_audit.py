from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.audit.audit import audit, audit_external, audit_folds, nearest_training
from cistron.splits.audit.check import verdict_sentence
from cistron.splits.audit.shortcuts import length_features
from cistron.splits.audit.telling import separability
from cistron.splits.homology import homology_split
from cistron.splits.random import random_split
from cistron.splits.split import TEST, TRAIN, UNUSED, VALIDATION, Split
from cistron.targets.one_class import OneClass
from tests.splits.families import (
    BASES,
    families,
    mutated,
    random_text,
    reverse_complement,
)

NAMES = [
    "exact_duplicates",
    "reverse_complements",
    "shared_groups",
    "similar_sequences",
    "nearest_homolog",
    "group_labels",
    "length_shortcut",
    "composition_shortcut",
    "dominant_groups",
    "class_balance",
]


def divided_as(part: list[int] | np.ndarray, fold: list[int] | None = None) -> Split:
    """Return a split with the given parts, every sample a unit of its own."""
    part = np.asarray(part, dtype=np.int8)
    folds = np.full(len(part), UNUSED) if fold is None else np.asarray(fold)
    return Split(part, folds.astype(np.int16), np.arange(len(part)), "made")


def made(
    texts: list[str], labels: list[str] | None = None, alphabet="protein", **groups
) -> Samples:
    labels = labels or ["a", "b"] * (len(texts) // 2)
    return make_samples(Sequences.from_text(texts, alphabet), labels=labels, groups=groups)


def unrelated(n: int, length: int = 60, seed: int = 0, letters=None) -> list[str]:
    rng = np.random.default_rng(seed)
    extra = {} if letters is None else {"letters": letters}
    return [random_text(rng, length, **extra) for _ in range(n)]


def checks(document: dict) -> dict[str, dict]:
    json.dumps(document, allow_nan=False)
    return {check["name"]: check for check in document["checks"]}


def check(document: dict, name: str) -> tuple[str, str, dict]:
    found = checks(document)[name]
    return found["verdict"], found["summary"], found["details"]


THIRDS = [TRAIN, TRAIN, VALIDATION, VALIDATION, TEST, TEST]


def test_unrelated_sequences_are_clean():
    samples = made(unrelated(120), place=[f"p{i // 4}" for i in range(120)])
    part = np.repeat([TRAIN, TRAIN, TRAIN, VALIDATION, TEST], 24)
    document = audit(samples, divided_as(part))
    assert document["verdict"] == "clean"
    assert [c["name"] for c in document["checks"]] == NAMES
    skipped = [c["name"] for c in document["checks"] if c["verdict"] == "skipped"]
    assert skipped == ["reverse_complements"]


def test_the_split_of_planted_families_is_clean_and_a_random_one_leaks():
    samples = families([0.4, 0.6, 0.9] * 20)
    split = homology_split(samples)
    document = audit(samples, split)
    assert document["verdict"] == "clean"
    assert audit_folds(samples, split)["verdict"] == "clean"
    leaking = random_split(samples)
    verdict, _, details = check(audit(samples, leaking), "similar_sequences")
    assert verdict == "warn"
    assert details["share_similar"] > 0.8
    assert details["engine"]["name"] == "MMseqs2"


def test_relatives_that_nobody_looked_for_are_not_called_clean():
    texts = [t for base in unrelated(40, 100) for t in (base, "WWW" + base[3:])]
    samples = made(texts, [label for label in "ab" * 20 for _ in range(2)])
    split = divided_as([TRAIN, TEST] * 40)
    document = audit(samples, split, homology=False)
    assert document["state"] == "not fully checked"
    assert document["not_checked"] == ["similar_sequences", "nearest_homolog"]
    skipped = {c["name"]: c["unchecked"] for c in document["checks"] if c["verdict"] == "skipped"}
    assert skipped["similar_sequences"]
    assert not skipped["reverse_complements"]  # proteins have none
    assert verdict_sentence(document).endswith(
        "not fully checked: similar sequences, nearest homolog"
    )
    searched = audit(samples, split)
    assert (searched["state"], searched["not_checked"]) == ("clean", [])
    assert check(searched, "nearest_homolog")[2]["accuracy_with_hit"] == 1


def test_exact_duplicates_and_their_numbers():
    texts = unrelated(12)
    texts[8:11] = [texts[0], texts[0], texts[4]]  # two test copies of one train, one of validation
    samples = made(texts, ["a"] * 6 + ["b"] * 6)
    split = divided_as(np.repeat(THIRDS, 2))
    document = audit(samples, split, homology=False)
    assert document["verdict"] == "leak"
    verdict, summary, details = check(document, "exact_duplicates")
    assert verdict == "fail"
    assert details["sequences"] == 2
    assert details["samples"] == 5
    assert details["share_of_tested"] == 0.75
    assert details["share_by_class"] == {"b": 0.75}
    assert details["conflicting_labels"] == 2
    assert details["examples"][0] == [
        ["sample_1", "train"],
        ["sample_9", "test"],
        ["sample_10", "test"],
    ]
    assert "2 sequences (75.0% of the test samples: 75.0% of b)" in summary
    assert "more than one label: 2 sequences" in summary


def test_copies_within_one_part_are_no_leak_but_two_labels_are_told():
    texts = unrelated(12)
    texts[1] = texts[0]
    document = audit(made(texts), divided_as(np.repeat(THIRDS, 2)), homology=False)
    verdict, _, details = check(document, "exact_duplicates")
    assert verdict == "warn"
    assert details["conflicting_labels"] == 1
    assert details["sequences"] == 0


def test_reverse_complements_in_two_parts():
    texts = unrelated(12, letters=BASES)
    texts[10] = reverse_complement(texts[1])
    texts[3] = reverse_complement(texts[2])  # both in train
    texts[11] = texts[0]  # a plain copy is another check's
    samples = made(texts, alphabet="dna")
    document = audit(samples, divided_as(np.repeat(THIRDS, 2)), homology=False)
    verdict, summary, details = check(document, "reverse_complements")
    assert verdict == "fail"
    assert details["samples"] == 2
    assert details["examples"] == [[["sample_2", "train"], ["sample_11", "test"]]]
    assert summary.startswith("With the reverse complement in another part: 2 sequences")


def test_groups_in_two_parts():
    gene = ["g0", "g1", "g2", "g2", "g0", "g3", "g4", "g7", "g1", "g5", "g6", "g6"]
    samples = made(unrelated(12), gene=gene, species=[f"s{i // 2}" for i in range(12)])
    document = audit(samples, divided_as(np.repeat(THIRDS, 2)), homology=False)
    verdict, summary, details = check(document, "shared_groups")
    assert verdict == "fail"
    assert details["gene"] == {"shared": 2, "of": 8, "samples": 4, "examples": ["g0", "g1"]}
    assert details["species"]["shared"] == 0
    assert summary == "In two parts: 2 of 8 values of gene (4 samples)."


def test_the_column_that_is_the_split_is_no_group():
    names = np.array(["train", "val", "test"], dtype=object)[np.repeat(THIRDS, 2)]
    samples = made(unrelated(12), part=list(names))
    # A validation part taken from what the column calls train divides no group.
    split = divided_as(np.r_[VALIDATION, np.repeat(THIRDS, 2)[1:]])
    verdict, _, _ = check(audit(samples, split, homology=False), "shared_groups")
    assert verdict == "skipped"
    folds = made(unrelated(12), fold=[f"f{i % 3}" for i in range(12)])
    split = divided_as(np.repeat(THIRDS, 2), [i % 3 for i in range(12)])
    assert check(audit_folds(folds, split, homology=False), "shared_groups")[0] == "skipped"


@pytest.mark.parametrize("engine", ["mmseqs", "kmers"])
def test_bins_of_the_nearest_training_sequence(engine):
    rng = np.random.default_rng(1)
    train = unrelated(20, 200)
    test = [mutated(train[0], x, rng) for x in (0.95, 0.8, 0.6)]
    test += [train[1], *unrelated(6, 200, seed=2)]
    samples = made([*train, *test])
    split = divided_as([TRAIN] * 20 + [TEST] * 10)
    document = audit(samples, split, engine=engine)
    verdict, summary, details = check(document, "similar_sequences")
    counts = {row["bin"]: row["n"] for row in details["bins"]}
    assert counts == {
        "no hit": 6,
        "below 30 %": 0,
        "30 to 40 %": 0,
        "40 to 50 %": 0,
        "50 to 70 %": 1,
        "70 to 90 %": 1,
        "90 to 100 %": 2,
    }
    assert sum(row["share"] for row in details["bins"]) == pytest.approx(1)
    assert details["share_with_hit"] == details["share_similar"] == 0.4
    assert verdict == "warn"
    limit = {"mmseqs": "30%", "kmers": "50%"}[engine]
    assert summary.startswith(
        f"40.0% of the 10 test sequences have a training sequence of at "
        f"least {limit} identity over 80% of both"
    )
    assert ("k-mer search" in summary) == (engine == "kmers")


def test_a_domain_in_a_longer_protein_is_a_relative_but_not_similar():
    rng = np.random.default_rng(3)
    domain = random_text(rng, 60)
    samples = made([domain + random_text(rng, 140), *unrelated(3, 200), domain, "MKV"])
    found = nearest_training(samples, divided_as(THIRDS), engine="kmers")
    assert found.tested.tolist() == [4, 5]
    assert found.row.tolist() == [0, -1]
    assert found.identity.tolist() == [1, 0]
    assert found.coverage.tolist() == [1, 0]
    assert found.bits[0] > 60
    assert found.closest[0] == 1
    assert np.isnan(found.closest[1])
    assert found.similar.tolist() == [False, False]


def test_each_figure_of_similarity_says_what_it_counts():
    rng = np.random.default_rng(3)
    domain = random_text(rng, 60)
    texts = [domain + random_text(rng, 140), *unrelated(3, 200), domain, "MKV"]
    samples = made(texts, labels=["a", "b"] * 3)
    found = audit(samples, divided_as(THIRDS), engine="kmers")
    said = {check["name"]: check["summary"] for check in found["checks"]}
    assert said["similar_sequences"].startswith(
        "0.0% of the 2 test sequences have a training sequence of at least 50% identity over 80% "
        "of both; 50.0% have a relative of any identity whose hit spans at least 50% of the test "
        "sequence."
    )


def test_copying_the_nearest_label_is_scored():
    rng = np.random.default_rng(4)
    train = unrelated(10, 120)
    labels = ["a", "b"] * 5
    test = [mutated(train[i], 0.8, rng) for i in range(6)] + unrelated(2, 120, seed=5)
    # Five of six copies are right; the two without a hit get the majority class a. Of eight
    # samples that is no proof.
    truth = ["a", "b", "a", "b", "a", "a", "a", "b"]
    samples = made([*train, *test, *unrelated(1, seed=9)], [*labels, *truth, "a"])
    split = divided_as([TRAIN] * 10 + [TEST] * 8 + [TRAIN])
    nearest = nearest_training(samples, split, engine="kmers")
    np.testing.assert_array_equal(nearest.row, [0, 1, 2, 3, 4, 5, -1, -1])
    document = audit(samples, split, nearest=nearest)
    verdict, summary, details = check(document, "nearest_homolog")
    assert details["share_with_hit"] == 0.75
    assert details["accuracy_with_hit"] == pytest.approx(5 / 6)
    assert details["accuracy"] == pytest.approx(6 / 8)
    assert details["balanced_accuracy"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert details["mcc"] == pytest.approx(7 / 15)
    assert verdict == "pass"
    assert "MCC 0.47" in summary


def test_a_nearest_homolog_that_knows_the_label_is_a_warning():
    rng = np.random.default_rng(4)
    train = unrelated(40, 120)
    test = [mutated(text, 0.8, rng) for text in train]
    samples = made([*train, *test])
    split = divided_as([TRAIN] * 40 + [TEST] * 40)
    verdict, _, details = check(audit(samples, split, engine="kmers"), "nearest_homolog")
    assert verdict == "warn"
    assert details["mcc"] == 1


def test_of_sets_and_numbers_the_nearest_homolog_knows_as_much():
    rng = np.random.default_rng(4)
    train = unrelated(40, 120)
    sequences = Sequences.from_text([*train, *(mutated(text, 0.8, rng) for text in train)])
    split = divided_as([TRAIN] * 40 + [TEST] * 40)
    sets = make_samples(sequences, labels=["a", "b", "a;b", "b"] * 20, separator=";")
    verdict, summary, details = check(audit(sets, split, engine="kmers"), "nearest_homolog")
    assert (verdict, details["macro_mcc"], details["exact_match"]) == ("warn", 1, 1)
    assert summary.startswith("Copying the classes of the most similar training sequence")
    numbers = make_samples(sequences, numbers=[*range(40)] * 2)
    verdict, summary, details = check(audit(numbers, split, engine="kmers"), "nearest_homolog")
    assert (verdict, details["mae"]) == ("warn", 0)
    assert details["pearson"] == pytest.approx(1)
    shuffled = make_samples(sequences, numbers=[*range(40), *rng.permutation(40)])
    details = check(audit(shuffled, split, engine="kmers"), "nearest_homolog")[2]
    assert abs(details["pearson"]) < 0.5


def test_a_new_kind_of_target_is_audited():
    @dataclass(frozen=True)
    class Graded(OneClass):
        kind = "graded"

    samples = made(unrelated(60), ["a", "b", "c"] * 20, place=[f"p{i // 4}" for i in range(60)])
    split = divided_as(np.repeat([TRAIN, TRAIN, TRAIN, VALIDATION, TEST], 12))
    graded = replace(samples, target=Graded("grade", samples.classes))
    assert audit(graded, split, engine="kmers") == audit(samples, split, engine="kmers")


def test_numbers_from_elsewhere_are_no_labels_of_sets():
    sequences = Sequences.from_text(unrelated(6))
    sets = make_samples(sequences, labels=["a", "b", "a;b"] * 2, separator=";")
    numbers = make_samples(sequences, numbers=np.arange(6.0))
    document = audit_external(sets, numbers, engine="kmers")
    assert check(document, "nearest_homolog")[0] == "skipped"
    assert check(document, "exact_duplicates")[2]["conflicting_labels"] == 0


def test_without_the_search_its_checks_are_skipped():
    document = audit(made(unrelated(12)), divided_as(np.repeat(THIRDS, 2)), homology=False)
    assert check(document, "similar_sequences")[0] == "skipped"
    assert check(document, "nearest_homolog")[0] == "skipped"


def test_a_label_that_is_a_property_of_the_group():
    labels = ["a", "a", "b", "b"] * 10
    group = [f"g{i // 2}" for i in range(40)]
    samples = made(unrelated(40), labels, gene=group)
    whole = divided_as(np.repeat([TRAIN, TRAIN, TRAIN, VALIDATION, TEST], 8))
    verdict, summary, details = check(audit(samples, whole, homology=False), "group_labels")
    assert verdict == "pass"  # whole groups are held out: the label is theirs, and that is no leak
    assert details["gene"] == {"groups": 20, "share_with_one_label": 1.0}
    assert "property of the gene" in summary
    assert "group split" not in summary
    mixed = divided_as([TRAIN, TEST] * 20)
    verdict, summary, _ = check(audit(samples, mixed, homology=False), "group_labels")
    assert verdict == "warn"
    assert summary.endswith("Use a group split by gene.")
    both = made(unrelated(40), ["a", "b"] * 20, gene=group)
    verdict, _, details = check(audit(both, whole, homology=False), "group_labels")
    assert verdict == "pass"
    assert details["gene"]["share_with_one_label"] == 0


def test_length_and_composition_that_tell_the_class():
    rng = np.random.default_rng(6)
    long = [random_text(rng, n) for n in rng.integers(80, 120, 100)]
    short = [random_text(rng, n) for n in rng.integers(30, 70, 100)]
    samples = made(long + short, ["a"] * 100 + ["b"] * 100)
    split = divided_as(np.tile([TRAIN, TRAIN, TRAIN, TEST], 50))
    document = audit(samples, split, homology=False)
    verdict, summary, details = check(document, "length_shortcut")
    assert verdict == "warn"
    assert details["roc_auc"] == 1
    assert details["balanced_accuracy"] == 1
    assert details["samples"] == 150
    assert "Length alone" in summary
    assert check(document, "composition_shortcut")[0] == "pass"
    rich = [random_text(rng, 60, np.array(list("LLLAKGE"))) for _ in range(100)]
    poor = [random_text(rng, 60) for _ in range(100)]
    samples = made(rich + poor, ["a"] * 100 + ["b"] * 100)
    document = audit(samples, split, homology=False)
    assert check(document, "length_shortcut")[0] == "pass"
    verdict, _, details = check(document, "composition_shortcut")
    assert verdict == "warn"
    assert details["roc_auc"] > 0.99


def test_shortcuts_are_judged_on_units_that_were_not_trained_on():
    # Within a unit length and label agree, between units they do not: what is learned of one
    # unit says nothing of another.
    rng = np.random.default_rng(7)
    units = np.repeat(np.arange(40), 10)
    lengths = np.repeat(rng.integers(30, 300, 40), 10)
    targets = np.repeat(rng.permutation(40) % 2, 10)
    sequences = Sequences.from_text(["A" * n for n in lengths])
    honest = separability(length_features(sequences), targets, units)
    assert 0.3 < honest["roc_auc"] < 0.7


def test_shortcuts_without_enough_samples_are_skipped():
    samples = made(unrelated(6), ["a", "b", "a", "a", "b", "a"])
    document = audit(samples, divided_as(THIRDS), homology=False)
    assert check(document, "length_shortcut")[0] == "skipped"


def test_a_group_that_makes_up_much_of_a_class():
    labels = ["a", "b"] * 40
    group = ["big" if i < 40 and i % 2 else f"g{i // 4}" for i in range(80)]
    samples = made(unrelated(80), labels, gene=group)
    split = divided_as(np.repeat([TRAIN, TRAIN, TRAIN, VALIDATION, TEST], 16))
    verdict, summary, details = check(audit(samples, split, homology=False), "dominant_groups")
    assert verdict == "warn"
    assert details["gene"]["b"] == 0.5
    assert summary == "The largest gene holds 50.0% of class b."
    assert details["unit of the split"] == {"a": 1 / 40, "b": 1 / 40}


def test_classes_missing_or_uneven():
    samples = made(unrelated(40), ["a", "b"] * 20)
    split = divided_as(np.repeat([TRAIN, TRAIN, TRAIN, VALIDATION, TEST], 8))
    assert check(audit(samples, split, homology=False), "class_balance")[0] == "pass"
    part = split.part.copy()
    part[24:32:2] = TRAIN  # no a in validation
    verdict, summary, _ = check(audit(samples, divided_as(part), homology=False), "class_balance")
    assert (verdict, summary) == ("warn", "No sample of class a is in validation.")
    part = split.part.copy()
    part[33::2] = TRAIN  # no b in test
    verdict, summary, _ = check(audit(samples, divided_as(part), homology=False), "class_balance")
    assert (verdict, summary) == ("fail", "No sample of class b is in test.")
    part = split.part.copy()
    part[[32, 34]] = TRAIN
    verdict, _, details = check(audit(samples, divided_as(part), homology=False), "class_balance")
    assert verdict == "warn"
    assert details["test"]["classes"] == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3)}
    assert details["test"]["deviation"] == pytest.approx(1 / 6)


def test_an_external_set_that_is_mostly_known():
    train = unrelated(40, 100)
    samples = made(train, ["neg"] * 20 + ["pos"] * 20)
    fresh = unrelated(12, 100, seed=8)
    external = made([*train[:19], fresh[0], *fresh[1:11]], ["neg"] * 20 + ["pos"] * 10)
    document = audit_external(samples, external, engine="kmers")
    assert [c["name"] for c in document["checks"]] == [*NAMES[:2], *NAMES[3:5]]
    assert document["verdict"] == "leak"
    verdict, summary, details = check(document, "exact_duplicates")
    assert verdict == "fail"
    assert details["share_by_class"] == {"neg": 0.95, "pos": 0.0}
    assert "95.0% of neg, 0.0% of pos" in summary
    assert details["examples"][0] == [["sample_1", "train"], ["sample_1", "external"]]
    assert check(document, "similar_sequences")[2]["similar"] == 19
    assert check(document, "nearest_homolog")[2]["accuracy_with_hit"] == 1


def test_an_external_set_without_labels_or_with_others():
    samples = made(unrelated(20, 100))
    unlabelled = make_samples(Sequences.from_text(unrelated(6, 100, seed=1)))
    document = audit_external(samples, unlabelled, engine="kmers")
    assert document["verdict"] == "clean"
    assert check(document, "nearest_homolog")[0] == "skipped"
    other = made(unrelated(6, 100, seed=1), ["x", "y"] * 3)
    verdict, summary, _ = check(audit_external(samples, other, engine="kmers"), "nearest_homolog")
    assert verdict == "skipped"
    assert "none of the training classes" in summary


def test_folds_see_copies_and_relatives_of_other_folds():
    rng = np.random.default_rng(10)
    texts = unrelated(30, 100)
    texts[1] = texts[0]  # both in fold 0
    texts[12] = texts[0]  # and one in fold 1
    texts[22] = mutated(texts[5], 0.8, rng)  # fold 2, of one in fold 0
    samples = made(texts, place=[f"p{i // 10}" for i in range(30)])
    fold = np.repeat([0, 1, 2], 10)
    document = audit_folds(samples, divided_as([TRAIN] * 30, fold), engine="kmers")
    _, _, details = check(document, "exact_duplicates")
    assert details["samples"] == 3
    assert ["sample_13", "fold 1"] in details["examples"][0]
    verdict, _, details = check(document, "similar_sequences")
    assert verdict == "warn"
    assert details["similar"] == 5  # rows 0, 1, 12, 5 and 22
    assert details["searched"] == 30
    within = audit_folds(samples, divided_as([TRAIN] * 30, [0] * 23 + [1] * 7), engine="kmers")
    assert check(within, "similar_sequences")[2]["similar"] == 0


def test_relatives_of_a_copy_in_another_fold_are_found():
    # A relative of a sequence whose first copy stands in the relative's own fold.
    rng = np.random.default_rng(11)
    texts = unrelated(20, 100)
    texts[12] = texts[0]
    texts[3] = mutated(texts[0], 0.8, rng)
    fold = np.repeat([0, 1], 10)
    split = divided_as([TRAIN] * 20, fold)
    details = check(audit_folds(made(texts), split, engine="kmers"), "similar_sequences")[2]
    assert details["similar"] == 3  # rows 0, 12 and 3


def test_samples_in_no_part_are_left_alone():
    texts = unrelated(20)
    texts[18] = texts[0]
    part = np.repeat([TRAIN, VALIDATION, TEST, UNUSED], 5)
    document = audit(made(texts), divided_as(part), engine="kmers")
    assert check(document, "exact_duplicates")[0] == "pass"
