from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.samples.cells.cell_profiles import (
    Normalisation,
    are_counts,
    depth,
    moments,
    variable_genes,
)
from cistron.samples.cells.technical_genes import technical_kinds
from cistron.samples.identical import identical
from cistron.samples.samples import Sequences, make_samples
from tests.cells_planted import planted


def cells(values: list[list[float]]) -> Counts:
    return Counts.of(np.array(values), [f"g{k}" for k in range(len(values[0]))])


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=12))
def test_cells_have_one_number_exactly_where_all_genes_agree(values):
    number = identical(cells(values))
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            same = i == j or (one == other and any(one))
            assert (number[i] == number[j]) == same


def test_stored_zeros_make_no_difference_and_empty_cells_are_copies_of_nothing():
    stored = sparse.csr_matrix(
        (np.array([1, 0, 1], np.float32), ([0, 0, 1], [0, 2, 0])), shape=(4, 3)
    )
    number = identical(Counts.of(stored, ["a", "b", "c"]))
    assert number[0] == number[1]
    assert len(set(number[1:].tolist())) == 3


def test_sequences_are_numbered_as_before():
    assert identical(Sequences.from_text(["MKV", "MKL", "MKV"])).tolist() == [0, 1, 0]


def test_depth_and_normalisation():
    made = cells([[1, 0, 3], [0, 0, 0], [4, 2, 2]])
    assert depth(made).tolist() == [[4, 2], [0, 0], [8, 3]]
    assert are_counts(made)
    assert not are_counts(cells([[0.5, 1]]))
    normal = Normalisation.fit(made)
    assert normal.size == 6
    found = normal.apply(made.read()).toarray()
    np.testing.assert_allclose(found[0], np.log1p([1.5, 0, 4.5]), rtol=1e-6)
    assert not found[1].any()
    assert Normalisation.fit(cells([[0.5, 1]])).size is None


def test_missing_numbers_count_as_zero():
    made = cells([[1, np.nan, 3], [2, 1, 1]])
    assert depth(made).tolist() == [[4, 2], [4, 3]]


def test_moments_by_kind_agree_with_dense_ones():
    samples = planted(10, 2)
    normal = Normalisation.fit(samples.payload)
    sums, squares, having = moments(samples.payload, normal, samples.targets, 2)
    dense = normal.apply(samples.payload.read()).toarray().astype(float)
    for kind in range(2):
        own = dense[samples.targets == kind]
        np.testing.assert_allclose(sums[kind], own.sum(axis=0), rtol=1e-5)
        np.testing.assert_allclose(squares[kind], (own**2).sum(axis=0), rtol=1e-5)
        assert having[kind].tolist() == (own > 0).sum(axis=0).tolist()


def test_planted_genes_are_among_the_variable_ones():
    samples = planted(60, 2, effect=10.0)
    chosen = variable_genes(samples.payload, Normalisation.fit(samples.payload), 50)
    assert len(chosen) == 50
    assert np.isin(np.arange(24), chosen).mean() > 0.7


def test_technical_genes_are_told_by_their_names():
    told = {
        "RPL13A": "ribosomal",
        "RPS4X": "ribosomal",
        "MRPL20": "",
        "RPS27AP16": "pseudogene",
        "RPL7P9": "pseudogene",
        "MTND2P28": "pseudogene",
        "MT-CO1": "mitochondrial",
        "mt-Nd1": "mitochondrial",
        "RP11-34P13.7": "clone name",
        "AC012345.2": "clone name",
        "LOC100130": "clone name",
        "RPS6KA1": "",
        "MTOR": "",
        "ISG15": "",
    }
    counts = Counts.of(np.ones((1, len(told))), list(told))
    assert dict(zip(told, technical_kinds(counts), strict=True)) == told


def test_symbols_are_read_where_genes_go_by_other_names():
    counts = Counts.of(np.ones((1, 2)), ["ENSG1", "MT-ND1"], symbol=["RPL5", ""])
    assert technical_kinds(counts).tolist() == ["ribosomal", "mitochondrial"]


def test_samples_hand_out_what_they_are_made_of_and_refuse_the_other():
    sequences, counts = Sequences.from_text(["MKV", "ACD"]), cells([[1, 0], [0, 2]])
    assert make_samples(sequences).sequences is sequences
    assert make_samples(counts).cells is counts
    with pytest.raises(InputError, match="these samples are cells"):
        _ = make_samples(counts).sequences
    with pytest.raises(InputError, match="these samples are sequences"):
        _ = make_samples(sequences).cells
