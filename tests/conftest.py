"""Made data shared by the tests."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from cistron.samples.samples import Samples, Sequences, make_samples

# One thread a process: the same numbers on a busy machine, and no waiting for one another.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep search results of tests out of the user's cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("CISTRON_CACHE", str(tmp_path_factory.mktemp("cache")))


def planted_texts(n: int, seed: int = 0, motif: str = "WWHCW", shortest: int = 30) -> tuple:
    """Return random proteins, the second half of which carries a motif, and their labels."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("ARNDCQEGHILKMFPSTWYV"))
    texts, labels = [], []
    for row in range(n):
        text = "".join(rng.choice(letters, size=rng.integers(shortest, 90)))
        positive = row >= n // 2
        if positive:
            place = rng.integers(0, len(text) - len(motif))
            text = text[:place] + motif + text[place + len(motif) :]
        texts.append(text)
        labels.append("with" if positive else "without")
    return texts, labels


@pytest.fixture(scope="session")
def planted() -> Samples:
    """240 short proteins of two classes that one motif tells apart, in 24 groups."""
    texts, labels = planted_texts(240)
    groups = {"family": [f"f{i % 24}" for i in range(240)]}
    return make_samples(
        Sequences.from_text(texts), labels=labels, groups=groups, classes=["without", "with"]
    )
