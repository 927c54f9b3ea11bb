"""The page of a comparison: runs side by side, and what can be said of their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cistron import figures
from cistron.base.outputs import new_file
from cistron.figures.numbers import THIN, count
from cistron.report.differences import said_p
from cistron.report.html import duration, html, written
from cistron.report.names import glossary, human, in_order, label, meaning, without_folders
from cistron.report.read import Json
from cistron.report.tables import UNLESS, Cell, Column, Table, best_of, score_cell
from cistron.targets.kinds import sign_of

CONCISE = 4  # runs compared up to which every difference is drawn with its interval


def write_comparison(comparison: Json, path: Path) -> None:
    """Write the page of a comparison of runs, whole or not at all."""
    with new_file(path, force=True) as draft:
        draft.write_text(render_comparison(comparison), encoding="utf-8")


def render_comparison(comparison: Json) -> str:
    """Return one HTML page that needs nothing else."""
    about = {run["name"]: run for run in comparison["runs"]}
    drawn = [_table(made, about, comparison["metric"]) for made in comparison["tables"]]
    scored = {m for made in comparison["tables"] for m in _metrics(made["scores"])}
    return html(
        "comparison.html",
        comparison=comparison,
        title=f"{len(comparison['runs'])} runs compared",
        metric=label(comparison["metric"]),
        tables=drawn,
        overview=_overview(comparison, about) if len(drawn) > 1 else None,
        runs=_runs(comparison["runs"]),
        settings=_settings(comparison["settings"], list(about)),
        glossary=glossary(scored),
    )


def _table(made: Json, about: Json, metric: str) -> dict[str, object]:
    rows = {row["name"]: row for row in made["scores"]}
    compared = [name for name, row in rows.items() if row["group"]]
    return {
        **made,
        "heading": _heading(made, about),
        "same": said_p(made["overall"]),
        "forest": figures.runs_forest(
            {name: rows[name][metric] for name in rows}, label(metric), made["runs"]
        ),
        "differences": _differences_figure(made, compared, metric),
        "matrix": _matrix(made, compared, metric) if len(compared) > 2 else None,
        "scores": _scores(made, about, metric),
        "pairs": _pairs(made, metric) if len(compared) > 2 else None,
    }


def _overview(comparison: Json, about: Json) -> str:
    """Draw the runs of all tables together."""
    metric = comparison["metric"]
    rows = {
        f"{row['name']} \N{MIDDLE DOT} {about[row['name']]['split']}, n {count(made['n'])}": row[
            metric
        ]
        for made in comparison["tables"]
        for row in made["scores"]
        if row["name"] in about
    }
    return figures.runs_forest(rows, label(metric), list(rows))


def _heading(made: Json, about: Json) -> str:
    splits = sorted({about[name]["split"] for name in made["runs"]})
    return f"{count(made['n'])} samples, split {' and '.join(splits)}"


def _differences_figure(made: Json, compared: Sequence[str], metric: str) -> str | None:
    """Draw each pair, or where they are many the best against each of the others."""
    chosen = made["differences"]
    if len(compared) > CONCISE:
        chosen = [d for d in chosen if d["first"] == compared[0]]
    rows = {f"{d['first']} \N{MINUS SIGN} {d['second']}": d["difference"] for d in chosen}
    apart = [name for name, d in zip(rows, chosen, strict=True) if d["verdict"] == "better"]
    if not rows:
        return None
    return figures.runs_forest(rows, f"Difference in {label(metric)}", apart, reference=0.0)


def _matrix(made: Json, compared: Sequence[str], metric: str) -> str:
    pairs = {(d["first"], d["second"]): d for d in made["differences"]}
    return figures.differences_matrix(
        compared,
        {pair: d["difference"]["value"] for pair, d in pairs.items()},
        {pair for pair, d in pairs.items() if d["verdict"] == "better"},
        f"Difference in {label(metric)}",
    )


def _metrics(scores: Sequence[Json]) -> list[str]:
    return in_order(name for name, value in scores[0].items() if isinstance(value, Mapping))


def _scores(made: Json, about: Json, metric: str) -> Table:
    """Every metric of every run and baseline, the best first."""
    metrics = [metric, *(m for m in _metrics(made["scores"]) if m != metric)]
    rows = made["scores"]
    best = {m: best_of(m, {row["name"]: row for row in rows}) for m in metrics}
    cells = []
    for row in rows:
        run = about.get(row["name"])
        model = Cell(str(run["model"]), f"on {run['encoder']}") if run else Cell("baseline")
        numbers = [score_cell(row[m], best=row["name"] in best[m]) for m in metrics]
        cells.append([Cell(row["name"]), model, numbers[0], Cell(row["group"]), *numbers[1:]])
    columns = [Column(label(m), meaning(m)) for m in metrics]
    group = Column("Group", "rows that share a letter cannot be told apart", numeric=False)
    heads = [Column("", numeric=False), Column("Model", numeric=False), columns[0], group]
    caption = f"All metrics with their 95{THIN}% intervals, the best of each column bold{UNLESS}."
    return Table(caption, [*heads, *columns[1:]], cells)


def _pairs(made: Json, metric: str) -> Table:
    rows = [
        [
            Cell(f"{d['first']} \N{MINUS SIGN} {d['second']}"),
            score_cell(d["difference"], differs=True),
            Cell(said_p(d["p"]).removeprefix("p ").removeprefix("= ")),
            Cell(said_p(d["holm"]).removeprefix("p ").removeprefix("= ")),
            Cell("told apart" if d["verdict"] == "better" else "not told apart"),
        ]
        for d in made["differences"]
    ]
    lower = ", lower is better" if sign_of(metric) < 0 else ""
    columns = [
        Column("Pair", numeric=False),
        Column(f"Difference in {label(metric)}{lower}"),
        Column("p"),
        Column("Holm p", "corrected for all pairs of this table"),
        Column("", numeric=False),
    ]
    return Table(f"Every pair, the better first; 95{THIN}% intervals of each alone.", columns, rows)


def _runs(runs: Sequence[Json]) -> Table:
    rows = []
    for run in runs:
        folds = f"{run['folds']} folds" if run["folds"] else "one part"
        again = "times" if run["folds"] else "seeds together"
        folds += f", {run['repeats']} {again}" if run["repeats"] > 1 else ""
        seconds = run["train_seconds"]
        time = "n/a" if seconds is None else duration(seconds)
        texts = (run["model"], run["encoder"], run["split"], _audited(run), folds)
        numbers = (count(run["tested"]), time, count(run["parameters"]), written(run["seed"]))
        rows.append(
            [
                Cell(run["name"], title=without_folders(run["path"])),
                *map(Cell, (*map(str, texts), *numbers)),
            ]
        )
    words = [
        Column(t, numeric=False) for t in ("", "Model", "Encoder", "Split", "Audit", "Held out")
    ]
    counts = [Column(t) for t in ("Tested", "Training time", "Parameters", "Seed")]
    return Table("What the runs are.", [*words, *counts], rows)


def _audited(run: Json) -> str:
    """Return the verdict of a run's audit, and what was not checked."""
    missing = ", ".join(human(name).lower() for name in run.get("not_checked") or [])
    verdict = run.get("audit") or "not audited"
    return f"{verdict} (not checked: {missing})" if missing else verdict


def _settings(differing: Mapping[str, Json], runs: Sequence[str]) -> Table | None:
    if not differing:
        return None
    rows = [
        [Cell(key), *(Cell(_said(settings[run])) for run in runs)]
        for key, settings in differing.items()
    ]
    columns = [Column(text, numeric=False) for text in ("Key", *runs)]
    return Table("Settings in which the experiments differ.", columns, rows)


def _said(value: object) -> str:
    """Write the value of a key as the experiment file does, nothing where it has none."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
