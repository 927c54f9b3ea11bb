"""TF-MoDISco: the patterns that recur in hypothetical contributions.

Shrikumar A, Tian K, Avsec Ž, et al. (2018). Technical note on Transcription Factor Motif Discovery
from Importance Scores (TF-MoDISco). arXiv:1811.00416. doi:10.48550/arXiv.1811.00416

modisco-lite forks and compiles as it starts, which only a fresh process can do safely: it runs in
a process of its own (`cistron.explain.motifs.modisco_process`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.arrays import Array
from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.base.settings import Settings
from cistron.explain.motifs.patterns import Pattern, from_seqlets, read_patterns

INSTALL = "pip install 'cistron[motifs]'"


class DiscoverySettings(Settings):
    """Settings of TF-MoDISco; the name in modisco-lite stands at the end of each description."""

    max_seqlets: int = Field(
        20000, ge=1, description="seqlets of each sign that are used (max_seqlets_per_metacluster)"
    )
    seqlet_core: int = Field(
        21, ge=3, description="bases over which contributions are summed (sliding_window_size)"
    )
    seqlet_flank: int = Field(
        10, ge=1, description="bases added to both sides of a seqlet (flank_size)"
    )
    seqlet_fdr: float = Field(
        0.2, gt=0, lt=1, description="false discovery rate of seqlets (target_seqlet_fdr)"
    )
    min_seqlets: int = Field(
        100, ge=1, description="a sign with no more seqlets has no patterns (min_metacluster_size)"
    )
    min_pattern_seqlets: int = Field(
        20, ge=1, description="seqlets of a pattern at least (final_min_cluster_size)"
    )
    pattern_core: int = Field(
        30, ge=5, description="bases a pattern is trimmed to (trim_to_window_size)"
    )
    pattern_flank: int = Field(
        10, ge=0, description="bases then added to both sides (initial_flank_to_add)"
    )
    final_flank: int = Field(
        0, ge=0, description="bases added at the very end (final_flank_to_add)"
    )
    clusterings: int = Field(
        50, ge=1, description="Leiden clusterings of which the best is kept (n_leiden_runs)"
    )
    beyond_ends: bool = Field(
        False,
        description="patterns may reach over the ends of sequences, where bases are unknown: for "
        "motifs within 25 bases of an end, which modisco-lite loses",
    )

    def of_modisco(self) -> Document:
        """Return them under the names of modisco-lite."""
        return {
            "max_seqlets_per_metacluster": self.max_seqlets,
            "sliding_window_size": self.seqlet_core,
            "flank_size": self.seqlet_flank,
            "target_seqlet_fdr": self.seqlet_fdr,
            "min_metacluster_size": self.min_seqlets,
            "final_min_cluster_size": self.min_pattern_seqlets,
            "trim_to_window_size": self.pattern_core,
            "initial_flank_to_add": self.pattern_flank,
            "final_flank_to_add": self.final_flank,
            "n_leiden_runs": self.clusterings,
        }


@dataclass(frozen=True, eq=False)
class Discovery:
    """What TF-MoDISco found, and out of how much.

    Parameters
    ----------
    patterns : list of Pattern
    seqlets : dict of str to int
        Stretches with more contribution than chance explains: "positive" and "negative".
    notes : tuple of str
        Why there is no pattern of a sign, where there is none.
    """

    patterns: list[Pattern]
    seqlets: dict[str, int]
    notes: tuple[str, ...]


def discover(
    one_hot: NDArray[np.float32],
    hypothetical: NDArray[np.float32],
    settings: DiscoverySettings,
    *,
    keep: Path | None = None,
    reporter: Reporter = SILENT,
) -> Discovery:
    """Find the patterns in hypothetical contributions.

    All that modisco-lite draws at random it draws from seeds of its own, so that the same arrays
    give the same patterns.

    Parameters
    ----------
    one_hot : ndarray of float32, shape (n, length, 4)
        1 for the base that is there (A, C, G, T), else 0; all 0 where the base is not known or
        the sequence has ended.
    hypothetical : ndarray of float32, shape (n, length, 4)
        What each base would contribute if it stood there, of the sequence's own base as well.
    settings : DiscoverySettings
    keep : Path, optional
        Where modisco-lite's HDF5 file is kept, which its own tools read.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If the arrays are not hypothetical contributions, modisco-lite is not installed, or an old
        distribution is installed over it.
    """
    require_modisco()
    require_hypothetical(one_hot, hypothetical)
    width = settings.seqlet_core + 2 * settings.seqlet_flank
    if one_hot.shape[1] < width:
        raise InputError(
            f"The sequences have {one_hot.shape[1]} bases, and a seqlet takes {width} "
            "(seqlet_core + 2 * seqlet_flank). Make these smaller with --set."
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases = one_hot.astype(np.int8)
        np.savez(folder / "arrays.npz", one_hot=bases, hypothetical=hypothetical)
        (folder / "settings.json").write_text(
            json.dumps({**settings.of_modisco(), "beyond_ends": settings.beyond_ends})
        )
        seqlets = _run(folder, reporter)
        # Made anew of what is known: what fills in unknown bases is no part of a pattern.
        patterns = [
            from_seqlets(pattern, pattern.seqlets, one_hot, hypothetical)
            for pattern in read_patterns(folder / "patterns.h5")
        ]
        if keep is not None:
            keep.parent.mkdir(parents=True, exist_ok=True)
            keep.write_bytes((folder / "patterns.h5").read_bytes())
    return Discovery(patterns, seqlets, tuple(reasons(patterns, seqlets, settings)))


def require_modisco() -> None:
    """Refuse what is not modisco-lite 3.

    Raises
    ------
    InputError
        If it is not installed, too old, or the old `modisco`, which has a package of the same
        name, is installed over it.
    """
    if "modisco" in {(package.name or "").lower() for package in metadata.distributions()}:
        raise InputError(
            "The old distribution `modisco` is installed, whose files lie over those of "
            f"modisco-lite. Mend it: pip uninstall -y modisco modisco-lite && {INSTALL}"
        )
    try:
        version = metadata.version("modisco-lite")
    except metadata.PackageNotFoundError:
        raise InputError(f"Finding motifs needs modisco-lite: {INSTALL}") from None
    if int(version.split(".")[0]) < 3:
        raise InputError(f"modisco-lite {version} is too old; 3 is needed: {INSTALL}")


def require_hypothetical(one_hot: Array, hypothetical: Array) -> None:
    """Refuse arrays that cannot be hypothetical contributions.

    Raises
    ------
    InputError
        If shapes differ, a number is not finite, or contributions are given where hypothetical
        ones are needed: then the bases that are not there have none.
    """
    if one_hot.shape != hypothetical.shape or one_hot.shape[2:] != (4,):
        raise InputError(
            f"Sequences and contributions must both have the shape (n, length, 4), and have "
            f"{one_hot.shape} and {hypothetical.shape}."
        )
    if not np.isfinite(hypothetical).all():
        raise InputError("A contribution is not a finite number. Explain the samples again.")
    absent = (one_hot == 0) & one_hot.any(axis=2, keepdims=True)
    if not hypothetical[absent].any() and hypothetical.any():
        raise InputError(
            "The bases that are not there contribute exactly nothing: these are contributions, "
            "and TF-MoDISco needs hypothetical contributions. Use a method of `cistron explain` "
            "that gives them."
        )


@contextmanager
def compiling(reporter: Reporter, what: str) -> Iterator[None]:
    """Show a bar while numba works, and say where it compiles first: once for these versions."""
    mark = _mark(what)
    first = not mark.exists()
    if first:
        reporter.say(
            "The first time after an installation, numba compiles for a minute or two; later runs "
            "start at once."
        )
    with reporter.bar(None, f"{what}, compiling first" if first else what):
        yield
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _mark(what: str) -> Path:
    """Return the file that says that these versions were compiled here."""
    versions = [metadata.version(name) for name in (what, "numba")]
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    named = os.environ.get("CISTRON_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "cistron"
    return folder / "compiled" / "-".join([what, *versions, python])


def _run(folder: Path, reporter: Reporter) -> dict[str, int]:
    """Run modisco-lite on the arrays in a folder; return the number of seqlets of each sign."""
    # Where cistron is imported from, it is imported from there too.
    source = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "cistron.explain.motifs.modisco_process", str(folder)]
    seqlets: dict[str, int] = {}
    with (folder / "errors.txt").open("w+") as errors, compiling(reporter, "modisco-lite"):
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        ) as process:
            try:
                for line in process.stdout or ():
                    message = json.loads(line)
                    seqlets = message.get("seqlets", seqlets)
                    reporter.say(message["say"])
                code = process.wait()
            finally:
                process.kill()
        if code != 0:
            errors.seek(0)
            last = "".join(deque(errors, maxlen=20))
            raise RuntimeError(f"TF-MoDISco broke off with exit code {code}:\n{last}")
    return seqlets


def reasons(
    patterns: list[Pattern], seqlets: dict[str, int], settings: DiscoverySettings
) -> Iterator[str]:
    """Yield why a sign has no pattern, from the number of its seqlets."""
    for sign, word in ((1, "positive"), (-1, "negative")):
        count = seqlets.get(word, 0)
        if any(pattern.sign == sign for pattern in patterns):
            continue
        if count <= settings.min_seqlets:
            yield (
                f"No {word} pattern: {count:,} {word} seqlets, and more than "
                f"{settings.min_seqlets:,} are asked for (min_seqlets)."
            )
        else:
            yield (
                f"No {word} pattern: no cluster of the {count:,} {word} seqlets was large and "
                f"informative enough (min_pattern_seqlets {settings.min_pattern_seqlets})."
            )
