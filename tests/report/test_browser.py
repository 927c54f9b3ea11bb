from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cistron.report.comparison import render_comparison
from tests.report.chromium import BINARY, Chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="Chromium is not installed"),
]

OVERLAPS = """[...document.querySelectorAll('svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')]
    .map(text => [text.textContent, text.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], i) => boxes.slice(i + 1)
    .filter(([b, q]) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
      && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 0.4 * Math.min(p.height, q.height))
    .map(([b]) => `${a} / ${b}`));
})"""
OUTSIDE = """[...document.querySelectorAll('svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const own = t.getBoundingClientRect();
    return own.left < box.left - 2 || own.right > box.right + 12 || own.bottom > box.bottom + 2;
  }).map(t => t.textContent);
})"""
# Every pair of text and the opaque ground it stands on, outside figures, below the ratio of AA.
FAINT = """(() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = text => {
    const [r, g, b] = parse(text).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!colour.startsWith('rgba') || parse(colour)[3] === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(ink), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(walker.currentNode.textContent);
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    opened = Chromium(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("name", ["binary", "multi", "sets", "minimal", "hostile", "cells"])
def test_opens_without_error_request_or_overflow(page, tmp_path, browser, name, width, scheme):
    path = tmp_path / "report.html"
    path.write_text(page(name), encoding="utf-8")
    assert browser.open(path, width, scheme) == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OVERLAPS) == []
    assert browser.value(OUTSIDE) == []
    assert browser.value(FAINT) == []
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 380) == (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_a_comparison_opens_without_error_or_overflow(compared, tmp_path, browser, width, scheme):
    path = tmp_path / "page.html"
    path.write_text(render_comparison(compared), encoding="utf-8")
    assert browser.open(path, width, scheme) == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OVERLAPS) == []
    assert browser.value(OUTSIDE) == []
    assert browser.value(FAINT) == []


def test_the_metadata_is_data_to_the_browser(page, run, tmp_path, browser):
    path = tmp_path / "report.html"
    path.write_text(page("hostile"), encoding="utf-8")
    assert browser.open(path) == []  # the policy of the page blocks nothing, and nothing runs
    read = browser.value(
        "document.querySelector('script[type=\"application/ld+json\"]').textContent"
    )
    assert json.loads(read) == json.loads((run("hostile") / "metadata.jsonld").read_text())


def test_prints_in_dark_ink_on_one_width(page, tmp_path, browser):
    path = tmp_path / "report.html"
    path.write_text(page("multi"), encoding="utf-8")
    browser.open(path, width=673, scheme="dark")
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.call("Emulation.setEmulatedMedia", media="print", features=features)
    assert browser.value("document.documentElement.scrollWidth") <= 673
    assert browser.value("getComputedStyle(document.body).color") == "rgb(31, 35, 40)"
    shown = "document.querySelector('details pre').getBoundingClientRect().height"
    assert browser.value(shown) > 0


TROUBLED = {
    "request": '<img src="http://127.0.0.1:9/x.png" alt="">',
    "console": "<script>console.error('trouble')</script>",
    "exception": "<script>throw new Error('trouble')</script>",
    "log": (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        "<style>p { color: red }</style>"
    ),
}


@pytest.mark.parametrize("kind", TROUBLED)
def test_the_browser_sees_trouble(tmp_path: Path, browser, kind):
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><html><head>{TROUBLED[kind]}</head><body></body></html>")
    assert any(trouble.startswith(kind) for trouble in browser.open(page))


def test_the_checks_of_the_layout_see_trouble(tmp_path: Path, browser):
    page = tmp_path / "page.html"
    page.write_text(
        "<!DOCTYPE html><html><body style='color: #aaa'><p>faint</p><svg viewBox='0 0 99 99'>"
        "<text x='9' y='9'>over</text><text x='9' y='9'>lap</text><text x='-90' y='9'>out</text>"
        "</svg></body></html>"
    )
    assert browser.open(page) == []
    assert "over / lap" in browser.value(OVERLAPS)
    assert "out" in browser.value(OUTSIDE)
    assert "faint" in browser.value(FAINT)
