"""What is hostile is refused, harms nobody, and learns nothing of the machine."""

from __future__ import annotations

import gzip
import io
import socket
import time
import zipfile
from pathlib import Path

import h5py
import httpx
import pytest

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Sequences, make_samples
from cistron.serve.guard import Rates
from cistron.serve.inputs import measure, plain_name
from cistron.serve.settings import Limits, name_runs, parse_limits
from tests.cli.test_cli import command, fails
from tests.places import ROOT
from tests.serve.conftest import dna_texts
from tests.serve.server import Server

SECRET = "a-token-that-nobody-guesses"
SEQUENCE = "MKVLLAGQWWHCWKLMNPQRSTVW"
SCRIPT = "<script>alert(1)</script>"
SMALL = Limits(unpacked=1, records=100, letters=10_000, longest=1_000)


@pytest.fixture(scope="module")
def guarded(runs, tmp_path_factory):
    """A server with a token, few waiting jobs and a low rate, whose classes are markup."""
    folder = tmp_path_factory.mktemp("guarded")
    texts, labels = dna_texts(60)
    labels = [SCRIPT if label == "other" else "=1+1&\"'" for label in labels]
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=labels)
    model = Classifier("composition", "logistic_regression").fit(samples)
    model.save(folder / "<b>&run" / "model")
    (folder / "token").write_text(f"{SECRET}\n")
    options = ["--token-file", str(folder / "token"), "--limit", "rate=20"]
    server = Server(folder, [folder / "<b>&run"], *options).start()
    yield server
    server.stop()


def test_another_host_needs_a_token(runs, capsys, tmp_path):
    run = str(runs["proteins"])
    said = fails(capsys, "serve", run, "--host", "0.0.0.0", "--data", str(tmp_path / "d"))
    assert "--token-file" in said
    assert "letters" in fails(capsys, "serve", run, "--token", "short")
    assert "there is no limit 'recods'. Did you mean 'records'?" in fails(
        capsys, "serve", run, "--limit", "recods=5"
    )
    assert "whole number" in fails(capsys, "serve", run, "--limit", "records=0.5")
    assert "no such run" in fails(capsys, "serve", str(tmp_path / "nothing"))
    assert not (tmp_path / "d").exists()


def test_without_the_token_nothing_is_told(guarded):
    client = guarded.client
    assert client.get("/healthz").status_code == 200
    for path in ("/", "/v1/models", "/metrics", "/docs", "/openapi.json", "/jobs/x"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert "run" not in answer.text
        for header in ("Bearer wrong", "Basic " + SECRET, f"Bearer {SECRET}x"):
            assert client.get(path, headers={"authorization": header}).status_code == 401
    assert client.get("/", headers={"accept": "text/html"}).headers["location"] == "/login"
    bearer = {"authorization": f"Bearer {SECRET}"}
    assert client.get("/v1/models", headers=bearer).status_code == 200


def test_a_browser_shows_the_token_once(guarded):
    with httpx.Client(base_url=guarded.url) as browser:
        assert browser.post("/login", data={"token": "wrong"}).status_code == 401
        answer = browser.post("/login", data={"token": SECRET})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert SECRET not in cookie
        assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
        assert browser.get("/").status_code == 200


def test_names_that_are_markup_are_text(guarded):
    bearer = {"authorization": f"Bearer {SECRET}"}
    texts, _ = dna_texts(2)
    text = f">{SCRIPT}\n{texts[0]}\n><img/src=x>\n{texts[1]}\n"
    answer = guarded.client.post(
        "/v1/jobs", files={"file": (f"../{SCRIPT}.fasta", text)}, headers=bearer
    )
    job = answer.json()["id"]
    until = time.monotonic() + 60
    while guarded.client.get(f"/v1/jobs/{job}", headers=bearer).json()["state"] != "done":
        assert time.monotonic() < until
        time.sleep(0.2)
    for path in ("/", f"/jobs/{job}", f"/jobs/{job}/page.html", f"/jobs/{job}/rows/0", "/docs"):
        page = guarded.client.get(path, headers=bearer).text
        assert SCRIPT not in page
        assert "<img" not in page
        assert "<b>" not in page
    assert "&lt;script&gt;alert(1)" in guarded.client.get(f"/jobs/{job}", headers=bearer).text
    (folder,) = (guarded.data / "jobs" / job / "input").parent.glob("input")
    assert [file.name for file in folder.iterdir()] == ["script_.fasta"]


def test_an_address_asks_only_so_often(guarded):
    bearer, asked = {"authorization": f"Bearer {SECRET}"}, 0
    while (
        answer := guarded.client.post("/v1/check", content="", headers=bearer)
    ).status_code != 429:
        asked += 1
        assert asked < 200
    assert answer.headers["retry-after"] == "60"
    assert "Too many requests" in answer.json()["error"]
    assert guarded.client.get("/healthz").status_code == 200


def test_the_rate_is_of_each_address():
    rates = Rates(2)
    assert [rates.take("a") for _ in range(3)] == [True, True, False]
    assert rates.take("b")
    assert all(Rates(0).take("a") for _ in range(1000))


def test_requests_of_other_sites_are_refused(server):
    for headers in ({"host": "evil.example"}, {"host": f"evil.example:{server.port}"}):
        assert server.client.get("/v1/models", headers=headers).status_code == 400
    for origin in ("https://evil.example", "null"):
        answer = server.client.post("/v1/predict", content="x", headers={"origin": origin})
        assert answer.status_code == 403
    own = {"origin": server.url}
    answer = server.client.post("/v1/check?model=dna", content=">a\nACGT\n", headers=own)
    assert answer.status_code == 200


def test_every_answer_has_a_strict_policy(server):
    answers = [
        server.client.get(path)
        for path in ("/", "/v1/models", "/nothing", "/jobs/x", "/static/serve.js")
    ]
    answers.append(server.client.get("/", headers={"host": "evil"}))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers
    page = server.client.get("/").text
    assert "<script>" not in page
    assert "onclick" not in page


def endless():
    """Yield a body without a length, larger than is allowed."""
    for _ in range(40):
        yield b"A" * 100_000


def test_what_is_too_large_is_refused_before_it_is_kept(server):
    before = {folder.name for folder in (server.data / "jobs").iterdir()}
    data = b">a\n" + b"A" * 3_000_000
    path = "/v1/jobs?model=dna"
    assert server.client.post(path, content=data).status_code == 413
    assert server.client.post(path, content=endless()).status_code == 413
    assert server.client.post(path, files={"file": ("x", data)}).status_code == 413
    assert server.client.post("/v1/predict?model=dna", content=data[:1_500_000]).status_code == 413
    answer = server.client.post(path, content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert {folder.name for folder in (server.data / "jobs").iterdir()} == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x: y\r\n" * 5000),
        ("multipart/form-data; boundary=b", b"\x00\xff" * 100),
        ("multipart/form-data; boundary=" + "b" * 500, b"--b--"),
        (
            "multipart/form-data; boundary=b",
            b"".join(
                b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % i
                for i in range(50)
            )
            + b"--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            b"".join(
                b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nx\r\n'
                for i in range(5)
            )
            + b"--b--\r\n",
        ),
    ],
)
def test_malformed_forms_are_refused(server, kind, body):
    for path in ("/v1/jobs?model=dna", "/models/dna"):
        answer = server.client.post(path, content=body, headers={"content-type": kind})
        assert 400 <= answer.status_code < 500, answer.text
        assert "error" in answer.text or 'role="alert"' in answer.text
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/..%2f..%2fjobs.sqlite",
        "/static/..%2f..%2fguard.py",
        "/static/../guard.py",
        "/v1/jobs/%00",
        "/v1/jobs/" + "0" * 32,
        "/v1/jobs/" + "0" * 32 + "/results?format=../../jobs.sqlite",
    ],
)
def test_paths_lead_nowhere_else(server, path):
    assert server.client.get(path).status_code == 404
    job = server.wait(server.submit(">a\nACGT\n", model="dna"))["id"]
    for format_ in ("parquet", "../input/input", "tsv/..", "sqlite"):
        answer = server.client.get(f"/v1/jobs/{job}/results", params={"format": format_})
        assert answer.status_code == 404
    for row in ("0/..%2f..%2fresult.tsv", "0/record.fasta", "0/facts.json", "-1", "99", "x"):
        assert server.client.get(f"/jobs/{job}/rows/{row}").status_code in (404, 422)


def test_names_of_files_are_plain():
    assert plain_name("../../etc/passwd") == "passwd"
    assert plain_name("C:\\x\\a b.fasta") == "a_b.fasta"
    assert plain_name("-") == plain_name("..") == plain_name("\x00") == "input"
    assert plain_name("x" * 300 + ".fasta.gz").endswith("x.fasta.gz")
    assert len(plain_name("ü" * 300)) <= 80
    assert list(name_runs([Path("/a/<x> y"), Path("/b/<x> y"), Path("/")])) == [
        "x--y",
        "x--y-2",
        "model",
    ]
    assert parse_limits(["hours=0.5", "records=5"]) == Limits(hours=0.5, records=5)


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def hdf5(fill) -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        fill(file)
    return held.getvalue()


def huge(file: h5py.File) -> None:
    file.create_dataset("X", shape=(100_000, 100_000), dtype="f8", chunks=(100, 100))


def elsewhere(file: h5py.File) -> None:
    file["X"] = h5py.ExternalLink("/etc/passwd", "/x")


BOMB = gzip.compress(b"A" * 3_000_000)
UPLOADS = {
    "gzip bomb": ("dna", BOMB, "larger than 1 MB once it is decompressed"),
    "gzip in gzip": ("dna", gzip.compress(gzip.compress(b">a\nACGT\n")), "compressed twice"),
    "cut gzip": ("dna", gzip.compress(bytes(range(256)) * 99)[:-20], "cut short or damaged"),
    "zip bomb": ("genes", zipped({"matrix.mtx": b"1" * 3_000_000}), "larger than 1 MB"),
    "gzip in zip": ("genes", zipped({"matrix.mtx.gz": BOMB}), "larger than 1 MB"),
    "npz bomb": ("protein", zipped({"a.npy": b"1" * 3_000_000}), "larger than 1 MB"),
    "no 10x": ("genes", zipped({"../../x.py": b"1"}), "holds no 10x files"),
    "twice": ("genes", zipped({"a/matrix.mtx": b"1", "b/matrix.mtx": b"1"}), "two files"),
    "no matrix": ("genes", zipped({"a/genes.tsv": b"1"}), "has no matrix.mtx"),
    "cut zip": ("genes", zipped({"matrix.mtx": b"1"})[:30], "no readable zip"),
    "HDF5 bomb": ("genes", hdf5(huge), "larger than 1 MB"),
    "HDF5 elsewhere": ("genes", hdf5(elsewhere), "refers to another file"),
    "cut HDF5": ("genes", hdf5(huge)[:200], "damaged"),
    "HDF5 in gzip": ("genes", gzip.compress(hdf5(huge)), "compressed HDF5"),
    "parquet": ("dna", b"PAR1" + bytes(99), "not taken here"),
    "records": ("dna", b">a\nACGT\n" * 101, "more than 0 records"),
    "letters": ("dna", (b">a\n" + b"A" * 999 + b"\n") * 11, "more than 0 records"),
    "longest": ("dna", b">a\nAC\n>b\n" + b"A" * 1001, "The record b has 1,001 letters"),
    "variants": ("dna", b"##fileformat=VCF\n" + b"1\t1\t.\tA\tC\n" * 101, "101 variants"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_what_is_larger_inside_is_refused(tmp_path, name, monkeypatch):
    alphabet, data, said = UPLOADS[name]
    monkeypatch.chdir(tmp_path)
    Path("upload").write_bytes(data)
    with pytest.raises(InputError, match=said):
        measure(Path("upload"), alphabet, {}, SMALL)


MARKET = "%%MatrixMarket matrix coordinate integer general\n"


@pytest.mark.parametrize("size", ["1000000000 1000000000 1", "30 1 1000000000000", "30 1 5"])
def test_a_matrix_that_says_it_is_larger_than_it_is_fails_alone(server, size):
    files = {"matrix.mtx": f"{MARKET}{size}\n1 1 1\n", "barcodes.tsv": "AAAC\n"}
    files["features.tsv"] = "".join(f"GENE{i}\tGENE{i}\tGene Expression\n" for i in range(30))
    data = zipped({name: text.encode() for name, text in files.items()})
    job = server.wait(server.submit(data, "x.zip", model="cells"))
    assert job["state"] == "failed"
    assert "process" not in job["error"], job["error"]  # it ended in a sentence, not in a crash
    assert "matrix.mtx" in job["error"]


def test_answers_name_nothing_of_the_machine(server, runs):
    uploads = [(name, data) for name, (_, data, _) in UPLOADS.items()]
    uploads += [("vcf", b"##fileformat=VCFv4.2\n#CHROM\tPOS\n1\t1\t.\tA\tC\n"), ("empty", b"\n")]
    uploads += [
        ("json", b"{}"),
        ("text", "é\udcff".encode("utf-8", "replace")),
        ("csv", b"a,b\n1,2\n"),
    ]
    jobs = [
        (server.submit(data, name, model=model), model)
        for name, data in uploads
        for model in ("dna", "cells", "proteins")
    ]
    secrets = [str(server.data), str(server.data.parent), str(ROOT), "/tmp/", "site-packages"]
    secrets += [str(run) for run in runs.values()]
    for job, _ in jobs:
        known = server.wait(job)
        texts = [str(known), server.client.get(f"/jobs/{job}").text]
        if known["state"] == "done":
            texts += [server.client.get(f"/v1/jobs/{job}/results").text]
            texts += [server.client.get(f"/jobs/{job}/rows/0").text]
        for text in texts:
            assert not [secret for secret in secrets if secret in text], text
    models = server.client.get("/v1/models").text
    assert not [secret for secret in secrets if secret in models]


def test_slow_requests_do_not_hold_the_server(server):
    with (
        socket.create_connection(("127.0.0.1", server.port)) as silent,
        socket.create_connection(("127.0.0.1", server.port)) as drip,
    ):
        silent.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        drip.sendall(
            b"POST /v1/check?model=dna HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n>"
        )
        begun = time.monotonic()
        for connection, answer in ((silent, b""), (drip, b"HTTP/1.1 408")):
            connection.settimeout(60)
            assert connection.recv(12) == answer
        assert 9 < time.monotonic() - begun < 55
    assert server.client.get("/healthz").status_code == 200


def test_many_small_jobs_are_all_done(server):
    jobs = [server.submit(f">a{i}\nACGT\n", model="dna") for i in range(100)]
    assert {server.wait(job)["state"] for job in jobs} == {"done"}


@pytest.mark.slow
def test_a_thousand_small_jobs_are_done_or_refused(runs, tmp_path):
    server = Server(tmp_path, [runs["dna"]], "--limit", "rate=0", "--limit", "waiting=500").start()
    try:
        answers = [server.client.post("/v1/jobs", content=">a\nACGT\n") for _ in range(1000)]
        assert {answer.status_code for answer in answers} <= {202, 503}
        jobs = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        assert len(jobs) >= 500
        assert {server.wait(job)["state"] for job in jobs} == {"done"}
    finally:
        server.stop()


def test_too_many_waiting_jobs_are_refused(runs, tmp_path):
    server = Server(tmp_path, [runs["proteins"]], "--limit", "waiting=1").start()
    try:
        text = "".join(f">a{i}\n{SEQUENCE * 9}\n" for i in range(10_000))
        first = server.submit(text)
        server.wait(first, "running")
        server.submit(">a\nMKVLL\n")
        answer = server.client.post("/v1/jobs", content=">a\nMKVLL\n")
        assert answer.status_code == 503
        assert "The queue is full" in answer.json()["error"]
    finally:
        server.stop()


def test_the_log_holds_no_sequence_and_no_key(server):
    job = server.wait(server.submit(f">secretname\n{SEQUENCE}\n", model="proteins"))["id"]
    server.client.get(f"/jobs/{job}/rows/0")
    server.client.get(f"/jobs/{job}", params={"find": "secretname"})
    server.client.post("/v1/predict?model=proteins", content=f">secretname\n{SEQUENCE}\n")
    log = server.log.read_text()
    assert "POST /v1/predict 200" in log
    for secret in (SEQUENCE, "secretname", job):
        assert secret not in log


def test_the_command_names_what_is_missing(capsys, runs, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "fastapi" else real(name)
    )
    monkeypatch.setattr("cistron.cli.serving.find_spec", importlib.util.find_spec)
    assert "pip install 'cistron[serve]'" in fails(capsys, "serve", str(runs["dna"]))
    assert command("serve", "--help") == 0
