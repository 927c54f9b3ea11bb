"""Every metric of the page with what it means."""

from __future__ import annotations

from cistron.report import names
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import metric_names


def glossary(content: Content) -> Shown:
    """Explain every metric of the page."""
    per_class = content.test.get("per_class") or {}
    metrics = {*metric_names(content.test)}
    metrics |= {metric for row in per_class.values() for metric in row}
    return {"terms": names.glossary(metrics)}


GLOSSARY = ReportSection("glossary", "Glossary", "Glossary", glossary, "sections/glossary.html")
