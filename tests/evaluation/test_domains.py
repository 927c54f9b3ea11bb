import numpy as np
import pytest

from cistron.base.domains import DOMAINS, PROFILES
from cistron.encoders.cells.expression import ExpressionSettings
from cistron.encoders.composition import CompositionSettings
from cistron.evaluation.domains import JUDGED, describe_training, predict_baselines
from cistron.evaluation.novelty import restore_novelty
from cistron.evaluation.settings import EvaluationSettings
from cistron.samples.samples import Profiles, Sequences, make_samples
from cistron.splits.audit.audit import CHECKS
from cistron.targets.calls import Calls
from tests.cells_planted import planted
from tests.evaluation.test_baselines import made

EVERY = {domain.name for domain in (*DOMAINS.values(), PROFILES)}


def test_every_domain_is_audited_and_judged():
    assert set(CHECKS) == EVERY
    assert set(JUDGED) == EVERY


def test_a_payload_says_what_it_is():
    residues = np.full((4, 20), 0.05, np.float32)
    payloads = {
        "proteins": Sequences.from_text(["ACD"]),
        "dna": Sequences.from_text(["ACG"], "dna"),
        "profiles": Profiles.of(residues, np.array([4])),
        "cells": planted(4, 2).payload,
    }
    for name, payload in payloads.items():
        assert payload.domain.name == name
        assert DOMAINS[payload.content].content == payload.domain.content
        assert payload.domain.lengths == hasattr(payload, "lengths")


def parts_of(n):
    return tuple(np.split(np.arange(n), [n // 2, 3 * n // 4]))


@pytest.mark.parametrize("alphabet", ["protein", "dna"])
def test_all_baselines_of_sequences_are_scored_on_the_test_part(alphabet):
    samples = made(60, "length", alphabet)
    parts, encoder = parts_of(60), CompositionSettings()
    names = JUDGED[samples.payload.domain.name].baselines
    settings = EvaluationSettings(baselines=names)
    nearest = np.zeros(15, dtype=np.int64), np.ones(15)
    found = predict_baselines(samples, parts, settings, encoder, nearest)
    assert list(found) == list(names)
    assert {np.shape(predicted) for predicted in found.values()} == {(15, 2)}


def test_numbers_and_sets_of_sequences_have_baselines_of_their_own():
    payload, encoder = made(60, "length").payload, CompositionSettings()
    settings = EvaluationSettings(baselines=("majority", "length"))
    numbers = make_samples(payload, numbers=payload.lengths.astype(float))
    found = predict_baselines(numbers, parts_of(60), settings, encoder)
    assert list(found) == ["mean", "length"]
    assert found["length"].shape == (15,)
    sets = make_samples(payload, labels=["a", "b", "a;b"] * 20, separator=";")
    found = predict_baselines(sets, parts_of(60), settings, encoder)
    assert all(isinstance(predicted, Calls) for predicted in found.values())


def test_cells_have_baselines_and_novelty_of_their_own():
    samples = planted(20, 4)
    encoder = ExpressionSettings(genes={"kind": "all"})
    parts = parts_of(len(samples))
    settings = EvaluationSettings(baselines=JUDGED["cells"].baselines)
    found = predict_baselines(samples, parts, settings, encoder)
    assert list(found) == ["majority", "depth", "genes"]
    train, validation = (samples.take(rows) for rows in parts[:2])
    novelty = describe_training(train, validation, encoder.fit(train))
    document, arrays = novelty.state()
    assert document["kind"] == "cells"
    assert type(restore_novelty(document, arrays)) is type(novelty)


def test_sequences_are_described_by_their_letters():
    samples = made(60, "length")
    novelty = describe_training(samples, samples, CompositionSettings().fit(samples))
    document, arrays = novelty.state()
    assert document["alphabet"] == "protein"
    assert type(restore_novelty(document, arrays)) is type(novelty)
