"""One job: work that another process may do, and how it ends."""

from __future__ import annotations

import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cistron.base.errors import InputError

TRIES = 3  # how often a job is begun whose worker is lost each time


@dataclass(frozen=True, eq=False)
class Job:
    """Work that another process may do.

    Parameters
    ----------
    name : str
        What messages call it, such as "Fold 3".
    work : callable
        A function of a module, called with what is shared and then the arguments. What it makes it
        leaves in a folder of its own: where a worker is lost, the job is begun again and finds
        there what was finished.
    arguments : tuple
    shared : tuple
        What many jobs read, one and the same tuple in all of them: written to disk once, and
        mapped into the memory of every worker.
    experiment : str
        The file that defines it.
    """

    name: str
    work: Callable[..., object]
    arguments: tuple[object, ...] = ()
    shared: tuple[object, ...] = ()
    experiment: str = ""


@dataclass(frozen=True, eq=False)
class Ended:
    """A job that came to its end.

    Parameters
    ----------
    job : Job
    value : object
        What it returned.
    error : Exception, optional
        Why it failed.
    node : str
        The machine of a cluster that did it; empty where this machine did.
    """

    job: Job
    value: object = None
    error: Exception | None = None
    node: str = ""


class Shelf:
    """Where several processes find what they share.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[tuple[object, ...]] = []

    def keep(self, shared: tuple[object, ...]) -> Path:
        """Return the file that holds these objects; written when they are seen for the first time.

        The same objects: equal ones are written again.
        """
        import joblib

        number = next((n for n, known in enumerate(self.kept) if known is shared), len(self.kept))
        file = self.folder / f"{number}.joblib"
        if number == len(self.kept):
            joblib.dump(shared, file)
            self.kept.append(shared)
        return file


@lru_cache(maxsize=2)
def _fetched(file: Path) -> tuple[object, ...]:
    """Return what is shared; its arrays stay on disk, and a change to them in memory."""
    import joblib

    shared: tuple[object, ...] = joblib.load(file, mmap_mode="c")
    return shared


def end_with(parent: int, folder: Path) -> None:
    """End this worker soon after the process that started it: two must never write one run.

    What that process shared in a folder is then taken away.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    if os.getpid() != parent:
        threading.Thread(target=watch, daemon=True).start()


def do(
    work: Callable[..., object], shared: Path, arguments: tuple[object, ...], threads: int
) -> tuple[object, Exception | None]:
    """Do a job in a process of its own; return its value, or an error that can be sent."""
    import torch

    torch.set_num_threads(threads)
    value, error = _outcome(work, (*_fetched(shared), *arguments))
    if error is not None and not isinstance(error, InputError):
        # Not every exception can be sent, and none with its traceback.
        error = RuntimeError("".join(traceback.format_exception(error)))
    return value, error


def _outcome(
    work: Callable[..., object], arguments: tuple[object, ...]
) -> tuple[object, Exception | None]:
    try:
        return work(*arguments), None
    except Exception as error:  # noqa: BLE001 (the others go on; require_all raises it again)
        return None, error


def lost_each_time(job: Job) -> InputError:
    """Return the error of a job that is not begun once more."""
    return InputError(
        f"The worker of {job.name} was lost {TRIES} times: killed, or out of memory. Use fewer "
        "--workers, or a smaller training.batch_size."
    )
