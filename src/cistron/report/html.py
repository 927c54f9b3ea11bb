"""What every page shares: its templates, how it is made, and how its values are written."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from cistron.base.outputs import write_text
from cistron.base.version import __version__
from cistron.figures.numbers import THIN, count, decimal
from cistron.report.names import human, without_folders


@cache
def environment() -> Environment:
    """Return the templates of the report."""
    templates = Environment(
        loader=PackageLoader("cistron.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"human": human, "written": written, "without_folders": without_folders}
    script = resources.files("cistron.report").joinpath("templates/page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    templates.globals |= {"interval": f"95{THIN}%", "version": __version__}
    # The security policy of a page lets this one script run, by its hash.
    templates.globals |= {"script": script, "script_hash": f"sha256-{digest}"}
    return templates


def html(template: str, **context: object) -> str:
    """Return one page that needs nothing else."""
    return environment().get_template(template).render(**context)


def write_html(path: Path, page: str) -> None:
    """Write a page, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)


def written(value: object) -> str:
    """Write a scalar of a JSON file."""
    if value is None:
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return decimal(value, 3) if isinstance(value, float) else without_folders(str(value))


def duration(seconds: float) -> str:
    """Write a time: 4.2 s, 3 min 20 s, 1 h 12 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
