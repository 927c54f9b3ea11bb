from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.encoders.crop import crop
from cistron.encoders.one_hot import OneHotSettings
from cistron.encoders.proteins.blosum62 import BLOSUM62
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.samples.alphabet import DNA, PROTEIN
from cistron.samples.samples import Sequences, make_samples

proteins = st.lists(
    st.text("ARNDCQEGHILKMFPSTWYV", min_size=1, max_size=40), min_size=1, max_size=8
)


def by_hand(text: str, n: int, keep: str) -> str:
    if len(text) <= n:
        return text
    if keep == "ends":
        return text[: n - n // 2] + (text[-(n // 2) :] if n // 2 else "")
    start = {"start": 0, "end": len(text) - n, "center": (len(text) - n) // 2}[keep]
    return text[start : start + n]


@given(proteins, st.integers(1, 30), st.sampled_from(["start", "end", "ends", "center"]))
def test_crop_keeps_what_it_says(texts, n, keep):
    found = crop(Sequences.from_text(texts), n, keep)
    assert [PROTEIN.text(found[i]) for i in range(len(texts))] == [
        by_hand(t, n, keep) for t in texts
    ]


def test_ambiguous_residues_are_shared():
    table = ResiduesSettings().fit(None).shape.table
    row = {letter: table[PROTEIN.letters.index(letter)] for letter in PROTEIN.letters}
    order = PROTEIN.letters[:20]
    assert row["A"].tolist() == [1.0] + [0.0] * 19
    assert row["X"].sum() == 0
    for letter, meaning in {"B": "ND", "Z": "QE", "J": "IL"}.items():
        assert {order[i]: v for i, v in enumerate(row[letter]) if v} == dict.fromkeys(meaning, 0.5)
    np.testing.assert_array_equal(row["U"], row["C"])
    np.testing.assert_array_equal(row["O"], row["K"])


def test_blosum62_known_scores():
    order = PROTEIN.letters[:20]
    score = {(a, b): 4 * BLOSUM62[i, j] for i, a in enumerate(order) for j, b in enumerate(order)}
    assert score["W", "W"] == 11
    assert score["C", "C"] == 9
    assert score["I", "V"] == 3
    assert score["D", "E"] == 2
    assert score["W", "D"] == -4
    assert score["F", "Y"] == 3
    np.testing.assert_array_equal(BLOSUM62, BLOSUM62.T)
    assert 4 * np.trace(BLOSUM62) == 116  # sum of the published diagonal


def test_learned_embedding_has_no_table():
    shape = ResiduesSettings(**{"as": "embedding"}, width=7).fit(None).shape
    assert (shape.kind, shape.width, shape.table) == ("codes", 7, None)


def test_cropping_is_said():
    samples = make_samples(Sequences.from_text(["A" * 30, "A" * 10]))
    encoder = ResiduesSettings(max_length=20).fit(samples)
    assert encoder.warnings(samples) == ["cropped to 20 of 30", ""]
    assert encoder.encode(samples).lengths.tolist() == [20, 10]


def test_one_hot_of_dna():
    table = OneHotSettings().fit(None).shape.table
    np.testing.assert_array_equal(table[:4], np.eye(4))
    assert table[DNA.letters.index("N")].sum() == 0
    assert table[DNA.letters.index("R")].tolist() == [0.5, 0, 0.5, 0]


def test_complement_is_an_involution_and_known():
    c = DNA.complement
    np.testing.assert_array_equal(c[c], np.arange(len(DNA.letters)))
    assert DNA.text(c[DNA.codes[np.frombuffer(b"ACGTNRYSWKMBDHV", np.uint8)]]) == "TGCANYRSWMKVHDB"


def test_alphabets_know_lower_case_and_gaps():
    assert PROTEIN.codes[ord("a")] == PROTEIN.codes[ord("A")] == 0
    assert PROTEIN.codes[ord("-")] == PROTEIN.codes[ord("\n")] == 254
    assert PROTEIN.codes[ord("1")] == 255
    with pytest.raises(ValueError, match="complement"):
        _ = PROTEIN.complement
