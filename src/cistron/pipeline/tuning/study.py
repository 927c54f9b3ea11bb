"""A study: trials that were made, and what to try next. The engine is Optuna's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.outputs import enter
from cistron.experiment.ranges import Choice, Range, Suggest
from cistron.pipeline.tuning.shared import beat, end_stale, open_database

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
DRAW = "draw"  # which of the draws from the seed a trial is
Sampler = Literal["tpe", "random", "quasi_random"]
Pruner = Literal["median", "hyperband", "none"]


def storage_of(folder: Path, url: str | None) -> optuna.storages.BaseStorage:
    """Return where trials are kept: a journal file in the folder, or a database.

    Parameters
    ----------
    folder : Path
    url : str, optional
        Such as "postgresql://user:password@host/name"; several machines may share it.

    Raises
    ------
    InputError
        If the database cannot be reached, or its driver is missing.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url is None:
        from optuna.storages.journal import JournalFileBackend

        enter(folder / JOURNAL)
        backend = JournalFileBackend(str(folder / JOURNAL))
        return optuna.storages.JournalStorage(backend)
    return open_database(url)


def open_study(
    storage: optuna.storages.BaseStorage,
    name: str,
    document: Any,
    pruner: optuna.pruners.BasePruner,
) -> optuna.Study:
    """Return the study of a search, with the trials made so far.

    The name of a study holds a checksum of what is searched, so that two searches that share a
    database never mix.
    """
    import optuna

    text = json.dumps(document, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return optuna.create_study(
        storage=storage,
        study_name=f"{name} {digest}",
        direction="maximize",
        load_if_exists=True,
        pruner=pruner,
    )


def ask(study: optuna.Study, sampler: str, seed: int, start: Document) -> optuna.Trial:
    """Return the next trial, the first with the values to start from.

    The sampler draws from (seed, number of the draw), and the draw of a trial that was cut short is
    made again, so that a search which is resumed tries what one would try that was never
    interrupted. Where several processes ask, each does so `alone`.
    """
    import optuna

    trials = study.get_trials(deepcopy=False)
    waiting = any(t.state.name == "WAITING" for t in trials)
    taken = {t.user_attrs.get(DRAW, t.number) for t in trials if is_running(t) or counts(t)}
    draw = next(number for number in count() if number not in taken)
    drawn = int(np.random.SeedSequence((seed, draw)).generate_state(1)[0])
    chance = optuna.samplers.RandomSampler(seed=drawn)
    if sampler == "tpe":
        study.sampler = optuna.samplers.TPESampler(seed=drawn)
    elif sampler == "random":
        study.sampler = chance
    else:
        study.sampler = optuna.samplers.QMCSampler(seed=seed, independent_sampler=chance)
    if draw == 0 and not waiting:
        study.enqueue_trial(start)
    trial = study.ask()
    beat(trial)
    trial.set_user_attr(DRAW, draw)
    return trial


def suggester(trial: optuna.trial.BaseTrial) -> Suggest:
    """Return what chooses the values of a trial."""

    def suggest(dimension: Range | Choice) -> Any:
        if isinstance(dimension, Choice):
            return trial.suggest_categorical(dimension.name, dimension.labels)
        if isinstance(dimension.low, int):
            step = int(dimension.step or 1)
            return trial.suggest_int(
                dimension.name, dimension.low, int(dimension.high), step=step, log=dimension.log
            )
        return trial.suggest_float(
            dimension.name, dimension.low, dimension.high, step=dimension.step, log=dimension.log
        )

    return suggest


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials that have ended, in the order they were begun."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def is_running(trial: optuna.trial.FrozenTrial) -> bool:
    """Tell whether a trial is under way."""
    return trial.state.name == "RUNNING"


def counts(trial: optuna.trial.FrozenTrial) -> bool:
    """Tell whether a trial has ended, and was not cut short."""
    return trial.state.is_finished() and (trial.state.name != "FAIL" or "error" in trial.user_attrs)


def end_lost(study: optuna.Study, storage: optuna.storages.BaseStorage) -> int:
    """Mark trials whose process is gone as failed, and return how many there were.

    No other process works on a study in a file: each trial that runs there is a lost one. Of those
    in a database the signs of life tell.
    """
    import optuna

    if isinstance(storage, optuna.storages.RDBStorage):
        return end_stale(study, storage)
    lost = [trial for trial in study.get_trials(deepcopy=False) if is_running(trial)]
    for trial in lost:
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return len(lost)


def importance(study: optuna.Study) -> dict[str, float]:
    """Return the share of the differences between trials that each range explains.

    By Hutter, Hoos and Leyton-Brown (2014, ICML 32:754-762). Empty where too few trials differ.
    """
    import optuna

    complete = [t for t in finished(study) if t.state == optuna.trial.TrialState.COMPLETE]
    if len(complete) < 4 or len({t.value for t in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(value) for name, value in shares.items()}


def best_of(trials: Sequence[optuna.trial.FrozenTrial]) -> tuple[optuna.trial.FrozenTrial, float]:
    """Return the best of the trials that came to their end, of equal ones the first; its value.

    Raises
    ------
    InputError
        If none did.
    """
    complete = [
        (trial.value, -trial.number, trial)
        for trial in trials
        if trial.value is not None and trial.state.name == "COMPLETE"
    ]
    if not complete:
        reasons = {str(t.user_attrs.get("error")) for t in trials if t.user_attrs.get("error")}
        raise InputError(
            "No trial came to its end. " + (" ".join(sorted(reasons)[:3]) or "All were cut short.")
        )
    value, _, best = max(complete, key=lambda entry: entry[:2])
    return best, value


def pruner_of(kind: str, inner_folds: int) -> optuna.pruners.BasePruner:
    """Return what ends trials that fall behind.

    The first epochs of a network tell little of its last; the first of several folds tells much.
    """
    import optuna

    if kind == "median":
        warm_up = 0 if inner_folds else 3
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=warm_up)
    if kind == "hyperband":
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.NopPruner()
