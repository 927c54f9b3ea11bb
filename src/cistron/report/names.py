"""What metrics, baselines and parts are called, and what they mean, in a few words."""

from __future__ import annotations

import re
from collections.abc import Iterable

METRICS = {
    "accuracy": ("Accuracy", "the share of the samples that are called correctly"),
    "balanced_accuracy": (
        "Balanced accuracy",
        "the share called correctly within each class, averaged over the classes, so that a large "
        "class does not decide; guessing scores one over the number of classes",
    ),
    "exact_match": (
        "Exact match",
        "the share of the samples of which exactly the true classes are named",
    ),
    "jaccard": (
        "Jaccard index",
        "the classes both true and named over those true or named, averaged over the samples",
    ),
    "hamming_loss": (
        "Hamming loss",
        "the share of all pairs of a sample and a class that are wrong; lower is better",
    ),
    "mcc": (
        "MCC",
        "Matthews correlation coefficient, the agreement of calls and truth from \N{MINUS SIGN}1 "
        "to 1; guessing scores 0, whatever the sizes of the classes",
    ),
    "f1": ("F1", "the harmonic mean of precision and recall"),
    "precision": ("Precision", "of the samples called a class, the share that belongs to it"),
    "recall": ("Recall", "of the samples of a class, the share that is found (sensitivity)"),
    "specificity": (
        "Specificity",
        "of the samples that are not of a class, the share that is not called it",
    ),
    "roc_auc": (
        "ROC AUC",
        "the chance that a sample of the class is ranked above one that is not; guessing scores "
        "0.5",
    ),
    "pr_auc": (
        "PR AUC",
        "the area under precision against recall (average precision); guessing scores the share "
        "of the class",
    ),
    "log_loss": (
        "Log loss",
        "the mean of minus the logarithm of the probability given to what is true; lower is better",
    ),
    "brier": (
        "Brier score",
        "the mean squared error of the probabilities, summed over the classes where a sample has "
        "one of more than two; lower is better",
    ),
    "r2": (
        "R²",
        "the share of the variance of the number that is explained: 1 minus the squared error over "
        "that of the mean, which scores 0; worse predictions score below",
    ),
    "pearson": (
        "Pearson",
        "Pearson's correlation of predicted and measured numbers, whatever their scale",
    ),
    "spearman": ("Spearman", "the correlation of their ranks: whether the order is right"),
    "rmse": (
        "RMSE",
        "the root of the mean squared error, in the unit of the number; lower is better",
    ),
    "mae": ("MAE", "the mean absolute error, in the unit of the number; lower is better"),
    "ece": (
        "ECE",
        "expected calibration error, the mean distance between how sure the classifier is of what "
        "it calls and how often it is right; lower is better",
    ),
}
AVERAGES = {
    "macro": "averaged over the classes, each counting the same",
    "micro": "over all pairs of a sample and a class together",
    "weighted": "averaged over the classes, each counting by its size",
}

# Name in metrics.json → heading of a column, and how a sentence says it.
BASELINES = {
    "majority": ("Majority class", "always calling the most common class"),
    "mean": ("Mean", "always answering the mean of the training samples"),
    "length": ("Length alone", "logistic regression on sequence length alone"),
    "gc": ("GC and length", "logistic regression on GC content and length alone"),
    "composition": ("Composition", "logistic regression on composition alone"),
    "kmers": ("5-mers", "logistic regression on words of five bases"),
    "homolog": ("Nearest homolog", "copying the label of the nearest training homolog"),
    "depth": ("Depth", "logistic regression on library size and genes found alone"),
    "genes": ("Genes", "logistic regression on the same genes"),
}

# What the same baselines do where numbers are predicted.
OF_NUMBERS = {
    "length": "ridge regression on sequence length alone",
    "gc": "ridge regression on GC content and length alone",
    "composition": "ridge regression on composition alone",
    "kmers": "ridge regression on words of five bases",
    "homolog": "copying the number of the nearest training homolog",
}

# Regions of the published windows → how a biologist says them.
REGIONS = {"gene_body_5": "5\N{PRIME} gene body", "gene_body_3": "3\N{PRIME} gene body"}


def _parts(metric: str) -> tuple[str, str]:
    """Return the averaging prefix ("" where there is none) and the metric's own name."""
    prefix, _, rest = metric.partition("_")
    return (prefix, rest) if prefix in AVERAGES else ("", metric)


def label(metric: str) -> str:
    """Return the name of a metric as a table says it."""
    average, name = _parts(metric)
    text = METRICS[name][0] if name in METRICS else human(name)
    return f"{text}, {average}" if average else text


def meaning(metric: str) -> str:
    """Return what a metric says, without a full stop; empty where it is not known."""
    average, name = _parts(metric)
    text = METRICS[name][1] if name in METRICS else ""
    return f"{text}; {AVERAGES[average]}" if average and text else text


def in_order(metrics: Iterable[str]) -> list[str]:
    """Return metric names in the order of `METRICS`, macro before weighted averages."""
    known = list(METRICS)

    def place(metric: str) -> tuple[int, int, str]:
        average, name = _parts(metric)
        rank = known.index(name) if name in known else len(known)
        return rank, ["", *AVERAGES].index(average), metric

    return sorted(metrics, key=place)


def baseline(name: str) -> str:
    """Return the heading of a baseline's column."""
    return BASELINES[name][0] if name in BASELINES else human(name)


def baseline_phrase(name: str, of_numbers: bool = False) -> str:
    """Return what a baseline does, as a sentence says it."""
    if of_numbers and name in OF_NUMBERS:
        return OF_NUMBERS[name]
    return BASELINES[name][1] if name in BASELINES else f"the baseline “{human(name)}”"


def region(name: str) -> str:
    """Return the name of a region of a window."""
    return REGIONS.get(name, human(name))


def human(key: str) -> str:
    """Return a key of a file as words: "similar_sequences" → "Similar sequences"."""
    if key in METRICS:
        return METRICS[key][0]
    words = str(key).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def natural(name: object) -> list[tuple[int, str]]:
    """Return by what names are sorted, so that "donor 9" comes before "donor 10"."""
    pieces = re.findall(r"\d+|\D+", str(name))
    return [(int(piece) if piece.isdecimal() else -1, piece) for piece in pieces]
