"""The tables of the report, as rows of written-out cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cistron.evaluation.evaluate import MOST_GROUPS
from cistron.figures import NAMED_COLUMNS
from cistron.figures.numbers import THIN, count, decimal
from cistron.report.names import baseline, human, in_order, label, meaning
from cistron.report.read import Content
from cistron.targets.kinds import sign_of

MISTAKES = 10
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
    """A captioned table; the first cell of every row is the heading of that row."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def percent(share: float | None) -> str:
    """Write a share in per cent with one decimal."""
    return "n/a" if share is None or not np.isfinite(share) else f"{100 * share:.1f}{THIN}%"


def metric_names(scores: Mapping[str, Any]) -> list[str]:
    """Return the metrics among the keys of S or S-lite of metrics.json, in order."""
    return in_order(k for k, v in scores.items() if isinstance(v, Mapping) and "value" in v)


def score_cell(score: Mapping[str, Any] | None, digits: int = 3, best: bool = False) -> Cell:
    """Return a number with its interval below."""
    score = score or {}
    below = ""
    if score.get("low") is not None and score.get("high") is not None:
        below = f"{decimal(score['low'], digits)} to {decimal(score['high'], digits)}"
    return Cell(decimal(score.get("value"), digits), below, best)


def all_scores(metrics: Mapping[str, Any]) -> Table:
    """Every metric of the model, of each baseline, and of the model on validation samples."""
    scored = {"Model": metrics["test"]}
    scored |= {baseline(name): scores for name, scores in metrics.get("baselines", {}).items()}
    compared = list(scored)
    if metrics.get("validation"):
        scored["Model, validation"] = metrics["validation"]
    rows = [[Cell("Samples"), *(Cell(count(scores.get("n"))) for scores in scored.values())]]
    for metric in metric_names(metrics["test"]):
        best = best_of(metric, {name: scored[name] for name in compared})
        cells = (score_cell(s.get(metric), best=name in best) for name, s in scored.items())
        rows.append([Cell(label(metric), title=meaning(metric)), *cells])
    bold = " The best of each row is bold." if len(compared) > 1 else ""
    caption = f"All metrics with their 95{THIN}% intervals.{bold}"
    return Table(caption, [Column("Metric", numeric=False), *map(Column, scored)], rows)


def best_of(metric: str, scored: Mapping[str, Any]) -> set[str]:
    """Return which of several have the best value of a metric; none where all are equal."""
    values = {name: (scores.get(metric) or {}).get("value") for name, scores in scored.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if len(set(known.values())) < 2:
        return set()
    choose = max if sign_of(metric) > 0 else min
    return {name for name, value in known.items() if value == choose(known.values())}


def per_class(
    scores: Mapping[str, Any], classes: Sequence[str], thresholds: Mapping[str, float]
) -> Table | None:
    """Metrics of each class against all others, and where there is one its threshold."""
    found = scores.get("per_class") or {}
    named = [name for name in classes if name in found]
    if not named:
        return None
    metrics = [m for m in in_order(found[named[0]]) if m not in ("n", "intervals")]
    columns = [Column("Class", numeric=False), Column("Samples")]
    columns += [Column(label(m), meaning(m)) for m in metrics]
    rows = [
        [Cell(name), Cell(count(found[name].get("n")))]
        + [Cell(decimal(found[name].get(m), 3)) for m in metrics]
        + [Cell(decimal(thresholds.get(name), 3))] * bool(thresholds)
        for name in named
    ]
    if thresholds:
        said = "the probability from which the class is named, chosen on validation samples"
        columns.append(Column("Threshold", said))
    return Table("Each class against all others.", columns, rows)


def confusion(scores: Mapping[str, Any], classes: Sequence[str]) -> Table:
    """List the counts of the confusion matrix, with the share of the row below each."""
    counts = np.asarray(scores["confusion"], dtype=float)
    sums = np.maximum(counts.sum(axis=1), 1)
    many = len(classes) > NAMED_COLUMNS
    rows = [
        [Cell(f"{row + 1}. {name}" if many else name)]
        + [Cell(count(float(n)), percent(float(n / sums[row]))) for n in counts[row]]
        for row, name in enumerate(classes)
    ]
    named = [Column(f"{i + 1}.", name) if many else Column(name) for i, name in enumerate(classes)]
    caption = "Counts by true class (rows) and predicted class (columns)."
    return Table(caption, [Column("True class", numeric=False), *named], rows)


def folds(metrics: Mapping[str, Any]) -> Table:
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
    return Table("Scores of each fold, and of all held-out predictions together.", columns, rows)


def repeats(metrics: Mapping[str, Any]) -> Table:
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
        return Table("Scores of each seed's classifier, and of all together.", columns, rows)
    rows.append([Cell("Averaged probabilities"), *averaged])
    return Table("Scores of each repeat, its folds together.", columns, rows)


def worst_groups(column: str, entries: Sequence[Mapping[str, Any]]) -> Table:
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


def relatives(metrics: Mapping[str, Any], column: str) -> Table:
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
    said = human(column).lower()
    return Table(f"Scores of samples whose {said} is, or is not, in training too.", columns, rows)


def mistakes(content: Content) -> Table | None:
    """List the wrong calls that the model was most sure of."""
    table = content.predictions
    if table is None or not {"id", "label", "predicted", "part"} <= set(table.columns):
        return None
    if content.separator:
        return _wrong_classes(content, table[table["part"] == "test"])
    wrong = table[(table["part"] == "test") & (table["label"] != table["predicted"])]
    shares = wrong[[f"p_{name}" for name in content.classes if f"p_{name}" in wrong]]
    if not shares.size:
        return None
    ranked = wrong.assign(sure=shares.max(axis=1)).sort_values(
        ["sure", "id"], ascending=[False, True]
    )
    most = ranked[["id", "label", "predicted", "sure"]].head(MISTAKES).to_numpy(dtype=object)
    rows = [
        [Cell(str(name)), Cell(str(true)), Cell(str(called)), Cell(decimal(float(sure), 3))]
        for name, true, called, sure in most
    ]
    columns = [Column(text, numeric=False) for text in ("Sample", "Label", "Predicted")]
    caption = "The wrong calls it was most sure of. Worth a look: some may be labelled wrong."
    return Table(caption, [*columns, Column("Probability")], rows)


def _wrong_classes(content: Content, table: pd.DataFrame) -> Table | None:
    """List the wrong decisions about a class that the model was most sure of."""
    true, called = (content.members(table[name]).to_numpy() for name in ("label", "predicted"))
    shares = table[[f"p_{name}" for name in content.classes]].to_numpy(dtype=float)
    sure = np.where(true != called, np.where(called, shares, 1 - shares), -1)
    worst = np.argsort(-sure, axis=None, kind="stable")[:MISTAKES]
    rows = []
    for row, column in zip(*np.unravel_index(worst, sure.shape), strict=True):
        if sure[row, column] >= 0:
            entry, name = table.iloc[row], content.classes[column]
            wrong = f"{'named' if called[row, column] else 'not named'}: {name}"
            rows.append(
                [Cell(str(entry[key])) for key in ("id", "label", "predicted")]
                + [Cell(wrong), Cell(decimal(float(shares[row, column]), 3))]
            )
    headings = ("Sample", "Label", "Predicted", "Wrong")
    columns = [*(Column(text, numeric=False) for text in headings), Column("Probability")]
    caption = "The wrong decisions it was most sure of. Worth a look: some may be labelled wrong."
    return Table(caption, columns, rows) if rows else None


def set_sizes(scores: Mapping[str, Any]) -> Table | None:
    """How many classes samples have, and how many are named."""
    found = scores.get("set_sizes")
    if not found:
        return None
    rows = [
        [
            Cell(str(entry["classes"])),
            Cell(count(entry["n"])),
            Cell(count(entry["named"])),
            Cell(percent(entry["exact_match"])),
            Cell(decimal(entry["jaccard"], 3)),
        ]
        for entry in found
    ]
    headings = ("Samples with so many", "Predicted with so many", "Exact match", "Jaccard index")
    columns = [Column("Classes", numeric=False), *map(Column, headings)]
    caption = "Number of classes. Exact match and Jaccard index are of the samples with so many."
    return Table(caption, columns, rows)


def samples_by_part(content: Content) -> Table | None:
    """How many samples of each class are in each part, or in each fold."""
    used = content.used
    if used is None or used.empty:
        return None
    parts = parts_of(content, used)
    columns = [Column("Class", numeric=False), *map(Column, parts), Column("All"), Column("Share")]
    rows, members = [], content.members(used["label"])
    for name in content.classes:
        own = members[name]
        cells = [Cell(count(int((own & inside).sum()))) for inside in parts.values()]
        share = percent(own.sum() / len(used))
        rows.append([Cell(name), *cells, Cell(count(int(own.sum()))), Cell(share)])
    sums = [Cell(count(int(inside.sum()))) for inside in parts.values()]
    rows.append([Cell("All"), *sums, Cell(count(len(used))), Cell(percent(1.0))])
    several = int((members.sum(axis=1) > 1).sum())
    told = f" {count(several)} have several classes." if content.separator else ""
    return Table(f"Samples that were used.{told}", columns, rows)


def parts_of(content: Content, used: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the name of each part or fold → which samples are in it."""
    if content.metrics.get("folds") and "fold" in used:
        numbers = sorted(int(fold) for fold in used["fold"].unique() if fold >= 0)
        return {f"Fold\N{NO-BREAK SPACE}{n}": used["fold"] == n for n in numbers}
    parts = {human(name): used["part"] == name for name in ("train", "validation", "test")}
    if (used["part"] == "").any():
        parts["In no part"] = used["part"] == ""
    return parts


def groups(content: Content) -> Table | None:
    """How many groups each group column makes, and how large the largest is."""
    used = content.used
    if used is None or used.empty or not content.groups:
        return None
    parts = parts_of(content, used)
    rows = []
    for column in content.groups:
        sizes = used[column].value_counts()
        if sizes.empty:
            continue
        cells = [Cell(count(used.loc[inside, column].nunique())) for inside in parts.values()]
        size = int(sizes.iloc[0])
        largest = str(min(sizes.index[sizes == size].astype(str)))
        share = f"{count(size)}, {percent(size / len(used))}"
        rows.append([Cell(column), Cell(count(len(sizes))), *cells, Cell(largest, share)])
    columns = [Column("Column", numeric=False), Column("Groups"), *map(Column, parts)]
    return Table("Groups in each part.", [*columns, Column("Largest")], rows)


def dropped(content: Content) -> Table | None:
    """Why records were not used, and how many."""
    table = content.samples
    if table is None or not table["dropped"].ne("").any():
        return None
    reasons = table.loc[table["dropped"].ne(""), "dropped"].astype(str).value_counts()
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], str(item[0])))
    rows = [[Cell(str(reason)), Cell(count(n))] for reason, n in ranked[:LONGEST]]
    rest = sum(n for _, n in ranked[LONGEST:])
    if rest:
        rows.append([Cell(f"{count(len(ranked) - LONGEST)} other reasons"), Cell(count(rest))])
    columns = [Column("Reason", numeric=False), Column("Records")]
    return Table("Records that were read and not used.", columns, rows)


def facts(caption: str, pairs: Iterable[tuple[str, str]]) -> Table | None:
    """Two columns: what, and how much of it."""
    rows = [[Cell(name), Cell(text)] for name, text in pairs]
    columns = [Column("", numeric=False), Column("", numeric=False)]
    return Table(caption, columns, rows) if rows else None
