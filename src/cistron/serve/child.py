"""A process that is asked one thing at a time, in JSON; one that crashes or hangs is replaced."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.serve.supervisor import SPAWN, start

Answerer = Callable[[Document], Document]


class UnavailableError(InputError):
    """The process that should have answered ended, or took too long."""


@dataclass
class Child:
    """One such process, started when it is first asked.

    Parameters
    ----------
    answers : callable
        Is called with the connection and `given` in the process.
    given : object
        What it is started with.
    seconds : float
        After which a question is given up.
    """

    answers: Callable[..., None]
    given: object
    seconds: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: BaseProcess | None = None
    _pipe: Connection | None = None

    def ask(self, question: Document) -> Document:
        """Return the answer.

        Raises
        ------
        InputError
            If the process says that the question is at fault.
        UnavailableError
            If it ended or took too long.
        """
        if not self._lock.acquire(timeout=self.seconds):
            raise UnavailableError("The server is busy. Try again in a minute.")
        try:
            answer = self._asked(json.dumps(question).encode())
        finally:
            self._lock.release()
        if "error" in answer:
            raise InputError(answer["error"])
        return answer

    def begin(self) -> None:
        """Start the process, if it is not at work, before it is asked for the first time."""
        if self._lock.acquire(blocking=False):
            try:
                self._connected()
            finally:
                self._lock.release()

    def _asked(self, question: bytes) -> Document:
        try:
            pipe = self._connected()
            pipe.send_bytes(question)
            if pipe.poll(self.seconds):
                return json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            self.stop()
            raise UnavailableError(
                "The process that computes the answer ended, perhaps for want of memory. Send "
                "fewer or shorter records."
            ) from None
        self.stop()
        raise UnavailableError(
            f"The answer took longer than {self.seconds:g} seconds. Send it as a job, or send "
            "fewer or shorter records."
        )

    def _connected(self) -> Connection:
        if self._pipe is None or self._process is None or not self._process.is_alive():
            self.stop()
            self._pipe, there = SPAWN.Pipe()
            self._process = start(self.answers, there, self.given)
            there.close()
        return self._pipe

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def answering(pipe: Connection, answer: Answerer, told: Callable[[InputError], str]) -> None:
    """Answer until the other side is gone."""
    while True:
        try:
            question = json.loads(pipe.recv_bytes())
        except EOFError:
            return
        try:
            answered = answer(question)
        except InputError as error:
            answered = {"error": told(error)}
        pipe.send_bytes(json.dumps(answered).encode())
