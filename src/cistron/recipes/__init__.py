"""Ready experiment files, written by `cistron new`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from cistron.errors import InputError, nearest


def recipes() -> list[str]:
    """Return the names of the recipes."""
    found = files("cistron.recipes").iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in found if f.name.endswith(".yaml"))


def write_recipe(name: str, path: Path, force: bool = False) -> None:
    """Write a recipe as a commented experiment file.

    Raises
    ------
    InputError
        If there is no such recipe, or the file exists and `force` is not set.
    """
    if name not in recipes():
        raise InputError(
            f"There is no recipe {name!r}.{nearest(name, recipes())} There are: "
            f"{', '.join(recipes())}."
        )
    if path.exists() and not force:
        raise InputError(f"{path} exists and is never overwritten. Choose another name.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no directory. Make it first.")
    text = files("cistron.recipes").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
