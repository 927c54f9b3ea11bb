"""The page of a search: what was found, what mattered, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cistron import figures
from cistron.experiment.run_folder import Run
from cistron.figures.numbers import count, decimal
from cistron.report.html import html
from cistron.report.names import label
from cistron.report.tables import Cell, Column, Table, score_cell

COMMON = ("trial", "state", "value", "seconds", "error")
STATES = {"complete": "complete", "pruned": "ended early", "fail": "failed", "lost": "cut short"}


def write_tuning(folder: str | Path) -> Path:
    """Write report.html of a search, from the files in its directory.

    Raises
    ------
    InputError
        If tuning.json is missing or damaged.
    """
    run = Run(Path(folder))
    run.write_text("report.html", render_tuning(run))
    return run.path / "report.html"


def render_tuning(run: Run) -> str:
    """Return the page of a search, which needs nothing else."""
    found = run.read_json("tuning.json")
    trials = pd.read_csv(run.path / "trials.csv")
    metric = label(found["metric"])
    return html(
        "tuning.html",
        name=run.path.name,
        found=found,
        metric=metric,
        sentences=sentences(found),
        history=figures.trials(
            [None if pd.isna(v) else float(v) for v in trials["value"]],
            metric,
            found["lower_is_better"],
        ),
        importance=figures.importance_bars(found["importance"]) if found["importance"] else None,
        best=_best(found),
        trials=_trials(trials, metric),
        nested=_nested(found["nested"], metric) if "nested" in found else None,
    )


def sentences(found: Mapping[str, Any]) -> list[str]:
    """Say what a search found, and what its score is worth."""
    metric, best = label(found["metric"]), found["best"]
    made = found["trials"]
    where = "on the validation part"
    if found["inner_folds"]:
        where = f"in {found['inner_folds']} inner folds"
    reached = decimal(best["value"], 3)
    first = f"The best of {sum(made.values())} trials has {metric} {reached} {where}"
    if found["start"] is not None:
        first += f"; the first, with the values it started from, has {decimal(found['start'], 3)}"
    said = [f"{first}."]
    nested = found.get("nested")
    if nested and nested["optimism"] is not None and nested["score"]:
        score, gap = nested["score"], nested["optimism"]
        said.append(
            f"Searched anew in each of {len(nested['folds'])} outer folds and scored on the fold "
            f"itself, it is {decimal(score['value'], 3)} ({decimal(score['low'], 3)} to "
            f"{decimal(score['high'], 3)}); on average the best trials had seemed to be "
            f"{decimal(abs(gap), 3)} {'better' if gap >= 0 else 'worse'} than they were there."
        )
    else:
        said.append(
            "That number chose the trial, so it is too good. Fit the experiment to score it on "
            "test samples that the search did not see, or search with --nested."
        )
    return said


def _best(found: Mapping[str, Any]) -> Table:
    rows = [[Cell(name), Cell(_said(value))] for name, value in found["best"]["values"].items()]
    caption = f"What trial {found['best']['trial']} had."
    return Table(caption, [Column("Key", numeric=False), Column("Value", numeric=False)], rows)


def _trials(trials: pd.DataFrame, metric: str) -> Table:
    searched = [str(name) for name in trials if name not in COMMON]
    rows = []
    for row in trials.to_dict("records"):
        state = STATES.get(row["state"], row["state"])
        error = "" if pd.isna(row["error"]) else str(row["error"])
        rows.append(
            [
                Cell(count(row["trial"])),
                Cell(decimal(row["value"], 3) if pd.notna(row["value"]) else state, title=error),
                Cell("n/a" if pd.isna(row["seconds"]) else f"{row['seconds']:.1f}"),
                *(Cell("" if pd.isna(row[name]) else _said(row[name])) for name in searched),
            ]
        )
    columns = [Column("Trial"), Column(metric), Column("Seconds")]
    return Table(
        "All trials.", [*columns, *(Column(name, numeric=False) for name in searched)], rows
    )


def _nested(nested: Mapping[str, Any], metric: str) -> Table:
    rows = [
        [
            Cell(f"Fold {one['fold']}"),
            *(Cell(decimal(one[k], 3)) for k in ("inner", "outer", "optimism")),
        ]
        for one in nested["folds"]
    ]
    mean = Cell(decimal(nested["optimism"], 3))
    rows.append([Cell("Pooled"), Cell(""), score_cell(nested["score"]), mean])
    columns = [
        Column("", numeric=False),
        Column("Best trial", f"{metric} that the search believed"),
        Column("Outer fold", f"{metric} on samples that the search did not see"),
        Column("Too good by", "their difference; positive: the search was too optimistic"),
    ]
    return Table("The search repeated in every outer fold.", columns, rows)


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
