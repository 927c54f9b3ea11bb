from __future__ import annotations

import base64
import hashlib
import re
from html import escape, unescape
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from cistron.base.motif import information
from cistron.figures import logo
from cistron.report.motif_sections import scientific, signed
from cistron.report.motifs import render_motifs, write_motifs


@pytest.fixture(scope="module")
def page(examined):
    return render_motifs(examined[2])


def test_the_page_says_what_was_found(examined, page):
    found = examined[2]
    assert "3 patterns: 2 for and 1 against. 3 of 3 match a known motif at q ≤ 0.05." in page
    assert escape("Something was <odd>.") in page
    for pattern in found["patterns"]:
        assert f'id="{pattern["name"].replace(" ", "-")}"' in page
        for matched in pattern["matches"][:3]:
            assert escape(matched["motif"]) in page
    assert "Found again in 1 of 2 other explanations: fold 2 (positive 4)." in page
    assert "from the TSS" in page
    assert "error at most 2.0e-06" in page
    assert "in 97% of sequences" in page


def test_the_page_needs_nothing_else(page):
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page
    for drawn in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ET.fromstring(drawn)


def test_only_the_script_of_the_page_may_run(page):
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert unescape(policy).endswith(f"script-src 'sha256-{digest}'")
    assert policy.startswith("default-src 'none'")


def test_the_page_is_the_same_every_time(examined, page, tmp_path):
    assert render_motifs(examined[2]) == page
    write_motifs(examined[2], tmp_path / "motifs.html")
    assert (tmp_path / "motifs.html").read_text(encoding="utf-8") == page


def test_a_page_without_patterns_says_why(examined):
    page = render_motifs({**examined[2], "patterns": []})
    assert "No pattern was found." in page
    assert escape("Something was <odd>.") in page


def heights(drawn: str) -> list[tuple[str, float, float]]:
    """Letter, top and signed height of every letter of a logo."""
    uses = re.findall(r'#base-(.)" transform="matrix\((.*?)\)"', drawn)
    numbers = [(base, [float(x) for x in matrix.split()]) for base, matrix in uses]
    return [(base, values[5], values[3] * 100) for base, values in numbers]


def test_letters_are_as_high_as_what_they_stand_for():
    matrix = np.array([[0.7, 0.1, 0.1, 0.1], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25]])
    drawn = heights(logo.probability_logo(matrix, "x"))
    bits = information(matrix)
    assert [base for base, *_ in drawn] == ["C", "G", "T", "A", "G"]
    assert drawn[3][2] == pytest.approx(0.7 * bits[0] / 2 * logo.HEIGHT, rel=1e-2)
    assert drawn[4][2] == pytest.approx(logo.HEIGHT)
    assert drawn[4][1] == pytest.approx(0)
    up, down = np.array([[3.0, 0, 0, 0], [0, -1.0, 0, 0]])[:, None]
    drawn = heights(logo.contribution_logo(np.concatenate([up, down]), "x"))
    assert drawn[0] == ("A", pytest.approx(0), pytest.approx(0.75 * logo.HEIGHT))
    # Turned: drawn from its foot at the bottom upwards.
    assert drawn[1] == ("C", pytest.approx(logo.HEIGHT), pytest.approx(-0.25 * logo.HEIGHT))


def test_labels_are_escaped():
    assert 'aria-label="&lt;&quot;&gt;"' in logo.probability_logo(np.full((2, 4), 0.25), '<">')


def test_numbers_as_they_are_said():
    assert scientific(0.0123) == "0.012"
    assert scientific(4.2e-12).endswith("10⁻¹²")
    assert (signed(1.234), signed(-0.5), signed(0.001)) == ("+1.23", "\u22120.50", "0.00")
