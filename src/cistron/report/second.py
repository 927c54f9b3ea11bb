"""What the report shows of a second target: the same tables as of the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cistron.classifier.second import predicted_alone
from cistron.figures.numbers import count
from cistron.report import sections, tables, verdict
from cistron.report.read import Content
from cistron.samples.samples import Second


def second(content: Content) -> dict[str, Any] | None:
    """Show how well the second target is told; None where there is none."""
    found = content.metrics.get("second")
    if not found:
        return None
    own = _alone(content, found)
    return {
        "name": found["name"],
        "positive": found["positive"],
        "unknown": count(found["unknown"]),
        "tested": count(found["test"]["n"]),
        "sentences": [
            verdict.comparison(found).sentence,
            verdict.calibration(found["test"]).sentence,
        ],
        "samples": tables.samples_by_part(own),
        "table": tables.all_scores(found),
        "scores": sections.scores(own),
    }


def _alone(content: Content, found: dict[str, Any]) -> Content:
    """Return the run as if it were of the second target only, on the samples that know it."""
    target = Second(found["name"], tuple(found["classes"]))
    samples, predictions = content.samples, content.predictions
    if samples is not None:
        known = samples[samples[target.name].notna()]
        samples = known.assign(label=known[target.name])
    if predictions is not None:
        predictions = predicted_alone(predictions, target)
    metrics = {**found, "folds": content.metrics.get("folds")}
    return replace(content, metrics=metrics, samples=samples, predictions=predictions)
