"""Runs side by side: on the same samples where they can be, and said so where they cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest
from cistron.evaluation.intervals import Interval
from cistron.evaluation.paired import Difference, compare_predictors
from cistron.experiment.run_folder import Run
from cistron.pipeline.tested import FEWEST_SHARED, Match, Tested, blocks, common, match, read_tested
from cistron.report.differences import conclusion, listed, sentence
from cistron.report.names import baseline
from cistron.splits.audit.check import CONFOUNDED, not_checked, state_of, verdict_of
from cistron.splits.components import components

NOT_SETTINGS = ("name", "training.device")


def compare_runs(
    paths: Sequence[str | Path],
    metric: str | None = None,
    *,
    resamples: int | None = None,
    seed: int = 1,
) -> Document:
    """Compare finished runs, pair by pair, on the samples that they tested.

    Runs are put into one table where all of them tested the same samples and none had an easier
    test than another; the differences within a table are paired. Between tables there are only
    scores with their own intervals, and the reason why.

    Parameters
    ----------
    paths : sequence of path
        Run directories of `fit` or `crossval`, in any order.
    metric : str, optional
        By which they are compared; the headline metric of the runs, if it is one, else MCC.
    resamples : int, optional
        Of the bootstrap; as many as the number of pairs asks for where not given.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        Of JSON types: `metric`, `classes`, `positive`, `runs` (what each is), `tables` (scores,
        differences, conclusion), `apart` (why runs are in different tables), `settings` (in which
        the experiments differ), `notes`.

    Raises
    ------
    InputError
        If the runs cannot be read or compared at all, or the metric is not scored.
    """
    runs = read_tested(paths)
    metric = _metric(runs, metric)
    pairs = list(combinations(runs, 2))
    matches = {(a.name, b.name): match(a, b) for a, b in pairs}
    made = blocks(runs, matches)
    tables = [_table(block, matches, metric, resamples, seed) for block in made]
    return {
        "metric": metric,
        "classes": runs[0].metrics["classes"],
        "positive": runs[0].metrics.get("positive"),
        "runs": [_about(run) for run in runs],
        "tables": tables,
        "apart": [
            f"The runs of tables {i + 1} and {j + 1} are not compared sample by sample: "
            + _apart(made[i], made[j], matches)
            for i, j in combinations(range(len(made)), 2)
        ],
        "settings": _settings(runs),
        "notes": _notes(runs, matches),
    }


def _metric(runs: Sequence[Tested], asked: str | None) -> str:
    scored = [k for k, v in runs[0].metrics["test"].items() if isinstance(v, dict) and "value" in v]
    headlines = {run.metrics["headline"] for run in runs}
    chosen = asked or (headlines.pop() if len(headlines) == 1 else "mcc")
    if chosen not in scored:
        raise InputError(
            f"--metric: {chosen!r} is not scored.{nearest(chosen, scored)} Use one of: "
            f"{', '.join(scored)}."
        )
    return chosen


def _table(
    block: Sequence[Tested],
    matches: Mapping[tuple[str, str], Match],
    metric: str,
    resamples: int | None,
    seed: int,
) -> Document:
    """Compare runs that can be compared, on the samples that all of them tested."""
    ids = common(run.labels.index for run in block)
    classes = [str(name) for name in block[0].metrics["classes"]]
    predictors = {run.name: run.probabilities.loc[ids, classes].to_numpy() for run in block}
    beside = _baselines(block, ids, classes)
    targets = pd.Index(classes).get_indexer(pd.Index(block[0].labels.loc[ids]))
    units, notes = _units(block, ids)
    found = compare_predictors(
        targets,
        {**predictors, **{name: shares for name, (_, shares) in beside.items()}},
        metric,
        units,
        aside=list(beside),
        resamples=resamples,
        seed=seed,
    )
    notes += [
        f"{run.name} tested {len(run.labels):,} samples; the scores are on the {len(ids):,} that "
        "all runs of this table tested."
        for run in block
        if len(run.labels) > len(ids)
    ]
    kinds = {name: kind for name, (kind, _) in beside.items()}
    return {
        "runs": [name for name in found.scores if name in predictors],
        "n": len(ids),
        "resampled": f"{found.units:,} {found.unit}" + (f" ({found.note})" if found.note else ""),
        "resamples": found.resamples,
        "scores": [
            {
                "name": name,
                "baseline": kinds.get(name),
                "group": found.letters.get(name, ""),
                **{m: _interval(value) for m, value in scores.items()},
            }
            for name, scores in found.scores.items()
        ],
        "overall": _number(found.overall) if len(block) > 1 else None,
        "differences": [_difference(d, metric, kinds) for d in found.differences],
        "conclusion": conclusion(found, list(predictors), metric, kinds),
        "warnings": _favours(block, matches),
        "notes": notes,
    }


def _baselines(
    block: Sequence[Tested], ids: pd.Index, classes: Sequence[str]
) -> dict[str, tuple[str, NDArray[np.float64]]]:
    """Return each different baseline of the runs: name → (kind, probabilities)."""
    found: dict[str, tuple[str, NDArray[np.float64]]] = {}
    for kind in sorted({kind for run in block for kind in run.baselines}):
        different: list[tuple[str, NDArray[np.float64]]] = []
        for run in block:
            if kind in run.baselines and ids.isin(run.baselines[kind].index).all():
                shares = run.baselines[kind].loc[ids, classes].to_numpy()
                if not any(np.allclose(shares, other) for _, other in different):
                    different.append((run.name, shares))
        for owner, shares in different:
            name = baseline(kind) + (f" ({owner})" if len(different) > 1 else "")
            found[name] = kind, shares
    return found


def _units(block: Sequence[Tested], ids: pd.Index) -> tuple[NDArray[np.int64], list[str]]:
    """Return what is resampled: what any run draws together, shape (len(ids),), and notes."""
    known = [run.units.loc[ids].to_numpy(np.int64) for run in block if run.units is not None]
    lacking = [run.name for run in block if run.units is None]
    units = components(known, len(ids))
    if not lacking:
        return units, []
    what = "those of the other runs are used" if known else "single samples are resampled"
    return units, [
        f"{listed(lacking)} kept no resampling units (made by an older version): {what}, and "
        "whether it trained on relatives of the samples it tested is not known."
    ]


def _difference(found: Difference, metric: str, kinds: Mapping[str, str]) -> Document:
    return {
        "first": found.first,
        "second": found.second,
        "difference": _interval(found.interval),
        "p": _number(found.p),
        "holm": _number(found.holm),
        "verdict": "better" if found.told_apart else "undecided",
        "sentence": sentence(found, metric, kinds),
    }


def _favours(block: Sequence[Tested], matches: Mapping[tuple[str, str], Match]) -> list[str]:
    """Return which comparisons of a table favour a run a little."""
    return [
        f"The comparison of {first.name} and {second.name} favours {_better(first, second, pair)}"
        for first, second in combinations(block, 2)
        if (pair := matches[first.name, second.name]).favour
    ]


def _better(first: Tested, second: Tested, pair: Match) -> str:
    names = (first.name, second.name) if pair.favour > 0 else (second.name, first.name)
    count = pair.first_knew if pair.favour > 0 else pair.second_knew
    return (
        f"{names[0]}, which trained on relatives of {count:,} of the {len(pair.shared):,} samples "
        f"that both tested; {names[1]} did not."
    )


def _apart(
    first: Sequence[Tested], second: Sequence[Tested], matches: Mapping[tuple[str, str], Match]
) -> str:
    """Say why two tables are not one."""
    pairs = {(a, b) if (a.name, b.name) in matches else (b, a) for a in first for b in second}
    found = [(a, b, matches[a.name, b.name]) for a, b in pairs]
    unfair = [one for one in found if one[2].enough and not one[2].fair]
    if unfair:
        a, b, pair = max(unfair, key=lambda one: (abs(one[2].favour), one[0].name, one[1].name))
        return f"that would favour {_better(a, b, pair)}"
    a, b, pair = min(found, key=lambda one: (len(one[2].shared), one[0].name, one[1].name))
    text = (
        f"{a.name} and {b.name} share {len(pair.shared):,} tested samples"
        if not pair.enough
        else f"too few samples were tested by all of them (as {a.name} and {b.name} were)"
    )
    text += f"; a paired comparison needs {FEWEST_SHARED}."
    for one, other in ((a, b), (b, a)):
        known = int(other.labels.index.isin(one.samples.index[one.trained]).sum())
        if known:
            text += (
                f" {one.name} trained on {known:,} of the {len(other.labels):,} samples that "
                f"{other.name} tested."
            )
    return text


def _about(run: Tested) -> Document:
    """Return what a run is, in a few words."""
    encoder, model, split = (run.experiment.get(k) or {} for k in ("encoder", "model", "split"))
    columns = split.get("columns") or split.get("column")
    by = ", ".join(columns) if isinstance(columns, list | tuple) else columns
    kind = str(split.get("kind")) + (f" by {by}" if by else "")
    if split.get("identity") is not None:
        kind += f" at {100 * split['identity']:g} %"
    repeats = len(run.metrics.get("repeats") or []) or 1
    folds = len(run.metrics.get("folds") or []) // repeats
    return {
        "name": run.name,
        "path": str(run.path),
        "encoder": encoder.get("kind"),
        "model": model.get("kind"),
        "split": kind,
        "folds": folds or None,
        "repeats": repeats,
        "tested": len(run.labels),
        "train_seconds": (run.environment.get("seconds") or {}).get("train"),
        "parameters": run.environment.get("parameters"),
        "seed": run.environment.get("seed"),
        **_audited(run),
    }


def _audited(run: Tested) -> Document:
    """Return what the audit of a run says; nothing where it has none."""
    if not (run.path / "audit.json").is_file():
        return {"audit": None, "audit_state": None, "not_checked": []}
    audit = Run(run.path).audit
    return {
        "audit": verdict_of(audit),
        "audit_state": state_of(audit),
        "not_checked": not_checked(audit),
    }


def _settings(runs: Sequence[Tested]) -> dict[str, Document]:
    """Return the keys in which the experiments differ: key → run → value."""
    flat = {run.name: _flat(run.experiment) for run in runs}
    keys = sorted({key for one in flat.values() for key in one} - set(NOT_SETTINGS))
    values = {key: {name: one.get(key) for name, one in flat.items()} for key in keys}
    return {key: own for key, own in values.items() if len({repr(v) for v in own.values()}) > 1}


def _flat(document: Any, path: str = "") -> Document:
    if not isinstance(document, dict):
        return {path: document}
    found: Document = {}
    for key, value in document.items():
        found |= _flat(value, f"{path}.{key}".lstrip("."))
    return found


def _notes(runs: Sequence[Tested], matches: Mapping[tuple[str, str], Match]) -> list[str]:
    notes = []
    for run in runs:
        if (audited := _audited(run))["not_checked"]:
            names = ", ".join(name.replace("_", " ") for name in audited["not_checked"])
            notes.append(f"The split of {run.name} is not fully checked (missing: {names}).")
        if audited["audit"] in ("leak", CONFOUNDED):
            notes.append(f"The audit of {run.name} says: {audited['audit']}.")
    both = [run.name for run in runs if run.metrics.get("second")]
    if both:
        notes.append(
            f"{listed(both)} learned a second target beside the class. Compared is the class "
            "alone; scores of the second stand in the report of each run."
        )
    if len({tuple(sorted((r.environment.get("sources") or {}).values())) for r in runs}) > 1:
        notes.append("The runs did not all read the same input files.")
    for (first, second), pair in matches.items():
        tables = [run.samples for run in runs if run.name in (first, second)]
        if all("length" in table for table in tables):
            one, other = (table["length"].loc[pair.shared].to_numpy() for table in tables)
            if (one != other).any():
                notes.append(
                    f"{(one != other).sum():,} samples that {first} and {second} both tested have "
                    "other lengths in the one than in the other: other windows, or other sequences "
                    "under the same id."
                )
    return notes


def _interval(value: Interval) -> dict[str, float | None]:
    return {key: _number(getattr(value, key)) for key in ("value", "low", "high")}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
