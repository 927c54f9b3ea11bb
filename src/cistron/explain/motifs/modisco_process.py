"""The process in which modisco-lite runs: reads arrays from a folder, writes patterns there.

Called by `cistron.explain.motifs.discover`, as `python -m cistron.explain.motifs.modisco_process
FOLDER`. What it says goes to standard output, one JSON object a line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

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
    length = one_hot.shape[1]
    over = 0
    if settings.pop("beyond_ends"):
        # A pattern is wider than its motif.
        over = settings["trim_to_window_size"] + settings["initial_flank_to_add"]
        sides = ((0, 0), (over, over), (0, 0))
        one_hot, hypothetical = np.pad(one_hot, sides), np.pad(hypothetical, sides)
        _look_inside(over)
    _fill(one_hot, hypothetical)
    seqlets = _count_seqlets((one_hot * hypothetical).sum(axis=2), settings)
    _say(
        f"TF-MoDISco: {seqlets['positive']:,} positive and {seqlets['negative']:,} negative "
        f"seqlets in {len(one_hot):,} sequences.",
        seqlets=seqlets,
    )
    positive, negative = tfmodisco.TFMoDISco(one_hot, hypothetical, **settings)
    found = {"positive": len(positive or []), "negative": len(negative or [])}
    io.save_hdf5(str(folder / "patterns.h5"), positive, negative, length)
    if over:
        _move(folder / "patterns.h5", -over)
    _say(f"TF-MoDISco: {found['positive']} positive and {found['negative']} negative patterns.")


def _fill(one_hot: NDArray[np.float32], hypothetical: NDArray[np.float32]) -> None:
    """Fill in unknown bases, in place: equal shares, and contributions too small to matter.

    modisco-lite divides by the size of stretches, which is zero where all of one is unknown.
    """
    unknown = ~one_hot.any(axis=2)
    if not unknown.any() or unknown.all():
        return
    one_hot[unknown] = 0.25
    size = 1e-4 * float(hypothetical[~unknown].std())
    rng = np.random.default_rng(0)
    hypothetical[unknown] = rng.normal(0, size, (int(unknown.sum()), one_hot.shape[2]))


def _look_inside(columns: int) -> None:
    """Let modisco-lite look for seqlets in the sequences alone, without these columns beside them.

    What stands there is nothing, and would narrow the null distribution, by which seqlets are told
    from noise. In the sequences it looks up to the very ends.
    """
    from modiscolite import extract_seqlets

    whole = extract_seqlets.extract_seqlets

    def inside(attribution_scores: NDArray[np.float32], flank: int, **settings: Any) -> Any:
        track = attribution_scores[:, columns:-columns]
        # It looks no nearer to an end than the flank; so that much is mirrored there.
        mirrored = np.pad(track, ((0, 0), (flank, flank)), mode="reflect")
        seqlets, threshold = whole(attribution_scores=mirrored, flank=flank, **settings)
        for seqlet in seqlets:
            seqlet.start += columns - flank
            seqlet.end += columns - flank
        return seqlets, threshold

    extract_seqlets.extract_seqlets = inside


def _move(path: Path, columns: int) -> None:
    """Move the seqlets of all patterns, and of their parts, by so many columns."""
    import h5py

    def move(name: str, stored: object) -> None:
        if isinstance(stored, h5py.Dataset) and name.endswith(("seqlets/start", "seqlets/end")):
            stored[:] = stored[:] + columns

    with h5py.File(path, "r+") as file:
        file.visititems(move)


def _count_seqlets(track: NDArray[np.float32], settings: dict[str, int]) -> dict[str, int]:
    """Count the seqlets of each sign as `TFMoDISco` does before it clusters them."""
    from modiscolite import extract_seqlets

    window, flank = settings["sliding_window_size"], settings["flank_size"]
    seqlets, threshold = extract_seqlets.extract_seqlets(
        attribution_scores=track,
        window_size=window,
        flank=flank,
        suppress=int(0.5 * window) + flank,
        target_fdr=settings["target_seqlet_fdr"],
        min_passing_windows_frac=0.03,
        max_passing_windows_frac=0.2,
        weak_threshold_for_counting_sign=0.8,
    )
    sums = [float(track[s.example_idx, s.start + flank : s.end - flank].sum()) for s in seqlets]
    return {
        "positive": sum(bool(value > threshold) for value in sums),
        "negative": sum(bool(value < -threshold) for value in sums),
    }


def _say(sentence: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"say": sentence, **more}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
