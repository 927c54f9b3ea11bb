"""What the report shows of cells alone: groups one by one, composition, genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cistron import figures
from cistron.evaluation.cell_groups import compositions, group_scores
from cistron.evaluation.evaluate import MOST_GROUPS
from cistron.evaluation.intervals import Interval
from cistron.figures.numbers import THIN, count, decimal
from cistron.report.names import human, label, natural
from cistron.report.read import Content
from cistron.report.sections import Section
from cistron.report.tables import Cell, Column, Table, percent

DRAWN = 20  # groups of a figure
DRAWN_CLASSES = 6  # whose composition is drawn; the table has all
DOTS = 36  # genes of a dot plot, about
LISTED = 10  # genes of each class, where there are more than two


def groups_of_cells(content: Content) -> list[Section]:
    """Draw the score of every group with its interval, a figure a metric, by group column."""
    made = []
    metric = content.metrics["headline"]
    metric = metric if metric in ("mcc", "balanced_accuracy") else "mcc"
    for column, tested, total in _tested(content):
        found = group_scores(
            tested["label"], tested["predicted"], tested["group"], content.classes, metric
        )
        if len(found) < 2:
            continue
        shown = _largest(found, DRAWN)
        drawn = []
        for name in ("accuracy", metric):
            rows = {str(one["value"]): _score(one[name]) for one in shown}
            overall = (content.metrics["test"].get(name) or {}).get("value")
            if any(np.isfinite(score["value"]) for score in rows.values()):
                drawn.append(figures.forest(rows, label(name), reference=overall))
        caption = f"Each {column} by itself{_of(shown, total)}."
        made.append({"figures": drawn, "caption": caption})
    return made


def composition(content: Content) -> list[Section]:
    """Show the predicted and the true share of each class, by group column."""
    made = []
    for column, tested, total in _tested(content):
        found = compositions(tested["label"], tested["predicted"], tested["group"], content.classes)
        shown = _largest(found, DRAWN)
        two = len(content.classes) == 2
        classes = content.classes[-1:] if two else content.classes[:DRAWN_CLASSES]
        drawn = [
            figures.composition(
                {
                    str(one["value"]): (_score(one["predicted"][name]), one["true"][name])
                    for one in shown
                },
                name,
            )
            for name in classes
        ]
        pairs = zip(drawn, classes, strict=True)
        made.append(
            {
                "figures": [
                    (svg, f"Share of {name} by {column}{_of(shown, total)}.") for svg, name in pairs
                ],
                "table": _composition_table(content, column, found, total),
            }
        )
    return made


def _composition_table(
    content: Content, column: str, found: list[dict[str, Any]], total: int
) -> Table:
    listed = _largest(found, MOST_GROUPS)
    classes = content.classes[-1:] if len(content.classes) == 2 else content.classes
    rows = []
    for one in listed:
        cells = []
        for name in classes:
            value, low, high = _triple(one["predicted"][name])
            cells.append(Cell(percent(value), f"{percent(low)} to {percent(high)}"))
            cells.append(Cell(percent(one["true"][name])))
        rows.append([Cell(str(one["value"])), Cell(count(one["n"])), *cells])
    columns = [Column(human(column), numeric=False), Column("Cells")]
    for name in classes:
        columns += [
            Column(name, "share that is predicted to be of this class, with its 95 % interval"),
            Column("true", f"share that is labelled {name}"),
        ]
    return Table(f"Composition by {column}{_of(listed, total)}.", columns, rows)


def _tested(content: Content) -> list[tuple[str, pd.DataFrame, int]]:
    """Return the tested cells of the largest groups, and how many groups there are, by column.

    Of samples that are no cells there are none.
    """
    table = content.predictions
    if not content.of_cells or content.quantity or content.separator or table is None:
        return []
    tested = table[table["part"] == "test"]
    found = []
    for column in content.group_columns:
        group = content.group_of(column, tested["id"]).to_numpy()
        sizes = pd.Series(group).value_counts()
        inside = np.isin(group, sizes.index[:MOST_GROUPS].to_numpy(dtype=object))
        found.append((column, tested.assign(group=group)[inside], len(sizes)))
    return found


def _largest(found: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the largest groups, in the order of their names, numbers by their size."""
    largest = sorted(found, key=lambda one: -one["n"])[:most]
    return sorted(largest, key=lambda one: natural(one["value"]))


def _of(shown: Sequence[Any], total: int) -> str:
    return "" if len(shown) == total else f"; the {len(shown)} largest of {count(total)}"


def _score(interval: Interval) -> dict[str, float]:
    value, low, high = _triple(interval)
    return {"value": value, "low": low, "high": high}


def _triple(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def genes(content: Content) -> Section | None:
    """Show the first genes of each class, and where they are expressed; None without genes.json."""
    found = content.genes
    if found is None:
        return None
    if not found["method"]:
        said = [found["why"]]
        if "genes" in (content.metrics.get("baselines") or {}):
            said.append(
                "A logistic regression on the same genes stands among the baselines: trained as "
                "the model (logistic_regression), it would name its genes here."
            )
        return {"sentences": [" ".join(said)], "figure": None}
    named = [name for name in content.classes if name in found["classes"]]
    named = named[-1:] if len(content.classes) == 2 else named
    kept = len(found["classes"][named[0]]["genes"]) if len(named) == 1 else 0
    kept = kept or min(6, max(3, DOTS // len(named)))
    dots = found["expression"]["genes"]
    blocks = {
        name: [
            {**row, **dots[row["gene"]]}
            for row in sorted(
                found["classes"][name]["genes"][:kept], key=lambda row: row["direction"] == "down"
            )
        ]
        for name in named
    }
    cells = found["expression"]["cells"]
    tested = f"{count(sum(cells.values()))} held-out cells, by their true class"
    caption = (
        f"Genes that lead in each class, in {tested}. The area of a dot is the share of the cells "
        "that have the gene, its depth their mean normalised expression as a share of that of the "
        "class with most. + and \N{MINUS SIGN}: more of the gene speaks for or against the class."
    )
    return {
        "sentences": [_how(found, len(content.classes) == 2), _technical(found, named)],
        "figure": figures.gene_dots(blocks, content.classes),
        "caption": caption,
        "tables": [_gene_table(found, name, len(named) == 1) for name in named],
    }


def _how(found: Mapping[str, Any], two: bool) -> str:
    effect = (
        "The effect of a gene is what the logit of a class changes by, before calibration and "
        "against the mean of all classes, for one standard deviation of the gene's normalised "
        "expression"
    )
    if found["method"] == "gradients":
        effect += (
            ": the network's gradient, averaged over training cells, each class counting alike. In "
            "single cells it may be of another size or direction"
        )
    else:
        effect += ", as the coefficients say"
    said = f"{effect}. {count(found['read'])} genes are read"
    if found["folds"] > 1:
        said += (
            f" in at least one of {found['folds']} folds; stability is the share of the folds in "
            f"which a gene is among the first {found['top']} of the class with the same direction"
        )
    said += ". Correlated genes share an effect, and what a model reads need not be a cause."
    return said + (" Of the other class all effects are the opposite." if two else "")


def _technical(found: Mapping[str, Any], named: Sequence[str]) -> str:
    shares = {name: found["classes"][name]["technical"] for name in named}
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return "No gene has an effect."
    worst = max(known, key=lambda name: known[name])
    n = len(found["classes"][worst]["genes"])
    which = f"of the first {n} genes"
    if len(named) > 1:
        which = f"or less of the first genes of each class (most in {worst})"
    return (
        "Technical genes (ribosomal, mitochondrial, pseudogenes, clone names) are "
        f"{_percent(known[worst])} {which}, and "
        f"{_percent(found['technical'])} of all that are read: how well they are counted depends "
        "on the library before it does on the cell."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}{THIN}%"


def _gene_table(found: Mapping[str, Any], name: str, alone: bool) -> Table:
    folds, genes = found["folds"] > 1, found["classes"][name]["genes"]
    genes = genes if alone else genes[:LISTED]
    odd = any(row["technical"] for row in genes)
    rows = []
    for row in genes:
        symbol, effect = row["symbol"], decimal(row["effect"], 3)
        cells = [
            Cell(symbol, title="" if symbol == row["gene"] else row["gene"]),
            Cell(row["direction"]),
            Cell(f"+{effect}" if row["effect"] > 0 else effect),
        ]
        cells += [Cell(decimal(row["stability"]))] * folds
        rows.append(cells + [Cell(row["technical"])] * odd)
    columns = [
        Column("Gene", numeric=False),
        Column("Direction", "up: more of the gene speaks for the class", numeric=False),
        Column("Effect", "on the logit, for one standard deviation of the gene"),
    ]
    stable = Column("Stability", "share of the folds in which it is among the first")
    columns += [stable] * folds + [Column("Technical", numeric=False)] * odd
    order = "the most stable first" if folds else "the largest effect first"
    return Table(f"Genes of {name}, {order}.", columns, rows)
