"""The k-mer search and its banded alignment, against a plain one and against MMseqs2."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.samples.samples import Sequences
from cistron.splits.search.banded import Seeds, align, ungapped
from cistron.splits.search.kmer_search import (
    DNA_SCORES,
    PROTEIN_SCORES,
    PROTEIN_SEEDS,
    word_alphabet,
)
from cistron.splits.search.search import Search, find_similar, kmer_search
from cistron.splits.search.strands import reverse_complements, same_molecule
from tests.places import REAL_DATA
from tests.splits.families import BASES, RESIDUES, mutated, random_text, reverse_complement


def plain_score(a: str, b: str, scores, group) -> int:
    """Return the best local score with affine gaps, cell by cell."""
    codes = {letter: group[i] for i, letter in enumerate(Sequences.from_text([a]).alphabet.letters)}
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    up = [[-(10**6)] * (len(b) + 1) for _ in range(len(a) + 1)]
    left = [[-(10**6)] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            x, y = a[i - 1], b[j - 1]
            score = scores.alike if codes[x] == codes[y] >= 0 else scores.other
            score = scores.same if x == y and codes[x] >= 0 else score
            up[i][j] = max(best[i - 1][j] - scores.gap_open, up[i - 1][j] - scores.gap_extend)
            left[i][j] = max(best[i][j - 1] - scores.gap_open, left[i][j - 1] - scores.gap_extend)
            best[i][j] = max(0, best[i - 1][j - 1] + score, up[i][j], left[i][j])
    return max(map(max, best))


def aligned(a: str, b: str, diagonal: int = 0, alphabet: str = "protein"):
    queries, targets = Sequences.from_text([a], alphabet), Sequences.from_text([b], alphabet)
    seeds = Seeds(*(np.array([x]) for x in (0, 0, 0, diagonal)))
    scores = PROTEIN_SCORES if alphabet == "protein" else DNA_SCORES
    return align(queries, targets, seeds, scores, word_alphabet(queries.alphabet)[0])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_the_score_is_that_of_a_plain_alignment(seed):
    rng = np.random.default_rng(seed)
    a = random_text(rng, int(rng.integers(1, 40)), np.append(RESIDUES[:8], "X"))
    b = list(mutated(a, 0.7, rng))
    for _ in range(rng.integers(0, 4)):
        place = rng.integers(0, len(b) + 1)
        b[place : place + rng.integers(0, 5)] = rng.choice(RESIDUES, rng.integers(0, 5))
    b = "".join(b) or "A"
    found = aligned(a, b)
    group = word_alphabet(Sequences.from_text([a]).alphabet)[0]
    score = (found.bits[0] * np.log(2) + np.log(PROTEIN_SCORES.k)) / PROTEIN_SCORES.scale
    assert score == pytest.approx(plain_score(a, b, PROTEIN_SCORES, group), abs=1e-6)


def test_a_gap_counts_as_columns_that_differ():
    rng = np.random.default_rng(0)
    a = random_text(rng, 100)
    found = aligned(a, a[:50] + a[56:])
    assert found.identity[0] == pytest.approx(0.94)
    assert found.query_coverage[0] == 1
    assert found.target_coverage[0] == 1
    turned = aligned(a[:50] + a[56:], a)
    assert turned.identity[0] == pytest.approx(0.94)
    assert turned.bits[0] == pytest.approx(found.bits[0])


def test_coverage_is_the_share_of_each_sequence():
    rng = np.random.default_rng(1)
    shared = random_text(rng, 60)
    found = aligned(shared, "W" * 40 + shared + "W" * 100, diagonal=40)
    assert found.identity[0] == 1
    assert found.query_coverage[0] == 1
    assert found.target_coverage[0] == pytest.approx(0.3)


def test_letters_that_say_nothing_match_nothing():
    assert aligned("X" * 30, "X" * 30).identity[0] == 0
    assert aligned("N" * 30, "N" * 30, alphabet="dna").identity[0] == 0


def test_a_batch_gives_what_each_pair_gives_alone():
    rng = np.random.default_rng(2)
    texts = [random_text(rng, n) for n in (20, 300, 90, 6200)]
    others = [mutated(text, 0.6, rng) for text in texts]
    queries, targets = Sequences.from_text(texts), Sequences.from_text(others)
    rows, zeros = np.arange(4), np.zeros(4, dtype=np.int64)
    group = word_alphabet(queries.alphabet)[0]
    together = align(queries, targets, Seeds(rows, rows, zeros, zeros), PROTEIN_SCORES, group)
    for row in range(4):
        alone = aligned(texts[row], others[row])
        assert together.bits[row] == alone.bits[0]
        assert together.identity[row] == alone.identity[0]


def test_a_seed_scores_its_best_stretch():
    a, b = "WWWAAAAAAAAAAWWW", "PPPAAAAAAAAAAPPP"
    queries, targets = Sequences.from_text([a]), Sequences.from_text([b])
    seeds = Seeds(*(np.array([x]) for x in (0, 0, 5, 0)))
    group = word_alphabet(queries.alphabet)[0]
    assert ungapped(queries, targets, seeds, PROTEIN_SEEDS, group) == [50]


def test_families_larger_than_the_limit_keep_their_best():
    rng = np.random.default_rng(3)
    ancestor = random_text(rng, 120)
    near = [mutated(ancestor, 0.95, rng) for _ in range(3)]
    far = [mutated(ancestor, 0.6, rng) for _ in range(10)]
    hits = kmer_search.search(
        Sequences.from_text([ancestor]), Sequences.from_text(far + near), max_hits=3
    )
    assert sorted(hits.target) == [10, 11, 12]


def test_blocks_do_not_change_what_is_found(monkeypatch):
    rng = np.random.default_rng(4)
    texts = [random_text(rng, 100) for _ in range(12)]
    sequences = Sequences.from_text(texts + [mutated(text, 0.8, rng) for text in texts])
    whole = kmer_search.search(sequences, None, max_hits=300)
    monkeypatch.setattr(kmer_search, "WORDS", 50)
    parts = kmer_search.search(sequences, None, max_hits=300)
    assert len(whole) == 24
    for name in ("query", "target", "identity"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_strands():
    rng = np.random.default_rng(5)
    texts = [random_text(rng, n, BASES) for n in (1, 7, 30)] + ["ACGTNR"]
    sequences = Sequences.from_text(texts, "dna")
    other = reverse_complements(sequences)
    expected = [reverse_complement(text) for text in texts[:3]] + ["YNACGT"]
    assert [other.text(i) for i in range(4)] == expected
    both = same_molecule(Sequences.stack([sequences, other, sequences]))
    np.testing.assert_array_equal(both.reshape(3, 4)[0], both.reshape(3, 4)[1])
    np.testing.assert_array_equal(both.reshape(3, 4)[0], both.reshape(3, 4)[2])
    assert len(set(both)) == 4
    protein = Sequences.from_text(["ACG", "CGT", "ACG"])
    assert same_molecule(protein).tolist() == [0, 1, 0]


@pytest.mark.real_data
def test_real_proteins_are_found_as_mmseqs_finds_them():
    path = REAL_DATA / "localization" / "deeploc_test.fasta.gz"
    if not path.is_file():
        pytest.skip("the data is not here")
    with gzip.open(path, "rt") as stream:
        records = stream.read().split(">")[1:]
    texts = ["".join(record.splitlines()[1:]) for record in records]
    sequences = Sequences.from_text([text for text in texts if len(text) < 400][:500])
    ours = find_similar(sequences, None, Search(engine="kmers"))
    theirs = find_similar(sequences, None, Search(engine="mmseqs"))
    theirs = theirs[theirs.at_least(0.5, 0.8)]
    seen = set(zip(ours.query.tolist(), ours.target.tolist(), strict=True))
    pairs = zip(theirs.query.tolist(), theirs.target.tolist(), strict=True)
    recalled = [pair in seen for pair in pairs]
    assert len(recalled) > 10
    assert np.mean(recalled) >= 0.95
