from __future__ import annotations

import numpy as np
import pytest
import torch

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.experiment.file import make_experiment
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.random import random_split
from cistron.training.fit import _draw
from cistron.training.settings import TrainingSettings
from cistron.training.stages import remove_checkpoints

SMALL = {"kind": "cnn", "filters": 8}
TWO = {
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "stages": [{"patience": 3}, {"augment": False, "epochs": 2, "learning_rate": 1e-4}],
}


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def promoters():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), rng.integers(30, 60))) for _ in range(80)]
    return make_samples(Sequences.from_text(texts, "dna"), labels=["a", "b"] * 40)


def fitted(samples, training=TWO, augment=("evoaug",), **more):
    split = random_split(samples, folds=2)
    return Classifier("one_hot", SMALL, training, augment=augment).fit(samples, split, **more)


def same(first, second):
    one, other = first.model_.state_dict(), second.model_.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_stage_has_the_keys_of_the_section_where_it_has_none_of_its_own():
    settings = TrainingSettings(**{**TWO, "clip": None, "seed": 5})
    first, second = settings.by_stage()
    assert (first.epochs, first.patience, first.augment, first.seed) == (3, 3, True, 5)
    assert (second.epochs, second.learning_rate, second.augment) == (2, 1e-4, False)
    assert (second.batch_size, second.clip, second.patience) == (16, None, 6)
    assert second.seed != 5
    assert settings.stages[1].batch_size == 16
    assert TrainingSettings(**settings.document()) == settings
    assert TrainingSettings(epochs=7).by_stage() == [TrainingSettings(epochs=7)]


def test_history_counts_epochs_through_and_names_the_stage(promoters):
    told = []
    classifier = fitted(promoters, after_epoch=lambda history: told.append(len(history)))
    history = classifier.history_
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5] == told
    assert [entry["stage"] for entry in history] == [1, 1, 1, 2, 2]
    assert list(history[0])[:3] == ["epoch", "stage", "train_loss"]
    assert history[3]["learning_rate"] < 2e-4
    assert "stage" not in fitted(promoters, {"epochs": 1}).history_[0]


@pytest.mark.parametrize("stop_after", [1, 3, 4])
def test_interrupted_in_any_stage_is_uninterrupted(promoters, tmp_path, stop_after):
    whole = fitted(promoters)

    def die(history):
        if len(history) == stop_after:
            raise Killed

    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        fitted(promoters, checkpoint=path, after_epoch=die)
    told = []
    resumed = fitted(promoters, checkpoint=path, after_epoch=lambda h: told.append(len(h)))
    again = [stop_after] if stop_after < 4 else [3, 4]  # stages that were begun tell of their last
    assert told == [*again, *range(stop_after + 1, 6)]
    assert same(whole, resumed)
    losses = [[e["train_loss"] for e in c.history_] for c in (whole, resumed)]
    assert losses[0] == losses[1]
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "checkpoint-2.safetensors"}
    remove_checkpoints(path)
    assert not list(tmp_path.iterdir())


def test_the_second_stage_starts_from_the_best_weights_of_the_first(promoters):
    """A second stage that learns nothing leaves the first stage's best epoch."""
    still = {**TWO["stages"][1], "learning_rate": 1e-30, "weight_decay": 0, "epochs": 1}
    bumpy = {"epochs": 6, "learning_rate": 0.03, "batch_size": 16, "warmup": 0}
    alone = fitted(promoters, bumpy)
    losses = [entry["validation_loss"] for entry in alone.history_]
    assert int(np.argmin(losses)) < 5  # the last epoch is not the best one
    both = fitted(promoters, {**bumpy, "stages": [{}, still]})
    kept = {
        n
        for n, p in both.model_.named_parameters()
        if torch.equal(p, alone.model_.get_parameter(n))
    }
    assert kept == {name for name, _ in alone.model_.named_parameters()}


def test_a_stage_without_augmentation_sees_the_samples_themselves(promoters):
    plain = fitted(promoters, {"epochs": 2}, augment=())
    assert same(plain, fitted(promoters, {"epochs": 2, "stages": [{}]}, augment=()))
    assert not same(plain, fitted(promoters, {"epochs": 2}))


def test_one_stage_may_weight_the_classes_and_another_draw_them_equally(promoters):
    stages = [{"class_weights": "none"}, {"sampling": "balanced"}]
    one = fitted(promoters, {"epochs": 1, "stages": stages}, augment=())
    other = fitted(promoters, {"epochs": 1, "stages": stages[:1]}, augment=())
    assert len(one.history_) == 2
    assert one.history_[0]["train_loss"] == other.history_[0]["train_loss"]


def test_augmented_training_is_the_same_twice_and_other_with_another_seed(promoters):
    assert same(fitted(promoters), fitted(promoters))
    assert not same(fitted(promoters), fitted(promoters, {**TWO, "seed": 2}))


def test_validation_samples_are_never_augmented(promoters):
    """The validation loss told is that of the samples as they are."""
    training = {"epochs": 1, "warmup": 0, "class_weights": "none"}
    split = random_split(promoters, folds=2)
    violent = {"kind": "evoaug", "most": 7, "noise": 5, "mutation": 0.7}
    classifier = Classifier("one_hot", SMALL, training, augment=[violent]).fit(promoters, split)
    validation = promoters.take(split.rows(1))
    logits = torch.from_numpy(classifier.logits(validation))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(validation.targets))
    assert classifier.history_[0]["validation_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_balanced_sampling_throws_no_sample_away():
    """Over the epochs every sample of the larger class is used, and as often as the others."""
    targets = np.repeat([0, 1], [300, 30])
    epochs = [_draw(targets, "balanced", np.random.default_rng((1, e))) for e in range(60)]
    assert all(len(rows) == 330 for rows in epochs)
    drawn = np.bincount(np.concatenate(epochs), minlength=330)
    assert drawn.min() > 0
    assert drawn[:300].sum() / drawn.sum() == pytest.approx(0.5, abs=0.01)
    assert drawn[:300].max() < 4 * drawn[:300].mean()
    assert len({rows.tobytes() for rows in epochs}) == 60


def test_reverse_complement_augmentation_makes_the_strand_irrelevant():
    """A network of one strand learns a motif on one strand, and is asked for it on the other."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(400)]
    texts = [t[:20] + "CACGTTGG" + t[28:] if i % 2 else t for i, t in enumerate(texts)]
    flip = str.maketrans("ACGT", "TGCA")
    labels = ["without", "with"] * 200
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=labels)
    other = [text.translate(flip)[::-1] for text in texts]
    reverse = make_samples(Sequences.from_text(other, "dna"), labels=labels)
    training = {"epochs": 20, "patience": 20, "batch_size": 32, "learning_rate": 5e-3}
    encoder = {"kind": "one_hot", "both_strands": False}
    model = {"kind": "cnn", "filters": 16, "blocks": 2}
    off = dict.fromkeys(("insertion", "deletion", "translocation", "mutation", "noise"), 0)
    split = random_split(samples, folds=2)
    test = split.rows(2)

    def both(augment):
        classifier = Classifier(encoder, model, training, augment=augment).fit(samples, split)
        return classifier.score(samples.take(test)), classifier.score(reverse.take(test))

    assert min(both([{"kind": "evoaug", "reverse_complement": 0.5, **off}])) > 0.85
    forward, backward = both([])
    assert forward > 0.85
    assert backward < 0.75


DOCUMENT = {
    "name": "x",
    "samples": {"kind": "fasta", "alphabet": "dna", "classes": {"a": "a.fa", "b": "b.fa"}},
    "split": {"kind": "random"},
    "encoder": {"kind": "one_hot", "max_length": 600},
    "model": {"kind": "cnn"},
}
REFUSED = [
    ({"augment": ["evoaugg"]}, r"augment\.0\.kind: there is no 'evoaugg'\. Did you mean 'evoaug'"),
    (
        {"augment": [{"kind": "evoaug", "mutations": 0.1}]},
        r"augment\.0\.mutations: there is no such key\. Did you mean 'mutation'",
    ),
    ({"augment": ["evoaug", "evoaug"]}, "'evoaug' stands there twice"),
    (
        {"augment": ["evoaug"], "encoder": {"kind": "kmers"}, "model": {"kind": "mlp"}},
        "evoaug changes DNA letter by letter, and the encoder 'kmers'",
    ),
    (
        {"augment": [{"kind": "phyloaug", "gene": "ath"}]},
        r"phyloaug\.gene: 'ath' is not declared under samples\.groups",
    ),
    (
        {
            "augment": [{"kind": "phyloaug", "table": "t.txt", "fasta": "o.fa"}],
            "encoder": {"kind": "kmers"},
            "model": {"kind": "logistic_regression"},
        },
        "'logistic_regression' sees its training samples once",
    ),
    ({"augment": ["evoaug"], "training": {"augment": False}}, "no stage of training augments"),
    (
        {
            "training": {"stages": [{}]},
            "encoder": {"kind": "kmers"},
            "model": {"kind": "logistic_regression"},
        },
        r"training\.stages: 'logistic_regression' is not trained in epochs",
    ),
    (
        {"training": {"stages": [{"epohcs": 3}]}},
        r"training\.stages\.0\.epohcs: there is no such key\. Did you mean 'epochs'",
    ),
    ({"training": {"stages": [{"seed": 3}]}}, r"training\.stages\.0\.seed: there is no such key"),
    ({"training": {"stages": [{"epochs": 0}]}}, r"training\.stages\.0\.epochs: .*it is 0"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_could_have_no_effect_is_refused_before_reading(changes, message):
    with pytest.raises(InputError, match=message):
        make_experiment({**DOCUMENT, **changes})


def test_an_experiment_with_augmentation_is_written_out_and_read_back():
    document = {**DOCUMENT, "augment": ["evoaug"], "training": {"clip": None, "stages": [{}]}}
    experiment = make_experiment(document)
    assert experiment.document()["augment"][0]["deletion"] == 30
    assert experiment.document()["training"]["stages"][0]["clip"] is None
    assert make_experiment(experiment.document()) == experiment
