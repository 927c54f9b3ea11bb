from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cistron.base.errors import InputError
from cistron.base.motif import Motif, reverse_complement
from cistron.explain.motifs.database import read_database
from cistron.explain.motifs.match import Match, compare, match, title
from cistron.explain.motifs.merge import SAME, align, merge_same
from cistron.explain.motifs.patterns import NARROWEST, Pattern, Seqlets, from_seqlets, ranked
from cistron.explain.motifs.stability import Signed, found_again
from tests.explain.motifs.made import planted_pattern, with_patterns


@pytest.fixture(scope="module")
def made():
    return with_patterns()


@pytest.fixture(scope="module")
def plants():
    return read_database("jaspar:plants")


def turned(pattern: Pattern, one_hot, hypothetical) -> Pattern:
    """The same seqlets, read on the other strand."""
    own = pattern.seqlets
    return from_seqlets(pattern, replace(own, reverse=~own.reverse), one_hot, hypothetical)


def shifted(pattern: Pattern, by: int, one_hot, hypothetical) -> Pattern:
    """The same places, the window moved along the pattern."""
    own = pattern.seqlets
    along = np.where(own.reverse, -by, by)
    seqlets = Seqlets(own.row, own.start + along, own.end + along, own.reverse)
    inside = (seqlets.start >= 0) & (seqlets.end <= one_hot.shape[1])
    return from_seqlets(pattern, seqlets.take(inside), one_hot, hypothetical)


def test_a_pattern_is_the_mean_of_its_seqlets(made):
    one_hot, hypothetical, _, _planted = made
    pattern = planted_pattern(2, made)
    assert "TTGACC" in pattern.consensus
    assert pattern.strength < -2
    np.testing.assert_allclose(pattern.probabilities.sum(axis=1), 1)
    own = pattern.seqlets
    by_hand = np.zeros((30, 4))
    for row, start, end, reverse in zip(own.row, own.start, own.end, own.reverse, strict=True):
        piece = (one_hot * hypothetical)[row, start:end]
        by_hand += reverse_complement(piece) if reverse else piece
    np.testing.assert_allclose(pattern.contributions, by_hand / len(own), rtol=1e-5, atol=1e-7)
    back = turned(pattern, one_hot, hypothetical)
    np.testing.assert_allclose(back.contributions, reverse_complement(pattern.contributions))
    np.testing.assert_allclose(back.probabilities, reverse_complement(pattern.probabilities))


def test_the_core_is_what_contributes():
    contributions = np.zeros((12, 4))
    contributions[3:11, 0] = [0.1, 0.5, -1, 0.3, 0.05, 0.8, 0.21, 0.19]
    pattern = Pattern(
        "p", 1, contributions, contributions, contributions, Seqlets(*[np.empty(0)] * 4)
    )
    assert pattern.core == slice(3, 10)  # 4 to 9, widened
    contributions[:] = 0
    contributions[[0, 5, 9, 10], 1] = [0.9, 0.5, 1, 0.4]  # four weak ones divide, three do not
    assert pattern.core == slice(5, 11)
    contributions[:] = 0
    contributions[11, 2] = 1
    assert pattern.core == slice(12 - NARROWEST, 12)


@pytest.mark.parametrize("by", [0, 3, -4])
def test_the_same_pattern_is_aligned_and_merged_on_either_strand(made, by):
    one_hot, hypothetical, *_ = made
    pattern = planted_pattern(2, made)
    halves = [
        from_seqlets(
            pattern,
            pattern.seqlets.take(np.arange(len(pattern.seqlets)) % 3 == k),
            one_hot,
            hypothetical,
        )
        for k in (0, 1)
    ]
    for other in (halves[1], turned(halves[1], one_hot, hypothetical)):
        other = shifted(other, by, one_hot, hypothetical)
        found = align(halves[0], other)
        assert found.similarity > SAME
        assert found.reverse == (other.seqlets.reverse[0] != halves[1].seqlets.reverse[0])
        assert found.offset == (-by if found.reverse else by)
        (merged,) = merge_same([halves[0], other], one_hot, hypothetical)
        assert len(merged.seqlets) == len(halves[0].seqlets) + len(other.seqlets)
        assert merged.merged == ("negative 2",)
        # Merged in register: as sharp as the pattern of both made at once.
        both = np.concatenate([halves[0].seqlets.row, other.seqlets.row])
        assert sorted(both) == sorted(merged.seqlets.row)
        assert align(pattern, merged).similarity > 0.98
        again = merge_same([merged, halves[0]], one_hot, hypothetical)
        assert len(again[0].seqlets) == len(merged.seqlets)  # no seqlet counts twice


def test_different_patterns_and_signs_stay_apart(made):
    one_hot, hypothetical, *_ = made
    patterns = [planted_pattern(number, made) for number in range(3)]
    opposite = replace(patterns[0], sign=-1)
    kept = merge_same([*patterns, opposite], one_hot, hypothetical)
    assert len(kept) == 4
    assert not any(pattern.merged for pattern in kept)
    assert [pattern.name for pattern in kept] == [
        "positive 1",
        "positive 2",
        "negative 1",
        "negative 2",
    ]
    sizes = [len(pattern.seqlets) for pattern in ranked(kept) if pattern.sign > 0]
    assert sizes == sorted(sizes, reverse=True)


def test_patterns_match_what_was_planted(made, plants):
    patterns = [planted_pattern(number, made) for number in range(3)]
    found = match([pattern.trimmed for pattern in patterns], plants)
    for own, planted in zip(found, made[-1], strict=True):
        names = [one.motif.name for one in own[:3]]
        assert planted.motif.name in names
        assert [one.p for one in own] == sorted(one.p for one in own)
        assert all(one.q <= 0.05 for one in own)
    assert [title(own) for own in found][2].endswith("WRKY")


def test_noise_matches_nothing(plants):
    """Neither vague matrices, which are like flat ends, nor columns of the database mixed up."""
    rng = np.random.default_rng(0)
    vague = [rng.dirichlet([3.0] * 4, size=10) for _ in range(20)]
    assert not any(match(vague, plants))
    columns = np.concatenate([motif.probabilities for motif in plants])
    mixed = [columns[rng.integers(0, len(columns), 10)] for _ in range(60)]
    assert sum(bool(own) for own in match(mixed, plants)) <= 6
    assert title([]) == "no match"
    assert match([], plants) == []


def test_matching_leaves_the_threads_of_others_alone(plants):
    before = torch.get_num_threads()
    match([plants[0].probabilities], plants)
    assert torch.get_num_threads() == before


def test_a_motif_is_itself_wherever_it_is_cut_and_turned(plants):
    long = [motif for motif in plants if len(motif.probabilities) >= 12]
    turned = [np.abs(m.probabilities - reverse_complement(m.probabilities)) for m in long]
    chosen = [motif for motif, apart in zip(long, turned, strict=True) if apart.mean() > 0.35][:20]
    assert len(chosen) == 20
    queries = [motif.probabilities[2:11] for motif in chosen]
    queries += [reverse_complement(query) for query in queries]
    found = compare(
        queries, [motif.probabilities for motif in chosen] + [m.probabilities for m in plants]
    )
    for number, motif in enumerate(chosen):
        forward, backward = found.p[number], found.p[number + 20]
        assert forward[number] < 1e-4
        # memelite's medians are taken from bins, which the other strand fills in another order.
        sides = [np.log10(np.maximum(p, 1e-10)) for p in (forward, backward)]
        np.testing.assert_allclose(*sides, rtol=0.1, atol=0.2)
        assert found.offset[number, number] == -2
        assert not found.reverse[number, number]
        assert found.reverse[number + 20, number]
        # On the other strand the motif begins where its end was.
        assert found.offset[number + 20, number] == -(len(motif.probabilities) - 11)
        assert found.overlap[number, number] == 9


def test_few_targets_are_refused(plants):
    with pytest.raises(InputError, match="The database has 3 motifs"):
        match([plants[0].probabilities], plants[:3])


def test_families_are_named_where_matches_share_them():
    matrix = np.full((4, 4), 0.25)

    def like(name, family):
        return Match(Motif(name, name.lower(), family, matrix), 1e-5, 1e-3, 0, False)

    assert title([like("A", "bZIP"), like("B", "bHLH"), like("C", "bZIP")]) == "bZIP"
    assert title([like("A", "bZIP"), like("B", "bHLH")]) == "a (A)"
    assert title([like("A", ""), like("B", "")]) == "a (A)"


def test_patterns_are_found_again_in_other_folds(made, plants):
    other = with_patterns(seed=5)
    ours = [planted_pattern(number, made) for number in range(3)]
    theirs = [planted_pattern(number, other) for number in (2, 0)]
    signed = [Signed(p.name, p.sign, p.trimmed) for p in ours]
    again = [Signed(p.name, p.sign, reverse_complement(p.trimmed)) for p in theirs]
    against = [replace(one, sign=-one.sign) for one in again]
    assert found_again(signed, [again, again[:1], against, []], plants) == [
        ["p0", None, None, None],
        [None, None, None, None],
        ["p2", "p2", None, None],
    ]
