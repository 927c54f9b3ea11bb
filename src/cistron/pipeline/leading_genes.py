"""The genes that a run of cells rests on, written when the run is made.

`genes.parquet` has the effect of every gene the classifier reads (of every fold), `genes.json`
what the report shows: the first genes of each class, how stable they are over the folds, which of
them are technical, and in which cells they are expressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.predictor import Predictor
from cistron.encoders.cells.normalise import columns, row_sums, zeroed
from cistron.experiment.run_folder import Run
from cistron.explain.genes import gene_effects, network_effects, stability, top_genes
from cistron.samples.cells.technical_genes import technical_kinds
from cistron.samples.samples import Samples
from cistron.splits.split import TRAIN, Split

EFFECTS = "genes.parquet"
GENES = "genes.json"
TOP = 20  # genes of each class


def write_effects(run: Run, classifier: Predictor, samples: Samples, split: Split) -> None:
    """Write genes.parquet of one classifier: `class`, `gene`, `effect`; nothing where it has none.

    Parameters
    ----------
    run : Run
        Of the fit, or of one fold.
    classifier : Classifier
    samples : Samples
    split : Split
        Gradients of a network are averaged over cells of its training part.
    """
    if samples.payload.domain is not CELLS or why_no_effects(classifier):
        return
    effects = _effects(classifier, samples.take(split.rows(TRAIN)))
    table = effects.reset_index().melt("gene", value_name="effect")
    run.write_table(EFFECTS, table[["class", "gene", "effect"]])


def _effects(classifier: Predictor, train: Samples) -> pd.DataFrame:
    """Return the effects of genes on the logits; of an ensemble on the mean of its members'."""
    if not isinstance(classifier, Classifier):
        each = [_effects(member, train) * member.head.line[0] for member in classifier.members]
        classes = list(classifier.classes_)
        genes = dict.fromkeys(gene for table in each for gene in table.index)
        parts = [table.reindex(list(genes), columns=classes, fill_value=0.0) for table in each]
        weights = cast("Ensemble", classifier).weights
        return sum((part * share for part, share in zip(parts, weights, strict=True)), 0 * parts[0])
    if classifier.model_settings_.family == "network":
        return network_effects(classifier, train, classifier.training_.seed)
    return gene_effects(classifier)


def _by_gradients(classifier: Predictor) -> bool:
    """Whether effects are gradients; of an ensemble, those of a member."""
    if isinstance(classifier, Classifier):
        return classifier.model_settings_.family == "network"
    return any(_by_gradients(member) for member in classifier.members)


def why_no_effects(classifier: Predictor) -> str:
    """Say why no effects of genes are to be had; empty where they are."""
    if not classifier.head.classes:
        return "Effects of genes are those on classes, and a number is predicted."
    if not isinstance(classifier, Classifier):
        return next(filter(None, map(why_no_effects, classifier.members)), "")
    if classifier.model_settings_.family == "network":
        return ""
    try:
        gene_effects(classifier)
    except InputError:
        kind = classifier.model_settings_.kind
        return (
            f"A model of the kind {kind} has neither coefficients nor gradients: no gene has one "
            "effect and one direction in it."
        )
    return ""


def write_genes(
    run: Run,
    samples: Samples,
    classifier: Predictor,
    tested: NDArray[np.int64],
    folds: Sequence[Run],
) -> None:
    """Write genes.json, and of a cross-validation the joined genes.parquet.

    Parameters
    ----------
    run : Run
        Without folds it holds genes.parquet already.
    samples : Samples
        Cells, or nothing is written.
    classifier : Classifier
        That of the run, or of one of its folds.
    tested : ndarray of int64
        Rows of the held-out cells, in which expression is looked at.
    folds : sequence of Run
        Each with its genes.parquet.
    """
    if samples.payload.domain is not CELLS:
        return
    document: Document = {
        "method": "gradients" if _by_gradients(classifier) else "coefficients",
        "why": why_no_effects(classifier),
        "folds": len(folds),
        "top": TOP,
    }
    if document["why"]:
        run.write_json(GENES, {**document, "method": None})
        return
    if folds:
        joined = [pd.read_parquet(one.path / EFFECTS).assign(fold=k) for k, one in enumerate(folds)]
        columns = ["fold", "class", "gene", "effect"]
        run.write_table(EFFECTS, pd.concat(joined, ignore_index=True)[columns])
    effects = read_effects(pd.read_parquet(run.path / EFFECTS), list(classifier.classes_))
    known = _known(samples)
    read = sorted(set().union(*(one.index for one in effects)))
    document |= {
        "read": len(read),
        "technical": float(np.mean([known[gene][1] != "" for gene in read])),
        "classes": _leading(effects, known),
    }
    first = {row["gene"] for found in document["classes"].values() for row in found["genes"]}
    document["expression"] = expression(samples.take(tested), sorted(first), classifier.encoder_)
    run.write_json(GENES, document)


def read_effects(table: pd.DataFrame, classes: Sequence[str]) -> list[pd.DataFrame]:
    """Return the effects of each fold, genes × classes, from genes.parquet."""
    folds = table["fold"] if "fold" in table else pd.Series(0, index=table.index)
    wide: Any = {"index": "gene", "columns": "class", "values": "effect", "aggfunc": "first"}
    return [own.pivot_table(**wide)[list(classes)] for _, own in table.groupby(folds)]


def _known(samples: Samples) -> dict[str, tuple[str, str]]:
    """Return the symbol and the technical kind of each gene."""
    cells = samples.cells
    symbols = cells.names.get("symbol", cells.genes)
    kinds = technical_kinds(cells)
    return {
        str(gene): (str(symbol or gene), str(kind))
        for gene, symbol, kind in zip(cells.genes, symbols, kinds, strict=True)
    }


def _leading(
    effects: Sequence[pd.DataFrame], known: dict[str, tuple[str, str]]
) -> dict[str, Document]:
    """Return the first genes of each class; over several folds those that lead in most of them."""
    if len(effects) > 1:
        table = stability(effects, TOP).groupby("class", sort=False).head(TOP)
    else:
        table = top_genes(effects[0], TOP).assign(share=None)
    found: dict[str, Document] = {}
    for name in effects[0].columns:
        rows = [
            {
                "gene": str(row["gene"]),
                "symbol": known[row["gene"]][0],
                "direction": row["direction"],
                "effect": float(row["effect"]),
                "stability": None if row["share"] is None else float(row["share"]),
                "technical": known[row["gene"]][1],
            }
            for row in table[table["class"] == name].to_dict("records")
        ]
        odd = [row["technical"] != "" for row in rows]
        found[str(name)] = {"technical": float(np.mean(odd)) if odd else None, "genes": rows}
    return found


def expression(samples: Samples, genes: Sequence[str], encoder: Any) -> Document:
    """Return in which share of each class's cells genes are found, and their mean expression.

    Parameters
    ----------
    samples : Samples
        Labelled cells. Of several classes a cell has, each counts it.
    genes : sequence of str
    encoder : Expression
        By which the cells are normalised.

    Returns
    -------
    dict
        `cells` (class → number), `genes` (gene → `share` and `mean`, each class → number; the
        mean is that of normalised logarithms over all cells of the class).
    """
    place = {str(name): number for number, name in enumerate(samples.cells.genes)}
    chosen = np.array([place[gene] for gene in genes], dtype=np.int64)
    members = _members(samples)
    having, sums = (np.zeros((members.shape[1], len(genes))) for _ in range(2))
    start, normalise = 0, encoder.settings.normalise
    for block in samples.cells.blocks():
        known = zeroed(block, np.isnan(block.data))
        values = normalise.values(columns(known, chosen), row_sums(known), encoder.target)
        own = members[start : start + block.shape[0]].T.astype(np.float64)
        start += block.shape[0]
        having, sums = having + own @ (values > 0).toarray(), sums + own @ values.toarray()
    sizes = members.sum(axis=0)
    names = [str(name) for name in samples.classes]

    def of(table: NDArray[np.float64], column: int) -> dict[str, float | None]:
        return {
            name: float(table[k, column] / sizes[k]) if sizes[k] else None
            for k, name in enumerate(names)
        }

    return {
        "cells": {name: int(n) for name, n in zip(names, sizes, strict=True)},
        "genes": {g: {"share": of(having, i), "mean": of(sums, i)} for i, g in enumerate(genes)},
    }


def _members(samples: Samples) -> NDArray[np.bool_]:
    """Return which classes each cell has, shape (n, classes)."""
    return samples.memberships
