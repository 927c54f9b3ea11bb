"""Windows of a prediction that are done: kept beside the output until it is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cistron.base.document import Document
from cistron.base.errors import InputError, NoRoomError
from cistron.base.output_folder import OutputFolder
from cistron.base.outputs import new_file, write_json, written
from cistron.base.untrusted import read_json
from cistron.classifier.predictor import Predictor

JOB, INTERRUPTED = "job.json", "an interrupted prediction"


def job_of(classifier: Predictor, source: Path, window: int, asked: dict[str, str]) -> Document:
    """Return what a prediction has to agree in with the one that it goes on with."""
    status = source.stat() if source.is_file() else None
    job: Document = {
        "source": os.fsencode(source).decode(errors="backslashreplace"),
        "bytes": status.st_size if status else None,
        "modified": status.st_mtime if status else None,
        "classifier": classifier.checksum_,
        "window": window,
    }
    return {**job, "asked": asked} if asked else job


@contextmanager
def parts_of(out: Path, job: Document, *, force: bool, resume: bool) -> Iterator[tuple[Path, int]]:
    """Hold the folder `<out>.parts`; yield it, and how many windows are done in it.

    The folder is deleted when the block ends, and after a mistake in the input where no window was
    done before.

    Raises
    ------
    InputError
        If the folder is of the user, another process is at work in it, or it holds an interrupted
        prediction that is not, or cannot be, continued.
    """
    folder = OutputFolder(out.with_name(out.name + ".parts"), INTERRUPTED)
    begun = folder.taken and (folder.path / JOB).is_file()
    if begun and not (resume or force):
        raise InputError(
            f"{folder.path} holds an interrupted prediction. Continue it with --resume, or start "
            "again with --force."
        )
    before = None
    try:
        with folder.opened(force=not (resume and begun), resume=resume and begun):
            if not (resume and begun):
                write_json(folder.path / JOB, job)
            elif read_json(folder.path / JOB) != job:
                raise InputError(
                    f"{folder.path} is an interrupted prediction of another input or by another "
                    "classifier, so it cannot be continued. Start again with --force."
                )
            before = len(_done(folder.path))
            yield folder.path, before
    except NoRoomError:
        raise
    except InputError:
        if before == 0:
            folder.remove()  # the input is at fault: there is nothing to go on with
        raise
    folder.remove()


def _done(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def write_part(table: pd.DataFrame, path: Path) -> None:
    """Write the predictions of a window, whole or not at all."""
    with written(path) as draft:
        table.to_parquet(draft, index=False)


def read_parts(parts: Path) -> Iterator[pd.DataFrame]:
    """Return the predictions of every window that is done, in order."""
    for path in _done(parts):
        yield pd.read_parquet(path)


def join_parts(parts: Iterable[pd.DataFrame], out: Path, *, force: bool) -> None:
    """Write all parts as one file, which appears whole or not at all."""
    with new_file(out, force=force) as draft:
        write_parts(parts, draft)


def write_parts(parts: Iterable[pd.DataFrame], path: Path) -> None:
    """Write all parts into one file; the suffix tells the format."""
    if path.suffix == ".parquet":
        _write_parquet(parts, path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(parts):
            if path.suffix == ".jsonl":
                table.to_json(file, orient="records", lines=True, force_ascii=False)
            else:
                separator = "\t" if path.suffix == ".tsv" else ","
                table.to_csv(
                    file, sep=separator, index=False, header=number == 0, float_format="%.6g"
                )


def _write_parquet(parts: Iterable[pd.DataFrame], path: Path) -> None:
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for table in parts:
            rows = pa.Table.from_pandas(table, preserve_index=False)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(path, _written(rows.schema)))
            writer.write_table(rows.cast(writer.schema))


def _written(schema: pa.Schema) -> pa.Schema:
    """Return a schema in which columns that begin with nothing at all are of text."""
    for number, field in enumerate(schema):
        if pa.types.is_null(field.type):
            schema = schema.set(number, field.with_type(pa.string()))
    return schema
