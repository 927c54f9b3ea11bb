"""The figures of a report: plain functions from numbers to SVG text.

Each returns one `<svg>` element that scales with its container, adapts to light and dark (see
`cistron.figures.svg`) and says in its `aria-label` what it shows. The same numbers
give the same text. Missing numbers (None or NaN) are left out of the drawing and written as n/a.
"""

from cistron.figures.calls import (
    NAMED_COLUMNS,
    confusion_matrix,
    pr_curves,
    reliability,
    roc_curves,
)
from cistron.figures.cells import composition, gene_dots
from cistron.figures.comparison import differences_matrix, runs_forest
from cistron.figures.data import history, identity_bins, length_histogram
from cistron.figures.intervals import class_bars, folds, forest
from cistron.figures.projection import by_class, by_part
from cistron.figures.regression import predicted_against_measured, residuals
from cistron.figures.tuning import importance_bars, trials

__all__ = [
    "NAMED_COLUMNS",
    "by_class",
    "by_part",
    "class_bars",
    "composition",
    "confusion_matrix",
    "differences_matrix",
    "folds",
    "forest",
    "gene_dots",
    "history",
    "identity_bins",
    "importance_bars",
    "length_histogram",
    "pr_curves",
    "predicted_against_measured",
    "reliability",
    "residuals",
    "roc_curves",
    "runs_forest",
    "trials",
]
