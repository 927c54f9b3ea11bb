"""Windows cut again around a variant, against sequences cut by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.explain.variants.windows import Edit, GeneWindows, PlainWindows
from cistron.samples.alphabet import DNA
from cistron.samples.genome.regions import Region, Spacer, Stretch
from cistron.samples.genome.windows import Loci, Windows
from tests.samples.genome.genes_made import codes, dna, reverse_complement

TEXT = dna(400, seed=3)
START, END = 150, 260  # of the gene, 0-based, half-open


def genes(strand: str, *parts: Region | Spacer, masked: tuple = ()) -> GeneWindows:
    table = pd.DataFrame({"id": ["g"], "chromosome": ["1"], "strand": [strand]})
    one, none = np.array([START]), np.array([-1])
    loci = Loci(one, np.array([END]), none, none, np.array([strand == "-"]))
    return GeneWindows(table, loci, Windows(parts, masked))


def cut(windows, edit=None, low=0):
    return DNA.text(windows.cut(0, codes(TEXT[low:]), low, edit))


def edit(start: int, end: int, new: str) -> Edit:
    return Edit(start, end, codes(new))


PROMOTER = Region(name="promoter", anchor="tss", upstream=40)
BODY = Region(name="body", anchor="tss", downstream=30)
TERMINATOR = Region(name="terminator", anchor="tts", downstream=25)


@pytest.mark.parametrize("low", [0, 60])
def test_indels_by_hand_on_the_plus_strand(low):
    windows = genes("+", PROMOTER, BODY)
    assert cut(windows, low=low) == TEXT[110:180]
    # Before the start, the far end gives or takes; the bases at the start stay.
    deleted = TEXT[106:120] + TEXT[124:180]
    assert cut(windows, edit(120, 124, ""), low) == deleted
    inserted = TEXT[113:120] + "AAA" + TEXT[120:180]
    assert cut(windows, edit(120, 120, "AAA"), low) == inserted
    # Behind it, the end inside of the gene does.
    assert cut(windows, edit(160, 163, ""), low) == TEXT[110:160] + TEXT[163:183]
    assert cut(windows, edit(160, 160, "CC"), low) == TEXT[110:160] + "CC" + TEXT[160:178]
    # At the anchor: to its right on the forward strand.
    assert cut(windows, edit(START, START, "GG"), low) == TEXT[110:150] + "GG" + TEXT[150:178]
    # Over it: the anchor stands where the deletion was.
    assert cut(windows, edit(145, 155, ""), low) == TEXT[105:145] + TEXT[155:185]


def test_indels_by_hand_on_the_minus_strand():
    windows = genes("-", PROMOTER, BODY)
    assert cut(windows) == reverse_complement(TEXT[230:300])
    upstream = TEXT[230:270] + TEXT[275:305]
    assert cut(windows, edit(270, 275, "")) == reverse_complement(upstream)
    inside = TEXT[232:240] + "TT" + TEXT[240:300]
    assert cut(windows, edit(240, 240, "TT")) == reverse_complement(inside)


def test_variants_between_regions_move_only_the_far_one():
    windows = genes("+", BODY, Spacer(spacer=4), TERMINATOR)
    plain = TEXT[150:180] + "NNNN" + TEXT[260:285]
    assert cut(windows) == plain
    assert cut(windows, edit(200, 210, "")) == plain
    assert (
        cut(windows, edit(265, 266, "")) == TEXT[150:180] + "NNNN" + TEXT[260:265] + TEXT[266:286]
    )


def test_masks_stay_with_their_anchor():
    masked = (Stretch(anchor="tss", downstream=3),)
    windows = genes("+", PROMOTER, BODY, masked=masked)
    found = cut(windows, edit(120, 120, "ACG"))
    assert found[40:43] == "NNN"
    assert found[:40] == TEXT[113:120] + "ACG" + TEXT[120:150]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from("+-"),
    st.integers(60, 330),
    st.integers(0, 12),
    st.text("ACGT", max_size=12),
)
def test_any_edit_is_the_window_of_the_changed_chromosome(strand, start, length, new):
    """The changed chromosome, cut by the windows of `cistron fit`, in any stretch around it."""
    windows = genes(strand, PROMOTER, BODY, TERMINATOR)
    made = edit(start, start + length, new)
    text = TEXT[:start] + new + TEXT[start + length :]

    def moved(place: int) -> int:
        if place <= start:
            return place
        if place >= start + length:
            return place + len(new) - length
        return start + min(place - start, len(new))

    first, last = np.array([moved(START)]), np.array([moved(END)])
    none = np.array([-1])
    loci = Loci(first, last, none, none, np.array([strand == "-"]))
    expected = DNA.text(windows.windows.cut(codes(text), loci)[0][0])
    assert cut(windows, made) == expected
    low = max(min(int(windows.first.min()), start) - 30, 0)
    assert cut(windows, made, low) == expected


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize("keep", ["start", "center", "end"])
def test_plain_windows_keep_their_anchor(strand, keep):
    table = pd.DataFrame(
        {"id": ["w"], "chromosome": ["1"], "start": [100], "end": [160], "strand": [strand]}
    )
    windows = PlainWindows(table, keep)

    def turned(text: str) -> str:
        return reverse_complement(text) if strand == "-" else text

    assert cut(windows) == turned(TEXT[100:160])
    left = keep == ("start" if strand == "+" else "end")  # the anchor is the lower place
    inserted = TEXT[100:110] + "ACG" + TEXT[110:157]
    pushed = TEXT[103:110] + "ACG" + TEXT[110:160]
    assert cut(windows, edit(110, 110, "ACG")) == turned(inserted if left else pushed)
    deleted, drawn = TEXT[100:150] + TEXT[152:162], TEXT[98:150] + TEXT[152:160]
    right = keep == ("end" if strand == "+" else "start")
    assert cut(windows, edit(150, 152, "")) == turned(drawn if right else deleted)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(0, 8), st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_touched_finds_what_a_loop_finds(start, length, starts):
    rng = np.random.default_rng(len(starts))
    first = np.array(starts)
    last = first + rng.integers(1, 12, len(starts))
    table = pd.DataFrame({"id": range(len(starts)), "chromosome": "1", "start": first,
                          "end": last, "strand": "+"})  # fmt: skip
    windows = PlainWindows(table)
    made = Edit(start, start + length, np.zeros(1, np.uint8))
    if length:
        met = [i for i in range(len(starts)) if first[i] < start + length and last[i] > start]
        assert windows.touched("1", made) == met
    else:
        met = [i for i in range(len(starts)) if first[i] <= start <= last[i]]
        assert windows.touched("1", made) == met
    assert windows.touched("2", made) == []
    assert all(
        windows.within(i, made) == (bool(first[i] < start < last[i]) if not length else True)
        for i in met
    )


def test_places_are_counted_along_the_strand():
    plus, minus = genes("+", PROMOTER, BODY), genes("-", PROMOTER, BODY)
    assert plus.place(0, START) == ("+", "body", 0)
    assert plus.place(0, START - 1) == ("+", "promoter", -1)
    assert minus.place(0, END - 1) == ("-", "body", 0)
    assert minus.place(0, END + 4) == ("-", "promoter", -5)
