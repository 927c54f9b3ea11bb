"""Killed at any moment, a server started again ends as if it had not been disturbed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from filelock import FileLock

from cistron.serve.journal import DONE, FAILED, QUEUED, RUNNING, TRIES, Journal, new_id
from cistron.serve.settings import Limits
from cistron.serve.supervisor import recover
from cistron.serve.worker import Work
from tests.cli.test_cli import command
from tests.serve.server import Server

PROTEIN = "MKVLLAGQWWHCWKLMNPQRSTVWYAC"


def records(first: int, n: int) -> str:
    """Return proteins no two of which are the same."""
    return "".join(
        f">p{i}\n{PROTEIN[i % 20 :]}{PROTEIN[: i % 23]}\n" for i in range(first, first + n)
    )


def test_ten_jobs_survive_a_kill_and_are_done_once(runs, tmp_path, capsys):
    server = Server(tmp_path, [runs["proteins"]]).start()
    texts = [records(i, 6000 if i == 1 else 300) for i in range(10)]
    jobs = [server.submit(text, f"job{i}.fasta") for i, text in enumerate(texts)]
    assert server.wait(jobs[0])["state"] == "done"
    before = server.results(jobs[0])
    server.wait(jobs[1], "running")
    for _ in range(2):  # the second time while it takes up the first
        server.kill()
        server.start()
        assert server.results(jobs[0]) == before
    try:
        for number, (job, text) in enumerate(zip(jobs, texts, strict=True)):
            known = server.wait(job)
            assert known["state"] == "done", known
            source, out = tmp_path / f"job{number}.fasta", tmp_path / f"{number}.tsv"
            source.write_text(text)
            assert command("predict", str(runs["proteins"]), str(source), "-o", str(out), "-q") == 0
            assert server.results(job) == out.read_bytes()
        assert 'cistron_jobs{state="done"} 10' in server.client.get("/metrics").text
        assert {folder.name for folder in (server.data / "jobs").iterdir()} == set(jobs)
    finally:
        server.stop()


def workers_of(server: Server) -> list[int]:
    """Return the ids of the processes that a server started, whether children or theirs."""
    assert server.process is not None
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            )
        except OSError:
            continue
    return [pid for pid, parent in parents.items() if parent == server.process.pid]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_their_server(runs, tmp_path):
    server = Server(tmp_path, [runs["proteins"]]).start()
    workers = workers_of(server)
    assert len(workers) >= 2
    server.kill()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.1)
    server.stop()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_crash_harms_no_other_job(runs, tmp_path):
    server = Server(tmp_path, [runs["proteins"]]).start()
    try:
        bad, good = server.submit(records(0, 20_000)), server.submit(records(0, 10))
        for _ in range(TRIES):
            server.wait(bad, "running")
            with sqlite3.connect(server.data / "jobs.sqlite") as journal:
                worker = journal.execute("SELECT worker FROM jobs WHERE id=?", (bad,)).fetchone()
            journal.close()
            assert worker[0].startswith("worker-")
            for pid in workers_of(server):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
            server.wait(bad, "queued", "failed", "done")
        known = server.wait(bad)
        assert known["state"] == "failed"
        assert "ended 2 times" in known["error"]
        assert server.wait(good)["state"] == "done"
        answer = server.client.post("/v1/predict", content=records(0, 2))
        assert answer.json()["predicted"] == 2
    finally:
        server.stop()


def test_two_servers_do_not_share_a_folder(runs, tmp_path):
    server = Server(tmp_path, [runs["proteins"]])
    server.data.mkdir()
    with (
        FileLock(server.data / "server.lock"),
        pytest.raises(AssertionError, match="Another server is at work"),
    ):
        server.start()
    server.stop()


def test_ctrl_c_ends_it_and_the_port_is_its_own(runs, tmp_path):
    server = Server(tmp_path, [runs["dna"]]).start()
    workers = workers_of(server)
    other = Server(tmp_path / "data", [runs["dna"]])
    other.port = server.port
    with pytest.raises(AssertionError, match="cannot be listened at"):
        other.start()
    assert other.process.returncode == 2
    other.stop()
    for pid in [server.process.pid, *workers]:  # as a terminal sends it
        os.kill(pid, signal.SIGINT)
    assert server.process.wait(timeout=60) == 0
    assert "Traceback" not in server.log.read_text()
    assert "KeyboardInterrupt" not in server.log.read_text()
    server.stop()


def work_in(folder: Path) -> Work:
    return Work("worker", folder, "cpu", {}, Limits())


def test_what_a_dead_server_left_is_taken_up(tmp_path):
    given = work_in(tmp_path)
    recover(given)
    journal, jobs = given.journal, [new_id() for _ in range(4)]
    for job in jobs:
        journal.add(job, "m", "0" * 64, "x", {})
        (tmp_path / "jobs" / job / "input").mkdir(parents=True)
    (tmp_path / "jobs" / "half").mkdir()  # an upload that was not entered
    assert [journal.claim("worker").id for _ in range(3)] == jobs[:3]
    journal.finish(jobs[0], {"records": 1})
    journal.cancel(jobs[2])
    recover(given)
    states = [journal.get(job).state for job in jobs]
    assert states == [DONE, QUEUED, "cancelled", QUEUED]
    assert not journal.at_work("worker")
    assert {folder.name for folder in (tmp_path / "jobs").iterdir()} == {*jobs[:2], jobs[3]}
    assert journal.claim("worker").id == jobs[1]


def test_each_job_goes_to_one_worker_and_its_end_counts_once(tmp_path):
    journal = Journal(tmp_path / "jobs.sqlite")
    journal.make()
    for number in range(3):
        journal.add(f"job{number}", "m", "0", "x", {})
    assert [journal.claim(w).id for w in "abc"] == ["job0", "job1", "job2"]
    assert journal.claim("d") is None
    assert journal.cancel("job0")
    journal.finish("job0", {"records": 5})  # too late: it was cancelled
    assert journal.get("job0").state == "cancelled"
    assert not journal.progress("job0", 3, None)
    journal.crashed("b")
    assert journal.get("job1").state == QUEUED
    assert journal.claim("b").id == "job1"
    journal.crashed("b")
    assert journal.get("job1").state == FAILED
    assert journal.get("job2").state == RUNNING
    assert journal.position(journal.get("job2")) == 0
