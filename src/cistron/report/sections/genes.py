"""The genes that a classifier of cells goes by."""

from __future__ import annotations

from collections.abc import Sequence

from cistron import figures
from cistron.figures.numbers import THIN, count, decimal
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import Cell, Column, Table

DOTS = 36  # genes of a dot plot, about
LISTED = 10  # genes of each class, where there are more than two


def genes(content: Content) -> Shown | None:
    """Show the first genes of each class, and where they are expressed; None without genes.json."""
    document = content.genes
    if document is None:
        return None
    if not document["method"]:
        sentence = document["why"]
        if "genes" in (content.metrics.get("baselines") or {}):
            sentence += (
                " A logistic regression on the same genes stands among the baselines: trained as "
                "the model (logistic_regression), it would name its genes here."
            )
        return {"sentences": [sentence], "figure": None}
    two, genes_of = len(content.classes) == 2, document["classes"]
    named = [name for name in content.classes if name in genes_of]
    named = named[-1:] if two else named
    kept = len(genes_of[named[0]]["genes"]) if len(named) == 1 else 0
    kept = kept or min(6, max(3, DOTS // len(named)))
    dots = document["expression"]["genes"]
    blocks = {
        name: [
            {**row, **dots[row["gene"]]}
            for row in sorted(
                genes_of[name]["genes"][:kept], key=lambda row: row["direction"] == "down"
            )
        ]
        for name in named
    }
    cells = document["expression"]["cells"]
    tested = f"{count(sum(cells.values()))} held-out cells, by their true class"
    caption = (
        f"Genes that lead in each class, in {tested}. The area of a dot is the share of the cells "
        "that have the gene, its depth their mean normalised expression as a share of that of the "
        "class with most. + and \N{MINUS SIGN}: more of the gene speaks for or against the class."
    )
    return {
        "sentences": [_how(document, two), _technical(document, named)],
        "figure": figures.gene_dots(blocks, content.classes),
        "caption": caption,
        "tables": [_gene_table(document, name, len(named) == 1) for name in named],
    }


def _how(document: Json, two: bool) -> str:
    effect = (
        "The effect of a gene is what the logit of a class changes by, before calibration and "
        "against the mean of all classes, for one standard deviation of the gene's normalised "
        "expression"
    )
    if document["method"] == "gradients":
        effect += (
            ": the network's gradient, averaged over training cells, each class counting alike. In "
            "single cells it may be of another size or direction"
        )
    else:
        effect += ", as the coefficients say"
    sentences = f"{effect}. {count(document['read'])} genes are read"
    if document["folds"] > 1:
        sentences += (
            f" in at least one of {document['folds']} folds; stability is the share of the folds "
            f"in which a gene is among the first {document['top']} of the class with the same "
            "direction"
        )
    sentences += ". Correlated genes share an effect, and what a model reads need not be a cause."
    return sentences + (" Of the other class all effects are the opposite." if two else "")


def _technical(document: Json, named: Sequence[str]) -> str:
    shares = {name: document["classes"][name]["technical"] for name in named}
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return "No gene has an effect."
    worst = max(known, key=lambda name: known[name])
    n = len(document["classes"][worst]["genes"])
    which = f"of the first {n} genes"
    if len(named) > 1:
        which = f"or less of the first genes of each class (most in {worst})"
    return (
        "Technical genes (ribosomal, mitochondrial, pseudogenes, clone names) are "
        f"{_percent(known[worst])} {which}, and "
        f"{_percent(document['technical'])} of all that are read: how well they are counted "
        "depends on the library before it does on the cell."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}{THIN}%"


def _gene_table(document: Json, name: str, alone: bool) -> Table:
    folds, genes = document["folds"] > 1, document["classes"][name]["genes"]
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


GENES = ReportSection("genes", "Genes", "Genes", genes, "sections/genes.html")
