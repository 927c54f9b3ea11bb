"""Several processes that embed, each with the model and one thread: one for each core."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.encoders.language_models.model import Embedding, LanguageModel, Pooling
from cistron.samples.samples import Sequences

TASK = 1 << 16  # residues; seconds of work, so that all workers end together
_models: dict[str, LanguageModel] = {}  # one entry, in a worker


def embed_in_workers(
    name: str,
    sequences: Sequences,
    pooling: Pooling = "mean",
    *,
    workers: int,
    load: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[tuple[NDArray[np.int64], Embedding]]:
    """Embed proteins on several cores; otherwise as `LanguageModel.parts`.

    Two processes of one thread embed more than one of two threads. Each holds the weights.

    Parameters
    ----------
    name : str
        Of the model.
    sequences : Sequences
    pooling : {"mean", "max", "cls", "residues"}
    workers : int
        Processes. They are spawned, so a script that calls this needs the usual
        `if __name__ == "__main__"`.
    load : dict, optional
        Further arguments of `load_language_model`; the device is the processor.
    **options
        Further arguments of `LanguageModel.parts`.

    Yields
    ------
    rows : ndarray of int64
    values : ndarray of float32, shape (rows, width), or Ragged

    Raises
    ------
    InputError
        As `load_language_model` and `LanguageModel.parts`.
    """
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread
    )
    running: dict[Future[Any], NDArray[np.int64]] = {}
    try:
        for rows in _tasks(sequences.lengths):
            if len(running) >= 2 * workers:
                yield from _finished(running)
            arguments = (name, load or {}, sequences.take(rows), pooling, options)
            running[pool.submit(_embed, *arguments)] = rows
        while running:
            yield from _finished(running)
    finally:
        pool.shutdown(cancel_futures=True)


def _tasks(lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return rows in portions of about equal work, the longest proteins first."""
    order = np.argsort(-lengths, kind="stable")
    number = (np.cumsum(lengths[order]) - 1) // TASK
    return np.split(order, np.flatnonzero(np.diff(number)) + 1) if len(order) else []


def _finished(
    running: dict[Future[Any], NDArray[np.int64]],
) -> Iterator[tuple[NDArray[np.int64], Embedding]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _embed(
    name: str, load: dict[str, Any], sequences: Sequences, pooling: Pooling, options: dict[str, Any]
) -> Embedding:
    from cistron.encoders.language_models.load import load_language_model

    if name not in _models:
        _models[name] = load_language_model(name, **{**load, "device": "cpu"})
    return _models[name].embed(sequences, pooling, **options)
