"""Predict a file of any size, window by window, in constant memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError, nearest
from cistron.base.files import checksums
from cistron.base.progress import SILENT, Reporter, Within
from cistron.base.untrusted import read_json
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
    require_output(out, FORMATS, force)
    if classifier.domain is CELLS:
        raise InputError(f"{source}: the classifier reads cells: see `predict_cell_file`.")
    parts = out.with_name(out.name + ".parts")
    related = None
    if orthologs is not None:
        related = read_orthologs(*orthologs, classifier.alphabet_)
        for note in related.notes:
            reporter.say(note)
    files = checksums([*orthologs[0], *orthologs[1]]) if orthologs is not None else {}
    done = claim_parts(parts, classifier, Path(source), files, resume)
    counts = {"records": 0, "predicted": 0, "warnings": 0}
    windows = stream(source, classifier.alphabet_, window=WINDOW, skip=done, **(columns or {}))
    try:
        with reporter.bar(None, "predicting") as advance:
            classifier.on(classifier.training_.device, Within(reporter, advance))
            for number, samples in enumerate(windows, start=done):
                table = _window(classifier, samples, number * WINDOW, related)
                write_part(table, parts / f"{number:08d}.parquet")
                advance(len(table))
    except InputError:
        if not any(parts.glob("*.parquet")):
            shutil.rmtree(parts)  # nothing to go on with
        raise
    for table in read_parts(parts):
        counts["records"] += len(table)
        counts["predicted"] += int(table["predicted"].notna().sum())
        counts["warnings"] += int((table["warning"] != "").sum())
    if counts["records"] == 0:
        shutil.rmtree(parts)
        raise InputError(f"{source}: there is no record to predict.")
    if related is not None:
        ids = (name for table in read_parts(parts) for name in table["id"])
        counts["averaged"] = sum(name in related.rows for name in ids)
        if not counts["averaged"]:
            shutil.rmtree(parts)
            raise InputError(
                f"{source}: no record has orthologs in the tables, whose first column is to hold "
                "the ids of the records."
            )
    join_parts(read_parts(parts), out)
    shutil.rmtree(parts)
    return counts


def require_output(out: Path, formats: Sequence[str], force: bool) -> None:
    """Refuse an output of an unknown format, one that is there, or one in no directory.

    Raises
    ------
    InputError
    """
    if out.suffix not in formats:
        raise InputError(
            f"--out {out}: the format is told by the suffix; use one of {', '.join(formats)}."
            f"{nearest(out.suffix, formats)}"
        )
    if out.exists() and not force:
        raise InputError(f"{out} exists and is never overwritten. Choose another, or say --force.")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is no directory. Make it first.")


def claim_parts(
    parts: Path,
    classifier: Predictor,
    source: Path,
    asked: dict[str, str],
    resume: bool,
) -> int:
    """Make the folder of parts, or open one to go on; return how many windows are done."""
    status = source.stat() if source.is_file() else None
    job: Document = {
        "source": str(source),
        "bytes": status.st_size if status else None,
        "modified": status.st_mtime if status else None,
        "classifier": classifier.checksum_,
        "window": WINDOW,
    }
    if asked:
        job["asked"] = asked
    note = parts / "job.json"
    if note.is_file() or any(parts.glob("*.parquet")):  # more than a folder made at the last moment
        if not resume:
            raise InputError(
                f"{parts} holds an interrupted prediction. Continue it with --resume, or delete it."
            )
        if not note.is_file() or read_json(note) != job:
            raise InputError(
                f"{parts} is an interrupted prediction of another input or by another classifier, "
                "so it cannot be continued. Delete it to start again."
            )
        return len(list(parts.glob("*.parquet")))
    parts.mkdir(exist_ok=True)
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps(job), encoding="utf-8")
    partial.replace(note)
    return 0


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


def write_part(table: pd.DataFrame, path: Path) -> None:
    """Write the predictions of a window, whole or not at all."""
    partial = path.with_suffix(".partial")
    table.to_parquet(partial, index=False)
    partial.replace(path)


def read_parts(parts: Path) -> Iterator[pd.DataFrame]:
    """Return the predictions of every window that is done, in order."""
    for path in sorted(parts.glob("*.parquet")):
        yield pd.read_parquet(path)


def join_parts(parts: Iterable[pd.DataFrame], out: Path) -> None:
    """Write all parts as one file, which appears whole or not at all."""
    partial = out.with_name(out.name + ".partial")
    if out.suffix == ".parquet":
        writer: Any = None
        for table in parts:
            rows = pa.Table.from_pandas(table, preserve_index=False)
            writer = writer or pq.ParquetWriter(partial, _written(rows.schema))
            writer.write_table(rows.cast(writer.schema))
        writer.close()
    else:
        with partial.open("w", encoding="utf-8", newline="") as file:
            for number, table in enumerate(parts):
                if out.suffix == ".jsonl":
                    table.to_json(file, orient="records", lines=True, force_ascii=False)
                else:
                    separator = "\t" if out.suffix == ".tsv" else ","
                    table.to_csv(
                        file, sep=separator, index=False, header=number == 0, float_format="%.6g"
                    )
    partial.replace(out)


def _written(schema: pa.Schema) -> pa.Schema:
    """Return a schema in which columns that begin with nothing at all are of text."""
    for number, field in enumerate(schema):
        if pa.types.is_null(field.type):
            schema = schema.set(number, field.with_type(pa.string()))
    return schema
