"""The report: one page that opens offline, from what a run directory holds."""

from __future__ import annotations

from pathlib import Path

from cistron.experiment.run_folder import Run
from cistron.report.metadata import write_metadata
from cistron.report.page import render
from cistron.report.read import read_run
from cistron.report.sections.calls import FILE, MOST, call_table

__all__ = ["render", "write_metadata", "write_report"]


def write_report(run: str | Path) -> Path:
    """Write report.html into a run directory, whole or not at all.

    Where the page does not hold all test samples, calls.tsv beside it does.

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
    folder, content = Run(Path(run)), read_run(run)
    calls = call_table(content)
    if calls is not None and len(calls) > MOST:
        text = calls.drop(columns="flags").to_csv(sep="\t", index=False)
        folder.write_text(FILE, text)
    folder.write_text("report.html", render(run))
    return Path(run) / "report.html"
