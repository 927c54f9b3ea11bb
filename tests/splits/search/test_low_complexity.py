"""Relatives rich in few letters, which masking and corrections for composition hide."""

from __future__ import annotations

import numpy as np
import pytest
from Bio.Align import PairwiseAligner, substitution_matrices

from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.audit.audit import audit
from cistron.splits.homology import homology_split
from cistron.splits.search.search import Search, find_similar, mmseqs
from cistron.splits.split import TEST, TRAIN, UNUSED, Split
from tests.splits.families import BASES, divided, mutated, random_text, reverse_complement

MEMBERS = 3


def rich(rng: np.random.Generator, length: int, letters: str) -> str:
    """Return a text of which four fifths are of a few letters, as in disordered proteins."""
    common = rng.choice(list(letters), length)
    others = list(random_text(rng, length))
    return "".join(np.where(rng.random(length) < 0.8, common, others))


def low_complexity_proteins(n: int = 12, length: int = 240, seed: int = 0) -> list[str]:
    """Return families of proteins rich in few letters; members keep half, and the composition."""
    rng = np.random.default_rng(seed)
    rich_in = ("PA", "PGS", "QPH", "SR", "EKD", "GSN", "TPS", "QNA", "KAE", "DES", "RGY", "LAV")
    texts = []
    for number in range(n):
        letters = rich_in[number % len(rich_in)]
        ancestor = rich(rng, length, letters)
        texts.append(ancestor)
        for _ in range(MEMBERS - 1):
            kept = rng.random(length) < 0.4
            others = rich(rng, length, letters)
            texts.append("".join(np.where(kept, list(ancestor), list(others))))
    return texts


def dna_repeats(n: int = 12, seed: int = 0) -> list[str]:
    """Return families of DNA that is a repeat of its own for three quarters."""
    rng = np.random.default_rng(seed)
    texts = []
    for number in range(n):
        unit = random_text(rng, 3 + number, BASES)
        ends = (random_text(rng, 30, BASES) for _ in range(2))
        ancestor = mutated((unit * 200)[:180].join(ends), 0.9, rng, BASES)
        others = [mutated(ancestor, 0.95, rng, BASES) for _ in range(MEMBERS - 1)]
        texts += [ancestor, others[0], reverse_complement(others[1])]
    return texts


def linked(texts: list[str], identity: float, alphabet: str, **search) -> set[tuple[int, int]]:
    hits = find_similar(
        Sequences.from_text(texts, alphabet), None, Search(identity, cache=False, **search)
    )
    hits = hits[hits.at_least(identity, 0.8)]
    return {(a, b) for a, b in zip(hits.query.tolist(), hits.target.tolist(), strict=True) if a < b}


def planted(n: int) -> set[tuple[int, int]]:
    return {
        (first + a, first + b)
        for first in range(0, n, MEMBERS)
        for a in range(MEMBERS)
        for b in range(a + 1, MEMBERS)
    }


def by_pairwise_alignment(texts: list[str], identity: float) -> set[tuple[int, int]]:
    """Align every pair by dynamic programming; return those alike over 80 % of both."""
    aligner = PairwiseAligner(
        mode="local",
        substitution_matrix=substitution_matrices.load("BLOSUM62"),
        open_gap_score=-11,
        extend_gap_score=-1,
    )
    similar = set()
    for a in range(len(texts)):
        for b in range(a + 1, len(texts)):
            found = aligner.align(texts[a], texts[b])[0]
            (begin, end), (first, last) = ((p[0], p[-1]) for p in found.coordinates)
            covered = min((end - begin) / len(texts[a]), (last - first) / len(texts[b]))
            counts = found.counts()
            alike = counts.identities / (counts.identities + counts.mismatches + counts.gaps)
            if covered >= 0.8 and alike >= identity:
                similar.add((a, b))
    return similar


@pytest.mark.parametrize("exhaustive", [True, False])
def test_every_pair_of_a_pairwise_alignment_is_found(exhaustive, monkeypatch):
    texts = low_complexity_proteins()
    if not exhaustive:  # as in a set of many sequences
        monkeypatch.setitem(mmseqs.EXHAUSTIVE_CELLS, "protein", 0.0)
    # At 40 %, an alignment of low complexity is rarely a matter of a letter more or less.
    similar = by_pairwise_alignment(texts, 0.4)
    assert len(similar) >= len(texts)
    found = linked(texts, 0.35, "protein", engine="mmseqs")
    assert similar - found == set()


@pytest.mark.parametrize("exhaustive", [True, False])
def test_dna_repeats_are_kept_together(exhaustive, monkeypatch):
    texts = dna_repeats()
    if not exhaustive:
        monkeypatch.setitem(mmseqs.EXHAUSTIVE_CELLS, "dna", 0.0)
    for engine in ("mmseqs", "kmers"):
        assert planted(len(texts)) - linked(texts, 0.7, "dna", engine=engine) == set()


def test_kmers_find_repeats_of_which_there_are_many():
    rng = np.random.default_rng(0)
    texts = [mutated("GPQ" * 50, 0.98, rng) for _ in range(60)]
    found = linked(texts, 0.5, "protein", engine="kmers", max_hits=1000)
    assert len(found) > 0.99 * 60 * 59 / 2


def test_a_split_and_its_audit_see_relatives_of_low_complexity():
    texts = low_complexity_proteins()
    families = np.arange(len(texts)) // MEMBERS
    samples: Samples = make_samples(
        Sequences.from_text(texts), labels=["a", "b"] * (len(texts) // 2)
    )
    split = homology_split(samples, identity=0.4)
    assert divided(families, split.part) == 0
    part = np.where(np.arange(len(texts)) % MEMBERS == 0, TEST, TRAIN).astype(np.int8)
    apart = Split(part, np.full(len(texts), UNUSED, np.int16), np.arange(len(texts)), "made")
    checks = {c["name"]: c for c in audit(samples, apart)["checks"]}
    assert checks["similar_sequences"]["details"]["share_similar"] > 0.95
    assert checks["nearest_homolog"]["details"]["share_with_hit"] > 0.95
