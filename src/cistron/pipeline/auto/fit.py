"""Candidates fitted on inner folds, weighed, fitted again on all that trains, and blended."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.outputs import written
from cistron.base.progress import Reporter
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.predictor import Predictor, calibrated
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.models.auto import AutoSettings
from cistron.pipeline.auto.blend import blend_weights
from cistron.pipeline.auto.candidates import chosen
from cistron.pipeline.auto.inner import inner_folds
from cistron.samples.samples import Samples
from cistron.splits.split import TEST, VALIDATION, Split

Floats = NDArray[np.float64]
Fit = Callable[[Experiment, Samples, Split, Path], Predictor]
"""Fits a classifier into the folder `model` of a folder, or loads the one that stands there."""

PLACE = "candidates"


@dataclass
class Tried:
    """What became of a candidate; `outputs` are those of the samples it was not trained on."""

    name: str
    experiment: Experiment
    outputs: Floats | None = None
    seconds: float = 0.0
    state: str = "not reached"
    weight: float = 0.0


def fit_blend(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    folder: Path,
    reporter: Reporter,
    fit: Fit,
) -> Predictor:
    """Compare the candidates, write `candidates.json` and `candidates.tsv`, and return the blend.

    Test samples are not read. One candidate that alone has weight is returned as it is.

    Raises
    ------
    InputError
        If there is a second target, or no candidate can be fitted.
    """
    if samples.second is not None:
        raise InputError(
            "model.kind: 'auto' blends classifiers of one target, and the samples have a second "
            "one. Leave samples.second out, or name a model."
        )
    if not isinstance(experiment.model, AutoSettings):
        raise ValueError("not an experiment of candidates")
    inner = inner_folds(samples, split, experiment.model.folds)
    reporter.say(f"Candidates are compared on {inner[1].folds} inner folds.")
    tried = [Tried(name, made) for name, made in chosen(experiment).items()]
    for one in tried:
        spent = sum(other.seconds for other in tried)
        _try(one, inner, folder / PLACE / one.name, experiment.model.minutes, spent, reporter, fit)
    ready = [one for one in tried if one.outputs is not None]
    if not ready:
        raise InputError("No candidate could be fitted. " + " ".join(one.state for one in tried))
    tested = inner[1].tested
    known = inner[0].take(tested)
    outputs = [np.asarray(one.outputs)[tested] for one in ready]
    for one, weight in zip(ready, blend_weights(outputs, known.truth, known.target), strict=True):
        one.weight = float(weight)
    _write(Run(folder), experiment, tried, known, tested)
    members = sorted((one for one in ready if one.weight), key=lambda one: -one.weight)
    reporter.say("Blend: " + ", ".join(f"{one.name} {one.weight:.2f}" for one in members) + ".")
    fitted = [
        fit(one.experiment, samples, split, folder / PLACE / one.name / "all") for one in members
    ]
    blend = fitted[0]
    if len(fitted) > 1:
        blend = Ensemble(fitted, [one.weight for one in members])
    blend.calibration = experiment.evaluation.calibration
    calibrate = blend.calibration == "temperature"
    validation = samples.take(split.rows(VALIDATION))
    blend.heads_ = calibrated(blend, validation, None, calibrate)
    return blend


def remove_fitted(folder: Path) -> None:
    """Remove what was fitted on the way, once the blend holds it."""
    for path in (folder / PLACE).glob("*/all"):
        shutil.rmtree(path)


def _try(
    one: Tried,
    inner: tuple[Samples, Split],
    place: Path,
    minutes: float | None,
    spent: float,
    reporter: Reporter,
    fit: Fit,
) -> None:
    """Fit a candidate on each inner fold that is not finished, unless the time is over."""
    if minutes is not None and spent and spent >= 60 * minutes and not place.is_dir():
        reporter.say(f"Candidate {one.name}: not reached within {minutes:g} minutes.")
        return
    place.mkdir(parents=True, exist_ok=True)
    parts = []
    try:
        for fold in range(inner[1].folds):
            rows, outputs, seconds = _of_fold(one.experiment, inner, fold, place, fit)
            parts.append((rows, outputs))
            one.seconds += seconds
    except InputError as error:
        one.state = f"{one.name} could not be fitted: {error}"
        reporter.say(f"Candidate {one.state}")
        return
    one.outputs = np.full((len(inner[0]), parts[0][1].shape[1]), np.nan)
    for rows, outputs in parts:
        one.outputs[rows] = outputs
    one.state = "fitted"
    reporter.say(f"Candidate {one.name}: {len(parts)} inner folds in {one.seconds:.0f} s.")


def _of_fold(
    experiment: Experiment, inner: tuple[Samples, Split], fold: int, place: Path, fit: Fit
) -> tuple[NDArray[np.int64], Floats, float]:
    """Return the rows of a fold, their calibrated outputs, and the seconds that it took."""
    file = place / f"{fold}.npz"
    samples, split = inner[0], inner[1].for_fold(fold, inner[0].strata)
    rows = split.rows(TEST)
    if not file.is_file():
        begin = monotonic()
        classifier = fit(experiment, samples, split, place / str(fold))
        slope, shift = classifier.head.line
        place_of = [classifier.head.classes.index(name) for name in samples.classes] or [0]
        outputs = (classifier.outputs(samples.take(rows)) * slope + shift)[:, place_of]
        with written(file) as partial, partial.open("wb") as stream:
            np.savez(stream, outputs=outputs, seconds=monotonic() - begin)
        shutil.rmtree(place / str(fold))
    with np.load(file, allow_pickle=False) as known:
        return rows, np.asarray(known["outputs"], dtype=np.float64), float(known["seconds"])


def _write(
    run: Run, experiment: Experiment, tried: list[Tried], known: Samples, tested: NDArray[np.int64]
) -> None:
    """Write the table of candidates, and last the blend of them."""
    metric, target, entries = experiment.evaluation.metric, known.target, []
    blended = np.zeros(())
    for one in tried:
        entry = {
            "candidate": one.name,
            "encoder": one.experiment.encoder.kind,
            "model": one.experiment.model.kind,
            "weight": one.weight,
            "seconds": round(one.seconds, 1),
            "state": one.state,
        }
        if one.outputs is not None:
            outputs = one.outputs[tested]
            blended = blended + one.weight * outputs
            entry |= _scores(outputs, known, metric)
        entries.append(entry)
    document = {
        "metric": metric,
        "candidates": entries,
        "blend": _scores(blended, known, metric),
        "samples": len(known),
        "target": target.kind,
    }
    run.write_json("candidates.json", document)
    run.write_text("candidates.tsv", pd.DataFrame(entries).to_csv(sep="\t", index=False))


def _scores(outputs: Floats, known: Samples, metric: str) -> dict[str, float | None]:
    target = known.target
    value = float(target.scores(known.truth, target.predictions(outputs))[metric])
    lost = float(np.nanmean(target.lost(known.truth, outputs)))
    return {
        "score": value if np.isfinite(value) else None,
        "loss": lost if np.isfinite(lost) else None,
    }
