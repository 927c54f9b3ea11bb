from __future__ import annotations

import numpy as np
import pytest

from cistron.classifier.classifier import Classifier
from cistron.samples.genome.expression_labels import MIDDLE, PercentileLabels
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.chromosome import chromosome_split
from cistron.splits.settle import settle, settle_fold, settle_folds
from cistron.splits.split import TEST, TRAIN, VALIDATION

RULE = PercentileLabels()


def made(n: int = 400, rule: PercentileLabels | None = RULE, seed: int = 0) -> Samples:
    """Genes rich in C where their number is high, on five chromosomes of different levels."""
    rng = np.random.default_rng(seed)
    chromosome = np.array([str(1 + k * 5 // n) for k in range(n)])
    number = rng.normal(size=n) + 0.3 * chromosome.astype(int)
    rich = np.where(number[:, None] > 1, [1, 2, 1, 1], [1, 1, 1, 1])
    shares = rich / rich.sum(axis=1, keepdims=True)
    texts = ["".join(rng.choice(list("ACGT"), 40, p=share)) for share in shares]
    samples = make_samples(
        Sequences.from_text(texts, "dna"),
        ids=[f"g{k}" for k in range(n)],
        groups={"chromosome": chromosome.tolist()},
        classes=["low", "high"],
    )
    samples.table["number"] = number
    found = PercentileLabels().assign(samples.table, np.ones(n, bool))
    samples.table["label"] = found.label
    return Samples(samples.table, samples.payload, ("low", "high"), samples.groups, rule=rule)


def test_labels_come_from_training_genes():
    samples = made()
    split = chromosome_split(samples, test=("5",), validation=("4",))
    settled, after = settle(samples, split)
    train = samples.table["number"].to_numpy()[split.rows(TRAIN)]
    low, high = np.percentile(train, [25, 75])
    number, label = settled.table["number"].to_numpy(), settled.table["label"].to_numpy()
    assert ((number <= low) | (number >= high)).all()
    assert (label == np.where(number <= low, "low", "high")).all()
    assert len(settled) + len(settled.dropped) == len(samples)
    assert set(settled.dropped["reason"]) == {MIDDLE}
    assert set(settled.dropped["id"]) | set(settled.ids) == set(samples.ids)
    for part in (TRAIN, VALIDATION, TEST):
        same = np.isin(samples.ids[split.rows(part)], settled.ids)
        assert (settled.ids[after.rows(part)] == samples.ids[split.rows(part)][same]).all()
    assert settled.rule is None
    assert "percentile of" in settled.notes[-1]
    assert after.details["balance"]["train"]["samples"] == len(after.rows(TRAIN))


def test_samples_with_labels_pass_unchanged():
    samples = made(rule=None)
    split = chromosome_split(samples)
    assert settle(samples, split) == (samples, split)
    assert settle_folds(samples, split) == (samples, split)


def test_each_fold_has_its_own_thresholds_and_tests_by_them():
    samples = made()
    split = chromosome_split(samples)
    tested, dealt = settle_folds(samples, split)
    labels = tested.table.set_index("id")["label"]
    seen: list[str] = []
    for fold in range(split.folds):
        settled, part = settle_fold(samples, split, fold)
        rows = part.rows(TEST)
        assert (
            labels[settled.ids[rows]].to_numpy() == settled.table["label"].to_numpy()[rows]
        ).all()
        assert set(settled.ids[rows]) == set(tested.ids[dealt.fold == fold])
        seen += settled.ids[rows].tolist()
    assert sorted(seen) == sorted(tested.ids)
    assert sum("Each fold has thresholds" in note for note in tested.notes) == 2


def test_tested_genes_change_no_training_label():
    samples = made()
    split = chromosome_split(samples, test=("5",))
    moved = samples.table.copy()
    moved.loc[split.part == TEST, "number"] *= -3
    other = Samples(moved, samples.payload, samples.classes, samples.groups, rule=samples.rule)
    first, part = settle(samples, split)
    second, _ = settle(other, split)
    train = first.ids[part.rows(TRAIN)]
    one, two = (s.table.set_index("id")["label"] for s in (first, second))
    assert (one[train] == two[train]).all()


def test_a_classifier_settles_by_itself():
    samples = made()
    split = chromosome_split(samples, test=("5",))
    classifier = Classifier("composition", "logistic_regression").fit(samples, split)
    settled, after = settle(samples, split)
    assert list(classifier.classes_) == ["low", "high"]
    assert classifier.score(settled.take(after.rows(TEST))) > 0.5


@pytest.mark.parametrize("rows", [[0, 5, 9], []])
def test_taking_rows_of_a_split(rows):
    split = chromosome_split(made(), keep_apart=("chromosome",))
    taken = split.take(np.array(rows, dtype=np.int64))
    assert taken.fold.tolist() == split.fold[rows].tolist()
    assert taken.apart.tolist() == split.apart[rows].tolist()
