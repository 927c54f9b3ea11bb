"""What predictions of new cells come to: calls, drift, rejection, scores; of each group too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.classifier.cell_predictions import DISTANCE
from cistron.classifier.predict.new_cells import GROUP, LABEL, NewCells
from cistron.classifier.predict.predict import read_parts
from cistron.classifier.predictor import Predictor
from cistron.evaluation.evaluate import Judging, evaluate

FEWEST_CELLS = 10  # of a group, to be scored on its own
UNSCORED = "unscored"  # why a cell has no part in the scores; "" where it has


def summary_of(classifier: Predictor, parts: Path, how: NewCells, source: str) -> dict[str, Any]:
    """Return what is said of the data set as a whole, and of its groups."""
    table, warnings = _summed_up(parts)
    table = _with_reasons(classifier, table, how)
    if not len(table):
        raise InputError(f"{source}: there is no cell to predict.")
    known = table[table["predicted"].notna()].reset_index(drop=True)
    if not len(known):
        raise InputError(f"{source}: no cell has a gene above zero.")
    for column, name in how.columns.items():
        if known[column].isna().all():
            raise InputError(
                f"{source}: no cell has a value in a column {name!r} of obs "
                f"(--{'label' if column == LABEL else 'group'})."
            )
    found = {
        "records": len(table),
        "predicted": len(known),
        "warnings": warnings,
        **_judged(classifier, known, how, source),
    }
    if "scored" in found:
        found["unscored"] = _reasons(table)
    found["groups"] = {
        name: {
            str(value): _judged(classifier, own.reset_index(drop=True), how, source, alone=True)
            for value, own in known.groupby(f"{GROUP}{name}", sort=True)
        }
        for name in how.groups
    }
    return found


def _summed_up(parts: Path) -> tuple[pd.DataFrame, int]:
    """Return what is summed up, without names and sentences, and how many have a warning."""
    tables, warnings = [], 0
    for table in read_parts(parts):
        warnings += int((table["warning"] != "").sum())
        table[UNSCORED] = table["warning"].where(table["predicted"].isna(), "")
        tables.append(table.drop(columns=["id", "warning"]))
    return (pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()), warnings


def _with_reasons(classifier: Predictor, table: pd.DataFrame, how: NewCells) -> pd.DataFrame:
    """Return the cells with the classes that training made of their labels, and why not scored."""
    if how.label is None or not len(table):
        return table
    reading = classifier.reading_
    if reading is not None and reading.column == how.label:
        classes = reading.classes_of
        table[LABEL] = table[LABEL].map(lambda value: classes.get(value, value))
    unknown = table[UNSCORED].eq("") & ~_known(classifier, table[LABEL])
    table.loc[unknown, UNSCORED] = table.loc[unknown, LABEL].map(why_unscored, na_action=None)
    return table


def _known(classifier: Predictor, labels: pd.Series) -> NDArray[np.bool_]:
    """Return which labels say something that the classifier predicts, shape (n,)."""
    head = classifier.head
    return head.strata(head.truth(labels.astype(object))) >= 0


def why_unscored(label: object) -> str:
    """Say why a label cannot be scored."""
    if label is None or label != label:
        return "no label"
    return f"the classifier does not know the label {label!r}"


def _reasons(table: pd.DataFrame) -> dict[str, int]:
    """Return how many cells have no part in the scores, by the reason."""
    counts = table.loc[table[UNSCORED] != "", UNSCORED].value_counts()
    return {str(reason): int(n) for reason, n in counts.items()}


def _judged(
    classifier: Predictor, table: pd.DataFrame, how: NewCells, source: str, alone: bool = False
) -> dict[str, Any]:
    """Return drift, rejection and scores of some cells."""
    rejected = table["rejected"].to_numpy(dtype=bool)
    found: dict[str, Any] = {
        "cells": len(table),
        "rejected": int(rejected.sum()),
        "share_rejected": float(rejected.mean()),
        "calls": _calls(classifier, table["predicted"]),
        "drift": classifier.novelty_.drift(table[DISTANCE].to_numpy(dtype=np.float64)),
    }
    if how.align:
        moved = table["aligned_predicted"]
        found["aligned"] = {
            "method": "mean",
            "calls": _calls(classifier, moved),
            "changed": float((moved != table["predicted"]).mean()),
        }
    if how.label is None:
        return found
    labels = table[LABEL].astype(object)
    inside = _known(classifier, labels)
    others = labels[~inside].dropna().astype(str).value_counts()
    found["labels_of_no_class"] = {str(name): int(n) for name, n in others.items()}
    if not inside.any() and not alone:
        name = str(labels.dropna().iloc[0])
        classes = ", ".join(classifier.classes_)
        wanted = f"a class of the classifier ({classes})" if classes else "a number"
        raise InputError(
            f"{source}: no label in {how.label!r} is {wanted}; the first is {name!r}."
            f"{nearest(name, list(classifier.classes_))}{_elsewhere(classifier, how.label)}"
        )
    found["scored"], found["unscored"] = int(inside.sum()), _reasons(table)
    groups = [] if alone else list(how.groups)
    found["scores"] = _scores(classifier, table[inside], groups)
    found["scores_kept"] = _scores(classifier, table[inside & ~rejected], groups)
    if how.align:
        found["aligned"]["scores"] = _scores(classifier, table[inside], groups, "aligned_")
    return found


def _elsewhere(classifier: Predictor, label: str) -> str:
    """Say of which column training made its classes, where it is another."""
    reading = classifier.reading_
    if reading is None or not reading.classes_of or reading.column == label:
        return ""
    return f" Training made its classes of values of the column {reading.column!r}."


def _scores(
    classifier: Predictor, table: pd.DataFrame, groups: Sequence[str], prefix: str = ""
) -> dict[str, Any] | None:
    """Return the metrics of labelled cells, with intervals; None where they are too few."""
    if len(table) < FEWEST_CELLS:
        return None
    head = classifier.head
    predicted = table.assign(**{name: table[f"{prefix}{name}"] for name in _answers(classifier)})
    drawn = table[f"{GROUP}{groups[0]}"].astype(str).to_numpy() if groups else None
    scores = evaluate(
        head.truth(table[LABEL].astype(object)),
        head.from_table(predicted),
        head,
        groups=drawn,
        how=Judging(headline=head.usual_metric),
    )["scores"]
    kept = {k: v for k, v in scores.items() if isinstance(v, dict) and "value" in v}
    known = {"n": scores["n"], "resampled": scores["resampled"], **kept}
    if "per_class" in scores:
        each = scores["per_class"].items()
        known["recall_of_class"] = {name: of["recall"] for name, of in each if of["n"]}
    return known


def _answers(classifier: Predictor) -> list[str]:
    """Return the columns of a table of predictions that hold an answer."""
    return ["predicted", *(f"p_{name}" for name in classifier.head.classes)]


def _calls(classifier: Predictor, predicted: pd.Series) -> dict[str, int]:
    """Return how many cells are called what; nothing of numbers, of which hardly two are equal."""
    counts = predicted.value_counts() if classifier.head.classes else pd.Series(dtype=int)
    return {str(name): int(n) for name, n in counts.items()}
