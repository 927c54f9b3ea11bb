"""A run is followed while it is made, or sent when it is finished."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Logged, Reporter
from cistron.experiment.run_folder import EXPERIMENT
from cistron.pipeline.tracking.destinations import impatient, make_trackers
from cistron.pipeline.tracking.parts import read_parts
from cistron.pipeline.tracking.tracker import Sent, Tracker, TrackingError

LOG = "log.txt"
FOLLOWED = ("history.csv", "predictions.parquet", "trials.csv", "audit.json", "metrics.json")
REQUEST = 5  # seconds that a request may wait while a run is made
UPLOAD = 60  # and afterwards


@contextmanager
def following(
    run: str | Path,
    options: Sequence[str],
    reporter: Reporter = SILENT,
    *,
    every: float = 5.0,
    patience: float = 10.0,
) -> Iterator[None]:
    """Send a run to trackers while it is made inside of this context.

    Threads read what is new in the files of the run, which other processes may write too; what
    makes the run knows nothing of it, waits for nothing, and cannot fail by it. The run begins when
    its log is written to: what an older run has left in the directory is not sent.

    Parameters
    ----------
    run : path
        The run directory, which need not be there yet.
    options : sequence of str
        mlflow, mlflow=URI, tensorboard, tensorboard=FOLDER.
    reporter : Reporter, optional
    every, patience : float
        Seconds between two looks at the files, and to wait at the end for what was not sent yet.

    Raises
    ------
    InputError
        If an option names no tracker, has no address, or its package is not installed.
    """
    run = Path(run)
    with impatient(REQUEST):
        trackers = make_trackers(options, run)
        followers = [_Follower(tracker, run, reporter, every) for tracker in trackers]
        for follower in followers:
            follower.start()
        try:
            yield
        finally:
            for follower in followers:
                follower.ended.set()
            until = time.monotonic() + patience
            for follower in followers:
                follower.join(max(0.0, until - time.monotonic()))
                follower.conclude()


def send(run: str | Path, options: Sequence[str]) -> list[tuple[Tracker, Sent]]:
    """Send a run that nobody works on, finished or not; return what each tracker did not have.

    Raises
    ------
    InputError
        If the directory is no run that was trained, or a tracker cannot be used.
    """
    run = Path(run)
    if not any((run / name).is_file() for name in (EXPERIMENT, "search.yaml")):
        raise InputError(
            f"{run} is no run that was trained: it has no {EXPERIMENT}, so there is nothing to "
            "track. Give the directory that fit, crossval or tune wrote."
        )
    sent = []
    with impatient(UPLOAD):
        for tracker in make_trackers(options, run):
            try:
                sent.append((tracker, tracker.send(read_parts(run, ended=True))))
            except TrackingError as error:
                raise InputError(
                    f"{tracker.name} cannot be used: {error}. Try again later."
                ) from error
    return sent


class _Follower(threading.Thread):
    """Gives one tracker what is new, until the run has ended."""

    def __init__(self, tracker: Tracker, run: Path, reporter: Reporter, every: float) -> None:
        super().__init__(name=tracker.option, daemon=True)
        self.ended = threading.Event()
        self._tracker, self._run, self._reporter, self._every = tracker, run, reporter, every
        self._before = self._log()
        self._sent: dict[Path, int] = {}
        self._failed = self._all_sent = False

    def run(self) -> None:
        """Look, send, wait; after a failure wait longer."""
        while not self.ended.wait(self._every * (6 if self._failed else 1)):
            self._send(ended=False)
        self._all_sent = self._send(ended=True)

    def conclude(self) -> None:
        """Say how it ended."""
        if self._all_sent:
            self._say("has all of it.")
        elif self._begun():
            self._failed = True  # has been said: a request that is still under way says no more
            command = shlex.join(["cistron", "track", str(self._run), "--to", self._tracker.option])
            self._say(
                f"does not have all of it. Nothing is lost: send the rest later by `{command}`."
            )

    def _send(self, *, ended: bool) -> bool:
        """Send what is new, and return whether the tracker has all of it."""
        if not self._begun():
            return False
        try:
            files = self._files()
            if ended or files != self._sent:
                self._tracker.send(read_parts(self._run, ended=ended))
        except (TrackingError, InputError, OSError) as error:
            if not self._failed:
                self._say(
                    f"cannot be used: {str(error).rstrip('.')}. The work goes on; what it lacks is "
                    "sent when it answers."
                )
            self._failed = True
            return False
        if self._failed and not ended:
            self._say("answers again.")
        self._sent, self._failed = files, False
        return True

    def _say(self, words: str) -> None:
        Logged(self._reporter, self._run / LOG).say(f"{self._tracker.name} {words}")

    def _begun(self) -> bool:
        return self._log() not in (self._before, ())

    def _log(self) -> tuple[int, ...]:
        """Return what changes when something is written to the log of the run."""
        log = self._run / LOG
        stat = log.stat() if log.is_file() else None
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns) if stat else ()

    def _files(self) -> dict[Path, int]:
        """Return when each file that is followed was last written."""
        files = [Path(folder, name) for folder, _, names in os.walk(self._run) for name in names]
        return {file: file.stat().st_mtime_ns for file in files if file.name in FOLLOWED}
