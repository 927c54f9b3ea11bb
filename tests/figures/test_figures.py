from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from cistron import figures
from cistron.figures import logo
from cistron.figures.explain.tracks import Track, track
from cistron.figures.numbers import compact, count, decimal, limits
from cistron.figures.svg import short

CLASSES = [f"compartment number {letter}" for letter in "abcdefghijkl"]
HOSTILE = "<b>&\"'$\\frac{a}{b}$\x00\n长🧬" + 40 * "x"
LINE = np.linspace(0, 1, 300)


def score(value: float | None, room: float = 0.05) -> dict[str, float | None]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - room, "high": value + room}


def bins(n: int) -> list[dict]:
    edges = np.linspace(0, 1, n + 1)
    return [
        {
            "low": a,
            "high": b,
            "n": 50 * k,
            "confidence": (a + b) / 2,
            "accuracy": ((a + b) / 2) ** 2,
        }
        for k, (a, b) in enumerate(pairwise(edges))
    ]


def table(epochs: int) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    loss = 1 / epoch + 0.01 * epoch
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "validation_loss": loss,
            "validation_mcc": 1 - 1 / epoch,
        }
    )


def curves(names: list[str]) -> dict[str, dict]:
    return {name: {"x": LINE, "y": np.sqrt(LINE)} for name in names}


def drawings(names: list[str]) -> dict[str, str]:
    """Every figure, with the given class names."""
    areas = dict.fromkeys(names, 0.75)
    rng = np.random.default_rng(2)
    fold = pd.concat([table(n).assign(fold=k) for k, n in enumerate((12, 9))])
    return {
        "forest": figures.forest({n: score(0.5) for n in names}, "MCC", names[0], reference=0.0),
        "class bars": figures.class_bars(
            {n: score(0.6 - 0.1 * i) for i, n in enumerate(names)}, "F1", dict.fromkeys(names, 40)
        ),
        "folds": figures.folds(
            [{"fold": k, "n": 120, **score(0.4 + 0.1 * k)} for k in range(5)], score(0.6), "MCC"
        ),
        "roc": figures.roc_curves(curves(names), areas),
        "pr": figures.pr_curves(curves(names), areas, dict.fromkeys(names, 0.1)),
        "confusion": figures.confusion_matrix(
            np.arange(len(names) ** 2).reshape(-1, len(names)), names
        ),
        "reliability": figures.reliability(bins(10)),
        "history": figures.history(table(20), "mcc"),
        "history of folds": figures.history(fold, "mcc"),
        "lengths": figures.length_histogram({n: rng.integers(30, 9000, 200) for n in names}),
        "identity": figures.identity_bins(
            [{"bin": "no hit", "n": 30, "share": 0.3}, {"bin": "≥ 90 %", "n": 70, "share": 0.7}]
        ),
    }


@pytest.fixture(scope="module", params=[1, 2, 4, 12], ids="{} classes".format)
def drawn(request) -> dict[str, str]:
    return drawings(CLASSES[: request.param])


def texts(drawing: str) -> list[str]:
    root = ET.fromstring(drawing)
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]


def width(words: str, size: float) -> float:
    """Return an upper estimate of how wide words are in a sans serif font, in units."""
    return 0.62 * size * len(words)


def test_well_formed_scalable_and_described(drawn):
    for drawing in drawn.values():
        root = ET.fromstring(drawing)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert "width" not in root.attrib
        assert root.get("viewBox").startswith("0 0 360 ")


def test_colours_are_the_pages_and_fonts_too(drawn):
    for drawing in drawn.values():
        colours = re.findall(r"(?:fill|stroke|color): ([^;\"]+)", drawing)
        assert colours
        assert {c for c in colours if c != "none"} <= set(
            re.findall(r"var\(--\w+, #\w+\)", drawing)
        )
        assert "#0102" not in drawing
        assert "DejaVu" not in drawing


def test_ids_are_used_and_differ_between_figures(drawn):
    every: list[str] = []
    for drawing in drawn.values():
        ids = re.findall(r'id="([^"]+)"', drawing)
        used = re.findall(r'(?:href="|url\()#([^")]+)', drawing)
        assert set(ids) == set(used)
        every += ids
    assert len(every) == len(set(every))


def test_text_stays_inside(drawn):
    for name, drawing in drawn.items():
        root = ET.fromstring(drawing)
        *_, right, bottom = map(float, root.get("viewBox").split())
        for element in root.iter("{http://www.w3.org/2000/svg}text"):
            style = element.get("style")
            size = float(re.search(r"([\d.]+)px", style)[1])
            wide = width(element.text, size)
            if element.get("x") is None:  # turned to read upwards
                x, y = map(
                    float, re.findall(r"translate\(([\d.]+)[ ,]+([\d.]+)", str(element.attrib))[0]
                )
                assert "rotate(-90)" in element.get("transform")
                assert size / 2 < x < right, (name, element.text)
                assert 0 < y - 0.88 * wide < y <= bottom, (name, element.text)
                continue
            x, y = float(element.get("x")), float(element.get("y"))
            anchor = re.search(r"text-anchor: (\w+)", style)
            start = x - {"middle": 0.5, "end": 1.0}.get(anchor[1] if anchor else "", 0) * wide
            assert start > -0.12 * wide - 1, (name, element.text)
            assert start + wide < right + 0.12 * wide + 8, (name, element.text)
            assert 0 < y <= bottom, (name, element.text)


def test_same_numbers_same_text():
    assert drawings(CLASSES[:3]) == drawings(CLASSES[:3])


def test_the_users_own_style_changes_nothing():
    before = figures.forest({"Model": score(0.3)}, "MCC")
    with mpl.rc_context({"font.size": 40, "axes.grid": True, "text.color": "red"}):
        assert figures.forest({"Model": score(0.3)}, "MCC") == before
        assert mpl.rcParams["font.size"] == 40


def test_hostile_names_are_text_and_measured_without_a_warning():
    for name, drawing in drawings([HOSTILE, "plain"]).items():
        root = ET.fromstring(drawing)
        assert not root.findall(".//{http://www.w3.org/2000/svg}b")
        if name in ("forest", "roc", "pr", "confusion", "lengths"):
            assert "$\\frac{a}{b}$ 长🧬" in root.get("aria-label")
            assert any(text.startswith("<b>&\"'$") for text in texts(drawing))


def test_forest_shows_every_score_and_its_interval():
    scores = {"Model": score(0.214, 0.03), "Length": score(-0.05), "Homolog": score(None)}
    found = texts(figures.forest(scores, "MCC", highlight="Model"))
    for expected in (
        "MCC",
        "Model",
        "0.21",
        "0.18 to 0.24",
        "Length",
        "\N{MINUS SIGN}0.05",
        "Homolog",
        "n/a",
    ):
        assert expected in found


def test_class_bars_write_every_class_its_score_and_its_size():
    scores = {"seen": score(0.6), "never": {"value": None, "low": None, "high": None}}
    drawn = figures.class_bars(scores, "F1", {"seen": 1200, "never": 0})
    found = texts(drawn)
    assert {"F1", "seen", "0.60", "1\u202f200", "never", "n/a", "0"} <= set(found)
    # The bar of one class, and two lines: its interval and the one at zero.
    assert drawn.count("--tint") == 1


def test_forest_places_scores_by_their_value():
    drawing = figures.forest({"a": score(0.2), "b": score(0.4), "c": score(0.8)}, "MCC")
    marks = [float(x) for x in re.findall(r'<use href="[^"]+" x="([\d.]+)"', drawing)]
    dots = [x for x in marks if marks.count(x) == 1][-3:]
    assert (dots[2] - dots[1]) / (dots[1] - dots[0]) == pytest.approx(2, rel=0.01)


def test_areas_are_written_at_every_curve():
    areas = {"one": 0.914, "two": None}
    for drawing in (
        figures.roc_curves(curves(["one", "two"]), areas),
        figures.pr_curves(curves(["one", "two"]), areas, {"one": 0.2}),
    ):
        assert {"one", "area 0.91", "two", "area n/a"} <= set(texts(drawing))


def test_long_curves_are_drawn_by_few_points():
    x = np.linspace(0, 1, 20_000)
    drawing = figures.roc_curves({"a": {"x": x, "y": x**0.3}}, {"a": 0.7})
    assert len(drawing) < 15_000


def test_confusion_matrix_writes_counts_or_shares():
    counts = [[1234, 66], [0, 10]]
    found = texts(figures.confusion_matrix(counts, ["no", "yes"]))
    for expected in ("1\u202f234", "94.9\u202f%", "66", "5.1\u202f%", "0", "10", "100.0\u202f%"):
        assert expected in found
    many = np.eye(6) * 90 + 2
    found = texts(figures.confusion_matrix(many, CLASSES[:6]))
    assert found.count("90") == 6
    assert found.count("2") == 30
    named = [f"class {letter}" for letter in "abcdef"]
    found = texts(figures.confusion_matrix(many, named))
    assert [found.count(name) for name in named] == [2] * 6  # of its row, and of its column
    rare = np.eye(6) * 999 + np.eye(6, k=1)
    assert "<1" in texts(figures.confusion_matrix(rare, CLASSES[:6]))


def test_confusion_matrix_of_a_class_without_samples():
    drawing = figures.confusion_matrix([[0, 0], [3, 1]], ["none", "some"])
    assert "none 0%; some 25%" in drawing


def test_reliability_writes_n_of_each_bin():
    found = texts(figures.reliability([*bins(4), {"low": 0, "high": 0, "n": 0}]))
    assert {"50", "100", "150"} <= set(found)
    assert figures.reliability([])


def test_history_names_the_best_epoch():
    assert "┊ lowest at epoch 10" in texts(figures.history(table(20)))
    assert "mcc, validation" in texts(figures.history(table(20), "mcc"))
    unknown = figures.history(table(20), "roc_auc")
    assert "roc_auc, validation" not in texts(unknown)
    folds = pd.concat([table(9).assign(fold=k) for k in range(2)])
    assert not any("lowest" in text for text in texts(figures.history(folds)))
    assert figures.history(table(1), "mcc")


def test_lengths_are_logarithmic_where_they_span_much():
    near = texts(figures.length_histogram({"a": [100, 200, 300]}, "bases"))
    far = texts(figures.length_histogram({"a": [30, 300, 35_000], "none": []}, "bases"))
    assert {"Length, bases →", "200"} <= set(near)
    assert {"100", "1\u202f000", "10\u202f000", "n/a"} <= set(far)
    assert figures.length_histogram({"a": [50, 50]})
    assert figures.length_histogram({"a": []})


def test_identity_bins_write_shares_and_counts():
    found = texts(figures.identity_bins([{"bin": "no hit", "n": 12_345, "share": 0.4567}]))
    assert {"no hit", "45.7\u202f%", "n 12k"} <= set(found)


def test_folds_write_every_fold():
    rows = [{"fold": 0, "n": 1200, "value": 0.5}, {"fold": "chr1", "n": None, "value": None}]
    found = texts(figures.folds(rows, score(0.6), "ROC AUC"))
    assert {"Fold 0", "0.50", "n 1\u202f200", "Fold chr1", "n/a", "n n/a"} <= set(found)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.125, "0.12"),
        (-0.5, "\N{MINUS SIGN}0.50"),
        (-0.001, "0.00"),
        (None, "n/a"),
        (math.nan, "n/a"),
    ],
)
def test_decimal(number, text):
    assert decimal(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1234, "1.2k"), (9949, "9.9k"), (35_213, "35k"), (999_700, "1.0M")],
)
def test_compact(number, text):
    assert compact(number) == text
    assert len(text) <= 4


def test_count_and_limits():
    assert count(1_234_567) == "1\u202f234\u202f567"
    low, high = limits([(0.2, 0.1, math.nan), (0.5, math.nan, 0.6)])
    assert low < 0.1
    assert high > 0.6
    assert limits([(math.nan,) * 3]) == (0.0, 1.0)


def test_short():
    assert short("a\n\tb\x00c") == "a b c"
    assert short("x" * 30, 10) == "x" * 9 + "…"
    assert short("") == "(no name)"


def rows_of(drawing: str) -> list[list[str]]:
    table = ET.fromstring(drawing).get("data-table")
    return [line.split("\t") for line in table.split("\n")]


def test_every_figure_holds_its_numbers(drawn):
    for name, drawing in drawn.items():
        rows = rows_of(drawing)
        assert len(rows) > 1, name
        assert {len(row) for row in rows} == {len(rows[0])}, name


def test_the_numbers_of_a_figure_are_those_it_was_given():
    scores = {"Model": {"value": 0.31, "low": 0.2, "high": None}, "a\tb\n": score(None)}
    assert rows_of(figures.forest(scores, "MCC")) == [
        ["name", "MCC", "low", "high"],
        ["Model", "0.31", "0.2", ""],
        ["a b", "", "", ""],
    ]
    counts = [[3, 1], [0, 4]]
    assert rows_of(figures.confusion_matrix(counts, ["no", "yes"])) == [
        ["true class", "no", "yes"],
        ["no", "3", "1"],
        ["yes", "0", "4"],
    ]


def test_what_rests_under_the_pointer_is_said():
    drawing = figures.confusion_matrix([[3, 1], [0, 4]], ["no", "<yes> & #x"])
    titles = [e.text for e in ET.fromstring(drawing).iter() if e.tag.endswith("title")]
    assert titles == [
        "no called no: 3, 75.0 %",
        "no called <yes> & #x: 1, 25.0 %",
        "<yes> & #x called no: 0, 0.0 %",
        "<yes> & #x called <yes> & #x: 4, 100.0 %",
    ]
    drawing = figures.forest({"Model": score(0.5, 0.1), "Other": score(None)}, "MCC")
    titles = [e.text for e in ET.fromstring(drawing).iter() if e.tag.endswith("title")]
    assert titles[0] == "0.50 (0.40 to 0.60)"


def test_axes_of_a_projection_are_named():
    drawing = figures.by_class([0, 1], [1, 0], ["a", "b"], ["a", "b"], names=("PC 1, 12 %", "PC 2"))
    assert {"PC 1, 12 % \N{RIGHTWARDS ARROW}", "\N{UPWARDS ARROW} PC 2"} <= set(texts(drawing))
    assert rows_of(drawing)[:2] == [["PC 1, 12 %", "PC 2", "class"], ["0", "1", "a"]]
    many = list("abcdefgh")
    drawing = figures.by_class(range(8), range(8), many, many, names=("PC 1", "PC 2"))
    assert any("PC 1" in text and "PC 2" in text for text in texts(drawing))


def test_a_logo_holds_its_numbers():
    heights = np.array([[0.5, 0, 0, -0.25], [0, 1, 0, 0]])
    drawing = logo.contribution_logo(heights, 'a "label"')
    assert rows_of(drawing) == [
        ["column", "A", "C", "G", "T"],
        ["1", "0.5", "0", "0", "-0.25"],
        ["2", "0", "1", "0", "0"],
    ]


def test_a_track_has_a_legend_a_scale_and_letters_of_one_width():
    rng = np.random.default_rng(1)
    drawings = {}
    for n in (30, 60, 200):
        made = Track(
            "x",
            "predicted a",
            "ACGT" * (n // 4) + "AC"[: n % 4],
            np.where(np.arange(n) % 2, 0.5, -0.5) + rng.normal(0, 0.01, n),
            np.arange(n),
            scale="log-odds of a",
        )
        drawings[n] = track(made)
    widths = {float(w) for d in drawings.values() for w in re.findall(r"matrix\(([\d.]+) 0 0", d)}
    assert len(widths) == 1
    for n, drawing in drawings.items():
        assert "above the line: raises the log-odds of a" in texts(drawing)
        assert "below: lowers it" in texts(drawing)
        assert "position" in texts(drawing)
        rows = rows_of(drawing)
        assert rows[0] == ["position", "letter", "contribution"]
        assert len(rows) == n + 1
        assert rows[2][:2] == ["2", "C"]
        titles = [e.text for e in ET.fromstring(drawing).iter() if e.tag.endswith("title")]
        assert f"C 2: {float(rows[2][2]):+.3g}" in titles


def test_each_row_has_the_decimals_of_its_own_interval():
    rows = {
        "wide": {"value": 0.613, "low": 0.5, "high": 0.7},
        "narrow": {"value": 0.9204, "low": 0.9191, "high": 0.9216},
    }
    found = texts(figures.forest(rows, "MCC"))
    assert {"0.61", "0.50 to 0.70", "0.9204", "0.9191 to 0.9216"} <= set(found)
    rows = {"lost": {"value": 0.1, "low": 0.0021, "high": 0.3}}
    assert "0.002 to 0.300" in texts(figures.forest(rows, "lost", reference=0.0))
    assert "0.00 to 0.30" in texts(figures.forest(rows, "MCC"))
