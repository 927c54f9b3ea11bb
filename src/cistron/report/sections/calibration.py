"""Whether probabilities mean what they say."""

from __future__ import annotations

from cistron import figures
from cistron.figures.numbers import THIN, decimal, spanned
from cistron.report.names import label
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.verdict import CALIBRATED, ROUGHLY


def calibration(content: Content) -> Shown | None:
    """Show how sure the model is and how often it is right; None where that is not known."""
    bins = [row for row in content.test.get("calibration") or [] if row.get("n")]
    if not bins:
        return None
    scored = [metric for metric in ("ece", "brier") if content.test.get(metric)]
    return {
        "figure": figures.reliability(bins),
        "numbers": [f"{label(m)} {_with_interval(content.test[m])}" for m in scored],
        "limits": (decimal(CALIBRATED), decimal(ROUGHLY)),
        "meaning": content.target.calibration,
    }


def _with_interval(score: Json) -> str:
    value, between = spanned(score, 3)
    return f"{value} (95{THIN}% interval {between})" if between else value


CALIBRATION = ReportSection(
    "calibration", "Calibration", "Calibration", calibration, "sections/calibration.html"
)
