"""What the pages and the API share: the models, the journal, the workers, the counts."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from filelock import FileLock, Timeout

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.version import __version__
from cistron.serve.asked import answer
from cistron.serve.child import Child
from cistron.serve.inputs import MEGABYTE, plain_name
from cistron.serve.journal import QUEUED, JobRow, Journal, new_id
from cistron.serve.models import ServedModel, read_models
from cistron.serve.settings import ServeSettings
from cistron.serve.supervisor import Supervisor, recover
from cistron.serve.worker import Work, job_folder, remove_job

AT_ONCE, EXPLAINED = 60.0, 300.0  # seconds after which an answer is given up


class Upload(NamedTuple):
    """The id of a job to be, and the file that its upload is written into."""

    job: str
    file: BinaryIO


@dataclass
class Service:
    """A running server, without the web.

    Parameters
    ----------
    settings : ServeSettings
    models : dict of str to ServedModel
    supervisor : Supervisor
    quick, slow : Child
        Answer small requests, and explain.
    """

    settings: ServeSettings
    models: dict[str, ServedModel]
    supervisor: Supervisor
    quick: Child
    slow: Child
    begun: float = field(default_factory=time.time)
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0
    _lock: FileLock | None = None

    @property
    def journal(self) -> Journal:
        """The jobs."""
        return self.supervisor.works[0].journal

    def start(self) -> None:
        """Take up the folder, and start the workers.

        Raises
        ------
        InputError
            If another server is at work in the folder.
        """
        data = self.settings.data
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(data / "server.lock")
        try:
            self._lock.acquire(timeout=5)
        except Timeout as error:
            raise InputError(
                f"Another server is at work in {data}. End it, or give this one another --data."
            ) from error
        recover(self.supervisor.works[0])
        self.supervisor.start()
        self.quick.begin()

    def stop(self) -> None:
        """End the workers."""
        self.supervisor.stop()
        self.quick.stop()
        self.slow.stop()
        if self._lock is not None:
            self._lock.release()

    def require_room(self) -> None:
        """Refuse a job where too many wait, or there is no room for it.

        Raises
        ------
        BusyError
        """
        limits, waiting = self.settings.limits, self.journal.counts()[QUEUED]
        if waiting >= limits.waiting:
            raise BusyError(f"The queue is full: {waiting:,} jobs wait. Try again later.")
        if shutil.disk_usage(self.settings.data).free < 2 * MEGABYTE * limits.unpacked:
            raise BusyError("The disk of the server is full. Whoever runs it has to make room.")

    @contextmanager
    def submitted(self, model: ServedModel, name: str, columns: dict[str, str]) -> Iterator[Upload]:
        """Yield a file for an upload, which is a job when the block ends.

        Raises
        ------
        InputError
            If nothing was written into it.
        """
        job, name = new_id(), plain_name(name)
        folder = job_folder(self.settings.data, job) / "input"
        folder.mkdir(parents=True)
        try:
            with (folder / name).open("wb") as file:
                yield Upload(job, file)
                if not file.tell():
                    raise InputError("The upload is empty. Paste sequences, or choose a file.")
            self.journal.add(job, model.name, model.sha256, name, columns)
        except BaseException:
            remove_job(self.settings.data, job)
            raise

    def document(self, job: JobRow) -> Document:
        """Return what the API says of a job."""
        document: Document = {
            "id": job.id,
            "state": job.state,
            "name": job.name,
            "done": job.done,
            "total": job.total,
            "created": job.created,
            "started": job.started,
            "ended": job.ended,
            "counts": job.counts,
            **stamp(self.models.get(job.model), job),
        }
        if job.state == QUEUED:
            document["position"] = self.journal.position(job)
        if job.error:
            document["error"] = job.error
        if job.ended is not None:
            document["deleted"] = job.ended + 3600 * self.settings.limits.hours
        return document


class BusyError(InputError):
    """There is too much to do."""


def stamp(model: ServedModel | None, job: JobRow | None = None) -> Document:
    """Return what is in every answer: the version, and by which model."""
    known = {"name": model.name, "sha256": model.sha256} if model else None
    if job is not None:
        known = {"name": job.model, "sha256": job.sha256}
    return {"cistron": __version__, "model": known}


def make_service(settings: ServeSettings) -> Service:
    """Return a server of these settings, which is not started yet.

    Raises
    ------
    InputError
        If a classifier cannot be loaded, or a setting is not safe.
    """
    settings.require()
    models = read_models(settings.runs)
    runs = {name: (model.run, model.sha256) for name, model in models.items()}

    def work_of(name: str, device: str) -> Work:
        return Work(
            name,
            settings.data,
            device,
            runs,
            settings.limits,
            settings.genome,
            settings.annotation,
        )

    works = [
        work_of(f"worker-{n}-{d}".replace(":", "-"), d) for n, d in enumerate(settings.devices)
    ]
    asked = work_of("asked", settings.devices[0])
    return Service(
        settings,
        models,
        Supervisor(works),
        Child(answer, asked, AT_ONCE),
        Child(answer, asked, EXPLAINED),
    )
