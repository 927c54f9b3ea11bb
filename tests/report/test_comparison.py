from __future__ import annotations

from html import escape
from xml.etree import ElementTree as ET

from cistron import figures
from cistron.report.comparison import render_comparison


def test_the_page_says_what_the_numbers_say(compared):
    page = render_comparison(compared)
    for sentence in compared["apart"]:
        assert escape(sentence, quote=False) in page
    for made in compared["tables"]:
        assert escape(made["conclusion"], quote=False) in page
        assert made["resampled"] in page
    assert "<b>bold" not in page
    assert "model.width" in page
    assert page.count("<svg") == 7  # one of all runs, and three of each table
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_the_page_is_the_same_every_time(compared):
    assert render_comparison(compared) == render_comparison(compared)


def test_the_matrix_fills_what_is_told_apart():
    names = ["a", "b", "c"]
    pairs = {("a", "b"): 0.1, ("a", "c"): 0.25, ("b", "c"): 0.15}
    drawn = figures.differences_matrix(names, pairs, {("a", "c")}, "MCC")
    root = ET.fromstring(drawn)
    assert drawn.count("fill: var(--tint") == 1
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {"0.10", "0.25", "0.15"} <= set(texts)
    assert "a and c" in root.get("aria-label")
    many = [f"r{i}" for i in range(20)]
    drawn = figures.differences_matrix(
        many,
        {}.fromkeys([(a, b) for i, a in enumerate(many) for b in many[i + 1 :]], 0.333),
        set(),
        "MCC",
    )
    texts = [e.text for e in ET.fromstring(drawn).iter() if e.tag.endswith("text")]
    assert "0.33" not in texts  # there is no room; the table of the figure has them
    assert ET.fromstring(drawn).get("data-table").splitlines()[1] == "r0\tr1\t0.333\tFalse"
