"""What a search is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest
from cistron.experiment.experiment import Experiment
from cistron.experiment.file import make_experiment
from cistron.experiment.ranges import fill
from cistron.pipeline.tuning.study import (
    Pruner,
    Sampler,
    suggester,
)

if TYPE_CHECKING:
    import optuna


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

    document: Document
    source: str
    folder: Path
    start: Experiment

    def experiment(self, trial: optuna.trial.BaseTrial) -> Experiment:
        """Return the experiment of a trial."""
        return self._made(fill(self.document, suggester(trial)))

    def files(self) -> list[Path]:
        """Return the files that it reads, its own among them."""
        return [Path(self.source), *self.start.files()]

    def _made(self, document: Document) -> Experiment:
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
        Address of a Ray cluster that makes the trials (see `cistron.base.jobs.cluster`).
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
