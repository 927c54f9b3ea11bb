"""The keys of the `cells` source that have a shape of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from cistron.base.settings import InputPath, Settings
from cistron.samples.keys import ClassName, GroupName, InputPaths

KEPT = ("counts", "detected", "source")  # columns of the table that are made here


def _own_name(name: str) -> str:
    if name in KEPT:
        raise ValueError(
            f"{name!r} is a column that is made here, so no group can have the name; give it "
            f"another: {{my_{name}: {name}}}"
        )
    return name


def _several(value: object) -> object:
    return (value,) if isinstance(value, (str, int, bool)) else value


def _named_by_column(value: object) -> object:
    names = (value,) if isinstance(value, str) else value
    return {name: name for name in names} if isinstance(names, (list, tuple)) else names


def _table_alone(value: object) -> object:
    return {"table": value} if isinstance(value, (str, Path)) else value


def _path_tag(value: object) -> str:
    return "[names]" if isinstance(value, Mapping) else "[files]"


def _label_tag(value: object) -> str:
    return "[column]" if isinstance(value, str) else "[classes]"


def _metadata_tag(value: object) -> str:
    has_table = isinstance(value, dict) and "table" in value
    table = has_table or isinstance(value, (Metadata, str, Path))
    return "[table]" if table else "[files]"


class Metadata(Settings):
    """A table of what is known of the cells."""

    table: InputPath = Field(description="CSV, TSV or parquet, plain or gzip")
    id: str | None = Field(None, description="column with the barcode; none: the first")


class LabelColumn(Settings):
    """A column, and which of its values make each class."""

    column: str = Field(description="column of obs or of the metadata table")
    classes: dict[ClassName, Annotated[tuple[ClassName, ...], BeforeValidator(_several)]] = Field(
        min_length=2, description="class: its values; cells with other values are dropped"
    )

    @model_validator(mode="after")
    def _each_value_once(self) -> Self:
        values = [value for values in self.classes.values() for value in values]
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"the value {value!r} is named twice")
        return self


PathSource = Annotated[
    Annotated[InputPaths, Tag("[files]")]
    | Annotated[dict[ClassName, InputPath], Field(min_length=1), Tag("[names]")],
    Discriminator(_path_tag),
]
"""One file, several, or several under names of their own."""
LabelSource = Annotated[
    Annotated[str, Tag("[column]")] | Annotated[LabelColumn, Tag("[classes]")],
    Discriminator(_label_tag),
]
MetadataTable = Annotated[Metadata, BeforeValidator(_table_alone)]
MetadataSource = Annotated[
    Annotated[MetadataTable, Tag("[table]")]
    | Annotated[dict[ClassName, MetadataTable], Tag("[files]")],
    Discriminator(_metadata_tag),
]
"""One table for all files, or one for each, under the name of the file."""
GroupColumns = Annotated[
    dict[Annotated[GroupName, AfterValidator(_own_name)], str],
    BeforeValidator(_named_by_column),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]
"""Columns, under their own names or others."""
