"""`cistron serve` in a process of its own, as a lab runs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

WAIT = 120.0  # seconds that a server, or a job, may take on a busy machine


class Server:
    """A server that is started, killed and started again in one folder."""

    def __init__(self, folder: Path, runs: list[Path], *options: str) -> None:
        self.data, self.log = folder / "data", folder / "server.log"
        self.runs, self.options = runs, options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=WAIT)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        arguments = [*map(str, self.runs), "--port", str(self.port), "--data", str(self.data)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cistron", "serve", *arguments, *self.options],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.client.get("/healthz").json()["status"] == "ok":
                    return self
            except httpx.TransportError:
                time.sleep(0.1)
        raise TimeoutError(self.log.read_text())

    def kill(self) -> None:
        """End it by SIGKILL, without its workers, which have to notice."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.client.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=WAIT)

    def submit(self, data: bytes | str, name: str = "input", **query: str) -> str:
        """Send a job; return its id."""
        content = data.encode() if isinstance(data, str) else data
        answer = self.client.post("/v1/jobs", content=content, params={"name": name, **query})
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def job(self, job: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/jobs/{job}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until a job is over, or in one of the states."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            known = self.job(job)
            if known["state"] in (states or ("done", "failed", "cancelled")):
                return known
            time.sleep(0.1)
        raise TimeoutError(f"{known} {self.log.read_text()}")

    def results(self, job: str, kind: str = "tsv") -> bytes:
        answer = self.client.get(f"/v1/jobs/{job}/results", params={"format": kind})
        assert answer.status_code == 200, answer.text
        return answer.content
