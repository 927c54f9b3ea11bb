"""Cells as samples: their expression from files of every usual format, joined by gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from cistron.base.counts import Counts
from cistron.base.errors import InputError, nearest
from cistron.base.files import resolved
from cistron.samples.cells.cell_columns import Known, cell_columns, read_metadata
from cistron.samples.cells.cell_file import CellFile, CellFormat
from cistron.samples.cells.cell_formats import read_cell_file
from cistron.samples.cells.cell_join import Duplicates, Join, counts_of, join_files, unite_columns
from cistron.samples.cells.cell_keys import (
    GroupColumns,
    LabelSource,
    Metadata,
    MetadataSource,
    PathSource,
)
from cistron.samples.cells.cell_numbers import Numbers, add_up, mitochondrial_genes
from cistron.samples.cells.cell_reading import CellReading
from cistron.samples.cells.cell_records import (
    arrangement_notes,
    cell_samples,
    group_notes,
    label_cells,
    make_records,
    name_files,
    refuse_swapped,
    weigh_cells,
)
from cistron.samples.filters import require_classes
from cistron.samples.keys import ClassName, InputPaths
from cistron.samples.labels import Records, keep_only, require_groups
from cistron.samples.samples import Samples
from cistron.samples.settings import SamplesSettings

SOURCE = "source"  # the group that says which of several files a cell is of


class CellSamples(CellFormat, SamplesSettings):
    """Settings of the `cells` source: counts of genes in cells."""

    contents: ClassVar[frozenset[str]] = frozenset({"genes"})

    kind: Literal["cells"] = "cells"
    classes: dict[ClassName, InputPaths] | None = Field(
        None,
        min_length=1,
        description="class name: the file or files of its cells; the last class is the positive "
        "one",
    )
    path: PathSource | None = Field(
        None,
        description="h5ad, zarr, 10x (folder or h5), MTX, CSV or TSV of counts, plain or gzip: one "
        "file, several, or {name: file}",
    )
    metadata: MetadataSource | None = Field(
        None, description="table of the cells by barcode, or {name of the file: table}"
    )
    label: LabelSource | None = Field(
        None, description="column of obs or metadata with the class; or {column, classes}"
    )
    groups: GroupColumns = Field(
        default_factory=dict,
        description="columns of cells that belong together (patient, sample, clone), or {name: "
        "column}; of several files `source` is always one",
    )
    weight: str | None = Field(None, description="column with the weight of each cell")
    only: tuple[ClassName, ...] | None = Field(
        None, min_length=1, description="classes to keep, in this order; others are dropped"
    )
    counts: bool = Field(
        True,
        description="whether the numbers are promised to be counts; then negative ones and "
        "fractions are refused",
    )
    missing: bool = Field(False, description="whether numbers may be missing (NaN), to be imputed")
    join: Join = Field(
        "shared",
        description="genes of several files, matched by name: those that all share, or all (zero "
        "in the files without them)",
    )
    duplicate_genes: Duplicates = Field(
        "sum", description="how several columns of one name in a file become one"
    )
    number_cells: bool = Field(
        False, description="cells of one name in a file become name, name#2, …"
    )
    min_genes: int = Field(
        1, ge=0, description="least genes above zero of a cell; other cells are dropped"
    )
    min_counts: float | None = Field(
        None, ge=0, description="least sum of a cell; other cells are dropped; null: no limit"
    )
    max_mitochondrial: float | None = Field(
        None,
        ge=0,
        le=1,
        description="largest share of mitochondrial counts of a cell; other cells are dropped; "
        "null: no limit",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.classes is None) == (self.path is None):
            raise ValueError("give either `classes` (a file each) or `path`, not both or neither")
        if self.classes is not None and self.label is not None:
            raise ValueError("`label` goes with `path`; with `classes` the file is the label")
        if self.classes is None and self.label is None and self.only:
            raise ValueError("`only` needs labels: give `label`")
        if self.layer is not None and self.raw:
            raise ValueError("give `layer` or `raw`, not both")
        return self

    @property
    def holds_counts(self) -> bool:
        """Whether the numbers are promised to be counts."""
        return self.counts

    @property
    def files(self) -> list[tuple[str | None, str, Path]]:
        """Label, name and path of every file."""
        if isinstance(self.path, dict):
            return [(None, name, path) for name, path in self.path.items()]
        pairs: list[tuple[str | None, Path]] = [(None, path) for path in self.path or ()]
        for label, paths in (self.classes or {}).items():
            pairs.extend((label, path) for path in paths)
        names = name_files([path for _, path in pairs])
        return [(label, name, path) for (label, path), name in zip(pairs, names, strict=True)]

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the group columns that the samples will have."""
        return (*self.groups, *((SOURCE,) if len(self.files) > 1 else ()))

    @property
    def wanted(self) -> dict[str, str]:
        """The columns that are asked for, and the key that asks."""
        columns = {column: f"groups.{name}" for name, column in self.groups.items()}
        if self.weight is not None:
            columns[self.weight] = "weight"
        if self.label is not None:
            columns[self.label if isinstance(self.label, str) else self.label.column] = "label"
        return columns

    @property
    def reading(self) -> CellReading:
        """What the files of new cells are read by."""
        given = self.model_dump(include=set(CellReading.model_fields), exclude={"backed"})
        return CellReading.model_validate(given)

    def read(self) -> Samples:
        """Read all files.

        Raises
        ------
        InputError
            If a file cannot be read or its numbers are not what was said, if no gene is in all
            files, if labels or groups are not found, or if too little is left.
        """
        self._require_different_files()
        labels = [label for label, _, _ in self.files]
        names = [name for _, name, _ in self.files]
        tables = self._read_metadata(names)
        files = [
            read_cell_file(path, self, self.wanted, () if table is None else table.ids)
            for (_, _, path), table in zip(self.files, tables, strict=True)
        ]
        refuse_swapped(files)
        files = [unite_columns(file, self.duplicate_genes, counts=self.counts) for file in files]
        payload, notes = join_files(files, self.join)
        records = make_records(files, names, labels, payload, number=self.number_cells)
        records.notes[:0] = [note for file in files for note in file.notes] + notes
        records.paths += [table.path for table in dict.fromkeys(tables) if table is not None]
        frame = cell_columns(records, files, tables, self.wanted)
        classes = self._assign(records, frame)
        if len(files) > 1:
            sizes = [len(file.barcodes) for file in files]
            records.groups[SOURCE] = np.repeat(np.array(names, dtype=object), sizes)
        numbers = self._add_up(records, files)
        self._filter(records, numbers)
        if self.classes is not None or self.label is not None:
            classes = classes or sorted(set(records.table["label"][records.used]))
            require_classes(records, classes, "")
        elif not records.used.any():
            raise InputError(
                "No cell is left. Loosen the filters of samples (min_genes, min_counts, "
                "max_mitochondrial)."
            )
        origins = {name: f"the column {column!r}" for name, column in self.groups.items()}
        require_groups(records, {**origins, SOURCE: "the file"})
        records.notes += group_notes(records.groups, records.used)
        records.notes += arrangement_notes(records, payload)
        samples = cell_samples(records, payload, numbers, classes)
        return replace(samples, reading=self.reading)

    def _require_different_files(self) -> None:
        given: dict[Path, str | None] = {}
        for label, _, path in self.files:
            place = resolved(path)
            if place in given:
                several = f", for {given[place]!r} and {label!r}" if given[place] != label else ""
                raise InputError(
                    f"samples: {path} is given twice{several}. Give each file once; a column of "
                    "it with the classes goes under samples.label."
                )
            given[place] = label

    def _read_metadata(self, names: Sequence[str]) -> list[Known | None]:
        """Return the metadata table of each file."""
        if self.metadata is None:
            return [None] * len(names)
        if isinstance(self.metadata, Metadata):
            return [read_metadata(self.metadata, self.wanted)] * len(names)
        for name in self.metadata:
            if name not in names:
                raise InputError(
                    f"samples.metadata: no file is called {name!r}; they are: {', '.join(names)}."
                    f"{nearest(name, names)}"
                )
        read = {name: read_metadata(t, self.wanted) for name, t in self.metadata.items()}
        return [read.get(name) for name in names]

    def _assign(self, records: Records, frame: pd.DataFrame) -> list[str]:
        """Give the cells their labels, groups and weights; return the classes, if declared."""
        for name, column in self.groups.items():
            records.groups[name] = frame[column].to_numpy(dtype=object)
        classes = list(self.classes or ())
        if self.label is not None:
            column = self.label if isinstance(self.label, str) else self.label.column
            classes = label_cells(records, frame[column], self.label)
        if self.weight is not None:
            weigh_cells(records, frame[self.weight], self.weight)
        if self.only is not None:
            keep_only(records, self.only)
            classes = list(dict.fromkeys(self.only))
        return classes

    def _add_up(self, records: Records, files: Sequence[CellFile]) -> Numbers:
        """Read the numbers of the cells that are used, each with all genes of its file."""
        parts, start = [], 0
        for file in files:
            rows = np.flatnonzero(records.used[start : start + len(file.barcodes)])
            ids = records.table["id"].to_numpy(dtype=object)[start + rows]
            cells = counts_of(file).take(rows)
            numbers = add_up(
                cells,
                ids,
                promised=self.counts,
                missing=self.missing,
                where=str(file.path),
                technical=self._mitochondrial(file.path, cells),
            )
            records.notes += [f"{file.path}: {note}" for note in numbers.notes]
            parts.append(numbers.spread(rows, len(file.barcodes)))
            start += len(file.barcodes)
        return Numbers.join(parts)

    def _mitochondrial(self, path: Path, cells: Counts) -> NDArray[np.bool_] | None:
        """Return which genes are mitochondrial, where their share is asked for."""
        if self.max_mitochondrial is None:
            return None
        chosen = mitochondrial_genes(cells)
        if not chosen.any():
            raise InputError(
                f"samples.max_mitochondrial: no gene of {path} has the name of a mitochondrial one "
                f"(MT-…); they are called {', '.join(cells.genes[:3])}. Leave the key out, or take "
                "symbols (samples.gene_names: symbol)."
            )
        return chosen

    def _filter(self, records: Records, numbers: Numbers) -> None:
        """Drop cells of poor quality."""
        few = f"fewer than {self.min_genes:,} genes above zero"
        few = "no gene above zero" if self.min_genes == 1 else few
        records.drop(numbers.detected < self.min_genes, few)
        if self.min_counts is not None:
            low = numbers.counts < self.min_counts
            records.drop(low, f"fewer than {self.min_counts:,g} counts")
        if self.max_mitochondrial is not None:
            records.drop(
                numbers.mitochondrial > self.max_mitochondrial,
                f"more than {self.max_mitochondrial:.0%} of the counts are mitochondrial",
            )


def read_cells(
    source: str | Path | Sequence[str | Path] | Mapping[str, object],
    label: str | Mapping[str, object] | None = None,
    groups: Sequence[str] | Mapping[str, str] = (),
    **settings: object,
) -> Samples:
    """Read cells: AnnData (h5ad, zarr), 10x (folder, h5), MTX, or CSV and TSV of counts.

    Parameters
    ----------
    source : path, list of paths, or dict
        A dict names the file or files of each class, where `label` is not given; with `label` it
        names files, which become the group `source`.
    label : str or dict, optional
        Column of obs or of the metadata table; or {"column": …, "classes": {class: values}}.
    groups : sequence of str or dict, optional
        Columns of cells that belong together, or name → column.
    **settings
        Further keys of `CellSamples`: metadata, layer, raw, backed, orientation, gene_names,
        counts, missing, join, duplicate_genes, number_cells, min_genes, min_counts,
        max_mitochondrial, weight, only.

    Returns
    -------
    Samples
        Their payload is `Counts`; `dropped` lists the cells that were not used. Columns `counts`
        (the sum of a cell) and `detected` (its genes above zero).

    Raises
    ------
    InputError
        See `CellSamples.read`.
    """
    place = "classes" if isinstance(source, Mapping) and label is None else "path"
    keys = {place: source, "label": label, "groups": groups, **settings}
    return CellSamples.model_validate(keys).read()
