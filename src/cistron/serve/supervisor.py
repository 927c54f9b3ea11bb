"""Start the workers, start them again, end what takes too long, delete what is old."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context, resource_tracker
from multiprocessing.process import BaseProcess

from cistron.serve.journal import RUNNING, JobRow
from cistron.serve.worker import ASKED, Work, remove_job, work

SPAWN = get_context("spawn")  # a fork of a process with threads may hang
LOOK, GRACE, PAUSE = 0.2, 5.0, 1.0  # seconds between looks, to let go of a job, between starts
TIDY = 10.0  # seconds between looks for what is old


@dataclass
class Supervisor:
    """What keeps the workers at work.

    Parameters
    ----------
    works : sequence of Work
        One worker each.
    """

    works: list[Work]
    restarts: int = 0
    _processes: dict[str, BaseProcess] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the workers, and watch over them until `stop`."""
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the workers; what they had at work is done when the server is started again."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        for process in self._processes.values():
            process.kill()
            process.join()

    @property
    def alive(self) -> int:
        """How many workers are at work, or wait for it."""
        return sum(process.is_alive() for process in self._processes.values())

    def _watch(self) -> None:
        tidied = 0.0
        while not self._over.is_set():
            for given in self.works:
                self._keep_up(given)
                for job in given.journal.at_work(given.name):
                    self._judge(given, job)
            if time.monotonic() - tidied > TIDY:
                tidied = time.monotonic()
                tidy(self.works[0])
            self._over.wait(LOOK)

    def _keep_up(self, given: Work) -> None:
        process = self._processes.get(given.name)
        if process is not None and process.is_alive():
            return
        if process is not None:
            given.journal.crashed(given.name)
            if time.monotonic() - self._begun[given.name] < PAUSE:
                return
            self.restarts += 1
            sys.stderr.write(f"The worker {given.name} ended ({process.exitcode}); it restarts.\n")
        self._processes[given.name] = start(work, given)
        self._begun[given.name] = time.monotonic()

    def _judge(self, given: Work, job: JobRow) -> None:
        """End a job that takes too long, and a worker that does not let go of one."""
        now, most = time.time(), given.limits.minutes
        if job.state == RUNNING and job.started and now - job.started > 60 * most:
            error = f"The job took longer than {most:g} minutes. Send fewer or shorter records."
            given.journal.overdue(job.id, error)
        elif job.state != RUNNING and job.ended and now - job.ended > GRACE:
            self._processes[given.name].kill()
            self._processes[given.name].join()


def start(target: object, *arguments: object) -> BaseProcess:
    """Start a process that ends with this one, whose main module it does not import."""
    process = SPAWN.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
    # Ctrl-C is for the server, which ends this process: the mask of signals is inherited. The
    # tracker, which is started once, would undo it.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        with _without_main():
            process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return process


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module, which spawned processes would import: that of a test, or a script."""
    main, sys.modules["__main__"] = sys.modules["__main__"], type(sys)("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def tidy(given: Work) -> None:
    """Delete the files of jobs that are old or cancelled, and folders that belong to none."""
    journal = given.journal
    for job in journal.ended_before(time.time() - 3600 * given.limits.hours):
        remove_job(given.data, job)
        journal.forget(job)
    for job in journal.unwanted():
        remove_job(given.data, job)


def recover(given: Work) -> None:
    """Make the journal, or take up that of a server that ended, however it ended."""
    jobs = given.data / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(given.data / ASKED, ignore_errors=True)
    given.journal.make()
    known = given.journal.ids()
    for folder in jobs.iterdir():
        if folder.name not in known:  # the server ended between the upload and its entry
            remove_job(given.data, folder.name)
    tidy(given)
