"""Many trainings at once: folds, seeds and trials are one kind of job."""

from __future__ import annotations

import os
import shutil
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cistron.errors import InputError
from cistron.progress import Reporter

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
    work: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    shared: tuple[Any, ...] = ()
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
    """

    job: Job
    value: Any = None
    error: Exception | None = None


def run_jobs(jobs: Iterable[Job], workers: int, reporter: Reporter) -> Iterator[Ended]:
    """Do every job, `workers` at a time, and yield each when it has ended.

    A job is drawn from `jobs` when a worker is free. One worker is this process; several are
    processes of their own, each with its share of the threads, that end when this one does. A job
    that fails is yielded with its error, and the others go on; a job whose worker is lost (killed,
    or out of memory) is begun again.

    Parameters
    ----------
    jobs : iterable of Job
    workers : int
    reporter : Reporter
    """
    if workers == 1:
        for job in jobs:
            yield Ended(job, *_outcome(job.work, (*job.shared, *job.arguments)))
        return
    with TemporaryDirectory(prefix="cistron-") as folder:
        yield from _in_processes(iter(jobs), workers, Shelf(Path(folder)), reporter)


def _in_processes(
    source: Iterator[Job], workers: int, shelf: Shelf, reporter: Reporter
) -> Iterator[Ended]:
    from joblib.externals.loky import get_reusable_executor

    parent, threads = os.getpid(), threads_each(workers)
    running: dict[Future[Any], Job] = {}
    begun = Counter[Job]()
    again: list[Job] = []
    try:
        while True:
            executor = get_reusable_executor(workers)  # the same one, unless that was lost
            while len(running) < workers and (job := again.pop() if again else next(source, None)):
                begun[job] += 1
                work = (job.work, shelf.keep(job.shared), job.arguments, threads, parent)
                try:
                    running[executor.submit(_in_worker, *work)] = job
                except BrokenExecutor:  # since the last look
                    again.append(job)
                    break
            if not running and not again:
                return
            lost = []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    yield Ended(job, *future.result())
                except BrokenExecutor:
                    lost.append(job)
            if lost:
                lost += running.values()  # one worker takes all others with it
                running.clear()
                reporter.say(f"A worker was lost while it did {' or '.join(j.name for j in lost)}.")
                again += [job for job in lost if begun[job] < TRIES]
                yield from (Ended(job, error=_lost(job)) for job in lost if begun[job] >= TRIES)
    finally:
        if running:
            executor.shutdown(wait=False, kill_workers=True)


class Shelf:
    """Where the processes of one machine find what they share.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[tuple[Any, ...]] = []

    def keep(self, shared: tuple[Any, ...]) -> Path:
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
def _fetched(file: Path) -> tuple[Any, ...]:
    """Return what is shared; its arrays stay on disk, and a change to them in memory."""
    import joblib

    found: tuple[Any, ...] = joblib.load(file, mmap_mode="c")
    return found


def require_all(failed: Sequence[Ended], total: int, what: str) -> None:
    """Raise what made jobs fail, where any did, with the names of all that failed.

    Parameters
    ----------
    failed : sequence of Ended
    total : int
        How many jobs there were.
    what : str
        What they are called, in the plural.

    Raises
    ------
    InputError
        If the user's input was at fault each time; else the first error that was another.
    """
    if not failed:
        return
    defect = next((e.error for e in failed if not isinstance(e.error, InputError)), None)
    if defect is not None:
        raise defect
    reasons: dict[str, list[Job]] = {}
    for ended in failed:
        reasons.setdefault(str(ended.error), []).append(ended.job)
    if len(failed) == total and len(reasons) == 1:
        raise InputError(next(iter(reasons)))
    said = [
        f"{', '.join(job.name for job in jobs)} ({jobs[0].experiment}): {reason}"
        for reason, jobs in reasons.items()
    ]
    raise InputError(
        f"{len(failed)} of {total} {what} failed; the others are finished. Mend the cause and go "
        "on with --resume.\n" + "\n".join(said)
    )


def threads_each(workers: int) -> int:
    """Return the share of the threads that each of several processes may use.

    Not of all cores: torch knows what OMP_NUM_THREADS leaves it, and threads that wait for a core
    which others use slow small networks down manyfold.
    """
    import torch

    return max(1, torch.get_num_threads() // max(1, workers))


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


def _in_worker(
    work: Callable[..., Any], shared: Path, arguments: tuple[Any, ...], threads: int, parent: int
) -> tuple[Any, Exception | None]:
    import torch

    end_with(parent, shared.parent)
    torch.set_num_threads(threads)
    value, error = _outcome(work, (*_fetched(shared), *arguments))
    if error is not None and not isinstance(error, InputError):
        # Not every exception can be sent, and none with its traceback.
        error = RuntimeError("".join(traceback.format_exception(error)))
    return value, error


def _outcome(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return work(*arguments), None
    except Exception as error:  # noqa: BLE001 (the others go on; require_all raises it again)
        return None, error


def _lost(job: Job) -> InputError:
    return InputError(
        f"The worker of {job.name} was lost {TRIES} times: killed, or out of memory. Use fewer "
        "--workers, or a smaller training.batch_size."
    )
