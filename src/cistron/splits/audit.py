"""The leakage audit: whether what is tested is new to what was trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.samples import Samples, Sequences
from cistron.samples.letters import identical
from cistron.splits import PARTS, TEST, TRAIN, Split
from cistron.splits.allocate import balance
from cistron.splits.search import EngineName, Progress, Search, find_similar, silent
from cistron.splits.shortcuts import composition_features, length_features, separability
from cistron.splits.strands import either_strand

Verdict = Literal["pass", "warn", "fail", "skipped"]
BINS = ((0.0, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0))
EXAMPLES = 5
QUERY_COVERED = 0.5  # of a test sequence, for a training hit to count as its relative


@dataclass(frozen=True)
class Check:
    """One thing the audit looked for.

    Parameters
    ----------
    name : str
    verdict : {"pass", "warn", "fail", "skipped"}
    summary : str
        One sentence with the numbers.
    details : dict
        More of them, as JSON types.
    """

    name: str
    verdict: Verdict
    summary: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NearestHomolog:
    """The training sequence most similar to each test sequence.

    Parameters
    ----------
    row : ndarray of int64, shape (tested,)
        Row of the best hit (highest bits) among all samples; -1 without a hit.
    identity, query_coverage, target_coverage : ndarray of float, shape (tested,)
        Of that hit; 0 without one.
    similar : ndarray of bool, shape (tested,)
        Whether any training sequence has 30 % identity (or what the engine guards from) over 80 %
        of both.
    engine : str
    guards_from : float
        Identity from which the search finds nearly every relative.
    """

    row: NDArray[np.int64]
    identity: NDArray[np.float64]
    query_coverage: NDArray[np.float64]
    target_coverage: NDArray[np.float64]
    similar: NDArray[np.bool_]
    engine: str
    guards_from: float


def nearest_training(
    samples: Samples,
    split: Split,
    *,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> NearestHomolog:
    """Find the training sequence most similar to each sequence of the test part."""
    return _nearest(
        samples.payload.take(split.rows(TEST)),
        samples.payload.take(split.rows(TRAIN)),
        split.rows(TRAIN),
        Search(engine=engine, threads=threads),
        progress,
    )


def audit(
    samples: Samples,
    split: Split,
    *,
    homology: bool = True,
    nearest: NearestHomolog | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Check a split for leakage and for shortcuts.

    Parameters
    ----------
    samples : Samples
        Labelled.
    split : Split
    homology : bool
        Whether to search test against training sequences.
    nearest : NearestHomolog, optional
        The result of that search, if it was made already.
    engine, threads, progress
        Of the search.

    Returns
    -------
    dict
        `verdict` ("clean", "warning" or "leak") and `checks`, as JSON types.
    """
    if homology and nearest is None:
        nearest = nearest_training(
            samples, split, engine=engine, threads=threads, progress=progress
        )
    part, train = split.part, samples.take(split.rows(TRAIN))
    units = split.units[split.rows(TRAIN)]
    return _report(
        [
            *_repeated(samples, part, PARTS),
            *_homology(samples, split, nearest),
            *_labels_of_groups(samples),
            _shortcut("length_shortcut", "Length", length_features, train, units, 0.6),
            _shortcut(
                "composition_shortcut", "Composition", composition_features, train, units, 0.7
            ),
            _dominant_groups(samples, split),
            _class_balance(samples, part, PARTS, split.rows(TEST).size > 0),
        ]
    )


def audit_folds(
    samples: Samples,
    split: Split,
    *,
    homology: bool = True,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Check the folds of a cross-validation: each is tested on a model of all the others."""
    names = [f"fold {k}" for k in range(split.folds)]
    nearest = None
    if homology:
        nearest = _nearest_in_other_folds(
            samples, split, Search(engine=engine, threads=threads), progress
        )
    everything = Split(
        np.where(split.fold >= 0, TEST, -1).astype(np.int8), split.fold, split.units, split.reason
    )
    return _report(
        [
            *_repeated(samples, split.fold, names),
            *_homology(samples, everything, nearest),
            *_labels_of_groups(samples),
            _shortcut("length_shortcut", "Length", length_features, samples, split.units, 0.6),
            _shortcut(
                "composition_shortcut",
                "Composition",
                composition_features,
                samples,
                split.units,
                0.7,
            ),
            _dominant_groups(samples, split),
            _class_balance(samples, split.fold, names, True),
        ]
    )


def audit_external(
    samples: Samples,
    external: Samples,
    *,
    homology: bool = True,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Check whether a set from elsewhere is new to a classifier trained on all samples.

    Parameters
    ----------
    samples : Samples
        What is trained on.
    external : Samples
        Labelled with the same classes, or unlabelled.
    homology, engine, threads, progress
        As in `audit`.
    """
    n = len(samples)
    payload = Sequences.stack([samples.payload, external.payload])
    part = np.repeat([TRAIN, TEST], [n, len(external)]).astype(np.int8)
    table = pd.concat([samples.table, external.table], ignore_index=True)
    both = Samples(table, payload, samples.classes)
    split = Split(part, np.full(len(part), -1, np.int16), np.arange(len(part)), "external")
    nearest = (
        nearest_training(both, split, engine=engine, threads=threads, progress=progress)
        if homology
        else None
    )
    checks = _repeated(both, part, PARTS)
    if external.classes:
        number = identical(payload)
        known = np.isin(number[n:], number[:n])
        shares = {
            name: float(known[(external.table["label"] == name).to_numpy()].mean())
            for name in external.classes
        }
        first = checks[0]
        said = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        details = {**first.details, "share_by_class": shares}
        checks[0] = Check(
            first.name, first.verdict, f"{first.summary} Known by class: {said}.", details
        )
    return _report([*checks, *_homology(both, split, nearest, bool(external.classes))])


def _report(checks: Sequence[Check]) -> dict[str, Any]:
    verdicts = {check.verdict for check in checks}
    verdict = "leak" if "fail" in verdicts else "warning" if "warn" in verdicts else "clean"
    return {"verdict": verdict, "checks": [asdict(check) for check in checks]}


def _repeated(samples: Samples, part: NDArray[np.integer], names: Sequence[str]) -> list[Check]:
    """Return the checks for anything that stands in two parts although it should not."""
    checks = []
    used = part >= 0
    same = identical(samples.payload)
    rows = _divided(same, part, used)
    where = "tested and trained on" if "train" in names else "in two folds"
    checks.append(
        Check(
            "exact_duplicates",
            "fail" if len(rows) else "pass",
            f"{len(rows):,} sequences stand in two parts letter by letter."
            if len(rows)
            else f"No sequence is both {where}.",
            {"samples": len(rows), "examples": samples.ids[rows[:EXAMPLES]].tolist()},
        )
    )
    if samples.payload.alphabet.name == "dna":
        rows = np.setdiff1d(_divided(either_strand(samples.payload), part, used), rows)
        checks.append(
            Check(
                "reverse_complements",
                "fail" if len(rows) else "pass",
                f"{len(rows):,} sequences have their reverse complement in another part."
                if len(rows)
                else "No sequence has its reverse complement in another part.",
                {"samples": len(rows), "examples": samples.ids[rows[:EXAMPLES]].tolist()},
            )
        )
    columns = [c for c in samples.groups if not set(samples.table[c].astype(str)) <= set(names)]
    found = {}
    for column in columns:
        rows = _divided(samples.group([column]), part, used)
        values = samples.table[column].to_numpy()[rows]
        if len(rows):
            found[column] = {
                "values": len(set(values)),
                "samples": len(rows),
                "examples": sorted({str(v) for v in values})[:EXAMPLES],
            }
    said = "; ".join(
        f"{f['values']:,} values of {column} ({f['samples']:,} samples)"
        for column, f in found.items()
    )
    summary = "There are no group columns."
    if columns:
        summary = f"In two parts: {said}." if found else f"No {' or '.join(columns)} is divided."
    verdict: Verdict = "fail" if found else "pass" if columns else "skipped"
    checks.append(Check("shared_groups", verdict, summary, found))
    return checks


def _divided(
    units: NDArray[np.int64], part: NDArray[np.integer], used: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the rows of the units that stand in more than one part."""
    table = pd.DataFrame({"unit": units[used], "part": part[used]})
    several = table.groupby("unit")["part"].nunique()
    return np.flatnonzero(used & np.isin(units, several.index[several > 1].to_numpy()))


def _nearest(
    queries: Sequences,
    targets: Sequences,
    rows: NDArray[np.int64],
    search: Search,
    progress: Progress,
) -> NearestHomolog:
    hits = find_similar(queries, targets, search, progress)
    best, first = np.unique(hits.query, return_index=True)  # the highest bits stand first
    row = np.full(len(queries), -1, dtype=np.int64)
    row[best] = rows[hits.target[first]]

    def of_best(values: NDArray[np.float64]) -> NDArray[np.float64]:
        filled = np.zeros(len(queries))
        filled[best] = values[first]
        return filled

    similar = np.zeros(len(queries), dtype=bool)
    similar[hits.query[hits.at_least(search.guards_from, 0.8)]] = True
    return NearestHomolog(
        row,
        of_best(hits.identity),
        of_best(hits.query_coverage),
        of_best(hits.target_coverage),
        similar,
        search.chosen_engine,
        search.guards_from,
    )


def _nearest_in_other_folds(
    samples: Samples, split: Split, search: Search, progress: Progress
) -> NearestHomolog:
    parts = []
    for fold in range(split.folds):
        inside, rest = np.flatnonzero(split.fold == fold), np.flatnonzero(split.fold != fold)
        parts.append(
            (
                inside,
                _nearest(
                    samples.payload.take(inside), samples.payload.take(rest), rest, search, progress
                ),
            )
        )
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    columns = [
        np.concatenate([getattr(found, name) for _, found in parts])[order]
        for name in ("row", "identity", "query_coverage", "target_coverage", "similar")
    ]
    row, identity, query_coverage, target_coverage, similar = columns
    return NearestHomolog(
        row,
        identity,
        query_coverage,
        target_coverage,
        similar,
        search.chosen_engine,
        search.guards_from,
    )


def _homology(
    samples: Samples, split: Split, nearest: NearestHomolog | None, labelled: bool = True
) -> list[Check]:
    if nearest is None:
        return [
            Check(name, "skipped", "The search of test against training sequences was left out.")
            for name in ("similar_sequences", "nearest_homolog")
        ]
    return [_similar_sequences(nearest), *([_copied(samples, split, nearest)] if labelled else [])]


def _similar_sequences(nearest: NearestHomolog) -> Check:
    n = max(len(nearest.row), 1)
    hit = (nearest.row >= 0) & (nearest.query_coverage >= QUERY_COVERED)
    bins = [{"bin": "no hit", "n": int((~hit).sum()), "share": float((~hit).sum() / n)}]
    for low, high in BINS:
        last = high == BINS[-1][1]
        inside = hit & (nearest.identity >= low) & ((nearest.identity < high) | last)
        name = f"below {high:.0%}" if low == 0 else f"{low:.0%} to {high:.0%}"
        bins.append({"bin": name, "n": int(inside.sum()), "share": float(inside.sum() / n)})
    share = float(nearest.similar.mean()) if len(nearest.row) else 0.0
    summary = (
        f"{share:.1%} of the test sequences have a training sequence of at least "
        f"{nearest.guards_from:.0%} identity over 80% of both; "
        f"{float(hit.mean()) if len(hit) else 0.0:.1%} have any significant relative over half "
        "their length."
    )
    if nearest.engine == "kmers":
        summary += " The built-in search sees relatives from 50% identity only."
    details = {
        "bins": bins,
        "share_similar": share,
        "share_with_hit": float((nearest.row >= 0).mean()) if len(nearest.row) else 0.0,
        "engine": nearest.engine,
        "guards_from": nearest.guards_from,
    }
    return Check("similar_sequences", "warn" if share > 0.01 else "pass", summary, details)


def _copied(samples: Samples, split: Split, nearest: NearestHomolog) -> Check:
    """Score copying the label of the best training hit; the majority class where there is none."""
    from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef

    targets, rows = samples.targets, split.rows(TEST)
    truth = targets[rows]
    learned = targets[split.rows(TRAIN)] if len(split.rows(TRAIN)) else targets
    majority = int(np.bincount(learned[learned >= 0]).argmax())
    hit = nearest.row >= 0
    copied = np.where(hit, targets[nearest.row], majority)
    mcc = float(matthews_corrcoef(truth, copied))
    right = copied == truth
    with_hit = float(right[hit].mean()) if hit.any() else 0.0
    details = {
        "share_with_hit": float(hit.mean()),
        "accuracy_with_hit": with_hit,
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(balanced_accuracy_score(truth, copied)),
        "mcc": mcc,
    }
    summary = (
        f"Copying the label of the nearest training sequence scores MCC {mcc:.2f}, accuracy "
        f"{details['accuracy']:.1%}; {hit.mean():.1%} of the test sequences have one, and it is "
        f"right for {with_hit:.1%} of them."
    )
    return Check("nearest_homolog", "warn" if mcc > 0.2 else "pass", summary, details)


def _labels_of_groups(samples: Samples) -> list[Check]:
    found, worst = {}, 0.0
    for column in samples.groups:
        table = pd.DataFrame({"group": samples.group([column]), "label": samples.targets})
        facts = table.groupby("group")["label"].agg(["size", "nunique"])
        facts = facts[facts["size"] > 1]
        if len(facts) > 1:
            share = float((facts["nunique"] == 1).mean())
            found[column] = {"groups": len(facts), "share_with_one_label": share}
            worst = max(worst, share)
    if not found:
        return [Check("group_labels", "skipped", "No group has several members.")]
    said = "; ".join(
        f"{f['share_with_one_label']:.0%} of {f['groups']:,} values of {column} carry one label"
        for column, f in found.items()
    )
    advice = " The label is a property of the group: split by it." if worst > 0.9 else ""
    return [Check("group_labels", "warn" if worst > 0.9 else "pass", f"{said}.{advice}", found)]


def _shortcut(
    name: str,
    subject: str,
    features: Callable[[Samples], NDArray[np.float64]],
    samples: Samples,
    units: NDArray[np.int64],
    limit: float,
) -> Check:
    found = separability(features(samples), samples.targets, units)
    area = found["roc_auc"]
    if np.isnan(area):
        return Check(name, "skipped", "Too few units for folds of every class.")
    summary = f"{subject} alone tells the classes with ROC AUC {area:.2f} (chance .50)."
    return Check(name, "warn" if area > limit else "pass", summary, found)


def _dominant_groups(samples: Samples, split: Split) -> Check:
    columns = {"unit of the split": split.units}
    columns |= {column: samples.group([column]) for column in samples.groups}
    targets = samples.targets
    found: dict[str, dict[str, float]] = {}
    worst = (0.0, "", "")
    for column, numbers in columns.items():
        if len(np.unique(numbers)) < 10 and column != "unit of the split":
            continue  # a column of few values is no group: each holds a large share
        found[column] = {}
        for k, name in enumerate(samples.classes):
            inside = numbers[targets == k]
            share = float(np.bincount(inside).max() / len(inside)) if len(inside) else 0.0
            found[column][name] = share
            worst = max(worst, (share, column, name))
    summary = f"The largest {worst[1]} holds {worst[0]:.1%} of class {worst[2]}."
    return Check("dominant_groups", "warn" if worst[0] > 0.2 else "pass", summary, found)


def _class_balance(
    samples: Samples, part: NDArray[np.integer], names: Sequence[str], tested: bool
) -> Check:
    targets = samples.targets
    found = balance(part, targets, names)
    missing = [
        (name, samples.classes[k])
        for number, name in enumerate(names)
        for k in range(len(samples.classes))
        if found[name]["samples"] and not ((part == number) & (targets == k)).any()
    ]
    worst = max(names, key=lambda name: found[name]["deviation"])
    deviation = found[worst]["deviation"]
    if missing:
        name, label = missing[0]
        verdict: Verdict = "warn" if name == "validation" else "fail"
        return Check("class_balance", verdict, f"Class {label} is missing from {name}.", found)
    if not tested:
        return Check("class_balance", "warn", "Nothing is held out for testing.", found)
    summary = f"Class shares deviate by at most {deviation:.1%} (in {worst})."
    return Check("class_balance", "warn" if deviation > 0.05 else "pass", summary, found)
