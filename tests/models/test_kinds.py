"""The list of kinds, and what their settings refuse."""

import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from cistron.models.auto import AutoSettings
from cistron.models.families import ClassicalSettings, NetworkSettings
from cistron.models.kinds import KINDS, AnyModel

ADAPTER = TypeAdapter(AnyModel)


def test_kinds_are_told_apart_by_name():
    names = [kind().kind for kind in KINDS]
    assert len(set(names)) == len(names) == 40
    for kind, name in zip(KINDS, names, strict=True):
        assert type(ADAPTER.validate_python({"kind": name})) is kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind().kind)
def test_a_kind_is_described_where_it_is_looked_for(kind):
    """In a file of its name, or in one of a family whose first lines name it; and once there."""
    name, home = kind().kind, sys.modules[kind.__module__]
    assert f"`{name}`" in kind.__doc__.splitlines()[0]
    family = [other().kind for other in KINDS if other.__module__ == kind.__module__]
    assert home.__name__.startswith("cistron.models.")
    if len(family) == 1:
        assert home.__name__.rpartition(".")[2] == name
    else:
        assert home.__doc__.count(f"`{name}`:") + home.__doc__.count(f"\n`{name}` ") == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind().kind)
def test_settings_survive_json(kind):
    settings = kind()
    assert ADAPTER.validate_json(settings.model_dump_json()) == settings
    if kind is AutoSettings:
        assert (kind.family, kind.reads) == ("auto", "candidates")
        return
    assert kind.family == ("network" if issubclass(kind, NetworkSettings) else "classical")
    assert issubclass(kind, NetworkSettings | ClassicalSettings)
    vectors = kind.family == "classical" or settings.kind.startswith(
        (
            "mlp",
            "residual_mlp",
            "senseqnet",
            "vector",
            "oncopersistnet",
            "pooled_bilstm",
            "gene_attention",
        )
    )
    assert kind.reads == ("vector" if vectors else "positions")
    with pytest.raises(ValidationError, match="frozen"):
        settings.kind = "other"


def test_every_kind_has_a_schema():
    schema = ADAPTER.json_schema()
    assert set(schema["discriminator"]["mapping"]) == {kind().kind for kind in KINDS}


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"kind": "cnn", "filters": 0}, "filters"),
        ({"kind": "cnn", "kernel_size": 0}, "kernel_size"),
        ({"kind": "cnn", "dropout": 1.0}, "dropout"),
        ({"kind": "cnn", "pooling": "last"}, "pooling"),
        ({"kind": "cnn", "filter": 8}, "filter"),
        ({"kind": "multiloc_cnn", "variant": 5}, "variant"),
        ({"kind": "multiloc_cnn", "length": 45}, "length"),
        ({"kind": "multiloc_resnet", "variant": 0}, "variant"),
        ({"kind": "termini_cnn", "windows": 0}, "windows"),
        ({"kind": "bilstm", "layers": 0}, "layers"),
        ({"kind": "transformer", "hidden": 20, "heads": 4}, "multiple of 2 x heads"),
        ({"kind": "deepdife", "length": 16}, "length must be 17 or more"),
        ({"kind": "deepdife", "filters": 2, "convolutions": 4}, "filters are halved"),
        ({"kind": "keras", "layers": [{"layer": "Conv3D"}]}, "Conv3D"),
        ({"kind": "svm", "gamma": -1}, "gamma"),
        ({"kind": "svm", "folds": 1}, "folds"),
        ({"kind": "random_forest", "trees": 0}, "trees"),
        ({"kind": "gradient_boosting", "learning_rate": 0}, "learning_rate"),
        ({"kind": "logistic_regression", "c": 0}, "c"),
        ({"kind": "bagging", "leaf_size": 0}, "leaf_size"),
        ({"kind": "senseqnet", "hidden": 10}, "hidden"),
        ({"kind": "vector_cnn", "filters": [8, 8]}, "filters"),
        ({"kind": "vector_cnn_lstm", "kernel_sizes": [3, 0, 3]}, "kernel_sizes"),
        ({"kind": "perceptron"}, "kind"),
    ],
)
def test_values_out_of_bounds_are_refused(document, key):
    with pytest.raises(ValidationError, match=key):
        ADAPTER.validate_python(document)
