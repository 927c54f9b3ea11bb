"""YAML is read as it is written, or refused with its line."""

from __future__ import annotations

import time

import pytest

from cistron.base.errors import InputError
from cistron.base.yaml_text import parse_yaml

GROWS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", "lines 1 and 3: the key 'a' is written twice"),
        ("x:\n  - {b: 1,\n     'b': 2}", "lines 2 and 3: the key 'b' is written twice"),
        ("[" * 3000, "line 1: the values are nested more than 50 levels deep"),
        ("x:\n a: &own [*own]", r"line 2: the alias \*own stands within"),
        (GROWS, "the aliases stand for more than 200,000 values"),
        ("a: 2026-13-45", "a value is not valid YAML .*month"),
        ("a: !!float ''", "a value is not valid YAML"),
        ("a: !!timestamp x", "a value is not valid YAML"),
        ("a: 1" + "0" * 5000, "a value is not valid YAML"),
        ("a: [1", "line 1: this is not valid YAML"),
        ("a: \x00", "this is not valid YAML"),
        ("a: " + "x" * 4_000_000, "more than 4,000,000 characters"),
    ],
    ids=lambda value: value[:12],
)
def test_what_yaml_may_not_hold(text, words):
    begun = time.monotonic()
    with pytest.raises(InputError, match=f"^file.yaml.*{words}"):
        parse_yaml(text, "file.yaml")
    assert time.monotonic() - begun < 5


def test_a_merged_mapping_may_be_overridden():
    text = "x: &x {a: 1, b: 1}\ny: {<<: *x, a: 2}\nz: [*x, *x]"
    same = {"a": 1, "b": 1}
    assert parse_yaml(text, "file.yaml") == {"x": same, "y": {"a": 2, "b": 1}, "z": [same, same]}
