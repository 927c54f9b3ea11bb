from __future__ import annotations

from pathlib import Path

import pytest

from cistron.samples.genome.annotation import read_annotation
from cistron.samples.genome.transcripts import choose_transcripts
from tests.places import REAL_DATA
from tests.samples.genome.genes_made import Gene, gff3, gtf
from tests.samples.made import compress, refused

GENES = [
    Gene("A1", "1", 101, 200),
    Gene("B2", "1", 301, 420, "-"),
    Gene("T3", "2", 5, 80, biotype="tRNA"),
]


def line(kind: str, start: int, end: int, strand: str, attributes: str) -> str:
    return f"1\tmade\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


@pytest.mark.parametrize("write", [gtf, gff3])
def test_genes_are_0_based_and_half_open(tmp_path, write):
    path = write(tmp_path / "genes", GENES)
    for file in (path, compress(path, "genes.gz")):
        found = read_annotation(file)
        genes = found.genes
        assert found.is_gtf == (write is gtf)
        assert genes["id"].tolist() == ["A1", "B2", "T3"]
        assert genes["start"].tolist() == [100, 300, 4]
        assert genes["end"].tolist() == [200, 420, 80]
        assert genes["strand"].tolist() == ["+", "-", "+"]
        assert genes["chromosome"].tolist() == ["1", "1", "2"]
        assert genes["biotype"].tolist() == ["protein_coding", "protein_coding", "tRNA"]
        assert genes["line"].tolist() == [2, 3, 4]


def test_windows_line_ends_comments_and_a_sequence_part(tmp_path):
    path = gff3(tmp_path / "genes.gff3", GENES, "###\n##FASTA\n>1\nACGT\n")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_annotation(path).genes["biotype"].tolist()[2] == "tRNA"


def test_the_attribute_of_ids(tmp_path):
    path = gff3(tmp_path / "genes.gff3", GENES)
    assert read_annotation(path).id_attribute == "ID"
    assert read_annotation(path, "Name").genes["id"].tolist() == ["NA1", "NB2", "NT3"]
    with refused(path, "line 2", "locus_tag", "id_attribute"):
        read_annotation(path, "locus_tag")


def test_percent_signs_are_decoded(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(line("gene", 1, 9, "+", "ID=a%2Cb;Note=x"))
    assert read_annotation(path).genes["id"].tolist() == ["a,b"]


def test_notes_of_tair_tell_the_biotype(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(
        line("gene", 1, 9, "+", "ID=AT1G1;Note=protein_coding_gene;Name=AT1G1")
        + line("pseudogene", 11, 19, "+", "ID=AT1G2;Note=pseudogene;Name=AT1G2")
        + line("transposable_element_gene", 21, 29, "+", "ID=AT1G3;Name=AT1G3")
    )
    biotypes = read_annotation(path).genes["biotype"].tolist()
    assert biotypes == ["protein_coding", "pseudogene", "transposable_element_gene"]


def test_without_biotypes_it_is_said(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(line("gene", 1, 9, "+", "ID=a"))
    found = read_annotation(path)
    assert found.genes["biotype"].tolist() == [""]
    assert "no biotypes" in found.notes[0]


def test_genes_of_a_gtf_without_gene_lines_span_their_transcripts(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text(
        line("transcript", 50, 90, "-", 'gene_id "a"; transcript_id "a.1";')
        + line("exon", 50, 90, "-", 'gene_id "a"; transcript_id "a.1";')
        + line("transcript", 30, 80, "-", 'gene_id "a"; transcript_id "a.2";')
        + line("transcript", 200, 300, "+", 'gene_id "b"; transcript_id "b.1";')
    )
    found = read_annotation(path)
    assert found.genes[["start", "end"]].to_numpy().tolist() == [[29, 90], [199, 300]]
    assert "no gene lines" in found.notes[0]


TRANSCRIPTS_GTF = (
    line("gene", 101, 500, "-", 'gene_id "g";')
    + line("transcript", 101, 450, "-", 'gene_id "g"; transcript_id "short";')
    + line("CDS", 201, 300, "-", 'gene_id "g"; transcript_id "short";')
    + line("stop_codon", 198, 200, "-", 'gene_id "g"; transcript_id "short";')
    + line("transcript", 151, 500, "-", 'gene_id "g"; transcript_id "long"; TAG')
    + line("CDS", 401, 440, "-", 'gene_id "g"; transcript_id "long";')
    + line("CDS", 211, 320, "-", 'gene_id "g"; transcript_id "long";')
    + line("stop_codon", 208, 210, "-", 'gene_id "g"; transcript_id "long";')
)
TRANSCRIPTS_GFF3 = (
    line("gene", 101, 500, "-", "ID=gene:g")
    + line("mRNA", 101, 450, "-", "ID=transcript:short;Parent=gene:g")
    + line("CDS", 198, 300, "-", "ID=CDS:1;Parent=transcript:short")
    + line("mRNA", 151, 500, "-", "ID=transcript:long;Parent=gene:g")
    + line("CDS", 401, 440, "-", "ID=CDS:2;Parent=transcript:long")
    + line("CDS", 208, 320, "-", "ID=CDS:2;Parent=transcript:long")
)


@pytest.mark.parametrize("text", [TRANSCRIPTS_GTF, TRANSCRIPTS_GFF3])
def test_the_longest_protein_is_chosen_and_the_stop_codon_belongs_to_it(tmp_path, text):
    path = tmp_path / "genes"
    path.write_text(text)
    chosen = choose_transcripts(read_annotation(path))
    assert (chosen.start.tolist(), chosen.end.tolist()) == ([150], [500])
    assert (chosen.coding_start.tolist(), chosen.coding_end.tolist()) == ([207], [440])
    assert chosen.parts == {0: [(207, 320), (400, 440)]}


def test_a_canonical_transcript_comes_before_a_longer_one(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text(TRANSCRIPTS_GTF.replace('"short";', '"short"; tag "Ensembl_canonical";', 1))
    chosen = choose_transcripts(read_annotation(path))
    assert (chosen.start.tolist(), chosen.end.tolist()) == ([100], [450])


def test_genes_without_transcripts_keep_their_own_ends(tmp_path):
    chosen = choose_transcripts(read_annotation(gtf(tmp_path / "genes.gtf", GENES)))
    assert chosen.start.tolist() == [100, 300, 4]
    assert chosen.coding_start.tolist() == [-1, -1, -1]


def test_spaces_for_tabs(tmp_path):
    path = gtf(tmp_path / "genes.gtf", GENES)
    path.write_text(path.read_text().replace("\t", " "))
    with refused(path, "line 2", "spaces", "restore the tabs"):
        read_annotation(path)


def test_ids_missing_in_gff3(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(line("gene", 1, 9, "+", "ID=a") + line("gene", 11, 19, "+", "note=b"))
    with refused(path, "line 2", "no gene_id and no ID and no Name", "the key id_attribute"):
        read_annotation(path)


@pytest.mark.parametrize(("start", "end"), [("x", "9"), ("0", "9"), ("9", "8")])
def test_impossible_positions(tmp_path, start, end):
    path = tmp_path / "genes.gff3"
    path.write_text(f"1\tmade\tgene\t{start}\t{end}\t.\t+\t.\tID=a\n")
    with refused(path, "line 1", start, end):
        read_annotation(path)


def test_what_is_no_annotation(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text("#only\n#comments\n")
    with refused(path, "only comments"):
        read_annotation(path)
    path.write_text(line("exon", 1, 9, "+", "ID=a"))
    with refused(path, "no gene", "exon"):
        read_annotation(path)
    path.write_text("<html></html>")
    with refused(path, "HTML"):
        read_annotation(path)


def test_a_truncated_gzip(tmp_path):
    many = [Gene(f"g{k}", "1", 10 * k + 1, 10 * k + 9) for k in range(3000)]
    path = compress(gtf(tmp_path / "genes.gtf", many), "genes.gtf.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with refused(path, "cut short"):
        read_annotation(path)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="no real data here")
def test_both_annotations_of_yeast_say_the_same():
    folder: Path = REAL_DATA / "yeast"
    first = read_annotation(folder / "genes.gtf.gz")
    second = read_annotation(folder / "genes.gff3.gz")
    columns = ["id", "biotype", "chromosome", "start", "end", "strand"]
    assert first.genes[columns].equals(second.genes[columns])
    assert (first.genes["biotype"] == "protein_coding").sum() == 6600
    assert (choose_transcripts(second).coding_start >= 0).sum() == 6600
