from __future__ import annotations

import pandas as pd
import pytest

from cistron.samples.gene_ids import match_ids
from tests.samples.made import refused


def genes(ids: list[str], names: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "name": names or [""] * len(ids)})


def test_ids_as_they_are():
    rows, notes = match_ids(genes(["a", "b", "c"]), ["c", "a", "x"], "tpm.csv")
    assert rows.tolist() == [1, -1, 0]
    assert notes == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["AT1G1", "AT1G2"], ["gene:AT1G1", "gene:AT1G2"]),
        (["AT1G1", "AT1G2"], ["AT1G1.1", "AT1G2.3"]),
        (["ENSG1.5", "ENSG2.7"], ["ENSG1", "ENSG2"]),
        (["ENSG1.5", "ENSG2.7"], ["ENSG1.4", "ENSG2.9"]),
        (["AT1G1", "AT1G2"], ["At1g1", "At1g2"]),
        (["Solyc01g1.3", "Solyc01g2.3"], ["solyc01g1", "solyc01g2"]),
        (["Zm1", "Zm2"], ["Zm1_T001", "Zm2_T002"]),
    ],
)
def test_ids_written_otherwise_meet_and_it_is_said(ours, theirs):
    rows, notes = match_ids(genes(ours), [*theirs, "other"], "tpm.csv")
    assert rows.tolist() == [0, 1]
    assert len(notes) == 1
    assert "tpm.csv" in notes[0]


def test_a_version_is_kept_where_ids_meet_with_it():
    rows, notes = match_ids(genes(["a.1", "a.2"]), ["a.2", "a.1"], "tpm.csv")
    assert rows.tolist() == [1, 0]
    assert notes == []


def test_transcripts_are_not_taken_for_genes():
    theirs = ["AT1G1.1", "AT1G1.2", "AT1G2.1"]
    with refused("AT1G1.1, AT1G1.2", "transcripts", "Sum them by gene"):
        match_ids(genes(["AT1G1", "AT1G2"]), theirs, "tpm.csv")


def test_genes_that_would_become_one():
    with refused("then genes become one"):
        match_ids(genes(["a.1", "a.2", "b.1"]), ["a", "b"], "tpm.csv")


def test_names_instead_of_ids():
    with refused("tpm.csv: only 0% of its 2 ids", "'FLO9', 'PAU8'", "'YA', 'YB'", "gene_name"):
        match_ids(genes(["YA", "YB"], ["FLO9", "PAU8"]), ["FLO9", "PAU8"], "tpm.csv")


def test_another_organism():
    with refused("'Os1', 'Os2', 'Os3'", "'AT1', 'AT2', 'AT3'", "the table was made with"):
        match_ids(genes(["AT1", "AT2", "AT3"]), ["Os1", "Os2", "Os3", "Os4"], "tpm.csv")
