"""A kind is one file and one line: toy kinds, declared here alone, work like those of the rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field
from torch import Tensor, nn

import cistron
from cistron.base.encoded import Gives
from cistron.base.errors import InputError
from cistron.base.settings import name_of
from cistron.encoders.kinds import KINDS as ENCODERS
from cistron.encoders.scaled import ScaledFeatures
from cistron.encoders.settings import EncoderSettings
from cistron.experiment.experiment import Experiment
from cistron.experiment.file import make_experiment, parse_encoder, parse_model
from cistron.models.families import NetworkSettings, Reads
from cistron.models.kinds import KINDS as MODELS
from cistron.samples.kinds import KINDS as SAMPLES
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.samples.settings import SamplesSettings
from cistron.splits.deal import deal
from cistron.splits.kinds import KINDS as SPLITS
from cistron.splits.random import SplitShares
from cistron.splits.split import Split, silent
from cistron.training.augment.kinds import KINDS as AUGMENTS
from cistron.training.augment.settings import AugmentSettings


class MadeProteins(SamplesSettings):
    """Proteins of lysine or of alanine, two from each of as many families."""

    contents: ClassVar[frozenset[str]] = frozenset({"protein"})

    kind: Literal["made_proteins"] = "made_proteins"
    number: int = Field(40, ge=4, description="proteins")

    @property
    def group_names(self) -> tuple[str, ...]:
        return ("family",)

    def read(self) -> Samples:
        rng = np.random.default_rng(1)
        classes = ["alanine", "lysine"] * (self.number // 2)
        texts = [
            "M" + "".join(rng.choice(list("AAAAG" if name == "alanine" else "KKKKG"), 30))
            for name in classes
        ]
        families = [f"family {row // 2}" for row in range(self.number)]
        return make_samples(Sequences.from_text(texts), labels=classes, groups={"family": families})


class Lysines(EncoderSettings):
    """Shares of lysine and alanine, standardised."""

    reads: ClassVar[frozenset[str]] = frozenset({"protein"})
    gives: ClassVar[Gives] = "vector"

    kind: Literal["lysines"] = "lysines"

    def fit(self, samples: Samples) -> ScaledFeatures:
        return ScaledFeatures.fit(self, samples)

    def restore(self, document: dict[str, Any], arrays: dict[str, Any]) -> ScaledFeatures:
        return ScaledFeatures.restore(self, document, arrays)

    def features(self, sequences: Sequences) -> np.ndarray:
        texts = [sequences.text(row) for row in range(len(sequences))]
        return np.array([[t.count(x) / len(t) for x in "KA"] for t in texts], dtype=np.float32)

    def feature_names(self, alphabet: Any) -> list[str]:
        return ["K", "A"]


class Families(SplitShares):
    """Whole families dealt."""

    reads: ClassVar[frozenset[str] | None] = frozenset({"protein"})

    kind: Literal["families"] = "families"
    family: str = Field("family", description="column of the family")

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        return {"split.family": (self.family,)}

    def split(self, samples: Samples, progress: Any = silent) -> Split:
        return deal(samples, samples.group([self.family]), self, "Families stay together.")


class OneLayer(NetworkSettings):
    """A linear layer; of classes alone."""

    reads: ClassVar[Reads] = "vector"
    predicts: ClassVar[tuple[str, ...]] = ("classes",)

    kind: Literal["one_layer"] = "one_layer"

    def build(self, channels: int, outputs: int) -> nn.Module:
        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.head = nn.Linear(channels, outputs)

            def forward(self, x: Tensor) -> Tensor:
                return self.head(x)

        return Network()


ADDED = [(SAMPLES, MadeProteins), (ENCODERS, Lysines), (SPLITS, Families), (MODELS, OneLayer)]


@pytest.fixture
def _added() -> Iterator[None]:
    for kinds, kind in ADDED:
        kinds.append(kind)
    Experiment.model_rebuild(force=True)
    yield
    for kinds, kind in ADDED:
        kinds.remove(kind)
    Experiment.model_rebuild(force=True)


def document(**sections: Any) -> dict[str, Any]:
    """Return an experiment of toy kinds alone, with some sections replaced."""
    return {
        "name": "toys",
        "samples": {"kind": "made_proteins"},
        "split": {"kind": "families", "folds": 2},
        "encoder": {"kind": "lysines"},
        "model": {"kind": "one_layer"},
        "training": {"epochs": 30, "learning_rate": 0.1, "device": "cpu"},
        "evaluation": {"bootstrap": 100, "baselines": ["majority"], "homology_search": False},
        **sections,
    }


@pytest.mark.usefixtures("_added")
def test_kinds_that_are_added_are_read_and_offered():
    experiment = make_experiment(document())
    sections = (experiment.samples, experiment.encoder, experiment.split, experiment.model)
    assert [type(section) for section in sections] == [kind for _, kind in ADDED]
    assert make_experiment(experiment.document()) == experiment
    assert type(parse_encoder("lysines")) is Lysines
    assert type(parse_model({"kind": "one_layer"})) is OneLayer
    schema = Experiment.model_json_schema()["properties"]
    assert "lysines" in schema["encoder"]["discriminator"]["mapping"]
    with pytest.raises(InputError, match="encoder.kind: .*Did you mean 'lysines'"):
        make_experiment(document(encoder={"kind": "lysine"}))
    with pytest.raises(InputError, match="samples.numer: .*Did you mean 'number'"):
        make_experiment(document(samples={"kind": "made_proteins", "numer": 8}))


CELLS = {"kind": "cells", "path": "cells.h5ad", "label": "type"}
NUMBERS = {"kind": "table", "path": "t.csv", "target": "level", "groups": ["family"]}


@pytest.mark.usefixtures("_added")
@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"encoder": {"kind": "one_hot"}}, "reads dna sequences.*'protein'.*kmers.*lysines"),
        ({"encoder": {"kind": "expression"}}, "'made_proteins', which gives protein sequences"),
        ({"samples": CELLS}, "'lysines' reads protein sequences.*'cells'.*made_proteins"),
        ({"samples": CELLS, "encoder": {"kind": "expression"}}, "split.kind: 'families' keeps"),
        ({"encoder": {"kind": "residues"}}, "'one_layer' reads one vector per sample"),
        ({"model": {"kind": "cnn"}}, "'cnn' reads positions per sample.*one_layer"),
        ({"model": {"kind": "ridge"}}, "'ridge' predicts numbers.*one_layer"),
        ({"samples": NUMBERS}, "'one_layer' predicts classes"),
        ({"split": {"kind": "families", "family": "famly"}}, "split.family: .*mean 'family'"),
        ({"split": {"kind": "families", "test": 0.95}}, "leave nothing to train on"),
        ({"augment": ["evoaug"]}, "the encoder 'lysines' gives no letters of DNA"),
        ({"training": {"language_model": "lora"}}, "protein_lm, and the encoder is 'lysines'"),
    ],
)
def test_declarations_of_added_kinds_are_compared(sections, message):
    with pytest.raises(InputError, match=message):
        make_experiment(document(**sections))


@pytest.mark.usefixtures("_added")
def test_added_kinds_train_and_are_loaded_again(tmp_path):
    run = cistron.fit(make_experiment(document()), tmp_path / "run")
    assert run.metrics["test"]["accuracy"]["value"] == 1
    classifier = cistron.load(tmp_path / "run")
    proteins = MadeProteins().read()
    assert classifier.predict(proteins)["predicted"].tolist() == proteins.table["label"].tolist()


def test_without_them_the_kinds_are_refused():
    with pytest.raises(InputError, match="there is no 'made_proteins'"):
        make_experiment(document())


@pytest.mark.parametrize("kinds", [SAMPLES, SPLITS, ENCODERS, MODELS, AUGMENTS])
def test_every_kind_declares_what_its_room_compares(kinds):
    names = [name_of(kind) for kind in kinds]
    assert len(set(names)) == len(names)
    for kind in kinds:
        if issubclass(kind, SamplesSettings):
            assert kind.contents
        if issubclass(kind, EncoderSettings):
            assert any(kind.reads & source.contents for source in SAMPLES)
        if issubclass(kind, AugmentSettings) and kind.letters:
            assert kind.letters in [encoder.letters for encoder in ENCODERS]


def test_every_key_has_a_description():
    schema = Experiment.model_json_schema(by_alias=True)
    owners = {"Experiment": schema, **schema["$defs"]}
    bare = [
        f"{owner}.{key}"
        for owner, facts in owners.items()
        for key, key_facts in facts.get("properties", {}).items()
        if key != "kind" and len(key_facts.get("description", "")) < 4
    ]
    assert not bare
