"""Many trainings at once: folds, seeds and trials are one kind of job."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from pathlib import Path
from tempfile import TemporaryDirectory

from cistron.base.errors import InputError
from cistron.base.jobs.cluster import Cluster, on_cluster
from cistron.base.jobs.job import TRIES, Ended, Job, Shelf, _outcome, do, end_with, lost_each_time
from cistron.base.progress import Reporter


def run_jobs(
    jobs: Iterable[Job], workers: int | None, reporter: Reporter, cluster: Cluster | None = None
) -> Iterator[Ended]:
    """Do every job, `workers` at a time, and yield each when it has ended.

    A job is drawn from `jobs` when a worker is free. One worker is this process; several are
    processes of their own, each with its share of the threads, that end when this one does. A job
    that fails is yielded with its error, and the others go on; a job whose worker is lost (killed,
    or out of memory) is begun again.

    Parameters
    ----------
    jobs : iterable of Job
    workers : int, optional
        One where it is not said; on a cluster as many as it has room for.
    reporter : Reporter
    cluster : Cluster, optional
        Where the jobs are done, if not on this machine.
    """
    if cluster is not None:
        yield from on_cluster(iter(jobs), workers, cluster, reporter)
        return
    workers = workers or 1
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

    # A worker that ends because its memory grew is replaced, and that is nobody's concern.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    parent, threads = os.getpid(), threads_each(workers)
    running: dict[Future[tuple[object, Exception | None]], Job] = {}
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
                yield from (
                    Ended(job, error=lost_each_time(job)) for job in lost if begun[job] >= TRIES
                )
    finally:
        if running:
            executor.shutdown(wait=False, kill_workers=True)


def finish_jobs(
    jobs: Sequence[Job],
    total: int,
    what: str,
    workers: int | None,
    reporter: Reporter,
    cluster: Cluster | None = None,
) -> None:
    """Do every job and say of each how it ended.

    Parameters
    ----------
    jobs : sequence of Job
    total : int
        How many there are with those that were finished before.
    what : str
        What they are called, in the plural.
    workers, reporter, cluster
        As of `run_jobs`.

    Raises
    ------
    InputError
        See `require_all`.
    """
    failed = []
    with reporter.bar(len(jobs), what) as advance:
        for ended in run_jobs(jobs, workers, reporter, cluster):
            advance(1)
            if ended.error is not None:
                failed.append(ended)
            where = f" on {ended.node}" if ended.node else ""
            reporter.say(f"{ended.job.name} {'failed' if ended.error else 'is finished'}{where}.")
    require_all(failed, total, what)


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
    causes = [
        f"{', '.join(job.name for job in jobs)} ({jobs[0].experiment}): {reason}"
        for reason, jobs in reasons.items()
    ]
    raise InputError(
        f"{len(failed)} of {total} {what} failed; the others are finished. Mend the cause and go "
        "on with --resume.\n" + "\n".join(causes)
    )


def threads_each(workers: int) -> int:
    """Return the share of the threads that each of several processes may use.

    Not of all cores: torch knows what OMP_NUM_THREADS leaves it, and threads that wait for a core
    which others use slow small networks down manyfold.
    """
    import torch

    return max(1, torch.get_num_threads() // max(1, workers))


def _in_worker(
    work: Callable[..., object],
    shared: Path,
    arguments: tuple[object, ...],
    threads: int,
    parent: int,
) -> tuple[object, Exception | None]:
    end_with(parent, shared.parent)
    return do(work, shared, arguments, threads)
