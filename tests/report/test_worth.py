"""Pages of explanations say first what the model is worth."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cistron.explain.composition import Shares
from cistron.report.worth import position_share, worth

MINUS, THIN = "\N{MINUS SIGN}", "\u202f"


def write_run(folder: Path, verdict: str, mcc: tuple, audit: str = "clean") -> Path:
    value, low, high = mcc
    metrics = {
        "classes": ["no", "yes"],
        "positive": "yes",
        "headline": "mcc",
        "test": {"n": 50, "mcc": {"value": value, "low": low, "high": high}},
        "baselines": {"length": {"mcc": {"value": 0.1}}},
        "comparison": {
            "baseline": "length",
            "metric": "mcc",
            "difference": {"value": value - 0.1, "low": low - 0.1, "high": high - 0.1},
            "verdict": verdict,
        },
    }
    failed = "fail" if audit == "leak" else "pass"
    checks = [{"name": "duplicates", "verdict": failed, "summary": "Told."}]
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(metrics))
    document = {"verdict": audit, "not_checked": [], "checks": checks}
    (folder / "audit.json").write_text(json.dumps(document))
    return folder


def test_a_model_that_learned_nothing_is_not_worth_explaining(tmp_path):
    found = worth(write_run(tmp_path / "run", "worse", (-0.12, -0.3, 0.05)))
    assert (found.state, found.answer) == ("fail", "No")
    assert found.sentence.startswith(
        f"Test MCC {MINUS}0.12 (95{THIN}% interval {MINUS}0.30 to 0.05). The model does not beat "
    )
    assert found.sentence.endswith("and not what is true of the samples.")


@pytest.mark.parametrize(
    ("verdict", "audit", "state"),
    [
        ("better", "clean", "pass"),
        ("undecided", "clean", "warn"),
        ("better", "leak", "fail"),
    ],
)
def test_baselines_and_split_decide(tmp_path, verdict, audit, state):
    found = worth(write_run(tmp_path / "run", verdict, (0.5, 0.4, 0.6), audit))
    assert found.state == state
    assert ("leak into the test samples: duplicates" in found.sentence) == (audit == "leak")


@pytest.mark.parametrize("run", [None, "gone"])
def test_a_run_that_is_not_known(tmp_path, run):
    found = worth(run and tmp_path / run)
    assert (found.state, found.answer) == ("unknown", "Not known")


def explained(composition, position, explained=0):
    """Return what `Shares` reads of an explanation."""
    output = np.asarray(composition) + np.asarray(position)
    return SimpleNamespace(
        explained=np.full(len(output), explained),
        output=output,
        reference_output=np.asarray(composition),
    )


def test_the_variance_is_divided_into_composition_and_position():
    rng = np.random.default_rng(1)
    composition, position = rng.normal(0, 1, 4000), rng.normal(0, np.sqrt(3), 4000)
    shares = Shares()
    shares.add(explained(composition[:1000], position[:1000]))
    # Another class whose outputs lie elsewhere: that difference is of neither.
    shares.add(explained(composition[1000:] + 50, position[1000:], explained=1))
    found = shares.document()
    assert found["samples"] == 4000
    assert found["composition"] == pytest.approx(0.25, abs=0.03)
    assert found["composition"] + found["position"] == pytest.approx(1)
    (finding,) = position_share(found, "logit")
    assert finding.state == "pass"
    share = round(100 * found["position"])
    assert finding.sentence.startswith(f"{share}{THIN}% of the differences in the logit between ")


def test_a_model_of_composition_alone_is_told():
    shares = Shares()
    shares.add(explained(np.arange(20.0), np.zeros(20)))
    found = shares.document()
    assert found["composition"] == pytest.approx(1)
    assert position_share(found, "logit")[0].state == "warn"


def test_nothing_is_said_of_few_samples_or_without_shuffled_copies():
    shares = Shares()
    assert shares.document() is None
    shares.add(explained(np.arange(9.0), np.zeros(9)))
    assert shares.document() is None
    shares.add(explained(np.full(20, np.nan), np.zeros(20)))
    assert shares.document() is None
    assert position_share(None, "logit") == []
