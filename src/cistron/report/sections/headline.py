"""The scores of the model beside those of the baselines."""

from __future__ import annotations

from cistron import figures
from cistron.report import tables
from cistron.report.names import baseline, in_order, label
from cistron.report.read import Content
from cistron.report.scores import main_metrics, spread
from cistron.report.section import ReportSection, Shown
from cistron.targets.kinds import sign_of


def headline(content: Content) -> Shown:
    """Compare the model with its baselines."""
    metrics = content.metrics
    scored = {"Model": content.test}
    scored |= {baseline(name): scores for name, scores in metrics.get("baselines", {}).items()}
    forests = [
        figures.forest({n: s.get(metric) or {} for n, s in scored.items()}, label(metric), "Model")
        for metric in main_metrics(content)
    ]
    return {
        "forests": forests,
        "differences": _differences(content),
        "table": tables.all_scores(metrics),
        "resampled": content.test.get("resampled"),
        "positive": metrics.get("positive"),
        "spread": spread(content.repeats, metrics["headline"]),
    }


def _differences(content: Content) -> Shown | None:
    comparison = content.metrics.get("comparison") or {}
    differences = comparison.get("differences") or {}
    rows = {
        label(metric): differences[metric]
        for metric in in_order(differences)
        if sign_of(metric) > 0 and (differences[metric] or {}).get("value") is not None
    }
    if not rows:
        return None
    name = baseline(comparison["baseline"]).lower()
    title, main = f"Model minus {name}", label(comparison["metric"])
    return {"figure": figures.forest(rows, title, main, reference=0.0), "baseline": name}


HEADLINE = ReportSection(
    "headline", "Scores and baselines", "Scores and baselines", headline, "sections/headline.html"
)
