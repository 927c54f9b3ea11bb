"""Predict a file of any size, window by window, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.base.files import checksums
from cistron.base.outputs import require_new
from cistron.base.progress import SILENT, Reporter, Within
from cistron.classifier.predict.parts import job_of, join_parts, parts_of, read_parts, write_part
from cistron.classifier.predictor import Predictor
from cistron.samples.samples import Samples
from cistron.samples.sequences.stream import stream
from cistron.training.augment.orthologs import Orthologs, read_orthologs

WINDOW = 4096  # records that are read, sorted by length and predicted together
FORMATS = (".tsv", ".csv", ".parquet", ".jsonl")


def predict_file(
    classifier: Predictor,
    source: str | Path,
    out: str | Path,
    *,
    columns: dict[str, str] | None = None,
    orthologs: tuple[Sequence[Path], Sequence[Path]] | None = None,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter = SILENT,
) -> dict[str, int]:
    """Predict every record of a file and write one row for each, in input order.

    Records that cannot be predicted have an empty `predicted` and the reason under `warning`.
    Each window becomes a file of its own under `<out>.parts`; they are joined at the end, and an
    interrupted prediction goes on after the last whole window.

    Parameters
    ----------
    classifier : Predictor
    source : path
        FASTA or a table (TSV, CSV, parquet), plain or gzip; "-" is standard input; of proteins
        also profiles: a numpy archive, a matrix of PSI-BLAST, or a folder of these.
    out : path
        Ends in .tsv, .csv, .parquet or .jsonl.
    columns : dict, optional
        For tables: the names of the `id` and `sequence` columns.
    orthologs : (paths, paths), optional
        Tables of gene and ortholog, and FASTA files of the orthologs: the logits of a record are
        the mean over it and its orthologs. A gene is the id of a record.
    force : bool
        Replace the file if it is there.
    resume : bool
        Go on with an interrupted prediction of the same input by the same classifier.
    reporter : Reporter, optional

    Returns
    -------
    dict
        How many `records` there were, how many were `predicted`, how many have a `warning`, and,
        with orthologs, over how many of them was `averaged`.

    Raises
    ------
    InputError
        If the output exists, its suffix is unknown, the input cannot be read, or no record has
        orthologs where they are asked for.
    """
    out = Path(out)
    related_files = [*orthologs[0], *orthologs[1]] if orthologs is not None else []
    require_new(out, force=force, inputs=[source, *related_files], formats=FORMATS)
    if classifier.domain is CELLS:
        raise InputError(f"{source}: the classifier reads cells: see `predict_cell_file`.")
    related = None
    if orthologs is not None:
        related = read_orthologs(*orthologs, classifier.alphabet_)
        for note in related.notes:
            reporter.say(note)
    job = job_of(classifier, Path(source), WINDOW, checksums(related_files))
    with parts_of(out, job, force=force, resume=resume) as (parts, done):
        windows = stream(source, classifier.alphabet_, window=WINDOW, skip=done, **(columns or {}))
        with reporter.bar(None, "predicting") as advance:
            classifier.on(classifier.training_.device, Within(reporter, advance))
            for number, samples in enumerate(windows, start=done):
                table = _window(classifier, samples, number * WINDOW, related)
                write_part(table, parts / f"{number:08d}.parquet")
                advance(len(table))
        counts = _counted(parts, source, related)
        join_parts(read_parts(parts), out, force=force)
    return counts


def _counted(parts: Path, source: str | Path, related: Orthologs | None) -> dict[str, int]:
    """Return what `predict_file` returns, of the windows that are done."""
    counts = {"records": 0, "predicted": 0, "warnings": 0}
    averaged = 0
    for table in read_parts(parts):
        counts["records"] += len(table)
        counts["predicted"] += int(table["predicted"].notna().sum())
        counts["warnings"] += int((table["warning"] != "").sum())
        averaged += sum(name in related.rows for name in table["id"]) if related else 0
    if counts["records"] == 0:
        raise InputError(f"{source}: there is no record to predict.")
    if related is None:
        return counts
    if not averaged:
        raise InputError(
            f"{source}: no record has orthologs in the tables, whose first column is to hold the "
            "ids of the records."
        )
    return {**counts, "averaged": averaged}


def _window(
    classifier: Predictor, samples: Samples, first: int, orthologs: Orthologs | None
) -> pd.DataFrame:
    """Return one row for each record of a window that starts after `first` records."""
    return with_unused(classifier.predict(samples, orthologs), samples, first)


def with_unused(table: pd.DataFrame, samples: Samples, first: int) -> pd.DataFrame:
    """Put records that could not be predicted, with the reason, where they stood."""
    unused = samples.dropped
    if len(unused) == 0:
        return table
    total = len(samples) + len(unused)
    place = unused["record"].to_numpy(dtype=np.int64) - first - 1
    missing = pd.DataFrame(
        {
            "id": unused["id"].to_numpy(),
            "warning": [f"not predicted: {reason}" for reason in unused["reason"]],
        },
        index=place,
    ).reindex(columns=table.columns)
    table.index = np.setdiff1d(np.arange(total), place)
    types = {name: table[name].dtype for name in table.columns}
    missing = missing.astype({**types, "warning": object})  # of an empty list it is a number
    if not len(table):
        return missing
    return pd.concat([table, missing]).sort_index(kind="stable")
