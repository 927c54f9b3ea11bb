from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.samples.samples import make_samples
from cistron.splits.audit.audit import CELL_CHECKS, audit, audit_folds
from cistron.splits.audit.confounding import confounded_sentence
from cistron.splits.group import group_split
from cistron.splits.random import random_split
from cistron.splits.split import TEST, TRAIN, VALIDATION
from tests.cells_planted import GENES, names, planted, with_labels
from tests.splits.audit.test_audit import checks


def verdicts(document: dict) -> dict[str, str]:
    return {name: check["verdict"] for name, check in checks(document).items()}


def test_honest_cells_pass_and_only_checks_of_cells_run():
    samples = planted(40, 6)
    split = group_split(samples, "donor", folds="each")
    for document in (audit(samples, split), audit_folds(samples, split)):
        assert [c["name"] for c in document["checks"]] == [
            *(check.__name__ for check in CELL_CHECKS[:-1]),
            "class_balance",
        ]
        found = verdicts(document)
        assert "fail" not in found.values()
        assert found["confounded_groups"] == "pass"
        assert found["library_size_shortcut"] == "pass"
        assert found["technical_genes"] == "pass"


def test_each_group_is_a_fold_and_is_named():
    samples = planted(20, 5)
    split = group_split(samples, "donor", folds="each")
    assert split.folds == 5
    assert split.details["folds"] == [f"d{k}" for k in range(5)]
    for fold in range(5):
        part = split.for_fold(fold, samples.strata).part
        donors = samples.table["donor"].to_numpy()
        for one, other in ((TRAIN, TEST), (VALIDATION, TEST), (TRAIN, VALIDATION)):
            assert not set(donors[part == one]) & set(donors[part == other])
        assert {TRAIN, VALIDATION, TEST} == set(part.tolist())


@pytest.mark.parametrize("donors", [2, 3])
def test_few_groups_are_left_out_with_samples_that_stop_training(donors):
    samples = planted(20, donors)
    split = group_split(samples, "donor", folds="each", validate_on="samples")
    group = samples.table["donor"].to_numpy()
    assert not set(group[split.part == TEST]) & set(group[split.part != TEST])
    for fold in range(donors):
        part = split.for_fold(fold, samples.strata).part
        assert set(group[part == TEST]) == {f"d{fold}"}
        assert (part == VALIDATION).sum() == round(0.1 * (part != TEST).sum())


def test_two_groups_cannot_train_stop_and_test():
    with pytest.raises(InputError, match="only 2 groups .* training, validation and test"):
        group_split(planted(20, 2), "donor", folds="each")


def test_a_class_of_one_group_is_not_left_out():
    samples = planted(20, 4)
    labels = samples.table["label"].where(samples.table["donor"] != "d0", "resting").tolist()
    labels[:20] = ["rare"] * 20
    with pytest.raises(InputError, match="all samples of class 'rare' are of the group 'd0'"):
        group_split(with_labels(samples, labels), "donor", folds="each")


def test_a_label_that_a_group_determines_fails():
    samples = planted(20, 4)
    by_donor = np.where(samples.table["donor"].isin(["d0", "d1"]), "resting", "active").tolist()
    confounded = with_labels(samples, by_donor)
    split = group_split(confounded, "donor", folds=2, validate_on="samples", test=0.4)
    document = audit(confounded, split)
    assert document["verdict"] == "confounded"
    found = checks(document)["confounded_groups"]
    assert found["verdict"] == "fail"
    assert found["details"]["donor"]["groups"] == {"active": 2, "resting": 2}
    assert "determined by donor" in confounded_sentence(confounded)
    assert "number of groups" in confounded_sentence(confounded)


def test_one_group_a_class_is_said_to_be_hopeless():
    samples = planted(20, 2)
    confounded = with_labels(samples, samples.table["donor"].tolist())
    assert "A class has one group only" in confounded_sentence(confounded)
    assert audit(confounded, random_split(confounded))["verdict"] == "leak"


def test_libraries_of_donors_that_have_both_labels_are_no_confounding():
    samples = planted(20, 4)
    donor = samples.table["donor"]
    library = (donor + samples.table["label"]).tolist()
    nested = with_labels(
        samples, samples.table["label"].tolist(), donor=donor.tolist(), library=library
    )
    assert confounded_sentence(nested) == ""
    alone = with_labels(samples, samples.table["label"].tolist(), library=library)
    assert "determined by library" in confounded_sentence(alone)


def test_a_label_in_one_group_warns():
    samples = planted(20, 4)
    labels = samples.table["label"].tolist()
    labels[:20] = ["rare"] * 20
    found = checks(audit(with_labels(samples, labels), random_split(samples)))
    assert found["confounded_groups"]["verdict"] == "warn"
    assert "all cells of rare are of one donor" in found["confounded_groups"]["summary"].lower()


def test_single_cells_determine_nothing():
    samples = planted(20, 1)
    clones = [f"clone{k}" for k in range(len(samples))]
    assert (
        confounded_sentence(with_labels(samples, samples.table["label"].tolist(), clone=clones))
        == ""
    )


def test_cells_that_stand_twice_fail():
    samples = planted(20, 4)
    twice = samples.take(np.concatenate([np.arange(len(samples)), np.arange(6)]))
    twice.table["id"] = [f"c{k}" for k in range(len(twice))]
    split = random_split(twice)
    assert len(set(split.part[:6] - split.part[-6:])) == 1  # a random split keeps copies together
    part = split.part.copy()
    part[:6], part[-6:] = TRAIN, TEST

    found = checks(audit(twice, replace(split, part=part)))["exact_duplicates"]
    assert found["verdict"] == "fail"
    assert found["details"]["cells"] == 6
    assert "Gene by gene" in found["summary"]


def test_a_cell_that_was_counted_twice_is_told_from_a_barcode_met_by_chance():
    rng = np.random.default_rng(0)
    mean = rng.gamma(0.5, 4, GENES)
    kinds = rng.lognormal(0, 1, (60, GENES))
    first = rng.poisson(mean * kinds * 20)
    recounted = rng.binomial(first, 0.9)
    other = rng.poisson(mean * rng.lognormal(0, 1, (60, GENES)) * 20)
    codes = ["".join(rng.choice(list("ACGT"), 16)) for _ in range(60)]
    for second, verdict in ((recounted, "fail"), (other, "pass")):
        values = sparse.csr_matrix(np.concatenate([first, second]))
        samples = make_samples(
            Counts.of(values, names()),
            ids=[f"{run}:{code}-1" for run in "ab" for code in codes],
            labels=["x", "y"] * 60,
        )
        split = random_split(samples)

        part = np.repeat([TRAIN, TEST], 60).astype(np.int8)
        found = checks(audit(samples, replace(split, part=part)))["shared_barcodes"]
        assert found["verdict"] == verdict
        assert found["details"]["barcodes"] == 60


def test_depth_that_tells_the_label_warns():
    samples = planted(60, 6, effect=1.0)
    rng = np.random.default_rng(1)
    values = samples.payload.read().copy()
    keep = np.where(samples.targets == 1, 0.4, 1.0)
    values.data = rng.binomial(
        values.data.astype(int), np.repeat(keep, np.diff(values.indptr))
    ).astype(np.float32)
    thinned = make_samples(
        Counts.of(values, names()),
        labels=samples.table["label"].tolist(),
        groups={"donor": samples.table["donor"].tolist()},
    )
    found = verdicts(audit(thinned, group_split(thinned, "donor", folds=3)))
    assert found["library_size_shortcut"] == "warn"
    assert found["detected_genes_shortcut"] == "warn"


def test_a_batch_is_found_within_a_class_and_warned_of_where_it_is_tested_on():
    samples = planted(40, 4)
    values = samples.payload.read().toarray()
    second = samples.table["donor"].isin(["d1", "d3"]).to_numpy()
    values[np.ix_(second, np.arange(60, 90))] *= 3
    batched = make_samples(
        Counts.of(values, names()),
        labels=samples.table["label"].tolist(),
        groups={"study": np.where(second, "two", "one").tolist()},
    )
    mixed = checks(audit(batched, random_split(batched)))["batch_effect"]
    assert mixed["verdict"] == "warn"
    assert min(mixed["details"]["study"]["roc_auc"].values()) > 0.95
    apart = checks(
        audit(batched, group_split(batched, "study", folds="each", validate_on="samples"))
    )
    assert apart["batch_effect"]["verdict"] == "pass"


def test_technical_genes_among_those_that_differ_warn():
    samples = planted(40, 4)
    genes = [f"RPL{k + 1}" if k < 24 else f"GENE{k}" for k in range(GENES)]
    technical = make_samples(
        Counts.of(samples.payload.read(), genes),
        labels=samples.table["label"].tolist(),
        groups={"donor": samples.table["donor"].tolist()},
    )
    found = checks(audit(technical, group_split(technical, "donor", folds=2)))["technical_genes"]
    assert found["verdict"] == "warn"
    assert found["details"]["by_class"]["resting"]["kinds"] == {"ribosomal": 24}
    assert found["details"]["by_class"]["resting"]["share"] == 24 / 50
