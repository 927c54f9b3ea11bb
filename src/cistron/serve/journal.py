"""The jobs in an SQLite file: what was asked, who works on it, how it ended.

Every change is one transaction, so that a process may be killed between any two of them.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cistron.base.document import Document

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)
TRIES = 2  # times that a job may end the process that works on it
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    columns TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    worker TEXT,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    crashes INTEGER NOT NULL DEFAULT 0,
    explained INTEGER NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT '{}',
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, number);
"""


@dataclass(frozen=True)
class JobRow:
    """One job.

    Parameters
    ----------
    number : int
        Its place among all jobs.
    id : str
        Not to be guessed: who knows it may see the results.
    model, sha256 : str
        Name and checksum of the classifier.
    name : str
        Of the file that was uploaded.
    columns : dict
        Of a table, the columns of ids and sequences.
    state : str
    worker : str or None
        Who works on it, or has not let go of it yet.
    created, started, ended : float
        Seconds since 1970.
    done, total : int
        Records; the total is None until it is known.
    crashes, explained : int
    counts : dict
        What `cistron predict --json` prints, but for the path.
    error : str
        Why it failed.
    """

    number: int
    id: str
    model: str
    sha256: str
    name: str
    columns: dict[str, str]
    state: str
    worker: str | None
    created: float
    started: float | None
    ended: float | None
    done: int
    total: int | None
    crashes: int
    explained: int
    counts: Document
    error: str


@dataclass(frozen=True)
class Journal:
    """The jobs of a server.

    Parameters
    ----------
    path : Path
        The SQLite file; it is made where it is missing.
    """

    path: Path

    def make(self) -> None:
        """Make the file, and queue again what was at work when the server before ended."""
        with self._open() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)
            connection.execute(
                "UPDATE jobs SET state=?, worker=NULL, done=0 WHERE state=?", (QUEUED, RUNNING)
            )
            connection.execute("UPDATE jobs SET worker=NULL")

    def add(self, job: str, model: str, sha256: str, name: str, columns: dict[str, str]) -> None:
        """Queue a job whose upload is in its folder."""
        self._do(
            "INSERT INTO jobs (id, model, sha256, name, columns, created) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (job, model, sha256, name, json.dumps(columns), time.time()),
        )

    def get(self, job: str) -> JobRow | None:
        """Return a job; None where there is none of that id."""
        rows = self._rows("SELECT * FROM jobs WHERE id=?", (job,))
        return rows[0] if rows else None

    def position(self, job: JobRow) -> int:
        """Return the place in the queue: 1 is next."""
        text = "SELECT COUNT(*) FROM jobs WHERE state=? AND number<=?"
        return int(self._value(text, (QUEUED, job.number)))

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        with self._open() as connection:
            rows = connection.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall()
        return {**dict.fromkeys(STATES, 0), **dict(map(tuple, rows))}

    def claim(self, worker: str) -> JobRow | None:
        """Give the next job to a worker."""
        rows = self._rows(
            "UPDATE jobs SET state=?, worker=?, started=?, done=0, total=NULL WHERE number="
            "(SELECT number FROM jobs WHERE state=? ORDER BY number LIMIT 1) RETURNING *",
            (RUNNING, worker, time.time(), QUEUED),
        )
        return rows[0] if rows else None

    def at_work(self, worker: str) -> list[JobRow]:
        """Return what a worker has not let go of."""
        return self._rows("SELECT * FROM jobs WHERE worker=?", (worker,))

    def progress(self, job: str, done: int, total: int | None) -> bool:
        """Say how far a job is; return whether it is still wanted."""
        text = "UPDATE jobs SET done=?, total=COALESCE(?, total) WHERE id=? AND state=?"
        return self._do(text, (done, total, job, RUNNING)) == 1

    def finish(self, job: str, counts: Document) -> None:
        """Say that the results of a job are in its folder."""
        self._end(job, DONE, json.dumps(counts), "")
        self._do("UPDATE jobs SET done=total WHERE id=? AND total IS NOT NULL", (job,))

    def fail(self, job: str, error: str) -> None:
        """Say why a job has no results."""
        self._end(job, FAILED, "{}", error)

    def release(self, job: str) -> None:
        """Let go of a job that was ended from elsewhere."""
        self._do("UPDATE jobs SET worker=NULL WHERE id=?", (job,))

    def cancel(self, job: str) -> bool:
        """End a job that is not over; return whether it was not."""
        text = "UPDATE jobs SET state=?, ended=? WHERE id=? AND state IN (?, ?)"
        return self._do(text, (CANCELLED, time.time(), job, QUEUED, RUNNING)) == 1

    def overdue(self, job: str, error: str) -> None:
        """Say that a job took too long; its worker still holds it."""
        text = "UPDATE jobs SET state=?, ended=?, error=? WHERE id=? AND state=?"
        self._do(text, (FAILED, time.time(), error, job, RUNNING))

    def crashed(self, worker: str) -> None:
        """Queue again what a worker that ended had at work, unless it is what ends workers."""
        error = (
            f"The process that worked on this job ended {TRIES} times before it was done, perhaps "
            "for want of memory. Send fewer or shorter records."
        )
        with self._open() as connection:
            connection.execute(
                "UPDATE jobs SET crashes=crashes+1, done=0, "
                "state=CASE WHEN crashes+1>=? THEN ? ELSE ? END, "
                "error=CASE WHEN crashes+1>=? THEN ? ELSE '' END, "
                "ended=CASE WHEN crashes+1>=? THEN ? END WHERE worker=? AND state=?",
                (TRIES, FAILED, QUEUED, TRIES, error, TRIES, time.time(), worker, RUNNING),
            )
            connection.execute("UPDATE jobs SET worker=NULL WHERE worker=?", (worker,))

    def explain(self, job: str, most: int) -> bool:
        """Count one more explanation of a job, if it may have more; return whether it may."""
        text = "UPDATE jobs SET explained=explained+1 WHERE id=? AND explained<?"
        return self._do(text, (job, most)) == 1

    def ended_before(self, moment: float) -> list[str]:
        """Return the ids of jobs that were over by then and that nobody holds."""
        rows = self._rows("SELECT * FROM jobs WHERE ended<? AND worker IS NULL", (moment,))
        return [row.id for row in rows]

    def unwanted(self) -> list[str]:
        """Return the ids of jobs that were cancelled and that nobody holds."""
        text = "SELECT * FROM jobs WHERE state=? AND worker IS NULL"
        return [row.id for row in self._rows(text, (CANCELLED,))]

    def ids(self) -> set[str]:
        """Return the ids of all jobs."""
        with self._open() as connection:
            return {row["id"] for row in connection.execute("SELECT id FROM jobs")}

    def forget(self, job: str) -> None:
        """Take a job out whose files are deleted."""
        self._do("DELETE FROM jobs WHERE id=?", (job,))

    def _end(self, job: str, state: str, counts: str, error: str) -> None:
        """End a job if it is still wanted; let go of it in any case."""
        with self._open() as connection:
            connection.execute(
                "UPDATE jobs SET state=?, counts=?, error=?, ended=? WHERE id=? AND state=?",
                (state, counts, error, time.time(), job, RUNNING),
            )
            connection.execute("UPDATE jobs SET worker=NULL WHERE id=?", (job,))

    def _do(self, text: str, values: tuple[Any, ...]) -> int:
        with self._open() as connection:
            return connection.execute(text, values).rowcount

    def _value(self, text: str, values: tuple[Any, ...]) -> Any:
        with self._open() as connection:
            return connection.execute(text, values).fetchone()[0]

    def _rows(self, text: str, values: tuple[Any, ...]) -> list[JobRow]:
        with self._open() as connection:
            found = connection.execute(text, values).fetchall()
        rows = [dict(row) for row in found]
        parsed = ({k: json.loads(row[k]) for k in ("columns", "counts")} for row in rows)
        return [JobRow(**{**row, **more}) for row, more in zip(rows, parsed, strict=True)]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction, which is undone where the block raises."""
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            connection.row_factory = sqlite3.Row
            with connection:
                yield connection
        finally:
            connection.close()


def new_id() -> str:
    """Return an id that nobody guesses."""
    return secrets.token_hex(16)
