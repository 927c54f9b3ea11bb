"""A run directory as trackers see it: the run, its folds, repeats and trials, as they stand now."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any

from cistron.base.document import Document, Json
from cistron.base.errors import InputError
from cistron.base.files import resolved
from cistron.base.yaml_text import read_yaml
from cistron.experiment.run_folder import Run
from cistron.pipeline.tracking.tracker import Part, Point, State
from cistron.splits.audit.check import verdict_of
from cistron.targets.kinds import sign_of

INSIDE = {"folds": "fold", "repeats": "seed", "seeds": "seed", "nested/folds": "fold"}
"""Folders that hold trainings of their own → what these are told apart by."""
FILES = ("experiment.yaml", "metrics.json", "report.html")
TRIAL = ("trial", "state", "value", "seconds", "error")  # columns of trials.csv that are no values
STATES: dict[str, State] = {"complete": "finished", "pruned": "pruned"}  # other trials failed

Groups = Iterable[tuple[str, Json]]


def read_parts(run: Path, *, ended: bool) -> list[Part]:
    """Return what a run directory holds by now, each part behind the one that it is inside of.

    Once nobody works on it any more (`ended`), what is not finished was interrupted, and final
    scores and files are those of this run and not of the one that is being continued.

    Raises
    ------
    InputError
        If a file of the run is damaged.
    """
    try:
        metric = _json(run / "how.json").get("metric") or "score"
        return [_whole(run, metric, ended), *_inside(run, "", metric, ended)]
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"A file of {run} is damaged: {error!r}.") from error


def _whole(run: Path, metric: str, ended: bool) -> Part:
    searched = (run / "search.yaml").is_file()
    source = run / ("search.yaml" if searched else "experiment.yaml")
    experiment = read_yaml(source) if source.is_file() else {}
    how = {key: value for key, value in _json(run / "how.json").items() if key != "storage"}
    started = _json(run / "environment.json").get("started")
    ending = run / ("tuning.json" if searched else "metrics.json")
    results = _json(ending) if ended else {}
    points = _best(run, metric) if searched else _history(run)
    steps = len({point.step for point in points})
    if searched:
        steps = sum((results.get("trials") or {}).values())
    points += _scored(_groups(results, metric) if results else [], steps, _when(ending))
    split = str((experiment.get("split") or {}).get("kind"))
    return Part(
        name="",
        parent=None,
        params=_flat(experiment) | (_flat(how, "how") if searched else {}),
        tags=_tags(run, results, searched=searched) | {"cistron.split": split},
        points=points,
        state="running" if not ended else "finished" if results else "interrupted",
        complete=ended,
        begun=int(1000 * datetime.fromisoformat(started).timestamp()) if started else None,
        files=[run / name for name in FILES if ended and (run / name).is_file()],
    )


def _tags(run: Path, results: Json, *, searched: bool) -> dict[str, str]:
    known = _json(run / "environment.json").get("cistron")
    tags = {"cistron.version": known or version("cistron"), "cistron.run": resolved(run).name}
    if audit := _json(run / "audit.json"):
        tags["cistron.audit"] = verdict_of(audit)
    if searched or results:
        trained = "crossval" if results.get("folds") else "fit"
        tags["cistron.command"] = "tune" if searched else trained
    if comparison := results.get("comparison"):
        verdict = comparison["verdict"]
        words = "not told apart from" if verdict == "undecided" else f"{verdict} than"
        tags["cistron.comparison"] = f"{words} {comparison['baseline']}"
    return tags


def _inside(run: Path, parent: str, metric: str, ended: bool) -> Iterator[Part]:
    """Yield the trials of a search, and the trainings in the folders of a run."""
    yield from _trials(run / parent, parent, metric)
    for place, key in INSIDE.items():
        folder = run / parent / place
        folds = _json(folder.parent / "metrics.json").get("folds") or []
        for number in sorted(int(x.name) for x in folder.glob("*") if x.name.isdecimal()):
            inner, name = folder / str(number), f"{parent}/{place}/{number}".lstrip("/")
            end = inner / "predictions.parquet"
            listed: list[Document] = [fold for fold in folds if fold.get(key) == number]
            scores = _json(inner / "metrics.json").get("test") or next(iter(listed), {})
            points = _history(inner)
            points += _scored([("test", scores)], len({x.step for x in points}), _when(end))
            stopped: State = "interrupted" if ended else "running"
            state: State = "finished" if end.is_file() else stopped
            yield Part(name, parent, {key: number}, {}, points, state, ended)
            yield from _inside(run, name, metric, ended)


def _trials(folder: Path, parent: str, metric: str) -> Iterator[Part]:
    at = _when(folder / "trials.csv")
    for row in _rows(folder / "trials.csv"):
        seconds = _number(row["seconds"])
        yield Part(
            name=f"{parent}/trials/{row['trial']}".lstrip("/"),
            parent=parent,
            params={name: text for name, text in row.items() if name not in TRIAL and text},
            tags={name: row[name] for name in ("state", "error") if row[name]},
            points=_points({metric: _number(row["value"]), "seconds": seconds}, 0, at),
            state=STATES.get(row["state"], "failed"),
            complete=True,
            begun=at - int(1000 * (seconds or 0)),
        )


def _best(run: Path, metric: str) -> list[Point]:
    """Return the best score after each trial that came to its end."""
    scores = {int(row["trial"]): _number(row["value"]) for row in _rows(run / "trials.csv")}
    known = {trial: score for trial, score in scores.items() if score is not None}
    best = accumulate(known.values(), max if sign_of(metric) > 0 else min)
    at = _when(run / "trials.csv")
    return [Point(f"best/{metric}", *number, at) for number in zip(known, best, strict=True)]


def _history(folder: Path) -> list[Point]:
    """Return each epoch's numbers; a history joined from several trainings is theirs, not its own.

    An epoch's time is that of the file, less the seconds of the epochs after it.
    """
    points: list[Point] = []
    at = _when(folder / "history.csv")
    for row in reversed(_rows(folder / "history.csv")):
        if next(iter(row)) != "epoch":
            return []
        numbers = {name: _number(text) for name, text in row.items() if name != "epoch"}
        points += _points(numbers, int(row["epoch"]), at)
        at -= int(1000 * (numbers.get("seconds") or 0))
    return sorted(points, key=lambda point: point.step)


def _groups(results: Json, metric: str) -> Groups:
    """Yield the scores of a finished run or search, and what they are compared with."""
    if "trials" in results:
        nested = results.get("nested") or {}
        optimism = {"value": nested.get("optimism")}
        yield "nested", {metric: nested.get("score"), "optimism": optimism}
        return
    headline = results["headline"]
    yield "test", results["test"]
    for name, scores in (results.get("baselines") or {}).items():
        yield f"baseline/{name}", {headline: scores.get(headline)}
    if comparison := results.get("comparison"):
        yield "comparison", {comparison["metric"]: comparison["difference"]}
    if second := results.get("second"):
        yield f"test_{second['name']}", second["test"]
    for name, spread in (results.get("spread") or {}).items():
        yield "repeats", {f"{name}_{end}": {"value": spread[end]} for end in ("mean", "sd")}


def _scored(groups: Groups, step: int, at: int) -> list[Point]:
    """Return every single number among groups of scores, with the ends of its interval."""
    return [
        Point(f"{group}/{name}{behind}", step, float(score[end]), at)
        for group, scores in groups
        for name, score in scores.items()
        if isinstance(score, Mapping) and "value" in score
        for end, behind in (("value", ""), ("low", "_low"), ("high", "_high"))
        if score.get(end) is not None
    ]


def _points(numbers: Mapping[str, float | None], step: int, at: int) -> list[Point]:
    return [Point(name, step, x, at) for name, x in numbers.items() if x is not None]


def _flat(document: Any, path: str = "") -> Document:
    """Return the values of a document by dotted key; ranges of a search and lists stay whole."""
    keys = set(document) if isinstance(document, dict) else set()
    if not keys or "choices" in keys or keys >= {"low", "high"}:
        return {path: document}
    flat: Document = {}
    for key, value in document.items():
        flat |= _flat(value, f"{path}.{key}".lstrip("."))
    return flat


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _json(path: Path) -> Document:
    return Run(path.parent).read_json(path.name) if path.is_file() else {}


def _number(text: str) -> float | None:
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None


def _when(path: Path) -> int:
    return path.stat().st_mtime_ns // 10**6 if path.is_file() else 0
