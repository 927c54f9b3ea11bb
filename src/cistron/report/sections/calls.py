"""Every test sample with its call: the page shows, sorts and filters them by its script."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.figures.numbers import count
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import tested

MOST = 10_000  # samples that a page holds: about half a megabyte
FILE = "calls.tsv"  # beside a page that does not hold all
NOT_SURE = 0.2  # difference of the two highest probabilities below which a call is not sure
NEAR = 0.1  # distance of a probability from the threshold of its class, likewise
WRONG, UNSURE, WARNED = 1, 2, 4
CODED = ("Label", "Predicted", "Warning")  # columns of few texts, each of which is written once


def calls(content: Content) -> Shown | None:
    """Show every test sample with its call; None where they are not known."""
    table = call_table(content)
    if table is None or table.empty:
        return None
    flags = table.pop("flags").to_numpy()
    said = _sentence(content, table)
    filters = [(0, "All samples")]
    named = ((WRONG, "Wrong"), (UNSURE, "Low confidence"), (WARNED, "Warned"))
    filters += [
        (bit, f"{text} ({count(int(((flags & bit) > 0).sum()))})")
        for bit, text in named
        if bit == WARNED or content.classes
    ]
    shown = table.head(MOST)
    columns, words, rows = _coded(shown, flags[:MOST])
    document = {"columns": columns, "words": words, "rows": rows}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return {
        "sentence": said,
        "caption": "Test samples and their calls.",
        "filters": filters,
        "columns": columns,
        "rows": text.replace("<", "\\u003c"),
    }


def call_table(content: Content) -> pd.DataFrame | None:
    """Return every test sample with its call, and what it is filtered by in the column `flags`."""
    known = tested(content)
    if known is None:
        return None
    made = pd.DataFrame({"Sample": known["id"].astype(str)})
    if content.classes:
        made["Label"], made["Predicted"] = (
            known["label"].astype(str),
            known["predicted"].astype(str),
        )
        title, sure, unsure = _confidence(content, known)
        made[title] = sure.round(3)
        flags = WRONG * made["Label"].ne(made["Predicted"]).to_numpy() + UNSURE * unsure
    else:
        numbers = known[["label", "predicted"]].astype(float)
        made["Measured"], made["Predicted"] = numbers["label"], numbers["predicted"]
        made["Error"] = numbers["predicted"] - numbers["label"]
        made = made.round(4)
        flags = np.zeros(len(made), dtype=np.int64)
    if "fold" in known and content.folds:
        made["Fold"] = known["fold"]
    warning = known.get("warning", pd.Series("", index=known.index)).fillna("").astype(str)
    if warning.ne("").any():
        made["Warning"] = warning
    made["flags"] = flags + WARNED * warning.ne("").to_numpy()
    return made


def _confidence(
    content: Content, known: pd.DataFrame
) -> tuple[str, NDArray[np.float64], NDArray[np.bool_]]:
    """Return the heading of what says how sure a call is, it, and whether it is too low."""
    shares = known[[f"p_{name}" for name in content.classes]].to_numpy(dtype=float)
    if "set_sizes" in content.test:
        thresholds = content.metrics.get("thresholds") or {}
        limits = np.array([thresholds.get(name, 0.5) for name in content.classes])
        nearest = np.abs(shares - limits).min(axis=1)
        return "Nearest threshold", nearest, nearest < NEAR
    ordered = np.sort(shares, axis=1)
    return "Probability", ordered[:, -1], ordered[:, -1] - ordered[:, -2] < NOT_SURE


def _sentence(content: Content, table: pd.DataFrame) -> str:
    """Say how many samples the page holds, and what low confidence is."""
    parts = []
    if len(table) > MOST:
        parts.append(
            f"The first {count(MOST)} of {count(len(table))} test samples; {FILE} beside this "
            "page has all of them."
        )
    if "set_sizes" in content.test:
        parts.append(
            "“Nearest threshold” is the smallest distance between the probability of a class and "
            f"its threshold; below {NEAR} the confidence is called low."
        )
    elif content.classes:
        parts.append(
            f"The confidence is called low where the two highest probabilities differ by less than "
            f"{NOT_SURE}."
        )
    return " ".join(parts)


def _coded(
    table: pd.DataFrame, flags: NDArray[np.int64]
) -> tuple[list[dict[str, object]], list[str], list[list[object]]]:
    """Return the columns, every text that stands in them once, and the rows with its numbers."""
    coded = [name for name in CODED if name in table and not _numeric(table[name])]
    words: dict[str, int] = {}
    cells: list[Sequence[object]] = []
    for name in table:
        values = table[name].tolist()
        if name in coded:
            values = [words.setdefault(value, len(words)) for value in values]
        cells.append([None if value != value else value for value in values])
    columns: list[dict[str, object]] = [
        {"text": str(name), "numeric": _numeric(table[name]), "coded": name in coded}
        for name in table
    ]
    rows = [list(row) for row in zip(*cells, flags.tolist(), strict=True)]
    return columns, list(words), rows


def _numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values)


CALLS = ReportSection("calls", "All test samples", "All samples", calls, "sections/calls.html")
