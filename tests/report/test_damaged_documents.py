"""Every key of every document of a run, of a wrong type: a sentence, or a page all the same."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cistron.base.errors import InputError
from cistron.experiment.documents import DOCUMENTS, require_document
from cistron.pipeline.compare import compare_runs
from cistron.report.page import render

WRONG = ("text", 7, -0.5, True, None, [], ["text"], [7], {}, {"text": 7}, [{}])
RUNS = ("minimal", "extras", "cells", "cells_sets", "cells_numbers", "repeated", "second")
DRAWN = 40  # changes of a document that are accepted, and of which a page is made


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every key, of a list those of its first element."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in inside:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def changed(document: Any, path: tuple, value: Any) -> Any:
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return made


def read(path: Path) -> Any:
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def accepted(name: str, document: Any) -> Iterator[tuple[tuple, Any, Any]]:
    """Yield the wrong documents that are not refused."""
    for path in places(document):
        for value in WRONG:
            wrong = changed(document, path, value)
            try:
                require_document(name, wrong, name)
            except InputError as error:
                assert str(error).startswith(f"{name} is damaged: {path[0]}"), error  # noqa: PT017
            else:
                yield path, value, wrong


@pytest.mark.parametrize("name", ["metrics", "audit", "environment", "genes", "importance"])
def test_a_key_of_a_wrong_type_is_a_sentence_or_a_page(name, run, tmp_path) -> None:
    name = f"{name}.json"
    for number, source in enumerate(RUNS):
        if not (run(source) / name).is_file():
            continue
        place = shutil.copytree(run(source), tmp_path / str(number))
        fine = list(accepted(name, read(place / name)))
        for path, value, wrong in random.Random(1).sample(fine, min(DRAWN, len(fine))):
            (place / name).write_text(json.dumps(wrong))
            try:
                render(place)
            except InputError:
                continue
            except Exception as error:
                raise AssertionError(f"{source}/{name}: {path} = {value!r}") from error
