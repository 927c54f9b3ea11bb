from __future__ import annotations

import gzip
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.base.errors import InputError
from cistron.samples.genome import chromosomes
from cistron.samples.genome.chromosomes import (
    Chromosome,
    Names,
    is_organelle,
    iter_chromosomes,
    plain_name,
    read_sizes,
)
from tests.samples.genome.genes_made import codes, dna, genome
from tests.samples.made import refused


def test_chromosomes_whatever_their_lines(tmp_path):
    texts = {"1": dna(1000, 1), "2": dna(777, 2), "empty": "", "Mt": dna(50, 3) + "NNRY"}
    path = genome(tmp_path / "genome.fa", texts)
    one_line = genome(tmp_path / "line.fa", texts, width=10_000)
    crlf = tmp_path / "crlf.fa"
    crlf.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    mac = tmp_path / "mac.fa"
    mac.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    blocks = tmp_path / "genome.fa.gz"  # as bgzip writes it: one member after another
    data = path.read_bytes()
    blocks.write_bytes(b"".join(gzip.compress(data[k : k + 99]) for k in range(0, len(data), 99)))
    for file in (path, one_line, crlf, mac, blocks):
        found = {c.name: c.codes for c in iter_chromosomes(file)}
        assert list(found) == list(texts)
        for name, text in texts.items():
            assert (found[name] == codes(text)).all()
            assert len(found[name]) == len(text)


@given(
    st.lists(
        st.tuples(st.text("ab>|= ", max_size=6), st.text("ACGTacgtn\n", max_size=30)),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 40),
)
def test_any_size_of_block_reads_the_same(tmp_path_factory, records, block):
    path = tmp_path_factory.mktemp("fasta") / "genome.fa"
    path.write_text(
        "".join(f">c{k} {header}\n{text}\n" for k, (header, text) in enumerate(records))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chromosomes, "BLOCK", block)
        found = list(iter_chromosomes(path))
    assert [c.name for c in found] == [f"c{k}" for k in range(len(records))]
    for chromosome, (header, text) in zip(found, records, strict=True):
        assert chromosome.header == f"{chromosome.name} {header}".strip()
        assert np.array_equal(chromosome.codes, codes(text.replace("\n", "").upper()))


def test_what_is_no_genome(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text("ACGT\n")
    with refused(path, "no FASTA header"):
        list(iter_chromosomes(path))
    path.write_text(">1\nACGT\n>1\nACGT\n")
    with refused(path, "'1' stands there twice"):
        list(iter_chromosomes(path))
    path.write_text(">1\n" + "ACGU" * 20 + "\n")
    with refused(path, "RNA"):
        list(iter_chromosomes(path))
    path.write_text(">1\n" + "ACGT" * 20 + "\n>2\nACEGT\n")
    with refused(path, "base 3 of 2"):
        list(iter_chromosomes(path))


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        ("1 chr1 Chr1 CHR01 chromosome_1 Chromosome1 01 SL4.0ch01", "1"),
        ("10 chr10 Chr10", "10"),
        ("I chrI chromosomeI", "i"),
        ("X chrX", "x"),
        ("Mt MT chrM ChrM Mito mitochondrion", "mitochondrion"),
        ("Pt ChrC chloroplast", "chloroplast"),
        ("2L chr2L", "2l"),
        ("scaffold_12", "scaffold_12"),
    ],
)
def test_plain_names(names, plain):
    assert {plain_name(name) for name in names.split()} == {plain}


def test_organelles_by_name():
    assert [is_organelle(n) for n in ("Mt", "chrC", "1", "X", "scaffold_3")] == [
        True,
        True,
        *3 * [0],
    ]


def of(name: str, header: str = "") -> Chromosome:
    return Chromosome(name, f"{name} {header}".strip(), np.zeros(1, np.uint8))


def test_names_meet():
    names = Names(["1", "2", "3", "Mt", "Pt"], {"NC_9.1": "3"})
    assert names.find(of("Chr1")) == "1"
    assert names.find(of("NC_9.1")) == "3"
    assert names.find(of("NC_2.1", "Arabidopsis thaliana chromosome 2 sequence")) == "2"
    assert names.find(of("ref|NC_4|", "[org=x] [location=mitochondrion] [top=circular]")) == "Mt"
    assert names.find(of("ChrC")) == "Pt"
    assert names.find(of("chr7")) is None
    assert names.find(of("NW_1", "chromosome 2 unlocalized scaffold")) is None


def test_the_same_name_comes_first():
    names = Names(["1", "chr1"], {})
    assert names.find(of("chr1")) == "chr1"
    assert names.find(of("1")) == "1"


def test_aliases_may_stand_either_way():
    names = Names(["1"], {"1": "CM0001"})
    assert names.find(of("CM0001")) == "1"


def test_two_chromosomes_of_one_name():
    names = Names(["1"], {})
    names.find(of("chr1"))
    with refused("'chr1'", "'Chr01'", "the key aliases"):
        names.find(of("Chr01"))


PATCHES = (
    ("NW_9.1", "Homo sapiens chromosome 1 genomic patch of type FIX, GRCh38.p14 PATCHES"),
    ("NT_1.1", "Homo sapiens chromosome 1 genomic contig, GRCh38.p14 reference primary"),
    ("GL383518.1", "Homo sapiens chromosome 1 alternate locus group ALT_REF_LOCI_1"),
    ("chr1_KI270706v1_random", ""),
)


def test_patches_beside_their_chromosome():
    for aliases in ({}, {"NC_000001.11": "1"}):
        names = Names(["1"], aliases)
        patches = [names.find(of(*patch)) for patch in PATCHES]
        assert patches == [None] * 4
        assert names.find(of("NC_000001.11", "Homo sapiens chromosome 1")) == "1"


def test_an_alias_says_which_of_two_is_meant():
    for order in (("chr1", "Chr01"), ("Chr01", "chr1")):
        names = Names(["1"], {"Chr01": "1"})
        assert {name: names.find(of(name)) for name in order} == {"chr1": None, "Chr01": "1"}
    assert Names(["1"], {"other": "1"}).find(of("1")) == "1"


def test_sizes_are_those_of_the_index_or_of_the_sequences(tmp_path):
    genome = tmp_path / "g.fa"
    genome.write_text(">b first\nACGT\nAC\n>a\nNNN\n")
    assert list(read_sizes(genome).items()) == [("b", 6), ("a", 3)]
    index = tmp_path / "g.fa.fai"
    index.write_text("b\t7\t9\t4\t5\na\t3\t20\t3\t4\n")
    assert read_sizes(genome) == read_sizes(index) == {"b": 7, "a": 3}
    os.utime(index, (1, 1))
    with pytest.raises(InputError, match="older than its FASTA"):
        read_sizes(genome)
    index.write_text(f"b\t{'7' * 23}\n")
    with pytest.raises(InputError, match=r"g.fa.fai, line 1: expected a name of its own"):
        read_sizes(index)
    index.write_text("b\t7\nb\t7\n")
    with pytest.raises(InputError, match=r"g.fa.fai, line 2: expected a name of its own"):
        read_sizes(index)
