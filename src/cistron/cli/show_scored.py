"""What `cistron predict --label` does and prints for sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cistron.base.errors import InputError
from cistron.cli.display import MARKS, console, interval, print_json


def require_alone(options: dict[str, Any]) -> None:
    """Refuse options that do not go with labelled sequences."""
    unfit = next((name for name, value in options.items() if value), None)
    if unfit:
        raise InputError(f"{unfit} does not go with labelled sequences. Leave it or --label out.")


def predict_and_score(
    run: Path, source: Any, out: Path, how: dict[str, Any], as_json: bool
) -> None:
    """Predict and score labelled sequences, and print how good the predictions are.

    Parameters
    ----------
    run : Path
    source : path, or dict of class to path
    out : Path
    how : dict
        `labels` (keys of `NewLabels`), `device`, `force` and `reporter`.
    as_json : bool
    """
    from cistron.pipeline.independent import score_sequences
    from cistron.pipeline.labelled import NewLabels

    labels = NewLabels(**how.pop("labels"))
    found = score_sequences(run, source, out, how=labels, **how)
    if as_json:
        print_json({"out": str(out), **found})
    else:
        show_scored(out, found)


def show_scored(out: Path, found: dict[str, Any]) -> None:
    """Print the scores of an independent set beside its baselines, and its audit."""
    from cistron.splits.audit.check import state_of, verdict_sentence
    from cistron.targets.kinds import target_in

    screen = console()
    lines = [
        f"{out}: {found['records']:,} records, {found['predicted']:,} predicted, "
        f"{found['scored']:,} scored, {found['records'] - found['scored']:,} not scored."
    ]
    lines += [f"  {n:,}  {reason}" for reason, n in found["unscored"].items()]
    for line in lines:
        screen.print(Text(line), soft_wrap=True)
    names = [m.name for m in target_in(found).shown if m.name in found["scores"]]
    _table_of_scores(screen, found, names)
    audit = found["audit"]
    missing = audit.get("missing")
    style = {"clean": "", "leaks": MARKS["fail"]}.get(state_of(audit), MARKS["warn"])
    text = f"Not checked against the training samples: {missing}" if missing else None
    text = text or f"Audit against the training samples: {verdict_sentence(audit)}."
    screen.print(Text(text, style=style), soft_wrap=True)
    if found["relatives"]:
        screen.print(Text(_relatives(found["relatives"], found["headline"])), soft_wrap=True)
    screen.print(Text(f"All numbers: {out}.summary.json"), soft_wrap=True)


def _table_of_scores(screen: Console, found: dict[str, Any], names: list[str]) -> None:
    title = f"Scores (n = {found['scored']:,}; 95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("", no_wrap=True, min_width=11)
    for name in names:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for row, scores in {"model": found["scores"], **found["baselines"]}.items():
        table.add_row(row, *[interval(scores.get(name)) for name in names])
    screen.print(table)
    if "ece" in found["scores"] and "ece" not in names:
        screen.print(Text(f"Calibration error: {interval(found['scores']['ece'])}"))


def _relatives(relatives: dict[str, Any], metric: str) -> str:
    """Say how many sequences have a relative in training, and the scores of both kinds."""
    scores = {
        name: interval(relatives[name].get(metric)) if relatives[name] else "too few to score"
        for name in ("with", "without")
    }
    label = metric.replace("_", " ")
    return (
        f"{relatives['n_with']:,} sequences have a training relative (identical, or at least "
        f"{relatives['identity']:.0%} identity over {relatives['coverage']:.0%} of both): {label} "
        f"{scores['with']}. {relatives['n_without']:,} have none: {label} {scores['without']}."
    )
