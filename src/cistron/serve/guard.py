"""What every request passes through: who may ask, how often, how much; what every answer carries.

Plain ASGI, so that a limit holds before anything of a request is kept or parsed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cistron.base.version import __version__
from cistron.serve.inputs import MEGABYTE
from cistron.serve.service import Service
from cistron.serve.settings import LOCAL

COOKIE = "cistron"
OPEN = ("/healthz", "/login", "/static/style.css", "/static/serve.js")  # need no token
SLOWEST = 10_000  # bytes a second below which an upload is given up
PATIENCE = 20.0  # seconds that any upload may take
FORM = 1 << 16  # bytes around the file of a form
KEPT = 10_000  # addresses whose rate is remembered
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # the address of a job is the key to it
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-cistron-version": __version__,
}


def session_of(token: str) -> str:
    """Return what the cookie of a browser holds that has shown the token."""
    return hmac.new(token.encode(), b"cistron serve", hashlib.sha256).hexdigest()


@dataclass
class Rates:
    """How often each address asked for something that computes: a bucket that fills up again.

    Parameters
    ----------
    most : int
        A minute; 0: any number.
    """

    most: int
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, address: str) -> bool:
        """Take one; return whether there was one left."""
        if not self.most:
            return True
        now = time.monotonic()
        left, before = self._left.pop(address, (float(self.most), now))
        left = min(float(self.most), left + (now - before) * self.most / 60)
        self._left[address] = (max(left - 1, 0.0), now)
        if len(self._left) > KEPT:  # the one that has not asked for longest
            del self._left[next(iter(self._left))]
        return left >= 1


@dataclass
class Guard:
    """The outermost layer of the server.

    Parameters
    ----------
    app : ASGI application
    service : Service
    """

    app: ASGIApp
    service: Service
    rates: Rates = field(init=False)

    def __post_init__(self) -> None:
        self.rates = Rates(self.service.settings.limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            refused = self._refused(scope)
            if refused is not None:
                await refused(scope, receive, sent)
            else:
                await self.app(scope, self._limited(receive), sent)
        finally:
            self._log(scope, status, time.perf_counter() - begun)

    def _refused(self, scope: Scope) -> ASGIApp | None:
        """Return the answer to a request that is not let in."""
        headers, path = Headers(scope=scope), scope["path"]
        if not self._known_host(headers.get("host", "")):
            return _no(400, "This server does not go by that name.")
        host = headers.get("host", "")
        if headers.get("origin") not in (None, f"http://{host}", f"https://{host}"):
            return _no(403, "Requests of other sites are refused.")
        if not self._may(scope, path):
            if headers.get("accept", "").startswith("text/html") and scope["method"] == "GET":
                return RedirectResponse("/login", 303)
            return _no(401, "Send the token: Authorization: Bearer TOKEN.", "www-authenticate")
        if headers.get("content-encoding", "identity") != "identity":
            return _no(415, "Send the request as it is; a file in it may be compressed by gzip.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most:
            return _no(413, self._too_large)
        computes = scope["method"] == "POST" or "/rows/" in path
        if computes and not self.rates.take(_address(scope)):
            return _no(429, "Too many requests of this address. Try again in a minute.", "wait")
        return None

    def _known_host(self, host: str) -> bool:
        """Tell a request for this machine from one that a foreign page sent by a name of its own.

        Served to others, it may have any name, and the token keeps foreign pages out.
        """
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return self.service.settings.host not in LOCAL or name.strip("[]") in LOCAL

    def _may(self, scope: Scope, path: str) -> bool:
        token = self.service.settings.token
        if token is None or path in OPEN:
            return True
        connection = HTTPConnection(scope)
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), token.encode())
        cookie = connection.cookies.get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(), session_of(token).encode())

    @property
    def _most(self) -> int:
        return int(self.service.settings.limits.megabytes * MEGABYTE) + FORM

    @property
    def _too_large(self) -> str:
        most = self.service.settings.limits.megabytes
        return f"At most {most:g} MB are taken at once. Compress the file, or send parts of it."

    def _limited(self, receive: Receive) -> Receive:
        """Return what gives up on bodies that are too large, or come too slowly."""
        size, begun = 0, time.monotonic()

        async def limited() -> Message:
            nonlocal size
            if size < 0:  # the body is here: what comes next is the end of the connection
                return await receive()
            left = PATIENCE + size / SLOWEST - (time.monotonic() - begun)
            try:
                message = await asyncio.wait_for(receive(), max(left, 0.01))
            except TimeoutError:
                raise HTTPException(408, "The request came too slowly.") from None
            size += len(message.get("body", b""))
            if size > self._most:
                raise HTTPException(413, self._too_large)
            if not message.get("more_body", False):
                size = -1
            return message

        return limited

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        """Log a request; of a job only the beginning of its key, and nothing that was sent."""
        path = "/".join(
            part if len(part) < 24 else f"{part[:8]}…" for part in scope["path"].split("/")
        )
        self.service.requests[(scope["method"], status)] += 1
        self.service.seconds += seconds
        now = datetime.now(UTC).isoformat(timespec="seconds")
        shown = path[:200].encode("ascii", "backslashreplace").decode()
        shown = "".join(letter if letter.isprintable() else "?" for letter in shown)
        address, milliseconds = _address(scope), round(1000 * seconds)
        sys.stderr.write(f"{now} {address} {scope['method']} {shown} {status} {milliseconds} ms\n")


def _address(scope: MutableMapping[str, Any]) -> str:
    return str((scope.get("client") or ("unknown",))[0])


def _no(status: int, why: str, header: str = "") -> ASGIApp:
    more = {"www-authenticate": {"www-authenticate": "Bearer"}, "wait": {"retry-after": "60"}}
    document = {"cistron": __version__, "model": None, "error": why}
    return JSONResponse(document, status, more.get(header))
