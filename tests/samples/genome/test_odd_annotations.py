"""Annotations as NCBI, AUGUSTUS, UCSC and others write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.samples.genome.annotation import read_annotation
from cistron.samples.genome.genome import read_genome
from cistron.samples.genome.transcripts import choose_transcripts
from cistron.samples.genome.translations import read_proteins
from tests.samples.genome.genes_made import Gene, dna, genome, gff3, gtf, table
from tests.samples.made import refused

REGIONS = [{"name": "promoter", "anchor": "tss", "upstream": 40}]
NUCLEUS, ORGANELLE = "NC_001133.9", "NC_001224.1"


def line(
    kind: str, start: int, end: int, attributes: str, strand: str = "+", chromosome: str = "1"
) -> str:
    return f"{chromosome}\tmade\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def reasons(samples) -> dict[str, str]:
    return dict(samples.dropped[["id", "reason"]].itertuples(index=False))


# Organelles -------------------------------------------------------------------------------------


def nuclear_and_organelle(folder: Path, header: str, region: str = "") -> dict[str, Path]:
    """Write eight nuclear genes and one of an organelle, under NCBI's names."""
    places = [(f"n{k}", NUCLEUS, 101 + 200 * k) for k in range(8)] + [("m", ORGANELLE, 101)]
    genes = [Gene(name, chromosome, start, start + 89) for name, chromosome, start in places]
    return {
        "genome": genome(folder / "g.fa", {NUCLEUS: dna(3000), f"{ORGANELLE} {header}": dna(900)}),
        "annotation": gff3(folder / "g.gff3", genes, region),
        "numbers": table(folder / "n.csv", {f"n{k}": k for k in range(8)} | {"m": 9999}),
    }


@pytest.mark.parametrize(
    ("header", "region"),
    [
        ("Saccharomyces cerevisiae S288C mitochondrion, complete genome", ""),
        ("Zea mays chloroplast, complete genome", ""),
        ("Plasmodium falciparum genome assembly, organelle: apicoplast", ""),
        ("", "ID=x:1..900;Dbxref=taxon:559292;gbkey=Src;genome=mitochondrion"),
        ("", "ID=x:1..900;Is_circular=true;genome=chloroplast"),
        ("", "ID=chromosome:x;Alias=AJ011856.1;Is_circular=true"),
    ],
)
def test_organelles_told_by_headers_and_region_lines(tmp_path, header, region):
    """Thresholds are those of the eight nuclear genes: the 25th percentile of 0 to 7 is 1.75."""
    region = region and line("region", 1, 900, region, chromosome=ORGANELLE)
    files = nuclear_and_organelle(tmp_path, header, region)
    numbers = {"table": files.pop("numbers"), "scale": "none"}
    samples = read_genome(**files, numbers=numbers, regions=REGIONS)
    assert samples.ids.tolist() == [f"n{k}" for k in range(8)]
    assert reasons(samples) == {"m": f"on an organelle ({ORGANELLE})"}
    assert samples.rule is not None
    fitted = samples.rule.assign(samples.table, np.ones(8, bool))
    assert fitted.thresholds == {"low": 1.75, "high": 5.25}
    kept = read_genome(**files, numbers=numbers, regions=REGIONS, organelles="keep")
    assert kept.ids.tolist() == [*samples.ids, "m"]


def test_circular_chromosomes_of_bacteria_are_no_organelles(tmp_path):
    region = "".join(
        line("region", 1, size, f"ID={name};Is_circular=true", chromosome=name)
        for name, size in ((NUCLEUS, 3000), (ORGANELLE, 900))
    )
    assert len(read_genome(**nuclear_and_organelle(tmp_path, "plasmid", region), label=None)) == 9


def test_proteins_of_organelles_told_by_a_header_are_not_translated(tmp_path):
    cds = line("CDS", 101, 160, "Parent=gene:n0", chromosome=NUCLEUS)
    cds += line("CDS", 101, 160, "Parent=gene:m", chromosome=ORGANELLE)
    files = nuclear_and_organelle(tmp_path, "mitochondrion", cds)
    assert read_proteins(files["genome"], files["annotation"]).ids.tolist() == ["n0"]


@pytest.mark.parametrize("end", ["1000", "100"])  # NCBI counts on; others begin again
def test_a_gene_over_the_origin(tmp_path, end):
    more = line("region", 1, 900, "ID=c;Is_circular=true;genome=plasmid", chromosome="c")
    more += f"c\tmade\tgene\t800\t{end}\t.\t+\t.\tID=gene:o;biotype=protein_coding\n"
    genes = [*(Gene(f"g{k}", "1", 101 + 100 * k, 190 + 100 * k) for k in range(4))]
    path = gff3(tmp_path / "g.gff3", [*genes, Gene("p", "c", 300, 500)], more)
    texts = genome(tmp_path / "g.fa", {"1": dna(1000), "c": dna(900)})
    samples = read_genome(texts, path, regions=REGIONS, organelles="keep")
    assert reasons(samples) == {"o": "over the origin of a circular chromosome (c)"}
    assert samples.ids.tolist() == ["g0", "g1", "g2", "g3", "p"]


# Genes without gene lines -----------------------------------------------------------------------


def ids(gene: str, transcript: str) -> str:
    return f'gene_id "{gene}"; transcript_id "{transcript}";'


def spans(path: Path) -> list[tuple]:
    genes = read_annotation(path).genes
    return [*genes[["id", "chromosome", "start", "end", "strand"]].itertuples(index=False)]


def test_loci_of_one_gene_id_are_not_joined(tmp_path):
    """As in refGene.gtf of UCSC: copies 130 kb apart, on the other strand, and elsewhere."""
    path = written(
        tmp_path / "g.gtf",
        line("exon", 1001, 1100, ids("a", "a.1"))
        + line("exon", 3001, 3100, ids("a", "a.1"))
        + line("exon", 2001, 4100, ids("a", "a.2"))
        + line("exon", 135001, 138000, ids("a", "a.3"))
        + line("exon", 1501, 1600, ids("a", "a.4"), "-")
        + line("exon", 5, 80, ids("a", "a.5"), chromosome="2")
        + line("exon", 7001, 7100, ids("b", "b.1")),
    )
    assert spans(path) == [
        ("a", "1", 1000, 4100, "+"),
        ("a", "1", 135000, 138000, "+"),
        ("a", "1", 1500, 1600, "-"),
        ("a", "2", 4, 80, "+"),
        ("b", "1", 7000, 7100, "+"),
    ]
    texts = genome(tmp_path / "g.fa", {"1": dna(140_000), "2": dna(500)})
    with refused(path, "'a' stands on lines 1 and 4", "twice: 1)", "duplicate_genes to drop"):
        read_genome(texts, path, regions=REGIONS)
    dropped = read_genome(texts, path, regions=REGIONS, duplicate_genes="drop")
    assert dropped.ids.tolist() == ["b"]
    lost = dropped.dropped["reason"].value_counts().to_dict()
    assert lost == {
        "its id stands twice in the annotation": 3,
        "more than 50% of its bases are unknown": 1,
    }


def test_transcripts_of_several_loci_stay_with_their_own(tmp_path):
    text = line("transcript", 101, 200, ids("a", "t")) + line("CDS", 111, 140, ids("a", "t"))
    text += line("transcript", 5001, 5400, ids("a", "u")) + line("CDS", 5101, 5160, ids("a", "u"))
    chosen = choose_transcripts(read_annotation(written(tmp_path / "g.gtf", text)))
    assert chosen.parts == {0: [(110, 140)], 1: [(5100, 5160)]}
    assert (chosen.start.tolist(), chosen.end.tolist()) == ([100, 5000], [200, 5400])


def test_genes_of_exon_lines_stay_beside_genes_of_other_lines(tmp_path):
    exons = line("exon", 301, 360, ids("e", "e.1")) + line("CDS", 391, 420, ids("c", "c.1"))
    transcript = line("transcript", 101, 200, ids("t", "t.1"))
    path = written(tmp_path / "g.gtf", transcript + exons)
    expected = [("t", "1", 100, 200, "+"), ("e", "1", 300, 360, "+"), ("c", "1", 390, 420, "+")]
    assert spans(path) == expected
    gene = line("gene", 101, 200, 'gene_id "t";')
    path.write_text(gene + transcript + exons)
    assert spans(path) == expected
    assert "has no gene lines for 2 of its genes" in read_annotation(path).notes[0]


def test_transcripts_of_gff3_without_a_gene_are_counted(tmp_path):
    text = line("gene", 1, 90, "ID=a") + line("mRNA", 1, 90, "ID=a.1;Parent=a")
    text += line("mRNA", 101, 190, "ID=b.1;Parent=b") + line("mRNA", 201, 290, "ID=c.1")
    path = written(tmp_path / "g.gff3", text)
    assert read_annotation(path).notes[0] == (
        f"Transcripts of {path} whose Parent is no gene there, not used: 2."
    )


def test_augustus_and_braker_write_only_an_id(tmp_path):
    path = written(
        tmp_path / "braker.gtf",
        line("gene", 101, 400, "g1")
        + line("transcript", 101, 400, "g1.t1")
        + line("CDS", 101, 190, 'transcript_id "g1.t1"; gene_id "g1";')
        + line("gene", 501, 900, "g2", "-")
        + line("transcript", 501, 800, "g2.t1", "-")
        + line("CDS", 601, 690, 'transcript_id "g2.t1"; gene_id "g2";', "-"),
    )
    assert spans(path) == [("g1", "1", 100, 400, "+"), ("g2", "1", 500, 900, "-")]
    chosen = choose_transcripts(read_annotation(path))
    assert (chosen.start.tolist(), chosen.end.tolist()) == ([100, 500], [400, 800])
    assert chosen.parts == {0: [(100, 190)], 1: [(600, 690)]}


# Attributes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag", ["MANE Select", "RefSeq Select", "MANE_Select", "RefSeq%20Select", "Ensembl_canonical"]
)
@pytest.mark.parametrize("is_gtf", [True, False])
def test_tags_of_the_canonical_transcript(tmp_path, tag, is_gtf):
    if is_gtf:
        text = line("gene", 101, 500, 'gene_id "g"; transcript_id "";')
        text += line("transcript", 101, 300, f'{ids("g", "short")} tag "{tag}";')
        text += line("transcript", 101, 500, f'{ids("g", "long")} tag "MANE Plus Clinical";')
    else:
        text = line("gene", 101, 500, "ID=gene-g")
        text += line("mRNA", 101, 300, f"ID=rna-short;Parent=gene-g;gbkey=mRNA;tag={tag}")
        text += line("mRNA", 101, 500, "ID=rna-long;Parent=gene-g;tag=MANE Plus Clinical")
    chosen = choose_transcripts(read_annotation(written(tmp_path / "g", text)))
    assert (chosen.start.tolist(), chosen.end.tolist()) == ([100], [300])


def test_gff3_whose_first_lines_have_no_attributes(tmp_path):
    path = written(tmp_path / "g.gff3", line("contig", 1, 900, ".") + line("gene", 1, 9, "ID=a"))
    assert not read_annotation(path).is_gtf
    assert spans(path) == [("a", "1", 0, 9, "+")]


def test_entrez_ids(tmp_path):
    of_gff3 = line("gene", 101, 200, "ID=gene-A;Dbxref=SGD:S0001,GeneID:850289;Name=A")
    of_gff3 += line("mRNA", 101, 180, "ID=rna-A;Parent=gene-A;Dbxref=GeneID:850289")
    of_gtf = line("gene", 101, 200, 'gene_id "A"; db_xref "SGD:S0001"; db_xref "GeneID:850289";')
    of_gtf += line("transcript", 101, 180, f'{ids("A", "x")} db_xref "GeneID:850289";')
    for text in (of_gff3, of_gtf):
        annotation = read_annotation(written(tmp_path / "g", text), "GeneID")
        assert annotation.genes["id"].tolist() == ["850289"]
        assert choose_transcripts(annotation).end.tolist() == [180]
    with refused("line 1", "no HGNC and no Dbxref:HGNC", "1 of 1 genes"):
        read_annotation(tmp_path / "g", "HGNC")


# What stands twice ------------------------------------------------------------------------------


def test_ids_that_stand_twice_among_genes_that_are_not_used(tmp_path):
    rps12 = "ID=gene-rps12;gene_id=rps12;biotype=protein_coding;exception=trans-splicing;part="
    more = line("gene", 10, 60, f"{rps12}1/2", chromosome="2")
    more += line("gene", 400, 460, f"{rps12}2/2", "-", chromosome="2")
    genes = [
        *(Gene(f"g{k}", "1", 101 + 100 * k, 190 + 100 * k) for k in range(4)),
        Gene("trnR", "1", 701, 770, biotype="tRNA"),
        Gene("trnR", "1", 801, 870, biotype="tRNA"),
        Gene("copy", "Mt", 101, 200),
        Gene("copy", "Mt", 301, 400),
        Gene("patched", "1", 901, 950),
        Gene("patched", "NW_01.1", 901, 950),
    ]
    path = gff3(tmp_path / "g.gff3", genes, more)
    texts = genome(tmp_path / "g.fa", {"1": dna(1000), "2": dna(600), "Mt": dna(600)})
    samples = read_genome(texts, path, regions=REGIONS, id_attribute="ID")
    assert samples.ids.tolist() == ["g0", "g1", "g2", "g3", "patched"]
    lost = samples.dropped["reason"].value_counts().to_dict()
    assert lost == {
        "of another biotype (tRNA)": 2,
        "on an organelle (Mt)": 2,
        "no sequence of its chromosome (NW_01.1)": 1,
        "in parts that lie apart (trans-spliced)": 2,
    }


# What is no annotation --------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [3, 4, 6, 9, 12])
def test_bed_is_told(tmp_path, fields):
    whole = ["chr1", "100", "900", "g1", "0", "+", "100", "900", "0", "2", "50,60", "0,740"]
    path = written(tmp_path / "genes.bed", "\t".join(whole[:fields]) + "\n")
    with refused(path, "looks like BED", "genePredToGtf" if fields == 12 else "agat_convert"):
        read_annotation(path)


@pytest.mark.parametrize("start", ["1" * 23, "\u00b2", "-5"])
def test_positions_that_no_chromosome_has(tmp_path, start):
    path = written(tmp_path / "g.gff3", f"1\tmade\tgene\t{start}\t{start}\t.\t+\t.\tID=a\n")
    with refused(path, "line 1", start, "below 1,099,511,627,776"):
        read_annotation(path)


def test_bytes_that_are_no_utf_8(tmp_path):
    path = gtf(tmp_path / "g.gtf", [Gene("a", "1", 1, 9)])
    texts = genome(tmp_path / "g.fa", {"1": dna(90), "2": dna(90)})
    texts.write_bytes(texts.read_bytes().replace(b">2", b">2\xe9"))
    with refused(texts, "record 2", "0xe9", "UTF-8"):
        read_genome(texts, path, regions=REGIONS)
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"\xe9"'))
    with refused(path, "line 2", "0xe9", "iconv"):
        read_annotation(path)


def test_windows_larger_than_memory(tmp_path):
    path = gtf(tmp_path / "g.gtf", [Gene(f"g{k}", "1", 1, 9) for k in range(30_000)])
    regions = [{"name": f"r{k}", "anchor": "tss", "upstream": 10_000_000} for k in range(1000)]
    with refused("30,000 genes", "10,000,000,000 columns", "300,000 GB", "fewer bases"):
        read_genome(genome(tmp_path / "g.fa", {"1": dna(90)}), path, regions=regions)
