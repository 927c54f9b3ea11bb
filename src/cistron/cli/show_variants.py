"""What `cistron variants` and `cistron mutate` print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer


def show_variants(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print how many variants were predicted, and why others were not."""
    if as_json:
        typer.echo(json.dumps({"out": str(out), **found}, indent=2, ensure_ascii=False))
        return
    lines = [
        f"{out}: {found['rows']:,} rows; {found['predicted']:,} of {found['alleles']:,} alleles "
        "fall into a window."
    ]
    lines += [
        f"  {number:,} not predicted: {reason}" for reason, number in found["skipped"].items()
    ]
    if found["skipped"]:
        lines.append(f"{out}.skipped.tsv names each of these with its line.")
    typer.echo("\n".join(lines))


def show_mutated(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print how many mutations were predicted."""
    if as_json:
        typer.echo(json.dumps({"out": str(out), **found}, indent=2, ensure_ascii=False))
        return
    without = found["without"]
    lines = [f"{out}: {found['rows']:,} mutations of {found['mutated']:,} sequences."]
    if without["records"]:
        first = without["first"][0]
        lines.append(
            f"{without['records']:,} records without: {first['id']}: {first['reason']}"
            + ("; …" if without["records"] > 1 else ".")
        )
    typer.echo("\n".join(lines))
