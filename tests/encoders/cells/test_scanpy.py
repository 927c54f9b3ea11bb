"""The steps of the expression encoder beside scanpy's on the same cells."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from cistron.encoders.cells import marker_genes, normalise
from tests.cells_made import as_samples, cells, counts_of, names_of
from tests.encoders.cells.test_expression import ALL, dense, encoder


@pytest.fixture
def scanpy():
    import scanpy

    return scanpy


def annotated(samples):
    values = samples.payload.read().toarray()
    data = anndata.AnnData(values, var={"name": names_of(values.shape[1])})
    data.var_names = names_of(values.shape[1])
    return data


@pytest.mark.parametrize("target", ["median", 1e4])
def test_normalised_values_are_those_of_scanpy(scanpy, target):
    samples = cells()
    theirs = annotated(samples)
    scanpy.pp.normalize_total(theirs, target_sum=None if target == "median" else target)
    scanpy.pp.log1p(theirs)
    fitted = encoder(samples, genes=ALL, scale={"kind": "none"}, normalise={"target": target})
    found = dense(fitted.encode(samples))
    np.testing.assert_allclose(found, theirs[:, fitted.genes].X, rtol=1e-5, atol=1e-6)


def test_dispersions_choose_the_genes_of_scanpy(scanpy):
    samples = cells(400, 300)
    theirs = annotated(samples)
    scanpy.pp.normalize_total(theirs)
    scanpy.pp.log1p(theirs)
    scanpy.pp.highly_variable_genes(theirs, n_top_genes=50)
    choice = {"kind": "highly_variable", "number": 50, "method": "seurat", "min_cells": 1}
    assert set(encoder(samples, genes=choice).genes) == set(
        theirs.var_names[theirs.var.highly_variable]
    )


def test_scaled_values_and_components_are_those_of_scanpy(scanpy):
    samples = cells()
    scale = {"kind": "z_score", "clip": None}
    genes = encoder(samples, genes=ALL, scale=scale)
    theirs = annotated(samples)[:, genes.genes].copy()
    theirs.X = dense(encoder(samples, genes=ALL, scale={"kind": "none"}).encode(samples))
    scanpy.pp.scale(theirs)
    # scanpy divides by the deviation of a sample (n - 1), we by that of the cells (n).
    n = len(samples)
    theirs.X = theirs.X * np.sqrt(n / (n - 1))
    np.testing.assert_allclose(dense(genes.encode(samples)), theirs.X, atol=1e-4)

    scanpy.pp.pca(theirs, n_comps=6, svd_solver="full")
    fitted = encoder(samples, genes=ALL, scale=scale, components=6)
    np.testing.assert_allclose(
        fitted.components.share, theirs.uns["pca"]["variance_ratio"], rtol=1e-4
    )
    found, expected = fitted.encode(samples), theirs.obsm["X_pca"]
    signs = np.sign((found * expected).sum(axis=0))
    # The last components are noise, and close to each other.
    np.testing.assert_allclose(found[:, :4], (expected * signs)[:, :4], atol=5e-3)


@pytest.mark.parametrize(
    ("test", "keys"),
    [
        ("welch_t", {"method": "t-test"}),
        ("wilcoxon", {"method": "wilcoxon", "tie_correct": True}),
    ],
)
def test_marker_scores_are_those_of_scanpy(scanpy, test, keys):
    values, classes = counts_of(90, 25)
    samples = as_samples(values, classes)
    training = normalise.TrainingCells.look(samples.payload, normalise.NormaliseSettings())
    found = getattr(marker_genes, test)(training, samples.targets, 2)
    theirs = annotated(samples)
    # Our own normalised values: rounded otherwise, other cells would share a rank.
    theirs.X = np.concatenate([block.toarray() for block in training.blocks()])
    theirs.obs["class"] = pd.Categorical(np.array(["a", "b"])[classes])
    scanpy.tl.rank_genes_groups(theirs, "class", **keys)
    for number, name in enumerate("ab"):
        table = scanpy.get.rank_genes_groups_df(theirs, name).set_index("names")
        expected = table["scores"].loc[names_of(25)]
        np.testing.assert_allclose(found[number], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("by", [None, "donor"])
def test_standardised_variances_choose_the_genes_of_scanpy(scanpy, by):
    samples = cells(400, 300)
    theirs = annotated(samples)
    theirs.obs["donor"] = samples.table["donor"].to_numpy()
    scanpy.pp.highly_variable_genes(
        theirs, n_top_genes=50, flavor="seurat_v3_paper", batch_key=by, span=0.3
    )
    choice = {"kind": "highly_variable", "number": 50, "by": by, "span": 0.3, "min_cells": 1}
    chosen = set(theirs.var_names[theirs.var.highly_variable])
    # scanpy's curve is interpolated between a few points, so that genes at the edge may differ.
    assert len(chosen & set(encoder(samples, genes=choice).genes)) >= 48
