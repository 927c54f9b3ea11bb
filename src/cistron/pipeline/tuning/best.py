"""The trials of one search, and what the best of them is."""

from __future__ import annotations

import time
from pathlib import Path

from cistron.base.document import Document
from cistron.base.progress import Reporter
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.tuning.search import How, Search
from cistron.pipeline.tuning.shared import reachable
from cistron.pipeline.tuning.study import (
    DRAW,
    best_of,
    counts,
    finished,
    importance,
    open_study,
    pruner_of,
    storage_of,
)
from cistron.pipeline.tuning.trial import Visible
from cistron.pipeline.tuning.trials import make_trials, write_trials
from cistron.targets.kinds import sign_of


@reachable()
def search_best(
    search: Search, seen: Visible, how: How, folder: Path, reporter: Reporter
) -> tuple[Experiment, Document]:
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
    findings : dict
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
    make_trials(search, seen, how, study, storage, folder, reporter)
    trials = finished(study)
    best, value = best_of(trials)
    sign = sign_of(metric)
    write_trials(Run(folder), trials, sign)
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
