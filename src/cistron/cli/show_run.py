"""What `cistron fit`, `cistron crossval` and `cistron compare` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cistron.cli.display import MARKS, console, interval, print_json
from cistron.targets.kinds import target_in

if TYPE_CHECKING:
    from pathlib import Path

    from cistron.experiment.run_folder import Run

BESIDE = (
    ("mcc",),
    ("accuracy",),
    ("balanced_accuracy",),
    ("macro_f1", "f1"),
    ("macro_roc_auc", "roc_auc"),
    ("log_loss",),
    ("ece",),
)
NARROW = ("accuracy", "roc_auc", "macro_roc_auc")
AUDIT_STYLES = {"clean": "", "leak": MARKS["fail"], "confounded": MARKS["fail"]}


def show_run(run: Run, as_json: bool) -> None:
    """Print the scores of a run beside its baselines."""
    from cistron.splits.audit.check import not_checked, state_of, verdict_of, verdict_sentence

    metrics, verdict = run.metrics, verdict_of(run.audit)
    if as_json:
        audited = {"audit": verdict, "audit_state": state_of(run.audit)}
        missing = {"not_checked": not_checked(run.audit)}
        print_json({"run": str(run.path), **audited, **missing, **metrics})
        return
    screen = console()
    rows = {"model": metrics["test"], **metrics["baselines"]}
    chosen = dict.fromkeys((metrics["headline"], *(m.name for m in target_in(metrics).shown)))
    shown = [name for name in chosen if name in metrics["test"]]
    title = f"Test scores (n = {metrics['test']['n']:,}; 95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("", no_wrap=True, min_width=11)
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for row, scores in rows.items():
        table.add_row(row, *[interval(scores.get(name)) for name in shown])
    screen.print(table)
    if metrics.get("repeats"):
        screen.print(Text(_repeated(metrics)), soft_wrap=True)
    comparison = metrics.get("comparison")
    if comparison:
        screen.print(Text(_compared(comparison)))
    if metrics.get("second"):
        screen.print(Text(_second_scores(metrics["second"])), soft_wrap=True)
    style = AUDIT_STYLES.get(verdict, MARKS["warn"])
    screen.print(Text(f"Audit: {verdict_sentence(run.audit)}.", style=style), soft_wrap=True)
    screen.print(Text(f"Report: {run.path / 'report.html'}"), soft_wrap=True)


def _repeated(metrics: dict[str, Any]) -> str:
    headline = metrics["headline"]
    spread = metrics["spread"][headline]
    numbers = " ± ".join("n/a" if v is None else f"{v:.3f}" for v in spread.values())
    if not metrics["folds"]:
        return (
            f"{len(metrics['repeats'])} seeds: {headline} of one classifier {numbers} (mean and "
            "standard deviation over the seeds). The table scores all of them together."
        )
    return (
        f"{len(metrics['repeats'])} repeats: {headline} of one cross-validation {numbers} (mean "
        "and standard deviation over the repeats). The table scores probabilities averaged over "
        "them."
    )


def _second_scores(second: dict[str, Any]) -> str:
    test = second["test"]
    names = dict.fromkeys((second["headline"], *(m.name for m in target_in(second).shown)))
    scores = [f"{m.replace('_', ' ')} {interval(test[m])}" for m in names if m in test]
    beside = f" {_compared(second['comparison'])}" if second["comparison"] else ""
    return f"Second target {second['name']} (n = {test['n']:,}): {', '.join(scores)}.{beside}"


def _compared(comparison: dict[str, Any]) -> str:
    words = {"better": "beats", "worse": "is worse than", "undecided": "cannot be told apart from"}
    return (
        f"The model {words[comparison['verdict']]} the best baseline, {comparison['baseline']}: "
        f"difference in {comparison['metric']} {interval(comparison['difference'], differs=True)}."
    )


def show_comparison(found: dict[str, Any], page: Path | None, as_json: bool) -> None:
    """Print runs side by side."""
    if as_json:
        print_json({**found, "page": None if page is None else str(page)})
        return
    screen = console()
    for number, made in enumerate(found["tables"], 1):
        _compared_table(screen, number, made, found)
        for warning in made["warnings"]:
            screen.print(Text(warning, style=MARKS["fail"]), soft_wrap=True)
        screen.print(Text(made["conclusion"], style="bold"), soft_wrap=True)
        for difference in made["differences"]:
            if difference["sentence"] not in made["conclusion"]:
                screen.print(Text(f"  {difference['sentence']}"), soft_wrap=True)
        for note in made["notes"]:
            screen.print(Text(f"Note: {note}"), soft_wrap=True)
        screen.print()
    if any(row["group"] for made in found["tables"] for row in made["scores"]):
        screen.print(Text("Rows of a table that share a letter cannot be told apart."))
    for sentence in found["apart"]:
        screen.print(Text(sentence, style=MARKS["fail"]), soft_wrap=True)
    for note in found["notes"]:
        screen.print(Text(f"Note: {note}"), soft_wrap=True)
    if page is not None:
        screen.print(Text(f"Page: {page}"), soft_wrap=True)


def side_by_side(scores: dict[str, Any], metric: str) -> list[str]:
    """Return the metrics that stand beside one another where runs are compared, one first."""
    beside = [next((name for name in names if name in scores), metric) for names in BESIDE]
    return list(dict.fromkeys([metric, *beside]))


def _compared_table(
    screen: Console, number: int, made: dict[str, Any], found: dict[str, Any]
) -> None:
    """Print runs and their best baseline; fewer columns where the terminal is narrow."""
    about = {run["name"]: run for run in found["runs"]}
    tested = f"{made['n']:,} samples" + (" that all tested" if len(made["runs"]) > 1 else "")
    title = f"Table {number}: {tested}; 95 % intervals over {made['resampled']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    wide = screen.width >= 120
    kinds = ("model", "encoder", "split") if wide else ()
    first, *others = side_by_side(made["scores"][0], found["metric"])
    others = others if wide else [name for name in others if name in NARROW]
    table.add_column("", overflow="fold", min_width=20)
    for name in kinds:
        table.add_column(name, overflow="fold")
    table.add_column(first.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in others:
        table.add_column(name.replace("_", " "), justify="right")
    for row in made["scores"]:
        if row["group"]:
            run = about.get(row["name"], {"model": "baseline"})
            cells = [Text(str(run.get(kind) or "")) for kind in kinds]
            scores = [_value(row[name]) for name in others]
            table.add_row(Text(row["name"]), *cells, interval(row[first]), row["group"], *scores)
    screen.print(table)


def _value(score: dict[str, Any]) -> str:
    return "n/a" if score["value"] is None else f"{score['value']:.2f}"
