"""Time of `cistron --help`, beside importing torch alone.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import time


def best_of(arguments, repeats=7):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    ours = best_of([sys.executable, "-m", "cistron.cli", "--help"])
    torch = best_of([sys.executable, "-c", "import torch"])
    print(f"cistron --help {ours:.2f} s; import torch {torch:.2f} s; ratio {torch / ours:.1f}")


if __name__ == "__main__":
    main()
