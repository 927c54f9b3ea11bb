"""Explanations in the formats of other programs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.explain.explanation import Explanation
from cistron.samples.alphabet import ALPHABETS

PLACE = re.compile(r"(?:.*::)?([^:\s]+):(\d+)-(\d+)(?:\(([+-])\))?")


def coordinates(explanation: Explanation) -> pd.DataFrame:
    """Return where each sample lies: `chromosome`, `start`, `end` (0-based, half-open), `strand`.

    As the samples say, or as ids say that bedtools writes (chr1:100-700(-)). Missing where neither
    does, or where the sample is not as long as that.
    """
    known = explanation.coordinates
    if not {"chromosome", "start", "end"} <= set(known):
        found = [PLACE.fullmatch(str(name)) for name in explanation.ids]
        known = pd.DataFrame(
            {
                "chromosome": [m[1] if m else None for m in found],
                "start": [int(m[2]) if m else -1 for m in found],
                "end": [int(m[3]) if m else -1 for m in found],
                "strand": [(m[4] or "+") if m else "+" for m in found],
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

    Where samples overlap, a base has the mean of their contributions. (bigWig: `bedGraphToBigWig`
    of the UCSC makes it of this file.)

    Raises
    ------
    InputError
        If contributions are not of bases, or no sample has coordinates of its length.
    """
    if explanation.codes is None:
        raise InputError("bedGraph: contributions of features have no place in a genome.")
    places = coordinates(explanation)
    rows = np.flatnonzero(places["chromosome"].notna().to_numpy()).tolist()
    if not rows:
        raise InputError(
            "bedGraph: no sample has coordinates as long as itself. Name the sequences like "
            "chr1:100-700(+), as `bedtools getfasta -s` does."
        )
    names, starts, strands = (places[c].to_numpy() for c in ("chromosome", "start", "strand"))
    with Path(path).open("w", encoding="utf-8") as file:
        file.write('track type=bedGraph name="contributions"\n')
        for name in sorted({names[row] for row in rows}):
            mine = [row for row in rows if names[row] == name]
            at = [starts[row] + np.arange(len(explanation.of(row))) for row in mine]
            value = [explanation.of(row)[:: -1 if strands[row] == "-" else 1] for row in mine]
            base, inverse = np.unique(np.concatenate(at), return_inverse=True)
            mean = np.bincount(inverse, np.concatenate(value)) / np.bincount(inverse)
            lines = zip(base.tolist(), mean.tolist(), strict=True)
            file.writelines(f"{name}\t{b}\t{b + 1}\t{m:.6g}\n" for b, m in lines)
    return len(rows)


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
        np.savez_compressed(path, _padded(values, explanation.offsets))
        written.append(path)
    return written[0], written[1]


def _padded(values: NDArray, offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return rows of channels, shape (n, channels, longest)."""
    lengths = np.diff(offsets)
    found = np.zeros((len(lengths), values.shape[1], lengths.max(initial=0)), dtype=np.float32)
    for row, (start, length) in enumerate(zip(offsets[:-1], lengths, strict=True)):
        found[row, :, :length] = values[start : start + length].T
    return found
