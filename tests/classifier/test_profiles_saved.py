"""Networks of profiles that have no length of their own are saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest

import cistron
from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Profiles, make_samples

UNBOUNDED = ["multiloc_cnn_lstm", "multiloc_resnet"]


@pytest.mark.parametrize("kind", UNBOUNDED)
def test_a_network_without_a_length_of_its_own_is_loaded(kind, tmp_path):
    rng = np.random.default_rng(0)
    lengths = np.full(24, 32)
    rows = rng.dirichlet(np.ones(20), lengths.sum()).astype(np.float32)
    samples = make_samples(Profiles.of(rows, lengths), labels=["a", "b"] * 12)
    encoder = {"kind": "profile", "max_length": 32}
    training = {"epochs": 1, "batch_size": 8, "device": "cpu"}
    classifier = Classifier(encoder, kind, training).fit(samples)
    assert getattr(classifier.model_settings_, "length", None) is None
    again = cistron.load(classifier.save(tmp_path / "model"))
    assert again.predict(samples).equals(classifier.predict(samples))
