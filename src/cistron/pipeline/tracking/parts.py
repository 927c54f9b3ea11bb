"""A run directory as trackers see it: the run, its folds, repeats and trials, as they stand now."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from cistron.base.errors import InputError
from cistron.experiment.run_folder import Run
from cistron.pipeline.tracking.scores import compared, final, scored
from cistron.targets.kinds import sign_of

INSIDE = {"folds": "fold", "repeats": "seed", "seeds": "seed", "nested/folds": "fold"}
"""Folders that hold trainings of their own → what these are told apart by."""
FILES = ("experiment.yaml", "metrics.json", "report.html")
FOLLOWED = ("history.csv", "predictions.parquet", "trials.csv", "audit.json", "metrics.json")
TRIAL = ("trial", "state", "value", "seconds", "error")  # columns of trials.csv that are no values

State = Literal["running", "finished", "pruned", "failed", "interrupted"]


class Point(NamedTuple):
    """A number at a step: of an epoch, of a trial, or of the end."""

    name: str
    step: int
    value: float
    at: int
    """When it was made, in milliseconds since 1970."""


@dataclass(frozen=True)
class Part:
    """A run, or one training or trial inside of it.

    Parameters
    ----------
    name : str
        Where it stands: "" is the run itself, then "folds/0", "repeats/2/folds/0", "trials/3".
    parent : str or None
        Name of the part that it is inside of.
    params : dict
        Settings, by dotted key.
    tags : dict
    points : tuple of Point
        Each epoch's history, then scores.
    state : str
    complete : bool
        Whether no more will come.
    begun : int or None
        In milliseconds since 1970; None where it is not known.
    files : tuple of Path
        What is to be kept beside the numbers.
    """

    name: str
    parent: str | None
    params: dict[str, Any]
    tags: dict[str, str]
    points: tuple[Point, ...]
    state: State
    complete: bool
    begun: int | None = None
    files: tuple[Path, ...] = ()


def read_parts(run: Path, *, ended: bool) -> list[Part]:
    """Return what a run directory holds by now, each part behind the one that it is inside of.

    Parameters
    ----------
    run : Path
    ended : bool
        Whether nobody works on it any more: what is not finished then was interrupted, and final
        scores and files are those of this run and not of the one that is being continued.

    Raises
    ------
    InputError
        If a file of the run is damaged.
    """
    try:
        return [_whole(run, ended), *_inside(run, run, "", ended)]
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"A file of {run} is damaged: {error!r}.") from error


def stamp(run: Path) -> dict[Path, int]:
    """Return when each file that is followed was last written, in nanoseconds."""
    places = [run, *(folder for folder, _, _ in _trainings(run))]
    files = [folder / name for folder in places for name in FOLLOWED]
    return {file: file.stat().st_mtime_ns for file in files if file.is_file()}


def _whole(run: Path, ended: bool) -> Part:
    search = _yaml(run / "search.yaml")
    experiment = search or _yaml(run / "experiment.yaml")
    environment, metrics = _json(run / "environment.json"), _json(run / "metrics.json")
    tags = {
        "cistron.version": environment.get("cistron") or version("cistron"),
        "cistron.run": run.resolve().name,
        "cistron.split": str((experiment.get("split") or {}).get("kind")),
    }
    if audit := _json(run / "audit.json"):
        tags["cistron.audit"] = audit["verdict"]
    points = [] if search else _history(run)
    files: tuple[Path, ...] = ()
    params = _flat(experiment)
    if search:
        params |= _flat({k: v for k, v in _json(run / "how.json").items() if k != "storage"}, "how")
        points += _curve(run)
    if ended:
        files = tuple(run / name for name in FILES if (run / name).is_file())
        if search:
            found, at = _search_scores(run)
            tags["cistron.command"] = "tune"
        else:
            found, at = final(metrics, len({p.step for p in points})), _when(run / "metrics.json")
            tags |= compared(metrics)
        points += [Point(name, step, value, at) for name, step, value in found]
    done = run / ("tuning.json" if search else "metrics.json")
    state: State = "running" if not ended else "finished" if done.is_file() else "interrupted"
    return Part("", None, params, tags, tuple(points), state, ended, _begun(environment), files)


def _inside(run: Path, folder: Path, parent: str, ended: bool) -> Iterator[Part]:
    """Yield the trials of a search, and the trainings in the folders of a run."""
    yield from _trials(folder, parent, _metric(run))
    for inner, key, number in _trainings(folder, deep=False):
        name = inner.relative_to(run).as_posix()
        scores = _json(inner / "metrics.json").get("test") or _scores_in_list(inner, key, number)
        history = _history(inner)
        finished = (inner / "predictions.parquet").is_file()
        points = [
            Point(*point, _when(inner / "predictions.parquet"))
            for point in scored("test", scores, len({p.step for p in history}))
        ]
        yield Part(
            name,
            parent,
            {key: number},
            {},
            (*history, *points),
            "finished" if finished else "interrupted" if ended else "running",
            ended,
        )
        yield from _inside(run, inner, name, ended)


def _trainings(folder: Path, *, deep: bool = True) -> Iterator[tuple[Path, str, int]]:
    """Yield the folders of trainings inside of one, with what each is told apart by."""
    for place, key in INSIDE.items():
        if not (folder / place).is_dir():
            continue
        numbered = [inner for inner in (folder / place).iterdir() if inner.name.isdecimal()]
        for inner in sorted(numbered, key=lambda one: int(one.name)):
            yield inner, key, int(inner.name)
            if deep:
                yield from _trainings(inner)


def _scores_in_list(folder: Path, key: str, number: int) -> Mapping[str, Any]:
    """Return the scores of a fold, which stand in the metrics.json of the whole."""
    listed = _json(folder.parents[1] / "metrics.json").get("folds") or []
    return next((scores for scores in listed if scores.get(key) == number), {})


def _trials(folder: Path, parent: str, metric: str) -> Iterator[Part]:
    path = folder / "trials.csv"
    states: dict[str, State] = {"complete": "finished", "pruned": "pruned"}
    for row in _rows(path):
        at, seconds, value = _when(path), _number(row["seconds"]), _number(row["value"])
        tags = {"state": row["state"]} | ({"error": row["error"]} if row["error"] else {})
        numbers = {metric: value, "seconds": seconds}
        yield Part(
            f"{parent}/trials/{row['trial']}".lstrip("/"),
            parent,
            {name: text for name, text in row.items() if name not in TRIAL and text},
            tags,
            tuple(Point(name, 0, x, at) for name, x in numbers.items() if x is not None),
            states.get(row["state"], "failed"),
            True,
            at - int(1000 * (seconds or 0)),
        )


def _curve(run: Path) -> list[Point]:
    """Return the best score after each trial that came to its end."""
    metric, at = _metric(run), _when(run / "trials.csv")
    better = max if sign_of(metric) > 0 else min
    points: list[Point] = []
    for row in _rows(run / "trials.csv"):
        value = _number(row["value"])
        if value is not None:
            best = better(value, points[-1].value) if points else value
            points.append(Point(f"best/{metric}", int(row["trial"]), best, at))
    return points


def _metric(run: Path) -> str:
    return str(_json(run / "how.json").get("metric") or "score")


def _search_scores(run: Path) -> tuple[list[tuple[str, int, float]], int]:
    """Return the honest score of a search where it was made, and when."""
    found = _json(run / "tuning.json")
    nested, step = found.get("nested") or {}, sum((found.get("trials") or {}).values())
    points = scored("nested", {_metric(run): nested.get("score")}, step)
    if nested.get("optimism") is not None:
        points.append(("nested/optimism", step, nested["optimism"]))
    return points, _when(run / "tuning.json")


def _history(folder: Path) -> list[Point]:
    """Return each epoch's numbers; a history joined from several trainings is theirs, not its own.

    An epoch's time is that of the file, less the seconds of the epochs after it.
    """
    rows = _rows(folder / "history.csv")
    if not rows or next(iter(rows[0])) != "epoch":
        return []
    points, at = [], float(_when(folder / "history.csv"))
    for row in reversed(rows):
        numbers = {name: _number(text) for name, text in row.items() if name != "epoch"}
        points.append(
            [
                Point(name, int(row["epoch"]), value, int(at))
                for name, value in numbers.items()
                if value is not None
            ]
        )
        at -= 1000 * (numbers.get("seconds") or 0)
    return [point for epoch in reversed(points) for point in epoch]


def _flat(document: Any, path: str = "") -> dict[str, Any]:
    """Return the values of a document by dotted key; ranges of a search and lists stay whole."""
    if not isinstance(document, dict) or not document or "choices" in document:
        return {path: document}
    if "low" in document and "high" in document:
        return {path: document}
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= _flat(value, f"{path}.{key}".lstrip("."))
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _json(path: Path) -> dict[str, Any]:
    return Run(path.parent).read_json(path.name) if path.is_file() else {}


def _yaml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _number(text: str) -> float | None:
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None


def _when(path: Path) -> int:
    return path.stat().st_mtime_ns // 10**6 if path.is_file() else 0


def _begun(environment: Mapping[str, Any]) -> int | None:
    started = environment.get("started")
    return int(1000 * datetime.fromisoformat(started).timestamp()) if started else None
