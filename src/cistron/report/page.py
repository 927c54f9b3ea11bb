"""The report page: what stands in it, in which order."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cistron.figures.numbers import THIN, count, decimal
from cistron.report import projection, sections
from cistron.report.ablation import ablation
from cistron.report.cells import composition, genes, groups_of_cells
from cistron.report.features import features
from cistron.report.metadata import embedded
from cistron.report.names import human
from cistron.report.read import Content, read_run
from cistron.report.second import second
from cistron.report.verdict import confounded, findings


def render(run: str | Path) -> str:
    """Return the report of a run as one HTML page that needs nothing else.

    Parameters
    ----------
    run : path
        The run directory.

    Raises
    ------
    InputError
        If the run has no metrics.json, or one of its files is damaged.
    """
    content = read_run(run)
    made = {
        "heading": heading(content),
        "findings": findings(content.metrics, content.audit),
        "leaks": leaks(content),
        "confounded": confounded(content.audit),
        "notes": (content.environment or {}).get("notes") or [],
        "headline": sections.headline(content),
        "data": sections.data(content),
        "audit": sections.audit(content),
        "scores": sections.scores(content),
        "second": second(content),
        "calibration": sections.calibration(content),
        "folds": sections.folds(content),
        "repeats": sections.repeats(content),
        "groups": sections.groups(content),
        "group_scores": groups_of_cells(content),
        "composition": composition(content),
        "genes": genes(content),
        "features": features(content),
        "ablation": ablation(content),
        "projection": projection.projection(content),
        "training": sections.training(content),
        "predict": sections.predict(content),
        "provenance": sections.provenance(content),
        "glossary": sections.glossary(content),
        "metadata": embedded(run),
    }
    return environment().get_template("page.html").render(content=content, **made)


@cache
def environment() -> Environment:
    """Return the templates of the report."""
    made = Environment(
        loader=PackageLoader("cistron.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"human": human, "written": written}
    made.globals["interval"] = f"95{THIN}%"
    return made


def written(value: Any) -> str:
    """Write a scalar of a JSON file."""
    if value is None:
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return decimal(value, 3) if isinstance(value, float) else str(value)


def heading(content: Content) -> str:
    """Return one line: the model, the encoder, the split, how much was tested."""
    kinds = {name: content.section(name).get("kind") for name in ("model", "encoder", "split")}
    parts = [f"{count(content.metrics['test'].get('n'))} samples tested"]
    folds = content.metrics.get("folds")
    repeats = len(content.metrics.get("repeats") or [])
    if repeats and not folds:
        parts.insert(0, f"{repeats} seeds together")
    if folds:
        times = f", repeated {repeats} times" if repeats else ""
        parts.insert(0, f"cross-validation in {len(folds) // (repeats or 1)} folds{times}")
    if kinds["split"]:
        parts.insert(0, f"{kinds['split']} split")
    if kinds["model"]:
        encoder = f" on {kinds['encoder']}" if kinds["encoder"] else ""
        parts.insert(0, f"{kinds['model']}{encoder}")
    return " · ".join(parts)


def leaks(content: Content) -> list[dict[str, Any]]:
    """Return the checks that failed, where the audit's verdict is a leak."""
    if not content.audit or content.audit.get("verdict") != "leak":
        return []
    return [
        check
        for check in content.audit["checks"]
        if check["verdict"] == "fail" and check["name"] != "confounded_groups"
    ]
