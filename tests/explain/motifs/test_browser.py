from __future__ import annotations

from pathlib import Path

import pytest

from cistron.report.motifs import render_motifs
from tests.report.chromium import BINARY
from tests.report.test_browser import FAINT, OUTSIDE, OVERLAPS, browser  # noqa: F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="Chromium is not installed"),
]
COLUMN = """(() => [...document.querySelectorAll('table.patterns tbody tr')]
  .map(row => row.cells[%d].dataset.value))()"""
CLICK = "document.querySelectorAll('table.patterns thead button')[%d].click()"
STATE = "document.querySelectorAll('table.patterns thead th')[%d].getAttribute('aria-sort')"


@pytest.fixture
def opened(examined, tmp_path) -> Path:
    path = tmp_path / "motifs.html"
    path.write_text(render_motifs(examined[2]), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_opens_without_error_or_overflow(opened, browser, width, scheme):  # noqa: F811
    assert browser.open(opened, width, scheme) == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OVERLAPS) == []
    assert browser.value(OUTSIDE) == []
    assert browser.value(FAINT) == []
    letters = "[...document.querySelectorAll('.pattern svg.logo use')]"
    highest = f"Math.max(...{letters}.map(x => x.getBoundingClientRect().height))"
    assert browser.value(highest) > 20


def test_the_table_sorts_by_numbers_and_words(opened, browser):  # noqa: F811
    browser.open(opened)
    before = browser.value(COLUMN % 0)
    browser.value(CLICK % 6)  # odds ratios, the largest first
    falling = [float(x) for x in browser.value(COLUMN % 6)]
    assert falling == sorted(falling, reverse=True)
    assert browser.value(STATE % 6) == "descending"
    browser.value(CLICK % 6)
    assert [float(x) for x in browser.value(COLUMN % 6)] == sorted(falling)
    browser.value(CLICK % 3)
    names = browser.value(COLUMN % 3)
    assert names == sorted(names, key=str.casefold)
    assert browser.value(STATE % 6) == "none"
    browser.value(CLICK % 0)
    assert browser.value(COLUMN % 0) == before


def test_a_script_of_another_hash_does_not_run(opened, browser):  # noqa: F811
    text = opened.read_text(encoding="utf-8")
    opened.write_text(text.replace('"none");', '"none"); '), encoding="utf-8")
    assert any("Content Security Policy" in trouble for trouble in browser.open(opened))
    assert browser.value("document.querySelectorAll('thead button').length") == 0
