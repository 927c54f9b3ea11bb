"""What the checks of an explanation answer, on its own page and on that of motifs."""

from __future__ import annotations

from cistron.report.verdict import Finding

FAITHFUL = 0.9  # share of samples in which the first positions matter more than random ones


def adds_up(largest: float, tolerance: float, otherwise: str) -> Finding:
    """Say whether contributions add up; `otherwise` is the state where they do not."""
    state = "pass" if largest <= tolerance else otherwise
    return Finding("Do contributions add up?", state, f"error at most {largest:.1e}")


def faithful(better: float, of: str) -> Finding:
    """Say in what share of samples deleting what contributes most matters more than chance."""
    state = "pass" if better >= FAITHFUL else "warn" if better >= 0.5 else "fail"
    question = "Does deleting what contributes most lower the output more than chance?"
    return Finding(question, state, f"in {better:.0%} of {of}")
