"""Averaged weights: the values, what is judged and kept, and resumed training."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cistron.classifier.classifier import Classifier
from cistron.splits.random import random_split
from cistron.splits.split import VALIDATION
from cistron.training.averaged import AveragedWeights

SMALL = {"kind": "cnn", "filters": 16}
TRAINING = {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3, "patience": 3, "ema": 0.9}


class Killed(Exception):
    pass


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2)
    layers[2].bias.requires_grad = False
    return torch.nn.Sequential(*layers)


def moved(net: torch.nn.Module, each) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(30):
        net(
            torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        ).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        each()


def test_the_average_by_hand():
    net = network()
    average, seen = AveragedWeights(net, 0.8), []
    expected = net[0].weight.detach().clone()

    def each():
        average.update()
        seen.append(net[0].weight.detach().clone())

    moved(net, each)
    for step, weight in enumerate(seen, start=1):
        decay = min(0.8, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    with average.applied():
        torch.testing.assert_close(net[0].weight.detach(), expected)
    assert torch.equal(net[0].weight, seen[-1])


def test_the_average_is_that_of_torch_where_the_decay_is_constant():
    net = network()
    average = AveragedWeights(net, 0.8)
    average.steps = 10**6  # past the warm-up of the decay
    theirs = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.8), use_buffers=True)
    theirs.update_parameters(net)  # its first update copies

    def each():
        average.update()
        theirs.update_parameters(net)

    moved(net, each)
    with average.applied():
        ours = copy.deepcopy(net.state_dict())
    for name, value in theirs.module.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(ours[name], value, msg=name)
    assert torch.equal(ours["2.bias"], net.state_dict()["2.bias"])


def test_what_is_kept_is_the_average_and_what_was_validated(planted):
    split = random_split(planted, folds=2)
    training = {**TRAINING, "keep": "last", "label_smoothing": 0.1}
    classifier = Classifier("residues", SMALL, training).fit(planted, split)
    plain = Classifier("residues", SMALL, {**training, "ema": None}).fit(planted, split)
    valid = planted.take(split.rows(VALIDATION))
    for fitted in (classifier, plain):
        logits = torch.from_numpy(fitted.logits(valid))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(valid.targets))
        assert float(loss) == pytest.approx(fitted.history_[-1]["validation_loss"], rel=1e-4)
    # The steps are the same: what is averaged does not change them.
    losses = [[e["train_loss"] for e in fitted.history_] for fitted in (classifier, plain)]
    assert losses[0] == losses[1]
    pairs = zip(classifier.model_.parameters(), plain.model_.parameters(), strict=True)
    assert not any(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("stop_after", [1, 2])
def test_resumed_training_ends_at_the_same_average(planted, tmp_path, stop_after):
    split = random_split(planted, folds=2)
    whole = Classifier("residues", SMALL, TRAINING).fit(planted, split)

    def die(history):
        if len(history) == stop_after:
            raise Killed

    path = tmp_path / "c.safetensors"
    with pytest.raises(Killed):
        Classifier("residues", SMALL, TRAINING).fit(
            planted, split, checkpoint=path, after_epoch=die
        )
    resumed = Classifier("residues", SMALL, TRAINING).fit(planted, split, checkpoint=path)
    for name, value in whole.model_.state_dict().items():
        assert torch.equal(value, resumed.model_.state_dict()[name]), name
    np.testing.assert_array_equal(
        [e["validation_loss"] for e in resumed.history_],
        [e["validation_loss"] for e in whole.history_],
    )
