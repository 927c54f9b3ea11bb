"""Real cells, where they are."""

from __future__ import annotations

import time

import anndata
import numpy as np
import pytest

import cistron
from cistron.base.errors import InputError
from cistron.samples.cells.gene_names import align_genes
from tests.places import REAL_DATA

DATA = REAL_DATA / "cells"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real data are not here"),
]


def test_kang_by_donor() -> None:
    path = DATA / "kang_example.h5ad"
    samples = cistron.read_cells(path, "cluster_id", ["sample_id", "group_id"])
    whole = anndata.read_h5ad(path)
    assert (len(samples), len(samples.payload.genes)) == (1556, 1267)
    assert len(samples.classes) == 5
    assert samples.table["sample_id"].nunique() == 4
    assert (samples.payload.read() != whole.X).nnz == 0
    assert samples.table["label"].tolist() == whole.obs["cluster_id"].tolist()


def test_numbers_that_were_normalised_are_not_taken_for_counts() -> None:
    path = DATA / "symphony_pbmc_small_lognorm.h5ad"
    with pytest.raises(InputError, match=r"Counts are whole numbers.*samples.counts: false"):
        cistron.read_cells(path, "cell_type", ["donor"])
    samples = cistron.read_cells(path, "cell_type_broad", ["donor"], counts=False)
    assert (len(samples), samples.table["donor"].nunique()) == (1200, 3)


def test_genes_of_one_set_in_another() -> None:
    kang = cistron.read_cells(DATA / "kang_example.h5ad")
    other = cistron.read_cells(DATA / "symphony_pbmc_small_lognorm.h5ad", counts=False)
    aligned = align_genes(other.payload, kang.payload.genes, least=0)
    shared = set(kang.payload.genes) & set(other.payload.genes)
    assert aligned.found["name"] == len(shared)
    assert set(kang.payload.genes[aligned.index >= 0]) >= shared


@pytest.mark.slow
def test_pc9_as_text() -> None:
    files = {
        "untreated": DATA / "Day11_control.txt.gz",
        "persister": DATA / "Day11_Erlotinib.txt.gz",
    }
    begin = time.process_time()
    samples = cistron.read_cells(files, min_genes=500)
    assert time.process_time() - begin < 30
    assert samples.table["label"].value_counts().to_dict() == {"untreated": 324, "persister": 958}
    assert len(samples.payload.genes) == 22_015 + 21_207 - 25_077
    assert len(samples) + len(samples.dropped) == 14_600
    assert samples.groups == ("source",)
    assert np.isfinite(samples.table["counts"]).all()
    assert cistron.read_cells(files, min_genes=500, join="all").payload.matrix.shape[1] == 25_077
