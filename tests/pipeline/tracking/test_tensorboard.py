"""TensorBoard: event files read back by its own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cistron.pipeline.tracking.follow import send
from tests.pipeline.tracking.conftest import command


def events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    return found.Reload()


def numbers(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in events(folder).Scalars(name)]


def test_a_crossval_has_a_folder_for_each_fold(project, tmp_path) -> None:
    run = tmp_path / "run"
    arguments = ("-o", run, "-q", "--track", "tensorboard")
    assert command("crossval", project / "experiment.yaml", *arguments) == 0
    metrics = json.loads((run / "metrics.json").read_text())
    for fold in range(3):
        table = pd.read_csv(run / "folds" / str(fold) / "history.csv")
        found = events(run / "tensorboard" / "folds" / str(fold))
        for name in table.columns.drop("epoch"):
            assert [one.step for one in found.Scalars(name)] == list(table["epoch"])
            assert [one.value for one in found.Scalars(name)] == pytest.approx(list(table[name]))
        score = metrics["folds"][fold]["mcc"]["value"]
        assert [one.value for one in found.Scalars("test/mcc")] == [pytest.approx(score)]
    whole = events(run / "tensorboard")
    assert "train_loss" not in whole.Tags()["scalars"]
    assert (
        b"training.epochs | 3"
        in whole.Tensors("settings/text_summary")[0].tensor_proto.string_val[0]
    )
    assert [sent for _, sent in send(run, ["tensorboard"])] == [(0, 0)]


def test_runs_of_one_name_do_not_mix_in_a_shared_folder(project, tmp_path) -> None:
    shared = tmp_path / "shared"
    for place in ("a", "b"):
        run = tmp_path / place / "run"
        arguments = ("-o", run, "-q", "--track", f"tensorboard={shared}")
        assert command("fit", project / "experiment.yaml", *arguments) == 0
    assert sorted(one.name for one in shared.iterdir()) == ["run", "run-2"]
    for name in ("run", "run-2"):
        assert [step for step, _ in numbers(shared / name, "train_loss")] == [1, 2, 3]
    (sent,) = (new for _, new in send(tmp_path / "a" / "run", [f"tensorboard={shared}"]))
    assert sent == (0, 0)


def test_a_run_sent_before_its_end_is_continued(project, tmp_path) -> None:
    run, away = tmp_path / "run", tmp_path / "metrics.json"
    assert command("fit", project / "experiment.yaml", "-o", run, "-q") == 0
    (run / "metrics.json").rename(away)
    ((_, before),) = send(run, ["tensorboard"])
    away.rename(run / "metrics.json")
    ((_, after),) = send(run, ["tensorboard"])
    assert (before.parts, after.parts) == (1, 0)
    held = events(run / "tensorboard")
    counts = [len(held.Scalars(name)) for name in held.Tags()["scalars"]]
    assert before.points + after.points == sum(counts)
    assert [one.step for one in held.Scalars("train_loss")] == [1, 2, 3]
    assert [one.step for one in held.Scalars("test/mcc")] == [3]
    assert [sent for _, sent in send(run, ["tensorboard"])] == [(0, 0)]


def test_trials_can_be_compared_by_their_settings(project, tmp_path) -> None:
    run = tmp_path / "run"
    arguments = ("--trials", 2, "-o", run, "-q", "--track", "tensorboard")
    assert command("tune", project / "search.yaml", *arguments) == 0
    trials = pd.read_csv(run / "trials.csv")
    for number, value in zip(trials["trial"], trials["value"], strict=True):
        folder = run / "tensorboard" / "trials" / str(number)
        assert numbers(folder, "mcc") == [(0, pytest.approx(value))]
        assert "_hparams_/session_start_info" in events(folder).summary_metadata
