"""An experiment, from its samples to its report."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.classifier import Classifier
from cistron.errors import InputError, nearest
from cistron.evaluation import evaluate
from cistron.evaluation.baselines import score_baselines
from cistron.experiment import Experiment
from cistron.model_files import load
from cistron.progress import SILENT, Logged, Reporter
from cistron.report import write_report
from cistron.run import METRICS, SOURCES, Run
from cistron.samples import Samples
from cistron.samples.fasta import read_fasta
from cistron.splits import TEST, TRAIN, UNUSED, VALIDATION, Split
from cistron.splits.audit import audit, audit_external, audit_folds, nearest_training
from cistron.splits.components import components

LIBRARIES = ("cistron", "torch", "numpy", "pandas", "scikit-learn", "scipy")
FEWEST_GROUPS = 10  # a group column with fewer values is no unit to resample


@dataclass
class Timer:
    """Wall time of every stage, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        begin = perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0) + perf_counter() - begin, 2)


def check(
    experiment: Experiment, *, homology: bool | None = None, reporter: Reporter = SILENT
) -> tuple[Samples, Split, dict[str, Any]]:
    """Read and split the samples and audit the split; train nothing.

    Parameters
    ----------
    experiment : Experiment
    homology : bool, optional
        Whether to search test against training sequences; as the experiment says by default.
    reporter : Reporter, optional

    Returns
    -------
    samples, split, audit
        The audit as in audit.json.
    """
    samples = experiment.samples.read()
    reporter.say(f"Read {len(samples):,} samples; {len(samples.dropped):,} records are not used.")
    split = experiment.split.split(samples)
    search = experiment.evaluation.homology_search if homology is None else homology
    found = audit(samples, split, homology=search, progress=reporter.say)
    return samples, split, {**found, "split": _describe(experiment, split)}


def check_against(
    experiment: Experiment,
    external: Sequence[str],
    *,
    homology: bool = True,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Audit an external set against all samples of an experiment.

    Parameters
    ----------
    experiment : Experiment
    external : sequence of str
        FASTA files; "class=file" where the class is known.
    homology : bool
        Whether to search the external sequences against the samples.
    reporter : Reporter, optional
    """
    samples = experiment.samples.read()
    named = dict(text.split("=", 1) for text in external if "=" in text)
    if named and len(named) < len(external):
        raise InputError("--against: give a class to every file (class=file) or to none.")
    unknown = [name for name in named if name not in samples.classes]
    if unknown:
        raise InputError(
            f"--against: {unknown[0]!r} is not a class of the experiment "
            f"({', '.join(samples.classes)}).{nearest(unknown[0], samples.classes)}"
        )
    source = {name: Path(file) for name, file in named.items()} or [Path(f) for f in external]
    other = read_fasta(source, alphabet=experiment.samples.alphabet)
    reporter.say(f"Read {len(samples):,} samples and {len(other):,} external sequences.")
    return audit_external(samples, other, homology=homology, progress=reporter.say)


def fit(
    experiment: Experiment,
    out: str | Path,
    *,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter = SILENT,
    command: str = "",
) -> Run:
    """Train on train, stop and calibrate on validation, score test once, and report.

    Parameters
    ----------
    experiment : Experiment
    out : path
        The run directory.
    force : bool
        Replace a run that is there.
    resume : bool
        Continue an interrupted run; the result is that of an uninterrupted one.
    reporter : Reporter, optional
    command : str
        Recorded in environment.json.

    Raises
    ------
    InputError
        Whatever is wrong with the input.
    """
    run = Run.claim(out, experiment, force=force, resume=resume)
    if resume and run.finished:
        reporter.say(f"{run.path} is finished already.")
        return run
    timer = Timer()
    with timer.stage("read"):
        samples = experiment.samples.read()
    with timer.stage("split"):
        split = experiment.split.split(samples)
    if not len(split.rows(TEST)):
        raise InputError("split.test: nothing is held out, so there is nothing to score.")
    run.start(experiment, samples.sources, resume=resume)
    reporter = Logged(reporter, run.path / "log.txt")
    with timer.stage("audit"):
        nearest = _nearest(experiment, samples, split, reporter)
        found = audit(samples, split, homology=nearest is not None, nearest=nearest)
        run.write_json("audit.json", {**found, "split": _describe(experiment, split)})
        run.write_table("samples.parquet", describe_samples(samples, split))
    reporter.say(f"{len(samples):,} samples; audit: {found['verdict']}.")
    with timer.stage("train"):
        classifier = _trained(experiment, samples, split, run.path, reporter)
    with timer.stage("evaluate"):
        predictions = predict_parts(classifier, samples, split)
        run.write_table("predictions.parquet", predictions)
        baselines = _baselines(experiment, samples, split, nearest)
        run.write_table("baselines.parquet", _baseline_table(samples, split, baselines))
        metrics = _metrics(experiment, samples, split, predictions, baselines)
    _finish(run, experiment, metrics, timer, classifier, samples, command)
    return run


def crossval(
    experiment: Experiment,
    out: str | Path,
    *,
    force: bool = False,
    resume: bool = False,
    workers: int = 1,
    reporter: Reporter = SILENT,
    command: str = "",
) -> Run:
    """Train and score every fold; pool the held-out predictions, and report.

    Parameters
    ----------
    experiment, out, force, resume, reporter, command
        As in `fit`.
    workers : int
        Folds trained at the same time, each in a process of its own with its share of the cores.
    """
    from cistron.training.crossval import run_folds

    run = Run.claim(out, experiment, force=force, resume=resume)
    if resume and run.finished:
        reporter.say(f"{run.path} is finished already.")
        return run
    timer = Timer()
    with timer.stage("read"):
        samples = experiment.samples.read()
    with timer.stage("split"):
        split = experiment.split.split(samples)
    if split.folds < 2:
        raise InputError(
            "split: cross-validation needs folds, and this split has none (a predefined split "
            "has them when its column holds fold numbers)."
        )
    run.start(experiment, samples.sources, resume=resume)
    reporter = Logged(reporter, run.path / "log.txt")
    with timer.stage("audit"):
        found = audit_folds(
            samples, split, homology=experiment.evaluation.homology_search, progress=reporter.say
        )
        run.write_json("audit.json", {**found, "split": _describe(experiment, split)})
        run.write_table("samples.parquet", describe_samples(samples, split, folds=True))
    reporter.say(f"{len(samples):,} samples in {split.folds} folds; audit: {found['verdict']}.")
    with timer.stage("train"):
        run_folds(experiment, samples, split, run, workers, reporter)
    with timer.stage("evaluate"):
        metrics = _pool(experiment, samples, split, run)
    _finish(run, experiment, metrics, timer, None, samples, command)
    return run


def fit_fold(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    fold: int,
    folder: Path,
    reporter: Reporter = SILENT,
) -> None:
    """Train and predict one fold in its own folder; `predictions.parquet` is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    run, part = Run(folder), split.for_fold(fold, samples.targets)
    nearest = _nearest(experiment, samples, part, reporter)
    baselines = _baselines(experiment, samples, part, nearest)
    run.write_table("baselines.parquet", _baseline_table(samples, part, baselines))
    classifier = _trained(experiment, samples, part, folder, reporter)
    run.write_table("predictions.parquet", predict_parts(classifier, samples, part, fold))
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


def describe_samples(samples: Samples, split: Split, folds: bool = False) -> pd.DataFrame:
    """Return samples.parquet: every record that was read, used or not."""
    own = {"length", "part", "fold", "dropped"}
    clashing = {name: f"{name} (group)" for name in samples.groups if name in own}
    table = samples.table.rename(columns=clashing)
    table["length"] = samples.payload.lengths
    table["part"] = "" if folds else split.names()
    table["fold"] = split.fold
    table["dropped"] = ""
    unused = samples.dropped[["id", "source", "record", "reason"]].rename(
        columns={"reason": "dropped"}
    )
    unused = unused.assign(part="", fold=UNUSED)
    return pd.concat([table, unused.astype({"fold": "int16"})], ignore_index=True)


def predict_parts(
    classifier: Classifier, samples: Samples, split: Split, fold: int = UNUSED
) -> pd.DataFrame:
    """Return predictions.parquet: calibrated probabilities of validation and test samples."""
    tables = []
    for part in (VALIDATION, TEST):
        rows = split.rows(part)
        if len(rows):
            table = classifier.predict(samples.take(rows))
            table.insert(1, "part", split.names()[rows])
            table.insert(2, "fold", fold)
            table.insert(3, "label", samples.table["label"].to_numpy()[rows])
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def resampling_groups(samples: Samples, split: Split) -> NDArray[np.int64]:
    """Return what the bootstrap resamples: the split's units, joined by group columns, shape (n,).

    A column with fewer than ten values (a species, a part) is left out: it is no unit.
    """
    columns = [c for c in samples.groups if samples.table[c].nunique() >= FEWEST_GROUPS]
    return components([split.units, *(samples.group([c]) for c in columns)], len(samples))


def _trained(
    experiment: Experiment, samples: Samples, split: Split, folder: Path, reporter: Reporter
) -> Classifier:
    """Train a classifier into folder/model, or load the one that stands there."""
    if (folder / "model").is_dir():
        return load(folder / "model")
    checkpoint = folder / "checkpoint.safetensors"
    classifier = Classifier(
        experiment.encoder,
        experiment.model,
        experiment.training,
        experiment.evaluation.calibration,
    )
    classifier.fit(
        samples,
        split,
        checkpoint=checkpoint,
        after_epoch=lambda history: Run(folder).write_history(history),
        reporter=reporter,
    )
    provenance = {
        "experiment": experiment.name,
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "training_samples": len(split.rows(TRAIN)),
        "sources": samples.sources,
    }
    classifier.save(folder / "model", provenance)
    checkpoint.unlink(missing_ok=True)
    return classifier


def _nearest(experiment: Experiment, samples: Samples, split: Split, reporter: Reporter) -> Any:
    if not experiment.evaluation.homology_search:
        return None
    return nearest_training(samples, split, progress=reporter.say)


def _baselines(
    experiment: Experiment, samples: Samples, split: Split, nearest: Any
) -> dict[str, NDArray[np.float64]]:
    found = None if nearest is None else (nearest.row, nearest.identity)
    return score_baselines(
        samples, split.rows(TRAIN), split.rows(TEST), experiment.evaluation.baselines, found
    )


def _baseline_table(
    samples: Samples, split: Split, baselines: dict[str, NDArray[np.float64]]
) -> pd.DataFrame:
    tables = []
    for name, probabilities in baselines.items():
        table = pd.DataFrame({"baseline": name, "id": samples.ids[split.rows(TEST)]})
        for number, label in enumerate(samples.classes):
            table[f"p_{label}"] = probabilities[:, number]
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"baseline": []})


def _probabilities(table: pd.DataFrame, classes: tuple[str, ...]) -> NDArray[np.float64]:
    return table[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64)


def _metrics(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    predictions: pd.DataFrame,
    baselines: dict[str, NDArray[np.float64]],
) -> dict[str, Any]:
    """Return metrics.json of a single split."""
    units = resampling_groups(samples, split)
    result: dict[str, Any] = {}
    for name, part in (("test", TEST), ("validation", VALIDATION)):
        rows = split.rows(part)
        table = predictions[predictions["part"] == name]
        found = evaluate(
            samples.targets[rows],
            _probabilities(table, samples.classes),
            list(samples.classes),
            groups=units[rows],
            group_columns={c: samples.table[c].to_numpy()[rows] for c in samples.groups},
            baselines=baselines if part == TEST else None,
            resamples=experiment.evaluation.bootstrap,
            seed=experiment.training.seed,
            headline=experiment.evaluation.metric,
        )
        if part == TEST:
            result |= {k: found[k] for k in ("classes", "positive", "headline")}
            result |= {"baselines": found["baselines"], "comparison": found["comparison"]}
        result[name] = found["scores"]
    return {**result, "folds": []}


def _pool(experiment: Experiment, samples: Samples, split: Split, run: Run) -> dict[str, Any]:
    """Join the folds' files in the run's own, and return metrics.json of the cross-validation."""
    folders = [run.path / "folds" / str(k) for k in range(split.folds)]
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in folders]
    tested = pd.concat([t[t["part"] == "test"] for t in tables], ignore_index=True)
    run.write_table("predictions.parquet", tested)
    baselines = pd.concat(
        [pd.read_parquet(f / "baselines.parquet") for f in folders], ignore_index=True
    )
    run.write_table("baselines.parquet", baselines)
    histories = [
        pd.read_csv(f / "history.csv").assign(fold=k)
        for k, f in enumerate(folders)
        if (f / "history.csv").is_file()
    ]
    if histories:
        history = pd.concat(histories, ignore_index=True)
        history.insert(0, "fold", history.pop("fold"))
        run.write_text("history.csv", history.to_csv(index=False))
    rows = pd.Series(np.arange(len(samples)), index=samples.ids)[tested["id"]].to_numpy()
    by_name = {
        str(name): _probabilities(table.set_index("id").loc[tested["id"]], samples.classes)
        for name, table in baselines.groupby("baseline", sort=False)
    }
    common: dict[str, Any] = {
        "classes": list(samples.classes),
        "resamples": experiment.evaluation.bootstrap,
        "seed": experiment.training.seed,
        "headline": experiment.evaluation.metric,
    }
    units, targets = resampling_groups(samples, split)[rows], samples.targets[rows]
    probabilities = _probabilities(tested, samples.classes)
    found = evaluate(
        targets,
        probabilities,
        groups=units,
        group_columns={c: samples.table[c].to_numpy()[rows] for c in samples.groups},
        baselines=by_name,
        **common,
    )
    folds = []
    for k in range(split.folds):
        inside = tested["fold"].to_numpy() == k
        one = evaluate(targets[inside], probabilities[inside], groups=units[inside], **common)
        scores = one["scores"]
        lite = {m: v for m, v in scores.items() if isinstance(v, dict) and "value" in v}
        folds.append({"fold": k, "n": scores["n"], **lite})
    result = {k: found[k] for k in ("classes", "positive", "headline", "baselines", "comparison")}
    return {**result, "test": found["scores"], "validation": None, "folds": folds}


def _finish(
    run: Run,
    experiment: Experiment,
    metrics: dict[str, Any],
    timer: Timer,
    classifier: Classifier | None,
    samples: Samples,
    command: str,
) -> None:
    """Write what closes a run: environment, metrics (the mark of a finished run), report."""
    import torch

    from cistron.training.device import choose_device

    run.write_json(
        "environment.json",
        {
            **{name: version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "platform": platform.platform(),
            "device": str(choose_device(experiment.training.device)),
            "threads": torch.get_num_threads(),
            "seed": experiment.training.seed,
            "started": timer.started,
            "seconds": timer.seconds,
            "parameters": classifier.parameters if classifier else None,
            "command": command,
            "sources": samples.sources,
            "notes": list(samples.notes),
        },
    )
    (run.path / SOURCES).unlink(missing_ok=True)
    run.write_json(METRICS, metrics)
    write_report(run.path)


def _describe(experiment: Experiment, split: Split) -> dict[str, Any]:
    details = dict(split.details)
    balance = details.pop("balance", {})
    return {
        "kind": experiment.split.kind,
        "reason": split.reason,
        "details": details,
        "balance": balance,
    }
