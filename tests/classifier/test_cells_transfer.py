"""A classifier of cells meets another platform, other names of genes, and cells of another kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cistron
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict_cells import NewCells, predict_cell_file
from cistron.samples.samples import Samples, make_samples
from tests.cells_planted import planted
from tests.places import REAL_DATA

DATA = REAL_DATA / "cells"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real cells are not here")
TYPES = ("T_CD4", "Mono_CD14", "T_CD8", "B", "Mono_CD16", "NK", "DC")
LOGARITHMS = {
    "kind": "expression",
    "normalise": {"input": "logarithms"},
    "genes": {"kind": "highly_variable", "method": "seurat"},
}


def of(samples: Samples, donors: list[str]) -> Samples:
    return samples.take(np.flatnonzero(samples.table["donor"].isin(donors)))


@pytest.mark.parametrize("components", [None, 10])
def test_components_do_not_hide_other_cells(components):
    """What sets other cells apart lies outside the components of the training cells."""
    encoder = {"kind": "expression", "genes": {"kind": "all"}, "components": components}
    cells = planted(40, 5)
    classifier = Classifier(encoder, "logistic_regression").fit(of(cells, ["d0", "d1", "d2", "d3"]))
    same, other = of(cells, ["d4"]), planted(40, 2, shift=60, effect=8.0, seed=5)
    known, odd = (classifier.predict(cells)["rejected"].mean() for cells in (same, other))
    assert known < 0.2
    assert odd > 0.9


@pytest.fixture(scope="module")
def chemistries() -> Samples:
    path = DATA / "symphony_pbmc_small_lognorm.h5ad"
    samples = cistron.read_cells(path, "cell_type", ["donor"], counts=False, only=TYPES)
    # Ids are made: the file has symbols only.
    ids = [f"ENSG{number:011d}.1" for number in range(len(samples.payload.genes))]
    payload = Counts.of(samples.payload.read(), samples.payload.genes.tolist(), ensembl=ids)
    labels, donor = (samples.table[name].tolist() for name in ("label", "donor"))
    return make_samples(payload, samples.ids.tolist(), labels, {"donor": donor}, TYPES)


@pytest.fixture(scope="module", params=[None, 50], ids=["genes", "components"])
def classifier(request, chemistries) -> Classifier:
    encoder = {**LOGARITHMS, "components": request.param}
    return Classifier(encoder, "logistic_regression").fit(of(chemistries, ["3pv2", "5p"]))


def write(samples: Samples, path: Path, columns: list[int], genes: list[str]) -> Path:
    """Write some genes of cells, in some order and under some names."""
    import anndata

    obs = samples.table[["label", "donor"]].astype(str).set_axis(samples.ids.astype(str))
    values = samples.payload.read()[:, columns]
    anndata.AnnData(values, obs, pd.DataFrame(index=genes)).write_h5ad(path)
    return path


def renamed(samples: Samples, kept: float) -> tuple[list[int], list[str], dict[str, str]]:
    """Return columns in another order, their new names, and the aliases among these."""
    rng = np.random.default_rng(3)
    n = len(samples.payload.genes)
    columns = rng.permutation(n)[: int(kept * n)].tolist()
    names, aliases = [], {}
    for place, column in enumerate(columns):
        gene = str(samples.payload.genes[column])
        other = [
            gene,
            gene.capitalize() if gene.isupper() else gene,
            str(samples.payload.names["ensembl"][column]).replace(".1", ".7"),
            f"other-name-{place}",
        ][place % 4]
        if place % 4 == 3:
            aliases[other] = gene
        names.append(other)
    return columns, names, aliases


@real
@pytest.mark.real_data
def test_another_platform_with_missing_and_renamed_genes(classifier, chemistries, tmp_path):
    new = of(chemistries, ["3pv1"])
    everything = classifier.predict(new)["predicted"].to_numpy() == new.table["label"]
    columns, names, aliases = renamed(new, kept=0.85)
    path = write(new, tmp_path / "new.h5ad", columns, names)
    table = tmp_path / "aliases.csv"
    pd.DataFrame(aliases.items(), columns=["alias", "gene"]).to_csv(table, index=False)
    how = NewCells(label="label", groups=("donor",), aliases=table)
    found = predict_cell_file(classifier, path, tmp_path / "calls.tsv", how=how)
    read = set(classifier.encoder_.genes)
    there = sum(str(new.payload.genes[column]) in read for column in columns)
    assert found["genes"]["found"] == there
    assert found["genes"]["missing"]
    for rule in ("version", "case", "alias"):
        assert rule in found["genes"]["note"]
    assert found["scores"]["accuracy"]["value"] > everything.mean() - 0.03
    assert found["share_rejected"] < 0.1
    assert not found["drift"]["beyond"]


@real
@pytest.mark.real_data
def test_too_few_genes_of_another_platform_are_refused(classifier, chemistries, tmp_path):
    new = of(chemistries, ["3pv1"])
    columns = list(range(0, len(new.payload.genes), 3))
    genes = new.payload.genes[columns].tolist()
    path = write(new, tmp_path / "few.h5ad", columns, genes)
    with pytest.raises(InputError, match=r"genes.*min_overlap"):
        predict_cell_file(classifier, path, tmp_path / "calls.tsv")


@pytest.fixture(scope="module")
def cancer() -> Samples:
    """Return untreated PC9 lung cancer cells: counts of Drop-seq."""
    return cistron.read_cells(DATA / "Day11_control.txt.gz", min_genes=500)


@real
@pytest.mark.real_data
def test_cells_of_another_kind_are_said_to_be_so(classifier, chemistries, cancer):
    counts = cancer.payload.read()
    values = sparse.csr_matrix(counts.multiply(1e4 / counts.sum(axis=1)))
    values.data = np.log1p(values.data)
    other = make_samples(Counts.of(values, cancer.payload.genes.tolist()))
    new = of(chemistries, ["3pv1"])
    drift = [
        classifier.novelty_.drift(classifier.novelty_.distances(classifier.encoder_.scaled(cells)))
        for cells in (new, other)
    ]
    known, odd = (classifier.predict(cells)["rejected"].mean() for cells in (new, other))
    assert known < 0.1
    assert odd > 0.9
    assert drift[1]["mean_distance"] > 1.3 * max(drift[1]["held_out_groups"].values())
    assert (drift[0]["beyond"], drift[1]["beyond"]) == (False, True)


@real
@pytest.mark.real_data
def test_a_table_of_cancer_cells_given_to_a_classifier_of_blood(tmp_path):
    blood = cistron.read_cells(DATA / "kang_example.h5ad", "cluster_id", ["sample_id"])
    Classifier("expression", "logistic_regression").fit(blood).save(tmp_path / "model")
    out = tmp_path / "calls.tsv"
    source = DATA / "Day11_control.txt.gz"
    found = predict_cell_file(cistron.load(tmp_path / "model"), source, out)
    assert found["records"] == 6000
    assert 0.5 < found["genes"]["share"] < 0.95
    assert found["drift"]["beyond"]
    assert found["share_rejected"] > 0.6
    assert json.loads((tmp_path / "calls.tsv.summary.json").read_text()) == found
