"""Networks that learn nothing: noticed, begun again, resumed in the right attempt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cistron.base.errors import InputError
from cistron.base.progress import Silent
from cistron.classifier.classifier import Classifier
from cistron.targets.one_class import OneClass
from cistron.targets.several_classes import SeveralClasses
from cistron.training.examples import Examples
from cistron.training.restarts import loss_of_one_answer, train_until_learned
from cistron.training.settings import TrainingSettings

SETTINGS = TrainingSettings(
    epochs=30, batch_size=8, learning_rate=1.0, patience=30, clip=None, warmup=0, weight_decay=0
)


class Fragile(nn.Module):
    """A network whose hidden layer dies of steps that are too large."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.last = nn.Linear(2, 16), nn.Linear(16, 2)

    def forward(self, x, lengths=None):
        return self.last(torch.relu(self.hidden(x)))


class Listener(Silent):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)


def examples() -> Examples:
    rng = np.random.default_rng(0)
    targets = np.arange(80) % 2
    x = rng.normal(5, 1, size=(80, 2)) + 3 * targets[:, None] * np.array([1, -1])
    heads = (OneClass("class", ("a", "b")),)
    return Examples(x.astype(np.float32), targets, np.ones(80, np.float32), heads=heads)


def test_a_network_that_learns_nothing_begins_again_at_a_third():
    listener, network = Listener(), Fragile()
    stuck = train_until_learned(
        Fragile(), examples(), examples(), SETTINGS.model_copy(update={"restarts": 0})
    )
    assert min(entry["train_loss"] for entry in stuck) > 0.6, "else the test says nothing"
    history = train_until_learned(network, examples(), examples(), SETTINGS, reporter=listener)
    assert history[-1]["restart"] in (1, 2)
    assert [entry["epoch"] for entry in history] == list(range(1, len(history) + 1))
    for entry in history:
        if entry["epoch"] % 30 == 1:  # the cosine has hardly begun
            third = 1.0 / 3 ** entry.get("restart", 0)
            assert entry["learning_rate"] == pytest.approx(third, rel=0.01)
    assert any(
        "has learned nothing: its loss" in s and "rate of 0.33" in s for s in listener.sentences
    )
    logits = network(torch.from_numpy(examples().x))
    assert float((logits.argmax(1).numpy() == examples().targets).mean()) > 0.9


def test_what_cannot_be_learned_is_said_at_the_end():
    listener = Listener()
    data = examples()
    zero = Examples(np.zeros_like(data.x), data.targets, data.weights, heads=data.heads)
    settings = SETTINGS.model_copy(update={"learning_rate": 1e-3})
    history = train_until_learned(Fragile(), zero, zero, settings, reporter=listener)
    assert {entry.get("restart", 0) for entry in history} == {0, 1, 2}
    assert listener.sentences[-1].endswith("Other settings or another model may learn more.")


def test_few_steps_are_no_reason_to_begin_again():
    short = SETTINGS.model_copy(update={"epochs": 5})
    assert len(train_until_learned(Fragile(), examples(), examples(), short)) == 5


class Killed(Exception):
    pass


@pytest.mark.parametrize("stop_after", [7, 30, 41])
def test_an_interrupted_attempt_goes_on(tmp_path, stop_after):
    whole, resumed = Fragile(), Fragile()
    first = train_until_learned(whole, examples(), examples(), SETTINGS)

    def die(history):
        if len(history) == stop_after:
            raise Killed

    path = tmp_path / "c.safetensors"
    with pytest.raises(Killed):
        train_until_learned(
            Fragile(), examples(), examples(), SETTINGS, checkpoint=path, after_epoch=die
        )
    second = train_until_learned(resumed, examples(), examples(), SETTINGS, checkpoint=path)
    assert [{**e, "seconds": 0} for e in first] == [{**e, "seconds": 0} for e in second]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


def test_the_loss_of_one_answer_is_the_entropy_of_the_weighted_classes():
    targets = np.array([0, 0, 0, 1])
    data = Examples(
        np.zeros((4, 1), np.float32),
        targets,
        np.ones(4, np.float32),
        heads=(OneClass("class", ("a", "b")),),
    )
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert loss_of_one_answer(data, TrainingSettings()) == pytest.approx(entropy, abs=1e-5)
    balanced = Examples(data.x, targets, np.array([1, 1, 1, 3], np.float32), heads=data.heads)
    assert loss_of_one_answer(balanced, TrainingSettings()) == pytest.approx(np.log(2), abs=1e-5)
    several = np.array([[1, 0], [1, 1], [0, 1], [1, 1]], np.float32)
    shares = torch.tensor([0.75, 0.75])
    both = Examples(
        data.x, several, np.ones((4, 2), np.float32), heads=(SeveralClasses("class", ("a", "b")),)
    )
    expected = float(F.binary_cross_entropy(shares, shares))
    assert loss_of_one_answer(both, TrainingSettings()) == pytest.approx(expected, abs=1e-5)


def test_a_network_that_diverges_tries_smaller_steps_and_then_says_so(planted):
    training = {"epochs": 3, "batch_size": 1000, "learning_rate": 1e12, "warmup": 0}
    with pytest.raises(
        InputError, match=r"Lower training\.learning_rate \(it is 1e\+12, and at a 9th"
    ):
        Classifier("residues", {"kind": "cnn", "filters": 8}, training).fit(planted)
