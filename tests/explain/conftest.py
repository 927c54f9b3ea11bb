"""Classifiers that learned a planted motif, shared by the tests of explanations."""

from __future__ import annotations

import numpy as np
import pytest

from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Samples, Sequences, make_samples

MOTIF = "TGACGTCA"
PLACE = 20  # of the motif in each sample of the class `with`


def promoters(n: int, seed: int = 0, motif: str = MOTIF) -> Samples:
    """Return random DNA of several lengths, every second one with the motif."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(n):
        text = "".join(rng.choice(list("ACGT"), size=rng.integers(50, 60)))
        if row % 2:
            text = text[:PLACE] + motif + text[PLACE + len(motif) :]
        texts.append(text)
        labels.append(["without", "with"][row % 2])
    return make_samples(
        Sequences.from_text(texts, "dna"), labels=labels, classes=["without", "with"]
    )


@pytest.fixture(scope="session")
def promoter_samples() -> Samples:
    return promoters(8, seed=9)


@pytest.fixture(scope="session")
def cnn() -> Classifier:
    """A network of both strands that knows the motif."""
    model = {"kind": "cnn", "blocks": 1, "filters": 16, "kernel_size": 10, "dropout": 0.0}
    training = {"epochs": 6, "batch_size": 16, "learning_rate": 1e-2, "device": "cpu"}
    return Classifier("one_hot", model, training).fit(promoters(300))


@pytest.fixture(scope="session")
def linear() -> Classifier:
    return Classifier({"kind": "kmers", "k": 4}, "logistic_regression").fit(promoters(120))
