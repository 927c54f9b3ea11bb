"""The audit's checks for leakage: what stands, or nearly stands, in two parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from cistron.base.document import Document
from cistron.samples.identical import identical
from cistron.splits.audit.check import (
    CERTAIN,
    FAIL,
    PASS,
    SKIPPED,
    WARN,
    Check,
    Context,
    Rows,
)
from cistron.splits.audit.telling import TELLING
from cistron.splits.search.nearest import BOTH_COVERED, COVERED
from cistron.splits.search.strands import same_molecule

EXAMPLES = 5
TELLING_HOMOLOG = 0.2  # MCC, or correlation
MANY_SIMILAR = 0.01  # share of the tested sequences
BINS = (0.3, 0.4, 0.5, 0.7, 0.9)


def exact_duplicates(context: Context) -> Check:
    """Look for sequences, or cells, that are the same in two places."""
    number = identical(context.samples.payload)
    domain = context.samples.payload.domain
    rows = context.divided(number)
    conflicts = _conflicting(number, context.labels)
    details = {
        **_examples(context, number, rows),
        domain.nouns: len(np.unique(number[rows])),
        "conflicting_labels": conflicts,
        **_tested_shares(context, rows),
    }
    summary, verdict = f"No {domain.noun} stands in two parts.", PASS
    if len(rows):
        summary = f"{domain.copied} in two parts: {_count(details[domain.nouns], domain.noun)} "
        summary += f"({_tested_sentence(context, details)})."
        verdict = FAIL
    if conflicts:
        summary += f" With more than one label: {_count(conflicts, domain.noun)}."
        verdict = FAIL if len(rows) else WARN
    return Check("exact_duplicates", verdict, summary, details)


def reverse_complements(context: Context) -> Check:
    """Look for DNA whose other strand stands in another place."""
    if not context.samples.payload.domain.both_strands:
        return Check("reverse_complements", SKIPPED, "Proteins have no reverse complement.")
    sequences = context.samples.sequences
    number = same_molecule(sequences)
    rows = np.setdiff1d(context.divided(number), context.divided(identical(sequences)))
    details = {**_examples(context, number, rows), **_tested_shares(context, rows)}
    if not len(rows):
        summary = "No sequence has its reverse complement in another part."
        return Check("reverse_complements", PASS, summary, details)
    summary = (
        f"With the reverse complement in another part: {_count(len(rows), 'sequence')} "
        f"({_tested_sentence(context, details)})."
    )
    return Check("reverse_complements", FAIL, summary, details)


def shared_groups(context: Context) -> Check:
    """Look for values of group columns that stand in two places."""
    columns = context.group_columns
    if not columns:
        summary = "There are no group columns."
        if context.samples.groups:
            summary = f"The parts are the values of {', '.join(context.samples.groups)}."
        return Check("shared_groups", SKIPPED, summary)
    details: Document = {}
    tested = False
    for column in columns:
        group = context.samples.group([column])
        rows = context.divided(group)
        tested |= bool(np.isin(group[rows], group[context.tested]).any())
        values = context.samples.table[column].to_numpy()[rows]
        details[column] = {
            "shared": len(pd.unique(values)),
            "of": int(context.samples.table[column].nunique()),
            "samples": len(rows),
            "examples": [str(value) for value in pd.unique(values)[:EXAMPLES]],
        }
    shared = [
        f"{d['shared']:,} of {d['of']:,} values of {name} ({_count(d['samples'], 'sample')})"
        for name, d in details.items()
        if d["shared"]
    ]
    if shared:
        summary = f"In two parts: {'; '.join(shared)}."
        if not tested:
            summary += " These are training and validation only: training stops a little late."
        return Check("shared_groups", FAIL if tested else WARN, summary, details)
    summary = f"No value of {' or '.join(columns)} is in two parts."
    return Check("shared_groups", PASS, summary, details)


def similar_sequences(context: Context) -> Check:
    """Count how similar the most similar training sequence of each tested one is."""
    nearest = context.nearest
    if nearest is None:
        return _not_searched("similar_sequences")
    n = max(len(nearest.tested), 1)
    percent = [f"{edge:.0%}".replace("%", "") for edge in (*BINS, 1.0)]
    names = ["no hit", f"below {percent[0]} %"]
    names += [f"{a} to {b} %" for a, b in pairwise(percent)]
    bins = np.where(np.isnan(nearest.closest), 0, 1 + np.digitize(nearest.closest, BINS))
    counts = np.bincount(bins, minlength=len(names))
    similar, any_hit = int(nearest.similar.sum()), int((bins > 0).sum())
    details = {
        "bins": [
            {"bin": name, "n": int(count), "share": float(count / n)}
            for name, count in zip(names, counts, strict=True)
        ],
        "searched": len(nearest.tested),
        "with_hit": any_hit,
        "share_with_hit": any_hit / n,
        "similar": similar,
        "share_similar": similar / n,
        "identity": nearest.guards_from,
        "coverage": BOTH_COVERED,
        "engine": nearest.engine,
    }
    summary = (
        f"{similar / n:.1%} of the {len(nearest.tested):,} {context.tested_as} sequences have a "
        f"training sequence of at least {nearest.guards_from:.0%} identity over "
        f"{BOTH_COVERED:.0%} of both; {any_hit / n:.1%} have a relative of any identity whose hit "
        f"spans at least {COVERED:.0%} of the {context.tested_as} sequence."
    )
    if nearest.engine["name"] != "MMseqs2":
        summary += (
            f" The k-mer search finds relatives from {nearest.guards_from:.0%} identity; what is "
            "less similar it misses in part."
        )
    verdict = WARN if similar / n > MANY_SIMILAR else PASS
    return Check("similar_sequences", verdict, summary, details)


def nearest_homolog(context: Context) -> Check:
    """Score copying the label of the most similar training sequence."""
    name, nearest = "nearest_homolog", context.nearest
    if nearest is None:
        return _not_searched(name)
    target, truth, known = context.samples.target, context.truth, context.known
    telling = TELLING[target.form]
    labelled = known[nearest.tested]
    tested, row = nearest.tested[labelled], nearest.row[labelled]
    learned = context.trained[known[context.trained]]
    if len(tested) < telling.fewest or not len(learned):
        summary = telling.unknown.format(context.tested_as)
        return Check(name, SKIPPED, summary, unchecked=bool(len(tested)))
    hit = row >= 0
    labels = truth[row]
    labels[~(hit & known[row])] = target.usual(truth[learned])
    copied = telling.copied(truth[tested], labels, hit)
    share = float(hit.mean())
    summary = (
        f"Copying the {telling.copy} of the most similar training sequence {copied.words}: "
        f"{share:.1%} of the {context.tested_as} sequences have one (a hit of any identity and "
        f"length){copied.with_hit}."
    )
    details = {"samples": len(tested), "share_with_hit": share, **copied.details}
    limit = max(TELLING_HOMOLOG, CERTAIN / len(tested) ** 0.5)
    verdict = WARN if copied.score is not None and copied.score > limit else PASS
    return Check(name, verdict, summary, details)


def _not_searched(name: str) -> Check:
    summary = "Test and training sequences were not compared."
    return Check(name, SKIPPED, summary, unchecked=True)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _examples(context: Context, number: Rows, rows: Rows) -> Document:
    """Return the number of rows, and of some that belong together the ids and places."""
    kinds = pd.unique(number[rows])[:EXAMPLES]
    ids, examples = context.samples.ids, []
    for kind in kinds:
        members = rows[number[rows] == kind][:EXAMPLES]
        examples.append([[str(ids[r]), context.places[context.place[r]]] for r in members])
    return {"samples": len(rows), "examples": examples}


def _tested_shares(context: Context, rows: Rows) -> Document:
    """Return which share of the tested samples is among some rows, overall and by class."""
    inside = np.isin(context.tested, rows)
    members = context.memberships[context.tested]
    by_class = {
        name: float(inside[members[:, k]].mean())
        for k, name in enumerate(context.samples.classes)
        if members[:, k].any()
    }
    return {
        "share_of_tested": float(inside.mean()) if len(inside) else 0.0,
        "share_by_class": by_class,
    }


def _tested_sentence(context: Context, details: Document) -> str:
    shares = [f"{share:.1%} of {name}" for name, share in details["share_by_class"].items()]
    sentence = f"{details['share_of_tested']:.1%} of the {context.tested_as} samples"
    return f"{sentence}: {', '.join(shares)}" if shares else sentence


def _conflicting(number: Rows, targets: Rows) -> int:
    """Return how many distinct sequences carry more than one label."""
    labelled = targets >= 0
    pairs = np.unique(np.stack([number[labelled], targets[labelled]]), axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
