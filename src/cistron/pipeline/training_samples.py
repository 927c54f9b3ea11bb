"""The samples that a finished run was trained on, read again where its files are still there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.errors import InputError
from cistron.base.files import checksums
from cistron.experiment.experiment import Experiment
from cistron.experiment.file import read_experiment
from cistron.experiment.run_folder import EXPERIMENT, Run
from cistron.samples.samples import Samples
from cistron.targets.kinds import target_in
from cistron.targets.target import Target


@dataclass(frozen=True, eq=False)
class Trained:
    """What is known of the training samples of a run.

    Parameters
    ----------
    experiment : Experiment or None
    target : Target or None
        What was asked of them.
    labels : Series
        Label of each training sample, as settled in the run.
    validation : ndarray of bool
        Which of `samples` were the validation part.
    samples : Samples or None
        The training and validation samples, with these labels; None where they are not at hand.
    missing : str
        Why they are not at hand, in a sentence.
    """

    experiment: Experiment | None
    target: Target | None
    labels: pd.Series
    validation: np.ndarray
    samples: Samples | None
    missing: str = ""


def read_trained(path: str | Path) -> Trained:
    """Read what a run was trained on.

    A run keeps the ids, parts and labels of its samples (samples.parquet) and the checksums of the
    files they came from, no sequences: these are read again if the files are the same.
    """
    run, nothing = Run(Path(path)), pd.Series(dtype=object)
    lacking = [n for n in ("samples.parquet", "metrics.json") if not (run.path / n).is_file()]
    if lacking or not (run.path / EXPERIMENT).is_file():
        missing = f"The run {run.path} keeps no list of its training samples."
        return Trained(None, None, nothing, np.zeros(0, bool), None, missing)
    table = run.samples
    table = table[(table["dropped"] == "") & table["part"].isin(["", "train", "validation"])]
    table = table[table["label"].notna()].set_index("id")
    target = target_in(run.metrics)
    labels = table["label"][table["part"] != "validation"]
    no_rows = np.zeros(0, bool)
    try:
        experiment = read_experiment(run.path / EXPERIMENT)
    except InputError as error:
        return Trained(None, target, labels, no_rows, None, str(error))
    missing, samples = _missing(run), None
    if not missing:
        samples = experiment.samples.read()
        rows = pd.Index(samples.ids).get_indexer(table.index)
        if (rows < 0).any():
            missing, samples = "The training files hold other records than at the training.", None
        else:
            samples = samples.take(rows)
            told = samples.table.assign(label=table["label"].to_numpy())
            samples = replace(samples, table=told, target=target)
    validation = (table["part"] == "validation").to_numpy()
    return Trained(experiment, target, labels, validation, samples, missing)


def _missing(run: Run) -> str:
    """Say which training file is not there, or is another one; empty where all are there."""
    sources = run.read_json("environment.json").get("sources") or {}
    for name, known in sources.items():
        now = checksums([Path(name)]).get(name)
        if now is None:
            return f"The training file {name} is not there."
        if now != known:
            return f"The training file {name} has changed since the training."
    return "" if sources else "The run does not say which files it was trained on."
