"""Ranges in an experiment file."""

from __future__ import annotations

from typing import Any

import pytest

from cistron.base.errors import InputError
from cistron.experiment.ranges import (
    Choice,
    Range,
    corners,
    dimensions,
    fill,
    first,
    require_searchable,
)

DOCUMENT: dict[str, Any] = {
    "name": "x",
    "samples": {"rename": {"low": "a", "high": "b"}},
    "encoder": {"kind": "kmers", "k": {"choices": [1, 2]}},
    "model": {
        "choices": [
            {"kind": "mlp", "hidden": {"low": 8, "high": 32, "step": 8}},
            {"kind": "logistic_regression", "c": {"low": "1e-3", "high": 10, "log": True}},
        ]
    },
    "training": {"class_weights": {"low": 1, "high": 2}, "learning_rate": 0.1},
}


def test_ranges_are_found_where_they_stand_and_names_of_classes_are_none() -> None:
    weighted = {"class_weights": {"choices": ["none", {"low": 1, "high": 2}]}}
    assert [d.name for d in dimensions({"training": weighted})] == ["training.class_weights"]
    assert not dimensions({"training": {"class_weights": {"choices": 2, "low": 1, "high": 3}}})
    found = {dimension.name: dimension for dimension in dimensions(DOCUMENT)}
    assert list(found) == [
        "encoder.k",
        "model",
        "model[mlp].hidden",
        "model[logistic_regression].c",
    ]
    assert found["model"] == Choice(
        "model", tuple(DOCUMENT["model"]["choices"]), ("mlp", "logistic_regression")
    )
    assert found["model[mlp].hidden"] == Range("model[mlp].hidden", 8, 32, step=8)
    assert found["model[logistic_regression].c"] == Range(
        "model[logistic_regression].c", 1e-3, 10.0, log=True
    )


def test_the_first_trial_has_the_middle_or_what_the_range_says() -> None:
    assert first(Range("x", 8, 33)) == 20
    assert first(Range("x", 0.01, 100.0, log=True)) == pytest.approx(1.0)
    assert first(Range("x", 8, 32, step=8)) == 16
    assert first(Range("x", 1, 9, start=2)) == 2
    assert fill(DOCUMENT, first)["model"] == {"kind": "mlp", "hidden": 16}


def test_values_take_the_place_of_ranges_and_nothing_else_changes() -> None:
    values = {"encoder.k": 2, "model": "logistic_regression", "model[logistic_regression].c": 5.0}
    filled = fill(DOCUMENT, lambda dimension: values[dimension.name])
    assert filled["encoder"] == {"kind": "kmers", "k": 2}
    assert filled["model"] == {"kind": "logistic_regression", "c": 5.0}
    assert filled["samples"] == DOCUMENT["samples"]
    assert filled["training"] == DOCUMENT["training"]


def test_every_end_and_option_stands_in_a_corner() -> None:
    made = [document for _, document in corners(DOCUMENT)]
    assert {document["encoder"]["k"] for document in made} == {1, 2}
    models = [document["model"] for document in made]
    assert {m["hidden"] for m in models if m["kind"] == "mlp"} == {8, 16, 32}
    assert {m["c"] for m in models if m["kind"] != "mlp"} >= {1e-3, 10.0}


def test_sections_of_one_kind_are_told_apart() -> None:
    options = [{"kind": "cnn", "filters": 8}, {"kind": "cnn", "filters": 64}, []]
    (found,) = dimensions({"model": {"choices": options}})
    assert isinstance(found, Choice)
    assert found.labels == ("cnn 1", "cnn 2", "none")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"low": 2, "high": 1}, "low .2. must be below high"),
        ({"low": 0, "high": 1, "log": True}, "starts above zero"),
        ({"low": 1, "high": 5, "log": True, "step": 1}, "`step` does not go with `log`"),
        ({"low": 1, "high": 5, "steps": 1}, "no key 'steps'. Did you mean 'step'"),
        ({"low": "a", "high": 5}, "must be a number"),
        ({"low": 1, "high": 5, "start": 9}, "start: it lies between"),
        ({"low": 1, "high": 5, "step": 9}, "step: it lies between"),
        ({"low": 1, "high": 5, "log": "yes"}, "true or false"),
        ({"choices": [1]}, "two values or more"),
        ({"choices": [1, 2], "log": True}, "does not go with `choices`"),
    ],
)
def test_ranges_that_are_not_well_formed(value: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dimensions({"model": {"filters": value}})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"model": {"kind": "cnn"}}, "nothing to search"),
        ({"split": {"test": {"low": 0.1, "high": 0.2}}}, "only encoder, augment, model"),
        ({"training": {"seed": {"choices": [1, 2]}}}, "matter of luck"),
    ],
)
def test_what_may_not_be_searched(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        require_searchable(document, "x.yaml")
