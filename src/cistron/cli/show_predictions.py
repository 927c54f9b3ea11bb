"""What `cistron predict` and `cistron embed` print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.text import Text

from cistron.cli.display import console, interval, print_json

METRICS = ("mcc", "balanced_accuracy", "accuracy", "macro_f1", "jaccard", "r2", "pearson", "mae")
"""Those of one class, of several classes, of numbers."""
IN_GROUPS = ("accuracy", "jaccard", "mae")


def show_predicted_shards(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what was predicted of several inputs."""
    if as_json:
        print_json({"out": str(out), **found})
        return
    console().print(
        Text(
            f"{out}: {found['shards']:,} shards, {found['records']:,} records, "
            f"{found['predicted']:,} predicted, {found['skipped']:,} skipped, "
            f"{found['warnings']:,} with a warning."
        )
    )


def show_predicted_cells(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what was predicted of a data set of cells, and how far that can be trusted."""
    if as_json:
        print_json({"out": str(out), **found})
        return
    screen = console()
    genes = found["genes"]
    lines = [
        f"{out}: {found['records']:,} cells, {found['predicted']:,} predicted, "
        f"{found['rejected']:,} of them rejected ({found['share_rejected']:.1%}).",
        *_scored(found),
    ]
    if genes:
        lines.append(
            f"Genes that the classifier reads: {genes['found']:,} of {genes['read']:,} are in the "
            f"data ({genes['share']:.0%}). {genes['note']}".strip()
        )
    lines.append(_drifted("The data set", found["drift"]))
    scores = found.get("scores") or {}
    for metric in filter(scores.get, METRICS):
        kept = (found.get("scores_kept") or {}).get(metric)
        text = f"{metric.replace('_', ' ')}: {interval(scores[metric])}"
        lines.append(f"{text}; of the cells not rejected {interval(kept)}")
    if "aligned" in found:
        lines.append(_aligned(found))
    for column, groups in found["groups"].items():
        for value, each in groups.items():
            text = f"{column} {value}: {each['cells']:,} cells, "
            text += f"{each['share_rejected']:.1%} rejected, drift {_ratio(each['drift'])}"
            if each.get("scores"):
                name = next(name for name in IN_GROUPS if name in each["scores"])
                scored = f"{name} of {each['scored']:,} labelled cells"
                text += f", {scored} {interval(each['scores'][name])}"
            lines.append(text)
    for line in lines:
        screen.print(Text(line), soft_wrap=True)


def _scored(found: dict[str, Any]) -> list[str]:
    """Say how many cells the scores are of, and why the others have no part in them."""
    if "scored" not in found:
        return []
    n = found["scored"]
    lines = [f"{n:,} cells scored, {found['records'] - n:,} not scored."]
    if not found["scores"]:
        lines[0] += " There are too few labelled cells for scores."
    return lines + [f"  {count:,}  {reason}" for reason, count in found["unscored"].items()]


def _aligned(found: dict[str, Any]) -> str:
    aligned = found["aligned"]
    text = (
        f"Moved onto the mean of the training cells, {aligned['changed']:.1%} of the cells are "
        "called otherwise (columns aligned_…). That helps where a platform adds the same to all "
        "cells, and misleads where the data hold other shares of the classes."
    )
    scores = aligned.get("scores")
    name = next((name for name in METRICS if name in (scores or {})), "")
    return f"{text} {name.upper()} then: {interval(scores[name])}." if name else text


def _drifted(what: str, drift: dict[str, Any]) -> str:
    text = (
        f"{what} is {_ratio(drift)} times as far from the training cells as held-out cells of "
        f"training were ({drift['held_out']})."
    )
    return f"{text} It is clearly further than any of them." if drift["beyond"] else text


def _ratio(drift: dict[str, Any]) -> str:
    return "n/a" if drift["ratio"] is None else f"{drift['ratio']:.2f}"


def show_embedded(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what `cistron embed` did, and every record it could not use."""
    if as_json:
        print_json({"out": str(out), **found})
        return
    screen = console()
    text = (
        f"{out}: {found['embedded']:,} of {found['records']:,} records, {found['width']:,} "
        f"features; {found['computed']:,} sequences computed, {found['cached']:,} from the cache."
    )
    screen.print(Text(text), soft_wrap=True)
    for record in found["dropped"]:
        line = f"Not embedded: record {record['record']:,} ({record['id']}): {record['reason']}"
        screen.print(Text(line), soft_wrap=True)
