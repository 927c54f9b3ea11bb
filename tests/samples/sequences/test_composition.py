from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.samples.alphabet import DNA, PROTEIN
from cistron.samples.samples import Sequences
from cistron.samples.sequences import composition as module
from cistron.samples.sequences.composition import (
    both_strand_shares,
    composition,
    gc_features,
    kmer_counts,
    letter_counts,
)

DNA_TEXTS = st.lists(st.text("ACGTNRY", max_size=30), min_size=1, max_size=12)


def test_composition_by_hand():
    found = composition(Sequences.from_text(["AARN", "AB", "XA", "XX", "", "UJ"]))
    letters = PROTEIN.letters
    assert found.shape == (6, 20)
    assert found[0, letters.index("A")] == 0.5
    assert found[1, letters.index("A")] == 0.5
    assert found[1, letters.index("D")] == found[1, letters.index("N")] == 0.25
    assert found[2, letters.index("A")] == 1
    assert found[3].sum() == found[4].sum() == 0
    assert [found[5, letters.index(x)] for x in "CIL"] == [0.5, 0.25, 0.25]


@settings(max_examples=60, deadline=None)
@given(DNA_TEXTS)
def test_letters_are_counted(strings):
    found = letter_counts(Sequences.from_text(strings, "dna"))
    assert found.tolist() == [[text.count(x) for x in DNA.letters] for text in strings]


@settings(max_examples=60, deadline=None)
@given(DNA_TEXTS, st.integers(1, 4))
def test_words_are_counted_with_overlaps_within_each_sequence(strings, k):
    found = kmer_counts(Sequences.from_text(strings, "dna"), k)
    words = ["".join(word) for word in product("ACGT", repeat=k)]
    for text, counts in zip(strings, found, strict=True):
        inside = [text[i : i + k] for i in range(len(text) - k + 1)]
        assert counts.tolist() == [inside.count(word) for word in words]


@settings(max_examples=60, deadline=None)
@given(DNA_TEXTS, st.integers(1, 4))
def test_a_word_and_its_reverse_complement_are_one(strings, k):
    other = [text.translate(str.maketrans("ACGTRY", "TGCAYR"))[::-1] for text in strings]
    found = both_strand_shares(Sequences.from_text(strings, "dna"), k)
    np.testing.assert_array_equal(found, both_strand_shares(Sequences.from_text(other, "dna"), k))
    assert found.shape[1] == (4**k + (0 if k % 2 else 2**k)) // 2
    counts = kmer_counts(Sequences.from_text(strings, "dna"), k)
    np.testing.assert_allclose(found.sum(axis=1), counts.any(axis=1), atol=1e-5)


def test_shares_of_words_by_hand():
    found = both_strand_shares(Sequences.from_text(["AATNC"], "dna"), 2)
    words = ["AA", "AC", "AG", "AT", "CA", "CC", "CG", "GA", "GC", "TA"]
    expected = [0.5 if word in ("AA", "AT") else 0 for word in words]
    np.testing.assert_allclose(found, [expected])


def test_gc_by_hand():
    found = gc_features(Sequences.from_text(["GGCA", "NNNNAT"], "dna"))
    np.testing.assert_allclose(found, [[0.75, 0.5625, np.log(4)], [0, 0, np.log(6)]])


@pytest.mark.parametrize("cells", [50, 4096])
def test_chunks_do_not_show(monkeypatch, cells):
    rng = np.random.default_rng(1)
    lengths = np.append(rng.integers(0, 40, 60), [500, 0, 3])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    sequences = Sequences(rng.integers(0, 6, offsets[-1]).astype(np.uint8), offsets, DNA)
    whole = composition(sequences), kmer_counts(sequences, 2), letter_counts(sequences)
    monkeypatch.setattr(module, "CHUNK", 37)
    monkeypatch.setattr(module, "CELLS", cells)
    pieces = composition(sequences), kmer_counts(sequences, 2), letter_counts(sequences)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_sequences():
    none = Sequences.from_text([])
    assert composition(none).shape == (0, 20)
    assert kmer_counts(none, 2).shape == (0, 400)
