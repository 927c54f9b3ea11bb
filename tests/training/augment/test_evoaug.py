from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cistron.samples.alphabet import DNA
from cistron.training.augment.evoaug import (
    KINDS,
    EvoAug,
    EvoAugSettings,
    delete,
    insert,
    invert,
    mutate,
    reverse_complement,
    translocate,
)

OFF = dict.fromkeys(KINDS, 0)
LETTERS = "ACGTNRYSWKMBDHV"
texts = st.lists(st.text(LETTERS, min_size=1, max_size=40), min_size=1, max_size=6)
seeds = st.integers(0, 2**31)
unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no defect


def codes(sequences, padding=7):
    """Return a batch whose padding holds a letter that must never be seen."""
    lengths = torch.tensor([len(text) for text in sequences])
    x = torch.full((len(sequences), int(lengths.max())), padding, dtype=torch.uint8)
    for row, text in enumerate(sequences):
        x[row, : len(text)] = torch.tensor([LETTERS.index(letter) for letter in text])
    return x, lengths


def spelled(x, lengths):
    return [DNA.text(row[:n].numpy()) for row, n in zip(x, lengths.tolist(), strict=True)]


def other_strand(text):
    return "".join(LETTERS[DNA.complement[LETTERS.index(letter)]] for letter in reversed(text))


def rng(seed):
    return torch.Generator().manual_seed(seed)


def within(lengths, seed):
    """Draw a start and a size that lie inside each sequence."""
    start = (torch.rand(len(lengths), generator=rng(seed)) * lengths).long()
    size = (torch.rand(len(lengths), generator=rng(seed + 1)) * (lengths - start + 1)).long()
    return start, size.minimum(lengths - start)


@unhurried
@given(texts, seeds)
def test_reverse_complement(sequences, seed):
    x, lengths = codes(sequences)
    chosen = torch.rand(len(x), generator=rng(seed)) < 0.5
    once = reverse_complement(x, lengths, chosen)
    flipped = [other_strand(t) if c else t for t, c in zip(sequences, chosen, strict=True)]
    assert spelled(once, lengths) == flipped
    assert spelled(reverse_complement(once, lengths, chosen), lengths) == sequences


@unhurried
@given(texts, seeds)
def test_deletion_takes_out_one_stretch(sequences, seed):
    x, lengths = codes(sequences)
    start, size = within(lengths, seed)
    size = size.minimum(lengths - 1)
    cut = [t[:a] + t[a + n :] for t, a, n in zip(sequences, start, size, strict=True)]
    assert spelled(*delete(x, lengths, start, size)) == cut


@unhurried
@given(texts, seeds, st.integers(1, 12), st.none() | st.integers(40, 50))
def test_insertion_puts_in_one_stretch(sequences, seed, most, bound):
    x, lengths = codes(sequences)
    letters = torch.randint(4, (len(x), most), generator=rng(seed), dtype=torch.uint8)
    start = (torch.rand(len(x), generator=rng(seed)) * (lengths + 1)).long()
    size = (torch.rand(len(x), generator=rng(seed + 1)) * (most + 1)).long()
    longer = [
        (t[:a] + DNA.text(put[:n].numpy()) + t[a:])[:bound]
        for t, a, n, put in zip(sequences, start, size, letters, strict=True)
    ]
    grown, new = insert(x, lengths, start, size, letters, bound)
    assert spelled(grown, new) == longer
    assert grown.shape[1] == min(x.shape[1] + most, bound or 10**6)


@unhurried
@given(texts, st.integers(-60, 60))
def test_translocation_rolls(sequences, shift):
    x, lengths = codes(sequences)
    rolled = translocate(x, lengths, torch.full_like(lengths, shift))
    expected = [t[-(shift % len(t)) :] + t[: -(shift % len(t))] for t in sequences]
    expected = [t if shift % len(t) == 0 else e for t, e in zip(sequences, expected, strict=True)]
    assert spelled(rolled, lengths) == expected
    before = [Counter(t) for t in sequences]
    assert [Counter(t) for t in spelled(rolled, lengths)] == before
    assert torch.equal(translocate(rolled, lengths, torch.full_like(lengths, -shift)), x)


@unhurried
@given(texts, seeds)
def test_inversion_turns_one_stretch_round(sequences, seed):
    x, lengths = codes(sequences)
    start, size = within(lengths, seed)
    turned = [
        t[:a] + other_strand(t[a : a + n]) + t[a + n :]
        for t, a, n in zip(sequences, start, size, strict=True)
    ]
    once = invert(x, start, size)
    assert spelled(once, lengths) == turned
    pairs = [Counter(t) + Counter(other_strand(t)) for t in sequences]
    assert [Counter(t) + Counter(other_strand(t)) for t in spelled(once, lengths)] == pairs
    assert torch.equal(invert(once, start, size), x)


@unhurried
@given(texts, seeds)
def test_mutation_makes_bases_other_bases_and_leaves_ambiguous_letters(sequences, seed):
    x, _ = codes(sequences)
    everywhere = mutate(x, torch.ones(len(x)), rng(seed))
    bases = x < 4
    assert bool((everywhere[bases] != x[bases]).all())
    assert bool((everywhere[bases] < 4).all())
    assert torch.equal(everywhere[~bases], x[~bases])
    assert torch.equal(mutate(x, torch.zeros(len(x)), rng(seed)), x)


def test_mutation_rate_and_the_other_three_bases():
    x = torch.zeros((200, 500), dtype=torch.uint8)
    changed = mutate(x, torch.full((200,), 0.05), rng(0))
    assert float((changed > 0).float().mean()) == pytest.approx(0.05, abs=0.003)
    counts = np.bincount(changed.flatten().numpy())
    np.testing.assert_allclose(counts[1:] / counts[1:].sum(), 1 / 3, atol=0.02)


@unhurried
@given(
    texts,
    seeds,
    st.fixed_dictionaries(
        {
            "most": st.integers(1, 7),
            "insertion": st.integers(0, 9),
            "deletion": st.integers(0, 60),
            "translocation": st.integers(0, 60),
            "inversion": st.integers(0, 60),
        }
    ),
    st.none() | st.integers(40, 45),
)
def test_whatever_is_drawn_stays_within_bounds(sequences, seed, keys, bound):
    x, lengths = codes(sequences)
    evoaug = EvoAug(EvoAugSettings(**keys), bound)
    changed, new, noise = evoaug(x, lengths, rng(seed))
    assert bool((new >= 1).all())
    assert bool((new <= (lengths + keys["insertion"]).clamp(max=bound or 100)).all())
    assert bool((new >= lengths - keys["deletion"]).all())
    assert changed.shape == (len(x), int(new.max()))
    assert changed.dtype == torch.uint8
    assert set("".join(spelled(changed, new))) <= set(LETTERS)
    assert bool(((noise == 0) | (noise == torch.tensor(0.2))).all())
    again = evoaug(x, lengths, rng(seed))
    assert all(torch.equal(a, b) for a, b in zip((changed, new, noise), again, strict=True))


@unhurried
@given(texts, seeds)
def test_a_sequence_is_changed_the_same_way_whatever_its_padding(sequences, seed):
    x, lengths = codes(sequences)
    other, _ = codes(sequences, padding=2)
    evoaug = EvoAug(EvoAugSettings(inversion=10))
    first, second = evoaug(x, lengths, rng(seed)), evoaug(other, lengths, rng(seed))
    assert spelled(*first[:2]) == spelled(*second[:2])


def test_every_sequence_of_a_batch_has_a_draw_of_its_own():
    lengths = torch.full((2000,), 100)
    draw = EvoAug(EvoAugSettings(inversion=10)).draw(lengths, rng(0))
    sizes = draw.deletion[1], draw.insertion[1], draw.shift.abs(), draw.inversion[1]
    done = torch.stack([draw.reverse, *[s > 0 for s in sizes], draw.mutated, draw.noisy], 1)
    assert int(done.sum(1).max()) == 2  # of 7 kinds, each drawn for 2 sequences in 7
    assert float(draw.mutated.float().mean()) == pytest.approx(2 / 7, abs=0.04)
    assert float(draw.reverse.float().mean()) == pytest.approx(1 / 7, abs=0.04)
    assert set(draw.insertion[1].tolist()) == set(range(21))
    assert set(draw.deletion[1].tolist()) == set(range(31))
    assert set(draw.shift.tolist()) == set(range(-20, 21))
    assert len(set(draw.deletion[0][draw.deletion[1] > 0].tolist())) > 50
    together = torch.stack([draw.mutated, draw.noisy], 1).float()
    assert abs(float(torch.corrcoef(together.T)[0, 1])) < 0.35


def test_two_equal_sequences_of_a_batch_become_different():
    x, lengths = codes(["ACGTTGCA" * 10] * 40)
    changed, new, _ = EvoAug(EvoAugSettings(most=4))(x, lengths, rng(0))
    assert len(set(spelled(changed, new))) > 35


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_zero_is_never_done(kind):
    x, lengths = codes(["ACGTTGCA" * 10] * 20)
    only = EvoAugSettings(**{**OFF, kind: 0.5 if kind == "reverse_complement" else 1})
    assert only.kinds == (kind,)
    changed, new, noise = EvoAug(only)(x, lengths, rng(1))
    differs = spelled(changed, new) != spelled(x, lengths)
    assert differs == (kind != "noise")
    assert bool((noise > 0).all()) == (kind == "noise")


def test_settings_that_change_nothing_are_refused():
    with pytest.raises(ValidationError, match="nothing would be augmented"):
        EvoAugSettings(**OFF)
