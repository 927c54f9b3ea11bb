"""One study in a real PostgreSQL: processes that share it, are killed, and lose the server."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cistron.pipeline.tuning.study import counts, storage_of
from tests.pipeline.tuning.test_tune import made

pytestmark = pytest.mark.postgres
PASSWORD = "pass/word:9"
QUOTED = "pass%2Fword%3A9"
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(p / name) for p in PROGRAMS if (p / name).is_file()), ""
    )
    if not found:
        pytest.skip(f"{name} of PostgreSQL is not installed")
    return found


@dataclass
class Server:
    """A cluster in a folder of its own; PostgreSQL does not run as root."""

    folder: Path
    port: int
    owner: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    clients: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"postgresql://cistron:{QUOTED}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "fsync": "off", "log_min_messages": "warning"}
        options = [text for key, value in settings.items() for text in ("-c", f"{key}={value}")]
        command = [program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, "-p", str(self.port), *options],
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **self.owner,
        )
        ready = [program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        until(lambda: subprocess.run(ready, check=False).returncode == 0)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)  # ends sessions, then the server
        self.process.wait(300)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300  # of a busy machine
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="cistron-pg-"))
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = names.get("postgres") or names["nobody"]
        owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        made_server = Server(folder, free.getsockname()[1], owner)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    command = [program("initdb"), "-D", str(folder / "data"), "-U", "cistron", "--no-sync"]
    command += ["-A", "scram-sha-256", "--pwfile", str(secret)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **owner)
    made_server.start()
    yield made_server
    for client in made_server.clients:  # of a test that failed
        if client.poll() is None:
            client.kill()
            client.communicate()
    if made_server.process is not None and made_server.process.poll() is None:
        made_server.stop()
    shutil.rmtree(folder)


def begin(path: Path, out: Path, server: Server, trials: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cistron.cli", "tune", str(path), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--storage", server.url, "--trials", str(trials), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    server.clients.append(process)
    return process


def end(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate(timeout=1500)
    assert process.returncode == code, err
    assert "Traceback" not in err
    for said in (out, err):
        assert QUOTED not in said
        assert PASSWORD not in said
    return err


def trials_of(server: Server, folder: Path) -> list[Any]:
    storage = storage_of(folder, server.url)
    studies = storage.get_all_studies()
    return storage.get_all_trials(studies[0]._study_id) if studies else []


def by(process: subprocess.Popen[str], trial: Any) -> bool:
    return trial.user_attrs.get("process", "").endswith(f" {process.pid}")


def same_result(first: Path, second: Path) -> dict[str, Any]:
    """Check that two runs found the same, and that nothing in them tells the password."""
    for out in (first, second):
        for file in out.rglob("*"):
            if file.is_file():
                text = file.read_bytes()
                assert QUOTED.encode() not in text
                assert PASSWORD.encode() not in text
    pd.testing.assert_frame_equal(
        pd.read_csv(first / "trials.csv"), pd.read_csv(second / "trials.csv")
    )
    assert (first / "experiment.yaml").read_text() == (second / "experiment.yaml").read_text()
    found, other = (json.loads((out / "tuning.json").read_text()) for out in (first, second))
    for key in ("best", "start", "trials", "importance"):
        assert found[key] == other[key]
    return found


SLOW = {  # trials of a second or two
    "encoder": {"kind": "kmers", "k": {"choices": [1, 2]}},
    "model": {"kind": "mlp", "hidden": {"low": 8, "high": 64}},
    "training": {
        "epochs": 40,
        "patience": 40,
        "batch_size": 4,
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    },
}


def test_two_processes_on_one_study_lose_and_repeat_no_trial(
    tmp_path: Path, server: Server
) -> None:
    path = made(tmp_path, **{**SLOW, "training": {**SLOW["training"], "epochs": 20}})
    # At the same moment, on an empty database.
    both = [begin(path, tmp_path / name, server, 13) for name in "ab"]
    for process in both:
        end(process)
    found = same_result(tmp_path / "a", tmp_path / "b")
    assert sum(found["trials"].values()) == 13
    trials = trials_of(server, tmp_path)
    assert [t.number for t in trials] == list(range(13))
    assert all(counts(t) for t in trials)
    assert sorted(t.user_attrs["draw"] for t in trials) == list(range(13))
    assert len({json.dumps(t.params, sort_keys=True) for t in trials}) == 13
    assert all(any(by(process, t) for t in trials) for process in both)
    end(begin(path, tmp_path / "a", server, 13, "--resume"))
    same_result(tmp_path / "a", tmp_path / "b")


def test_the_trial_of_a_process_that_was_killed_is_made_again(
    tmp_path: Path, server: Server
) -> None:
    path = made(tmp_path, **SLOW)
    victim, other = (begin(path, tmp_path / name, server, 6) for name in "ab")

    def both_at_it() -> bool:
        going = [t for t in trials_of(server, tmp_path) if t.state.name == "RUNNING"]
        return any(by(victim, t) for t in going) and any(by(other, t) for t in going)

    until(both_at_it)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert "cut short: 1" in end(other)
    trials = trials_of(server, tmp_path)
    lost = [t for t in trials if not counts(t)]
    assert len(lost) == 1
    assert by(victim, lost[0])
    assert not any(t.state.name == "RUNNING" for t in trials)
    assert sorted(t.user_attrs["draw"] for t in trials if counts(t)) == list(range(6))
    end(begin(path, tmp_path / "a", server, 6, "--resume"))
    found = same_result(tmp_path / "a", tmp_path / "b")
    assert sum(found["trials"].values()) == 6
    assert len(trials_of(server, tmp_path)) == 7


def test_a_server_that_is_lost_is_told_and_the_search_goes_on_with_resume(
    tmp_path: Path, server: Server
) -> None:
    path = made(tmp_path, **{**SLOW, "training": {**SLOW["training"], "epochs": 20}})
    process = begin(path, tmp_path / "a", server, 10)
    until(lambda: sum(map(counts, trials_of(server, tmp_path))) >= 1)
    server.stop()
    said = end(process, code=2)
    assert "the database cannot be used" in said
    assert "--resume" in said
    said = end(begin(path, tmp_path / "b", server, 10), code=2)
    assert "the database cannot be used" in said
    server.start()
    end(begin(path, tmp_path / "a", server, 10, "--resume"))
    trials = trials_of(server, tmp_path)
    assert sum(map(counts, trials)) == 10
    assert not any(t.state.name == "RUNNING" for t in trials)


def test_the_folds_of_a_nested_search_have_studies_of_their_own(
    tmp_path: Path, server: Server
) -> None:
    path = made(tmp_path)
    both = [begin(path, tmp_path / name, server, 3, "--nested", "2") for name in "ab"]
    for process in both:
        end(process)
    found = same_result(tmp_path / "a", tmp_path / "b")
    other = json.loads((tmp_path / "b" / "tuning.json").read_text())
    assert found["nested"] == other["nested"]
    storage = storage_of(tmp_path, server.url)
    made_trials = [storage.get_n_trials(study._study_id) for study in storage.get_all_studies()]
    assert made_trials == [3, 3, 3]
