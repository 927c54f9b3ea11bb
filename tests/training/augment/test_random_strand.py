"""One strand in training, both in prediction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.random import random_split
from cistron.splits.split import TEST

CNN = {"kind": "cnn", "filters": 32}
TRAINING = {"epochs": 25, "patience": 25, "batch_size": 16, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def planted() -> Samples:
    """240 sequences of DNA, half of which carry a word on a strand drawn at random."""
    rng = np.random.default_rng(0)
    texts = []
    for row in range(240):
        text = "".join(rng.choice(list("ACGT"), size=60))
        word = "TATCGCGA" if row % 4 < 2 else "TCGCGATA"
        texts.append(text[:20] + word + text[28:] if row % 2 else text)
    return make_samples(
        Sequences.from_text(texts, "dna"),
        labels=["with" if row % 2 else "without" for row in range(240)],
    )


def fitted(samples: Samples, **more) -> Classifier:
    encoder = {"kind": "one_hot", "both_strands": True}
    split = random_split(samples, folds=2)
    return Classifier(encoder, CNN, TRAINING, **more).fit(samples, split)


def test_what_is_on_either_strand_is_learned(planted):
    classifier = fitted(planted, augment=["random_strand"])
    test = planted.take(random_split(planted, folds=2).rows(TEST))
    assert classifier.score(test) > 0.85
    assert not torch.equal(
        next(classifier.model_.parameters()), next(fitted(planted).model_.parameters())
    )


def test_both_strands_are_read_in_prediction(planted):
    classifier = fitted(planted, augment=["random_strand"])
    other = {"A": "T", "C": "G", "G": "C", "T": "A"}
    read = [planted.sequences.text(row) for row in range(len(planted))]
    texts = ["".join(other[b] for b in reversed(t)) for t in read]
    turned = make_samples(Sequences.from_text(texts, "dna"))
    np.testing.assert_allclose(classifier.logits(planted), classifier.logits(turned), atol=1e-5)


def test_one_strand_cannot_be_drawn_of_one(planted):
    one = {"kind": "one_hot", "both_strands": False}
    with pytest.raises(InputError, match=r"Set encoder\.both_strands to true"):
        Classifier(one, CNN, augment=["random_strand"]).fit(planted)
