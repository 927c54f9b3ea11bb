"""The audit's checks of cells: what their label can be told from, other than their biology."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.counts import Counts
from cistron.base.document import Document
from cistron.samples.cells.cell_profiles import Normalisation, depth_of, moments, variable_genes
from cistron.samples.cells.technical_genes import technical_kinds
from cistron.samples.samples import Samples
from cistron.splits.audit.check import CERTAIN, FAIL, PASS, SKIPPED, WARN, Check, Context
from cistron.splits.audit.confounding import batch_columns
from cistron.splits.audit.shortcuts import class_balance
from cistron.splits.audit.telling import FOLDS, separability

DEPTH_TELLS = 0.7  # ROC AUC
BATCH_TELLS = 0.8  # ROC AUC
MOST_BATCHES = 50
FEWEST_CELLS = 20  # of a class in a batch
MOST_CELLS = 4000  # more do not change what a check says
COMPONENTS = 20
TOP_GENES = 50
TECHNICAL = 0.2  # share of the top genes
TIMES = 2  # as many as among all genes that were found
BARCODE = re.compile(r"(?<![A-Z])[ACGTN]{8,}(?![A-Z])")
NEAR_COPY = 0.95  # cosine of two log-normalised cells
MOST_PAIRS = 2000
LISTED = 10

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def shared_barcodes(context: Context) -> Check:
    """Look for barcodes in two places whose cells are nearly the same: a cell counted twice."""
    samples = context.samples
    codes = samples.table["id"].astype(str).str.extract(f"({BARCODE.pattern})")[0]
    if codes.notna().mean() < 0.5:
        summary = "The ids of the cells hold no barcodes."
        return Check("shared_barcodes", SKIPPED, summary, unchecked=True)
    number = np.asarray(codes.astype("category").cat.codes, dtype=np.int64)
    rows = context.divided(number)
    if not len(rows):
        return Check("shared_barcodes", PASS, "No barcode stands in two parts.")
    order = rows[np.argsort(number[rows], kind="stable")]
    same = number[order[:-1]] == number[order[1:]]
    apart = context.place[order[:-1]] != context.place[order[1:]]
    pairs = np.flatnonzero(same & apart)[:MOST_PAIRS]
    first, second = order[pairs], order[pairs + 1]
    near = _cosines(samples, first, second) >= NEAR_COPY
    chance = _cosines(samples, first, np.roll(second, 1)) >= NEAR_COPY
    barcodes = len(np.unique(number[rows]))
    details = {
        "barcodes": barcodes,
        "pairs": len(pairs),
        "near_copies": int(near.sum()),
        "near_copies_by_chance": int(chance.sum()),
        "examples": [
            [str(samples.ids[a]), str(samples.ids[b])]
            for a, b in zip(first[near][:LISTED], second[near][:LISTED], strict=True)
        ],
    }
    summary = f"{barcodes:,} barcodes stand in two parts; "
    if near.sum() > 2 * chance.sum() and near.any():
        summary += (
            f"{near.sum():,} of {len(pairs):,} such pairs of cells are nearly the same: a cell "
            "that was counted twice is in both."
        )
        return Check("shared_barcodes", FAIL, summary, details)
    summary += "their cells are no more alike than others are."
    return Check("shared_barcodes", PASS, summary, details)


def _cosines(samples: Samples, first: Rows, second: Rows) -> Floats:
    normalisation = Normalisation.fit(samples.cells.take(first))
    vectors, others = (
        normalisation.apply(samples.cells.take(rows).read()).astype(np.float64)
        for rows in (first, second)
    )
    product = np.asarray(vectors.multiply(others).sum(axis=1)).ravel()
    norms = [np.sqrt(np.asarray(m.multiply(m).sum(axis=1)).ravel()) for m in (vectors, others)]
    return product / np.maximum(norms[0] * norms[1], 1e-12)


def library_size_shortcut(context: Context) -> Check:
    """See how well the sum of a cell's counts alone tells the classes."""
    return _depth_shortcut(context, "library_size_shortcut", "The library size", 0)


def detected_genes_shortcut(context: Context) -> Check:
    """See how well the number of genes found in a cell alone tells the classes."""
    return _depth_shortcut(context, "detected_genes_shortcut", "The number of genes found", 1)


def depth_features(depth: Floats) -> Floats:
    """Return logarithms and their squares, from sums or numbers of genes, shape (n, k)."""
    logs = np.log1p(depth)
    return np.hstack([logs, logs**2])


def _depth_shortcut(context: Context, name: str, subject: str, column: int) -> Check:
    """Cross-validate the depth on labelled training cells, in folds that divide no group."""
    target = context.samples.target
    if not target.shared:
        return Check(name, SKIPPED, f"Cells have {target.words}, and no classes.")
    rows = _chosen(context)
    samples = context.samples.take(rows)
    features = depth_features(depth_of(samples)[:, [column]])
    units = context.units[rows]
    scores = separability(features, context.labels[rows], units)
    aware = bool(scores)
    if not scores:  # too few groups for folds that divide none
        scores = separability(features, context.labels[rows], np.arange(len(rows)))
    if not scores:
        summary = "Too few cells of a class in training to cross-validate."
        return Check(name, SKIPPED, summary, unchecked=True)
    independent = len(np.unique(units)) if aware else len(rows)
    limit = max(DEPTH_TELLS, 0.5 + CERTAIN * _chance(context.labels[rows], independent))
    area = scores["roc_auc"]
    summary = (
        f"{subject} alone tells the classes of held-out training cells with ROC AUC {area:.2f} "
        f"(guessing: 0.50), balanced accuracy {scores['balanced_accuracy']:.2f}."
    )
    details = {**scores, "limit": limit, "cells": len(rows), "groups_held_out": aware}
    return Check(name, WARN if area > limit else PASS, summary, details)


def _chance(labels: Rows, independent: int) -> float:
    """Return the standard error of the ROC AUC of the smallest class where nothing tells it.

    What is independent are the groups: as many samples as there are groups, of the same shares.
    """
    share = np.bincount(labels)[np.unique(labels)].min() / len(labels)
    smallest = max(min(share, 1 - share) * independent, 1.0)
    n = max(independent, 2)
    return float(min(((n + 1) / (12 * smallest * max(n - smallest, 1.0))) ** 0.5, 0.15))


def batch_effect(context: Context) -> Check:
    """See how well the data set or group of origin is told among cells of one class."""
    name, samples = "batch_effect", context.samples
    columns = [c for c in batch_columns(samples) if samples.table[c].nunique() <= MOST_BATCHES]
    if not samples.target.shared or not columns:
        summary = "No group is declared, and all cells come from one file."
        return Check(name, SKIPPED, summary, unchecked=samples.target.shared)
    details: Document = {}
    telling = []
    for column in columns:
        areas = _batches(context, column)
        if not areas:
            continue
        worst = max(areas, key=lambda label: areas[label])
        divided = _tested_among_trained(context, _codes(samples.table[column]))
        details[column] = {"roc_auc": areas, "kept_apart": not divided}
        if divided and areas[worst] > BATCH_TELLS:
            telling.append(column)
    if not details:
        summary = "No class has cells enough in two groups to compare them."
        return Check(name, SKIPPED, summary, unchecked=True)
    summary = "; ".join(
        f"within {(label := max(d['roc_auc'], key=d['roc_auc'].get))} a cell's {column} is told "
        f"with ROC AUC {d['roc_auc'][label]:.2f}"
        for column, d in details.items()
    )
    summary = f"{summary[0].upper()}{summary[1:]} (guessing: 0.50)."
    if telling:
        summary += (
            f" What is tested shares its {' and '.join(telling)} with training: the score is one "
            f"for cells of known ones. Use a group split by {' and '.join(telling)}."
        )
    return Check(name, WARN if telling else PASS, summary, details)


def _codes(values: pd.Series) -> Rows:
    return np.asarray(values.astype("category").cat.codes, dtype=np.int64)


def _tested_among_trained(context: Context, group: Rows) -> bool:
    """Return whether a group of tested cells was trained on."""
    if len(context.tested) == len(context.trained):  # folds: each is tested by the others
        return len(context.divided(group)) > 0
    return bool(np.isin(group[context.tested], group[context.trained]).any())


def _batches(context: Context, column: str) -> dict[str, float]:
    """Return with which ROC AUC the groups of a column are told, by class."""
    samples, areas = context.samples, {}
    used = context.place >= 0
    batch = _codes(samples.table[column])
    for k, label in enumerate(samples.classes):
        rows = np.flatnonzero(used & context.memberships[:, k] & (batch >= 0))
        counts = np.bincount(batch[rows], minlength=1)
        kept = np.flatnonzero(counts >= max(FEWEST_CELLS, FOLDS))
        rows = _some(rows[np.isin(batch[rows], kept)], MOST_CELLS)
        if len(kept) < 2:
            continue
        scores = separability(_components(samples, rows), batch[rows], np.arange(len(rows)))
        if scores:
            areas[str(label)] = scores["roc_auc"]
    return areas


def _components(samples: Samples, rows: Rows) -> Floats:
    """Return principal directions of log-normalised variable genes, shape (n, components)."""
    from sklearn.decomposition import TruncatedSVD

    cells = samples.cells.take(rows)
    normalisation = Normalisation.fit(cells)
    values = normalisation.read(cells, variable_genes(cells, normalisation, 1000))
    kept = min(COMPONENTS, min(values.shape) - 1)
    if kept < 1:
        return np.zeros((len(rows), 1))
    return TruncatedSVD(kept, random_state=1).fit_transform(values).astype(np.float64)


def balance_of_cells(context: Context) -> Check:
    """Look for parts that lack a class; a patient without some kind of cell is no leak."""
    check = class_balance(context)
    trained = np.unique(context.labels[context.trained])
    if check.verdict == FAIL and np.isin(context.labels[context.tested], trained).all():
        return replace(check, verdict=WARN)
    return check


def technical_genes(context: Context) -> Check:
    """See how many technical genes are among those that differ most between the classes."""
    name = "technical_genes"
    target = context.samples.target
    if not target.shared:
        return Check(name, SKIPPED, f"Cells have {target.words}, and no classes.")
    rows = _chosen(context)
    labels = np.unique(context.labels[rows], return_inverse=True)
    if len(labels[0]) < 2:
        return Check(name, SKIPPED, "Training has cells of one class only.")
    cells = context.samples.cells.take(rows)
    score, used = _differences(cells, labels[1], len(labels[0]))
    kinds = technical_kinds(cells)
    if not (kinds[used] != "").any():
        summary = "No gene is ribosomal, mitochondrial, a pseudogene or named by its clone."
        return Check(name, PASS if used.any() else SKIPPED, summary)
    usual = float((kinds[used] != "").mean())
    symbols = cells.names.get("symbol", cells.genes)
    details: Document = {"share_of_all": usual, "by_class": {}}
    worst = ("", 0.0)
    contrasts = score[1:] if len(score) == 2 else score
    for number, contrast in enumerate(contrasts):
        label = _label(context, labels[0][number + (len(score) == 2)])
        top = np.argsort(-np.where(used, np.abs(contrast), -1.0), kind="stable")[:TOP_GENES]
        odd = top[kinds[top] != ""]
        counts = pd.Series(kinds[odd]).value_counts()
        details["by_class"][label] = {
            "share": len(odd) / len(top),
            "kinds": {str(kind): int(n) for kind, n in counts.items()},
            "genes": [f"{symbols[g]} {'up' if contrast[g] > 0 else 'down'}" for g in odd[:LISTED]],
        }
        if len(odd) / len(top) > worst[1]:
            worst = (label, len(odd) / len(top))
    summary = (
        f"Of the {TOP_GENES} genes that differ most, {worst[1]:.0%} are technical"
        f"{f' (class {worst[0]})' if worst[0] else ''}; of all genes found {usual:.0%}."
    )
    if worst[1] >= TECHNICAL and worst[1] >= TIMES * usual:
        of_class = details["by_class"][worst[0]]
        summary += (
            f" {', '.join(f'{n} {kind}' for kind, n in of_class['kinds'].items())} "
            f"({', '.join(of_class['genes'][:5])}): the classes may differ in how their libraries "
            "were made or counted."
        )
        return Check(name, WARN, summary, details)
    return Check(name, PASS, summary, details)


def _label(context: Context, number: int) -> str:
    row = np.flatnonzero(context.labels == number)[0]
    return str(context.samples.table["label"].iloc[row])


def _differences(cells: Counts, kinds: Rows, number: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return Welch's t of each class against the rest, and which genes were found at all."""
    sums, squares, having = moments(cells, Normalisation.fit(cells), kinds, number)
    sizes = np.bincount(kinds, minlength=number).astype(float)[:, None]
    rest = sizes.sum() - sizes
    mean, other = sums / sizes, (sums.sum(axis=0) - sums) / rest
    spread = np.maximum(squares / sizes - mean**2, 0) / sizes
    spread += np.maximum((squares.sum(axis=0) - squares) / rest - other**2, 0) / rest
    return (mean - other) / np.sqrt(spread + 1e-9), having.sum(axis=0) >= FEWEST_CELLS


def _chosen(context: Context) -> Rows:
    """Return labelled training cells, not more than are needed."""
    return _some(context.trained[context.labels[context.trained] >= 0], 5 * MOST_CELLS)


def _some(rows: Rows, most: int) -> Rows:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(1).choice(rows, most, replace=False))
