"""The page of a search: what was found, what mattered, and what it is worth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cistron import figures
from cistron.experiment.run_folder import Run
from cistron.figures.numbers import count, decimal, spanned
from cistron.report.html import html
from cistron.report.names import label
from cistron.report.read import Json
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
    search = run.read_json("tuning.json")
    trials = pd.read_csv(run.path / "trials.csv")
    metric = label(search["metric"])
    return html(
        "tuning.html",
        title=run.path.name,
        search=search,
        metric=metric,
        sentences=sentences(search),
        history=figures.trials(
            [None if pd.isna(v) else float(v) for v in trials["value"]],
            metric,
            search["lower_is_better"],
        ),
        importance=figures.importance_bars(search["importance"]) if search["importance"] else None,
        best=_best(search),
        trials=_trials(trials, metric),
        nested=_nested(search["nested"], metric) if "nested" in search else None,
    )


def sentences(search: Json) -> list[str]:
    """Say what a search is worth, and what it found.

    The score in outer folds comes first, where there is one. That of the best trial chose the
    trial: it is told behind it, as what it is.
    """
    metric, nested = label(search["metric"]), search.get("nested") or {}
    known = nested.get("optimism") is not None and bool(nested["score"])
    texts = []
    if known:
        (value, between), gap = spanned(nested["score"], 3), nested["optimism"]
        texts.append(
            f"The search is worth {metric} {value} ({between}): searched anew in each of "
            f"{len(nested['folds'])} outer folds, and scored on the fold itself."
        )
    else:
        texts.append(
            "What the search is worth is not known. Fit the experiment to score it on test samples "
            "that the search did not see, or search with --nested."
        )
    where = "on the validation part"
    if search["inner_folds"]:
        where = f"in {search['inner_folds']} inner folds"
    first = (
        f"Optimistic: the best of {sum(search['trials'].values())} trials has {metric} "
        f"{decimal(search['best']['value'], 3)} {where}, which chose it"
    )
    if search["start"] is not None:
        first += f"; the first, with the values it started from, has {decimal(search['start'], 3)}"
    texts.append(f"{first}.")
    if known:
        size, way = decimal(abs(gap), 3), "better" if gap >= 0 else "worse"
        texts.append(f"On average the best trials had seemed {size} {way} than they were there.")
    return texts


def _best(search: Json) -> Table:
    rows = [[Cell(name), Cell(_said(value))] for name, value in search["best"]["values"].items()]
    best = search["best"]
    caption = (
        f"What trial {best['trial']} had. Its own {label(search['metric'])}, "
        f"{decimal(best['value'], 3)}, chose it and is too good."
    )
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


def _nested(nested: Json, metric: str) -> Table:
    rows = [
        [
            Cell(f"Fold {fold['fold']}"),
            *(Cell(decimal(fold[k], 3)) for k in ("inner", "outer", "optimism")),
        ]
        for fold in nested["folds"]
    ]
    mean = Cell(decimal(nested["optimism"], 3))
    rows.append([Cell("Pooled"), Cell(""), score_cell(nested["score"]), mean])
    columns = [
        Column("", numeric=False),
        Column("Best trial", f"{metric} that the search believed"),
        Column("Outer fold", f"{metric} on samples that the search did not see"),
        Column("Too good by", "their difference; positive: the search was too optimistic"),
    ]
    return Table("The search repeated in every outer fold.", columns, rows, totals=1)


def _said(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
