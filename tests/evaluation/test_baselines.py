from dataclasses import dataclass, replace

import numpy as np
import pytest

from cistron.base.errors import InputError
from cistron.evaluation.baselines import HOMOLOG, MAJORITY, RULES, score_baselines
from cistron.evaluation.settings import ONLY_DNA, USUAL_OF_DNA
from cistron.samples.samples import Sequences, make_samples
from cistron.targets.calls import call, choose_thresholds
from cistron.targets.class_metrics import scores
from cistron.targets.number_metrics import scores as number_scores
from cistron.targets.one_class import OneClass

LETTERS = {"protein": "ARNDCQEGHILKMFPSTWYV", "dna": "ACGT"}
OF_PROTEIN = [name for name in (MAJORITY, *RULES) if name not in ONLY_DNA]
ALL = ["majority", "length", "composition", "homolog"]


def made(n, signal, alphabet="protein", seed=0, classes=2):
    """Return random sequences whose class shows in the named property alone."""
    rng = np.random.default_rng(seed)
    letters = np.array(list(LETTERS[alphabet]))
    targets = rng.integers(0, classes, n)
    texts = []
    for target in targets:
        length = 60 + (40 * target if signal == "length" else 0) + rng.integers(0, 30)
        shares = np.ones(len(letters))
        if signal == "composition":
            shares[target] = 2.5
        if signal == "triplets" and target:
            whole = rng.choice(["ACG", "TTA", "GCT", "CGA"], size=length // 3)
            text = "".join(whole)
        else:
            text = "".join(rng.choice(letters, size=length, p=shares / shares.sum()))
        texts.append(text)
    labels = [f"c{target}" for target in targets]
    return make_samples(Sequences.from_text(texts, alphabet), labels=labels)


def scored(samples, train, test, *more, **others):
    """Score baselines where no sample is for validation."""
    return score_baselines(samples, (train, test[:0], test), *more, **others)


def run(samples, which=("majority", "length", "composition"), nearest=None, **more):
    train, test = np.split(np.arange(len(samples)), [2 * len(samples) // 3])
    found = scored(samples, train, test, which, nearest, **more)
    targets = samples.targets[test]
    return found, {name: scores(targets, p) for name, p in found.items()}


@pytest.mark.parametrize("signal", ["length", "composition"])
def test_planted_signal_is_found_by_its_baseline_alone(signal):
    _, found = run(made(600, signal))
    other = {"length": "composition", "composition": "length"}[signal]
    assert found[signal]["roc_auc"] > 0.85
    assert 0.38 < found[other]["roc_auc"] < 0.62
    assert (found["majority"]["roc_auc"], found["majority"]["mcc"]) == (0.5, 0)


def test_without_signal_all_are_chance():
    _, found = run(made(900, "none"))
    for name in OF_PROTEIN:
        assert 0.4 < found[name]["roc_auc"] < 0.6


def test_three_classes():
    predicted, found = run(made(600, "composition", classes=3))
    assert found["composition"]["macro_roc_auc"] > 0.8
    assert predicted["composition"].shape == (200, 3)


def test_dna_composition_reads_triplets():
    _, found = run(made(400, "triplets", "dna"))
    assert found["composition"]["roc_auc"] > 0.95


def planted(n, signal, seed=0):
    """Return promoters of 200 bases, and which of them carry the signal."""
    rng = np.random.default_rng(seed)
    carry = rng.random(n) < 0.5
    texts = []
    for own in carry:
        gc = rng.choice([0.3, 0.7]) if own and signal == "gc" else 0.5
        shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
        letters = rng.choice(list("ACGT"), size=200, p=shares)
        if own and signal == "word":
            for place in (20, 90, 160):
                letters[place : place + 6] = list(["GGATTC", "GAATCC"][rng.integers(2)])
        texts.append("".join(letters))
    return Sequences.from_text(texts, "dna"), carry


def test_a_planted_word_of_either_strand_is_found():
    sequences, carry = planted(600, "word")
    samples = make_samples(sequences, labels=np.where(carry, "up", "not").tolist())
    _, found = run(samples, USUAL_OF_DNA[:-1])
    assert found["kmers"]["roc_auc"] > 0.85
    assert found["kmers"]["roc_auc"] > found["composition"]["roc_auc"] + 0.05
    assert 0.38 < found["gc"]["roc_auc"] < 0.62


def test_gc_is_found_even_where_both_extremes_are_one_class():
    sequences, carry = planted(300, "gc")
    samples = make_samples(sequences, labels=np.where(carry, "up", "not").tolist())
    _, found = run(samples, ["gc", "length"])
    assert found["gc"]["roc_auc"] > 0.95
    assert found["length"]["roc_auc"] == 0.5  # all are 200 bases long


@pytest.mark.parametrize(("signal", "finds"), [("gc", "gc"), ("word", "kmers")])
def test_planted_signals_of_numbers_are_found(signal, finds):
    sequences, carry = planted(600, signal)
    numbers = carry + np.random.default_rng(9).normal(0, 0.2, 600)
    samples = make_samples(sequences, numbers=numbers)
    train, test = np.arange(400), np.arange(400, 600)
    found = scored(samples, train, test, USUAL_OF_DNA[:-1])
    assert list(found) == ["mean", "length", "gc", "composition", "kmers"]
    r2 = {name: number_scores(numbers[test], told)["r2"] for name, told in found.items()}
    assert r2[finds] > 0.4
    assert abs(r2["mean"]) < 0.1


@pytest.mark.parametrize("name", ONLY_DNA)
def test_baselines_of_dna_are_refused_for_proteins(name):
    samples = made(30, "none")
    message = f"'{name}' reads DNA, and these are protein sequences. Leave it out."
    with pytest.raises(InputError, match=message):
        run(samples, [name])
    texts = [samples.payload.text(row) for row in range(30)]
    numbers = make_samples(Sequences.from_text(texts), numbers=np.arange(30.0))
    with pytest.raises(InputError, match=message):
        scored(numbers, np.arange(20), np.arange(20, 30), [name])


def test_a_class_too_small_to_choose_a_penalty():
    sequences, _ = planted(20, "none")
    samples = make_samples(sequences, labels=["a"] * 14 + ["b"] + ["a", "c"] * 2 + ["a"])
    found = scored(samples, np.arange(15), np.arange(15, 20), ["kmers"])["kmers"]
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, 2] == 0).all()


def test_majority_is_the_training_frequencies():
    samples = make_samples(Sequences.from_text(["ACD"] * 5), labels=["a", "a", "a", "b", "b"])
    found = scored(samples, np.arange(4), np.array([4, 0]), ["majority"])["majority"]
    assert found.tolist() == [[0.75, 0.25]] * 2


def test_test_samples_do_not_touch_the_fit():
    samples = made(300, "composition")
    train = np.arange(150)
    whole = scored(samples, train, np.arange(150, 300), OF_PROTEIN)
    single = scored(samples, train, np.array([222]), OF_PROTEIN)
    for name in OF_PROTEIN:
        np.testing.assert_allclose(single[name][0], whole[name][72], rtol=1e-12)


def test_rows_are_probabilities():
    nearest = np.full(200, -1), np.full(200, np.nan)
    nearest[0][:50], nearest[1][:50] = 3, 0.4
    found, _ = run(made(600, "length", classes=3), ALL, nearest)
    assert list(found) == ALL
    for predicted in found.values():
        assert (predicted >= 0).all()
        np.testing.assert_allclose(predicted.sum(axis=1), 1)


def test_homolog_is_believed_as_far_as_it_is_identical():
    labels = ["a", "b", "b", "b", "a", "a"]
    samples = make_samples(Sequences.from_text(["ACD"] * 6), labels=labels)
    nearest = np.array([0, 0, 3, -1]), np.array([1.0, 0.5, 0.5, np.nan])
    test = np.array([4, 5, 4, 5])
    found = scored(samples, np.arange(4), test, [HOMOLOG], nearest)[HOMOLOG]
    expected = [[1, 0], [0.625, 0.375], [0.125, 0.875], [0.25, 0.75]]
    np.testing.assert_allclose(found, expected)


def test_homolog_without_a_search_is_left_out_and_said():
    notes = []
    found, _ = run(made(60, "none"), ALL, note=notes.append)
    assert list(found) == OF_PROTEIN
    assert len(notes) == 1
    assert "homolog" in notes[0]


def test_a_class_absent_from_training_has_probability_zero():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACDEF"), size=30)) for _ in range(40)]
    labels = ["a", "b"] * 19 + ["c", "c"]
    samples = make_samples(Sequences.from_text(texts), labels=labels)
    found = scored(samples, np.arange(38), np.array([38, 39]), OF_PROTEIN)
    for predicted in found.values():
        assert (predicted[:, 2] == 0).all()
    one = scored(samples, np.arange(0, 38, 2), np.array([38]), OF_PROTEIN)
    assert all(predicted.tolist() == [[1, 0, 0]] for predicted in one.values())


@dataclass(frozen=True)
class Graded(OneClass):
    """A kind of target that nobody else knows: the grade of a sample."""

    kind = "graded"
    usual_baseline = "usual grade"

    def prior(self, truth):
        """Believe in neighbouring grades a little."""
        return (super().prior(truth) + 1 / len(self.classes)) / 2


def test_a_new_kind_of_target_has_baselines():
    samples = made(90, "length", classes=3)
    graded = replace(samples, target=Graded("grade", samples.classes))
    nearest = np.array([2, *[-1] * 29]), np.full(30, 0.5)
    expected, _ = run(samples, ALL, nearest)
    found, _ = run(graded, ALL, nearest)
    assert list(found) == ["usual grade", *ALL[1:]]
    np.testing.assert_array_equal(found["length"], expected["length"])
    prior = (expected["majority"] + 1 / 3) / 2
    np.testing.assert_allclose(found["usual grade"], prior)
    np.testing.assert_allclose(found["homolog"][1:], prior[1:])
    certain = np.arange(3) == samples.targets[2]
    np.testing.assert_allclose(found["homolog"][0], (prior[0] + certain) / 2)


def test_sets_are_copied_and_regressions_get_thresholds_of_their_own():
    sequences = made(120, "length").payload
    long = sequences.lengths > np.median(sequences.lengths)
    labels = np.where(long, "a;b", "a").tolist()
    labels[0] = "c"
    samples = make_samples(sequences, labels=labels, separator=";")
    parts = tuple(np.split(np.arange(120), [60, 90]))
    nearest = np.array([0, 0, *[-1] * 28]), np.array([1.0, 0.25, *[np.nan] * 28])
    found = score_baselines(samples, parts, ["majority", "homolog", "length"], nearest)
    prior = samples.memberships[:60].mean(axis=0)
    np.testing.assert_allclose(found["majority"].probabilities, np.tile(prior, (30, 1)))
    copied = found["homolog"]
    assert copied.called[:2].tolist() == [[False, False, True]] * 2
    np.testing.assert_array_equal(copied.called[2:], found["majority"].called[2:])
    np.testing.assert_allclose(copied.probabilities[0], [0, 0, 1])
    np.testing.assert_allclose(copied.probabilities[1], 0.75 * prior + [0, 0, 0.25])
    train, validation, _ = parts
    known = scored(samples, train, validation, ["length"], thresholds="none")["length"]
    thresholds = choose_thresholds(samples.memberships[validation], known.probabilities, "f1")
    called = call(found["length"].probabilities, thresholds)
    np.testing.assert_array_equal(found["length"].called, called)
    assert (called[:, 1] == long[90:]).mean() > 0.9
    usual = score_baselines(samples, parts, ["length"], thresholds="none")["length"]
    assert (usual.called != called).any()
    np.testing.assert_array_equal(usual.called[:, :2], usual.probabilities[:, :2] >= 0.5)
    np.testing.assert_array_equal(usual.probabilities, found["length"].probabilities)
