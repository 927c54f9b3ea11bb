"""What commands print with on stdout: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cistron.base.digits import digits_of

MARKS = {"pass": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


PIPED = 10_000  # columns of what is no terminal: no table is cut or folded


def console() -> Console:
    """Return the screen; what goes to a file or a pipe is as wide as it needs to be."""
    screen = Console(soft_wrap=False)
    return screen if screen.is_terminal else Console(soft_wrap=False, width=PIPED)


def print_json(document: Any) -> None:
    """Print JSON on stdout."""
    console().print_json(json.dumps(document, ensure_ascii=False), highlight=False)


def interval(score: Mapping[str, Any] | None, *, differs: bool = False) -> str:
    """Write a score with its interval; a difference so that it tells whether it includes zero."""
    if score is None or score["value"] is None:
        return "n/a"
    low, high = score.get("low"), score.get("high")
    digits = digits_of(low, high, differs=differs)
    text = f"{score['value']:z.{digits}f}"
    if low is not None and high is not None:
        text += f" ({low:z.{digits}f}, {high:z.{digits}f})"
    return text


def show_public(as_json: bool) -> None:
    """Print the public data sets."""
    from cistron.samples.sequences.public import PUBLIC

    if as_json:
        print_json(
            {
                name: {"title": d.title, "bytes": d.size, "licence": d.licence, "origin": d.origin}
                for name, d in PUBLIC.items()
            }
        )
        return
    table = Table()
    for heading in ("name", "what", "download", "licence", "origin"):
        table.add_column(heading)
    for name, data in PUBLIC.items():
        size = f"{data.size / 1e6:.0f} MB"
        table.add_row(name, data.title, size, data.licence, data.origin)
    console().print(table)
