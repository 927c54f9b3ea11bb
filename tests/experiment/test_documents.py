"""Documents of a run that were changed by hand: a sentence, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cistron.base.errors import InputError
from cistron.report.page import render
from tests.report import made

WRONG = (5, "x", [1], {"a": 1}, None)


def places(document: Any, levels: int, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of every key of a document, so many levels deep."""
    for key, value in document.items():
        yield (*at, key)
        if isinstance(value, dict) and len(at) + 1 < levels:
            yield from places(value, levels, (*at, key))


def changed(document: dict[str, Any], place: tuple[str, ...], value: object) -> str:
    copy = json.loads(json.dumps(document))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(copy)


@pytest.mark.parametrize("name", ["metrics.json", "audit.json", "environment.json"])
@pytest.mark.parametrize("levels", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_key_of_another_type_is_named_or_read(name, levels, tmp_path):
    run = made.binary(tmp_path / "run")
    document, refusals = json.loads((run / name).read_text()), []
    for place in places(document, levels):
        for wrong in WRONG[: 2 + levels]:
            (run / name).write_text(changed(document, place, wrong))
            try:
                render(run)
            except InputError as error:
                refusals.append(str(error))
    assert len(refusals) > 3
    assert all(name in sentence for sentence in refusals)


def test_the_sentence_says_where(tmp_path):
    run = made.binary(tmp_path / "run")
    document = json.loads((run / "audit.json").read_text())
    document["checks"][1]["summary"] = ["no", "sentence"]
    (run / "audit.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"audit\.json is damaged, .*: checks\.1\.summary: "):
        render(run)
