"""Every key of every document of a run, of a wrong type: a sentence, or a page all the same."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cistron.base.errors import InputError
from cistron.experiment.documents import require_document
from cistron.pipeline.compare import compare_runs
from cistron.report.page import render
from tests.pipeline.test_compare import N, write_run

WRONG = ("text", 7, -0.5, True, None, [], ["text"], [7], {}, {"text": 7}, [{}])
CHANGED = 150  # changes of a document
DRAWN = 5  # changes of a document that are not refused, which are read on


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every key, of a list those of its first element."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in inside:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def put(document: Any, path: tuple, value: Any) -> Any:
    """Put a value into a document; return the one that was there."""
    *before, last = path
    inside = reduce(getitem, before, document)
    right, inside[last] = inside[last], value
    return right


def tried(place: Path, name: str, read: Callable[[], object]) -> int:
    """Read damaged documents, all of which end in a sentence or are read; return how many do not.

    Those that are refused are so before anything else is read, and are not read again.
    """
    text = (place / name).read_text()
    document = yaml.safe_load(text)  # of which JSON is a part
    said, fine = [], []
    every = [(path, value) for path in places(document) for value in WRONG]
    for path, value in random.Random(1).sample(every, min(CHANGED, len(every))):
        right = put(document, path, value)
        try:
            require_document(name, document, name)
            fine.append((path, value))
        except InputError as error:
            said.append(str(error))
        put(document, path, right)
    for path, value in random.Random(1).sample(fine, min(DRAWN, len(fine))):
        right = put(document, path, value)
        (place / name).write_text(json.dumps(document))
        put(document, path, right)
        try:
            read()
        except InputError:
            continue
        except Exception as error:
            raise AssertionError(f"{name}: {path} = {value!r}") from error
    (place / name).write_text(text)
    assert all(text.startswith(f"{name} is damaged: ") for text in said), said
    assert all("Undo the change to the file" in text for text in said), said
    return len(said)


@pytest.mark.parametrize("source", ["minimal", "sets", "cells"])
def test_a_key_of_a_wrong_type_is_a_sentence_or_a_page(source, run, tmp_path) -> None:
    place = shutil.copytree(run(source), tmp_path / "run")
    for name in ("metrics", "audit", "environment", "genes", "importance"):
        if (place / f"{name}.json").is_file():
            assert tried(place, f"{name}.json", lambda: render(place)), name


def test_a_key_of_a_wrong_type_is_a_sentence_or_a_comparison(tmp_path) -> None:
    families = np.arange(N) // 10
    runs = [write_run(tmp_path / name, folds=families % 4, wrong=w) for w, name in enumerate("ab")]
    for name in ("metrics.json", "audit.json", "environment.json", "experiment.yaml"):
        if (runs[0] / name).is_file():
            assert tried(runs[0], name, lambda: compare_runs(runs, resamples=20)), name


def test_the_file_the_key_and_the_mend_are_said(run, tmp_path) -> None:
    place = shutil.copytree(run("minimal"), tmp_path / "run")
    document = json.loads((place / "metrics.json").read_text())
    document["test"]["mcc"] = 0.5
    (place / "metrics.json").write_text(json.dumps(document))
    said = r"run/metrics\.json is damaged: test\.mcc: it should be an object with keys\. Undo"
    with pytest.raises(InputError, match=said):
        render(place)
