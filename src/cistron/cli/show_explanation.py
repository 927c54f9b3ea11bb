"""What `cistron explain` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer


def show_explanation(out: Path, summary: dict[str, Any], as_json: bool) -> None:
    """Print the summary of an explanation: its size, and what its checks found."""
    if as_json:
        typer.echo(json.dumps({"out": str(out), **summary}, indent=2, ensure_ascii=False))
        return
    unused = summary["not_used"]["records"]
    lines = [
        f"{out}: {summary['samples']:,} samples explained"
        + (f", {unused:,} records not used." if unused else ".")
    ]
    if summary["completeness_error"]:
        error = summary["completeness_error"]
        lines.append(
            f"Contributions add up to the output difference within {error['largest']:.1e} of it "
            f"(median {error['median']:.1e})."
        )
    curve = summary["checks"]["faithfulness"]
    lines.append(
        f"Deleting the positions that contribute most lowers the output further than deleting "
        f"random ones in {curve['better']:.0%} of {curve['samples']:,} samples (area "
        f"{curve['area']:.3g})."
    )
    if "randomised_weights" in summary["checks"]:
        found = summary["checks"]["randomised_weights"]
        lines.append(
            f"Rank correlation with a network of random weights: {found['correlation']:.2f}."
        )
    top = summary.get("features", [])[:5]
    lines += [f"  {feature['name']}: mean {feature['mean']:+.3g}" for feature in top]
    typer.echo("\n".join(lines))
