"""Predict the cells of another data set, and say how far the predictions can be trusted.

Every step of the encoder is carried in the classifier; nothing is fitted to the new data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.base.outputs import new_file, require_new, write_json
from cistron.base.progress import SILENT, Reporter
from cistron.base.untrusted import read_object
from cistron.classifier.align_cells import mean_shift
from cistron.classifier.cell_predictions import DISTANCE, judged_cells
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.called_cells import write_anndata
from cistron.classifier.predict.cell_summary import summary_of
from cistron.classifier.predict.new_cells import GROUP, LABEL, NewCells
from cistron.classifier.predict.parts import job_of, parts_of, read_parts, write_part, write_parts
from cistron.classifier.predict.predict import (
    FORMATS,
    WINDOW,
    with_unused,
)
from cistron.classifier.predictor import Predictor
from cistron.encoders.cells.gene_overlap import GeneOverlap
from cistron.samples.cells.cell_formats import cell_format
from cistron.samples.cells.cell_reading import CellReading
from cistron.samples.cells.cell_stream import stream_cells
from cistron.samples.cells.gene_names import read_aliases
from cistron.samples.cells.stored import open_store
from cistron.samples.samples import Samples

CELL_FORMATS = (*FORMATS, ".h5ad")
LISTED = 20


def predict_cell_file(
    classifier: Predictor,
    source: str | Path,
    out: str | Path,
    *,
    how: NewCells | None = None,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Predict every cell of a file, in constant memory, and sum the data set up.

    Parameters
    ----------
    classifier : Predictor
        Of cells.
    source : path
        AnnData, 10x, matrix market, or a table of counts.
    out : path
        Ends in .tsv, .csv, .parquet or .jsonl: columns `id`, `predicted`, `p_<class>`, `warning`
        and `rejected`, one row a cell in the order of the file. Or in .h5ad: a copy of the source
        (AnnData, 10x or matrix market) with these as columns of obs ("cistron_…"), and where they
        come from in uns["cistron"].
        With `how.align` also `aligned_predicted` and `aligned_p_<class>`.
    how : NewCells, optional
    force, resume, reporter
        As in `cistron.classifier.predict.predict.predict_file`.

    Returns
    -------
    dict
        `records`, `predicted`, `warnings`, `rejected`, `share_rejected`; `genes`: how many of
        those the classifier reads were found, and a note by which rules; `drift`: see
        `CellNovelty.drift`; with labels `scores` of all cells and `scores_kept` of those not
        rejected, with 95 % intervals; with `how.align` the same under `aligned`, and the share of
        calls that it `changed`; `groups`: the same for every group. With labels also `scored`, how
        many cells the scores are of, and `unscored` (reason → cells); values that training made
        classes of (`samples.label.classes`) count as these. It is written beside the output, as
        `<out>.summary.json`.

    Raises
    ------
    InputError
        If the input cannot be read, has too few of the genes, or lacks a column.
    """
    out, how = Path(out), how or NewCells()
    beside = out.with_name(out.name + ".summary.json")
    inputs = [source, *filter(None, [how.aliases])]
    require_new(out, force=force, inputs=inputs, formats=CELL_FORMATS)
    require_new(beside, force=force or resume, inputs=inputs)
    if out.suffix == ".h5ad" and cell_format(Path(source)) == "table":
        raise InputError(
            f"--out {out}: predictions are put into a copy of an h5ad file, a zarr folder, 10x or "
            f"matrix market, and {source} is a table. Use one of {', '.join(FORMATS)}."
        )
    require_columns(Path(source), how)
    classifier = with_aliases(classifier, how)
    asked = {"columns": json.dumps(how.columns), "layer": str(how.layer)}
    asked |= {"align": "mean"} if how.align else {}
    job = job_of(classifier, Path(source), WINDOW, asked)
    with parts_of(out, job, force=force, resume=resume) as (parts, done):
        genes = _predict_windows(classifier, source, parts, done, how, reporter)
        found = {"genes": genes, **summary_of(classifier, parts, how, str(source))}
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
        with new_file(out, force=force) as draft:
            if out.suffix == ".h5ad":
                table = pd.concat(map(_contract, read_parts(parts)), ignore_index=True)
                write_anndata(classifier, Path(source), draft, table, found)
            else:
                write_parts((_contract(table) for table in read_parts(parts)), draft)
            with new_file(beside, force=True) as summary:
                summary.write_text(text + "\n", encoding="utf-8")
    return found


def cell_windows(
    classifier: Predictor, source: str | Path, how: NewCells, window: int, skip: int = 0
) -> Iterator[Samples]:
    """Read new cells as the classifier's encoder reads them (see `stream_cells`)."""
    encoder: Any = classifier.encoder_
    counts = bool(encoder.settings.normalise.input == "counts")
    reading = classifier.reading_ or CellReading()
    return stream_cells(
        source,
        window,
        how=reading.of_file(Path(source), how.layer),
        genes=set(encoder.known.names["gene"]),
        columns=how.columns,
        counts=counts,
        skip=skip,
    )


def _predict_windows(
    classifier: Predictor,
    source: str | Path,
    parts: Path,
    done: int,
    how: NewCells,
    reporter: Reporter,
) -> dict[str, Any]:
    """Predict what is not predicted yet; return how the genes meet those of training."""
    shift = None
    if how.align:
        reporter.say("Reading the cells once to find their mean.")
        shift = _shift(classifier, source, how)
    windows = cell_windows(classifier, source, how, WINDOW, done)
    overlap = None
    with reporter.bar(None, "predicting") as advance:
        for number, samples in enumerate(windows, start=done):
            if overlap is None:
                overlap = overlap_of(classifier, samples)
                if overlap.note:
                    reporter.say(overlap.note)
            table = judged_cells(classifier, samples, shift)
            for column in how.columns:
                table[column] = samples.table[column].astype(object)
            write_part(
                with_unused(table, samples, number * WINDOW), parts / f"{number:08d}.parquet"
            )
            advance(len(table))
    kept = parts / "genes.json"
    if overlap is None:  # all windows were predicted before
        return read_object(kept) if kept.is_file() else {}
    found = genes_found(overlap)
    write_json(kept, found)
    return found


def _shift(classifier: Predictor, source: str | Path, how: NewCells) -> list[NDArray[np.float64]]:
    """Return what aligns the cells with those of each member, which has genes of its own."""
    return [
        mean_shift(member, cell_windows(classifier, source, how, WINDOW))
        for member in classifier.members
    ]


def overlap_of(classifier: Predictor, samples: Samples) -> GeneOverlap:
    """Return how the genes of these cells meet those of training.

    Of an ensemble, those of the member that lacks most.

    Raises
    ------
    InputError
        If too few are there.
    """
    overlaps: list[GeneOverlap] = []
    for member in classifier.members:
        encoder: Any = member.encoder_
        overlaps.append(encoder.overlap(samples))
        overlaps[-1].require(encoder.settings.min_overlap)
    return min(overlaps, key=lambda overlap: overlap.share)


def require_columns(source: Path, how: NewCells) -> None:
    """Refuse columns that the cells do not have, before anything is predicted."""
    for option, name in [("label", how.label), *(("group", name) for name in how.groups)]:
        if name is None:
            continue
        if cell_format(source) != "anndata":
            raise InputError(
                f"--{option} {name}: columns of cells stand in the obs of an h5ad file or a zarr "
                f"folder, and {source} is neither."
            )
        known = _obs_columns(source)
        if known and name not in known:
            raise InputError(
                f"--{option}: {source} has no column {name!r} in obs (there are: "
                f"{', '.join(known[:LISTED])}).{nearest(name, known)}"
            )


def _obs_columns(source: Path) -> list[str]:
    """Return the columns of obs; none of what is damaged: reading it says so."""
    try:
        with open_store(source) as store:
            return [str(name) for name in store["obs"].attrs.get("column-order", [])]
    except InputError:
        return []


def with_aliases(classifier: Predictor, how: NewCells) -> Predictor:
    """Return the classifier with a table of further names for its genes."""
    if how.aliases is None:
        return classifier
    aliases = read_aliases(how.aliases)

    def renamed(member: Classifier) -> Classifier:
        encoder: Any = member.encoder_
        known = replace(encoder.known, aliases={**encoder.known.aliases, **aliases}, _met=[])
        named = copy(member)
        named.encoder_ = replace(encoder, known=known)
        return named

    return classifier.replaced(renamed)


def _contract(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are written out."""
    hidden = [name for name in table if name in (LABEL, DISTANCE) or str(name).startswith(GROUP)]
    return table.drop(columns=hidden)


def genes_found(overlap: Any) -> dict[str, Any]:
    """Return what a summary says of how the genes of new cells meet those of training."""
    return {
        "read": len(overlap.names),
        "found": int(overlap.present.sum()),
        "share": overlap.share,
        "missing": [str(name) for name in overlap.missing[:LISTED]],
        "note": overlap.note,
    }
