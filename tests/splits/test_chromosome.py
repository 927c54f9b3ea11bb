from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cistron.experiment.file import make_experiment
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.audit.audit import audit, audit_folds
from cistron.splits.chromosome import ChromosomeSplit, chromosome_split
from cistron.splits.split import TEST, TRAIN, VALIDATION
from tests.samples.made import refused

SIZES = {"1": 40, "2": 30, "3": 50, "4": 8, "5": 32}


def made(sizes=SIZES, families: int = 0, seed: int = 0) -> Samples:
    """Genes on chromosomes; every so often two on different ones are a family."""
    rng = np.random.default_rng(seed)
    chromosome = [name for name, n in sizes.items() for _ in range(n)]
    n = len(chromosome)
    texts = ["".join(row) for row in rng.choice(list("ACGT"), (n, 30))]
    family = [f"f{k}" for k in range(n)]
    for k in range(families):
        family[(k * 37) % n] = f"f{k}"
    return make_samples(
        Sequences.from_text(texts, "dna"),
        ids=[f"g{k}" for k in range(n)],
        labels=[("low", "high")[k % 2] for k in range(n)],
        groups={"chromosome": chromosome, "family": family},
        classes=["low", "high"],
    )


def on(samples: Samples, rows) -> set[str]:
    return set(samples.table["chromosome"].to_numpy()[rows])


def test_chromosomes_by_name():
    samples = made()
    split = chromosome_split(samples, test=("5", "chr2"), validation=("3",))
    assert on(samples, split.rows(TEST)) == {"2", "5"}
    assert on(samples, split.rows(VALIDATION)) == {"3"}
    assert on(samples, split.rows(TRAIN)) == {"1", "4"}
    assert "chromosome" in split.reason


def test_leave_one_out_stops_on_a_third_of_good_size():
    samples = made()
    split = chromosome_split(samples)
    assert split.folds == 5
    assert on(samples, split.rows(TEST)) == {"5"}  # the median size
    for fold, name in enumerate("12345"):
        part = split.for_fold(fold, samples.targets)
        assert on(samples, part.rows(TEST)) == {name}
        validation = on(samples, part.rows(VALIDATION))
        assert len(validation) == 1
        assert validation.isdisjoint({name, "4"})  # eight genes say little
        assert on(samples, part.rows(TRAIN)) == set("12345") - {name} - validation
    assert split.details["validation"] == {"1": "2", "2": "3", "3": "5", "4": "5", "5": "1"}


def test_a_named_validation_chromosome_is_never_the_tested_one():
    samples = made()
    split = chromosome_split(samples, validation=("2",))
    for fold, name in enumerate("12345"):
        part = split.for_fold(fold, samples.targets)
        assert on(samples, part.rows(VALIDATION)) == ({"2"} if name != "2" else {"3"})


def test_a_share_of_the_training_samples():
    samples = made(families=30)
    split = chromosome_split(samples, validation=0.25, keep_apart=("family",))
    for part in (split, split.for_fold(2, samples.targets)):
        sizes = [len(part.rows(p)) for p in (TRAIN, VALIDATION)]
        assert sizes[1] == pytest.approx(0.25 * sum(sizes), abs=2)
        groups = samples.table["family"].to_numpy()
        assert not set(groups[part.rows(TRAIN)]) & set(groups[part.rows(VALIDATION)])
        assert not on(samples, part.rows(TEST)) & on(samples, part.rows(TRAIN))


def test_relatives_of_tested_samples_are_left_out():
    samples = made(families=60)
    family = samples.table["family"].to_numpy()
    plain = chromosome_split(samples)
    apart = chromosome_split(samples, keep_apart=("family",))
    shared = 0
    for fold in range(5):
        one, other = (s.for_fold(fold, samples.targets) for s in (plain, apart))
        tested = set(family[other.rows(TEST)])
        assert (one.rows(TEST) == other.rows(TEST)).all()
        for part in (TRAIN, VALIDATION):
            shared += len(tested & set(family[one.rows(part)]))
            assert not tested & set(family[other.rows(part)])
        assert not set(family[other.rows(TRAIN)]) & set(family[other.rows(VALIDATION)])
        out = np.setdiff1d(one.rows(TRAIN), other.rows(TRAIN))
        assert set(family[out]) <= tested  # nothing else is lost
    assert shared
    counts = list(apart.details["relatives_left_out"].values())
    assert max(counts) > 0
    assert f"{min(counts):,} to {max(counts):,} samples" in apart.reason


def test_the_audit_sees_relatives_and_that_they_are_kept_apart():
    samples = made(families=60)

    def verdicts(found):
        return {check["name"]: check["verdict"] for check in found["checks"]}

    for run in (audit, audit_folds):
        plain = run(samples, chromosome_split(samples), homology=False)
        apart = run(samples, chromosome_split(samples, keep_apart=("family",)), homology=False)
        assert verdicts(plain)["shared_groups"] == "fail"
        assert verdicts(apart)["shared_groups"] == "pass"


def test_training_and_validation_on_one_chromosome_is_no_leak():
    samples = made()
    found = audit(samples, chromosome_split(samples, validation=0.2), homology=False)
    check = next(c for c in found["checks"] if c["name"] == "shared_groups")
    assert check["verdict"] == "warn"
    assert "training and validation only" in check["summary"]


def test_similar_sequences_are_relatives_too():
    samples = made(dict.fromkeys("1234", 6))
    codes = np.random.default_rng(3).integers(0, 4, (24, 400)).astype(np.uint8)
    codes[20] = codes[3]
    codes[20, ::40] = (codes[20, ::40] + 1) % 4
    payload = Sequences(codes.ravel(), np.arange(25) * 400, samples.payload.alphabet)
    samples = Samples(samples.table, payload, samples.classes, samples.groups)
    split = chromosome_split(samples, similar={"identity": 0.9, "coverage": 0.8})
    part = split.for_fold(0, samples.targets)
    assert 3 in part.rows(TEST)
    assert 20 not in np.concatenate([part.rows(TRAIN), part.rows(VALIDATION)])
    assert split.details["relatives_left_out"] == {"1": 1, "2": 0, "3": 0, "4": 1}


def test_scaffolds_are_one_fold():
    samples = made({**SIZES, **{f"scaffold_{k}": 1 for k in range(9)}})
    split = chromosome_split(samples, pool_below=0.02)
    assert split.folds == 6
    assert split.details["folds"][-1] == "9 small ones"
    assert split.details["samples"]["9 small ones"] == 9


def test_a_chromosome_that_does_not_exist():
    samples = made()
    for keys in ({"test": ("6",)}, {"validation": ("6",)}):
        with refused("no chromosome '6'", "1, 2, 3, 4, 5"):
            chromosome_split(samples, **keys)
    with refused("'2' is named in test and in validation"):
        chromosome_split(samples, test=("2",), validation=("chr2",))
    with refused("'chromosom' is not a group column", "Did you mean 'chromosome'?"):
        chromosome_split(samples, column="chromosom")
    with refused("there are 2 chromosomes", "three are needed"):
        chromosome_split(made({"1": 20, "2": 20}))
    assert chromosome_split(made({"1": 20, "2": 20}), validation=0.2).folds == 2
    with refused("no sample is left for the train part"):
        chromosome_split(samples, test=tuple("1245"), validation=("3",))


def test_names_that_yaml_takes_for_numbers():
    assert ChromosomeSplit(test=[1, "X"]).test == ("1", "X")
    assert ChromosomeSplit(test=2).test == ("2",)
    assert ChromosomeSplit(validation=[3]).validation == ("3",)
    assert ChromosomeSplit(validation=0.1).validation == 0.1
    with pytest.raises(ValidationError, match="in brackets"):
        ChromosomeSplit(validation=3)


def test_columns_are_checked_before_anything_is_read():
    document = {
        "name": "x",
        "samples": {
            "kind": "genome",
            "genome": "g.fa",
            "annotation": "a.gtf",
            "numbers": {"table": "t.csv"},
        },
        "split": {"kind": "chromosome", "keep_apart": ["family"]},
        "encoder": {"kind": "kmers"},
        "model": {"kind": "logistic_regression"},
    }
    with refused("split.keep_apart: 'family' is not declared"):
        make_experiment(document)
    document["samples"] |= {"groups": {"family": {"table": "f.csv", "column": "f"}}}
    assert make_experiment(document).split.keep_apart == ("family",)
    document["samples"] = {"kind": "table", "path": "x.csv", "alphabet": "dna"}
    document["split"] = {"kind": "chromosome"}
    with refused("'chromosome' is not declared under samples.groups"):
        make_experiment(document)
