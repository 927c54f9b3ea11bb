"""The audit's checks for shortcuts: what tells the label without any biology of the sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.samples.sequences.composition import composition, length_features
from cistron.splits.allocate import allocate, balance
from cistron.splits.audit.check import CERTAIN, FAIL, PASS, SKIPPED, WARN, Check, Context
from cistron.splits.audit.number_checks import Features, balance_of_quintiles, number_shortcut
from cistron.splits.split import PARTS

FOLDS = 5
MOST_SAMPLES = 20_000  # more do not change what two or twenty numbers can tell
LENGTH_TELLS, COMPOSITION_TELLS = 0.6, 0.7  # ROC AUC
LENGTH_CORRELATES, COMPOSITION_CORRELATES = 0.2, 0.35  # Pearson: as telling as those areas
ONE_LABEL = 0.9  # share of the groups with several members
DOMINANT = 0.2  # share of a class
FEWEST_GROUPS = 10  # a column with fewer values is no set of groups: each holds a large share
UNBALANCED = 0.05  # difference of a class's share

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def group_labels(context: Context) -> Check:
    """Look whether the label is a property of the group rather than of the sample."""
    if context.samples.quantity:
        said = "Samples have a number, which hardly two of a group share: there is no one label."
        return Check("group_labels", SKIPPED, said)
    details, telling, divided = {}, [], []
    for column in context.group_columns:
        group = context.samples.group([column])
        table = pd.DataFrame({"group": group, "label": context.labels})
        table = table[(group >= 0) & (context.labels >= 0)]
        found = table.groupby("group")["label"].agg(["size", "nunique"])
        found = found[found["size"] > 1]
        if len(found) < 2:
            continue
        share = float((found["nunique"] == 1).mean())
        details[column] = {"groups": len(found), "share_with_one_label": share}
        if share > ONE_LABEL:
            telling.append(column)
            divided += [column] if len(context.divided(group)) else []
    if not details:
        return Check("group_labels", SKIPPED, "No group has several labelled members.")
    said = "; ".join(
        f"{d['share_with_one_label']:.0%} of {d['groups']:,} values of {column} carry one label"
        for column, d in details.items()
    )
    said = f"{said}."
    if telling:
        said += f" The label is a property of the {' and of the '.join(telling)}"
        said += ": what counts is the number of groups, not of samples."
    if divided:
        said += f" Use a group split by {' and '.join(divided)}."
    return Check("group_labels", WARN if divided else PASS, said, details)


def length_shortcut(context: Context) -> Check:
    """See how well length alone tells the classes."""
    return _shortcut(context, "length_shortcut", "Length", length_features, LENGTH_TELLS)


def composition_shortcut(context: Context) -> Check:
    """See how well the shares of the letters alone tell the classes."""
    return _shortcut(context, "composition_shortcut", "Composition", composition, COMPOSITION_TELLS)


def dominant_groups(context: Context) -> Check:
    """Look for a unit of the split, or a group, that makes up much of a class."""
    columns = {"unit of the split": context.units}
    for column in context.group_columns:
        group = context.samples.group([column])
        if len(np.unique(group)) >= FEWEST_GROUPS:
            columns[column] = group
    details: dict[str, dict[str, float]] = {name: {} for name in columns}
    worst, of = 0.0, ("", "")
    for column, group in columns.items():
        for name, having in _classes(context).items():
            members = having & (context.place >= 0)
            inside = group[members & (group >= 0)]
            share = float(np.bincount(inside).max(initial=0) / max(members.sum(), 1))
            details[column][name] = share
            if share > worst:
                worst, of = share, (column, name)
    if not of[0]:
        return Check("dominant_groups", SKIPPED, "No sample has a label.")
    whole = "all samples" if context.samples.quantity else f"class {of[1]}"
    summary = f"The largest {of[0]} holds {worst:.1%} of {whole}."
    return Check("dominant_groups", WARN if worst > DOMINANT else PASS, summary, details)


def _classes(context: Context) -> dict[str, NDArray[np.bool_]]:
    """Return which samples have each class; all samples where they have a number."""
    if context.samples.quantity:
        return {"all samples": np.ones(len(context.samples), dtype=bool)}
    return dict(zip(context.samples.classes, context.memberships.T, strict=True))


def class_balance(context: Context) -> Check:
    """Look for parts that lack a class, or hold another share of it than the whole."""
    names, classes = context.places, context.samples.classes
    found: dict[str, Any] = balance(context.place, context.samples.strata, names)
    used = [k for k, name in enumerate(names) if found[name]["samples"]]
    if context.samples.quantity:
        return balance_of_quintiles(found, [names[k] for k in used], UNBALANCED)
    lacking = []
    for k in used:
        inside = context.memberships[context.place == k]
        counts = inside.sum(axis=0)
        shares = counts / max(inside.any(axis=1).sum(), 1)
        found[names[k]]["classes"] = dict(zip(classes, shares.tolist(), strict=True))
        lacking += [(names[k], classes[c]) for c in np.flatnonzero(counts == 0)]
    if lacking:
        said = "; ".join(f"no sample of class {label} is in {name}" for name, label in lacking)
        only_validation = all(name == PARTS[1] for name, _ in lacking)
        verdict = WARN if only_validation else FAIL
        return Check("class_balance", verdict, f"{said[0].upper()}{said[1:]}.", found)
    if not used:
        return Check("class_balance", SKIPPED, "No sample is in any part.", found)
    worst = max((names[k] for k in used), key=lambda name: found[name]["deviation"])
    deviation = found[worst]["deviation"]
    said = f"Class shares differ from those of the whole by at most {deviation:.1%} (in {worst})."
    return Check("class_balance", WARN if deviation > UNBALANCED else PASS, said, found)


def separability(
    features: Floats, targets: NDArray[Any], units: Rows, seed: int = 1
) -> dict[str, float]:
    """Return how well a logistic regression tells the classes, in folds that divide no unit.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    targets : ndarray of int, shape (n,), or of bool, shape (n, classes)
        The class of each sample, or all classes it has.
    units : ndarray of int, shape (n,)
        Samples with the same number are never in two folds.
    seed : int

    Returns
    -------
    dict
        `roc_auc` (mean over the classes of one against the rest) and `balanced_accuracy` of the
        held-out predictions; empty where a fold leaves nothing of a class to train on. Of samples
        with several classes, the `roc_auc` alone, from one regression a class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if targets.ndim == 2:
        each = [separability(features, has.astype(np.int64), units, seed) for has in targets.T]
        return {"roc_auc": float(np.mean([e["roc_auc"] for e in each]))} if all(each) else {}
    kinds, target = np.unique(targets, return_inverse=True)
    if len(kinds) < 2:
        return {}
    fold = allocate(units, targets, [1] * FOLDS, seed)
    scores = np.zeros((len(target), len(kinds)))
    for k in np.unique(fold):
        held = fold == k
        if len(np.unique(target[~held])) < len(kinds):
            return {}
        model = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
        )
        scores[held] = model.fit(features[~held], target[~held]).predict_proba(features[held])
    areas = [roc_auc_score(target == k, scores[:, k]) for k in range(len(kinds))]
    return {
        "roc_auc": float(np.mean(areas)),
        "balanced_accuracy": float(balanced_accuracy_score(target, scores.argmax(axis=1))),
    }


def _chance(members: NDArray[np.bool_]) -> float:
    """Return the standard error of the ROC AUC of the smallest class where nothing tells it."""
    counts, n = members.sum(axis=0), len(members)
    smallest = np.minimum(counts, n - counts)[counts > 0].min()
    return float(((n + 1) / (12 * smallest * (n - smallest))) ** 0.5)


def _shortcut(context: Context, name: str, subject: str, features: Features, limit: float) -> Check:
    """Cross-validate features on labelled training samples."""
    if context.samples.quantity:
        usual = LENGTH_CORRELATES if name == "length_shortcut" else COMPOSITION_CORRELATES
        return number_shortcut(context, name, subject, features, usual, MOST_SAMPLES)
    rows = context.trained[context.labels[context.trained] >= 0]
    if len(rows) > MOST_SAMPLES:
        rows = np.sort(np.random.default_rng(1).choice(rows, MOST_SAMPLES, replace=False))
    values = features(context.samples.sequences.take(rows))
    members = context.memberships[rows]
    told: NDArray[Any] = members if context.samples.separator else context.labels[rows]
    found = separability(values, told, context.units[rows])
    if not found:
        said = "Too few samples or units of a class in training to cross-validate."
        return Check(name, SKIPPED, said)
    area, limit = found["roc_auc"], max(limit, 0.5 + CERTAIN * _chance(members))
    balanced = found.get("balanced_accuracy")
    said = (
        f"{subject} alone tells the classes of held-out training samples with ROC AUC {area:.2f} "
        f"(guessing: 0.50){'' if balanced is None else f', balanced accuracy {balanced:.2f}'}."
    )
    details = {**found, "limit": limit, "samples": len(rows)}
    return Check(name, WARN if area > limit else PASS, said, details)
