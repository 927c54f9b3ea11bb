"""Cells with a planted label, donors and depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from cistron.base.counts import Counts
from cistron.samples.samples import Samples, make_samples

GENES = 150
MARKERS = 12  # genes of each class


def planted(
    cells: int = 30,
    donors: int = 4,
    classes: tuple[str, ...] = ("resting", "active"),
    effect: float = 4.0,
    seed: int = 0,
    shift: int = 0,
) -> Samples:
    """Return cells of each class from each donor; each class has genes that are `effect` times up.

    `shift` moves the genes that the classes have up: cells of other kinds.
    """
    rng = np.random.default_rng(seed)
    base = rng.gamma(0.6, 2.0, GENES) + 0.05
    values, labels, donor = [], [], []
    for d in range(donors):
        own = base * rng.lognormal(0, 0.15, GENES)
        for k, name in enumerate(classes):
            mean = own.copy()
            first = shift + k * MARKERS
            mean[first : first + MARKERS] = effect * mean[first : first + MARKERS] + 0.5
            depth = rng.lognormal(0, 0.3, cells)
            values.append(rng.poisson(depth[:, None] * mean))
            labels += [name] * cells
            donor += [f"d{d}"] * cells
    matrix = sparse.csr_matrix(np.concatenate(values).astype(np.float32))
    return make_samples(
        Counts.of(matrix, names()), labels=labels, groups={"donor": donor}, classes=classes
    )


def names() -> list[str]:
    """Return the names of the genes."""
    return [f"GENE{number}" for number in range(GENES)]


def with_labels(samples: Samples, labels: list[str], **groups: list[str]) -> Samples:
    """Return the same cells with other labels and groups."""
    groups = groups or {c: samples.table[c].tolist() for c in samples.groups}
    return make_samples(samples.payload, samples.ids.tolist(), labels, groups)


def write_h5ad(samples: Samples, path: Path, genes: list[str] | None = None, **obs: list) -> Path:
    """Write cells as AnnData, with their labels, groups and further columns in obs."""
    import anndata
    import pandas as pd

    columns = {"label": samples.table["label"].astype(str).tolist()}
    columns |= {name: samples.table[name].astype(str).tolist() for name in samples.groups}
    frame = pd.DataFrame({**columns, **obs}, index=samples.ids.astype(str))
    values = samples.payload.read()
    var = pd.DataFrame(index=genes or list(samples.payload.genes))
    anndata.AnnData(values, obs=frame, var=var).write_h5ad(path)
    return path
