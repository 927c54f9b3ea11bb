from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.base.motif import reverse_complement
from cistron.explain.motifs.scan import BINS, composition, scan, score_motif

EVEN = np.full(4, 0.25)


def random_motif(width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.4] * 4, size=width)


def naive(codes, probabilities, background, sites, p):
    """Score every place of both strands, then keep the best that do not overlap."""
    motif = score_motif(probabilities, background, sites)
    width = len(motif.table)
    limit = min(next(s for s in range(len(motif.tail)) if motif.tail[s] <= p), len(motif.tail) - 2)
    hits = []
    for row, sequence in enumerate(codes):
        found = []
        for start in range(len(sequence) - width + 1):
            word = sequence[start : start + width]
            if (word > 3).any():
                continue
            for reverse, read in ((False, word), (True, 3 - word[::-1])):
                score = sum(int(motif.table[i, base]) for i, base in enumerate(read))
                if score >= limit:
                    found.append((-score, start, reverse))
        kept = []
        for score, start, reverse in sorted(found):
            if all(abs(start - other) >= width for _, other, _ in kept):
                kept.append((score, start, reverse))
        hits += [
            (row, start, reverse, -score)
            for score, start, reverse in sorted(kept, key=lambda x: x[1])
        ]
    return hits, motif


@given(st.integers(0, 10_000), st.integers(3, 9), st.sampled_from([1e-2, 1e-3, 1e-6]))
@settings(max_examples=30, deadline=None)
def test_scanning_is_the_naive_loop(seed, width, p):
    rng = np.random.default_rng(seed)
    codes = rng.choice(5, size=(4, 60), p=[0.3, 0.2, 0.2, 0.27, 0.03]).astype(np.uint8)
    matrix, background = random_motif(width, seed), composition(codes)
    hits = scan(codes, matrix, background, sites=30, p=p)
    expected, motif = naive(codes, matrix, background, 30, p)
    assert list(zip(hits.row, hits.start, hits.reverse, strict=True)) == [x[:3] for x in expected]
    np.testing.assert_array_equal(hits.end - hits.start, width)
    np.testing.assert_allclose(hits.p, [motif.tail[score] for *_, score in expected])


@pytest.mark.parametrize("width", [3, 5])
def test_the_p_value_counts_the_words_that_score_as_well(width):
    matrix, background = random_motif(width, 7), np.array([0.3, 0.2, 0.2, 0.3])
    motif = score_motif(matrix, background, 20)
    words = np.array(list(itertools.product(range(4), repeat=width)))
    scores = motif.table[np.arange(width), words].sum(axis=1)
    chances = background[words].prod(axis=1)
    for score in np.unique(scores):
        np.testing.assert_allclose(motif.tail[score], chances[scores >= score].sum())


def test_scores_are_log_odds_in_bits():
    matrix = random_motif(6, 3)
    smooth = (matrix * 20 + 0.25) / 21
    codes = np.random.default_rng(0).integers(0, 4, (5, 40)).astype(np.uint8)
    hits = scan(codes, matrix, EVEN, p=0.05)
    assert len(hits) > 3
    for row, start, end, reverse, score in zip(
        hits.row, hits.start, hits.end, hits.reverse, hits.score, strict=True
    ):
        word = codes[row, start:end]
        word = 3 - word[::-1] if reverse else word
        exact = np.log2(smooth[np.arange(6), word] / 0.25).sum()
        assert score == pytest.approx(exact, abs=6 * 12 / BINS)


@pytest.mark.slow  # numba compiles memelite's scanner
def test_hits_agree_with_memelite():
    from memelite import fimo

    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, (20, 200)).astype(np.uint8)
    matrix = np.full((8, 4), 0.02)
    matrix[np.arange(8), [3, 2, 0, 1, 3, 3, 0, 0]] = 0.94
    codes[3, 50:58] = [3, 2, 0, 1, 3, 3, 0, 0]
    codes[7, 90:98] = 3 - np.array([3, 2, 0, 1, 3, 3, 0, 0])[::-1]
    one_hot = np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1).copy()
    theirs = fimo({"m": matrix.T.copy()}, one_hot, threshold=1e-4)[0]
    hits = scan(codes, matrix, EVEN, sites=10**6, p=1e-4)
    ours = set(zip(hits.row, hits.start, np.where(hits.reverse, "-", "+"), strict=True))
    named = zip(theirs["sequence_name"], theirs["start"], theirs["strand"], strict=True)
    assert ours == set(named)
    assert {(3, 50, "+"), (7, 90, "-")} <= ours


def test_the_other_strand_has_the_same_hits():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, (60, 80)).astype(np.uint8)
    matrix, background = random_motif(7, 11), composition(codes)
    hits = scan(codes, matrix, background, p=1e-3)
    turned = scan(codes, reverse_complement(matrix), background, p=1e-3)
    assert len(hits) > 3
    np.testing.assert_array_equal(hits.start, turned.start)
    np.testing.assert_allclose(hits.score, turned.score)
    mirrored = scan(3 - codes[:, ::-1], matrix, background, p=1e-3)
    assert sorted(zip(hits.row, hits.start, strict=True)) == sorted(
        zip(mirrored.row, 80 - mirrored.end, strict=True)
    )


def test_short_motifs_have_their_best_word_and_palindromes_count_once():
    gbox = np.eye(4)[[1, 0, 1, 2, 3, 2]]
    codes = np.zeros((1, 30), dtype=np.uint8)
    codes[0, 10:16] = [1, 0, 1, 2, 3, 2]
    hits = scan(codes, gbox, EVEN, sites=1000, p=1e-4)
    assert hits.p[0] > 1e-4
    assert hits.start.tolist() == [10]
    assert not hits.reverse[0]


def test_unknown_bases_and_short_sequences_have_no_hits():
    matrix = np.eye(4)[[0, 0, 0, 0]]
    codes = np.zeros((1, 9), dtype=np.uint8)
    codes[0, 4] = 4
    assert scan(codes, matrix, EVEN, p=0.5).start.tolist() == [0, 5]
    assert len(scan(codes[:, :3], matrix, EVEN)) == 0
