"""MLflow: what a real store holds after a command, and when the server is away."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cistron.base.errors import InputError
from cistron.experiment.file import read_experiment
from cistron.pipeline.pipeline import fit
from cistron.pipeline.tracking.follow import following, send
from tests.pipeline.tracking.conftest import Runs, command


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def same_history(runs: Runs, part: str, path: Path) -> None:
    """Every epoch's numbers in the store are those of the file, each once."""
    table = pd.read_csv(path, float_precision="round_trip")
    assert len(table) >= 1
    for name in table.columns.drop("epoch"):
        known = table[["epoch", name]].dropna()
        expected = [(int(epoch), float(value)) for epoch, value in known.itertuples(index=False)]
        assert runs.history(part, name) == expected


def test_a_fit_is_sent_whole_and_trains_as_without(project, tmp_path, store, capsys) -> None:
    plain, run = tmp_path / "plain", tmp_path / "run"
    assert command("fit", project / "experiment.yaml", "-o", plain, "-q") == 0
    assert command("fit", project / "experiment.yaml", "-o", run, "--track", f"mlflow={store}") == 0
    assert json.loads((run / "metrics.json").read_text()) == json.loads(
        (plain / "metrics.json").read_text()
    )
    assert "has all of it" in capsys.readouterr().err
    runs = Runs(store)
    assert list(runs.of) == [""]
    data, info = runs.of[""].data, runs.of[""].info
    assert (info.status, info.run_name) == ("FINISHED", "run")
    assert data.params["training.epochs"] == "3"
    assert data.params["model.kind"] == "cnn"
    assert data.params["samples.groups.family"] == r"family=(f\d+)"
    same_history(runs, "", run / "history.csv")
    metrics = json.loads((run / "metrics.json").read_text())
    for end, name in (("value", "test/mcc"), ("low", "test/mcc_low"), ("high", "test/mcc_high")):
        assert runs.history("", name) == [(3, metrics["test"]["mcc"][end])]
    assert runs.history("", "baseline/composition/mcc") == [
        (3, metrics["baselines"]["composition"]["mcc"]["value"])
    ]
    assert data.tags["cistron.split"] == "group"
    assert data.tags["cistron.command"] == "fit"
    assert data.tags["cistron.audit"] == json.loads((run / "audit.json").read_text())["verdict"]
    assert data.tags["cistron.comparison"] == "worse than composition"
    kept = {one.path for one in runs.client.list_artifacts(info.run_id)}
    assert kept == {"experiment.yaml", "metrics.json", "report.html"}
    remembered = json.loads((run / "tracking.json").read_text())
    assert remembered["destinations"][f"mlflow={store}"]["runs"] == {"": info.run_id}


def test_epochs_arrive_while_training_goes_on(project, tmp_path, store) -> None:
    seen = []

    class Watching:
        def say(self, sentence: str) -> None:
            if not sentence.startswith("Epoch 2"):
                return
            until = time.monotonic() + 20
            while time.monotonic() < until and not seen:
                runs = Runs(store)
                if "" in runs.of and len(runs.history("", "train_loss")) == 2:
                    seen.append(runs.of[""].info.status)
                time.sleep(0.1)

        def bar(self, total, description):
            from cistron.base.progress import SILENT

            return SILENT.bar(total, description)

    experiment = read_experiment(project / "experiment.yaml")
    run = tmp_path / "run"
    with following(run, [f"mlflow={store}"], every=0.1):
        fit(experiment, run, reporter=Watching())
    assert seen == ["RUNNING"]
    same_history(Runs(store), "", run / "history.csv")


def test_folds_are_nested_and_a_second_upload_adds_nothing(project, tmp_path, store, capsys):
    run = tmp_path / "run"
    arguments = ("--seeds", 2, "--set", "split.folds=2", "-q", "--track", f"mlflow={store}")
    assert command("crossval", project / "experiment.yaml", "-o", run, *arguments) == 0
    runs = Runs(store)
    folds = [f"repeats/{seed}/folds/{k}" for seed in (1, 2) for k in range(2)]
    assert set(runs.of) == {"", "repeats/1", "repeats/2", *folds}
    assert runs.number == 7
    for part in folds:
        parent = runs.of[part].data.tags["mlflow.parentRunId"]
        assert parent == runs.of[part[: len("repeats/1")]].info.run_id
        assert runs.of[part].info.status == "FINISHED"
        same_history(runs, part, run / part / "history.csv")
    assert runs.of["repeats/1"].data.tags["mlflow.parentRunId"] == runs.of[""].info.run_id
    metrics = json.loads((run / "metrics.json").read_text())
    scored = next(f for f in metrics["folds"] if (f["repeat"], f["fold"]) == (2, 1))
    assert runs.history("repeats/2/folds/1", "test/mcc") == [(3, scored["mcc"]["value"])]
    assert runs.history("", "repeats/mcc_sd") == [(0, metrics["spread"]["mcc"]["sd"])]
    assert not runs.history("", "train_loss")
    before = runs.everything()
    assert command("track", run, "--to", f"mlflow={store}") == 0
    assert "New there: nothing." in capsys.readouterr().out
    after = Runs(store)
    assert (after.number, after.everything()) == (7, before)


def test_trials_are_nested_with_values_state_and_score(project, tmp_path, store) -> None:
    run = tmp_path / "run"
    assert command("tune", project / "search.yaml", "-o", run, "--trials", 3, "-q") == 0
    how = json.loads((run / "how.json").read_text())
    storage = "postgresql://me:secret@host/studies"
    (run / "how.json").write_text(json.dumps({**how, "storage": storage}))
    send(run, [f"mlflow={store}"])
    runs = Runs(store)
    assert set(runs.of) == {"", "trials/0", "trials/1", "trials/2"}
    trials = pd.read_csv(run / "trials.csv", float_precision="round_trip")
    for row in trials.to_dict("records"):
        data = runs.of[f"trials/{row['trial']}"].data
        assert data.params == {"model.filters": str(row["model.filters"])}
        assert data.tags["state"] == row["state"]
        assert data.metrics["mcc"] == row["value"]
        assert data.tags["mlflow.parentRunId"] == runs.of[""].info.run_id
    best = [value for _, value in runs.history("", "best/mcc")]
    assert best == list(trials["value"].cummax())
    assert yaml.safe_load(runs.of[""].data.params["model.filters"]) == {"low": 4, "high": 12}
    assert not any("secret" in value for value in runs.of[""].data.params.values())


def test_a_server_that_is_down_costs_nothing(project, tmp_path, store, capsys) -> None:
    run, port = tmp_path / "run", closed_port()
    address = f"http://someone:secret@127.0.0.1:{port}"
    track = ("--track", f"mlflow={address}")
    assert command("fit", project / "experiment.yaml", "-o", run, *track) == 0
    assert json.loads((run / "metrics.json").read_text())["test"]["n"]
    said = capsys.readouterr().err
    log = (run / "log.txt").read_text()
    for text in (said, log):
        assert text.count("cannot be used: there is no connection. The work goes on") == 1
        assert f"cistron track {run} --to 'mlflow=http://someone:***@127.0.0.1:{port}'" in text
        assert "secret" not in text
    assert command("track", run, "--to", f"mlflow={address}") == 2
    assert [sent for _, sent in send(run, [f"mlflow={store}"])] == [(1, count_points(run))]
    assert [sent for _, sent in send(run, [f"mlflow={store}"])] == [(0, 0)]
    same_history(Runs(store), "", run / "history.csv")
    assert Runs(store).of[""].info.status == "FINISHED"


def count_points(run: Path) -> int:
    from cistron.pipeline.tracking.parts import read_parts

    return sum(len(part.points) for part in read_parts(run, ended=True))


def test_a_server_that_never_answers_is_not_waited_for(project, tmp_path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        address = f"mlflow=http://127.0.0.1:{one.getsockname()[1]}"
        run = tmp_path / "run"
        said = Said()
        with following(run, [address], said, every=0.05, patience=0.5):
            fit(read_experiment(project / "experiment.yaml"), run)
            done = time.monotonic()
        assert time.monotonic() - done < 2
    assert "Nothing is lost" in said.text[-1]


class Said:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def say(self, sentence: str) -> None:
        self.text.append(sentence)


def test_a_store_that_fails_on_the_way_gets_the_rest_and_nothing_twice(
    project, tmp_path, store
) -> None:
    run, said = tmp_path / "run", Said()
    held, away = tmp_path / "store", tmp_path / "away"

    def until(part: str) -> None:
        deadline = time.monotonic() + 20
        while not any(part in text for text in said.text) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert any(part in text for text in said.text)

    class Breaking:
        def say(self, sentence: str) -> None:
            if sentence.startswith("Epoch 1"):
                deadline = time.monotonic() + 20
                while not list(held.glob("*/*/metrics/train_loss")):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                held.rename(away)
                held.write_text("no folder")
            if sentence.startswith("Epoch 2"):
                until("cannot be used")
                held.unlink()
                away.rename(held)
                until("answers again")

        def bar(self, total, description):
            from cistron.base.progress import SILENT

            return SILENT.bar(total, description)

    with following(run, [f"mlflow={store}"], said, every=0.1):
        fit(read_experiment(project / "experiment.yaml"), run, reporter=Breaking())
    assert said.text[-1].endswith("has all of it.")
    runs = Runs(store)
    assert runs.number == 1
    same_history(runs, "", run / "history.csv")


def test_a_resumed_fit_goes_on_in_the_same_run_and_force_begins_another(
    project, tmp_path, store
) -> None:
    class Stop(Exception):
        pass

    class Stopping:
        def say(self, sentence: str) -> None:
            if sentence.startswith("Epoch 2"):
                raise Stop

        def bar(self, total, description):
            from cistron.base.progress import SILENT

            return SILENT.bar(total, description)

    run, track = tmp_path / "run", [f"mlflow={store}"]
    experiment = read_experiment(project / "experiment.yaml")
    with pytest.raises(Stop), following(run, track):
        fit(experiment, run, reporter=Stopping())
    first = Runs(store)
    assert first.of[""].info.status == "KILLED"
    assert len(first.history("", "train_loss")) == 2
    with following(run, track):
        fit(experiment, run, resume=True)
    second = Runs(store)
    assert second.number == 1
    assert second.of[""].info.run_id == first.of[""].info.run_id
    assert second.of[""].info.status == "FINISHED"
    same_history(second, "", run / "history.csv")
    with pytest.raises(InputError, match="never overwritten"), following(run, track):
        fit(experiment, run)
    assert Runs(store).everything() == second.everything()
    with following(run, track):
        fit(experiment, run, force=True)
    assert Runs(store).number == 2
