"""The audit's checks for shortcuts: what tells the label without any biology of the sequence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.samples.samples import Sequences
from cistron.samples.sequences.composition import composition, length_features
from cistron.splits.allocate import balance
from cistron.splits.audit.check import FAIL, PASS, SKIPPED, WARN, Check, Context
from cistron.splits.audit.telling import TELLING
from cistron.splits.split import PARTS

MOST_SAMPLES = 20_000  # more do not change what two or twenty numbers can tell
ONE_LABEL = 0.9  # share of the groups with several members
DOMINANT = 0.2  # share of a class
FEWEST_GROUPS = 10  # a column with fewer values is no set of groups: each holds a large share
UNBALANCED = 0.05  # difference of a class's share

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def group_labels(context: Context) -> Check:
    """Look whether the label is a property of the group rather than of the sample."""
    target = context.samples.target
    if not target.shared:
        summary = f"Samples have {target.words}, which hardly two of a group share: there is no "
        return Check("group_labels", SKIPPED, f"{summary}one label.")
    details, telling, divided = {}, [], []
    for column in context.group_columns:
        group = context.samples.group([column])
        table = pd.DataFrame({"group": group, "label": context.labels})
        table = table[(group >= 0) & (context.labels >= 0)]
        sizes = table.groupby("group")["label"].agg(["size", "nunique"])
        sizes = sizes[sizes["size"] > 1]
        if len(sizes) < 2:
            continue
        share = float((sizes["nunique"] == 1).mean())
        details[column] = {"groups": len(sizes), "share_with_one_label": share}
        if share > ONE_LABEL:
            telling.append(column)
            divided += [column] if len(context.divided(group)) else []
    if not details:
        return Check("group_labels", SKIPPED, "No group has several labelled members.")
    summary = "; ".join(
        f"{d['share_with_one_label']:.0%} of {d['groups']:,} values of {column} carry one label"
        for column, d in details.items()
    )
    summary = f"{summary}."
    if telling:
        summary += f" The label is a property of the {' and of the '.join(telling)}"
        summary += ": what counts is the number of groups, not of samples."
    if divided:
        summary += f" Use a group split by {' and '.join(divided)}."
    return Check("group_labels", WARN if divided else PASS, summary, details)


def length_shortcut(context: Context) -> Check:
    """See how well length alone tells the classes."""
    return _shortcut(context, "length_shortcut", "Length", length_features)


def composition_shortcut(context: Context) -> Check:
    """See how well the shares of the letters alone tell the classes."""
    return _shortcut(context, "composition_shortcut", "Composition", composition)


def dominant_groups(context: Context) -> Check:
    """Look for a unit of the split, or a group, that makes up much of a class."""
    target, columns = context.samples.target, {"unit of the split": context.units}
    for column in context.group_columns:
        group = context.samples.group([column])
        if len(np.unique(group)) >= FEWEST_GROUPS:
            columns[column] = group
    details: dict[str, dict[str, float]] = {name: {} for name in columns}
    worst, of = 0.0, ("", "")
    for column, group in columns.items():
        for name, having in target.wholes(context.truth).items():
            members = having & (context.place >= 0)
            inside = group[members & (group >= 0)]
            share = float(np.bincount(inside).max(initial=0) / max(members.sum(), 1))
            details[column][name] = share
            if share > worst:
                worst, of = share, (column, name)
    if not of[0]:
        return Check("dominant_groups", SKIPPED, "No sample has a label.")
    whole = f"class {of[1]}" if of[1] in target.classes else of[1]
    summary = f"The largest {of[0]} holds {worst:.1%} of {whole}."
    return Check("dominant_groups", WARN if worst > DOMINANT else PASS, summary, details)


def class_balance(context: Context) -> Check:
    """Look for parts that lack a class, or hold another share of it than the whole."""
    names, target = context.places, context.samples.target
    balances: Document = balance(context.place, context.strata, names)
    used = [k for k, name in enumerate(names) if balances[name]["samples"]]
    lacking = []
    for k in used if target.shared else ():
        inside = context.memberships[context.place == k]
        counts = inside.sum(axis=0)
        shares = counts / max(inside.any(axis=1).sum(), 1)
        balances[names[k]]["classes"] = dict(zip(target.classes, shares.tolist(), strict=True))
        lacking += [(names[k], target.classes[c]) for c in np.flatnonzero(counts == 0)]
    if lacking:
        summary = "; ".join(f"no sample of class {label} is in {name}" for name, label in lacking)
        only_validation = all(name == PARTS[1] for name, _ in lacking)
        verdict = WARN if only_validation else FAIL
        return Check("class_balance", verdict, f"{summary[0].upper()}{summary[1:]}.", balances)
    if not used:
        return Check("class_balance", SKIPPED, "No sample is in any part.", balances)
    worst = max((names[k] for k in used), key=lambda name: balances[name]["deviation"])
    deviation = balances[worst]["deviation"]
    summary = (
        f"{target.balanced} differ from those of the whole by at most {deviation:.1%} (in {worst})."
    )
    return Check("class_balance", WARN if deviation > UNBALANCED else PASS, summary, balances)


def _shortcut(
    context: Context, name: str, subject: str, features: Callable[[Sequences], Floats]
) -> Check:
    """Cross-validate features on labelled training samples."""
    telling = TELLING[context.samples.target.form]
    rows = context.trained[context.known[context.trained]]
    if len(rows) > MOST_SAMPLES:
        rows = np.sort(np.random.default_rng(1).choice(rows, MOST_SAMPLES, replace=False))
    values = features(context.samples.sequences.take(rows))
    scores = telling.predicted(values, context.truth[rows], context.units[rows])
    if not scores:
        return Check(name, SKIPPED, telling.too_few, unchecked=True)
    limit = max(telling.limits[name], telling.surprising(context.memberships[rows]))
    summary = f"{subject} alone {telling.words(scores)}"
    details = {**scores, "limit": limit, "samples": len(rows)}
    verdict = WARN if (scores[telling.score] or 0) > limit else PASS
    return Check(name, verdict, summary, details)
