"""Threads of libraries that share one OpenMP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def threads_kept() -> Iterator[None]:
    """Set the numbers of threads back at the end.

    numba sets the number of OpenMP's threads for the whole process, so that torch would add up in
    another order afterwards: the same seed would give other last digits.
    """
    with threadpool_limits(limits=None):
        yield
