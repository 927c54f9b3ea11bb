from __future__ import annotations

import pytest

from cistron.samples.alphabet import PROTEIN
from cistron.samples.genome.translations import read_proteins, translate
from cistron.splits.families import gene_families
from tests.places import REAL_DATA
from tests.samples.genome.genes_made import Gene, codes, dna, genome, gff3, reverse_complement
from tests.samples.made import refused


def test_the_standard_code():
    text = "ATGTTTCTTTAACATNNNGGGTGGTGA"
    assert PROTEIN.text(translate(codes(text))) == "MFLXHXGW"
    assert PROTEIN.text(translate(codes("ATGAAATAAC"))) == "MK"
    assert len(translate(codes("AT"))) == 0


def cds(start: int, end: int, strand: str, gene: str) -> str:
    return f"1\tmade\tCDS\t{start}\t{end}\t.\t{strand}\t0\tID=c{gene};Parent=gene:{gene}\n"


@pytest.fixture
def files(tmp_path):
    rng_dna = dna(300, 1)
    spliced = "ATGGCT" + "GTAAGTTTAG" + "AAATGA"  # an intron between two pieces
    text = rng_dna[:50] + spliced + rng_dna[50:100] + reverse_complement(spliced) + rng_dna[100:]
    second = 50 + len(spliced) + 50
    genes = [Gene("a", "1", 51, 72), Gene("b", "1", second + 1, second + 22, "-")]
    more = cds(51, 56, "+", "a") + cds(67, 72, "+", "a")
    more += cds(second + 1, second + 6, "-", "b") + cds(second + 17, second + 22, "-", "b")
    return genome(tmp_path / "g.fa", {"chr1": text}), gff3(tmp_path / "g.gff3", genes, more)


def test_coding_sequences_are_spliced_on_both_strands(files):
    proteins = read_proteins(*files)
    assert proteins.ids.tolist() == ["a", "b"]
    assert [proteins.payload.text(row) for row in range(2)] == ["MAK", "MAK"]


def test_families_of_proteins(files):
    assert gene_families(read_proteins(*files))["family"].tolist() == ["a", "a"]


def test_nothing_to_translate(files, tmp_path):
    with refused("no CDS lines"):
        read_proteins(files[0], gff3(tmp_path / "x.gff3", [Gene("a", "1", 51, 72)]))
    other = genome(tmp_path / "x.fa", {"NC_7": dna(200)})
    with refused("No chromosome of"):
        read_proteins(other, files[1])


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="no real data here")
def test_the_proteins_of_yeast():
    folder = REAL_DATA / "yeast"
    proteins = read_proteins(folder / "genome.fa.gz", folder / "genes.gff3.gz")
    texts = [proteins.payload.text(row) for row in range(len(proteins))]
    assert len(texts) == 6572
    assert sum(text.startswith("M") for text in texts) / len(texts) > 0.99
    assert sum("X" in text for text in texts) / len(texts) < 0.005
