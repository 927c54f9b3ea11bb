"""A classifier that was read answers for one made sample, before it is trusted with others."""

from __future__ import annotations

from typing import cast

import numpy as np

from cistron.base.counts import Counts
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.encoders.cells.expression import Expression
from cistron.encoders.proteins.profile import ProfileSettings
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.samples import Profiles, Samples, Sequences, make_samples

LENGTH = 60  # of the made sequence


def try_out(classifier: Classifier) -> None:
    """Let a classifier answer for a made sample, where nothing large has to be computed.

    Arrays and estimators whose parts do not fit each other fail here, and not in the middle of a
    prediction.

    Raises
    ------
    InputError
        If its answer is not made of finite numbers.
    Exception
        Of any kind, where parts do not fit.
    """
    if getattr(classifier.encoder_.settings, "on_device", False):
        return  # a language model is not loaded for this
    sample = _made(classifier)
    training = classifier.training_
    classifier.training_ = training.model_copy(update={"device": "cpu"})
    table = classifier.predict(sample)
    classifier.training_ = training
    numbers = table.select_dtypes("number").to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise InputError("The classifier does not answer with finite numbers. It is not used.")


def _made(classifier: Classifier) -> Samples:
    encoder = classifier.encoder_
    if classifier.domain is CELLS:
        genes = cast("Expression", encoder).known.names["gene"]
        return make_samples(Counts.of(np.ones((1, len(genes))), genes.tolist()))
    alphabet = ALPHABETS[classifier.alphabet_]
    length = min(LENGTH, getattr(classifier.model_settings_, "length", None) or LENGTH)
    if isinstance(encoder.settings, ProfileSettings):
        profile = np.full((length, alphabet.standard), 1 / alphabet.standard, dtype=np.float32)
        return make_samples(Profiles.of(profile, np.array([length])))
    codes = np.arange(length, dtype=np.uint8) % alphabet.standard
    return make_samples(Sequences(codes.astype(np.uint8), np.array([0, length]), alphabet))
