"""The process in which modisco-lite runs: reads arrays from a folder, writes patterns there.

Called by `cistron.motifs.discover`, as `python -m cistron.motifs.modisco_process FOLDER`. What it
says goes to standard output, one JSON object a line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def main(folder: Path) -> None:
    """Find the patterns of the arrays in a folder."""
    from modiscolite import io, precompile, tfmodisco

    precompile.start()
    settings = json.loads((folder / "settings.json").read_text())
    with np.load(folder / "arrays.npz") as arrays:
        one_hot = arrays["one_hot"].astype(np.float32)
        hypothetical = arrays["hypothetical"].astype(np.float32)
    seqlets = _count_seqlets((one_hot * hypothetical).sum(axis=2), settings)
    _say(
        f"TF-MoDISco: {seqlets['positive']:,} positive and {seqlets['negative']:,} negative "
        f"seqlets in {len(one_hot):,} sequences.",
        seqlets=seqlets,
    )
    positive, negative = tfmodisco.TFMoDISco(one_hot, hypothetical, **settings)
    found = {"positive": len(positive or []), "negative": len(negative or [])}
    io.save_hdf5(str(folder / "patterns.h5"), positive, negative, one_hot.shape[1])
    _say(f"TF-MoDISco: {found['positive']} positive and {found['negative']} negative patterns.")


def _count_seqlets(track: NDArray[np.float32], settings: dict) -> dict[str, int]:
    """Count the seqlets of each sign as `TFMoDISco` does before it clusters them."""
    from modiscolite.extract_seqlets import extract_seqlets

    window, flank = settings["sliding_window_size"], settings["flank_size"]
    found, threshold = extract_seqlets(
        attribution_scores=track,
        window_size=window,
        flank=flank,
        suppress=int(0.5 * window) + flank,
        target_fdr=settings["target_seqlet_fdr"],
        min_passing_windows_frac=0.03,
        max_passing_windows_frac=0.2,
        weak_threshold_for_counting_sign=0.8,
    )
    sums = [float(track[s.example_idx, s.start + flank : s.end - flank].sum()) for s in found]
    return {
        "positive": sum(bool(value > threshold) for value in sums),
        "negative": sum(bool(value < -threshold) for value in sums),
    }


def _say(sentence: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"say": sentence, **more}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
