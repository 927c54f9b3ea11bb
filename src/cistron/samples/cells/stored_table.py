"""Tables of cells and genes in AnnData files (obs, var, raw.var), as every anndata wrote them.

anndata 0.8 and later writes a categorical column as a group; 0.7 writes its codes, and the
categories in the group `__categories`; before 0.7 the table is one array of records. R packages
write the first or the second form.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from cistron.base.errors import InputError
from cistron.base.untrusted import as_damage

CATEGORIES = "__categories"


class Table(Protocol):
    """A table of which columns are read one by one."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def names(self) -> pd.Series:
        """The name of each row."""

    def column(self, name: str) -> pd.Series:
        """Return the values of a column, categories by their names."""


def stored_table(store: Any, name: str, path: Path) -> Table:
    """Return a table of an open file.

    Parameters
    ----------
    store : h5py.File or zarr.Group
    name : str
        obs, var or raw/var.
    path : Path

    Raises
    ------
    InputError
        If the file has no such table, or anndata is not installed.
    """
    if name in store:
        element = store[name]
        if "_index" in getattr(element, "attrs", {}) and hasattr(element, "keys"):
            return _Columns(element, path)
        if getattr(element, "dtype", None) is not None and element.dtype.names:
            return _Records(_read_records(path, name))
    raise InputError(
        f"{path} has no table {name!r} as anndata writes it. Read it with anndata and write it "
        "again (write_h5ad)."
    )


@dataclass(frozen=True, eq=False)
class _Columns:
    """A table whose columns are arrays or groups of their own."""

    group: Any
    path: Path

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(str(name) for name in self.group.attrs.get("column-order", ()))

    @property
    def names(self) -> pd.Series:
        return self.column(str(self.group.attrs["_index"]))

    def column(self, name: str) -> pd.Series:
        if name not in self.group:
            raise InputError(
                f"{self.path} is damaged: the column {name!r} is announced and not there."
            )
        values = self._read(self.group[name])
        apart = self.group.get(CATEGORIES, ())
        if name not in apart:
            return pd.Series(values)
        categories = pd.Index(self._read(apart[name]))
        if len(values) and not -1 <= values.min() <= values.max() < len(categories):
            raise InputError(
                f"{self.path} is damaged: the column {name!r} has categories that it does not name."
            )
        return pd.Series(pd.Categorical.from_codes(values, categories))

    def _read(self, element: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of each element without a version anndata says so
            try:
                return _anndata(self.path).read_elem(element)
            except InputError:
                raise
            except Exception as error:
                raise InputError(
                    f"{self.path} is damaged, or anndata does not know a column of it: {error}. "
                    "Copy the file again, or update anndata."
                ) from error


@dataclass(frozen=True, eq=False)
class _Records:
    """A table that is in memory."""

    frame: pd.DataFrame

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(map(str, self.frame.columns))

    @property
    def names(self) -> pd.Series:
        return self.frame.index.to_series()

    def column(self, name: str) -> pd.Series:
        return self.frame[name].reset_index(drop=True)


def _read_records(path: Path, name: str) -> pd.DataFrame:
    """Return a table of a file from before anndata 0.7, whose categories stand in uns."""
    with (
        as_damage(
            f"{path} was written before anndata 0.7, or is damaged, and anndata cannot read it "
            "({}). Read it with the anndata of its time, and write it again (write_h5ad)."
        ),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # anndata says of each such file that it is old
        data = _anndata(path).read_h5ad(path, backed="r")
    try:
        return data.raw.var if name.startswith("raw") else {"obs": data.obs, "var": data.var}[name]
    finally:
        data.file.close()


def _anndata(path: Path) -> Any:
    try:
        import anndata.io
    except ImportError as error:
        raise InputError(
            f"{path} is AnnData, and anndata is not installed. Install it with: pip install "
            "'cistron[cells]'."
        ) from error
    return anndata.io
