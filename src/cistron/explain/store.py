"""An explanation as one HDF5 file, chunked and compressed, written window by window.

Readable without this package:

    file = h5py.File("attributions.h5")
    start, end = file["offsets"][i : i + 2]
    contributions = file["contributions"][start:end]
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
import pandas as pd

from cistron.base.arrays import Array
from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.hdf5 import written_hdf5
from cistron.base.untrusted import as_damage, parse_json
from cistron.explain.explanation import Explanation
from cistron.explain.settings import ExplainSettings

ATTRIBUTIONS, SUMMARY = "attributions.h5", "summary.json"  # files of `cistron explain`
FORMAT, VERSION = "cistron explanation", 1
DAMAGED = "{} is cut short or damaged ({{}}). Run `cistron explain` again."
ALONG = ("contributions", "hypothetical", "codes", "positions", "strands")
EACH = ("logits", "probabilities", "explained", "output", "reference_output", "error")
CHUNK = 1 << 16  # positions, or rows, that are compressed together
TEXT = h5py.string_dtype()


class Writer:
    """Appends explanations to a file, which appears under its name when all are written.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closing = ExitStack()
        self.total = 0

    def __enter__(self) -> Self:
        self.file = self._closing.enter_context(written_hdf5(self.path))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    def append(self, explanation: Explanation) -> None:
        """Write the samples of one window."""
        if "offsets" not in self.file:
            self._start(explanation)
        offsets = explanation.offsets[1:] + self.total
        self._extend("offsets", offsets)
        self.total = int(offsets[-1])
        for name in (*ALONG, *EACH, "lengths"):
            values = getattr(explanation, name)
            if values is not None:
                self._extend(name, values)
        for name in ("ids", "method"):
            self._extend(name, getattr(explanation, name).astype(object))
        for column, values in explanation.coordinates.items():
            self._extend(f"coordinates/{column}", values.to_numpy())
        for column, values in explanation.groups.items():
            self._extend(f"groups/{column}", values.astype(str).to_numpy(dtype=object))
        self.file.flush()  # a full disk is noticed here

    def note(self, name: str, document: object) -> None:
        """Keep something as JSON among the file's attributes."""
        self.file.attrs[name] = json.dumps(document)

    def _start(self, explanation: Explanation) -> None:
        attributes = self.file.attrs
        attributes["format"], attributes["version"] = FORMAT, VERSION
        attributes["letters"] = explanation.letters
        self.note("classes", list(explanation.classes))
        self.note("settings", explanation.settings.document())
        if explanation.features:
            self.file.create_dataset("features", data=list(explanation.features), dtype=TEXT)
        self.file.create_dataset(
            "offsets", data=np.zeros(1, np.int64), maxshape=(None,), chunks=(CHUNK,)
        )

    def _extend(self, name: str, values: Array) -> None:
        if name not in self.file:
            text = values.dtype == object
            width = int(np.prod(values.shape[1:], dtype=int))
            self.file.create_dataset(
                name,
                shape=(0, *values.shape[1:]),
                maxshape=(None, *values.shape[1:]),
                chunks=(max(1, CHUNK // max(width, 1)), *values.shape[1:]),
                dtype=TEXT if text else values.dtype,
                compression="gzip",
                compression_opts=4,
                shuffle=not text,
            )
        data = self.file[name]
        before = len(data)
        data.resize(before + len(values), axis=0)
        data[before:] = values


def write(explanation: Explanation, path: str | Path, checks: Document | None = None) -> None:
    """Write an explanation, and what was found by its checks."""
    with Writer(Path(path)) as writer:
        writer.append(explanation)
        writer.note("checks", checks or {})


def read(path: str | Path, rows: slice = slice(None)) -> Explanation:
    """Read an explanation, or some consecutive samples of it.

    Parameters
    ----------
    path : path
    rows : slice
        Without a step.

    Raises
    ------
    InputError
        If the file is none, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist. `cistron explain` writes attributions.h5.")
    if not h5py.is_hdf5(path):
        raise InputError(f"{path} is no HDF5 file.")
    with as_damage(DAMAGED.format(path)), h5py.File(path) as file:
        attributes = file.attrs
        if attributes.get("format") != FORMAT:
            raise InputError(f"{path} holds no explanation by `cistron explain`.")
        if attributes["version"] > VERSION:
            raise InputError(f"{path} was written by a newer version of Cistron. Update this one.")
        start, stop, _ = rows.indices(len(file["ids"]))
        offsets = file["offsets"][start : stop + 1]
        inside = slice(int(offsets[0]), int(offsets[-1]))
        along: Document = {name: file[name][inside] if name in file else None for name in ALONG}
        each: Document = {name: file[name][start:stop] for name in EACH}
        columns: Document = {
            kind: pd.DataFrame(
                {name: _plain(data[start:stop]) for name, data in file.get(kind, {}).items()},
                index=range(stop - start),
            )
            for kind in ("coordinates", "groups")
        }
        return Explanation(
            ids=_plain(file["ids"][start:stop]),
            offsets=offsets - offsets[0],
            method=_plain(file["method"][start:stop]),
            settings=ExplainSettings(**parse_json(attributes["settings"], str(path))),
            classes=tuple(parse_json(attributes["classes"], str(path))),
            letters=attributes["letters"],
            features=tuple(_plain(file["features"][:])) if "features" in file else (),
            lengths=file["lengths"][start:stop] if "lengths" in file else None,
            **along,
            **each,
            **columns,
        )


def read_checks(path: str | Path) -> Document:
    """Return what the checks of an explanation found."""
    with as_damage(DAMAGED.format(path)), h5py.File(path) as file:
        return parse_json(file.attrs.get("checks", "{}"), str(path))


def _plain(values: Array) -> Array:
    """Return text as str."""
    if values.dtype != object:
        return values
    return np.array([v.decode() if isinstance(v, bytes) else v for v in values], dtype=object)
