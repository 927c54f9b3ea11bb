"""The report page: what stands in it, in which order."""

from __future__ import annotations

from pathlib import Path

from cistron.figures.numbers import count
from cistron.report import kinds
from cistron.report.html import environment, html
from cistron.report.metadata import embedded
from cistron.report.names import without_folders
from cistron.report.read import Content, Json, read_run
from cistron.report.section import ReportSection
from cistron.report.verdict import confounded, findings

__all__ = ["environment", "heading", "leaks", "render"]


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
    sections = [
        (section, shown)
        for section in kinds.SECTIONS
        if (shown := section.show(content)) is not None
    ]
    sections.sort(key=lambda pair: not _leads(pair[0], content))
    return html(
        "page.html",
        title=content.name,
        byline=heading(content),
        content=content,
        findings=findings(content.metrics, content.audit),
        leaks=leaks(content),
        confounded=confounded(content.audit),
        notes=[without_folders(note) for note in (content.environment or {}).get("notes") or []],
        sections=sections,
        links=sorted(sections, key=lambda pair: (not _leads(pair[0], content), _place(pair[0]))),
        metadata=embedded(run),
    )


def _leads(section: ReportSection, content: Content) -> bool:
    """Whether the page begins with a section."""
    return section.first_of is not None and section.first_of is content.domain


def _place(section: ReportSection) -> tuple[int, bool]:
    """Return by what links to sections are sorted."""
    names = [known.name for known in kinds.SECTIONS]
    return names.index(section.link_before or section.name), not section.link_before


def heading(content: Content) -> str:
    """Return one line: the model, the encoder, the split, how much was tested."""
    chosen = {name: content.section(name).get("kind") for name in ("model", "encoder", "split")}
    parts = [f"{count(content.test.get('n'))} samples tested"]
    folds, repeats = content.folds, len(content.repeats)
    if repeats and not folds:
        parts.insert(0, f"{repeats} seeds together")
    if folds:
        times = f", repeated {repeats} times" if repeats else ""
        parts.insert(0, f"cross-validation in {len(folds) // (repeats or 1)} folds{times}")
    if chosen["split"]:
        parts.insert(0, f"{chosen['split']} split")
    if chosen["model"]:
        encoder = f" on {chosen['encoder']}" if chosen["encoder"] else ""
        parts.insert(0, f"{chosen['model']}{encoder}")
    return " · ".join(parts)


def leaks(content: Content) -> list[Json]:
    """Return the checks that failed, where the audit's verdict is a leak."""
    if not content.audit or content.audit.get("verdict") != "leak":
        return []
    return [
        check
        for check in content.audit["checks"]
        if check["verdict"] == "fail" and check["name"] != "confounded_groups"
    ]
