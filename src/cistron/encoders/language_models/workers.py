"""Several processes that embed, each with the model and one thread: one for each core."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.model import Embedding, LanguageModel, Parts, Reading
from cistron.encoders.language_models.pooling import Pooling
from cistron.encoders.language_models.precision import Precision
from cistron.samples.samples import Sequences

TASK = 1 << 16  # residues; seconds of work, so that all workers end together
_models: dict[str, LanguageModel] = {}  # one entry, in a worker


class Loading(TypedDict, total=False):
    """What `load_language_model` is told beside the name and the device."""

    layer: int
    precision: Precision
    offline: bool


def embed_in_workers(
    name: str,
    sequences: Sequences,
    pooling: Pooling = "mean",
    *,
    workers: int,
    load: Loading | None = None,
    **options: Unpack[Reading],
) -> Parts:
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
    running: dict[Future[Embedding], NDArray[np.int64]] = {}
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
    running: dict[Future[Embedding], NDArray[np.int64]],
) -> Parts:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


def _one_thread() -> None:
    torch.set_num_threads(1)


def _embed(
    name: str, load: Loading, sequences: Sequences, pooling: Pooling, options: Reading
) -> Embedding:
    if name not in _models:
        _models[name] = load_language_model(name, device="cpu", **load)
    return _models[name].embed(sequences, pooling, **options)
