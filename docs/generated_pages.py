"""Pages that are written when the site is built: every command, and every public name.

`commands.md` and `python-api.md` come from the help texts and the docstrings, so they are never
out of date. They are not kept in the repository.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import typer

import cistron
from cistron.cli import app

HEAD = "% Written when the site is built; see generated_pages.py.\n\n"


def commands_page() -> str:
    """Return the page of commands as Markdown."""
    group = typer.main.get_command(app)
    parts = [
        f"{HEAD}# Commands\n",
        "`cistron COMMAND --help` prints the same in the terminal. A user's mistake ends with one "
        "sentence and exit code 2.\n",
    ]
    parts += [command_section(path, command) for path, command in commands(group)]
    return "\n".join(parts)


def commands(group: Any, path: tuple[str, ...] = ("cistron",)) -> list[tuple[str, Any]]:
    """Return every command with what is typed to call it, in the order of `cistron --help`."""
    found = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += commands(command, (*path, name))
        else:
            found.append((" ".join((*path, name)), command))
    return found


def command_section(path: str, command: Any) -> str:
    """Return one command: its summary, arguments and options."""
    context = click.Context(command, info_name=path)
    pieces = [" ".join(piece for piece in command.collect_usage_pieces(context) if piece)]
    lines = [f"## {path}\n", inspect.cleandoc(command.help or "") + "\n"]
    lines += [f"```text\n{path} {pieces[0]}\n```\n"]
    rows = [row(parameter, context) for parameter in command.get_params(context)]
    rows = [each for each in rows if each]
    if rows:
        lines += ["| argument or option | what it is |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def row(parameter: Any, context: Any) -> str:
    """Return the row of one argument or option; empty of `--help` and what is hidden."""
    if parameter.name == "help" or getattr(parameter, "hidden", False):
        return ""
    record = parameter.get_help_record(context)
    if record is None:
        record = (parameter.make_metavar(context), getattr(parameter, "help", "") or "")
    name = record[0].replace("|", "\\|")
    return f"| `{name}` | {_cell(record[1])} |"


def _cell(text: str) -> str:
    escaped = str(text).replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.replace("[", "\\[").split()) if "`" not in escaped else escaped


def api_page() -> str:
    """Return the page of the Python interface: a section for each name of `cistron.__all__`."""
    objects = {name: getattr(cistron, name) for name in cistron.__all__ if name[0] != "_"}
    classes = [name for name, thing in objects.items() if inspect.isclass(thing)]
    functions = sorted(set(objects) - set(classes))
    parts = [
        f"{HEAD}# Python interface\n",
        "All of these are names of the package: `import cistron`, then `cistron.load(...)`.\n",
        "| name | what it does |",
        "|---|---|",
        *(
            f"| [`{name}`](#cistron.{name}) | {_cell(_summary(objects[name]))} |"
            for name in [*functions, *classes]
        ),
        "",
    ]
    for heading, names, directive in (
        ("Functions", functions, "autofunction"),
        ("Classes", classes, "autoclass"),
    ):
        parts.append(f"## {heading}\n")
        for name in names:
            members = "\n   :members:" if directive == "autoclass" else ""
            parts.append(f"```{{eval-rst}}\n.. {directive}:: cistron.{name}{members}\n```\n")
    return "\n".join(parts)


def _summary(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


PAGES = {"commands.md": commands_page, "python-api.md": api_page}


def write_pages(sphinx: Any) -> None:
    """Write the pages that are not there yet, or have changed."""
    for name, page in PAGES.items():
        place, text = Path(sphinx.srcdir) / name, page()
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")


def is_plumbing(_app: Any, _kind: str, name: str, *_: Any) -> bool | None:
    """Leave out scikit-learn's `set_fit_request` and the like, whose texts are not ours."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def whole_streams(outputs: list[Any]) -> list[Any]:
    """Join what a cell printed: a notebook keeps it in pieces of 100 letters.

    The library's own joining takes each piece for whole lines, which tears tables and colours.
    """
    joined: list[Any] = []
    for output in outputs:
        streams = [other for other in joined if other.get("name") == output.get("name", "")]
        if output["output_type"] == "stream" and streams:
            streams[0]["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def setup(sphinx: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    import_module("myst_nb.core.render").coalesce_streams = whole_streams  # type: ignore[attr-defined]
    sphinx.connect("builder-inited", write_pages)
    sphinx.connect("autodoc-skip-member", is_plumbing)
    return {"parallel_read_safe": True}
