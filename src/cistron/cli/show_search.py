"""What `cistron tune` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cistron.cli.display import console, print_json
from cistron.report.tuning import sentences

if TYPE_CHECKING:
    from cistron.experiment.run_folder import Run


def show_search(run: Run, as_json: bool) -> None:
    """Print what a search found."""
    found = run.read_json("tuning.json")
    if as_json:
        print_json({"run": str(run.path), **found})
        return
    screen = console()
    for sentence in sentences(found):
        screen.print(Text(sentence), soft_wrap=True)
    table = Table(title="The best values", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("key")
    table.add_column("value", justify="right")
    for name, value in found["best"]["values"].items():
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        table.add_row(Text(name), Text(text))  # brackets in names are no markup
    screen.print(table)
    best, page = run.path / "experiment.yaml", run.path / "report.html"
    screen.print(Text(f"{best}: ready for cistron fit. {page}: all trials."), soft_wrap=True)
