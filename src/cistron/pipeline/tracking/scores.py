"""The scores of metrics.json as trackers take them: single numbers, each with a name and a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def final(metrics: Mapping[str, Any], step: int) -> list[tuple[str, int, float]]:
    """Return the scores of a finished run and the headline of each baseline beside them."""
    if not metrics:
        return []
    headline = metrics["headline"]
    points = scored("test", metrics["test"], step)
    for name, scores in (metrics.get("baselines") or {}).items():
        points += scored(f"baseline/{name}", {headline: scores.get(headline)}, step)
    if comparison := metrics.get("comparison"):
        points += scored("comparison", {comparison["metric"]: comparison["difference"]}, step)
    if second := metrics.get("second"):
        points += scored(f"test_{second['name']}", second["test"], step)
    for name, spread in (metrics.get("spread") or {}).items():
        found = {"mean": spread["mean"], "sd": spread["sd"]}
        points += [(f"repeats/{name}_{k}", step, v) for k, v in found.items() if v is not None]
    return points


def scored(prefix: str, scores: Mapping[str, Any], step: int) -> list[tuple[str, int, float]]:
    """Return every single number among scores, with the ends of its interval."""
    points = []
    for name, score in scores.items():
        if not isinstance(score, Mapping) or "value" not in score:
            continue
        for end in ("value", "low", "high"):
            if score.get(end) is not None:
                behind = "" if end == "value" else f"_{end}"
                points.append((f"{prefix}/{name}{behind}", step, float(score[end])))
    return points


def compared(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return in words how a finished run compares with its best baseline."""
    if not metrics:
        return {}
    tags = {"cistron.command": "crossval" if metrics.get("folds") else "fit"}
    if comparison := metrics.get("comparison"):
        verdict, beside = comparison["verdict"], comparison["baseline"]
        told = "not told apart from" if verdict == "undecided" else f"{verdict} than"
        tags["cistron.comparison"] = f"{told} {beside}"
    return tags
