"""What the numbers say, in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cistron.base.digits import digits_of
from cistron.figures.numbers import THIN, decimal
from cistron.report.names import baseline_phrase, human, label
from cistron.report.read import Json
from cistron.splits.audit.check import CONFOUNDED, applying, not_checked, verdict_of
from cistron.targets.kinds import target_in

# Mean distance between confidence and accuracy up to which probabilities are called calibrated,
# and up to which roughly so. A convention of this report, stated on the page.
CALIBRATED, ROUGHLY = 0.05, 0.10


@dataclass(frozen=True)
class Finding:
    """The answer to one question about a run.

    Parameters
    ----------
    question : str
    state : {"pass", "warn", "fail", "unknown"}
    answer : str
        One or two words.
    sentence : str
        The answer with its numbers.
    """

    question: str
    state: str
    answer: str
    sentence: str = ""


def findings(metrics: Json, audit: Json | None) -> list[Finding]:
    """Answer whether it is better than the baselines, cleanly split, and calibrated.

    Of numbers, how much of them is explained stands in place of the calibration.
    """
    scores = metrics["test"]
    third = calibration(scores)
    if "r2" in scores:
        third = explained(scores, target_in(metrics).name)
    return [*confounded(audit), comparison(metrics), *exact(metrics), split(audit), third]


def exact(metrics: Json) -> list[Finding]:
    """Say where a baseline names all classes of a sample, and no other, more often."""

    def share(scores: Json) -> float:
        return (scores.get("exact_match") or {}).get("value") or 0.0

    others = metrics.get("baselines") or {}
    best = max(others, key=lambda name: share(others[name]), default=None)
    if best is None or share(others[best]) <= share(metrics["test"]):
        return []
    digits = digits_of(*((metrics["test"]["exact_match"].get(key)) for key in ("low", "high")))
    sentence = (
        f"But {baseline_phrase(best, target_in(metrics))} is right about all classes of a sample "
        f"more often (exact match {decimal(share(others[best]), digits)} against "
        f"{decimal(share(metrics['test']), digits)})."
    )
    return [Finding("All classes of a sample right?", "warn", "A baseline more often", sentence)]


def confounded(audit: Json | None) -> list[Finding]:
    """Say what confounds the label with a group, where one does: nothing else counts then."""
    checks = (audit or {}).get("checks", [])
    failed = [c for c in checks if c["name"] == "confounded_groups" and c["verdict"] == "fail"]
    question = "Biology, or batch?"
    return [Finding(question, "fail", "Cannot be told", check["summary"]) for check in failed]


def comparison(metrics: Json) -> Finding:
    """Say whether the model beats the best baseline."""
    question = "Better than the baselines?"
    against = metrics.get("comparison")
    if not against:
        sentence = (
            "The model was compared with no baseline, so nothing here shows that it learned more "
            "than a simple rule knows."
        )
        return Finding(question, "unknown", "Not compared", sentence)
    phrase = baseline_phrase(against["baseline"], target_in(metrics))
    numbers = _numbers(metrics, against)
    if against["verdict"] == "better":
        return Finding(question, "pass", "Yes", f"The model beats {phrase} ({numbers}).")
    if against["verdict"] == "worse":
        return Finding(question, "fail", "No", f"The model does not beat {phrase} ({numbers}).")
    why = "the interval of the difference includes zero"
    if (against.get("difference") or {}).get("low") is None:
        why = (
            "too few independent groups were tested for an interval (a cross-validation tests all)"
        )
    sentence = f"Whether the model beats {phrase} is undecided: {why} ({numbers})."
    return Finding(question, "warn", "Undecided", sentence)


def _numbers(metrics: Json, against: Json) -> str:
    """Return "MCC 0.21 against 0.62; difference −0.41, 95 % interval −0.45 to −0.37"."""
    metric, difference = against["metric"], against.get("difference") or {}
    ours = (metrics["test"].get(metric) or {}).get("value")
    theirs = (metrics.get("baselines", {}).get(against["baseline"], {}).get(metric) or {}).get(
        "value"
    )
    low, high = difference.get("low"), difference.get("high")
    digits = digits_of(low, high, differs=True)
    if difference.get("value") and round(difference["value"], digits) == 0:
        digits += 1  # "0.30 against 0.31; difference 0.00" would not add up
    text = f"{label(metric)} {decimal(ours, digits)} against {decimal(theirs, digits)}"
    if difference.get("value") is not None:
        text += f"; difference {signed(difference['value'], digits)}"
    if low is not None and high is not None:
        text += f", 95{THIN}% interval {signed(low, digits)} to {signed(high, digits)}"
    return text


def signed(number: float | None, digits: int = 2) -> str:
    """Write a difference with its sign."""
    text = decimal(number, digits)
    return f"+{text}" if number is not None and float(f"{number:.{digits}f}") > 0 else text


def split(audit: Json | None) -> Finding:
    """Say whether the audit found a leak."""
    question = "Split clean?"
    if not audit:
        return Finding(question, "unknown", "Not audited", "The split was not audited.")
    checks = applying(dict(audit))
    failed = [
        check["name"]
        for check in checks
        if check["verdict"] == "fail" and check["name"] != "confounded_groups"
    ]
    warned = [check["name"] for check in checks if check["verdict"] == "warn"]
    unknown, verdict = not_checked(dict(audit)), verdict_of(dict(audit))
    left_out = f" Not checked: {_names(unknown)}." if unknown else ""
    if verdict == "leak":
        sentence = f"Training samples leak into the test samples: {_names(failed)}."
        return Finding(question, "fail", "Leak", sentence + left_out)
    if verdict == CONFOUNDED:
        sentence = "No sample stands in two parts, but a group determines the label"
        sentence += f", and the audit warns: {_names(warned)}." if warned else "."
        return Finding(question, "warn", "Confounded", sentence + left_out)
    if verdict == "warning":
        none = "No check that ran found a leak" if unknown else "The split has no leak"
        sentence = f"{none}, but the audit warns: {_names(warned)}."
        answer = "Not fully checked" if unknown else "Warnings"
        return Finding(question, "warn", answer, sentence + left_out)
    passed = sum(check["verdict"] == "pass" for check in checks)
    numbers = f"{passed} of {len(checks)} checks pass, none warns or fails."
    if unknown:
        sentence = f"The split is not fully checked: {numbers}"
        return Finding(question, "warn", "Not fully checked", sentence + left_out)
    return Finding(question, "pass", "Yes", f"The split is clean: {numbers}")


def _names(checks: list[str]) -> str:
    return ", ".join(human(name).lower() for name in checks) or "see the audit"


def explained(scores: Json, quantity: str) -> Finding:
    """Say how much of the number is explained, and how large errors are."""
    question = "Explains the number?"
    r2 = scores.get("r2") or {}
    value, low = r2.get("value"), r2.get("low")
    if value is None:
        return Finding(question, "unknown", "Unknown", "The number does not vary among the tested.")
    mean, root = ((scores.get(name) or {}).get("value") for name in ("mae", "rmse"))
    errors = (
        f"a prediction is off by {decimal(mean, 3)} on average (root mean square "
        f"{decimal(root, 3)})"
    )
    if value <= 0:
        sentence = f"It explains nothing of {quantity}: the mean would do as well; {errors}."
        return Finding(question, "fail", "No", sentence)
    sentence = f"It explains {100 * value:.0f}{THIN}% of the variance of {quantity}; {errors}."
    if low is None or low <= 0:
        return Finding(question, "warn", "Undecided", sentence)
    return Finding(question, "pass", f"{100 * value:.0f}{THIN}%", sentence)


def calibration(scores: Json) -> Finding:
    """Say whether a probability means what it says."""
    question = "Calibrated?"
    error, high = ((scores.get("ece") or {}).get(name) for name in ("value", "high"))
    if error is None or not math.isfinite(error):
        return Finding(question, "unknown", "Unknown", "Calibration was not measured.")
    numbers = (
        f"how sure the model is differs from how often it is right by {decimal(error)} on average"
    )
    lean = f"; mostly it is {_lean(scores)}" if _lean(scores) else ""
    if error <= CALIBRATED and high is not None and high > ROUGHLY:
        sentence = f"Too few groups were tested to tell: {numbers}, and it may be {decimal(high)}."
        return Finding(question, "warn", "Undecided", sentence)
    if error <= CALIBRATED:
        sentence = f"Probabilities can be taken at their word: {numbers}."
        return Finding(question, "pass", "Yes", sentence)
    if error <= ROUGHLY:
        sentence = f"Probabilities are rough: {numbers}{lean}."
        return Finding(question, "warn", "Roughly", sentence)
    sentence = f"Probabilities cannot be taken at their word: {numbers}{lean}."
    return Finding(question, "fail", "No", sentence)


def _lean(scores: Json) -> str:
    """Return "too sure" or "not sure enough" where most of the error goes one way."""
    bins = [row for row in scores.get("calibration") or [] if row.get("n")]
    bins = [row for row in bins if row["confidence"] is not None and row["accuracy"] is not None]
    gaps = [row["n"] * (row["confidence"] - row["accuracy"]) for row in bins]
    if not gaps or abs(sum(gaps)) < 0.6 * sum(abs(gap) for gap in gaps):
        return ""
    return "too sure" if sum(gaps) > 0 else "not sure enough"
