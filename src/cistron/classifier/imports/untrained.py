"""A classifier around a network whose weights come from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cistron.base.settings import Settings
from cistron.classifier.classifier import Classifier
from cistron.encoders.encoder import Encoder
from cistron.evaluation.novelty import Novelty
from cistron.models.families import NetworkSettings
from cistron.models.input import Network
from cistron.targets.one_class import OneClass
from cistron.training.settings import TrainingSettings


def untrained(
    encoder: Settings,
    fitted: Encoder,
    model: NetworkSettings,
    training: TrainingSettings,
    classes: Sequence[str],
    alphabet: str,
) -> Classifier:
    """Return a classifier that knows nothing of any samples; its weights are to be replaced."""
    classifier = Classifier(encoder, model, training, calibration="none")
    classifier.classes_ = np.array(classes, dtype=object)
    classifier.alphabet_, classifier.checksum_ = alphabet, None
    classifier.encoder_ = fitted
    classifier.model_settings_, classifier.training_ = model, training
    classifier.novelty_ = Novelty.unfitted(alphabet)
    classifier.heads_, classifier.history_ = (OneClass("class", tuple(classes)),), []
    with torch.random.fork_rng([]):
        classifier.model_ = Network(fitted.shape, model, len(classes)).eval()
    return classifier
