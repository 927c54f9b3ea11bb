"""A study: trials that were made, and what to try next. The engine is Optuna's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cistron.errors import InputError
from cistron.tuning.space import Choice, Range, Suggest

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
HEARTBEAT = 60  # seconds after which another machine may be taken for lost
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
        If the database cannot be reached.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url is None:
        from optuna.storages.journal import JournalFileBackend

        backend = JournalFileBackend(str(folder / JOURNAL))
        return optuna.storages.JournalStorage(backend)
    try:
        return optuna.storages.RDBStorage(url, heartbeat_interval=HEARTBEAT)
    except Exception as error:  # each database driver has errors of its own
        raise InputError(
            f"--storage: the database cannot be used: {str(error).splitlines()[0]}. It is given as "
            "postgresql://user:password@host/name or mysql://…, and its driver must be installed."
        ) from error


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


def ask(study: optuna.Study, sampler: str, seed: int) -> optuna.Trial:
    """Return the next trial.

    The sampler draws from (seed, number of trials), so that a search which is resumed tries what
    one would try that was never interrupted.
    """
    import optuna

    made = len(study.get_trials(deepcopy=False))
    own = int(np.random.SeedSequence((seed, made)).generate_state(1)[0])
    if sampler == "tpe":
        study.sampler = optuna.samplers.TPESampler(seed=own)
    elif sampler == "random":
        study.sampler = optuna.samplers.RandomSampler(seed=own)
    else:
        study.sampler = optuna.samplers.QMCSampler(seed=seed)
    return study.ask()


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


def end_lost(study: optuna.Study, alone: bool) -> int:
    """Mark trials whose process is gone as failed, and return how many there were.

    Parameters
    ----------
    study : Study
    alone : bool
        Whether no other process works on the study: then each trial that runs is a lost one.
        Else a database tells by its heartbeat.
    """
    import optuna

    running = [t for t in study.get_trials(deepcopy=False) if not t.state.is_finished()]
    if not alone:
        optuna.storages.fail_stale_trials(study)
        return 0
    for trial in running:
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return len(running)


def importance(study: optuna.Study) -> dict[str, float]:
    """Return the share of the differences between trials that each range explains.

    By Hutter, Hoos and Leyton-Brown (2014, ICML 32:754-762). Empty where too few trials differ.
    """
    import optuna

    complete = [t for t in finished(study) if t.state == optuna.trial.TrialState.COMPLETE]
    if len(complete) < 4 or len({t.value for t in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(value) for name, value in found.items()}


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
