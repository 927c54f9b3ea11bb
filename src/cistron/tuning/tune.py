"""A search for the best settings, from the experiment file with ranges to the page that reports it.

The test samples are taken away before the first trial is drawn. What a search finds is too good on
the samples that compared the trials; `nested` says by how much.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
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
from cistron.training.cluster import join
from cistron.tuning.shared import reachable, without_password
from cistron.tuning.space import corners, fill, require_searchable
from cistron.tuning.study import (
    DRAW,
    Pruner,
    Sampler,
    best_of,
    counts,
    finished,
    importance,
    open_study,
    pruner_of,
    storage_of,
    suggester,
)
from cistron.tuning.trial import Visible, visible
from cistron.tuning.trials import make_trials, write_trials

if TYPE_CHECKING:
    import optuna

SEARCH = "search.yaml"
TUNING = "tuning.json"


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
    make_trials(search, seen, how, study, storage, folder, reporter)
    trials = finished(study)
    best, value = best_of(trials)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
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
