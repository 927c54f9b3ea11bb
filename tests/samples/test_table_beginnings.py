"""Tables of text that begin otherwise than with a name over each column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cistron.base.errors import InputError
from cistron.experiment.file import read_document
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.count_tables import read_count_table
from cistron.samples.frames import column_names, read_frame
from cistron.samples.genome.numbers import NumberTable

HTSEQ = "ENSG1\t0\nENSG2\t12\nENSG3\t7\n__no_feature\t900\n__ambiguous\t33\n"
STAR = (
    "N_unmapped\t5\t5\t5\nN_multimapping\t1\t1\t1\nN_noFeature\t2\t8\t9\nN_ambiguous\t0\t0\t0\n"
    "ENSG1\t1\t0\t1\nENSG2\t9\t4\t5\n"
)
COUNTED = (
    '# Program:featureCounts v2.0.1; Command:"featureCounts" "-a" "g.gtf" "a.bam"\n'
    "Geneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\tb.bam\n"
    "ENSG1\tchr1;chr1\t1;50\t20;90\t+;+\t61\t3\t0\n"
    "ENSG2\tchr2\t5\t500\t-\t496\t0\t17\n"
)
FROM_R = '"tpm" "kind"\n"g1" 1.5 "a b"\n"g2" 0 "c"\n'.replace(" ", "\t").replace("a\tb", "a b")


def written(tmp_path, text, name="t.tsv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_file_of_htseq_has_no_header(tmp_path) -> None:
    path = written(tmp_path, HTSEQ, "sample1.counts.txt")
    assert column_names(path) == ["gene_id", "count"]
    frame = read_frame(path, ["gene_id", "count"])
    assert frame["gene_id"].tolist()[:2] == ["ENSG1", "ENSG2"]
    assert frame["count"].tolist()[:2] == ["0", "12"]
    file = read_count_table(path, CellFormat())
    assert file.genes.tolist() == ["ENSG1", "ENSG2", "ENSG3"]
    assert file.barcodes.tolist() == ["sample1"]
    np.testing.assert_array_equal(file.matrix.read(np.arange(1)).toarray(), [[0, 12, 7]])
    assert "2 lines sum up reads without a gene" in file.notes[-1]


def test_a_file_of_star_has_no_header_and_three_columns(tmp_path) -> None:
    path = written(tmp_path, STAR, "s.ReadsPerGene.out.tab")
    assert column_names(path) == ["gene_id", "column_2", "column_3", "column_4"]
    file = read_count_table(path, CellFormat())
    assert file.genes.tolist() == ["ENSG1", "ENSG2"]
    assert file.barcodes.tolist() == ["s:1", "s:2", "s:3"]
    np.testing.assert_array_equal(
        file.matrix.read(np.arange(3)).toarray(), [[1, 9], [0, 4], [1, 5]]
    )


def test_feature_counts_are_read_without_their_places(tmp_path) -> None:
    path = written(tmp_path, COUNTED)
    assert column_names(path)[-2:] == ["a.bam", "b.bam"]
    assert read_frame(path, ["Geneid", "b.bam"])["b.bam"].tolist() == ["0", "17"]
    file = read_count_table(path, CellFormat())
    assert file.barcodes.tolist() == ["a.bam", "b.bam"]
    assert file.genes.tolist() == ["ENSG1", "ENSG2"]
    np.testing.assert_array_equal(file.matrix.read(np.arange(2)).toarray(), [[3, 0], [0, 17]])
    told = [note for note in file.notes if "Chr, Start, End, Strand, Length are not read" in note]
    assert len(told) == 1
    values = NumberTable(table=path, columns="*.bam", summary="max", scale="none").read()
    assert (values.ids, values.number.tolist()) == (["ENSG1", "ENSG2"], [3, 17])
    with pytest.raises(InputError, match="line 5 has 2 fields"):
        read_count_table(written(tmp_path, f"{COUNTED}ENSG3\ty\n", "bad.tsv"), CellFormat())


def test_a_parquet_table_that_is_cut_short(tmp_path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"gene": ["a"], "tpm": [1.0]}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:200])
    for read in (column_names, lambda table: NumberTable(table=table).read()):
        with pytest.raises(InputError, match="no readable parquet table"):
            read(path)


def test_a_pattern_is_a_value_of_set(tmp_path) -> None:
    path = written(tmp_path, "a: {b: 1}\n", "e.yaml")
    document, _ = read_document(path, ["a.b=*.bam", "a.c=[1, x]"])
    assert document == {"a": {"b": "*.bam", "c": [1, "x"]}}


def test_row_names_of_r_are_a_column(tmp_path) -> None:
    path = written(tmp_path, FROM_R)
    assert column_names(path) == ["row.names", "tpm", "kind"]
    frame = read_frame(path, ["row.names", "tpm", "kind"])
    pd.testing.assert_frame_equal(
        frame.astype(object),
        pd.DataFrame(
            {"row.names": ["g1", "g2"], "tpm": ["1.5", "0"], "kind": ["a b", "c"]}, dtype=object
        ),
        check_dtype=False,
    )
    with pytest.raises(InputError, match="line 3 has 4 fields"):
        read_frame(written(tmp_path, "a\tb\nx\t1\t2\ny\t1\t2\t3\n", "bad.tsv"), ["a"])


@pytest.mark.parametrize(
    "text",
    [
        "gene\t1\t2\ng1\t3\t4\n",  # cells called 1 and 2
        "\t0\t1\ng1\t3\t4\n",
        "GENE5\t0\t1\t2\ng1\t3\t4\t5\n",  # an index of pandas
        "id,2020\na,1\n",
        "x,sequence\na,MKV\n",
    ],
)
def test_headers_of_numbers_are_headers(text, tmp_path) -> None:
    names = column_names(written(tmp_path, text))
    first = text.split("\n", 1)[0]
    assert names == first.split("," if "," in first else "\t")
