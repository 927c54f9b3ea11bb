"""The experiment file."""

from __future__ import annotations

from cistron.report.names import without_folders
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown


def settings(content: Content) -> Shown | None:
    """Show the experiment file; None where the run has none."""
    return {"text": without_folders(content.settings)} if content.settings else None


SETTINGS = ReportSection("settings", "Settings", "Settings", settings, "sections/settings.html")
