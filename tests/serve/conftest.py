from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cistron.classifier.classifier import Classifier
from cistron.samples.samples import Sequences, make_samples
from tests.places import DATA
from tests.report import made
from tests.serve.server import Server

SAVED = DATA / "saved"
MOTIF = "TATAAAGGCC"


def dna_texts(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Return DNA of 80 bases, every other one with a motif, and the labels."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(n)]
    texts = [t[:30] + MOTIF + t[40:] if i % 2 else t for i, t in enumerate(texts)]
    return texts, [("promoter" if i % 2 else "other") for i in range(n)]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of proteins (which does not beat its baselines), several classes, cells, and DNA."""
    folder = tmp_path_factory.mktemp("runs")
    proteins = made.binary(folder / "proteins")
    shutil.rmtree(proteins / "model")
    shutil.copytree(SAVED / "proteins" / "model", proteins / "model")
    for name in ("several", "cells"):
        shutil.copytree(SAVED / name / "model", folder / name / "model")
    texts, labels = dna_texts(60)
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=labels)
    model = Classifier("one_hot", {"kind": "cnn", "filters": 4}, {"epochs": 1}).fit(samples)
    model.save(folder / "dna" / "model")
    return {name: folder / name for name in ("proteins", "several", "cells", "dna")}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, runs: dict[str, Path]) -> Iterator[Server]:
    """One server of all runs, which tests share."""
    folder = tmp_path_factory.mktemp("server")
    started = Server(
        folder, list(runs.values()), "--limit", "rate=0", "--limit", "megabytes=2"
    ).start()
    yield started
    started.stop()
