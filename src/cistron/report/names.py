"""What metrics, baselines and parts are called, and what they mean, in a few words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from cistron.targets.kinds import all_metrics
from cistron.targets.metric import AVERAGES
from cistron.targets.target import Target

# The order of metrics in every table and in the glossary; averages stand after what is averaged.
ORDER = (
    "accuracy",
    "balanced_accuracy",
    "exact_match",
    "jaccard",
    "hamming_loss",
    "mcc",
    "f1",
    "precision",
    "recall",
    "specificity",
    "roc_auc",
    "pr_auc",
    "log_loss",
    "brier",
    "r2",
    "pearson",
    "spearman",
    "rmse",
    "mae",
    "ece",
)

# Name in metrics.json → heading of a column, and how a sentence says it.
BASELINES = {
    "majority": ("Majority class", "always calling the most common class"),
    "mean": ("Mean", "always answering the mean of the training samples"),
    "length": ("Length alone", "{linear} on sequence length alone"),
    "gc": ("GC and length", "{linear} on GC content and length alone"),
    "composition": ("Composition", "{linear} on composition alone"),
    "kmers": ("5-mers", "{linear} on words of five bases"),
    "homolog": ("Nearest homolog", "copying the {noun} of the nearest training homolog"),
    "depth": ("Depth", "{linear} on library size and genes found alone"),
    "genes": ("Genes", "{linear} on the same genes"),
}

# Absolute paths, of POSIX and of Windows, that begin a word, a value or a quotation. Folders may
# have spaces, but not at their end: "a.yaml --out /tmp/run" is no folder.
_BEFORE = r"""(?:(?<=^)|(?<=[\s=,"'\[]))"""
_FOLDER, _LAST = r"[\w.+@ -]*[\w.+@-]", r"([\w.+@*-]+)"
ABSOLUTE = re.compile(
    rf"{_BEFORE}(?:~?/(?:{_FOLDER}/)+{_LAST}|[A-Za-z]:\\(?:{_FOLDER}\\)+{_LAST})", re.MULTILINE
)
# Regions of the published windows → how a biologist says them.
REGIONS = {"gene_body_5": "5\N{PRIME} gene body", "gene_body_3": "3\N{PRIME} gene body"}


def _parts(metric: str) -> tuple[str, str]:
    """Return the averaging prefix ("" where there is none) and the metric's own name."""
    prefix, _, rest = metric.partition("_")
    return (prefix, rest) if prefix in AVERAGES else ("", metric)


def label(metric: str) -> str:
    """Return the name of a metric as a table says it."""
    known = all_metrics()
    return known[metric].words if metric in known else human(metric)


def meaning(metric: str) -> str:
    """Return what a metric says, without a full stop; empty where it is not known."""
    known = all_metrics()
    return known[metric].meaning if metric in known else ""


def in_order(metrics: Iterable[str]) -> list[str]:
    """Return metric names in the order of `ORDER`, macro before weighted averages."""

    def place(metric: str) -> tuple[int, int, str]:
        average, name = _parts(metric)
        rank = ORDER.index(name) if name in ORDER else len(ORDER)
        return rank, ["", *AVERAGES].index(average), metric

    return sorted(metrics, key=place)


def glossary(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """Return the words and the meaning of metrics, and of how some are averaged over classes."""
    parts = [_parts(metric) for metric in metrics]
    names, averages = {name for _, name in parts}, {average for average, _ in parts}
    terms = [(label(name), meaning(name)) for name in in_order(names) if meaning(name)]
    return terms + [(human(how), text) for how, text in AVERAGES.items() if how in averages]


def baseline(name: str) -> str:
    """Return the heading of a baseline's column."""
    return BASELINES[name][0] if name in BASELINES else human(name)


def baseline_phrase(name: str, target: Target) -> str:
    """Return what a baseline of a target does, as a sentence says it."""
    if name not in BASELINES:
        return f"the baseline “{human(name)}”"
    return BASELINES[name][1].format(linear=target.linear, noun=target.noun)


def region(name: str) -> str:
    """Return the name of a region of a window."""
    return REGIONS.get(name, human(name))


def human(key: str) -> str:
    """Return a key of a file as words: "similar_sequences" → "Similar sequences"."""
    if key in ORDER:
        return all_metrics()[key].words
    words = str(key).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def without_folders(text: str) -> str:
    """Return a text in which every absolute path is its last name: folders are of one machine."""
    if PurePosixPath(text).is_absolute() and not re.search(r"\s[/-]|\n", text):
        return PurePosixPath(text).name
    return ABSOLUTE.sub(lambda match: match[1] or match[2], text)


def natural(name: object) -> list[tuple[int, str]]:
    """Return by what names are sorted, so that "donor 9" comes before "donor 10"."""
    pieces = re.findall(r"\d+|\D+", str(name))
    return [(int(piece) if piece.isdecimal() else -1, piece) for piece in pieces]
