"""Wall time and peak memory of `cistron check` on the senescence proteins, and of encoding them.

Beside it: reading the same files record by record in plain Python and one-hot encoding nothing.

    python benchmarks/check.py data
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cistron
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.experiment.recipes import write_recipe


def record_by_record(paths):
    """Read FASTA the usual way: a string a record, an index a letter."""
    number = {letter: i for i, letter in enumerate("ARNDCQEGHILKMFPSTWYVXBZJUO")}
    encoded, lines = [], []
    for path in paths:
        with path.open() as stream:
            for line in [*stream, ">"]:
                if line.startswith(">"):
                    if lines:
                        encoded.append([number.get(x, 20) for x in "".join(lines)])
                    lines = []
                else:
                    lines.append(line.strip().upper())
    return encoded


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").symlink_to(options.data.resolve())
        write_recipe("senescence", folder / "senescence.yaml")
        arguments = [
            sys.executable,
            "-m",
            "cistron.cli",
            "check",
            str(folder / "senescence.yaml"),
            "--no-homology",
            "--quiet",
        ]
        start = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        print(
            f"check without homology: {seconds:.1f} s, peak {usage.ru_maxrss / 1024:,.0f} MB, "
            f"exit {os.waitstatus_to_exitcode(status)}"
        )
    files = [options.data / f"reps_30_rep_seq_{x}.fasta" for x in ("neg", "pos")]
    start = time.perf_counter()
    samples = cistron.read_fasta(files)
    encoded = ResiduesSettings().fit(samples).encode(samples)
    ours = time.perf_counter() - start
    print(f"reading and encoding {len(encoded):,} proteins: {ours:.2f} s")
    start = time.perf_counter()
    record_by_record(files)
    plain = time.perf_counter() - start
    print(f"record by record in Python: {plain:.2f} s; ratio {plain / ours:.1f}")


if __name__ == "__main__":
    main()
