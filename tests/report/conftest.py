from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cistron.pipeline.compare import compare_runs
from cistron.report.page import render
from tests.pipeline.test_compare import N, write_run
from tests.report import made

RUNS = {
    "binary": made.binary,
    "multi": made.multi,
    "sets": made.sets,
    "minimal": made.minimal,
    "hostile": made.hostile,
    "cells": made.cells,
}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the directory of a made run by its name; nobody writes into it."""
    root = tmp_path_factory.mktemp("runs")
    return cache(lambda name: RUNS[name](root / name))


@pytest.fixture(scope="session")
def page(run: Callable[[str], Path]) -> Callable[[str], str]:
    """Return the report of a made run by its name."""
    return cache(lambda name: render(run(name)))


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Return a comparison of eight runs in two tables, one of them of a hostile name."""
    root = tmp_path_factory.mktemp("compared")
    families = np.arange(N) // 10
    names = ["cnn", "<b>bold & a name that is longer than any figure has room for", "svm"]
    runs = [
        write_run(root / f"{split}_{name}", folds=folds, unit=families, wrong=wrong, split=split)
        for split, folds in (("group", families % 4), ("random", np.arange(N) % 4))
        for wrong, name in enumerate([*names, "logistic_regression"], 1)
    ]
    return compare_runs(runs)
