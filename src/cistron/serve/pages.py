"""The pages: what a model is, a form, a job, its results, why a row is as it is."""

from __future__ import annotations

import hmac
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from cistron.base.document import Document
from cistron.base.domains import CELLS, DNA
from cistron.base.errors import InputError
from cistron.base.untrusted import read_object
from cistron.report.html import environment
from cistron.serve.api import job_of, model_of, service_of, submit_form
from cistron.serve.explaining import FACTS, SUBSTITUTED, row_folder
from cistron.serve.guard import COOKIE, session_of
from cistron.serve.journal import DONE, QUEUED, RUNNING, JobRow
from cistron.serve.results import OFFLINE, PAGE, View, show
from cistron.serve.service import Service
from cistron.serve.worker import RESULT, job_folder

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
DRAWN = {"svg": "image/svg+xml", "tsv": "text/tab-separated-values; charset=utf-8"}
FIGURES = {
    "contributions": "What each position contributes: above the line for the call, below against.",
    "substitutions": "What every substitution changes: blue raises the output, orange lowers it.",
    "genes": "The genes that contribute most: to the right for the call, to the left against it.",
}


@cache
def templates() -> Environment:
    """Return the templates: those here, and those of the report that they extend."""
    loaders = ChoiceLoader([PackageLoader("cistron.serve"), PackageLoader("cistron.report")])
    return environment().overlay(loader=loaders)


@cache
def asset(name: str) -> str:
    """Return a file that every page loads; the style is that of the report, and a little more."""
    folder = files("cistron.serve") / "static"
    text = (folder / name).read_text(encoding="utf-8")
    report = files("cistron.report") / "templates" / "style.css"
    return report.read_text(encoding="utf-8") + text if name == "style.css" else text


def page(template: str, status: int = 200, **context: object) -> HTMLResponse:
    """Return a page."""
    shared = {"offline": False, "refresh": 0, "style": "", "script": ""}
    html = templates().get_template(template).render({**shared, **context})
    return HTMLResponse(html, status)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Return the style or the script."""
    types = {"style.css": "text/css", "serve.js": "text/javascript"}
    if name not in types:
        raise HTTPException(404, "There is no such file.")
    headers = {"cache-control": "max-age=600"}
    return Response(asset(name), media_type=types[name], headers=headers)


@router.get("/")
def home(request: Request) -> Response:
    """Show the models; of one, its own page."""
    service = service_of(request)
    if len(service.models) == 1:
        return _form(service, next(iter(service.models)), "")
    return page("models.html", models=service.models.values(), limits=service.settings.limits)


@router.get("/models/{name}")
def form(request: Request, name: str, example: bool = False) -> Response:
    """Show what a model is, and the form."""
    service = service_of(request)
    return _form(service, name, model_of(service, name).example if example else "")


def _form(service: Service, name: str, text: str, error: str = "") -> HTMLResponse:
    model = model_of(service, name)
    context: Document = {"cells": model.domain is CELLS, "dna": model.domain is DNA}
    context |= {"limits": service.settings.limits, "text": text, "error": error}
    return page("model.html", 400 if error else 200, model=model, **context)


@router.post("/models/{name}")
async def submit(request: Request, name: str) -> Response:
    """Queue what the form holds."""
    service = service_of(request)
    try:
        job = await submit_form(request, name, {"id": "id", "sequence": "sequence"})
    except InputError as error:
        return _form(service, name, "", str(error))
    return RedirectResponse(f"/jobs/{job}", 303)


@router.get("/jobs/{job}")
def show_job(request: Request, job: str) -> Response:
    """Show how far a job is, and then its results: those that the query asks for."""
    service = service_of(request)
    row = job_of(service, job)
    if row.state != DONE:
        return _progress(service, row)
    service.slow.begin()  # for the row that is chosen next
    view = View.of(request.query_params)
    return page("results.html", **_results(service, row, view, PAGE))


def _progress(service: Service, row: JobRow) -> Response:
    waits = row.state in (QUEUED, RUNNING)
    context: Document = {"position": service.journal.position(row), "waits": waits}
    return page("job.html", job=row, limits=service.settings.limits, **context)


def _results(service: Service, row: JobRow, view: View, rows: int) -> Document:
    folder = job_folder(service.settings.data, row.id)
    formats = [f for f in ("tsv", "json", "jsonl", "h5ad") if f == "json" or _has(folder, f)]
    return {
        "job": row,
        "model": service.models.get(row.model),
        "shown": show(folder, view, rows),
        "view": view,
        "formats": formats,
        "variants": "alleles" in row.counts,
        "hours": service.settings.limits.hours,
    }


def _has(folder: Path, suffix: str) -> bool:
    return (folder / RESULT).with_suffix(f".{suffix}").is_file()


@router.get("/jobs/{job}/page.html")
def offline(request: Request, job: str) -> Response:
    """Return the page of a job as one file, which needs no server."""
    service = service_of(request)
    row = _done(service, job)
    context = _results(service, row, View(), OFFLINE)
    answer = page("results.html", **context, offline=True, style=asset("style.css"))
    answer.headers["content-disposition"] = f'attachment; filename="{Path(row.name).stem}.html"'
    return answer


@router.post("/jobs/{job}/cancel")
def cancel(request: Request, job: str) -> Response:
    """Cancel a job, and show it."""
    service = service_of(request)
    service.journal.cancel(job_of(service, job).id)
    return RedirectResponse(f"/jobs/{job}", 303)


def _done(service: Service, job: str) -> JobRow:
    row = job_of(service, job)
    if row.state != DONE:
        raise HTTPException(409, f"The job has no results: it is {row.state}.")
    return row


@router.get("/jobs/{job}/rows/{place}")
def show_row(request: Request, job: str, place: int, substitutions: bool = False) -> Response:
    """Show why a row of a result is as it is."""
    service = service_of(request)
    row = _done(service, job)
    model = model_of(service, row.model)
    if not 0 <= place < int(row.counts.get("records", 0)):
        raise HTTPException(404, "The result has no such row.")
    facts, error = None, ""
    try:
        facts = explained(service, row, place, substitutions)
    except InputError as problem:
        error = str(problem)
    folder = row_folder(service.settings.data, job, place)
    names = facts["figures"] if facts else []
    drawn = [((folder / f"{n}.svg").read_text(encoding="utf-8"), FIGURES[n], n) for n in names]
    more = facts is not None and not facts["substituted"] and facts.get("letters", 0) > SUBSTITUTED
    context: Document = {"facts": facts, "error": error, "drawn": drawn, "more": more}
    status = 200 if facts else 400
    return page("row.html", status, job=row, model=model, place=place, **context)


def explained(service: Service, row: JobRow, place: int, substitutions: bool) -> Document:
    """Return what explains a row: computed once, and then kept with the job.

    Raises
    ------
    InputError
        If it cannot be explained, or too much was explained of the job.
    """
    path = row_folder(service.settings.data, row.id, place) / FACTS
    if path.is_file():
        facts = read_object(path)
        if facts["substituted"] or not substitutions:
            return facts
    most = service.settings.limits.explanations
    if not service.journal.explain(row.id, most):
        raise InputError(f"{most:,} rows of this job are explained, which is the most there are.")
    question: Document = {"do": "explain", "model": row.model, "job": row.id, "name": row.name}
    more = {"columns": row.columns, "row": place, "substitutions": substitutions}
    return service.slow.ask({**question, **more})


@router.get("/jobs/{job}/rows/{place}/{name}.{suffix}")
def drawn(request: Request, job: str, place: int, name: str, suffix: str) -> Response:
    """Return a figure or a table of an explanation."""
    service = service_of(request)
    row = _done(service, job)
    folder = row_folder(service.settings.data, row.id, place)
    facts = read_object(folder / FACTS) if (folder / FACTS).is_file() else {}
    known = {"svg": facts.get("figures", []), "tsv": facts.get("tables", [])}
    if name not in known.get(suffix, []):
        raise HTTPException(404, "There is no such file.")
    path, shown = folder / f"{name}.{suffix}", f"{name}-{place + 1}.{suffix}"
    return FileResponse(path, media_type=DRAWN[suffix], filename=shown)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Show the API, without anything from another host."""
    return page("docs.html", schema=request.app.openapi())


@router.get("/login")
def login() -> Response:
    """Ask for the token."""
    return page("login.html", error="")


@router.post("/login")
async def enter(request: Request) -> Response:
    """Let a browser in that shows the token."""
    token = service_of(request).settings.token or ""
    async with request.form(max_files=0, max_fields=1, max_part_size=4096) as form:
        given = str(form.get("token", ""))
    if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
        return page("login.html", 401, error="That is not the token.")
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    kept = partial(answer.set_cookie, httponly=True, samesite="strict", secure=secure)
    kept(COOKIE, session_of(token))
    return answer
