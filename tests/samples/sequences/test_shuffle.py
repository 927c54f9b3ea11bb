from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cistron.samples.sequences.shuffle import shuffle_pairs, shuffle_windows

LETTERS = st.lists(st.integers(0, 3), max_size=60).map(lambda x: np.array(x, dtype=np.uint8))


@given(LETTERS, st.integers(0, 10**6))
def test_pairs_are_counted_the_same(sequence, seed):
    shuffled = shuffle_pairs(sequence, np.random.default_rng(seed))
    assert Counter(pairwise(shuffled.tolist())) == Counter(pairwise(sequence.tolist()))
    assert shuffled[:1].tolist() == sequence[:1].tolist()
    assert shuffled[-1:].tolist() == sequence[-1:].tolist()


def test_every_arrangement_is_equally_likely():
    # ACAGACA: its arrangements with the same pairs are CAC/G orders between the As.
    sequence = np.array([0, 1, 0, 2, 0, 1, 0, 0], dtype=np.uint8)
    rng = np.random.default_rng(1)
    drawn = Counter(tuple(shuffle_pairs(sequence, rng).tolist()) for _ in range(6000))
    assert len(drawn) == 12  # C, C, G and the A before A in any order
    assert max(drawn.values()) < 1.25 * min(drawn.values())


def test_long_sequences_lose_their_order():
    sequence = np.random.default_rng(0).integers(0, 4, 1000).astype(np.uint8)
    shuffled = shuffle_pairs(sequence, np.random.default_rng(1))
    assert 0.15 < (shuffled == sequence).mean() < 0.35


def test_windows_are_shuffled_within_regions_and_around_n():
    rng = np.random.default_rng(5)
    windows = rng.integers(0, 4, (6, 50)).astype(np.uint8)
    windows[:, 20:23] = 4
    windows[2, 5] = 4
    spans = [(0, 20), (23, 50)]
    for kind in ("mononucleotide", "dinucleotide"):
        shuffled = shuffle_windows(windows, kind, spans, seed=1)
        assert (shuffled == shuffle_windows(windows, kind, spans, seed=1)).all()
        assert (shuffled != shuffle_windows(windows, kind, spans, seed=2)).any()
        assert ((shuffled == 4) == (windows == 4)).all()
        for begin, end in [*spans, (0, 5), (6, 20)]:
            assert (np.sort(shuffled[2, begin:end]) == np.sort(windows[2, begin:end])).all()
        assert (shuffled != windows).any(axis=1).all()
