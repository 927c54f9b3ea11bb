"""The picture of the encoded samples, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from cistron import figures
from cistron.base.domains import CELLS
from cistron.evaluation.projection import VARIANCE
from cistron.figures.numbers import count
from cistron.report.names import natural
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import percent

METHODS = {
    "pca": "the first two principal components",
    "tsne": "t-SNE, perplexity 30",
    "umap": "UMAP, 15 neighbours",
}
AXES = {"pca": "PC", "tsne": "t-SNE", "umap": "UMAP"}
MOST_GROUPS = 12  # with a drawing of their own
UNKNOWN = "not predicted"  # of samples that were trained on
KEPT, REJECTED = "kept", "rejected"


def projection(content: Content) -> Shown | None:
    """Show the samples in two dimensions: by class, by part, and of cells by what became of them.

    Cells are coloured by prediction, rejection and group as well.
    """
    table = content.projection
    if table is None or table.empty:
        return None
    method = str(content.section("evaluation").get("projection"))
    used = content.used
    chosen = None
    if used is not None and len(used) > len(table):
        chosen = f"{count(len(table))} of {count(len(used))}"
    named = Placed(table["x"], table["y"], _axes(method, table.attrs.get(VARIANCE)))
    drawn = [*_by_class(content, table, named), *_by_part(table, named)]
    if content.domain is CELLS:
        drawn += [*_judged(content, table, named), *_by_group(content, table, named)]
    return {
        "method": METHODS.get(method, method),
        "encoder": content.section("encoder").get("kind"),
        "n": count(len(table)),
        "chosen": chosen,
        "figures": drawn,
    }


class Placed(NamedTuple):
    """Where samples stand, and what the axes are called."""

    x: pd.Series
    y: pd.Series
    names: tuple[str, str]


def _axes(method: str, shares: Sequence[float] | None) -> tuple[str, str]:
    """Name the two axes; of principal components with the variance that lies along them."""
    word = AXES.get(method, method)
    first, second = (f"{word} {number}" for number in (1, 2))
    if shares is None:
        return first, second
    return f"{first}, {percent(shares[0])} of the variance", f"{second}, {percent(shares[1])}"


def _by_class(content: Content, table: pd.DataFrame, placed: Placed) -> list[tuple[str, str]]:
    if not content.classes:
        return []
    labels = table["label"].astype(str).tolist()
    names = [*content.classes, *sorted(set(labels) - set(content.classes))]
    alone = ", each over all others in grey" if len(content.classes) > 6 else ""
    svg = figures.by_class(placed.x, placed.y, labels, names, names=placed.names)
    return [(svg, f"Samples by class{alone}.")]


def _by_part(table: pd.DataFrame, placed: Placed) -> list[tuple[str, str]]:
    parts = table["part"].astype(str).tolist()
    if len(set(parts)) < 2:  # a cross-validation: all are tested
        return []
    caption = (
        "The same samples by part. Parts that keep apart were divided by something the encoder "
        "sees."
    )
    return [(figures.by_part(placed.x, placed.y, parts, placed.names), caption)]


def _judged(content: Content, table: pd.DataFrame, placed: Placed) -> list[tuple[str, str]]:
    """Colour by prediction and by rejection; cells of the training part are grey."""
    predictions = content.predictions
    if predictions is None or "confusion" not in content.test or "predicted" not in predictions:
        return []
    rows = predictions.set_index("id").reindex(table["id"])
    places, names = (placed.x, placed.y), placed.names
    known = rows["predicted"].notna().to_numpy()
    predicted = rows["predicted"].astype(object).where(known, UNKNOWN).astype(str).tolist()
    grey = "" if known.all() else "; grey: cells that were trained on"
    drawn = [
        (
            figures.by_class(*places, predicted, content.classes, "prediction", UNKNOWN, names),
            f"The same cells by what is predicted of them{grey}.",
        )
    ]
    if "rejected" in rows:
        rejected = rows["rejected"].eq(True).map({True: REJECTED, False: KEPT})
        judged = rejected.where(known, UNKNOWN).tolist()
        svg = figures.by_class(*places, judged, [KEPT, REJECTED], "rejection", UNKNOWN, names)
        caption = f"The same cells by whether they are rejected as unlike those of training{grey}."
        drawn.append((svg, caption))
    return drawn


def _by_group(content: Content, table: pd.DataFrame, placed: Placed) -> list[tuple[str, str]]:
    """Colour by each group column; of many groups the largest are drawn."""
    drawn = []
    for column in content.group_columns:
        values = content.group_of(column, table["id"])
        largest = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        names = sorted(map(str, largest.index[:MOST_GROUPS]), key=natural)
        rest = len(largest) - len(names)
        places = (placed.x, placed.y)
        svg = figures.by_class(*places, values.tolist(), names, column, names=placed.names)
        caption = f"The same cells by {column}"
        caption += f"; the {MOST_GROUPS} largest of {count(len(largest))}" if rest else ""
        drawn.append((svg, f"{caption}. Groups that keep apart differ in more than their classes."))
    return drawn


PROJECTION = ReportSection(
    "projection",
    "A picture of the samples",
    "Picture",
    projection,
    "sections/projection.html",
    link_before="calibration",
    first_of=CELLS,
)
