"""`predict` over shards in one, two and more processes: records a second, and of processor time.

python benchmarks/shards.py [--records 20000] [--workers 1 2]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prediction import classifier, write_proteins

SHARDS = 8


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        classifier(folder, "cnn").save(folder / "model")
        (folder / "in").mkdir()
        for number in range(SHARDS):
            path = folder / "in" / f"shard_{number}.fasta"
            write_proteins(path, arguments.records // SHARDS, 300, seed=number)
        for workers in arguments.workers:
            before, start = processor(), time.perf_counter()
            command = [sys.executable, "-m", "cistron.cli", "predict", folder / "model"]
            command += [folder / "in", "--out", folder / f"out{workers}", "--quiet"]
            command += ["--workers", str(workers)]
            environment = {**os.environ, "OMP_NUM_THREADS": str(workers)}  # one thread each
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            wall, spent = time.perf_counter() - start, processor() - before
            print(
                f"{workers} workers: {arguments.records / wall:,.0f} records/s; "
                f"{arguments.records / spent:,.0f} a second of processor time "
                f"({wall:.1f} s, {spent:.1f} s)"
            )


def processor():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
