"""Ready experiment files, written by `cistron new`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from cistron.base.errors import InputError, nearest
from cistron.base.outputs import new_file, require_new

PUBLISHED = "_published"
"""How the file of a recipe ends that has the published system's settings."""


def recipes(published: bool = False) -> list[str]:
    """Return the names of the recipes, or of those with a published variant."""
    paths = files("cistron.experiment.recipes").iterdir()
    names = {path.name.removesuffix(".yaml") for path in paths if path.name.endswith(".yaml")}
    variants = {name for name in names if name.endswith(PUBLISHED)}
    if published:
        return sorted(name.removesuffix(PUBLISHED) for name in variants)
    return sorted(names - variants)


def write_recipe(name: str, path: Path, *, published: bool = False, force: bool = False) -> None:
    """Write a recipe as a commented experiment file.

    Parameters
    ----------
    name : str
        One of `recipes()`.
    path : Path
    published : bool
        The published system's network and settings in place of the recommended ones.
    force : bool
        Replace a file that is there.

    Raises
    ------
    InputError
        If there is no such recipe, or the file exists and `force` is not set.
    """
    there = recipes()
    if name not in there:
        raise InputError(
            f"There is no recipe {name!r}.{nearest(name, there)} There are: {', '.join(there)}."
        )
    if published and name not in recipes(published=True):
        raise InputError(
            f"The recipe {name!r} is no published system's. Recipes with --published: "
            f"{', '.join(recipes(published=True))}."
        )
    require_new(path, force=force, option="FILE")
    file = f"{name}{PUBLISHED if published else ''}.yaml"
    text = files("cistron.experiment.recipes").joinpath(file).read_text(encoding="utf-8")
    # The commands in its comments are those for the file as it is called here.
    with new_file(path, force=force) as draft:
        draft.write_text(text.replace(f"{name}.yaml", path.name), encoding="utf-8")
