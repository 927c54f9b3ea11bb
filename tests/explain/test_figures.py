"""Figures of explanations, and their page."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.base.errors import InputError
from cistron.explain.drawing import choose, draw, require_choice
from cistron.explain.explanation import explain
from cistron.explain.files import explain_file
from cistron.explain.positions import Ends, profile_table
from cistron.explain.store import write
from cistron.figures.explain.canvas import bars
from cistron.figures.explain.heat import heat_map
from cistron.figures.explain.marks import (
    PATTERNS,
    Axis,
    Mark,
    ends_of,
    patterns_in,
    regions_of,
)
from cistron.figures.explain.tracks import COLUMNS, Track, track
from cistron.figures.explain.zooms import rows_of, strongest
from cistron.report.explanation import render_explanation, write_explanation
from cistron.samples.genome.regions import PRESETS
from cistron.samples.genome.stretches import stretches_of
from cistron.samples.genome.windows import make_windows
from cistron.samples.sequences.fasta import write_fasta
from tests.explain.conftest import MOTIF, PLACE, promoters
from tests.report.chromium import BINARY
from tests.report.test_browser import FAINT, OUTSIDE, OVERLAPS, browser  # noqa: F401

SVG = "{http://www.w3.org/2000/svg}"


def letters_in(drawing: str) -> list[tuple[str, float]]:
    """Return each letter of a logo, and its height: negative below the line."""
    found = []
    for use in ET.fromstring(drawing).iter(f"{SVG}use"):
        numbers = use.get("transform", "")[len("matrix(") : -1].split()
        found.append((use.get("href", "")[-1], float(numbers[3])))
    return found


def texts_in(drawing: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(drawing).iter(f"{SVG}text")]


def plain(text: str, values: np.ndarray, **more) -> Track:
    return Track("s", "said", text, values, np.arange(len(text)), **more)


# ---------------------------------------------------------------- tracks


def test_letters_are_as_high_as_their_contributions():
    values = np.array([1.0, -0.5, 0.25, 0.0, 2.0])
    found = letters_in(track(plain("ACGTN", values)))
    assert [letter for letter, _ in found] == ["A", "C", "G"]  # N has no letter, nothing no height
    heights = np.array([height for _, height in found])
    np.testing.assert_allclose(heights / heights[0], [1, -0.5, 0.25], rtol=1e-3)


def test_long_sequences_have_an_overview_and_their_strongest_stretches():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGT"), 900))
    values = rng.normal(0, 0.01, 900)
    values[400:408], values[700:708] = 1, -0.9
    drawing = track(plain(text, values))
    high = [letter for letter, height in letters_in(drawing) if height > 0.3]
    assert "".join(high) == text[400:408]
    low = [letter for letter, height in letters_in(drawing) if height < -0.3]
    assert "".join(low) == text[700:708]
    assert texts_in(drawing).count("a") == 2  # above the overview, and beside the stretch
    assert "410" in texts_in(drawing)


def test_proteins_have_bars_letters_ends_and_marks():
    text = "M" + "ACDE" * 60 + "SKL"
    values = np.zeros(len(text))
    values[-3:] = 1
    marks = patterns_in(text, np.arange(len(text)), len(text))
    made = plain(text, values, marks=marks, ends=ends_of(len(text)), logo=False)
    words = texts_in(track(made))
    assert "SKL-like end" in words
    assert words.count("M") == 1
    effects = np.ones((len(text), 20))
    more = track(replace(made, mutations=effects, letters="ARNDCQEGHILKMFPSTWYV"))
    assert len(more) > len(track(made))


def test_regions_and_anchors_are_named():
    parts = PRESETS["deepdife"]
    length = make_windows("deepdife").length
    values = np.zeros(length)
    values[495:503] = 1
    axis = Axis(stretches_of(parts))
    drawing = track(plain("A" * length, values, marks=regions_of(parts), axis=axis))
    words = texts_in(drawing)
    assert {"promoter", "gene body 5", "TSS"} <= set(words)
    assert axis.called(480) == "TSS \N{MINUS SIGN}20"


def test_positions_that_were_not_read_are_told():
    values = np.ones(300)
    positions = np.concatenate([np.arange(150), np.arange(400, 550)])
    made = Track("s", "", "A" * 300, values, positions, marks=[Mark(410, 420, "here")])
    assert made.within(Mark(410, 420, "here"), 0, 300) == (160, 170)
    assert made.within(Mark(200, 300, "gone"), 0, 300) is None
    assert "not read" in texts_in(track(made))


@given(st.text(min_size=0, max_size=30))
def test_any_name_is_valid_xml(name):
    ET.fromstring(track(replace(plain("ACGT", np.ones(4)), name=name, heading=name)))
    ET.fromstring(heat_map(name, "MK", np.ones((2, 20)), "ARNDCQEGHILKMFPSTWYV"))


@given(st.integers(1, 400), st.integers(0, 100), st.integers(1, 4))
def test_stretches_never_overlap(n, seed, number):
    values = np.random.default_rng(seed).normal(size=n) ** 3
    ends = [(0, 20), (n - 20, n)] if seed % 2 and n > 60 else []
    found = strongest(values, 20, number, ends)
    assert set(ends) <= set(found)
    assert len(found) <= number + len(ends)
    for (start, end), (after, _) in zip(found, [*found[1:], (n, n)], strict=True):
        assert 0 <= start < end <= after
    rows = rows_of(n, COLUMNS)
    assert [row[0] for row in rows[1:]] == [row[1] for row in rows[:-1]]
    assert rows[0][0] == 0
    assert rows[-1][1] == n


def test_bars_go_up_and_down():
    above, below = bars(np.array([1.0, 0.0, -2.0]), np.array([0.0, 1.0, 2.0]), 1, 10, 3)
    assert above == "M0.0 10.0v-3.00h1.00V10.0z"
    assert below == "M2.0 10.0v6.00h1.00V10.0z"


# ---------------------------------------------------------------- marks


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KDEL or HDEL end", "MAAAAGGHDEL"),
        ("SKL-like end", "MAAGGSKL"),
        ("PTS2-like", "MAARLQVVLGHLAAG"),
        ("basic, NLS-like", "MAAPKKKRKVAA"),
        ("CaaX-like end", "MGGSCVLS"),
        ("hydrophobic stretch", "MKDALLLLLLLLLVDE"),
    ],
)
def test_patterns_are_found_where_they_are(name, text):
    whole = np.arange(len(text))
    found = {mark.name: mark for mark in patterns_in(text, whole, len(text))}
    assert name in found
    assert found[name].end <= len(text)
    if name.endswith("end"):
        assert found[name].end == len(text)
        # Not the end of the protein, or not known to be: nothing is said.
        assert name not in {m.name for m in patterns_in(text + "A", np.arange(len(text) + 1), None)}
        assert name not in {m.name for m in patterns_in(text, whole, None)}
    assert {p.name for p in PATTERNS} >= set(found)


def test_patterns_do_not_cross_what_was_not_read():
    positions = np.array([0, 1, 2, 3, 50, 51, 52, 53])
    assert patterns_in("MAKKKKAA", np.arange(8), 60)[0] == Mark(2, 6, "basic, NLS-like")
    assert patterns_in("MAKKKKAA", positions, 60) == []
    assert patterns_in("MAAAAKKKK", np.array([0, 1, 2, 3, 4, 90, 91, 92, 93]), 94) == [
        Mark(90, 94, "basic, NLS-like")
    ]


# ---------------------------------------------------------------- ends


def test_profiles_are_relative_to_each_sample(cnn, promoter_samples):
    explanation = explain(cnn, promoter_samples)
    ends = Ends("protein")  # reach of 100, one position a bin
    ends.add(explanation)
    profiles = ends.profiles()
    predicted = np.array(explanation.classes)[explanation.probabilities.argmax(axis=1)]
    assert sum(p.samples for p in profiles.values()) == 8
    rows = np.flatnonzero(predicted == "with")
    sizes = [np.abs(explanation.of(row)) / np.abs(explanation.of(row)).mean() for row in rows]
    mean = profiles["with"].first[0]
    assert mean[PLACE + 2] == pytest.approx(np.mean([s[PLACE + 2] for s in sizes]), rel=1e-5)
    assert profiles["with"].last[0][3] == pytest.approx(np.mean([s[-4] for s in sizes]), rel=1e-5)
    error = np.std([s[7] for s in sizes], ddof=1) / np.sqrt(len(sizes))
    assert profiles["with"].first[1][7] == pytest.approx(error, rel=1e-4)
    assert mean[PLACE : PLACE + len(MOTIF)].mean() > 3
    table = profile_table(profiles)
    assert set(table["end"]) == {"first", "last"}
    part = table[(table["predicted"] == "with") & (table["end"] == "first")]
    assert part["mean"].idxmax() in part.index[PLACE : PLACE + len(MOTIF)]


def test_the_most_certain_are_chosen_class_by_class(cnn, tmp_path):
    explanation = explain(cnn, promoters(30, seed=4))
    write(explanation, tmp_path / "attributions.h5")
    rows = choose(tmp_path / "attributions.h5", 6, "certain")
    own = explanation.probabilities.argmax(axis=1)
    assert sorted(own[rows].tolist()) == [0, 0, 0, 1, 1, 1]
    best = explanation.probabilities.max(axis=1)
    for label in (0, 1):
        chosen = [row for row in rows if own[row] == label]
        rest = np.setdiff1d(np.flatnonzero(own == label), chosen)
        assert best[chosen].min() >= best[rest].max()
    assert choose(tmp_path / "attributions.h5", 3, "first") == [0, 1, 2]
    assert choose(tmp_path / "attributions.h5", 99, "first") == list(range(30))
    with pytest.raises(InputError, match="choose certain or first"):
        require_choice("certian")


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def opened(cnn, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_fasta(promoters(12, seed=5), folder / "x.fasta")
    summary = explain_file(cnn, folder / "x.fasta", folder / "why")
    drawn = draw(folder / "why", 4, mutate=cnn)
    drawn.write(folder / "why")
    return write_explanation(folder / "why", summary, drawn)


def test_the_folder_holds_every_figure(opened):
    names = sorted(path.name for path in (opened.parent / "figures").iterdir())
    assert names == ["ends-01.svg", "ends-02.svg", *(f"sample-0{n}.svg" for n in range(1, 5))]
    for path in (opened.parent / "figures").iterdir():
        ET.fromstring(path.read_text())
    drawings = [(opened.parent / "figures" / name).read_text() for name in names[2:]]
    tall = ["".join(c for c, h in letters_in(d) if h > 0.25) for d in drawings]
    assert sum(MOTIF[1:-1] in text for text in tall) >= 1
    page = opened.read_text()
    assert all(drawing.strip() in page for drawing in drawings)
    assert "Do contributions add up?" in page
    assert (opened.parent / "positions.tsv").is_file()


def test_the_page_says_what_did_not_hold(opened):
    summary = {
        "settings": {"tolerance": 1e-3},
        "samples": 3,
        "not_used": {"records": 1, "first": [{"id": "x<y", "reason": "no letters"}]},
        "explained": {"a": 2, "b": 1},
        "methods": {"deeplift": 2, "integrated_gradients": 1},
        "completeness_error": {"median": 1e-6, "largest": 0.02},
        "checks": {"randomised_weights": {"correlation": 0.9, "samples": 3}},
        "source": "x.fasta",
    }
    page = render_explanation(summary, draw(opened.parent, 0))
    assert "x&lt;y" in page
    assert page.count('<div class="warn">') == 2
    assert page.count('<div class="unknown">') == 1  # no run says what the model is worth
    assert "same method" in page
    assert "each sample" in page


@pytest.mark.browser
@pytest.mark.skipif(BINARY is None, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_opens_without_error_or_overflow(opened, browser, width, scheme):  # noqa: F811
    assert browser.open(opened, width, scheme) == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OVERLAPS) == []
    assert browser.value(OUTSIDE) == []
    assert browser.value(FAINT) == []
