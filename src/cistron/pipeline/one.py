"""One training of an experiment: a fold, or a part with its own seed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.classifier import Classifier
from cistron.classifier.files import DESCRIPTION
from cistron.classifier.load import load
from cistron.classifier.predictor import Predictor
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.ablation import write_ablated
from cistron.pipeline.auto.fit import fit_blend, remove_fitted
from cistron.pipeline.leading_genes import write_effects
from cistron.pipeline.scores import (
    predict_parts,
)
from cistron.samples.samples import Samples
from cistron.splits.settle import settle_fold
from cistron.splits.split import TRAIN, UNUSED, Split
from cistron.training.augment.augment import averages_orthologs, find_orthologs
from cistron.training.augment.orthologs import OrthologSource
from cistron.training.stages import remove_checkpoints

CHECKPOINT = "checkpoint.safetensors"


def fit_fold(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    fold: int,
    folder: Path,
    reporter: Reporter = SILENT,
    orthologs: OrthologSource | None = None,
) -> None:
    """Train and predict one fold in its own folder; `predictions.parquet` is written last.

    Orthologs are those of all samples (`cistron.training.augment.find_orthologs`); read where not
    given.
    """
    if orthologs is None:
        orthologs = find_orthologs(experiment.augment, samples, experiment.samples)
    samples, part = settle_fold(samples, split, fold)
    fit_part(experiment, samples, part, folder, reporter, orthologs, fold)


def fit_part(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    folder: Path,
    reporter: Reporter,
    orthologs: OrthologSource | None = None,
    fold: int = UNUSED,
) -> None:
    """Train and predict in a folder of its own; `predictions.parquet` is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    classifier = train(experiment, samples, split, folder, reporter, orthologs)
    averaged = orthologs if averages_orthologs(experiment.augment) else None
    write_predictions(Run(folder), experiment, classifier, (samples, split), averaged, fold)
    remove_checkpoints(folder / CHECKPOINT)


def write_predictions(
    run: Run,
    experiment: Experiment,
    classifier: Predictor,
    parts: tuple[Samples, Split],
    orthologs: OrthologSource | None,
    fold: int = UNUSED,
) -> None:
    """Write what a classifier says of held-out samples; `predictions.parquet` is written last."""
    predictions = predict_parts(classifier, *parts, fold, orthologs)
    write_ablated(run, experiment, classifier, *parts)
    write_effects(run, classifier, *parts)
    run.write_table("predictions.parquet", predictions)


def untrained(experiment: Experiment) -> Classifier:
    """Return a classifier with the settings of an experiment."""
    return Classifier(
        experiment.encoder,
        experiment.model,
        experiment.training,
        experiment.evaluation.calibration,
        experiment.evaluation.thresholds,
        augment=experiment.augment,
        least_confidence=experiment.evaluation.least_confidence,
    )


def train(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    folder: Path,
    reporter: Reporter,
    orthologs: OrthologSource | None = None,
) -> Predictor:
    """Train a classifier, or a blend, into folder/model, or load the one that stands there."""
    blends = experiment.model.family == "auto"
    if (folder / "model" / DESCRIPTION).is_file():
        trained = load(folder / "model")
        if blends or isinstance(trained, Classifier):
            return trained
        raise InputError(f"{folder / 'model'} is an ensemble; one classifier is expected.")
    provenance = {
        "experiment": experiment.name,
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "training_samples": len(split.rows(TRAIN)),
        "sources": samples.sources,
    }
    if blends:

        def fit(own: Experiment, some: Samples, parts: Split, place: Path) -> Predictor:
            place.mkdir(parents=True, exist_ok=True)
            return train(own, some, parts, place, SILENT)

        blend = fit_blend(experiment, samples, split, folder, reporter, fit)
        blend.save(folder / "model", provenance)
        remove_fitted(folder)
        return blend
    checkpoint = folder / CHECKPOINT
    classifier = untrained(experiment)
    classifier.fit(
        samples,
        split,
        orthologs=orthologs,
        checkpoint=checkpoint,
        after_epoch=lambda history: Run(folder).write_history(history),
        reporter=reporter,
    )
    provenance["trained"] = datetime.now(UTC).isoformat(timespec="seconds")
    classifier.save(folder / "model", provenance)
    remove_checkpoints(checkpoint)
    return classifier
