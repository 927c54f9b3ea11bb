"""Many trainings at once: jobs that fail, workers that are lost, processes that share the cores."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cistron.base.errors import InputError
from cistron.base.jobs.job import TRIES, Ended, Job
from cistron.base.jobs.jobs import require_all, run_jobs, threads_each
from cistron.base.progress import SILENT


def squared(number: int) -> int:
    return number * number


def touched(file: Path) -> None:
    file.touch()


def summed(numbers: np.ndarray, empty: np.ndarray, table: pd.DataFrame, row: int) -> float:
    numbers[0, 0] += 1  # in the memory of the worker alone
    return float(numbers[row].sum() + len(empty) + table["x"].sum())


def refused(reason: str) -> None:
    raise InputError(reason)


def defective() -> None:
    raise KeyError("a defect of ours")


def killed_at_first(folder: Path, times: int) -> int:
    """End the process without a word as often as said; return how often it was begun."""
    begun = len(list(folder.iterdir()))
    (folder / str(begun)).touch()
    if begun < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return begun + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int) -> None:
    jobs = [Job(str(n), squared, (n,)) for n in range(7)]
    ended = list(run_jobs(jobs, workers, SILENT))
    assert sorted(int(one.job.name) for one in ended) == list(range(7))
    assert all(one.value == int(one.job.name) ** 2 for one in ended)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_fails_is_told_and_the_others_go_on(workers: int) -> None:
    jobs = [
        Job("bad", refused, ("Mend it.",), experiment="a.yaml"),
        *(Job("3", squared, (3,)),) * 2,
    ]
    ended = list(run_jobs(jobs, workers, SILENT))
    assert sorted(one.value for one in ended if one.error is None) == [9, 9]
    failed = [one for one in ended if one.error is not None]
    with pytest.raises(InputError, match=r"1 of 3 folds failed.*\n.*bad \(a.yaml\): Mend it\."):
        require_all(failed, 3, "folds")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_defect_is_no_fault_of_the_user(workers: int) -> None:
    failed = list(run_jobs([Job("defect", defective)], workers, SILENT))
    with pytest.raises((KeyError, RuntimeError), match="a defect of ours"):
        require_all(failed, 1, "folds")


def test_what_all_jobs_fail_of_is_said_once() -> None:
    failed = [Ended(Job(str(n), refused), error=InputError("Mend it.")) for n in range(3)]
    with pytest.raises(InputError, match=r"^Mend it\.$"):
        require_all(failed, 3, "folds")


def test_the_job_of_a_lost_worker_is_begun_again(tmp_path: Path) -> None:
    jobs = [Job("lost", killed_at_first, (tmp_path, 1)), *(Job("3", squared, (3,)),) * 3]
    ended = list(run_jobs(jobs, 2, SILENT))
    assert sorted(one.value for one in ended) == [2, 9, 9, 9]


def test_a_job_whose_worker_is_always_lost_fails(tmp_path: Path) -> None:
    ended = list(run_jobs([Job("lost", killed_at_first, (tmp_path, 99))], 2, SILENT))
    assert len(list(tmp_path.iterdir())) == TRIES
    assert len(ended) == 1
    with pytest.raises(InputError, match="lost 3 times"):
        require_all(ended, 2, "folds")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_shared_is_read_by_all(workers: int) -> None:
    numbers = np.arange(12.0).reshape(4, 3)
    shared = numbers, np.empty(0, dtype=np.int64), pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})
    jobs = [Job(str(row), summed, (row,), shared) for row in (1, 2, 3)]
    found = {one.job.name: one.value for one in run_jobs(jobs, workers, SILENT)}
    assert found == {"1": 15.0, "2": 24.0, "3": 33.0}
    assert workers == 1 or numbers[0, 0] == 0


def test_jobs_are_drawn_when_a_worker_is_free(tmp_path: Path) -> None:
    def jobs() -> Iterator[Job]:
        for number in range(8):
            ended = len(list(tmp_path.iterdir()))
            assert number - ended < 2
            yield Job(str(number), touched, (tmp_path / str(number),))

    assert len(list(run_jobs(jobs(), 2, SILENT))) == 8


def test_workers_share_the_threads_that_torch_was_given() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(6)
        assert [threads_each(workers) for workers in (1, 2, 4, 9)] == [6, 3, 1, 1]
        torch.set_num_threads(1)
        assert threads_each(1) == 1
    finally:
        torch.set_num_threads(before)
