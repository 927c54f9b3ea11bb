"""Matching 50 patterns against JASPAR: reading the database, and comparing by TOMTOM.

Ours reads the newest matrices of a taxon by one SQL query; beside it pyjaspar's objects, which ask
for one matrix at a time. The comparison is memelite's TOMTOM with q-values and the check for vague
matches; its first call in a process is timed for itself (numba loads what it compiled; after an
installation it compiles for a minute or two, once). The patterns are motifs of the database cut
and blurred, so that there is something to find. Times are of the wall; the best of five.

    OMP_NUM_THREADS=1 python benchmarks/motif_matching.py --taxon plants
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from cistron.explain.motifs.database import jaspar_file, read_database
from cistron.explain.motifs.match import match


def best_of(times, work):
    """Return the shortest time of several, and what the work returned."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        result = work()
        found.append(time.perf_counter() - started)
    return min(found), result


def patterns(database, count):
    """Return motifs without their outermost columns, each a tenth of equal bases."""
    rng = np.random.default_rng(0)
    wide = [motif for motif in database if len(motif.probabilities) >= 8]
    chosen = rng.choice(len(wide), count, replace=False)
    return [wide[i].probabilities[1:-1] * 0.9 + 0.025 for i in chosen], [wide[i] for i in chosen]


def objects(taxon):
    """Return the matrices by pyjaspar, or None where it is not installed."""
    try:
        from pyjaspar import jaspardb
    except ImportError:
        return None
    release = jaspardb(release=jaspar_file().stem)
    return [m.pwm for m in release.fetch_motifs(collection="CORE", tax_group=[taxon])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--taxon", default="plants")
    parser.add_argument("--patterns", type=int, default=50)
    arguments = parser.parse_args()

    ours, database = best_of(5, lambda: read_database(f"jaspar:{arguments.taxon}"))
    theirs, found = best_of(2, lambda: objects(arguments.taxon))
    print(f"reading {len(database)} motifs: {ours:.2f} s")
    if found is not None:
        print(f"reading {len(found)} by pyjaspar's objects: {theirs:.2f} s, {theirs / ours:.1f}x")

    queries, sources = patterns(database, arguments.patterns)
    first, _ = best_of(1, lambda: match(queries, database))
    warm, lists = best_of(5, lambda: match(queries, database))
    right = sum(
        source in [matched.motif for matched in own[:3]]
        for own, source in zip(lists, sources, strict=True)
    )
    print(f"{len(queries)} patterns against them: {warm:.2f} s; the first call {first:.2f} s")
    print(
        f"among the three best matches is what the pattern was made of: {right} of {len(queries)}"
    )


if __name__ == "__main__":
    main()
