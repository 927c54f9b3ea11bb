"""Profiles the whole way: an archive in, a run, predictions of another archive out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cistron import cli
from cistron.samples.alphabet import PROTEIN

EXPERIMENT = """\
name: profiles
samples: {kind: profiles, path: set.npz, classes: [without, with], conflicts: drop}
split: {kind: random, validation: 0.2, folds: 2}
encoder: {kind: profile, max_length: 50}
model: {kind: termini_cnn, filters: 8, kernel_size: 5}
training: {epochs: 15, batch_size: 16, learning_rate: 5e-3}
evaluation: {bootstrap: 100, baselines: [majority], homology_search: false}
"""


def made(n: int, seed: int) -> dict[str, np.ndarray]:
    """Return profiles, every second of which ends in S, K and L, more or less."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(20, 61, n)
    mask = np.arange(60) < lengths[:, None]
    x = rng.dirichlet(np.full(20, 0.2), (n, 60)).astype(np.float32) * mask[:, :, None]
    for row in range(1, n, 2):
        for back, letter in enumerate("LKS"):
            place = x[row, lengths[row] - 1 - back]
            place *= 0.3
            place[PROTEIN.letters.index(letter)] += 0.7
    return {"X": x, "mask": mask.astype(np.int8), "y": np.arange(n) % 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("profiles")
    np.savez_compressed(folder / "set.npz", **made(240, 0))
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    (folder / "new.fasta").write_text(">a\nACDEFGHIKLMNPQRSTVWY\n")
    arrays = made(50, 1)
    arrays["mask"][3, 1] = 0
    np.savez_compressed(folder / "new.npz", **{k: arrays[k] for k in ("X", "mask")})
    arguments = ["fit", str(folder / "experiment.yaml"), "--out", str(folder / "run"), "-q"]
    assert command(*arguments) == 0
    return folder


def command(*arguments: str) -> int:
    threads = torch.get_num_threads()
    try:
        cli.app(arguments, standalone_mode=False)
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        torch.set_num_threads(threads)
    return 0


def test_an_archive_is_predicted(folder):
    out = folder / "predicted.tsv"
    assert command("predict", str(folder / "run"), str(folder / "new.npz"), "-o", str(out)) == 0
    table = pd.read_csv(out, sep="\t")
    assert table["id"].tolist() == [f"new:{i + 1}" for i in range(50)]
    assert table["warning"][3] == "not predicted: the mask has a gap at position 2"
    assert pd.isna(table["predicted"][3])
    right = table["predicted"].eq(np.where(np.arange(50) % 2, "with", "without")).drop(3)
    assert right.mean() > 0.9
    lengths = made(50, 1)["mask"].sum(1)
    cropped = table["warning"].fillna("").str.contains("cropped to 50").drop(3)
    assert cropped.tolist() == (lengths > 50)[np.arange(50) != 3].tolist()


def test_sequences_are_refused_by_a_classifier_of_profiles(folder):
    from cistron.base.errors import InputError

    with pytest.raises(InputError, match="these samples are sequences"):
        command(
            "predict", str(folder / "run"), str(folder / "new.fasta"), "-o", str(folder / "n.tsv")
        )
    assert not (folder / "n.tsv.parts").exists()
