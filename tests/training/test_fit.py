from __future__ import annotations

import numpy as np
import pytest
import torch

from cistron.base.device import choose_device
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.splits.random import random_split
from cistron.splits.split import TEST, TRAIN, VALIDATION
from cistron.targets.one_class import OneClass
from cistron.training.class_weights import class_weights
from cistron.training.losses import losses
from cistron.training.schedules import learning_rate
from cistron.training.settings import TrainingSettings

SMALL = {"kind": "cnn", "filters": 16}
TRAINING = {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3, "patience": 3}


class Killed(Exception):
    pass


def weights(classifier: Classifier) -> dict[str, torch.Tensor]:
    return classifier.model_.state_dict()


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def fitted(samples, split, **more) -> Classifier:
    return Classifier("residues", SMALL, TRAINING).fit(samples, split, **more)


def test_the_planted_motif_is_learned(planted):
    split = random_split(planted, folds=2)
    training = {**TRAINING, "epochs": 30, "patience": 30}
    classifier = Classifier("residues", {"kind": "cnn", "filters": 32}, training)
    classifier.fit(planted, split)
    assert classifier.score(planted.take(split.rows(TEST))) > 0.85


def test_the_same_seed_gives_the_same_weights(planted):
    split = random_split(planted, folds=2)
    first, second = fitted(planted, split), fitted(planted, split)
    assert same(weights(first), weights(second))
    other = Classifier("residues", SMALL, {**TRAINING, "seed": 2}).fit(planted, split)
    assert not same(weights(first), weights(other))


def test_training_leaves_the_global_random_state_alone(planted):
    before = torch.random.get_rng_state()
    fitted(planted, random_split(planted, folds=2))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("stop_after", [1, 2])
def test_resumed_training_ends_at_the_same_weights(planted, tmp_path, stop_after):
    split = random_split(planted, folds=2)
    whole = fitted(planted, split)

    def die(history):
        if len(history) == stop_after:
            raise Killed

    with pytest.raises(Killed):
        fitted(planted, split, checkpoint=tmp_path / "c.safetensors", after_epoch=die)
    told = []
    resumed = fitted(
        planted,
        split,
        checkpoint=tmp_path / "c.safetensors",
        after_epoch=lambda h: told.append(len(h)),
    )
    assert told == list(range(stop_after, 4)), "of the epoch that was the last too"
    assert same(weights(whole), weights(resumed))
    assert [e["validation_loss"] for e in resumed.history_] == [
        e["validation_loss"] for e in whole.history_
    ]


def test_a_damaged_checkpoint_means_starting_again(planted, tmp_path):
    split = random_split(planted, folds=2)
    path = tmp_path / "c.safetensors"
    path.write_bytes(b"cut short")
    assert same(weights(fitted(planted, split)), weights(fitted(planted, split, checkpoint=path)))


def test_the_best_epoch_is_kept(planted):
    split = random_split(planted, folds=2)
    seen = []

    def remember(history):
        seen.append(history[-1]["validation_loss"])

    training = {**TRAINING, "epochs": 12, "learning_rate": 0.05, "patience": 4}
    classifier = Classifier("residues", SMALL, training).fit(planted, split, after_epoch=remember)
    best = int(np.argmin(seen))
    short = {**training, "schedule": "constant", "warmup": 0.0}
    again = Classifier("residues", SMALL, {**short, "epochs": 12}).fit(planted, split)
    losses = [e["validation_loss"] for e in again.history_]
    stopped = Classifier("residues", SMALL, {**short, "epochs": int(np.argmin(losses)) + 1})
    assert same(weights(again), weights(stopped.fit(planted, split)))
    assert len(classifier.history_) <= best + 1 + 4


def test_the_epoch_that_is_best_by_the_monitored_metric_is_kept(planted):
    split = random_split(planted, folds=2)
    training = {**TRAINING, "epochs": 8, "learning_rate": 0.05, "patience": 8}
    classifier = Classifier("residues", SMALL, {**training, "monitor": "accuracy"})
    classifier.fit(planted, split)
    history = classifier.history_
    accuracies = [epoch["validation_accuracy"] for epoch in history]
    assert classifier.score(planted.take(split.rows(VALIDATION))) == max(accuracies)
    losses = [epoch["validation_loss"] for epoch in history]
    assert np.argmin(losses) != np.argmax(accuracies), "else the test says nothing"


def test_test_samples_do_not_influence_training(planted):
    split = random_split(planted, folds=2)
    table = planted.table.copy()
    rows = split.rows(TEST)
    table.loc[rows, "label"] = table.loc[rows, "label"].to_numpy()[::-1]
    changed = type(planted)(table, planted.payload, planted.classes, planted.groups)
    first, second = fitted(planted, split), fitted(changed, split)
    assert same(weights(first), weights(second))
    assert first.temperature_ == second.temperature_


def test_a_diverging_loss_is_said(planted):
    table = planted.table.assign(weight=np.inf)
    samples = type(planted)(table, planted.payload, planted.classes, planted.groups)
    with pytest.raises(InputError, match=r"loss is not a number in epoch 1\. Lower"):
        fitted(samples, random_split(planted, folds=2))


def test_a_network_that_diverges_on_the_validation_side_is_said(planted):
    training = {**TRAINING, "learning_rate": 1e12, "batch_size": 1000}
    with pytest.raises(InputError, match=r"validation samples are not numbers in epoch 1\. Lower"):
        Classifier("residues", SMALL, {**training, "warmup": 0}).fit(planted)


def test_schedules():
    cosine = TrainingSettings(epochs=10, warmup=0.1, learning_rate=1.0)
    assert learning_rate(cosine, 0, []) < 0.05
    assert learning_rate(cosine, 1, []) == pytest.approx(0.5 * (1 + np.cos(np.pi / 10)))
    assert learning_rate(cosine, 10, []) == pytest.approx(0)
    plateau = TrainingSettings(
        epochs=10, warmup=0, learning_rate=1.0, schedule="plateau", patience=4
    )
    history = [{"validation_loss": x} for x in (1.0, 0.9, 0.95, 0.95, 0.95, 0.95)]
    assert learning_rate(plateau, 2, history[:2]) == 1.0
    assert learning_rate(plateau, 4, history[:4]) == 0.5
    assert learning_rate(plateau, 6, history) == 0.25
    later = plateau.model_copy(update={"halve_after": 3})
    assert learning_rate(later, 4, history[:4]) == 1.0
    assert learning_rate(later, 5, history[:5]) == 0.5


@pytest.mark.parametrize("warmup", [0.05, 0.3])
def test_one_cycle_is_that_of_torch(warmup):
    settings = TrainingSettings(epochs=10, warmup=warmup, learning_rate=0.2, schedule="one_cycle")
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.2, epochs=10, steps_per_epoch=1000, pct_start=warmup
    )
    for step in range(9999):
        ours = learning_rate(settings, step / 1000, [])
        assert ours == pytest.approx(theirs.get_last_lr()[0], abs=5e-4), step
        optimizer.step()
        theirs.step()
    assert learning_rate(settings, 10, []) == pytest.approx(0.2 * 1e-4 / 25)


def test_a_budget_of_steps_bounds_the_epochs_and_the_schedule(planted):
    split = random_split(planted, folds=2)
    keys = {**TRAINING, "epochs": 50, "patience": 50}
    steps = -(-len(split.rows(TRAIN)) // 16)
    bounded = Classifier("residues", SMALL, {**keys, "steps": 2 * steps + 1}).fit(planted, split)
    three = Classifier("residues", SMALL, {**keys, "epochs": 3}).fit(planted, split)
    assert same(weights(bounded), weights(three))
    assert len(bounded.history_) == 3


def test_label_smoothing_is_that_of_torch():
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 1, 2, 1, 0])
    ours = losses(logits, targets, "huber", smoothing=0.2)
    softened = 0.8 * torch.eye(3)[targets] + 0.2 / 3
    torch.testing.assert_close(ours, -(softened * logits.log_softmax(1)).sum(1))
    several = torch.tensor([[1.0, 0.0, 1.0]] * 5)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.tensor([[0.9, 0.1, 0.9]] * 5), reduction="none"
    )
    torch.testing.assert_close(losses(logits, several, "huber", smoothing=0.2), theirs)


def test_plateau_by_hand():
    """Factor .1 after two epochs, floor 0.02; a gain of .005 is none where .01 is the least."""
    keys = {"schedule": "plateau", "halve_after": 2, "plateau_factor": 0.1, "plateau_floor": 0.02}
    plateau = TrainingSettings(epochs=20, warmup=0, learning_rate=1.0, plateau_least=0.01, **keys)
    losses = (1.0, 0.995, 0.995, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
    history = [{"validation_loss": loss} for loss in losses]
    rates = [learning_rate(plateau, n, history[:n]) for n in range(10)]
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.02, 0.02, 0.02, 0.02])
    any_gain = plateau.model_copy(update={"plateau_least": 0.0})
    assert learning_rate(any_gain, 3, history[:3]) == 1.0


def test_the_last_epoch_is_kept_where_that_is_asked(planted):
    split = random_split(planted, folds=2)
    keys = {**TRAINING, "learning_rate": 0.1, "schedule": "constant", "warmup": 0, "patience": 1}
    best, last = (
        Classifier("residues", SMALL, {**keys, "epochs": 8, "keep": keep}).fit(planted, split)
        for keep in ("best", "last")
    )
    losses = [entry["validation_loss"] for entry in last.history_]
    assert len(best.history_) < len(losses) == 8
    assert np.argmin(losses) < 7
    valid = planted.take(split.rows(VALIDATION))
    scored = last.logits(valid)
    told = torch.nn.functional.cross_entropy(
        torch.from_numpy(scored), torch.from_numpy(valid.targets)
    )
    assert float(told) == pytest.approx(losses[-1], rel=1e-4)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
def test_decay_multiplies_any_schedule_from_the_epoch_after(schedule):
    plain = TrainingSettings(epochs=20, warmup=0, learning_rate=1.0, schedule=schedule)
    decayed = plain.model_copy(update={"decay": 0.85, "decay_after": 5})
    for progress, power in ((0, 0), (4.9, 0), (5, 1), (5.5, 1), (6, 2), (10, 6)):
        expected = learning_rate(plain, progress, []) * 0.85**power
        assert learning_rate(decayed, progress, []) == pytest.approx(expected)


def test_class_weights():
    targets = np.array([0, 0, 0, 1])
    balanced = class_weights(OneClass("class", ("a", "b")), targets, TrainingSettings())
    np.testing.assert_allclose(balanced, [4 / 6, 2])
    given = TrainingSettings(class_weights={"a": 1, "b": 3})
    assert class_weights(OneClass("class", ("a", "b")), targets, given).tolist() == [1, 3]
    with pytest.raises(InputError, match="there is no class 'b'.*The classes are: a, c"):
        class_weights(OneClass("class", ("a", "c")), targets, given)
    with pytest.raises(InputError, match="the class 'c' has no weight"):
        class_weights(OneClass("class", ("a", "b", "c")), targets, given)
    assert class_weights(
        OneClass("class", ("a", "b")), targets, TrainingSettings(class_weights=None)
    ).tolist() == [
        1,
        1,
    ]


def test_balanced_sampling_learns_a_rare_class(planted):
    rows = np.concatenate([np.arange(120), np.arange(120, 160)])
    samples = planted.take(rows)
    training = {**TRAINING, "epochs": 20, "patience": 20, "sampling": "balanced"}
    classifier = Classifier("residues", {"kind": "cnn", "filters": 32}, training)
    classifier.fit(samples, random_split(samples, folds=2))
    assert (classifier.predict(samples)["predicted"] == "with").mean() > 0.15


def test_an_absent_device_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(InputError, match="there is no 'cuda' on this machine"):
        choose_device("cuda")
    assert choose_device("auto").type in ("cpu", "mps")
