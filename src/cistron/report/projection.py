"""The picture of the encoded samples, and what is to be said of it."""

from __future__ import annotations

from typing import Any

from cistron.evaluation import figures
from cistron.evaluation.figures.numbers import count
from cistron.report.read import Content

METHODS = {
    "pca": "the first two principal components",
    "tsne": "t-SNE, perplexity 30",
    "umap": "UMAP, 15 neighbours",
}


def projection(content: Content) -> dict[str, Any] | None:
    """Show the samples in two dimensions, by class and by part."""
    table = content.projection
    if table is None or table.empty:
        return None
    method = str(content.section("evaluation").get("projection"))
    x, y = table["x"].to_numpy(), table["y"].to_numpy()
    labels = table["label"].astype(str).tolist()
    drawn = [*content.classes, *sorted(set(labels) - set(content.classes))]
    used = content.used
    chosen = None
    if used is not None and len(used) > len(table):
        chosen = f"{count(len(table))} of {count(len(used))}"
    return {
        "method": METHODS.get(method, method),
        "encoder": content.section("encoder").get("kind"),
        "n": count(len(table)),
        "chosen": chosen,
        "by_class": None if content.quantity else figures.by_class(x, y, labels, drawn),
        "by_part": figures.by_part(x, y, table["part"].astype(str).tolist()),
    }
