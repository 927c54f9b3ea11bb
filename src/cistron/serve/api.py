"""The API: what `cistron predict --json` says, for programs of other machines."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from cistron.base.document import Document
from cistron.serve.journal import DONE, JobRow
from cistron.serve.models import ServedModel
from cistron.serve.service import BusyError, Service, stamp
from cistron.serve.worker import RESULT, job_folder

SMALL_BYTES = 1 << 20  # of what is answered at once
FIELD = 1 << 26  # bytes of a pasted text
ASKING, WAITING = 2, 256  # small requests that are at work or next, and that wait in turn
TYPES = {
    "tsv": "text/tab-separated-values; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "h5ad": "application/x-hdf5",
    "json": "application/json",
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {"schema": {"type": "string", "example": ">a\nMKV"}},
        },
    }
}
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "text": {"type": "string"},
                        "model": {"type": "string"},
                    },
                }
            },
        },
    }
}
Model = Annotated[str, Query(description="Name of the model; may be left out where it is alone.")]
IdColumn = Annotated[str, Query(description="Tables: column of ids.")]
SequenceColumn = Annotated[str, Query(description="Tables: column of sequences.")]
Name = Annotated[str, Query(description="Name of the file, with its ending.")]

router = APIRouter()


def service_of(request: Request) -> Service:
    """Return the server that a request is for."""
    service: Service = request.app.state.service
    return service


def model_of(service: Service, name: str) -> ServedModel:
    """Return a model by its name; without a name, the only one."""
    if not name and len(service.models) == 1:
        return next(iter(service.models.values()))
    if name not in service.models:
        known = ", ".join(service.models)
        raise HTTPException(404, f"There is no model of that name. There are: {known}.")
    return service.models[name]


def job_of(service: Service, job: str) -> JobRow:
    """Return a job by its id."""
    row = service.journal.get(job) if re.fullmatch(r"[0-9a-f]{32}", job) else None
    if row is None:
        hours = service.settings.limits.hours
        raise HTTPException(404, f"There is no such job. Jobs are deleted after {hours:g} hours.")
    return row


@router.get("/healthz", tags=["server"])
def healthz(request: Request) -> Document:
    """Say whether the server and its workers are alive."""
    service = service_of(request)
    wanted, alive = len(service.supervisor.works), service.supervisor.alive
    return {"status": "ok" if alive == wanted else "starting", "workers": alive, **stamp(None)}


@router.get("/metrics", tags=["server"], response_class=PlainTextResponse)
def metrics(request: Request) -> str:
    """Return counts for Prometheus."""
    service = service_of(request)
    jobs = service.journal.counts()
    lines = ["# TYPE cistron_jobs gauge"]
    lines += [f'cistron_jobs{{state="{state}"}} {n}' for state, n in jobs.items()]
    lines += ["# TYPE cistron_requests_total counter"]
    lines += [
        f'cistron_requests_total{{method="{method}",status="{status}"}} {n}'
        for (method, status), n in sorted(service.requests.items())
    ]
    counted = {
        "cistron_request_seconds_total": ("counter", service.seconds),
        "cistron_workers": ("gauge", service.supervisor.alive),
        "cistron_worker_restarts_total": ("counter", service.supervisor.restarts),
        "cistron_uptime_seconds": ("gauge", time.time() - service.begun),
    }
    for name, (kind, value) in counted.items():
        lines += [f"# TYPE {name} {kind}", f"{name} {value:.10g}"]
    return "\n".join(lines) + "\n"


@router.get("/v1/models", tags=["models"])
def models(request: Request) -> Document:
    """List the models, with the verdict of their reports, and what is taken of a job."""
    service = service_of(request)
    return {
        "models": [model.document() for model in service.models.values()],
        "limits": service.settings.limits.document(),
        **stamp(None),
    }


@router.post("/v1/predict", tags=["predictions"], openapi_extra=BODY)
async def predict(
    request: Request,
    model: Model = "",
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
) -> Document:
    """Predict at most 10 records (FASTA or a table, as the body) at once."""
    return await _ask("predict", request, model, {"id": id_column, "sequence": sequence_column})


@router.post("/v1/check", tags=["predictions"], openapi_extra=BODY)
async def check(
    request: Request,
    model: Model = "",
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
) -> Document:
    """Read records without predicting them, and name those that are odd."""
    return await _ask("check", request, model, {"id": id_column, "sequence": sequence_column})


async def _ask(task: str, request: Request, name: str, columns: dict[str, str]) -> Document:
    service = service_of(request)
    model = model_of(service, name)
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > SMALL_BYTES:
            raise HTTPException(413, "At most 1 MB is answered at once. Send it as a job.")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "The text is not UTF-8.") from None
    question = {"do": task, "model": model.name, "text": text, "columns": columns}
    limiter: anyio.CapacityLimiter = request.app.state.asking
    if limiter.statistics().tasks_waiting >= WAITING:
        raise BusyError("Too many small requests wait. Try again in a few seconds.")
    asked = partial(service.quick.ask, question)
    answer = await anyio.to_thread.run_sync(asked, limiter=limiter)
    return {**stamp(model), **answer}


@router.post("/v1/jobs", tags=["jobs"], status_code=202, openapi_extra=FILE)
async def submit(
    request: Request,
    model: Model = "",
    name: Name = "input",
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
) -> Document:
    """Queue a file: FASTA, a table, h5ad, a zipped 10x folder or a VCF, plain or gzip."""
    service = service_of(request)
    columns = {"id": id_column, "sequence": sequence_column}
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        job = await submit_form(request, model, columns)
    else:
        service.require_room()
        with service.submitted(model_of(service, model), name, columns) as upload:
            async for part in request.stream():
                upload.file.write(part)
        job = upload.job
    return service.document(job_of(service, job))


async def submit_form(request: Request, model: str, columns: dict[str, str]) -> str:
    """Queue what a form holds: a file, or what was pasted; return the id of the job."""
    service = service_of(request)
    service.require_room()
    async with request.form(max_files=1, max_fields=10, max_part_size=FIELD) as form:
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        columns = {key: fields.get(f"{key}_column") or column for key, column in columns.items()}
        file = form.get("file")
        known = model_of(service, fields.get("model", model))
        sent = isinstance(file, UploadFile) and bool(file.filename)
        name = str(file.filename) if isinstance(file, UploadFile) and sent else "pasted"
        with service.submitted(known, name, columns) as upload:
            if isinstance(file, UploadFile) and sent:
                await run_in_threadpool(shutil.copyfileobj, file.file, upload.file)
            else:
                upload.file.write(fields.get("text", "").strip().encode("utf-8", "replace"))
    return upload.job


@router.get("/v1/jobs/{job}", tags=["jobs"])
def job(request: Request, job: str) -> Document:
    """Say how far a job is; `counts` is what `cistron predict --json` prints."""
    service = service_of(request)
    return service.document(job_of(service, job))


@router.delete("/v1/jobs/{job}", tags=["jobs"])
def cancel(request: Request, job: str) -> Document:
    """Cancel a job that is not over."""
    service = service_of(request)
    job_of(service, job)
    service.journal.cancel(job)
    return service.document(job_of(service, job))


@router.get("/v1/jobs/{job}/results", tags=["jobs"], response_class=Response)
def results(
    request: Request,
    job: str,
    format: Annotated[str, Query(description="json, jsonl, tsv, or of cells h5ad.")] = "json",  # noqa: A002
) -> Response:
    """Return the results of a job that is done."""
    service = service_of(request)
    row = job_of(service, job)
    if row.state != DONE:
        raise HTTPException(409, f"The job has no results: it is {row.state}. {row.error}".strip())
    result = job_folder(service.settings.data, job) / RESULT
    suffix = "jsonl" if format == "json" else format if format in TYPES else "none"
    path = result.with_suffix(f".{suffix}")
    if not path.is_file():
        raise HTTPException(404, f"The results have no format {format!r}. Ask for json or tsv.")
    stem = Path(row.name).stem or "results"
    if format != "json":
        return FileResponse(path, media_type=TYPES[format], filename=f"{stem}.{format}")
    disposition = {"content-disposition": f'attachment; filename="{stem}.json"'}
    document = {**row.counts, "job": row.id, **stamp(None, row)}
    return StreamingResponse(_joined(document, path), media_type=TYPES["json"], headers=disposition)


def _joined(document: Document, lines: Path) -> Iterator[str]:
    """Write a document with the lines of a file as its `results`, without reading all of it."""
    yield json.dumps(document, ensure_ascii=False)[:-1] + ', "results": ['
    with lines.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            yield ("," if number else "") + line.rstrip("\n")
    yield "]}\n"
