from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.base.errors import InputError
from cistron.samples.genome.gene_ids import RULES, match_ids, match_overlap, without_shared_ending
from tests.samples.made import refused

POPLAR = ["Potri.001G000400", "Potri.002G000500"]
SOY = ["Glyma.01G000100", "Glyma.02G000200"]
RICE = ["LOC_Os01g01010", "LOC_Os02g01020"]


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
        (["AT1G01010", "AT2G01020"], ["gene-AT1G01010", "gene-AT2G01020"]),  # NCBI
        (["AT1G01010", "AT2G01020"], ["rna-AT1G01010.1", "rna-AT2G01020.4"]),
        # Phytozome
        (["AT1G01010.Araport11.447", "AT2G01020.Araport11.447"], ["AT1G01010", "AT2G01020"]),
        (["AT1G01010.Araport11.447", "AT2G01020.Araport11.447"], ["AT1G01010.2", "AT2G01020.1"]),
        (["Potri.001G000400.v4.1", "Potri.002G000500.v4.1"], POPLAR),
        (["Potri.001G000400.v4.1", "Potri.002G000500.v4.1"], [f"{i}.1" for i in POPLAR]),
        (["Glyma.01G000100.Wm82.a4.v1", "Glyma.02G000200.Wm82.a4.v1"], SOY),
        (["Glyma.01G000100.Wm82.a4.v1", "Glyma.02G000200.Wm82.a4.v1"], [f"{i}.2" for i in SOY]),
        (["Glyma.01G000100.Wm82.a2.v1", "Glyma.02G000200.Wm82.a2.v1"], [f"{i}.v4" for i in SOY]),
        (["LOC_Os01g01010.MSUv7.0", "LOC_Os02g01020.MSUv7.0"], RICE),
        (["LOC_Os01g01010", "LOC_Os02g01020"], ["LOC_Os01g01010.1", "LOC_Os02g01020.2"]),
        (["LOC_Os01g01010", "LOC_Os02g01020"], ["Os01g01010", "Os02g01020"]),
        # ids and symbols together: GENCODE and StringTie, TCGA
        (["ENSG1", "ENSG2"], ["ENSG1|TP53", "ENSG2|KRAS"]),
        (["ENSG1.5", "ENSG2.7"], ["ENSG1.4|TP53", "ENSG2.9|KRAS"]),
        (["7157", "3845"], ["TP53|7157", "KRAS|3845"]),
    ],
)
def test_ids_written_otherwise_meet_and_it_is_said(ours, theirs):
    rows, notes = match_ids(genes(ours), [*theirs, "other"], "tpm.csv")
    assert rows.tolist() == [0, 1]
    assert len(notes) == 1
    assert "tpm.csv" in notes[0]


@pytest.mark.parametrize("change", [rule for rule in RULES if "case" not in rule])
def test_ids_that_only_look_like_versions_stay_as_they_are(change):
    """A dot inside of an id is no version, and digits behind a letter are none."""
    ids = [*POPLAR, *SOY, "Cre01.g000017", "Sobic.001G000100", "HORVU.MOREX.r3.1HG0000010"]
    assert RULES[change](ids) == ids


def test_transcripts_with_the_name_of_an_annotation():
    ours = [f"AT1G{i:05d}" for i in range(20)]
    theirs = [f"{name}.{1 + i % 3}.Araport11.447" for i, name in enumerate(ours)]
    rows, notes = match_ids(genes(ours), [*theirs, "other"], "tpm.csv")
    assert rows.tolist() == list(range(20))
    assert "without shared endings and versions" in notes[0]


def test_the_ending_of_a_file():
    assert without_shared_ending(["gene:a.Wm82.a4.v1", "b.Wm82.a4.v1"]) == ["a", "b"]
    # Not of all, but of nearly all; the others stay as they are.
    ids = [*(f"g{i}.v7" for i in range(19)), "mt1"]
    assert without_shared_ending(ids) == [*(f"g{i}" for i in range(19)), "mt1"]
    for kept in (["a.L", "b.L"], ["a.1", "b.2"], ["x.1"], ["g1", "g1"], [], [".1", ".1"]):
        assert without_shared_ending(kept) == kept


def test_subgenomes_do_not_meet():
    with refused("only 0% of its 2 ids"):
        match_ids(genes(["sox2.L", "pax6.L"]), ["sox2.S", "pax6.S"], "tpm.csv")


def test_an_ending_without_which_genes_become_one():
    ours = [*(f"g{i}.v7" for i in range(30)), "g1"]
    with refused("then genes become one"):
        match_ids(genes(ours), [f"g{i}" for i in range(2, 30)] + ["g30", "g31", "g1.x"], "tpm.csv")


def test_few_genes_of_a_long_table():
    """Either side may hold most of what the other does not."""
    table = [f"AT1G{i:05d}.1" for i in range(500)]
    rows, notes = match_overlap(["AT1G00007", "AT1G00400", "x"], table, "pairs.txt")
    assert rows.tolist() == [7, 400, -1]
    assert "pairs.txt were matched without version suffixes such as .1 (67% of" in notes[0]
    rows, notes = match_overlap(table[:2], ["b", table[1]], "pairs.txt")
    assert (rows.tolist(), notes) == ([-1, 1], [])
    rows, notes = match_overlap(["a"], ["b"], "pairs.txt")
    assert (rows.tolist(), notes) == ([-1], [])


IDS = st.lists(st.text("aB.1_v", min_size=1, max_size=7), min_size=1, max_size=8, unique=True)


@settings(max_examples=300, deadline=None)
@given(IDS, IDS)
def test_no_two_ids_ever_become_one(ours, theirs):
    for match in (match_overlap, lambda ours, *more: match_ids(genes(ours), *more)):
        try:
            rows, _ = match(ours, theirs, "x.csv")
        except InputError:
            continue
        found = rows[rows >= 0]
        assert len(set(found)) == len(found)


def test_few_of_many_that_would_become_one():
    # As they are one meets; without versions more would, and two of them become one.
    ours, theirs = ["a", "b", "c.1", "d"], ["a", "c.2", "c.3", "b.1", "e"]
    rows, notes = match_overlap(ours, theirs, "pairs.txt")
    assert (rows.tolist(), notes) == ([0, -1, -1, -1], [])
    with refused("pairs.txt", "'c.2', 'c.3'", "several become one", "one transcript of each"):
        match_overlap(["c", "d"], ["c.2", "c.3"], "pairs.txt")


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


def test_entrez_ids_are_told():
    with refused("only 0% of its 2 ids", "Entrez ids", "samples.id_attribute to GeneID"):
        match_ids(genes(["YA", "YB"]), ["850289", "850290"], "tpm.csv")


def test_a_share_that_is_needed():
    ours, theirs = ["a", "b", "c", "d"], ["a", "x", "y", "z", "w"]
    with refused("labels.csv", "Only 25% of either", "'a', 'x', 'y'", "'a', 'b', 'c'"):
        match_overlap(ours, theirs, "labels.csv", fewest=0.5)
    rows, _ = match_overlap(ours, theirs[:2], "labels.csv", fewest=0.5)
    assert rows.tolist() == [0, -1, -1, -1]
    needed = np.array([True, True, False, False])  # half of those that matter
    rows, _ = match_overlap(ours, theirs, "labels.csv", needed=needed, fewest=0.5)
    assert rows.tolist() == [0, -1, -1, -1]


def test_another_organism():
    with refused("'Os1', 'Os2', 'Os3'", "'AT1', 'AT2', 'AT3'", "the table was made with"):
        match_ids(genes(["AT1", "AT2", "AT3"]), ["Os1", "Os2", "Os3", "Os4"], "tpm.csv")
