from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from cistron.report.comparison import render_comparison
from cistron.report.report import write_report
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
    if (!walker.currentNode.textContent.trim() || element.closest('title')) continue;
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
    # What is closed on the screen is not printed; nor is what only a screen can use.
    shown = (
        "[...document.querySelectorAll('details, nav, .take, #calls')].some(e => e.offsetHeight)"
    )
    assert browser.value(shown) is False


def test_a_simple_run_prints_on_five_pages(page, tmp_path, browser):
    path = tmp_path / "report.html"
    path.write_text(page("binary"), encoding="utf-8")
    browser.open(path)
    browser.pdf(tmp_path / "report.pdf")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())
    assert 1 <= len(pages) <= 5


SAVED = """(() => {
  window.saved = [];
  URL.createObjectURL = blob => { window.blob = blob; return "blob:none"; };
  HTMLAnchorElement.prototype.click = function () {
    window.saved.push([this.download, window.blob]);
  };
})()"""


def press(browser: Chromium, within: str, text: str) -> None:
    """Press the first button with this text inside of the first element of a selector."""
    browser.value(
        f"[...document.querySelector({within!r}).querySelectorAll('button')]"
        f".find(b => b.textContent.trim() === {text!r}).click()"
    )


def saved(browser: Chromium) -> list:
    """Return name and text of what was saved, or of a picture its size in bytes."""
    answer = browser.call(
        "Runtime.evaluate",
        expression="Promise.all(window.saved.map(async ([name, blob]) => [name, blob.type, "
        "blob.type === 'image/png' ? blob.size : await blob.text()]))",
        awaitPromise=True,
        returnByValue=True,
    )
    return answer["result"]["value"]


def test_a_figure_is_taken_along(page, run, tmp_path, browser):
    path = tmp_path / "report.html"
    path.write_text(page("binary"), encoding="utf-8")
    assert browser.open(path) == []
    browser.value(SAVED)
    for text in ("TSV", "SVG", "PNG"):
        press(browser, "#headline figure", text)
    deadline = time.monotonic() + 20
    while browser.value("window.saved.length") < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    (_, _, table), (name, _, drawing), (_, kind, size) = saved(browser)
    metrics = json.loads((run("binary") / "metrics.json").read_text())
    model = table.splitlines()[1].split("\t")
    assert model[0] == "Model"
    score = [metrics["test"]["mcc"][key] for key in ("value", "low", "high")]
    assert [float(text) for text in model[1:]] == pytest.approx(score, rel=1e-5)
    assert name.endswith("-figure-1.svg")
    root = ET.fromstring(drawing)
    assert root.get("width") == "360"
    assert root.get("data-table") is None
    assert kind == "image/png"
    assert size > 3000
    press(browser, "#headline figure", "Numbers")
    shown = "[...document.querySelectorAll('#headline figure .take tr')].map(r => r.innerText)"
    assert browser.value(shown) == table.rstrip("\n").split("\n")
    press(browser, "#headline figure", "Numbers")
    assert browser.value(shown) == []
    assert browser.value("document.querySelectorAll('figure .take').length") == browser.value(
        "document.querySelectorAll('figure svg').length"
    )


def test_tables_sort_and_filter(page, tmp_path, browser):
    path = tmp_path / "report.html"
    path.write_text(page("multi"), encoding="utf-8")
    browser.open(path)
    rows = "[...document.querySelectorAll('#data table tbody tr')].map(r => r.cells[6].innerText)"
    rows = rows.replace("#data table", "#data table:has(tfoot)")
    before = browser.value(rows)
    all_row = "document.querySelector('#data tfoot tr').innerText.split(/\\s/)[0]"
    head = "document.querySelectorAll('#data table:has(tfoot) thead th')[6].querySelector('button')"
    browser.value(f"{head}.click()")
    numbers = [int(text.replace("\u202f", "")) for text in browser.value(rows)]
    assert numbers == sorted(numbers)
    assert sorted(browser.value(rows)) == sorted(before)
    browser.value(f"{head}.click()")
    assert browser.value(rows) == [f"{n:,}".replace(",", "\u202f") for n in numbers[::-1]]
    assert browser.value(all_row) == "All"  # stays below
    browser.value(
        "(() => { const f = document.querySelector('#headline input'); f.value = 'macro';"
        "f.dispatchEvent(new Event('input')); })()"
    )
    shown = "[...document.querySelectorAll('#headline tbody tr')].filter(r => !r.hidden)"
    names = browser.value(f"{shown}.map(r => r.cells[0].innerText)")
    assert names
    assert all("macro" in name.lower() for name in names)


def test_the_calls_are_chosen_sorted_and_saved(page, run, tmp_path, browser):
    path = tmp_path / "report.html"
    path.write_text(page("binary"), encoding="utf-8")
    browser.open(path)
    browser.value(SAVED)
    table = pd.read_parquet(run("binary") / "predictions.parquet").query("part == 'test'")
    wrong = table[table["label"] != table["predicted"]]
    browser.value(
        "(() => { const s = document.querySelector('.calls select'); s.value = '1';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    status = browser.value("document.querySelector('.calls [role=status]').textContent")
    assert status == f"20 shown of {len(wrong)} ({len(table)} in all)"
    heads = "document.querySelectorAll('.calls thead button')"
    browser.value(f"{heads}[3].click(); {heads}[3].click()")
    shares = wrong.filter(like="p_").max(axis=1).round(3).sort_values(ascending=False)
    shown = (
        "[...document.querySelectorAll('.calls tbody tr')].map(r => Number(r.cells[3].innerText))"
    )
    assert browser.value(shown) == shares.tolist()[:20]
    press(browser, ".calls", "TSV")
    ((name, _, text),) = saved(browser)
    assert name == "calls.tsv"
    assert len(text.splitlines()) == 1 + len(wrong)


@pytest.mark.parametrize(("width", "cut"), [(390, True), (1100, False)])
def test_a_table_that_is_cut_says_that_it_scrolls(page, tmp_path, browser, width, cut):
    path = tmp_path / "report.html"
    path.write_text(page("binary"), encoding="utf-8")
    browser.open(path, width)
    place = "document.querySelector('#headline .table')"
    assert browser.value(f"{place}.scrollWidth > {place}.clientWidth + 1") is cut
    said = browser.value(f"getComputedStyle({place}, '::after').content")
    assert ("Scroll sideways" in said) is cut


def test_ten_thousand_calls_open_quickly(run, tmp_path, browser):
    copy = shutil.copytree(run("binary"), tmp_path / "many")
    table = pd.read_parquet(copy / "predictions.parquet").query("part == 'test'")
    many = pd.concat([table] * (10_000 // len(table) + 1), ignore_index=True)[:10_000]
    many.to_parquet(copy / "predictions.parquet")
    began = time.monotonic()
    assert browser.open(write_report(copy)) == []
    assert time.monotonic() - began < 5
    assert browser.value("document.querySelectorAll('.calls tbody tr').length") == 20


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
