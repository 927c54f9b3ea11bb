"""The trials of a search: made one after the other, at the same time, or by several machines."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cistron.base.errors import InputError
from cistron.base.jobs.cluster import cluster_of
from cistron.base.jobs.job import Ended, Job
from cistron.base.jobs.jobs import require_all, run_jobs
from cistron.base.progress import Reporter
from cistron.experiment.ranges import dimensions, first
from cistron.experiment.run_folder import Run
from cistron.pipeline.tuning.search import How, Search
from cistron.pipeline.tuning.shared import alone, beating, reachable
from cistron.pipeline.tuning.study import (
    ask,
    best_of,
    counts,
    end_lost,
    finished,
    is_running,
    pruner_of,
    storage_of,
)
from cistron.pipeline.tuning.trial import Visible, Watch, score
from cistron.targets.kinds import sign_of

if TYPE_CHECKING:
    import optuna


WAIT = 1.0  # seconds between two looks at the trials that others make


def make_trials(
    search: Search,
    seen: Visible,
    how: How,
    study: optuna.Study,
    storage: optuna.storages.BaseStorage,
    folder: Path,
    reporter: Reporter,
) -> None:
    """Make trials until there are enough, and wait for those that others make."""
    metric = how.metric or search.start.evaluation.metric
    until = None if how.seconds is None else time.monotonic() + how.seconds
    start = {d.name: first(d) for d in dimensions(search.document)}
    engine = getattr(storage, "engine", None)
    shared = search, seen, metric
    cluster = cluster_of(how.cluster, folder, search.start.training.device)
    here = cluster is None and (how.workers or 1) == 1
    place = folder, how.storage, study.study_name

    def asked() -> Iterator[Job]:
        # Drawn when a worker is free, from what all trials that have ended then have taught.
        while True:
            with alone(engine):
                if not _wanted(study, how, until):
                    return
                trial = ask(study, how.sampler, how.seed, start)
            name = f"Trial {trial.number}"
            if here:
                yield Job(name, _make_trial, (trial,), shared, search.source)
            else:
                arguments = (*place, trial._trial_id, how.pruner)
                yield Job(name, _in_worker, arguments, shared, search.source)

    failed: list[Ended] = []
    with reporter.bar(how.trials, "trials") as advance:
        shown = 0
        while True:
            lost = end_lost(study, storage)
            if lost:
                reporter.say(f"Trials that were cut short: {lost}. They are made again.")
            for job in run_jobs(asked(), how.workers, reporter, cluster):
                if job.error is not None:
                    failed.append(job)
                ended = finished(study)
                note = _best_so_far(ended, metric)
                advance(_made(ended) - shown, note)
                shown = _made(ended)
                write_trials(Run(folder), ended, sign_of(metric))
                reporter.say(f"{shown} of {how.trials} trials have ended; {note}.")
            if engine is None or failed or not _others_go_on(study, how, until):
                break
            time.sleep(WAIT)
    require_all(failed, how.trials, "trials")


@reachable()
def _make_trial(search: Search, seen: Visible, metric: str, trial: optuna.Trial) -> None:
    """Make a trial and tell the study; what fails is kept with its reason."""
    import optuna

    begun = time.monotonic()
    trial.set_user_attr("process", f"{platform.node()} {os.getpid()}")
    known = trial.study._storage.get_trial(trial._trial_id).intermediate_values

    def watch(step: int, value: float) -> None:
        if step not in known:  # of a trial whose worker was lost, and which is made again
            trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    state, value, error = optuna.trial.TrialState.COMPLETE, None, None
    with beating(trial):
        try:
            value = _score_once(search, seen, metric, trial, watch)
        except optuna.TrialPruned:
            state = optuna.trial.TrialState.PRUNED
        except (InputError, RuntimeError, MemoryError) as failure:
            # RuntimeError is what torch raises where a size cannot be, or memory is short.
            state = optuna.trial.TrialState.FAIL
            error = str(failure).splitlines()[0] if str(failure) else repr(failure)
    # Another process may have taken it for lost by now, and made it again.
    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        if error is not None:
            trial.set_user_attr("error", error)
        trial.set_user_attr("seconds", round(time.monotonic() - begun, 2))
        trial.study.tell(trial, value, state=state, skip_if_finished=True)


def _score_once(
    search: Search, seen: Visible, metric: str, trial: optuna.Trial, watch: Watch
) -> float:
    """Return the score of a trial; of one that is drawn a second time, without training again."""
    import optuna

    experiment = search.experiment(trial)
    for earlier in trial.study.get_trials(deepcopy=False):
        if earlier.params == trial.params and earlier.value is not None:
            trial.set_user_attr("same_as", earlier.number)
            if earlier.state.name == "PRUNED":
                raise optuna.TrialPruned
            return earlier.value
    return score(experiment, seen, metric, watch)


@reachable()
def _in_worker(
    search: Search,
    seen: Visible,
    metric: str,
    folder: Path,
    url: str | None,
    name: str,
    number: int,
    pruner: str,
) -> None:
    """Make a trial in a process of its own, which opens the study anew."""
    import optuna

    storage = storage_of(folder, url)
    study = optuna.load_study(
        study_name=name, storage=storage, pruner=pruner_of(pruner, seen.inner_folds)
    )
    _make_trial(search, seen, metric, optuna.Trial(study, number))


def _wanted(study: optuna.Study, how: How, until: float | None) -> bool:
    """Tell whether another trial is to be made."""
    trials = study.get_trials(deepcopy=False)
    if sum(counts(t) or is_running(t) for t in trials) >= how.trials:
        return False
    return not (_over(until) or _stalled(finished(study), how.patience))


def _others_go_on(study: optuna.Study, how: How, until: float | None) -> bool:
    """Tell whether others make trials of those that were asked for."""
    trials = study.get_trials(deepcopy=False)
    enough = _made(trials) >= how.trials or _over(until)
    return not enough and any(is_running(trial) for trial in trials)


def _over(until: float | None) -> bool:
    return until is not None and time.monotonic() > until


def _made(trials: Sequence[optuna.trial.FrozenTrial]) -> int:
    return sum(map(counts, trials))


def _stalled(trials: Sequence[optuna.trial.FrozenTrial], patience: int | None) -> bool:
    complete = [t for t in trials if t.state.name == "COMPLETE"]
    if patience is None or not complete:
        return False
    best = best_of(complete)[0]
    return sum(t.number > best.number for t in trials) >= patience


def _best_so_far(trials: Sequence[optuna.trial.FrozenTrial], metric: str) -> str:
    complete = [t for t in trials if t.state.name == "COMPLETE"]
    if not complete:
        return "none is complete"
    best, value = best_of(complete)
    sign = sign_of(metric)
    return f"best {metric} {sign * value:.3f} (trial {best.number})"


def write_trials(run: Run, trials: Sequence[optuna.trial.FrozenTrial], sign: float) -> None:
    """Write trials.csv: one row a trial, in the order they were begun."""
    rows = [
        {
            "trial": t.number,
            "state": t.state.name.lower() if counts(t) else "lost",
            "value": sign * t.value if t.value is not None and t.state.name == "COMPLETE" else None,
            "seconds": t.user_attrs.get("seconds"),
            **t.params,
            "error": t.user_attrs.get("error", ""),
        }
        for t in trials
    ]
    table = pd.DataFrame(rows)
    order = [name for name in table if name != "error"]
    run.write_text("trials.csv", table[[*order, "error"]].to_csv(index=False))
