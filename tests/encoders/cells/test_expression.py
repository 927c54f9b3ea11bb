"""The expression encoder: each step against a reference, and what it must never do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn.decomposition import PCA
from sklearn.impute import KNNImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from cistron.base import cell_vectors
from cistron.base.cell_vectors import CellVectors
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.encoders.cells import normalise
from cistron.encoders.cells.loess import loess
from cistron.encoders.cells.technical_genes import technical
from cistron.experiment.file import parse_encoder
from cistron.samples.samples import make_samples
from tests.cells_made import MARKERS, as_samples, cells, counts_of, names_of

ALL = {"kind": "all", "min_cells": 1}


def encoder(samples, **keys):
    return parse_encoder({"kind": "expression", **keys}).fit(samples)


def dense(encoded):
    return encoded[np.arange(len(encoded))] if isinstance(encoded, CellVectors) else encoded


def logged(values):
    totals = values.sum(axis=1, keepdims=True)
    return np.log1p(values / totals * np.median(totals))


# What is done to the numbers


def test_size_factors_and_logarithm_are_those_of_the_definition():
    samples = cells()
    fitted = encoder(samples, genes=ALL, scale={"kind": "none"})
    values = samples.payload.read().toarray()
    seen = (values > 0).any(axis=0)
    np.testing.assert_allclose(dense(fitted.encode(samples)), logged(values)[:, seen], rtol=1e-5)
    to_ten = encoder(samples, genes=ALL, scale={"kind": "none"}, normalise={"target": 1e4})
    np.testing.assert_allclose(np.expm1(dense(to_ten.encode(samples))).sum(axis=1), 1e4, rtol=1e-4)


@pytest.mark.parametrize(
    ("scale", "reference"),
    [
        ({"kind": "z_score", "clip": None}, StandardScaler()),
        ({"kind": "min_max"}, MinMaxScaler()),
        ({"kind": "min_max", "clip": True}, MinMaxScaler(clip=True)),
    ],
)
def test_scaling_is_that_of_scikit_learn(scale, reference):
    train, new = cells(), cells(60, seed=5, factor=20.0)
    plain = encoder(train, genes=ALL, scale={"kind": "none"})
    fitted = encoder(train, genes=ALL, scale=scale)
    reference.fit(dense(plain.encode(train)).astype(np.float64))
    for samples in (train, new):
        expected = reference.transform(dense(plain.encode(samples)).astype(np.float64))
        np.testing.assert_allclose(dense(fitted.encode(samples)), expected, atol=2e-5)


def test_values_are_cut_where_the_settings_say():
    train, new = cells(), cells(60, seed=5, factor=20.0)
    free = encoder(train, genes=ALL, scale={"kind": "z_score", "clip": None})
    cut = encoder(train, genes=ALL, scale={"kind": "z_score", "clip": 1.5})
    expected = np.clip(dense(free.encode(new)), -1.5, 1.5)
    assert np.abs(dense(free.encode(new))).max() > 3
    np.testing.assert_allclose(dense(cut.encode(new)), expected, atol=2e-5)


@pytest.mark.parametrize("clip", [None, 2.0])
def test_components_are_those_of_scikit_learn_up_to_sign(clip):
    train, new = cells(), cells(60, seed=5)
    scale = {"kind": "z_score", "clip": clip}
    genes = encoder(train, genes=ALL, scale=scale)
    fitted = encoder(train, genes=ALL, scale=scale, components=6)
    reference = PCA(6, svd_solver="full").fit(dense(genes.encode(train)).astype(np.float64))
    expected = reference.transform(dense(genes.encode(new)))
    found = fitted.encode(new)
    signs = np.sign((found * expected).sum(axis=0))
    # 240 cells of 150 genes: the last components are noise, and close to each other.
    np.testing.assert_allclose(found[:, :4], (expected * signs)[:, :4], atol=2e-3)
    np.testing.assert_allclose(
        fitted.components.share, reference.explained_variance_ratio_, rtol=1e-5
    )
    largest = np.abs(fitted.components.loadings).argmax(axis=1)
    assert (fitted.components.loadings[np.arange(6), largest] > 0).all()
    assert fitted.names == [f"component {i}" for i in range(1, 7)]
    assert found.dtype == np.float32


def with_gaps(n=80, genes=30, seed=3):
    values = logged(counts_of(n, genes, seed)[0]).astype(np.float32)
    values[np.random.default_rng(seed).random(values.shape) < 0.1] = np.nan
    return values


@pytest.mark.parametrize("method", ["mean", "median", "zero", "nearest"])
def test_missing_values_are_imputed(method):
    train, new = with_gaps(), with_gaps(20, seed=4)
    fitted = encoder(
        as_samples(train),
        genes=ALL,
        normalise={"input": "logarithms"},
        impute={"method": method, "neighbours": 4},
        scale={"kind": "none"},
    )
    found = dense(fitted.encode(as_samples(new)))
    if method == "nearest":
        expected = KNNImputer(n_neighbors=4).fit(train).transform(new)
    else:
        by = {"mean": np.nanmean, "median": np.nanmedian, "zero": lambda x, axis: 0 * x[0]}
        fill = np.nan_to_num(by[method](train, axis=0))
        expected = np.where(np.isnan(new), fill, new)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_scaling_is_learned_after_imputation():
    train = with_gaps()
    fitted = encoder(
        as_samples(train),
        genes=ALL,
        normalise={"input": "logarithms"},
        impute={"method": "zero"},
        scale={"kind": "z_score", "clip": None},
    )
    found = dense(fitted.encode(as_samples(train)))
    np.testing.assert_allclose(found.std(axis=0), 1.0, atol=1e-4)


# Which genes


@pytest.mark.parametrize("by", [None, "donor"])
def test_planted_markers_are_among_the_most_variable(by):
    samples = cells(400, 300)
    choice = {"kind": "highly_variable", "number": 40, "by": by}
    fitted = encoder(samples, genes=choice)
    planted = set(names_of(2 * MARKERS))
    assert len(fitted.genes) == 40
    assert len(planted & set(fitted.genes)) >= 15


def test_the_standardised_variance_is_that_of_its_definition():
    samples = cells(300, 120)
    training = normalise.TrainingCells.look(samples.payload, normalise.NormaliseSettings())
    from cistron.encoders.cells.variable_genes import standardised_variance

    found = standardised_variance(training, np.zeros(300, np.int64), 1, 0.5)[0]
    values = samples.payload.read().toarray().astype(np.float64)
    mean, variance = values.mean(axis=0), values.var(axis=0, ddof=1)
    deviation = np.sqrt(10 ** loess(np.log10(mean), np.log10(variance), 0.5))
    standard = np.minimum((values - mean) / deviation, np.sqrt(300))
    np.testing.assert_allclose(found, (standard**2).sum(axis=0) / 299, rtol=1e-5)


@given(st.tuples(*[st.integers(-3, 3)] * 3), st.floats(0.2, 1.0), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_local_parabolas_give_a_parabola_back(coefficients, span, seed):
    x = np.random.default_rng(seed).uniform(-2, 2, 60)
    y = np.polyval(coefficients, x)
    np.testing.assert_allclose(loess(x, y, span), y, atol=1e-6)


def test_the_curve_of_many_points_is_close_to_the_curve_at_every_point():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, 1500)
    y = np.sin(x) + rng.normal(0, 0.2, 1500)
    fine = loess(x, y, 0.3)
    assert np.abs(fine - np.sin(x))[np.abs(x) < 1.5].max() < 0.1
    assert (loess(np.ones(9), np.arange(9.0), 0.5) == 4.0).all()


@pytest.mark.parametrize("test", ["welch_t", "wilcoxon"])
def test_marker_tests_are_those_of_scipy(test):
    from cistron.encoders.cells import marker_genes

    samples = cells(90, 25)
    training = normalise.TrainingCells.look(samples.payload, normalise.NormaliseSettings())
    found = getattr(marker_genes, test)(training, samples.targets, 2)
    values = np.concatenate([block.toarray() for block in training.blocks()]).astype(np.float64)
    one, other = values[samples.targets == 0], values[samples.targets == 1]
    if test == "welch_t":
        expected = stats.ttest_ind(one, other, equal_var=False).statistic
    else:
        result = stats.mannwhitneyu(one, other, use_continuity=False, method="asymptotic")
        expected = stats.norm.isf(result.pvalue / 2) * np.sign(
            result.statistic - len(one) * len(other) / 2
        )
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], -expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("test", ["welch_t", "wilcoxon"])
def test_marker_genes_are_the_planted_ones(test, monkeypatch):
    from cistron.encoders.cells import marker_genes

    monkeypatch.setattr(marker_genes, "AT_ONCE", 3000)  # so that genes come in several parts
    samples = cells()
    choice = {"kind": "markers", "test": test, "number": MARKERS}
    assert encoder(samples, genes=choice).genes == names_of(2 * MARKERS)


def test_listed_genes_by_any_name_and_what_is_said_of_the_others(tmp_path):
    values, classes = counts_of(50, 20)
    values[:, 7] = 0
    payload = Counts.of(values, names_of(20), symbol=[f"S{i}" for i in range(20)])
    samples = make_samples(payload, labels=[["a", "b"][i] for i in classes])
    listed = ["GENE3", "S5", "S7", "NONE"]
    fitted = encoder(samples, genes={"kind": "list", "names": listed})
    assert fitted.genes == ["GENE3", "GENE5"]
    assert fitted.notes == (
        "1 of 4 listed genes are not in the samples: NONE.",
        "1 of 4 listed genes are seen in fewer than 1 cells: GENE7.",
    )
    file = tmp_path / "genes.txt"
    file.write_text("\n".join(listed) + "\n\n")
    assert encoder(samples, genes={"kind": "list", "file": file}).genes == fitted.genes
    versions = [f"{name.lower()}.2" for name in names_of(20)[3:6]]
    fitted = encoder(samples, genes={"kind": "list", "names": versions})
    assert fitted.genes == ["GENE3", "GENE4", "GENE5"]
    assert fitted.notes == (
        "Genes of encoder.genes were matched without version suffixes, in upper case (100% of the "
        "shorter list).",
    )
    with pytest.raises(InputError, match=r"encoder\.genes: its ids .* Only 33% of either"):
        encoder(samples, genes={"kind": "list", "names": ["GENE3", "X", "Y"]})
    with pytest.raises(InputError, match="none of the 1 listed genes is among the 20 genes"):
        encoder(samples, genes={"kind": "list", "names": ["X"]})
    with pytest.raises(InputError, match="either names or a file"):
        encoder(samples, genes={"kind": "list"})


def test_genes_that_are_rare_or_technical_are_left_out():
    values = np.random.default_rng(0).poisson(3, (40, 6)).astype(np.float32)
    values[2:, 5] = 0
    names = ["MT-CO1", "RPL13A", "RPS4P2", "ACTB", "XIST", "RARE"]
    samples = as_samples(values, names=names)
    keys = {"kind": "all", "leave_out": ["mitochondrial", "ribosomal", "ribosomal_pseudogenes"]}
    assert encoder(samples, genes=keys).genes == ["ACTB", "XIST"]
    assert encoder(samples, genes={**keys, "leave_out_pattern": "x.*"}).genes == ["ACTB"]
    assert encoder(samples, genes=ALL).genes == names
    with pytest.raises(InputError, match="no gene is seen in 41"):
        encoder(samples, genes={"kind": "all", "min_cells": 41})
    with pytest.raises(InputError, match="no regular expression"):
        encoder(samples, genes={"kind": "all", "leave_out_pattern": "("})


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("mitochondrial", ["MT-ND1", "mt-Co1", "mt:CoI"], ["MTOR", "MT1X", "MTA1"]),
        ("ribosomal", ["RPL3", "RPS27A", "RPLP0", "RPS4X", "RPL22L1", "RPL36AL", "RPSA", "Rpl10a"],
         ["RPS6KA1", "RPL3P4", "RPN1", "MRPL3"]),
        ("ribosomal_pseudogenes", ["RPL3P4", "RPS4XP21", "RPL13AP5", "RPS2P46"], ["RPL3", "RPLP0"]),
        ("haemoglobin", ["HBA1", "HBB", "Hba-a1", "HBG2"], ["HBEGF", "HBP1"]),
    ],
)  # fmt: skip
def test_technical_genes_by_their_names(kind, inside, outside):
    names = np.array(inside + outside, dtype=object)
    expected = [True] * len(inside) + [False] * len(outside)
    assert technical([names], [kind]).tolist() == expected


# What is promised and what is there


@pytest.mark.parametrize(
    ("change", "keys", "message"),
    [
        (np.log1p, {}, "counts are promised, and the matrix holds .* no whole number"),
        (lambda x: -x, {}, "counts is promised, and the matrix holds the negative value"),
        (lambda x: x, {"input": "logarithms"}, "whole numbers up to .* Set it to counts"),
        (lambda x: x, {"input": "normalised"}, "whole numbers up to .* Set it to counts"),
        (lambda x: 60 * x, {"input": "logarithms"}, "logarithm of nothing"),
        (np.log1p, {"input": "normalised"}, "look like logarithms"),
        (np.log1p, {"input": "estimated_counts"}, "look like logarithms"),
        (lambda x: x * np.inf, {}, "infinite"),
        (lambda x: 0 * x, {}, "no training cell has a value other than zero"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_matrix_that_is_not_what_was_promised_is_refused(change, keys, message):
    values, classes = counts_of(40, 20)
    changed = np.nan_to_num(change(values), posinf=np.inf)
    choice = {"kind": "highly_variable", "method": "seurat"}
    with pytest.raises(InputError, match=message):
        encoder(as_samples(changed, classes), normalise=keys, genes=choice)


def test_new_cells_must_be_what_the_training_cells_were():
    samples = cells()
    fitted = encoder(samples)
    normalised = as_samples(logged(samples.payload.read().toarray()).astype(np.float32))
    with pytest.raises(InputError, match=r"encoder\.normalise\.input: counts are promised"):
        fitted.encode(normalised)


def test_estimated_counts_and_normalised_values_are_taken_when_promised():
    values, classes = counts_of(40, 20)
    values *= 1.5
    none = {"kind": "none"}
    whole = encoder(
        as_samples(values, classes), normalise={"input": "estimated_counts"}, genes=ALL, scale=none
    )
    np.testing.assert_allclose(dense(whole.encode(as_samples(values))), logged(values), atol=1e-5)
    choice = {**ALL, "kind": "all"}
    tpm = encoder(as_samples(values), normalise={"input": "normalised"}, genes=choice, scale=none)
    np.testing.assert_allclose(dense(tpm.encode(as_samples(values))), np.log1p(values), atol=1e-5)
    with pytest.raises(InputError, match="seurat_v3"):
        encoder(as_samples(values), normalise={"input": "normalised"})


def test_what_cannot_be_done_is_said():
    with pytest.raises(InputError, match="'batch' is not declared under samples.groups"):
        encoder(cells(), genes={"kind": "highly_variable", "by": "batch"})
    with pytest.raises(InputError, match="200 components need"):
        encoder(cells(), components=200)
    unlabelled = as_samples(counts_of()[0])
    with pytest.raises(InputError, match="do not have one class each"):
        encoder(unlabelled, genes={"kind": "markers"})


# What a fitted encoder must be


STEPS = [
    {},
    {"components": 5},
    {"genes": {"kind": "markers", "number": 10}, "scale": {"kind": "min_max", "clip": True}},
    {"genes": {"kind": "highly_variable", "number": 30, "by": "donor"}, "components": 3},
    {"impute": {"method": "nearest", "cells": 50}, "genes": ALL},
]


@pytest.mark.parametrize("keys", STEPS)
def test_an_encoder_restored_from_its_state_is_the_same(keys):
    samples, new = cells(), cells(30, seed=7)
    fitted = encoder(samples, **keys)
    document, arrays = fitted.state()
    import json

    again = parse_encoder({"kind": "expression", **keys}).restore(
        json.loads(json.dumps(document)), {name: array.copy() for name, array in arrays.items()}
    )
    assert np.array_equal(dense(again.encode(new)), dense(fitted.encode(new)))
    assert again.names == fitted.names
    assert again.shape.width == dense(fitted.encode(new)).shape[1]
    assert np.array_equal(again.deviation, fitted.deviation)


@pytest.mark.parametrize("keys", STEPS)
def test_a_cell_is_encoded_alike_in_any_company(keys):
    # Nothing, and above all no component, is fitted again on the cells to predict.
    fitted = encoder(cells(), **keys)
    new = cells(40, seed=8, factor=30.0)
    whole = dense(fitted.encode(new))
    for row in (0, 17, 39):
        np.testing.assert_allclose(dense(fitted.encode(new.take([row])))[0], whole[row], atol=1e-5)
    assert len(fitted.encode(new.take([]))) == 0


@pytest.mark.parametrize("keys", STEPS)
def test_blocks_do_not_matter(keys, monkeypatch):
    samples = cells()
    whole = encoder(samples, **keys)
    blocks = Counts.blocks
    monkeypatch.setattr(Counts, "blocks", lambda self, size=64: blocks(self, min(size, 64)))
    monkeypatch.setattr(cell_vectors, "BLOCK", 50)
    parts = encoder(samples, **keys)
    assert parts.genes == whole.genes
    np.testing.assert_allclose(
        dense(parts.encode(samples)), dense(whole.encode(samples)), atol=1e-4
    )


@pytest.mark.parametrize("keys", STEPS)
def test_the_order_of_genes_and_cells_does_not_matter(keys):
    values, classes = counts_of()
    rng = np.random.default_rng(1)
    genes, rows = rng.permutation(values.shape[1]), rng.permutation(len(values))
    one = encoder(as_samples(values, classes), **keys)
    names = names_of(len(genes))
    moved = as_samples(values[:, genes], classes, [names[g] for g in genes])
    other = encoder(moved.take(rows), **keys)
    assert set(other.genes) == set(one.genes)
    mine, theirs = dense(one.encode(moved)), dense(other.encode(moved))
    if "components" in keys:
        np.testing.assert_allclose(theirs, mine, atol=1e-3)
    else:
        order = [one.names.index(name) for name in other.names]
        np.testing.assert_allclose(theirs, mine[:, order], atol=1e-4)


# Genes of other data


def test_genes_that_new_data_lack_are_imputed_by_the_training_mean():
    samples = cells()
    fitted = encoder(samples, genes=ALL, scale={"kind": "z_score", "clip": None})
    values = samples.payload.read().toarray()
    kept = np.arange(150) % 3 != 0
    less = as_samples(
        values[:, kept], names=[n for n, k in zip(names_of(150), kept, strict=True) if k]
    )
    found, whole = dense(fitted.encode(less)), dense(fitted.encode(samples))
    lacking = np.array([n not in set(less.payload.genes) for n in fitted.genes])
    np.testing.assert_allclose(found[:, lacking], 0.0, atol=1e-5)
    # The others keep their level, though a third of the counts was not measured.
    assert abs((found - whole)[:, ~lacking].mean()) < 0.05
    overlap = fitted.overlap(less)
    assert overlap.missing == [n for n, gone in zip(fitted.genes, lacking, strict=True) if gone]
    assert overlap.note.startswith(f"{lacking.sum()} of {len(lacking)} genes that the classifier")
    assert fitted.overlap(samples).note == ""


def test_too_few_genes_are_refused():
    values, _ = counts_of()
    fitted = encoder(cells(), genes=ALL, min_overlap=0.7)
    few = as_samples(values[:, :60], names=names_of(60))
    with pytest.raises(InputError, match=r"60 of the \d+ genes .* 70% are needed"):
        fitted.encode(few)
    strangers = as_samples(values, names=[f"OTHER{i}" for i in range(150)])
    with pytest.raises(InputError, match="have 0 of the"):
        encoder(cells(), min_overlap=0.0).encode(strangers)


def test_further_genes_of_new_data_change_nothing():
    values, _ = counts_of()
    fitted = encoder(cells())
    more = np.hstack([values, np.full((240, 50), 9, np.float32)])
    found = fitted.encode(as_samples(more, names=names_of(200)))
    np.testing.assert_allclose(dense(found), dense(fitted.encode(cells())), atol=1e-5)


def test_genes_are_found_by_alias_after_the_table_is_gone(tmp_path):
    values, _ = counts_of()
    table = tmp_path / "aliases.tsv"
    table.write_text("other\tname\n" + "".join(f"OLD{i}\tGENE{i}\n" for i in range(150)))
    fitted = encoder(cells(), aliases=table)
    document, arrays = fitted.state()
    table.unlink()
    again = fitted.settings.restore(document, arrays)
    renamed = as_samples(values, names=[f"OLD{i}" for i in range(150)])
    assert np.array_equal(dense(again.encode(renamed)), dense(fitted.encode(cells())))
    assert "by alias" in again.overlap(renamed).note


# Back to genes


@pytest.mark.parametrize("components", [None, 12])
def test_multipliers_of_features_become_those_of_genes(components):
    samples = cells()
    keys = {"genes": ALL, "scale": {"kind": "z_score", "clip": None}}
    fitted = encoder(samples, components=components, **keys)
    weights = np.random.default_rng(0).normal(size=(2, len(fitted.names)))
    genes, values = fitted.to_genes(weights)
    assert genes == fitted.genes
    plain = dense(encoder(samples, genes=ALL, scale={"kind": "none"}).encode(samples))
    outputs = dense(fitted.encode(samples)) @ weights.T
    difference = outputs - outputs[0]
    np.testing.assert_allclose((plain - plain[0]) @ values.T, difference, atol=2e-3)


# Memory


MEMORY = """
import resource, sys
import numpy as np
from scipy import sparse
import cistron.classifier.classifier
from cistron.experiment.file import parse_encoder
from cistron.samples.samples import make_samples
from cistron.base.counts import Counts
rng = np.random.default_rng(0)
n, genes, each = 20_000, 30_000, 60
indices = np.sort(rng.integers(0, genes, (n, each)), axis=1).astype(np.int32)
data = np.ones(n * each, np.float32)
matrix = sparse.csr_matrix((data, indices.ravel(), np.arange(0, n * each + 1, each)), (n, genes))
samples = make_samples(Counts.of(matrix, [str(i) for i in range(genes)]))
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
choice = {"kind": "highly_variable", "number": 500}
fitted = parse_encoder({"kind": "expression", "genes": choice}).fit(samples)
vectors = fitted.encode(samples)
vectors[np.arange(64)]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024)
"""


def test_a_sparse_matrix_never_becomes_dense():
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, timeout=120
    )
    dense_megabytes = 20_000 * 30_000 * 4 / 2**20  # 2,289
    assert float(run.stdout) < 150 < dense_megabytes


def test_vectors_of_cells_stay_sparse_until_their_rows_are_asked_for():
    samples = cells()
    encoded = encoder(samples).encode(samples)
    assert isinstance(encoded, CellVectors)
    assert sparse.issparse(encoded.read())
    assert (encoded.read() != sparse.vstack(list(encoded.blocks(37)))).nnz == 0
    rows = [5, 3, 3]
    np.testing.assert_array_equal(encoded[rows], encoded.read()[rows].toarray() + encoded.shared)
    np.testing.assert_array_equal(encoded.take(np.array(rows))[[0, 2]], encoded[[5, 3]])
