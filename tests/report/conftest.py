from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from cistron.report import render
from tests.report import made

RUNS = {
    "binary": made.binary,
    "multi": made.multi,
    "sets": made.sets,
    "minimal": made.minimal,
    "hostile": made.hostile,
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
