"""How training cells were read: what new cells of the same classifier are read by."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from cistron.base.errors import InputError, nearest
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.cell_formats import cell_format
from cistron.samples.cells.cell_join import Duplicates
from cistron.samples.cells.cell_keys import LabelColumn, LabelSource
from cistron.samples.cells.stored import open_store

X = "X"  # what names the main matrix of AnnData where training read another


class CellReading(CellFormat):
    """The keys of `CellSamples` that decide what the numbers and labels of a file mean."""

    missing: bool = Field(True, description="whether numbers may be missing (NaN)")
    duplicate_genes: Duplicates = Field("sum", description="how columns of one name become one")
    label: LabelSource | None = Field(None, description="column of the labels, and their classes")

    @property
    def classes_of(self) -> dict[str, str]:
        """Value of the label's column → class; empty where the values are the classes."""
        if not isinstance(self.label, LabelColumn):
            return {}
        return {value: name for name, values in self.label.classes.items() for value in values}

    @property
    def column(self) -> str | None:
        """The column of the labels."""
        return self.label.column if isinstance(self.label, LabelColumn) else self.label

    def of_file(self, path: Path, layer: str | None = None) -> CellReading:
        """Return how a new file is read.

        Parameters
        ----------
        path : Path
        layer : str, optional
            Layer that the user names; "X" is the main matrix. Without it the numbers are those
            that training read. Other formats than AnnData have one matrix, which is read.

        Raises
        ------
        InputError
            If AnnData does not have what training read.
        """
        if layer is not None:
            return self._changed(layer=None if layer == X else layer, raw=False)
        if cell_format(path) != "anndata":
            return self._changed(layer=None, raw=False)
        if self.raw or self.layer is not None:
            self._require_in(path)
        return self

    def _changed(self, **keys: object) -> CellReading:
        return self.model_copy(update=keys)

    def _require_in(self, path: Path) -> None:
        with open_store(path) as store:
            layers = [str(name) for name in store["layers"]] if "layers" in store else []
            there = "raw" in store if self.raw else self.layer in layers
        if not there:
            what = "`raw`" if self.raw else f"the layer {self.layer!r}"
            hint = "" if self.layer is None else nearest(self.layer, layers)
            raise InputError(
                f"{path} does not have {what}, which the classifier was trained on. Its layers "
                f"are: {', '.join(layers) or 'none'}.{hint} Name the one that holds the same kind "
                f"of numbers with --layer; --layer {X} is the matrix X."
            )
