"""A section of a run's page is one object: whoever adds one edits no other file."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from cistron.report import kinds
from cistron.report.html import environment
from cistron.report.page import render
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from tests.report.test_page import Page


def show(content: Content) -> Shown | None:
    """Show the largest class of a run with files; None of one that has no samples."""
    if content.used is None:
        return None
    return {"largest": content.used["label"].mode()[0], "words": ["<b>", "two"]}


def toy(templates: Environment, **more: str) -> ReportSection:
    fragment = templates.from_string(
        "<p>{{ shown.largest }} of {{ content.name }}</p>\n{{ listed(shown.words) }}"
    )
    return ReportSection("toy", "Toy of {largest}", "Toy", show, fragment, **more)


def test_a_section_is_one_object(monkeypatch, run):
    monkeypatch.setattr(kinds, "SECTIONS", [*kinds.SECTIONS, toy(environment())])
    before = render(run("minimal"))
    text = render(run("binary"))
    read = Page(text)
    assert '<a href="#toy">Toy</a>' in text
    assert text.index('<section id="glossary"') < text.index('<section id="toy"')
    assert ("h2", "Toy of not_senescent") in read.words
    assert ("p", "not_senescent of senescence") in read.words
    assert ("li", "<b>") in read.words
    assert "toy" not in before  # nothing to show: neither a section nor a link


def test_a_link_may_stand_before_that_of_another(monkeypatch, run):
    section = toy(environment(), link_before="data")
    monkeypatch.setattr(kinds, "SECTIONS", [*kinds.SECTIONS, section])
    text = render(run("binary"))
    links = [text.index(f'<a href="#{name}">') for name in ("headline", "toy", "data", "audit")]
    assert links == sorted(links)
    assert text.index('<section id="glossary"') < text.index('<section id="toy"')


@pytest.mark.parametrize("name", ["binary", "multi", "sets", "minimal", "hostile", "cells"])
def test_each_section_stands_once_in_the_order_of_the_list(name, run, page):
    text = page(name)
    order = kinds.SECTIONS
    if name == "cells":  # whose page begins with the picture
        order = sorted(order, key=lambda made: made.name != "projection")
    ids = [made.name for made in order if f'<section id="{made.name}"' in text]
    places = [text.index(f'<section id="{made}" class="numbered">') for made in dict.fromkeys(ids)]
    assert places == sorted(places)
    assert all(text.count(f'<a href="#{made}">') == 1 for made in ids)
    assert {"headline", "classes", "predict", "glossary"} <= set(ids)
