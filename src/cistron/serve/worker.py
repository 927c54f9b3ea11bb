"""The process that works on jobs, one after the other: `supervisor` starts one for each device."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from filelock import FileLock

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.base.progress import Advance
from cistron.classifier.predict.called_cells import write_anndata
from cistron.classifier.predict.parts import write_parts
from cistron.classifier.predict.predict import predict_file
from cistron.classifier.predict.predict_cells import predict_cell_file
from cistron.classifier.predictor import Predictor
from cistron.explain.variants.files import predict_variants
from cistron.explain.variants.sources import Where, find_windows
from cistron.samples.cells.cell_formats import cell_format
from cistron.serve.inputs import Upload, measure
from cistron.serve.journal import JobRow, Journal
from cistron.serve.loaded import Loaded, end_with_parent
from cistron.serve.settings import Limits

RESULT = "result.parquet"
ASKED = "asked"  # folder of what was asked in small requests, while they are answered
TEXTS = (".tsv", ".jsonl")
IDLE, OFTEN = 0.1, 0.5  # seconds between looks into the journal


class Stopped(Exception):  # noqa: N818 (it is no error)
    """The job is not wanted any more."""


@dataclass(frozen=True)
class Work:
    """What a worker is started with.

    Parameters
    ----------
    name : str
        Of the worker.
    data : Path
        Folder of the journal and the jobs.
    device : str
    runs : dict of str to (Path, str)
        See `Loaded`.
    limits : Limits
    genome, annotation : Path, optional
        See `ServeSettings`.
    """

    name: str
    data: Path
    device: str
    runs: dict[str, tuple[Path, str]]
    limits: Limits
    genome: Path | None = None
    annotation: Path | None = None

    @property
    def journal(self) -> Journal:
        """The jobs."""
        return Journal(self.data / "jobs.sqlite")


def job_folder(data: Path, job: str) -> Path:
    """Return the folder of a job: `input` in it, and what it becomes."""
    return data / "jobs" / job


def work(given: Work) -> None:
    """Work on jobs until the process is ended."""
    end_with_parent()
    os.nice(10)  # small requests, which somebody waits for, come first
    # A worker of a server that was killed may be at work for a moment still.
    with FileLock(given.data / f"{given.name}.lock"):
        loaded = Loaded(given.runs, given.device)
        while True:
            job = given.journal.claim(given.name)
            if job is None:
                time.sleep(IDLE)
            else:
                _work_on(given, loaded, job)


def _work_on(given: Work, loaded: Loaded, job: JobRow) -> None:
    """Work on a job to its end; whatever is no mistake of the user ends the process."""
    folder, journal = job_folder(given.data, job.id), given.journal
    if not (folder / "input" / job.name).is_file():
        journal.fail(job.id, "The upload of this job is gone. Send it again.")
        return
    os.chdir(folder / "input")  # so that what is said of the input names nothing of this machine
    try:
        classifier = loaded.get(job.model)
        upload = measure(Path(job.name), classifier.alphabet_, job.columns, given.limits)
        reporter = _Progress(journal, job.id, given.limits, upload.records)
        counts = _predict(given, classifier, job, upload, reporter)
        _write_results(folder, classifier, upload, counts)
    except Stopped:
        journal.release(job.id)
    except InputError as error:
        text = loaded.without_paths(error).replace(f"..{os.sep}{RESULT}", "results")
        for path in (given.genome, given.annotation):
            text = text.replace(str(path), path.name) if path else text
        journal.fail(job.id, text)
    else:
        journal.finish(job.id, counts)
    finally:
        os.chdir(given.data)


def _predict(
    given: Work, classifier: Predictor, job: JobRow, upload: Upload, reporter: _Progress
) -> Document:
    """Predict into `result.parquet`; go on where an earlier worker was ended."""
    out = Path("..") / RESULT
    if upload.variants:
        if classifier.alphabet_ != "dna":
            raise InputError(f"{upload.path} is a VCF, and {job.model} does not read DNA.")
        where = Where(given.genome, given.annotation)
        found = find_windows(given.runs[job.model][0], where)
        return predict_variants(classifier, upload.path, out, found, force=True, reporter=reporter)
    whole: dict[str, Any] = {"force": True, "resume": True, "reporter": reporter}
    if classifier.domain is CELLS:
        return predict_cell_file(classifier, upload.path, out, **whole)
    return dict(predict_file(classifier, upload.path, out, columns=job.columns, **whole))


def _write_results(folder: Path, classifier: Predictor, upload: Upload, counts: Document) -> None:
    """Write the results in the formats that are downloaded, each whole or not at all."""
    result = folder / RESULT
    for suffix in TEXTS:
        draft = result.with_name(f"draft{suffix}")
        with pq.ParquetFile(result) as file:
            write_parts((batch.to_pandas() for batch in file.iter_batches(1 << 14)), draft)
        draft.replace(result.with_suffix(suffix))
    if classifier.domain is CELLS and cell_format(upload.path) != "table":
        draft = result.with_name("draft.h5ad")
        write_anndata(classifier, upload.path, draft, pq.read_table(result).to_pandas(), counts)
        draft.replace(result.with_suffix(".h5ad"))


@dataclass(frozen=True)
class _Progress:
    """Report into the journal; end what is not wanted, and what has too many records."""

    journal: Journal
    job: str
    limits: Limits
    total: int | None

    def say(self, sentence: str) -> None:
        """Drop the sentence."""

    @contextmanager
    def bar(self, total: int | None, description: str) -> Iterator[Advance]:  # noqa: ARG002
        done, told = 0, 0.0

        def advance(steps: int = 1, note: str = "") -> None:  # noqa: ARG001
            nonlocal done, told
            done += steps
            if done > self.limits.records and self.total is None:
                raise InputError(
                    f"The upload has more than {self.limits.records:,} records, which is the most "
                    "that a job takes here."
                )
            if time.monotonic() - told > OFTEN:
                told = time.monotonic()
                if not self.journal.progress(self.job, done, self.total):
                    raise Stopped

        advance(0)
        yield advance


def remove_job(data: Path, job: str) -> None:
    """Delete the files of a job."""
    shutil.rmtree(job_folder(data, job), ignore_errors=True)
