"""What each section of the report shows: figures, tables and a few sentences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from cistron import figures
from cistron.figures.numbers import THIN, count, decimal
from cistron.report import numbers, tables
from cistron.report.names import AVERAGES, METRICS, baseline, human, in_order, label
from cistron.report.read import Content
from cistron.report.tables import metric_names
from cistron.report.verdict import CALIBRATED, ROUGHLY
from cistron.targets.kinds import sign_of

_MACHINE = ("platform", "device", "threads", "seed", "seeds")
_NOT_VERSIONS = {*_MACHINE, "started", "seconds", "parameters", "command", "sources", "notes"}
_UNITS = {"protein": "residues", "dna": "bases"}

Section = dict[str, Any]
_OF_CLASSES = ("per_class", "class_bars", "confusion", "set_sizes", "curves", "mistakes")
WIDE = 6  # columns beyond which a table does not fit beside a figure


def main_metrics(content: Content) -> list[str]:
    """Return the headline metric and the ROC AUC (of numbers Pearson), as far as scored."""
    known = content.metrics["test"]
    area = next((m for m in ("roc_auc", "pearson") if m in known), "macro_roc_auc")
    wanted = dict.fromkeys((content.metrics["headline"], area))
    return [m for m in wanted if (known.get(m) or {}).get("value") is not None]


def headline(content: Content) -> Section:
    """Compare the model with its baselines."""
    metrics, test = content.metrics, content.metrics["test"]
    scored = {"Model": test}
    scored |= {baseline(name): scores for name, scores in metrics.get("baselines", {}).items()}
    forests = [
        figures.forest({n: s.get(metric) or {} for n, s in scored.items()}, label(metric), "Model")
        for metric in main_metrics(content)
    ]
    return {
        "forests": forests,
        "differences": _differences(content),
        "table": tables.all_scores(metrics),
        "resampled": test.get("resampled"),
    }


def _differences(content: Content) -> Section | None:
    found = content.metrics.get("comparison") or {}
    differences = found.get("differences") or {}
    rows = {
        label(metric): differences[metric]
        for metric in in_order(differences)
        if sign_of(metric) > 0 and (differences[metric] or {}).get("value") is not None
    }
    if not rows:
        return None
    name = baseline(found["baseline"]).lower()
    title, main = f"Model minus {name}", label(found["metric"])
    return {"figure": figures.forest(rows, title, main, reference=0.0), "baseline": name}


def data(content: Content) -> Section | None:
    """Show which samples there are, and which were left out."""
    used = content.used
    if used is None:
        return None
    by_part = numbers.numbers_by_part if content.quantity else tables.samples_by_part
    found = (by_part(content), tables.groups(content), tables.dropped(content))
    made = [table for table in found if table]
    wide = [table for table in made if len(table.columns) > WIDE]
    narrow = [table for table in made if len(table.columns) <= WIDE]
    result: Section = {"wide": wide, "narrow": narrow, "lengths": None}
    if "length" in used and used["length"].notna().any():
        known = used[used["length"].notna()]
        members = content.members(known["label"])
        lengths = {n: known.loc[members[n], "length"].to_numpy(float) for n in content.classes}
        lengths = lengths or {"All samples": known["length"].to_numpy(float)}
        unit = _UNITS.get(str(content.section("samples").get("alphabet")), "letters")
        result["lengths"] = figures.length_histogram(lengths, unit)
    return result


def audit(content: Content) -> Section | None:
    """Show every check of the split."""
    if not content.audit:
        return None
    checks = content.audit.get("checks", [])
    details = {check["name"]: check.get("details") or {} for check in checks}
    bins = details.get("similar_sequences", {}).get("bins")
    return {
        "checks": checks,
        "split": content.audit.get("split") or {},
        "bins": figures.identity_bins(bins) if bins else None,
    }


def scores(content: Content) -> Section:
    """Show what was called what: by class, confusion, curves, the worst mistakes."""
    test, classes = content.metrics["test"], content.classes
    none: Section = dict.fromkeys(("numbers", *_OF_CLASSES))
    if content.quantity:
        return {**none, **numbers.scores(content)}
    confusion = None
    if test.get("confusion"):
        confusion = {
            "figure": figures.confusion_matrix(test["confusion"], classes),
            "table": tables.confusion(test, classes),
            "numbered": len(classes) > figures.NAMED_COLUMNS,
        }
    return {
        **none,
        "per_class": tables.per_class(test, classes, content.metrics.get("thresholds") or {}),
        "class_bars": _class_bars(content),
        "confusion": confusion,
        "set_sizes": tables.set_sizes(test),
        "curves": _curves(content),
        "mistakes": tables.mistakes(content),
    }


def _class_bars(content: Content) -> list[str]:
    """Draw F1 and MCC of every class with their intervals."""
    found = content.metrics["test"].get("per_class") or {}
    known = {n: found[n] for n in content.classes if (found.get(n) or {}).get("intervals")}
    sizes = {name: row.get("n") or 0 for name, row in known.items()}
    return [
        figures.class_bars({n: r["intervals"][m] for n, r in known.items()}, label(m), sizes)
        for m in ("f1", "mcc")
        if known
    ]


def _curves(content: Content) -> dict[str, str]:
    """Draw the curves of every class; with two classes, of the positive one."""
    test, positive = content.metrics["test"], content.metrics.get("positive")
    curves, per_class = test.get("curves") or {}, test.get("per_class") or {}
    named = [positive] if positive in curves else [n for n in content.classes if n in curves]
    total = test.get("n") or 1
    shares = {name: (row.get("n") or 0) / total for name, row in per_class.items()}
    drawn = {}
    for kind, area in (("roc", "roc_auc"), ("pr", "pr_auc")):
        chosen: dict[str, Mapping[str, Any]] = {
            str(name): curves[name][kind]
            for name in named
            if (curves[name].get(kind) or {}).get("x")
        }
        areas = {name: per_class.get(name, {}).get(area) for name in chosen}
        if chosen and kind == "roc":
            drawn[kind] = figures.roc_curves(chosen, areas)
        elif chosen:
            drawn[kind] = figures.pr_curves(chosen, areas, shares)
    return drawn


def calibration(content: Content) -> Section | None:
    """Show whether probabilities mean what they say."""
    test = content.metrics["test"]
    bins = [row for row in test.get("calibration") or [] if row.get("n")]
    if not bins:
        return None
    said = [f"{label(m)} {_with_interval(test[m])}" for m in ("ece", "brier") if test.get(m)]
    return {
        "figure": figures.reliability(bins),
        "numbers": said,
        "limits": (decimal(CALIBRATED), decimal(ROUGHLY)),
    }


def _with_interval(score: Mapping[str, Any]) -> str:
    text = decimal(score.get("value"), 3)
    if score.get("low") is not None and score.get("high") is not None:
        text += f" (95{THIN}% interval {decimal(score['low'], 3)} to {decimal(score['high'], 3)})"
    return text


def folds(content: Content) -> Section | None:
    """Show every fold of a cross-validation."""
    entries = content.metrics.get("folds")
    if not entries:
        return None
    drawn = []
    for metric in main_metrics(content):
        rows = [{**(e.get(metric) or {}), "fold": e.get("fold"), "n": e.get("n")} for e in entries]
        drawn.append(figures.folds(rows, content.metrics["test"][metric], label(metric)))
    spread = _spread(entries, content.metrics["headline"])
    return {"figures": drawn, "table": tables.folds(content.metrics), "spread": spread}


def repeats(content: Content) -> Section | None:
    """Show every repeat, and how much the seed matters."""
    entries = content.metrics.get("repeats")
    if not entries:
        return None
    drawn = []
    for metric in main_metrics(content):
        rows = [{**(e.get(metric) or {}), "fold": e["seed"], "n": e["n"]} for e in entries]
        pooled = content.metrics["test"][metric]
        drawn.append(figures.folds(rows, pooled, label(metric), "Seed"))
    return {
        "n": count(len(entries)),
        "figures": drawn,
        "table": tables.repeats(content.metrics),
        "spread": _spread(entries, content.metrics["headline"]),
    }


def _spread(entries: list[dict[str, Any]], metric: str) -> str:
    """Return "MCC 0.61 ± 0.03" over folds or repeats; empty for fewer than two numbers."""
    values = [(entry.get(metric) or {}).get("value") for entry in entries]
    known = np.array([value for value in values if value is not None])
    if len(known) < 2:
        return ""
    return f"{label(metric)} {decimal(known.mean())} ± {decimal(known.std(ddof=1))}"


def groups(content: Content) -> list[tables.Table]:
    """Show in which groups the calls are worst."""
    found = content.metrics["test"].get("groups") or {}
    relatives = content.metrics["test"].get("relatives") or {}
    made = [tables.relatives(content.metrics, column) for column in relatives]
    made += [tables.worst_groups(column, entries) for column, entries in found.items()]
    return [table for table in made if table.rows]


def training(content: Content) -> Section | None:
    """Show the history of training."""
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
        "time": duration(float(table["seconds"].sum())) if "seconds" in table else None,
    }


def duration(seconds: float) -> str:
    """Write a time: 4.2 s, 3 min 20 s, 1 h 12 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def predict(content: Content) -> Section:
    """Say how to use the classifier of the run."""
    kind = content.section("samples").get("kind")
    new = {"table": "new.csv", "cells": "new.h5ad"}.get(str(kind), "new.fasta")
    command = f"cistron predict {shlex.quote(content.folder)} {new} --out predictions.tsv"
    return {"command": command, "possible": content.has_model}


def provenance(content: Content) -> Section | None:
    """Say with what, on what and from what the run was made."""
    found = content.environment
    if not found:
        return None
    versions = [(k, str(v)) for k, v in found.items() if k not in _NOT_VERSIONS and v is not None]
    machine = [(human(k), str(found[k])) for k in _MACHINE if found.get(k) is not None]
    if found.get("started"):
        time = str(found["started"]).replace("T", " ").replace("+00:00", " UTC")
        machine.append(("Started", time))
    if found.get("parameters") is not None:
        machine.append(("Parameters", count(found["parameters"])))
    stages = found.get("seconds") or {}
    times = [(human(stage), duration(value)) for stage, value in stages.items()]
    if len(times) > 1:
        times.append(("All", duration(sum(stages.values()))))
    sources = (found.get("sources") or {}).items()
    return {
        "facts": [
            tables.facts("Software.", versions),
            tables.facts("Hardware and seed.", machine),
            tables.facts("Wall time.", times),
        ],
        "sources": tables.facts("Input files and their sha256.", sources),
        "command": found.get("command"),
    }


def glossary(content: Content) -> list[tuple[str, str]]:
    """Return every metric of the page with what it means."""
    per_class = content.metrics["test"].get("per_class") or {}
    names = {*metric_names(content.metrics["test"])}
    names |= {metric for row in per_class.values() for metric in row}
    own = {name.removeprefix(f"{a}_") for name in names for a in ("", *AVERAGES)}
    terms = [METRICS[name] for name in METRICS if name in own]
    averaged = [a for a in AVERAGES if any(name.startswith(f"{a}_") for name in names)]
    return terms + [(human(name), AVERAGES[name]) for name in averaged]
