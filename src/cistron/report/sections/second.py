"""A second target: the same tables as of the first."""

from __future__ import annotations

from dataclasses import replace

from cistron.classifier.second import predicted_alone
from cistron.figures.numbers import count
from cistron.report import tables, verdict
from cistron.report.names import human
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.sections.classes import classes
from cistron.report.sections.data import samples_by_part
from cistron.samples.samples import Second


def second(content: Content) -> Shown | None:
    """Show how well the second target is told; None where there is none."""
    scores = content.metrics.get("second")
    if not scores:
        return None
    alone = _alone(content, scores)
    return {
        "name": scores["name"],
        "heading": human(scores["name"]),
        "positive": scores["positive"],
        "unknown": count(scores["unknown"]),
        "tested": count(scores["test"]["n"]),
        "sentences": [
            verdict.comparison(scores).sentence,
            verdict.calibration(scores["test"]).sentence,
        ],
        "samples": samples_by_part(alone),
        "table": tables.all_scores(scores),
        "scores": classes(alone),
    }


def _alone(content: Content, scores: Json) -> Content:
    """Return the run as if it were of the second target only, on the samples that know it."""
    target = Second(scores["name"], tuple(scores["classes"]))
    samples, predictions = content.samples, content.predictions
    if samples is not None:
        known = samples[samples[target.name].notna()]
        samples = known.assign(label=known[target.name])
    if predictions is not None:
        predictions = predicted_alone(predictions, target)
    metrics = {**scores, "folds": content.metrics.get("folds")}
    return replace(content, metrics=metrics, samples=samples, predictions=predictions)


SECOND = ReportSection(
    "second", "Second target: {name}", "{heading}", second, "sections/second.html"
)
