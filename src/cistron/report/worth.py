"""What a model is worth, on the pages that show why it says what it says."""

from __future__ import annotations

from pathlib import Path

from cistron.experiment.run_folder import METRICS, Run
from cistron.figures.numbers import THIN, spanned
from cistron.report.names import label
from cistron.report.read import Json
from cistron.report.verdict import Finding, comparison, confounded, split

QUESTION = "Is the model worth explaining?"
MOSTLY = 0.5  # share of position below which contributions say little of where letters stand


def worth(run: str | Path | None) -> Finding:
    """Say what the model of a run scored on test samples, and whether that is more than a rule."""
    if run is None or not (Path(run) / METRICS).is_file():
        sentence = (
            "What the model is worth is not known here: no scored run belongs to it. An "
            "explanation says what a model does, not whether that is right."
        )
        return Finding(QUESTION, "unknown", "Not known", sentence)
    folder = Run(Path(run))
    metrics = folder.metrics
    audit = folder.audit if (folder.path / "audit.json").is_file() else None
    against, clean = comparison(metrics), split(audit)
    doubts = [*confounded(audit), *([clean] if clean.state != "pass" else [])]
    name = metrics["headline"]
    score, between = spanned(metrics["test"].get(name) or {})
    scored = f"Test {label(name)} {score}" + (f" (95{THIN}% interval {between})" if between else "")
    sentences = [f"{scored}. {against.sentence}", *(doubt.sentence for doubt in doubts)]
    states = [against.state, *(doubt.state for doubt in doubts)]
    if "fail" in states:
        sentences.append("The contributions say what it does, and not what is true of the samples.")
        return Finding(QUESTION, "fail", "No", " ".join(sentences))
    if set(states) <= {"pass"}:
        return Finding(QUESTION, "pass", "Yes", " ".join(sentences))
    return Finding(QUESTION, "warn", "With doubts", " ".join(sentences))


def position_share(shares: Json | None, scale: str) -> list[Finding]:
    """Say how much of the differences between samples is of position, and how much of composition.

    `shares` is what `cistron.explain.composition.Shares` found; nothing is said without it.
    """
    if not shares:
        return []
    position, composition = (f"{100 * shares[k]:.0f}{THIN}%" for k in ("position", "composition"))
    state = "pass" if shares["position"] >= MOSTLY else "warn"
    sentence = (
        f"{position} of the differences in the {scale} between samples are of where letters stand. "
        f"Shuffled copies have the other {composition} too: these are of composition."
    )
    answer = f"{position} position, {composition} composition"
    return [Finding("Position, or composition?", state, answer, sentence)]
