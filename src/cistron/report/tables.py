"""The tables of the report, as rows of written-out cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cistron.evaluation.evaluate import MOST_GROUPS
from cistron.figures.numbers import THIN, count, decimal, spanned
from cistron.report.names import baseline, human, in_order, label, meaning
from cistron.report.read import Content, Json
from cistron.targets.kinds import sign_of

MISTAKES = 10
UNLESS = ", unless it is a rule that always answers the same"
LONGEST = 20  # rows of a table that could have thousands


@dataclass(frozen=True)
class Column:
    """The heading of a column.

    Parameters
    ----------
    text : str
    title : str
        What it means, where that needs saying.
    numeric : bool
        Whether its cells are numbers, set to the right.
    """

    text: str
    title: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell: its text, a smaller line below it, and whether it is the best of its row."""

    text: str
    below: str = ""
    best: bool = False
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A captioned table; the first cell of every row is the heading of that row.

    The last rows, as many as `totals`, stay below the others however these are sorted.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    totals: int = 0


def percent(share: float | None) -> str:
    """Write a share in per cent with one decimal."""
    return "n/a" if share is None or not np.isfinite(share) else f"{100 * share:.1f}{THIN}%"


def metric_names(scores: Json) -> list[str]:
    """Return the metrics among the keys of S or S-lite of metrics.json, in order."""
    return in_order(k for k, v in scores.items() if isinstance(v, Mapping) and "value" in v)


def score_cell(score: Json | None, best: bool = False, *, differs: bool = False) -> Cell:
    """Return a number with its interval below; `differs`: a difference, compared with zero."""
    return Cell(*spanned(score or {}, 3, differs=differs), best)


def all_scores(metrics: Json) -> Table:
    """Every metric of the model, of each baseline, and of the model on validation samples."""
    scored = {"Model": metrics["test"]}
    scored |= {baseline(name): scores for name, scores in metrics.get("baselines", {}).items()}
    compared = list(scored)
    if metrics.get("validation"):
        scored["Model, validation"] = metrics["validation"]
    rows = [[Cell("Samples"), *(Cell(count(scores.get("n"))) for scores in scored.values())]]
    names = metric_names(metrics["test"])
    names.sort(key=lambda name: name != metrics["headline"])
    for metric in names:
        best = best_of(metric, {name: scored[name] for name in compared})
        cells = (score_cell(s.get(metric), best=name in best) for name, s in scored.items())
        rows.append([Cell(label(metric), title=meaning(metric)), *cells])
    bold = f" The best of each row is bold{UNLESS}." if len(compared) > 1 else ""
    caption = f"All metrics with their 95{THIN}% intervals.{bold}"
    return Table(caption, [Column("Metric", numeric=False), *map(Column, scored)], rows)


def constant(scores: Json) -> bool:
    """Whether these are the scores of a rule that always answers the same.

    Its specificity or calibration is perfect for nothing.
    """
    agreements = [scores.get(name) or {} for name in ("mcc", "macro_mcc", "pearson")]
    known = [score for score in agreements if "value" in score]
    return bool(known) and all(
        not score["value"] and not score.get("low") and not score.get("high") for score in known
    )


def best_of(metric: str, scored: Json) -> set[str]:
    """Return which of several have the best value of a metric.

    None where all are equal, or a rule that always answers the same is among the best.
    """
    values = {name: (scores.get(metric) or {}).get("value") for name, scores in scored.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if len(set(known.values())) < 2:
        return set()
    choose = max if sign_of(metric) > 0 else min
    best = {name for name, value in known.items() if value == choose(known.values())}
    return set() if any(constant(scored[name]) for name in best) else best


def folds(metrics: Json) -> Table:
    """Metrics of every fold, and of all folds pooled."""
    entries = metrics["folds"]
    names = metric_names(entries[0])
    repeated = bool(metrics.get("repeats"))
    columns = [Column("Seed, fold" if repeated else "Fold", numeric=False), Column("Samples")]
    columns += [Column(label(m), meaning(m)) for m in names]
    named = [
        (f"{entry['repeat']}, {entry['fold']}" if repeated else str(entry.get("fold")), entry)
        for entry in entries
    ]
    rows = [
        [Cell(name), Cell(count(scores.get("n")))]
        + [Cell(decimal((scores.get(m) or {}).get("value"), 3)) for m in names]
        for name, scores in [*named, ("Pooled", metrics["test"])]
    ]
    caption = "Scores of each fold, and of all held-out predictions together."
    return Table(caption, columns, rows, totals=1)


def repeats(metrics: Json) -> Table:
    """Metrics of every repeat, their mean and spread, and those of all of them together."""
    entries, spread = metrics["repeats"], metrics["spread"]
    names = metric_names(entries[0])
    columns = [Column("Seed", numeric=False), *(Column(label(m), meaning(m)) for m in names)]
    rows = [
        [Cell(str(entry["seed"])), *(score_cell(entry.get(m)) for m in names)] for entry in entries
    ]
    for text, key in (("Mean", "mean"), ("Standard deviation", "sd")):
        rows.append([Cell(text), *(Cell(decimal(spread[m][key], 3)) for m in names)])
    averaged = [score_cell(metrics["test"].get(m)) for m in names]
    if not metrics.get("folds"):
        rows.append([Cell("All together"), *averaged])
        caption = "Scores of each seed's classifier, and of all together."
        return Table(caption, columns, rows, totals=3)
    rows.append([Cell("Averaged probabilities"), *averaged])
    return Table("Scores of each repeat, its folds together.", columns, rows, totals=3)


def worst_groups(column: str, entries: Sequence[Json]) -> Table:
    """Accuracy (Jaccard index, mean absolute error) within each group, worst first."""
    names = ("jaccard", "mae")
    metric = next((m for m in names if any(m in entry for entry in entries)), "accuracy")
    sign, written = (-1, decimal) if sign_of(metric) < 0 else (1, percent)
    known = [entry for entry in entries if entry.get(metric) is not None]
    ranked = sorted(known, key=lambda e: (sign * e[metric], -e["n"], str(e["value"])))[:LONGEST]
    rows = [[Cell(str(e["value"])), Cell(count(e["n"])), Cell(written(e[metric]))] for e in ranked]
    largest = " largest" if len(known) >= MOST_GROUPS else ""
    many = f"; {LONGEST} of the {count(len(known))}{largest}" if len(known) > LONGEST else ""
    columns = [Column(human(column), numeric=False), Column("Samples"), Column(label(metric))]
    return Table(
        f"{label(metric)} by {human(column).lower()}, the worst first{many}.", columns, rows
    )


def relatives(metrics: Json, column: str) -> Table:
    """Scores of samples with and without a relative in training."""
    sides = metrics["test"]["relatives"][column]
    names = metric_names(sides["with"])
    rows = [
        [Cell(text), Cell(count(sides[side]["n"]))]
        + [Cell(decimal((sides[side].get(m) or {}).get("value"), 3)) for m in names]
        for side, text in (("without", "None in training"), ("with", "In training as well"))
    ]
    columns = [Column(human(column), numeric=False), Column("Samples")]
    columns += [Column(label(m), meaning(m)) for m in names]
    group = human(column).lower()
    return Table(f"Scores of samples whose {group} is, or is not, in training too.", columns, rows)


def tested(content: Content) -> pd.DataFrame | None:
    """Return the predictions of the tested samples; None where they are not known."""
    table = content.predictions
    if table is None or not {"id", "label", "predicted", "part"} <= set(table.columns):
        return None
    return table[table["part"] == "test"]


def parts_of(content: Content, used: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the name of each part or fold → which samples are in it."""
    if content.folds and "fold" in used:
        numbers = sorted(int(fold) for fold in used["fold"].unique() if fold >= 0)
        return {f"Fold\N{NO-BREAK SPACE}{n}": used["fold"] == n for n in numbers}
    parts = {human(name): used["part"] == name for name in ("train", "validation", "test")}
    if (used["part"] == "").any():
        parts["In no part"] = used["part"] == ""
    return parts


def facts(caption: str, pairs: Iterable[tuple[str, str]]) -> Table | None:
    """Two columns: what, and how much of it."""
    rows = [[Cell(name), Cell(text)] for name, text in pairs]
    columns = [Column("", numeric=False), Column("", numeric=False)]
    return Table(caption, columns, rows) if rows else None
