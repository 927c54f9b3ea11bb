"""A study in a database, on which several processes and machines work at the same time."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cistron.base.errors import InputError
from cistron.base.secrets import without_password

if TYPE_CHECKING:
    import optuna
    import sqlalchemy

HEARTBEAT = 20  # seconds between two signs of life of a trial
GRACE = 60  # seconds without one after which a trial is taken for lost
LOCKS = {  # any number, the same for all that ask for trials
    "postgresql": "SELECT pg_advisory_xact_lock(6515059)",
    "mysql": "SELECT GET_LOCK('cistron 6515059', 86400)",
}
DRIVERS = {
    "postgresql": "psycopg: pip install 'cistron[postgres]'",
    "mysql": "mysqlclient, or PyMySQL with mysql+pymysql://…",
}


def open_database(url: str) -> optuna.storages.RDBStorage:
    """Return the trials in a database; its tables are made where there are none.

    Parameters
    ----------
    url : str
        Such as "postgresql://user:password@host/name" or "mysql://…".

    Raises
    ------
    InputError
        If the database cannot be reached, or its driver is missing.
    """
    import optuna
    import sqlalchemy

    # SQLAlchemy 2.0 takes an older driver where none is named.
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)
    dialect = re.split(r"\W", url, maxsplit=1)[0]
    if dialect not in DRIVERS or "://" not in url:
        raise InputError(
            "--storage: several machines share postgresql://user:password@host/name or mysql://… "
            f"(it is {without_password(url)!r})."
        )
    # No connection is kept while a trial is made: servers have few, and firewalls cut idle ones.
    options = {"poolclass": sqlalchemy.pool.NullPool, "connect_args": {"connect_timeout": 10}}
    try:
        engine = sqlalchemy.create_engine(url, **options)
    except ImportError as error:
        raise InputError(
            f"--storage: the driver of {dialect} is not installed. It is {DRIVERS[dialect]}."
        ) from error
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise InputError(
            f"--storage: {without_password(f'{url!r} cannot be read: {error}')}. It is given as "
            "postgresql://user:password@host:5432/name."
        ) from error
    with reachable(), alone(engine), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Two that make the tables at the same time would fail: hence the lock.
        return optuna.storages.RDBStorage(
            url, engine_kwargs=options, heartbeat_interval=HEARTBEAT, grace_period=GRACE
        )


@contextmanager
def alone(engine: sqlalchemy.Engine | None) -> Iterator[None]:
    """Keep all other processes and machines out, so that none asks for the same trial.

    Optuna numbers trials, but does not count them before it makes one more, nor make its tables
    while others do. The database frees the lock when the connection ends, so too where the
    process is killed. Without an engine nothing is locked: of a study in a file one process asks.
    """
    if engine is None:
        yield
        return
    from sqlalchemy import text

    with engine.begin() as connection:  # of a NullPool, so it is closed and not kept
        connection.execute(text(LOCKS[engine.dialect.name]))
        yield


@contextmanager
def reachable() -> Iterator[None]:
    """Say in a sentence that the database was lost.

    Raises
    ------
    InputError
    """
    import optuna
    import sqlalchemy

    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        # Optuna wraps the error of SQLAlchemy, which wraps that of the driver.
        cause = error.__cause__ if error.__cause__ is not None else error
        cause = getattr(cause, "orig", None) or cause
        reason = without_password(str(cause).splitlines()[0])
        raise InputError(
            f"--storage: the database cannot be used: {reason}. What it has of the search is kept; "
            "go on with --resume once it can be reached."
        ) from error


def beat(trial: optuna.Trial) -> None:
    """Give a sign of life of a trial, where others wait for one."""
    record = getattr(trial.study._storage, "record_heartbeat", None)
    if record is not None:
        record(trial._trial_id)


@contextmanager
def beating(trial: optuna.Trial) -> Iterator[None]:
    """Give signs of life of a trial, for as long as it is made and this process lives."""
    import optuna
    import sqlalchemy

    ended = threading.Event()

    def keep_on() -> None:
        while not ended.wait(HEARTBEAT):
            # One that is missed is no loss, and what ends the trial meets the same error.
            with suppress(sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError):
                beat(trial)

    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def end_stale(study: optuna.Study, storage: optuna.storages.RDBStorage) -> int:
    """Mark trials that show no sign of life as failed, and return how many there were."""
    import optuna
    from sqlalchemy import text

    def running() -> set[int]:
        return {t._trial_id for t in study.get_trials(deepcopy=False) if t.state.name == "RUNNING"}

    with alone(storage.engine), storage.engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        before = running()
        # The first sign of life is given under the same lock: without one the process was killed
        # in between, and Optuna would wait for it.
        alive = set(connection.scalars(text("SELECT trial_id FROM trial_heartbeats")))
        for trial in before - alive:
            storage.set_trial_state_values(trial, optuna.trial.TrialState.FAIL)
        optuna.storages.fail_stale_trials(study)
        return len(before - running())
