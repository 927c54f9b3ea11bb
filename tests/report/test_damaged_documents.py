"""Every key of every document of a run, of a wrong type: a sentence, or a page all the same."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from cistron.base.errors import InputError
from cistron.experiment.documents import require_document
from cistron.report.page import render

WRONG = ("text", 7, -0.5, True, None, [], ["text"], [7], {}, {"text": 7}, [{}])
DRAWN = 8  # changes of a document that are accepted, and of which a page is made


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every key, of a list those of its first element."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in inside:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def accepted(name: str, document: Any) -> Iterator[tuple[tuple, Any]]:
    """Put each wrong value into a document; yield where it is not refused."""
    for path in places(document):
        *before, last = path
        inside = reduce(getitem, before, document)
        right = inside[last]
        for value in WRONG:
            inside[last] = value
            try:
                require_document(name, document, name)
            except InputError as error:
                said = str(error)
                assert said.startswith(f"{name} is damaged: "), said
                assert "Undo the change to the file" in said, said
            else:
                yield path, value
        inside[last] = right


@pytest.mark.parametrize("source", ["minimal", "binary", "sets", "cells"])
def test_a_key_of_a_wrong_type_is_a_sentence_or_a_page(source, run, tmp_path) -> None:
    place = shutil.copytree(run(source), tmp_path / "run")
    for name in ("metrics.json", "audit.json", "environment.json", "genes.json"):
        if not (place / name).is_file():
            continue
        text = (place / name).read_text()
        document = json.loads(text)
        harmless = [path for path, _ in accepted(name, document)]
        assert document == json.loads(text)
        assert len(harmless) < 11 * len(list(places(document))) / 2
        chosen = random.Random(1).sample(list(accepted(name, document)), DRAWN)
        for path, value in chosen:
            *before, last = path
            inside = reduce(getitem, before, wrong := json.loads(text))
            inside[last] = value
            (place / name).write_text(json.dumps(wrong))
            try:
                render(place)
            except InputError:
                continue
            except Exception as error:
                raise AssertionError(f"{name}: {path} = {value!r}") from error
        (place / name).write_text(text)
