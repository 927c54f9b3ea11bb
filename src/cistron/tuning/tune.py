"""A search for the best settings, from the experiment file with ranges to the page that reports it.

The test samples are taken away before the first trial is drawn. What a search finds is too good on
the samples that compared the trials; `nested` says by how much.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml

from cistron.errors import InputError, nearest
from cistron.evaluation.metrics import LOWER_IS_BETTER
from cistron.experiment import Experiment, make_experiment, read_document
from cistron.progress import SILENT, Logged, Reporter
from cistron.run import Run
from cistron.splits import TEST
from cistron.training.cluster import cluster_of, join
from cistron.training.jobs import Ended, Job, require_all, run_jobs
from cistron.tuning.shared import alone, beating, reachable, without_password
from cistron.tuning.space import corners, dimensions, fill, first, require_searchable
from cistron.tuning.study import (
    DRAW,
    Pruner,
    Sampler,
    ask,
    best_of,
    counts,
    end_lost,
    finished,
    importance,
    is_running,
    open_study,
    pruner_of,
    storage_of,
    suggester,
)
from cistron.tuning.trial import Visible, Watch, score, visible

if TYPE_CHECKING:
    import optuna

SEARCH = "search.yaml"
TUNING = "tuning.json"
WAIT = 1.0  # seconds between two looks at the trials that others make


@dataclass(frozen=True, eq=False)
class Search:
    """An experiment file with ranges.

    Parameters
    ----------
    document : dict
    source : str
        What messages call the file.
    folder : Path
        What file names in it are relative to.
    start : Experiment
        The experiment of the first trial.
    """

    document: dict[str, Any]
    source: str
    folder: Path
    start: Experiment

    def experiment(self, trial: optuna.trial.BaseTrial) -> Experiment:
        """Return the experiment of a trial."""
        return self._made(fill(self.document, suggester(trial)))

    def _made(self, document: dict[str, Any]) -> Experiment:
        return make_experiment(document, self.source, self.folder)


@dataclass(frozen=True)
class How:
    """How a search is made.

    Parameters
    ----------
    trials : int
        How many, those of an interrupted search included.
    metric : str, optional
        What compares them: by default that of the experiment.
    inner_folds : int
        Compare trials by a cross-validation of what is not tested; 0: on the validation part.
    sampler : {"tpe", "random", "quasi_random"}
        What chooses the values: the tree-structured Parzen estimator (Bergstra et al. 2011,
        NeurIPS 24:2546-2554), chance, or a sequence that covers the ranges evenly.
    pruner : {"median", "hyperband", "none"}
        What ends trials that fall behind.
    patience : int, optional
        End after as many trials without a better one.
    seconds : float, optional
        Begin no trial after this time.
    storage : str, optional
        URL of a database that several machines share; a file in the run without it.
    workers : int, optional
        Trials at the same time, each in a process of its own. One where it is not said; on a
        cluster as many as it has room for.
    seed : int
    cluster : str, optional
        Address of a Ray cluster that makes the trials (see `cistron.training.cluster`).
    """

    trials: int = 50
    metric: str | None = None
    inner_folds: int = 0
    sampler: str = "tpe"
    pruner: str = "median"
    patience: int | None = None
    seconds: float | None = None
    storage: str | None = None
    workers: int | None = None
    seed: int = 1
    cluster: str | None = None

    def __post_init__(self) -> None:
        for name, kinds in (("sampler", Sampler), ("pruner", Pruner)):
            value, allowed = getattr(self, name), get_args(kinds)
            if value not in allowed:
                raise InputError(
                    f"--{name}: there is no {value!r}.{nearest(value, allowed)} Use one of: "
                    f"{', '.join(allowed)}."
                )


def read_search(path: str | Path, changes: Sequence[str] = ()) -> Search:
    """Read an experiment file with ranges, and validate what each end and option makes of it.

    Raises
    ------
    InputError
        If there is no range, one stands where none may, or an end or option makes an experiment
        that cannot be.
    """
    path = Path(path)
    document, lines = read_document(path, changes)
    require_searchable(document, str(path))
    made = []
    for name, corner in corners(document):
        try:
            made.append(make_experiment(corner, str(path), path.parent, lines))
        except InputError as error:
            where = f"With {name} at one of its values: " if name else ""
            raise InputError(f"{where}{error}") from error
    return Search(document, str(path), path.parent, made[0])


def tune(
    search: Search,
    out: str | Path,
    how: How,
    *,
    nested: int = 0,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter = SILENT,
    command: str = "",
) -> Run:
    """Search, and write the best experiment, all trials, and a page.

    Parameters
    ----------
    search : Search
    out : path
        The run directory; `experiment.yaml` in it is the best experiment, ready for `fit`.
    how : How
    nested : int
        Also make the whole search in each of as many outer folds, and score what it finds on the
        fold that it did not see: the honest score of searching.
    force, resume
        As of `cistron.pipeline.fit`.
    reporter : Reporter, optional
    command : str
        Recorded.

    Raises
    ------
    InputError
        Whatever is wrong with the input, and if no trial came to its end.
    """
    from cistron.report.tuning import write_tuning
    from cistron.training.processes import require_alone

    require_alone("A search")
    run = Run(Path(out))
    join(how.cluster, run.path, search.start.training.device, reporter)
    _claim(run, search, how, force=force, resume=resume)
    reporter = Logged(reporter, run.path / "log.txt")
    samples = search.start.samples.read()
    split = search.start.split.split(samples, reporter.say)
    seen = visible(search.start, samples, split, how.inner_folds, reporter.say)
    hidden = len(split.rows(TEST))
    reporter.say(
        f"{len(seen.samples):,} samples compare trials; {hidden:,} test samples are hidden."
    )
    best, found = search_best(search, seen, how, run.path, reporter)
    found |= {"samples": len(seen.samples), "hidden": hidden, "command": command}
    if nested:
        from cistron.tuning.nested import nest

        found["nested"] = nest(search, samples, how, nested, run.path / "nested", reporter)
    run.write_text("experiment.yaml", best.to_yaml())
    run.write_json(TUNING, found)
    write_tuning(run.path)
    return run


@reachable()
def search_best(
    search: Search, seen: Visible, how: How, folder: Path, reporter: Reporter
) -> tuple[Experiment, dict[str, Any]]:
    """Make the trials that are still to be made, and return the best experiment.

    Parameters
    ----------
    search : Search
    seen : Visible
    how : How
    folder : Path
        Where the study and the table of trials are written.
    reporter : Reporter

    Returns
    -------
    experiment : Experiment
    found : dict
        What tuning.json says of the search.
    """
    import optuna

    metric = how.metric or search.start.evaluation.metric
    storage = storage_of(folder, how.storage)
    studied = {
        "search": search.document,
        "metric": metric,
        "inner_folds": how.inner_folds,
        "seen": seen.checksum(),
    }
    pruner = pruner_of(how.pruner, how.inner_folds)
    study = open_study(storage, search.start.name, studied, pruner)
    started = time.monotonic()
    _make_trials(search, seen, how, study, storage, folder, reporter)
    trials = finished(study)
    best, value = best_of(trials)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    _write_trials(Run(folder), trials, sign)
    begun = [t.value for t in trials if t.state.name == "COMPLETE" and t.user_attrs.get(DRAW) == 0]
    start = [sign * value for value in begun if value is not None]
    experiment = search.experiment(optuna.trial.FixedTrial(best.params))
    return experiment, {
        "metric": metric,
        "lower_is_better": sign < 0,
        "inner_folds": how.inner_folds,
        "sampler": how.sampler,
        "pruner": how.pruner,
        "seed": how.seed,
        "trials": {
            state: sum(t.state.name == state.upper() and counts(t) for t in trials)
            for state in ("complete", "pruned", "fail")
        },
        "best": {"trial": best.number, "value": sign * value, "values": best.params},
        "start": start[0] if start else None,
        "importance": importance(study),
        "seconds": round(time.monotonic() - started, 1),
    }


def _make_trials(
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
                yield Job(name, _one, (trial,), shared, search.source)
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
                note = _said(ended, metric)
                advance(_made(ended) - shown, note)
                shown = _made(ended)
                _write_trials(Run(folder), ended, -1.0 if metric in LOWER_IS_BETTER else 1.0)
                reporter.say(f"{shown} of {how.trials} trials have ended; {note}.")
            if engine is None or failed or not _others_go_on(study, how, until):
                break
            time.sleep(WAIT)
    require_all(failed, how.trials, "trials")


@reachable()
def _one(search: Search, seen: Visible, metric: str, trial: optuna.Trial) -> None:
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
    _one(search, seen, metric, optuna.Trial(study, number))


def _claim(run: Run, search: Search, how: How, *, force: bool, resume: bool) -> None:
    """Make the directory of a search, or open one to go on."""
    document = {**search.document, "samples": search.start.document()["samples"]}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    if run.path.exists() and any(run.path.iterdir()):
        if not (run.path / SEARCH).is_file():
            raise InputError(
                f"{run.path} exists and is not a search. Nothing in it was touched; choose another "
                "directory for --out."
            )
        if resume:
            before = yaml.safe_load((run.path / SEARCH).read_text(encoding="utf-8"))
            if before != yaml.safe_load(text):
                raise InputError(
                    f"{run.path} was begun with another experiment file, so it cannot be "
                    "continued. Undo the change, or choose another directory for --out."
                )
            if run.path.joinpath(TUNING).is_file():
                was = run.read_json(TUNING)
                if (how.metric or search.start.evaluation.metric) != was["metric"]:
                    raise InputError(
                        f"{run.path} compared trials by {was['metric']}. Give --metric "
                        f"{was['metric']}, or choose another directory for --out."
                    )
            return
        if not force:
            raise InputError(
                f"{run.path} holds a search, which is never overwritten: continue it with "
                "--resume, choose another directory for --out, or replace it with --force."
            )
        shutil.rmtree(run.path)
    run.path.mkdir(parents=True, exist_ok=True)
    run.write_text(SEARCH, text)
    storage = None if how.storage is None else without_password(how.storage)
    metric = how.metric or search.start.evaluation.metric
    run.write_json("how.json", {**asdict(how), "metric": metric, "storage": storage})


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


def _said(trials: Sequence[optuna.trial.FrozenTrial], metric: str) -> str:
    complete = [t for t in trials if t.state.name == "COMPLETE"]
    if not complete:
        return "none is complete"
    best, value = best_of(complete)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    return f"best {metric} {sign * value:.3f} (trial {best.number})"


def _write_trials(run: Run, trials: Sequence[optuna.trial.FrozenTrial], sign: float) -> None:
    """Write trials.csv: one row a trial, in the order they were begun."""
    import pandas as pd

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
