"""What `cistron motifs` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from cistron.cli.display import console


def show_motifs(out: Path, found: Mapping[str, Any], as_json: bool) -> None:
    """Print the patterns, and where the page is."""
    if as_json:
        typer.echo(json.dumps({"out": str(out), **found}, indent=2, ensure_ascii=False))
        return
    patterns = found["patterns"]
    if patterns:
        table = Table(box=None, pad_edge=False)
        for name in ("pattern", "consensus", "seqlets", "match", "q", "effect"):
            table.add_column(
                name, justify="right" if name in ("seqlets", "q", "effect") else "left"
            )
        for made in patterns:
            best = made["matches"][0]["q"] if made["matches"] else None
            effects = [effect for effect in made["effects"] if effect["place"] == "middle"]
            strongest = max(effects, key=lambda effect: abs(effect["mean"]), default=None)
            table.add_row(
                made["name"],
                made["consensus"],
                f"{made['seqlets']:,}",
                made["title"],
                "" if best is None else f"{best:.1g}",
                "" if strongest is None else f"{strongest['mean']:+.2f}",
            )
        console().print(table)
    for note in found["notes"]:
        typer.echo(note)
    typer.echo(f"{out / 'motifs.html'}: {len(patterns)} patterns.")
