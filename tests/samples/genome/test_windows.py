from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.samples.alphabet import DNA
from cistron.samples.genome.regions import Region, Spacer, Stretch
from cistron.samples.genome.windows import Loci, make_windows
from tests.samples.genome.genes_made import codes, dna, reverse_complement
from tests.samples.made import refused

# Ten bases before the gene, the gene, ten behind it:
GENOME = "AAAAACCCCC" + "GGTTATGACGTTTTAAGGAC" + "TTTTTCCCCA"
#         0123456789    10: tss, 30: tts
#                       ATG at 14..16, stop TAA at 23..25 (behind it 26)


def loci(start, end, minus, coding=(-1, -1)) -> Loci:
    arrays = [np.array([x], dtype=np.int64) for x in (start, end, *coding)]
    return Loci(*arrays, minus=np.array([minus]))


def cut(windows, text, gene) -> str:
    return DNA.text(windows.cut(codes(text), gene)[0][0])


REGIONS = [
    Region(name="promoter", anchor="tss", upstream=4),
    Region(name="start", anchor="tss", downstream=3),
    Spacer(spacer=2),
    Region(name="end", anchor="tts", upstream=3),
    Region(name="terminator", anchor="tts", downstream=5),
]
PLUS = loci(10, 30, False, (14, 26))
MINUS = loci(len(GENOME) - 30, len(GENOME) - 10, True, (len(GENOME) - 26, len(GENOME) - 14))


def test_by_hand_on_both_strands():
    windows = make_windows(REGIONS)
    assert windows.length == 17
    assert windows.columns == {
        "promoter": (0, 4),
        "start": (4, 7),
        "end": (9, 12),
        "terminator": (12, 17),
    }
    wanted = "CCCC" + "GGT" + "NN" + "GAC" + "TTTTT"
    assert cut(windows, GENOME, PLUS) == wanted
    assert cut(windows, reverse_complement(GENOME), MINUS) == wanted


def test_codons_by_hand_on_both_strands():
    windows = make_windows(
        [
            Region(name="start", anchor="start_codon", upstream=2, downstream=5),
            Region(name="stop", anchor="stop_codon", upstream=4, downstream=2),
        ]
    )
    wanted = "TT" + "ATGAC" + "TTAA" + "GG"
    assert cut(windows, GENOME, PLUS) == wanted
    assert cut(windows, reverse_complement(GENOME), MINUS) == wanted


def test_masks_and_ablations():
    def seen(**keys):
        windows = make_windows(
            [
                Region(name="first", anchor="tss", upstream=2, downstream=8),
                Spacer(spacer=1),
                Region(name="last", anchor="tts", upstream=8, downstream=2),
            ],
            **keys,
        )
        found = {cut(windows, GENOME, PLUS), cut(windows, reverse_complement(GENOME), MINUS)}
        assert len(found) == 1
        return found.pop()

    assert seen() == "CCGGTTATGA" + "N" + "TTAAGGACTT"
    assert seen(mask=["start_codon", "stop_codon"]) == "CCGGTTNNNA" + "N" + "TNNNGGACTT"
    assert seen(ablate=["first"]) == "NNNNNNNNNN" + "N" + "TTAAGGACTT"
    assert seen(mask=["last"]) == "CCGGTTATGA" + "N" + "NNNNNNNNNN"
    stretch = Stretch(anchor="tss", upstream=1, downstream=2)
    assert seen(mask=[stretch]) == "CNNNTTATGA" + "N" + "TTAAGGACTT"


def test_a_mask_of_codons_leaves_genes_without_cds_alone():
    windows = make_windows("deepdife", mask=["start_codon"])
    text = dna(2000, 3)
    whole = make_windows("deepdife")
    gene = loci(800, 1500, False)
    assert cut(windows, text, gene) == cut(whole, text, gene)


def test_short_genes_are_read_to_the_middle_or_twice():
    parts = [
        Region(name="a", anchor="tss", upstream=1, downstream=6),
        Region(name="b", anchor="tts", upstream=6, downstream=1),
    ]
    text = "ACGTACGTTTGCA"
    gene = loci(4, 9, False)  # ACGTT: five bases, three to the left
    assert cut(make_windows(parts), text, gene) == "TACGNNN" + "NNNNTTT"
    assert cut(make_windows(parts, split_short=False), text, gene) == "TACGTTT" + "TACGTTT"
    other = loci(len(text) - 9, len(text) - 4, True)
    assert cut(make_windows(parts), reverse_complement(text), other) == "TACGNNN" + "NNNNTTT"
    assert make_windows(parts).meets(gene).tolist() == [True]
    assert make_windows(parts).meets(loci(0, 12, False)).tolist() == [False]


def test_no_base_is_read_twice_of_any_short_gene():
    windows = make_windows("lcre", mask=())
    text = dna(6000, 5)
    for length in (1, 2, 300, 999, 1000, 1001):
        window, _ = windows.cut(codes(text), loci(2500, 2500 + length, False))
        begin, end = windows.columns["gene_body_5"][0], windows.columns["gene_body_3"][1]
        known = (window[0, begin:end] < 4).sum()
        assert known == min(length, 1000)


def test_one_sided_windows_do_not_care_for_short_genes():
    windows = make_windows("deepdife")
    assert not windows.meets(loci(100, 110, False)).any()


def test_edges_are_n_on_the_side_where_the_chromosome_ends():
    windows = make_windows(REGIONS)
    text = "GGTTATGACGTTTTAAGGACTT"  # the gene begins at the first base
    gene = loci(0, 20, False)
    assert cut(windows, text, gene) == "NNNN" + "GGT" + "NN" + "GAC" + "TTNNN"
    assert windows.outside(gene, len(text)).tolist() == [True]
    other = loci(2, 22, True)
    assert cut(windows, reverse_complement(text), other) == "NNNN" + "GGT" + "NN" + "GAC" + "TTNNN"
    assert windows.outside(PLUS, len(GENOME)).tolist() == [False]


def test_unknown_bases_are_counted_before_anything_is_hidden():
    text = "N" * 100 + dna(5000, 2)
    gene = loci(1000, 3000, False)
    share = 100 / 3000
    for keys in ({}, {"ablate": ["promoter"]}, {"mask": ["terminator"]}):
        windows = make_windows("lcre", **keys)
        assert windows.cut(codes(text), gene)[1].tolist() == pytest.approx([share])


def test_presets():
    lcre, deepcre, deepdife = map(make_windows, ("lcre", "deepcre", "deepdife"))
    assert (lcre.length, deepcre.length, deepdife.length) == (3020, 3020, 600)
    text = dna(8000, 4)
    gene = loci(3000, 5000, False)
    masked, same = (w.cut(codes(text), gene)[0][0] for w in (lcre, deepcre))
    assert (masked == same).all()
    plain = make_windows("lcre", mask=()).cut(codes(text), gene)[0][0]
    assert np.flatnonzero(plain != masked).tolist() == [1000, 1001, 1002, 2017, 2018, 2019]
    assert (masked[[1000, 1001, 1002, 2017, 2018, 2019]] == DNA.unknown).all()
    assert (plain[1500:1520] == DNA.unknown).all()
    assert DNA.text(plain) == text[2000:3500] + 20 * "N" + text[4500:6000]
    assert cut(deepdife, text, gene) == text[2500:3100]


@pytest.mark.parametrize("preset", ["lcre", "deepcre"])
def test_the_second_copy_of_a_short_gene_keeps_its_codons(preset):
    text, gene = dna(4000, 6), loci(2000, 2100, False)
    window = make_windows(preset, split_short=False).cut(codes(text), gene)[0][0]
    whole = text[1000:2500] + 20 * "N" + text[1600:3100]
    assert DNA.text(window) == whole[:1000] + "NNN" + whole[1003:2017] + "NNN" + whole[2020:]


@pytest.mark.parametrize(("preset", "hidden"), [("lcre", 0), ("deepcre", 12)])
def test_runs_of_before_hide_what_they_hid(preset, hidden):
    """Their experiment files say `mask: null`: nothing of lcre, and codons wherever they stand."""
    text, gene = dna(4000, 6), loci(2000, 2100, False)
    before, plain = (
        make_windows(preset, mask, split_short=False).cut(codes(text), gene)[0][0]
        for mask in (None, ())
    )
    assert (before != plain).sum() == hidden


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_other_strand_of_everything_is_the_same_window(data):
    size = data.draw(st.integers(30, 120))
    text = dna(size, data.draw(st.integers(0, 99)))
    start = data.draw(st.integers(0, size - 2))
    end = data.draw(st.integers(start + 1, size))
    first = data.draw(st.integers(start, end - 1))
    last = data.draw(st.integers(first + 1, end))
    minus = data.draw(st.booleans())
    anchors = st.sampled_from(["tss", "tts", "start_codon", "stop_codon"])
    lengths = st.integers(0, 20)
    parts = [
        Region(name=f"r{k}", anchor=a, upstream=u, downstream=d + (u + d == 0))
        for k, (a, u, d) in enumerate(
            data.draw(st.lists(st.tuples(anchors, lengths, lengths), min_size=1, max_size=4))
        )
    ]
    parts.insert(1, Spacer(spacer=3))
    split = data.draw(st.booleans())
    windows = make_windows(parts, mask=["start_codon", "stop_codon"], split_short=split)
    flipped = loci(size - end, size - start, not minus, (size - last, size - first))
    here = cut(windows, text, loci(start, end, minus, (first, last)))
    assert cut(windows, reverse_complement(text), flipped) == here


def test_regions_that_are_not_there():
    with refused("samples.ablate", "'promotor'", "Did you mean 'promoter'?"):
        make_windows("lcre", ablate=["promotor"])
    with refused("samples.mask", "'x'"):
        make_windows("lcre", mask=["x"])
    with refused("all regions are hidden"):
        make_windows("deepdife", ablate=["promoter", "gene_body_5"])
    with refused("two regions are called 'promoter'"):
        make_windows([REGIONS[0], REGIONS[0]])
