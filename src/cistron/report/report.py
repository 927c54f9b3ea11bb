"""The report: one page that opens offline, from what a run directory holds."""

from __future__ import annotations

from pathlib import Path

from cistron.experiment.run_folder import Run
from cistron.report.metadata import write_metadata
from cistron.report.page import render

__all__ = ["render", "write_metadata", "write_report"]


def write_report(run: str | Path) -> Path:
    """Write report.html into a run directory, whole or not at all.

    Parameters
    ----------
    run : path
        The run directory.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the run has no metrics.json, or one of its files is damaged.
    """
    Run(Path(run)).write_text("report.html", render(run))
    return Path(run) / "report.html"
