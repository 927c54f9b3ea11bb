"""Explanations in the formats of other programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.errors import InputError, nearest
from cistron.base.outputs import new_file, require_new
from cistron.explain.explanation import Explanation
from cistron.explain.store import ATTRIBUTIONS, read
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.genome.chromosomes import read_sizes

PLACE = re.compile(r"(?:.*::)?([^:\s]+):(\d+)-(\d+)(?:\(([+-])\))?")


def coordinates(explanation: Explanation) -> pd.DataFrame:
    """Return where each sample lies: `chromosome`, `start`, `end` (0-based, half-open), `strand`.

    As the samples say, or as ids say that bedtools writes (chr1:100-700(-)). Missing where neither
    does, or where the sample is not as long as that.
    """
    known = explanation.coordinates
    if not {"chromosome", "start", "end"} <= set(known):
        matches = [PLACE.fullmatch(str(name)) for name in explanation.ids]
        known = pd.DataFrame(
            {
                "chromosome": [m[1] if m else None for m in matches],
                "start": [int(m[2]) if m else -1 for m in matches],
                "end": [int(m[3]) if m else -1 for m in matches],
                "strand": [(m[4] or "+") if m else "+" for m in matches],
            }
        )
    known = known.reset_index(drop=True).copy()
    if "strand" not in known:
        known["strand"] = "+"
    length = np.diff(explanation.offsets)
    fits = (known["end"] - known["start"]).to_numpy() == length
    known.loc[~fits, "chromosome"] = None
    return known


def write_bedgraph(explanation: Explanation, path: str | Path) -> int:
    """Write contributions along the genome; return how many samples had a place there.

    Where samples overlap, a base has the mean of their contributions.

    Raises
    ------
    InputError
        If contributions are not of bases, or no sample has coordinates of its length.
    """
    places, rows = _placed(explanation)
    with new_file(Path(path), force=True) as draft, draft.open("w", encoding="utf-8") as file:
        file.write('track type=bedGraph name="contributions"\n')
        for name in sorted(set(places["chromosome"].iloc[rows])):
            base, mean = _along(explanation, places, rows, name)
            lines = zip(base.tolist(), mean.tolist(), strict=True)
            file.writelines(f"{name}\t{b}\t{b + 1}\t{m:.6g}\n" for b, m in lines)
    return len(rows)


def write_bigwig(explanation: Explanation, path: str | Path, sizes: Mapping[str, int]) -> int:
    """Write contributions along the genome as bigWig; return how many samples had a place there.

    Where samples overlap, a base has the mean of their contributions. Bases of no sample have no
    value.

    Parameters
    ----------
    explanation : Explanation
    path : path
    sizes : mapping of str to int
        Length of every chromosome: `cistron.samples.genome.chromosomes.read_sizes`.

    Raises
    ------
    InputError
        If pyBigWig is not installed, contributions are not of bases, no sample has coordinates of
        its length, or one does not lie within a chromosome.
    """
    library = _bigwig()
    places, rows = _placed(explanation)
    _require_inside(explanation, places.iloc[rows], sizes)
    used = set(places["chromosome"].iloc[rows])
    with new_file(Path(path), force=True) as draft, library.open(str(draft), "w") as file:
        file.addHeader(list(sizes.items()))
        for name in (name for name in sizes if name in used):
            base, mean = _along(explanation, places, rows, name)
            breaks = np.flatnonzero(np.diff(base) > 1) + 1
            for start, values in zip(
                base[np.append(0, breaks)].tolist(), np.split(mean, breaks), strict=True
            ):
                file.addEntries(name, start, values=values, span=1, step=1)
    return len(rows)


def require_track(path: Path, genome: Path | None, *, force: bool = True) -> str:
    """Return "bedgraph" or "bigwig", as the name of a track ends; refuse what cannot be written.

    Raises
    ------
    InputError
        If the name ends in neither, the file exists and `force` is not set, or for bigWig the
        genome or pyBigWig is missing.
    """
    kinds = {".bedgraph": "bedgraph", ".bg": "bedgraph", ".bw": "bigwig", ".bigwig": "bigwig"}
    kind = kinds.get(path.suffix.lower())
    require_new(path, force=force, inputs=filter(None, [genome]), option="--genome-track")
    if kind is None:
        raise InputError(f"--genome-track {path}: end the name in .bw (bigWig) or .bedGraph.")
    if kind == "bigwig":
        _bigwig()
        if genome is None:
            raise InputError(
                f"--genome-track {path}: bigWig holds the lengths of the chromosomes. Name the "
                "genome: --genome FASTA (or its .fai)."
            )
    return kind


def write_track(folder: str | Path, path: Path, genome: Path | None) -> int:
    """Write the explanation in a folder as bedGraph or bigWig; return how many samples it holds.

    Parameters
    ----------
    folder : path
        With an attributions.h5.
    path : Path
        Its end says which.
    genome : Path, optional
        As `cistron.samples.genome.chromosomes.read_sizes` takes it; for bigWig.

    Raises
    ------
    InputError
        See `require_track`, `write_bedgraph` and `write_bigwig`.
    """
    kind = require_track(path, genome)
    explanation = read(Path(folder) / ATTRIBUTIONS)
    if kind == "bigwig" and genome is not None:
        return write_bigwig(explanation, path, read_sizes(genome))
    return write_bedgraph(explanation, path)


def _bigwig() -> ModuleType:
    try:
        import pyBigWig
    except ImportError as error:
        raise InputError(
            "bigWig needs pyBigWig, which is not installed: pip install 'cistron[bigwig]'. "
            "bedGraph needs nothing."
        ) from error
    return pyBigWig


def _placed(explanation: Explanation) -> tuple[pd.DataFrame, list[int]]:
    """Return where samples lie, and the rows of those that lie somewhere."""
    if explanation.codes is None:
        raise InputError("Contributions of features have no place in a genome.")
    places = coordinates(explanation)
    rows = np.flatnonzero(places["chromosome"].notna().to_numpy()).tolist()
    if not rows:
        raise InputError(
            "Tracks along a genome: no sample has coordinates as long as itself. Name the "
            "sequences like chr1:100-700(+), as `bedtools getfasta -s` does."
        )
    return places, rows


def _along(
    explanation: Explanation, places: pd.DataFrame, rows: list[int], name: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the bases of a chromosome that samples cover, and the mean contribution of each."""
    names, starts, strands = (
        places[c].to_numpy(dtype=object) for c in ("chromosome", "start", "strand")
    )
    mine = [row for row in rows if names[row] == name]
    at = [int(starts[row]) + np.arange(len(explanation.of(row))) for row in mine]
    value = [explanation.of(row)[:: -1 if strands[row] == "-" else 1] for row in mine]
    base, inverse = np.unique(np.concatenate(at), return_inverse=True)
    return base, np.bincount(inverse, np.concatenate(value)) / np.bincount(inverse)


def _require_inside(
    explanation: Explanation, places: pd.DataFrame, sizes: Mapping[str, int]
) -> None:
    for row, name, start, end in places[["chromosome", "start", "end"]].itertuples():
        if name not in sizes:
            raise InputError(
                f"{explanation.ids[row]} lies on {name}, and the genome has no chromosome of that "
                f"name.{nearest(str(name), list(sizes))}"
            )
        if start < 0 or end > sizes[name]:
            raise InputError(
                f"{explanation.ids[row]} lies at {start}-{end} of {name}, which is "
                f"{sizes[name]:,} bases long. Is it this genome?"
            )


def write_modisco(explanation: Explanation, folder: str | Path) -> tuple[Path, Path]:
    """Write ohe.npz and hyp.npz, as TF-MoDISco reads them: each `arr_0`, shape (n, 4, length).

    Shorter samples have zeros behind their end.

    Raises
    ------
    InputError
        If there are no hypothetical contributions.
    """
    if explanation.hypothetical is None or explanation.codes is None:
        raise InputError(
            f"TF-MoDISco needs hypothetical contributions, which {explanation.settings.method} of "
            "this classifier does not give."
        )
    alphabet = "dna" if explanation.letters.startswith("ACGT") else "protein"
    shares = ALPHABETS[alphabet].shares
    folder = Path(folder)
    written = []
    for name, values in (("ohe", shares[explanation.codes]), ("hyp", explanation.hypothetical)):
        path = folder / f"{name}.npz"
        with new_file(path, force=True) as draft:
            np.savez_compressed(draft, _padded(values, explanation.offsets))
        written.append(path)
    return written[0], written[1]


def _padded(values: Array, offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return rows of channels, shape (n, channels, longest)."""
    lengths = np.diff(offsets)
    padded = np.zeros((len(lengths), values.shape[1], lengths.max(initial=0)), dtype=np.float32)
    for row, (start, length) in enumerate(zip(offsets[:-1], lengths, strict=True)):
        padded[row, :, :length] = values[start : start + length].T
    return padded
