"""Every fold of a cross-validation, in parallel processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cistron.progress import SILENT, Logged, Reporter
from cistron.run import Run
from cistron.samples import Samples
from cistron.splits import Split


def run_folds(
    repeats: Sequence[Any], workers: int, reporter: Reporter, orthologs: Any = None
) -> None:
    """Train the folds of all repeats that are not finished yet, `workers` at a time.

    Each fold has its folder `folds/<k>` in the folder of its repeat, with a log, a checkpoint
    while it trains, and in the end its classifier, predictions and baselines.

    Parameters
    ----------
    repeats : sequence of Repeat
        See `cistron.repeats`.
    workers : int
    reporter : Reporter
    orthologs : Orthologs or SamplesOfOneGene, optional
        Of all samples; None where none are asked for.
    """
    from joblib import Parallel, delayed

    every = [(repeat, k) for repeat in repeats for k in range(repeat.split.folds)]
    waiting = [(repeat, k) for repeat, k in every if not _finished(repeat.run, k)]
    if len(waiting) < len(every):
        reporter.say(f"{len(every) - len(waiting)} of {len(every)} folds are finished already.")
    threads = threads_each(workers)
    parent = os.getpid()
    jobs = (
        delayed(_one_fold)(one.experiment, one.whole, orthologs, one.run, k, threads, parent)
        for one, k in waiting
    )
    with reporter.bar(len(waiting), "folds") as advance:
        for fold, seed in Parallel(n_jobs=workers, return_as="generator_unordered")(jobs):
            advance(1)
            which = f" of the repeat with seed {seed}" if len(repeats) > 1 else ""
            reporter.say(f"Fold {fold}{which} is finished.")


def threads_each(workers: int) -> int:
    """Return the share of the threads that each of several processes may use.

    Not of all cores: torch knows what OMP_NUM_THREADS leaves it, and threads that wait for a core
    which others use slow small networks down manyfold.
    """
    import torch

    return max(1, torch.get_num_threads() // max(1, workers))


def _one_fold(
    experiment: Any,
    whole: tuple[Samples, Split],
    orthologs: Any,
    run: Run,
    fold: int,
    threads: int,
    parent: int,
) -> tuple[int, int]:
    import torch

    from cistron.pipeline import fit_fold

    end_with(parent)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        folder: Path = run.path / "folds" / str(fold)
        folder.mkdir(parents=True, exist_ok=True)
        log = Logged(SILENT, folder / "log.txt")
        fit_fold(experiment, *whole, fold, folder, log, orthologs)
    finally:
        torch.set_num_threads(before)
    return fold, experiment.training.seed


def end_with(parent: int) -> None:
    """End this worker soon after the process that started it: two must never write one fold."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if os.getpid() != parent:
        threading.Thread(target=watch, daemon=True).start()


def _finished(run: Run, fold: int) -> bool:
    return (run.path / "folds" / str(fold) / "predictions.parquet").is_file()
