"""The history of training."""

from __future__ import annotations

import pandas as pd

from cistron import figures
from cistron.figures.numbers import count
from cistron.report.html import duration
from cistron.report.names import label
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown


def training(content: Content) -> Shown | None:
    """Show the history of training; None where there is none."""
    table = content.history
    if table is None:
        return None
    names = [str(name) for name in table.columns]
    watched = [n.removeprefix("validation_") for n in names if n.startswith("validation_")]
    watched = [name for name in watched if name != "loss"]
    main = content.metrics["headline"]
    metric = main if main in watched else next(iter(watched), "")
    keys = [key for key in ("repeat", "fold") if key in table]
    renamed = table.rename(columns={f"validation_{metric}": f"validation_{label(metric)}"})
    return {
        "figure": figures.history(renamed, label(metric)),
        "epochs": count(len(table)),
        "times": count(len(table[keys].drop_duplicates())) if keys else None,
        "each": "fold" if "fold" in keys else "training",
        "kept": _kept(content),
        "restarts": _restarts(table),
        "started": _started(content),
        "time": duration(float(table["seconds"].sum())) if "seconds" in table else None,
    }


def _started(content: Content) -> list[str]:
    """Return what the weights started from, and what is to be known of it."""
    start = (content.environment or {}).get("start_from") or {}
    return [start["sentence"], *start["notes"]] if start else []


def _restarts(table: pd.DataFrame) -> str:
    """Return how often training began again, at most; empty where it did not."""
    most = int(table["restart"].max()) if "restart" in table else 0
    return {0: "", 1: "once", 2: "twice"}.get(most, f"{most} times")


def _kept(content: Content) -> str:
    """Return whose weights were kept, after "The weights of"."""
    settings = content.experiment.get("training") or {}
    monitor = settings.get("monitor", "loss")
    if settings.get("keep") == "last":
        return "the last epoch"
    if monitor == "loss":
        return "the epoch with the lowest validation loss"
    name = content.target.usual_metric if monitor == "metric" else monitor
    return f"the epoch with the highest {label(name)} of the validation part"


TRAINING = ReportSection("training", "Training", "Training", training, "sections/training.html")
