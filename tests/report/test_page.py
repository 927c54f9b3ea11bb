from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import yaml

from cistron.base.errors import InputError
from cistron.report.page import render
from cistron.report.report import write_report
from tests.report import made
from tests.report.conftest import RUNS

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and insists that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append((self.open[-1] if self.open else "", data))

    @property
    def text(self) -> str:
        words = (word for tag, word in self.words if tag not in ("style", "title", "script"))
        return " ".join(" ".join(words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("name", RUNS)
def test_is_well_nested_and_titled(page, name):
    read = Page(page(name))
    assert len(read.all("html")) == len(read.all("h1")) == len(read.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", RUNS)
def test_needs_nothing_else(page, name):
    text = page(name)
    read = Page(text)
    for _, attributes in read.elements:
        for key in ("src", "href", "xlink:href", "srcset", "data", "poster", "action"):
            value = attributes.get(key) or "#"
            assert value.startswith(("#", "data:")), value
    for tag in ("iframe", "object", "embed", "img"):
        assert not read.all(tag)
    data = ("application/ld+json", "application/json")  # which no browser runs
    assert [s for s in read.all("script") if s.get("type") not in data] == [{}]
    script = next(word for tag, word in read.words if tag == "script" and "// The one" in word)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (m["content"] for m in read.all("meta") if m.get("http-equiv"))
    assert policy.endswith(f"; script-src 'sha256-{digest}'")
    assert policy.startswith("default-src 'none';")
    assert "@import" not in text
    assert all(part.startswith("#") for part in re.findall(r"url\(([^)]*)\)", text))
    named = {"http://www.w3.org/2000/svg", "https://schema.org/"}  # and neither is asked for
    assert set(re.findall(r"https?://[^\s\"'<]*", text)) <= named


@pytest.mark.parametrize("name", RUNS)
def test_links_lead_somewhere_and_names_are_unique(page, name):
    elements = Page(page(name)).elements
    names = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(names) == len(set(names))
    for _, attributes in elements:
        for key in ("href", "clip-path", "aria-labelledby"):
            value = attributes.get(key) or ""
            target = re.fullmatch(r"(?:url\()?#?([\w-]+)\)?", value)
            if target and not value.startswith("data:"):
                assert target[1] in names, value


@pytest.mark.parametrize("name", RUNS)
def test_is_accessible(page, name):
    read = Page(page(name))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in read.all("svg"))
    assert len(read.all("figure")) == len(read.all("figcaption"))
    assert all(cell.get("scope") in ("col", "row") for cell in read.all("th"))
    regions = [part for part in read.all("div") if part.get("class") == "table"]
    assert all(part["tabindex"] == "0" and part["aria-label"] for part in regions)
    assert read.all("html")[0]["lang"] == "en"


def test_same_run_same_page(page, run, tmp_path):
    assert render(run("binary")) == page("binary")
    copy = shutil.copytree(run("multi"), tmp_path / "multi")
    assert render(copy) == page("multi")


def test_ten_classes_fit_in_600_kilobytes(page):
    assert len(page("multi").encode()) < 600_000


def test_leak_stands_above_the_verdict(page):
    text = Page(page("binary")).text
    leak = text.index("Leak: the test samples are not new to the model")
    assert leak < text.index("The model does not beat")
    assert text.index("14 test sequences stand letter by letter") < text.index("Verdict")
    assert "Leak:" not in Page(page("multi")).text


def test_says_that_the_model_is_worse(page, run):
    numbers = json.loads((run("binary") / "metrics.json").read_text())
    ours, theirs = (s["mcc"]["value"] for s in (numbers["test"], numbers["baselines"]["homolog"]))
    sentence = (
        "The model does not beat copying the label of the nearest training homolog "
        f"(MCC {ours:.2f} against {theirs:.2f}; difference \N{MINUS SIGN}"
    )
    assert sentence in Page(page("binary")).text


def test_minimal_run_says_what_it_lacks(page):
    text = Page(page("minimal")).text
    assert "The model was compared with no baseline" in text
    assert "The split was not audited. Calibration was not measured." in text
    assert "n/a" in text
    for left_out in ("Audit of the split", "Training", "Settings", "Provenance", "Notes"):
        assert left_out not in text


def test_everything_has_its_place(page):
    text = Page(page("multi")).text
    order = [
        "Scores and baselines",
        "Samples that were used.",
        "Records that were read and not used.",
        "Audit of the split",
        "The confusion matrix in numbers",
        "Each class against all others.",
        "A classifier is calibrated when",
        "Scores by fold",
        "Scores by group",
        "The weights of the epoch with the lowest validation loss were kept",
        "This run scores the method and holds no classifier.",
        "every default written out",
        "Input files and their sha256.",
        "Glossary",
    ]
    places = [text.rindex(part) for part in order]
    assert places == sorted(places)
    assert "shorter than 30 residues 41" in text
    assert "label in two classes 16" in text
    assert "9f" * 32 in text


def test_counts_are_those_of_the_samples(page, run):
    used = made.samples(made.LOCATIONS, 6000, 5, "").query("dropped == ''")
    row = used[used["label"] == "Nucleus"].groupby("fold").size().tolist()
    assert f"Nucleus {' '.join(map(str, row))} {sum(row)}" in Page(page("multi")).text


def test_worst_group_comes_first(page, run):
    groups = json.loads((run("binary") / "metrics.json").read_text())["test"]["groups"]["gene"]
    worst = min(groups, key=lambda g: (g["accuracy"], -g["n"]))
    assert f"Gene Samples Accuracy {worst['value']} {worst['n']} " in Page(page("binary")).text


def test_command_to_predict(page, run, tmp_path):
    read = Page(page("binary"))
    assert ("code", "cistron predict binary new.fasta --out predictions.tsv") in read.words
    copy = shutil.copytree(run("binary"), tmp_path / "two words")
    assert "cistron predict 'two words' new.fasta" in Page(render(copy)).text


def test_names_are_escaped(page):
    text = page("hostile")
    without = re.sub(r'<script( type="application/(ld\+)?json")?>', "", text)
    assert text.count("<script>") == 1
    for part in ("<b>", "<i>", "<u>", "<s>", "<em>gene", "<h1>reason", "<img", "<script", "<hash"):
        assert part not in without
    read = Page(text).text
    for name in made.HOSTILE[:3]:
        assert name in read
    for word in ("</title><script>alert(2)</script>", "<h1>reason</h1>", "a < b && c", "</code>"):
        assert word in read


def test_write_report_writes_the_page(run, page, tmp_path):
    copy = shutil.copytree(run("hostile"), tmp_path / "hostile")
    assert write_report(copy) == copy / "report.html"
    assert (copy / "report.html").read_text(encoding="utf-8") == page("hostile")
    assert not list(copy.glob("*.partial"))


def test_a_directory_that_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"has no metrics\.json"):
        render(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("metrics.json", b"{", r"metrics\.json is cut short or damaged"),
        ("metrics.json", b"[]", r"metrics\.json is damaged"),
        ("metrics.json", b'{"classes": []}', "has no key 'headline'"),
        ("audit.json", b"nonsense", r"audit\.json is cut short or damaged"),
        ("experiment.yaml", b"a: [", r"experiment\.yaml, line 1: this is not valid YAML"),
        ("experiment.yaml", b"\xff\xfe", r"experiment\.yaml is damaged"),
        ("samples.parquet", b"PAR1 cut short", r"samples\.parquet is damaged"),
        ("history.csv", b'a,b\n"1', r"history\.csv is damaged"),
    ],
)
def test_damaged_file(run, tmp_path, name, content, match):
    copy = shutil.copytree(run("minimal"), tmp_path / "run")
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=match):
        render(copy)


def test_groups_of_cells_are_in_the_order_a_reader_expects(page):
    text = page("cells")
    groups = text[text.index('<section id="groups"') : text.index('<section id="composition"')]
    assert "the 20 largest of" in groups
    composition = text[text.index('<section id="composition"') : text.index('<section id="genes"')]
    rows = [int(n) for n in re.findall(r'<th scope="row">donor (\d+)', composition)]
    assert rows == sorted(rows)
    assert len(rows) > 20
    assert "&lt;b&gt;only &amp; one&lt;/b&gt;" in composition


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ({}, "the epoch with the lowest validation loss"),
        ({"keep": "last", "monitor": "mcc"}, "the last epoch"),
        ({"monitor": "metric"}, "the epoch with the highest MCC of the validation part"),
        ({"monitor": "balanced_accuracy"}, "the epoch with the highest Balanced accuracy of the"),
    ],
)
def test_which_weights_were_kept_and_that_training_began_again(tmp_path, keys, kept):
    run = made.binary(tmp_path / "run")
    document = {**made.experiment("x"), "training": {"epochs": 40, **keys}}
    (run / "experiment.yaml").write_text(yaml.safe_dump(document))
    epochs = made.history(31)
    text = Page(render(run)).text
    assert f"The weights of {kept}" in text
    assert "began again" not in text
    epochs.assign(restart=[0] * 11 + [1] * 20).to_csv(run / "history.csv", index=False)
    assert "training began again once, each time" in Page(render(run)).text
