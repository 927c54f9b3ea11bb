"""Keys that several sources have in common, and the checks of their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from cistron.base.settings import InputPath, Settings

RESERVED = ("id", "label", "weight")


def _compiled(pattern: str) -> str:
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if len(regex.groupindex) != 1 and regex.groups != 1:
        raise ValueError(
            f"{pattern!r} has {regex.groups} capturing groups and needs exactly one: put "
            "parentheses around the part that is the value, (?:…) around others"
        )
    return pattern


def checked_name(value: object) -> object:
    """Return a name that YAML may have read as a number; refuse true, false and nothing."""
    if isinstance(value, bool):
        # YAML reads yes, no, on and off as true and false.
        raise ValueError("YAML reads this name as true or false; put it in quotation marks")
    name = str(value).strip() if isinstance(value, (int, str)) else value
    if name == "":
        raise ValueError("a name must not be empty")
    return name


def _group_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"a group cannot be called {', '.join(RESERVED[:-1])} or {RESERVED[-1]}")
    return name


def _several(value: object) -> object:
    return (value,) if isinstance(value, (str, Path)) else value


def _tag(value: object) -> str:
    if isinstance(value, str):
        return "[pattern]"
    files = "files" in value if isinstance(value, dict) else isinstance(value, GroupFiles)
    return "[files]" if files else "[table]"


class LabelTable(Settings):
    """A table that says the label of each id."""

    table: InputPath = Field(description="CSV, TSV or parquet, plain or gzip")
    id: str = Field("id", description="column with the id: the first word of the header")
    column: str = Field("label", description="column with the label")


class GroupColumn(Settings):
    """A column of the label table."""

    column: str = Field(description="column of the label table with the group")


Pattern = Annotated[str, AfterValidator(_compiled)]
"""A regular expression with one capturing group, searched in the whole header line."""
ClassName = Annotated[str, BeforeValidator(checked_name), WithJsonSchema({"type": "string"})]
GroupName = Annotated[str, BeforeValidator(checked_name), AfterValidator(_group_name)]
InputPaths = Annotated[
    tuple[InputPath, ...],
    BeforeValidator(_several),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
"""One file or several."""
LabelSource = Annotated[
    Annotated[Pattern, Tag("[pattern]")] | Annotated[LabelTable, Tag("[table]")],
    Discriminator(_tag),
]


class GroupFiles(Settings):
    """A value for each file, as when a data set comes as a train and a test file."""

    files: dict[ClassName, InputPaths] = Field(
        min_length=1, description="value: the file or files whose records have it"
    )


GroupSource = Annotated[
    Annotated[Pattern, Tag("[pattern]")]
    | Annotated[GroupColumn, Tag("[table]")]
    | Annotated[GroupFiles, Tag("[files]")],
    Discriminator(_tag),
]


def require_label_table(groups: Mapping[str, object], label: object) -> None:
    """Refuse groups that are columns of a label table where there is none.

    Raises
    ------
    ValueError
        Naming the group.
    """
    columns = [name for name, group in groups.items() if isinstance(group, GroupColumn)]
    if columns and not isinstance(label, LabelTable):
        raise ValueError(
            f"group {columns[0]!r} is a column of the label table, and there is none: give "
            "`label: {table: …}`, or a pattern"
        )
