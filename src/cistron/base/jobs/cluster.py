"""The same jobs on many machines: a Ray cluster does what processes do on one.

Ray (Moritz et al. 2018, OSDI 13:561-577) starts the processes and says when one is lost. What jobs
read and write lies in the run, on a file system that all nodes share.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cistron.base.errors import InputError
from cistron.base.jobs.job import TRIES, Ended, Job, Shelf, do, lost_each_time
from cistron.base.jobs.nodes import cpus_each, fit, nodes_of, require_same, this_node
from cistron.base.progress import SILENT, Reporter
from cistron.base.secrets import without_password

CONNECTING = 60  # seconds; Ray itself tries for minutes
WATCH = 1.0  # seconds between two looks whether a job is still its own
PLACE = ".jobs-"  # folder in the run, as long as jobs are done
QUIET: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
PROBE = """
import logging, sys, ray
try:
    ray.init(sys.argv[1], logging_level=logging.ERROR, log_to_driver=False)
except Exception as error:
    sys.exit(" ".join(str(error).split()) or type(error).__name__)
"""


@dataclass(frozen=True)
class Cluster:
    """Where jobs are done, if not on this machine.

    Parameters
    ----------
    address : str
        As `join` takes it.
    folder : Path
        What the jobs write, on a file system that all nodes share.
    gpus : int
        GPUs that each job takes: none, or one.
    """

    address: str
    folder: Path
    gpus: int = 0


def join(
    address: str | None, folder: Path, device: str = "auto", reporter: Reporter = SILENT
) -> Cluster | None:
    """Connect to a Ray cluster, and see that all its nodes can work on one run.

    Parameters
    ----------
    address : str, optional
        "ray://host:10001" from a machine outside; "host:6379" or "auto" from a node of it; "local"
        starts one of this machine alone. None: there is no cluster.
    folder : Path
        What the jobs write; it need not be there yet.
    device : str
        A job on "cuda" takes a GPU; "auto" is the processor on a cluster.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If Ray is not installed, the cluster cannot be reached, or a node does not share the folder
        or has another version of Cistron.
    """
    cluster = cluster_of(address, folder, device)
    if cluster is None or address is None:
        return None
    if find_spec("ray") is None:
        raise InputError(
            "--cluster needs Ray, which is not installed: pip install 'cistron[cluster]'"
        )
    import ray

    if not ray.is_initialized():
        if address == "local":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            ray.init("local", include_dashboard=False, **QUIET)
        else:
            _require_reachable(address)
            ray.init(address, **QUIET)
    existing = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    with TemporaryDirectory(prefix=PLACE, dir=existing.absolute()) as place:
        require_same(nodes_of(cluster.gpus), Path(place), reporter)
    return cluster


def cluster_of(address: str | None, folder: Path, device: str = "auto") -> Cluster | None:
    """Return the cluster of an address that was joined before, for jobs that write elsewhere."""
    if address is None:
        return None
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(
            f"device: a cluster cannot be asked for {device!r}. Use cuda (Ray chooses which), or "
            "cpu."
        )
    return Cluster(address, folder, int(device == "cuda"))


def _require_reachable(address: str) -> None:
    """Connect in a process of its own first: what Ray cannot reach it tries for minutes."""
    refused = f"--cluster {without_password(address)}: the cluster cannot be reached"
    remedy = (
        "It is given as ray://host:10001 (from outside), host:6379 or auto (on a node), and "
        "started by `ray start --head`."
    )
    try:
        command = [sys.executable, "-c", PROBE, address]
        probe = subprocess.run(command, capture_output=True, text=True, timeout=CONNECTING)
    except subprocess.TimeoutExpired:
        raise InputError(f"{refused} within {CONNECTING} seconds. {remedy}") from None
    if probe.returncode:
        reason = (probe.stderr.strip().splitlines() or ["Ray gave up"])[-1]
        raise InputError(f"{refused}: {reason.rstrip('.')}. {remedy}")


def on_cluster(
    source: Iterator[Job], workers: int | None, cluster: Cluster, reporter: Reporter
) -> Iterator[Ended]:
    """Do every job on the cluster, as `run_jobs`.

    Raises
    ------
    InputError
        If all nodes are lost.
    """
    _end_others(cluster.folder, reporter)
    folder = cluster.folder.absolute()
    with TemporaryDirectory(prefix=PLACE, dir=folder, ignore_cleanup_errors=True) as place:
        nodes = nodes_of(cluster.gpus)
        cpus = cpus_each([node.size for node in nodes], workers)
        machines = f"{len(nodes)} node{'s' if len(nodes) > 1 else ''}"
        reporter.say(f"Jobs are done on {machines}, {cpus} CPU{'s' if cpus > 1 else ''} each.")
        try:
            with redirect_stdout(sys.stderr):  # what Ray says of lost nodes is no result
                yield from _done(source, workers, cluster, Path(place), cpus, reporter)
        except SystemError as error:  # so Ray passes on what a signal raises, such as Ctrl-C
            raise (error.__cause__ or error) from None
        except ConnectionError as error:
            raise InputError(
                "The connection to the cluster was lost. What was finished is kept; continue with "
                "--resume."
            ) from error


def _done(
    source: Iterator[Job],
    workers: int | None,
    cluster: Cluster,
    place: Path,
    cpus: int,
    reporter: Reporter,
) -> Iterator[Ended]:
    import ray
    from ray.exceptions import NodeDiedError, RayError, RayTaskError

    remote = ray.remote(_on_node)
    options = {"num_cpus": cpus, "num_gpus": cluster.gpus, "max_retries": 0}
    shelf, begun = Shelf(place), dict[Job, int]()
    running: dict[Any, Job] = {}
    again: list[Job] = []
    try:
        while True:
            room = sum(fit(node.size, cpus) for node in nodes_of(cluster.gpus, cpus))
            room = min(room, workers or room)
            if not place.is_dir():
                raise InputError(f"{cluster.folder} was taken over by another command.")
            while len(running) < room and (job := again.pop() if again else next(source, None)):
                claim = place / f"{id(job)}.claim"
                begun[job] = begun.get(job, 0) + 1
                claim.write_text(str(begun[job]))
                work = (job.work, shelf.keep(job.shared), job.arguments, cpus)
                attempt = (claim, begun[job], str(Path.cwd()), cluster.gpus)
                task = remote.options(name=job.name, **options).remote(*work, attempt)
                running[task] = job
            if not running and not again:
                return
            for task in ray.wait(list(running), timeout=10.0)[0]:
                job = running.pop(task)
                try:
                    value, error, node = ray.get(task)
                    yield Ended(job, value, error, node)
                except RayTaskError as error:
                    yield Ended(job, error=RuntimeError(str(error)))
                except RayError as error:
                    what = "node" if isinstance(error, NodeDiedError) else "worker"
                    reporter.say(f"A {what} was lost while it did {job.name}.")
                    if begun[job] < TRIES:
                        again.append(job)
                    else:
                        yield Ended(job, error=lost_each_time(job))
    finally:
        for task in running:
            ray.cancel(task, force=True)


def _on_node(
    work: Callable[..., object],
    shared: Path,
    arguments: tuple[object, ...],
    threads: int,
    attempt: tuple[Path, int, str, int],
) -> tuple[object, Exception | None, str]:
    """Do a job in a process of a node."""
    claim, number, folder, gpus = attempt
    if not gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # those of the node are for jobs that asked
    os.chdir(folder)  # where the command was given, so that paths mean the same
    with _held(claim, number):
        value, error = do(work, shared, arguments, threads)
    return value, error, this_node()


@contextmanager
def _held(claim: Path, attempt: int) -> Iterator[None]:
    """End this process as soon as the job is another's: two must never write one fold.

    Ray ends what a lost driver or node has left behind, but not at once: another command, or
    another process of the same one, may have the job by then.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(WATCH):
            if _holder(claim) != str(attempt):
                os._exit(1)

    if _holder(claim) != str(attempt):
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _holder(claim: Path) -> str | None:
    """Return which attempt has the job; opened anew, as network file systems ask for."""
    try:
        return claim.read_text()
    except OSError:
        return None


def _end_others(folder: Path, reporter: Reporter) -> None:
    """End what is left of a command that was killed: its workers look for their claims."""
    left = list(folder.glob(f"{PLACE}*"))
    if left:
        reporter.say("Workers of a command that was cut short are ended first.")
        for place in left:
            shutil.rmtree(place, ignore_errors=True)
        time.sleep(3 * WATCH)
