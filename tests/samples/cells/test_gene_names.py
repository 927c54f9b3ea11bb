"""Genes of new data found among those of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.samples.cells.gene_names import align_genes, is_ensembl, read_aliases


def cells(genes: list[str], **names: list[str]) -> Counts:
    return Counts.of(np.arange(2 * len(genes)).reshape(2, -1), genes, **names)


@given(order=st.permutations(list(range(8))), absent=st.sets(st.integers(0, 7), max_size=4))
def test_the_order_of_genes_is_nothing_to_the_result(order: list[int], absent: set[int]) -> None:
    ours = [f"GENE{i}" for i in range(8)]
    theirs = [ours[i] for i in order if i not in absent]
    other = cells(theirs)
    aligned = align_genes(other, ours)
    values = aligned.select(other.read()).toarray()
    for column, gene in enumerate(ours):
        if gene in theirs:
            assert np.array_equal(values[:, column], other.read().toarray()[:, theirs.index(gene)])
        else:
            assert aligned.index[column] == -1
            assert not values[:, column].any()
    assert aligned.share == pytest.approx(1 - len(absent) / 8)


def test_each_rule_finds_what_the_ones_before_left() -> None:
    ours = ["TP53", "ENSG00000000002.7", "Actb", "OLD1", "MYC", "ABSENT"]
    theirs = ["MYC", "ACTB", "NEW1", "ENSG00000000002.9", "X"]
    other = cells(theirs, symbol=["", "", "", "", "TP53"])
    aligned = align_genes(other, ours, aliases={"OLD1": "NEW1"})
    assert aligned.index.tolist() == [4, 3, 1, 2, 0, -1]
    assert list(aligned.found.values()) == [1, 1, 1, 1, 1]
    assert aligned.missing == ("ABSENT",)
    assert "5 of 6 genes" in aligned.note
    assert "ABSENT" in aligned.note


def test_names_of_training_count_too() -> None:
    other = cells(["ENSG00000000001.3", "ENSG00000000002"])
    names = {"ensembl": ["ENSG00000000002", "ENSG00000000001"]}
    assert align_genes(other, ["A", "B"], names=names).index.tolist() == [1, 0]


def test_what_is_ambiguous_is_counted_and_left_out() -> None:
    other = cells(["E1", "E2", "C"], symbol=["A", "A", "C"])
    aligned = align_genes(other, ["A", "C"])
    assert aligned.index.tolist() == [-1, 2]
    assert aligned.ambiguous == 1
    assert "ambiguous: 1" in aligned.note
    # Two genes of training that only differ in case, and one column: neither may have it.
    aligned = align_genes(cells(["MT1", "B"]), ["Mt1", "mt1", "B"], least=0)
    assert aligned.index.tolist() == [-1, -1, 1]
    assert aligned.ambiguous == 2


def test_an_exact_name_comes_before_a_looser_one() -> None:
    aligned = align_genes(cells(["actb", "ACTB"]), ["ACTB", "actb"])
    assert aligned.index.tolist() == [1, 0]


def test_too_little_overlap_is_refused_with_examples() -> None:
    with pytest.raises(InputError, match=r"Only 25.0% of the 4 genes .* a.h5ad.*B, C, D.*X, Y"):
        align_genes(cells(["A", "X", "Y"]), ["A", "B", "C", "D"], what="a.h5ad")
    assert align_genes(cells(["A", "X", "Y"]), ["A", "B", "C", "D"], least=0.25).share == 0.25


def test_missing_numbers_do_not_spread() -> None:
    values = sparse.csr_matrix(np.array([[np.nan, 2.0]]))
    other = Counts.of(values, ["A", "B"])
    found = align_genes(other, ["B", "A"]).select(other.read()).toarray()
    assert found[0, 0] == 2
    assert np.isnan(found[0, 1])


def test_an_alias_table(tmp_path: Path) -> None:
    path = tmp_path / "aliases.csv"
    path.write_text("alias,symbol\nOLD1,NEW1\nBOTH,X\nBOTH,Y\n")
    assert read_aliases(path) == {"OLD1": "NEW1"}
    path.write_text("alias\nOLD1\n")
    with pytest.raises(InputError, match="two columns"):
        read_aliases(path)


def test_ensembl_ids_are_known() -> None:
    assert is_ensembl(["ENSG00000141510.11", "ENSMUSG00000059552", ""])
    assert not is_ensembl(["TP53", "ENSA", "ENSG00000141510"])
    assert not is_ensembl([])
