"""Numbers of transcripts summed to genes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cistron.base.errors import InputError
from cistron.samples.genome.numbers import NumberTable

SALMON = (
    "Name\tLength\tEffectiveLength\tTPM\tNumReads\n"
    "T1.2\t900\t700\t1.5\t10\nT2.1\t800\t600\t2.5\t20\nT3\t700\t500\t4\t30\nT9\t1\t1\t8\t1\n"
)
PAIRS = "T1.2\tG1\nT2\tG1\nT3\tG2\n"


def numbers(tmp_path, pairs: str, salmon: str = SALMON) -> NumberTable:
    (tmp_path / "quant.sf").write_text(salmon)
    (tmp_path / "tx2gene.tsv").write_text(pairs)
    paths = {"table": tmp_path / "quant.sf", "transcripts": tmp_path / "tx2gene.tsv"}
    return NumberTable(**paths, columns="TPM", scale="none")


@pytest.mark.parametrize("header", ["", "transcript_id\tgene_id\n"])
def test_transcripts_of_salmon_are_summed(header, tmp_path) -> None:
    values = numbers(tmp_path, header + PAIRS).read()
    assert values.ids == ["G1", "G2"]
    np.testing.assert_array_equal(values.number, [4, 4])
    assert "3 transcripts are summed to 2 genes" in values.notes[0]
    assert "does not know 1 transcripts (T9)" in values.notes[1]


def test_tables_that_do_not_fit(tmp_path) -> None:
    with pytest.raises(InputError, match="knows 1 of the 4 transcripts"):
        numbers(tmp_path, "T3\tG2\nX\tG1\n").read()
    with pytest.raises(InputError, match="'T3' into several genes"):
        numbers(tmp_path, f"{PAIRS}T3\tG7\n").read()
    with pytest.raises(InputError, match="has one column"):
        numbers(tmp_path, "T3\nT4\n").read()
    with pytest.raises(InputError, match="does not read a sum over transcripts"):
        numbers(tmp_path, PAIRS).require_genes()
