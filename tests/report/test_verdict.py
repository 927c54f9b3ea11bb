from __future__ import annotations

import pytest

from cistron.report.verdict import calibration, comparison, findings, signed, split


def numbers(verdict: str, ours: float, theirs: float, low: float, high: float) -> dict:
    return {
        "test": {"mcc": {"value": ours}},
        "baselines": {"homolog": {"mcc": {"value": theirs}}},
        "comparison": {
            "baseline": "homolog",
            "metric": "mcc",
            "difference": {"value": ours - theirs, "low": low, "high": high},
            "verdict": verdict,
        },
    }


WITH = "copying the label of the nearest training homolog"


@pytest.mark.parametrize(
    ("metrics", "state", "sentence"),
    [
        (
            numbers("worse", 0.21, 0.62, -0.45, -0.37),
            "fail",
            f"The model does not beat {WITH} (MCC 0.21 against 0.62; difference "
            "\N{MINUS SIGN}0.41, 95\u202f% interval \N{MINUS SIGN}0.45 to \N{MINUS SIGN}0.37).",
        ),
        (
            numbers("better", 0.62, 0.21, 0.37, 0.45),
            "pass",
            f"The model beats {WITH} (MCC 0.62 against 0.21; difference +0.41, "
            "95\u202f% interval +0.37 to +0.45).",
        ),
        (
            numbers("undecided", 0.62, 0.61, -0.003, 0.03),
            "warn",
            f"Whether the model beats {WITH} is undecided: the interval of the difference includes "
            "zero (MCC 0.620 against 0.610; difference +0.010, 95\u202f% interval "
            "\N{MINUS SIGN}0.003 to +0.030).",
        ),
        (
            numbers("undecided", 0.3049, 0.3061, -0.28, 0.26),
            "warn",
            f"Whether the model beats {WITH} is undecided: the interval of the difference includes "
            "zero (MCC 0.305 against 0.306; difference \N{MINUS SIGN}0.001, 95\u202f% interval "
            "\N{MINUS SIGN}0.280 to +0.260).",
        ),
    ],
)
def test_comparison(metrics, state, sentence):
    found = comparison(metrics)
    assert (found.state, found.sentence) == (state, sentence)


def test_comparison_without_baselines_or_numbers():
    assert comparison({"test": {}, "comparison": None}).state == "unknown"
    metrics = numbers("undecided", 0.5, 0.5, 0, 0)
    metrics["comparison"]["difference"] = {"value": None, "low": None, "high": None}
    metrics["test"]["mcc"]["value"] = None
    assert comparison(metrics).sentence.endswith("(MCC n/a against 0.50).")


@pytest.mark.parametrize(
    ("baseline", "phrase"),
    [
        ("majority", "always calling the most common class"),
        ("length", "sequence length alone"),
        ("composition", "composition alone"),
        ("gc", "GC content and length alone"),
        ("kmers", "words of five bases"),
        ("my_rule", "the baseline “My rule”"),
    ],
)
def test_baselines_are_said_in_words(baseline, phrase):
    metrics = numbers("better", 0.6, 0.2, 0.3, 0.5)
    metrics["comparison"]["baseline"] = baseline
    assert phrase in comparison(metrics).sentence


def check(name: str, verdict: str) -> dict:
    return {"name": name, "verdict": verdict, "summary": ""}


@pytest.mark.parametrize(
    ("verdict", "state", "sentence"),
    [
        (
            "clean",  # as older versions called it
            "warn",
            "The split is not fully checked: 2 of 3 checks pass, none warns or fails.",
        ),
        (
            "warning",
            "warn",
            "No check that ran found a leak, but the audit warns: length shortcut.",
        ),
        ("leak", "fail", "Training samples leak into the test samples: exact duplicates."),
    ],
)
def test_split(verdict, state, sentence):
    found = {
        "clean": [check("a", "pass"), check("b", "pass")],
        "warning": [check("a", "pass"), check("length_shortcut", "warn")],
        "leak": [check("exact_duplicates", "fail"), check("length_shortcut", "warn")],
    }[verdict]
    audit = {"verdict": verdict, "checks": [*found, check("similar_sequences", "skipped")]}
    said = split(audit)
    assert said.state == state
    assert said.sentence == f"{sentence} Not checked: similar sequences."


def test_a_split_whose_checks_all_ran_is_clean():
    audit = {
        "verdict": "clean",
        "not_checked": [],
        "checks": [check("a", "pass"), check("reverse_complements", "skipped")],
    }
    said = split(audit)
    assert (said.state, said.answer) == ("pass", "Yes")
    # What does not apply to the samples is neither counted nor named.
    assert said.sentence == "The split is clean: 1 of 1 checks pass, none warns or fails."


def test_a_confounded_split_is_never_clean():
    failed = check("confounded_groups", "fail")
    for others in ([check("a", "pass")], [check("batch_effect", "warn")]):
        said = split({"verdict": "confounded", "not_checked": [], "checks": [failed, *others]})
        assert (said.state, said.answer) == ("warn", "Confounded")
        assert "a group determines the label" in said.sentence


def scores(error: float, confidence: float = 0.9, accuracy: float = 0.7) -> dict:
    bins = [{"n": 10, "confidence": confidence, "accuracy": accuracy}]
    empty = {"n": 0, "confidence": None, "accuracy": None}
    return {"ece": {"value": error}, "calibration": [*bins, empty]}


def test_calibration():
    assert calibration(scores(0.05)).state == "pass"
    assert "by 0.03 on average." in calibration(scores(0.03)).sentence
    assert calibration(scores(0.1)).state == "warn"
    assert calibration(scores(0.2)).sentence.endswith("mostly it is too sure.")
    assert calibration(scores(0.2, 0.6, 0.9)).sentence.endswith("mostly it is not sure enough.")
    assert calibration({"ece": {"value": None}}).state == "unknown"
    assert calibration({}).state == "unknown"


def test_calibration_names_no_direction_where_there_is_none():
    mixed = scores(0.2)
    mixed["calibration"].append({"n": 10, "confidence": 0.6, "accuracy": 0.8})
    assert "mostly" not in calibration(mixed).sentence


def test_findings_come_in_order():
    asked = [finding.question for finding in findings({"test": {}}, None)]
    assert asked == ["Better than the baselines?", "Split clean?", "Calibrated?"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.214, "+0.21"),
        (-0.214, "\N{MINUS SIGN}0.21"),
        (0.001, "0.00"),
        (-0.001, "0.00"),
        (None, "n/a"),
    ],
)
def test_signed(number, text):
    assert signed(number) == text
