"""`cistron serve` under load: 50 clients ask small requests, beside a job of 100,000 records.

python benchmarks/serve.py RUN [--seconds 60] [--clients 50] [--records 100000]

RUN is of proteins. Prints the share of errors, requests a second, median and 95th percentile of
the latency, the memory of all processes of the server at the beginning and the end, and how fast
the job went; then the same without a server: `predict` of the records in this process.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import cistron
from cistron.samples.sequences.stream import stream

LETTERS = np.frombuffer(b"ARNDCQEGHILKMFPSTWYV", dtype=np.uint8)


def proteins(n, seed, mean=80):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(mean // 2, mean * 3 // 2, n)
    return b"".join(
        b">p%d\n%s\n" % (i, LETTERS[rng.integers(0, 20, length)].tobytes())
        for i, length in enumerate(lengths)
    )


def ask(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def client(port, end, body, latencies, errors):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < end:
        begun = time.perf_counter()
        try:
            status, _ = ask(connection, "POST", "/v1/predict", body)
        except (OSError, http.client.HTTPException) as error:
            errors.append(repr(error))
            connection.close()
            continue
        latencies.append(time.perf_counter() - begun)
        if status != 200:
            errors.append(status)


def used(session):
    """Return the MB of all processes of a session, and the seconds of those that answer (Linux)."""
    size = ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == session:
                size += int((folder / "statm").read_text().split()[1])
                # Jobs are at a lower priority: what is left is the web and small requests.
                ticks += (int(fields[11]) + int(fields[12])) * (int(fields[16]) == 0)
        except OSError:
            continue
    return size * os.sysconf("SC_PAGE_SIZE") / 1e6, ticks / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cistron", "serve", str(given.run), "--port", str(port)]
        command += ["--data", folder, "--limit", "rate=0"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            measure(given, port, server.pid)
        finally:
            server.terminate()
            server.wait()
    classifier = cistron.load(given.run)
    samples = next(stream_of(proteins(2, 1)))
    classifier.predict(samples)
    begun = time.perf_counter()
    for _ in range(50):
        classifier.predict(next(stream_of(proteins(2, 1))))
    print(f"without a server, reading and predicting 2 records: "
          f"{(time.perf_counter() - begun) * 20:.1f} ms")  # fmt: skip


def stream_of(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield from stream(file.name)


def measure(given, port, session):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    while True:
        try:
            if ask(connection, "POST", "/v1/predict", proteins(2, 0))[0] == 200:
                break
        except OSError:
            connection.close()
            time.sleep(0.2)
    job = None
    if given.records:
        upload = proteins(given.records, 0)
        connection.close()  # idle ones are ended by the server
        _, answer = ask(connection, "POST", "/v1/jobs?name=x.fasta", upload)
        job, begun = json.loads(answer)["id"], time.monotonic()
    time.sleep(3)
    (before, began), latencies, errors = used(session), [], []
    end = time.monotonic() + given.seconds
    threads = [
        threading.Thread(target=client, args=(port, end, proteins(2, n), latencies, errors))
        for n in range(given.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after, ended = used(session)
    share = len(errors) / max(1, len(latencies))
    print(f"{len(latencies)} requests, {len(latencies) / given.seconds:.0f} a second, "
          f"errors {share:.2%} {set(errors) or ''}")  # fmt: skip
    middle, high = np.percentile(latencies, [50, 95])
    print(f"latency: median {middle * 1000:.0f} ms, 95th percentile {high * 1000:.0f} ms")
    print(f"processor time a request: {(ended - began) / max(1, len(latencies)) * 1000:.1f} ms")
    print(f"memory: {before:.0f} MB at the beginning, {after:.0f} MB at the end")
    if job:
        while True:
            connection.close()
            known = json.loads(ask(connection, "GET", f"/v1/jobs/{job}")[1])
            if known["state"] not in ("queued", "running"):
                break
            time.sleep(0.5)
        print(f"job: {known['state']}, {known['counts'].get('predicted', 0)} records in "
              f"{time.monotonic() - begun:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
