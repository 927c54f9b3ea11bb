"""The server: pages and API behind the guard, and the process that serves them."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from h11 import IDLE
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from cistron.base.errors import InputError
from cistron.base.version import __version__
from cistron.serve import api, pages
from cistron.serve.child import UnavailableError
from cistron.serve.guard import Guard
from cistron.serve.service import BusyError, Service, make_service, stamp
from cistron.serve.settings import ServeSettings

HEADERS = 10.0  # seconds in which a request has to say what it wants
CONNECTIONS = 500


def make_app(service: Service) -> Guard:
    """Return the server as an ASGI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.asking = anyio.CapacityLimiter(api.ASKING)
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="Cistron",
        version=__version__,
        description="Predictions of classifiers, with calibrated probabilities and warnings.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = service
    app.include_router(api.router)
    app.include_router(pages.router)
    app.add_exception_handler(InputError, _mistake)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    return Guard(app, service)


async def _mistake(request: Request, error: Exception) -> Response:
    busy = isinstance(error, BusyError | UnavailableError)
    return _answer(request, 503 if busy else 400, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    return _answer(request, known.status_code, known.detail)


async def _invalid(request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(map(str, first.get("loc", ())))
    return _answer(request, 422, f"{where}: {first.get('msg', 'is not valid')}.")


def _answer(request: Request, status: int, why: str) -> Response:
    """Say why there is no other answer: to a browser as a page."""
    of_pages = not request.url.path.startswith(("/v1/", "/healthz", "/metrics", "/openapi"))
    if of_pages and "text/html" in request.headers.get("accept", ""):
        return pages.page("error.html", status, why=why)
    return JSONResponse({**stamp(None), "error": why}, status)


class Impatient(H11Protocol):
    """HTTP that closes connections on which the beginning of a request does not arrive."""

    waited: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on while the beginning is not whole."""
        super().data_received(data)
        if self.conn.their_state is not IDLE and self.waited is not None:
            self.waited.cancel()
            self.waited = None
        elif self.conn.their_state is IDLE and self.waited is None:
            self._wait()

    def _wait(self) -> None:
        self.waited = self.loop.call_later(HEADERS, self._give_up)

    def _give_up(self) -> None:
        if self.conn.their_state is IDLE and not self.transport.is_closing():
            self.transport.close()


class _WithoutValues(logging.Formatter):
    """Where an error was raised, and not what it says: that may be a user's sequence."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging calls it so)
        """Return the kind of an error and the places that it went through."""
        kind, _, trace = ei
        lines = [kind.__name__ if kind else "Error"]
        while trace is not None:
            lines.append(f"  {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
            trace = trace.tb_next
        return "\n".join(lines)


def serve(settings: ServeSettings) -> None:
    """Serve until the process is ended.

    Raises
    ------
    InputError
        If a classifier cannot be loaded, a setting is not safe, or the port is taken.
    """
    settings.require()
    listening = _listen(settings)
    with listening:
        app = make_app(make_service(settings))
        sys.stderr.write(f"http://{settings.host}:{settings.port}  (Ctrl-C ends it)\n")
        # uvicorn raises the signal that ended it again, which would be told as an interruption.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        uvicorn.Server(_config(app, settings)).run(sockets=[listening])


def _listen(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise InputError(
            f"--host {settings.host} --port {settings.port} cannot be listened at: "
            f"{error.strerror}. Choose another port."
        ) from error


def _config(app: Guard, settings: ServeSettings) -> uvicorn.Config:
    formatter = {"()": _WithoutValues, "format": "%(levelname)s: %(message)s"}
    handler = {"class": "logging.StreamHandler", "formatter": "plain"}
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=settings.proxy,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=5,
        log_config={
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": formatter},
            "handlers": {"plain": handler},
            "loggers": {"uvicorn": {"handlers": ["plain"], "level": "WARNING"}},
        },
    )
