"""Every kind of model on SenSeqNet's proteins, split at random and split by gene.

    cistron data get senescence DATA
    python examples/senescence.py DATA RUNS [--only NAME ...] [--proteins 4000]

A seeded draw of the second version's proteins, so that all networks train in minutes on a CPU. A
run that is there is not run again. `cistron compare RUNS/*/*` puts them into one table.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from cistron.base.progress import Terminal
from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import fit
from cistron.samples.sequences.fasta import read_fasta

FILES = {"not_senescent": "reps_30_rep_seq_neg.fasta", "senescent": "reps_30_rep_seq_pos.fasta"}
GENE = "gene=([^|]+)"
SPLITS = {"random": {"kind": "random"}, "by_gene": {"kind": "group", "columns": "gene"}}
RESIDUES = {"kind": "residues", "max_length": 400, "crop": "ends"}
NETWORKS = (
    "cnn",
    "resnet",
    "rnn",
    "lstm",
    "bilstm",
    "cnn_lstm",
    "parallel_cnn_lstm",
    "transformer",
    "light_attention",
)
ON_VECTORS = (
    "mlp",
    "senseqnet",
    "vector_cnn",
    "vector_rnn",
    "vector_lstm",
    "vector_bilstm",
    "vector_cnn_lstm",
    "vector_parallel_cnn_lstm",
    "logistic_regression",
    "random_forest",
    "gradient_boosting",
    "svm",
    "bagging",
)
TRAINING = {"epochs": 8, "patience": 3, "batch_size": 64, "seed": 1}


def draw(data: Path, folder: Path, proteins: int) -> dict[str, str]:
    """Write a seeded draw of the proteins, the classes in their shares; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    source = {name: data / file for name, file in FILES.items()}
    samples = read_fasta(source, groups={"gene": GENE}, min_length=50, conflicts="drop")
    rows = np.sort(np.random.default_rng(1).permutation(len(samples))[:proteins])
    files = {name: str(folder / f"{name}.fasta") for name in FILES}
    for number, path in enumerate(files.values()):
        lines = [
            f">{samples.ids[row]}\n{samples.payload.text(row)}\n"
            for row in rows[samples.targets[rows] == number]
        ]
        Path(path).write_text("".join(lines), encoding="utf-8")
    return files


def main() -> None:
    """Run what is asked for."""
    models: dict[str, dict[str, Any]] = {
        kind: {"encoder": RESIDUES, "model": {"kind": kind}} for kind in NETWORKS
    }
    models |= {
        f"descriptors_{kind}": {"encoder": {"kind": "descriptors"}, "model": {"kind": kind}}
        for kind in ON_VECTORS
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--only", nargs="*", choices=models, default=list(models))
    parser.add_argument("--proteins", type=int, default=4_000)
    chosen = parser.parse_args()
    classes = draw(chosen.data, chosen.runs / "proteins", chosen.proteins)
    for name in chosen.only:
        for split, settings in SPLITS.items():
            out = chosen.runs / split / name
            made = make_experiment(
                {
                    "name": f"{name} ({split})",
                    "samples": {"kind": "fasta", "classes": classes, "groups": {"gene": GENE}},
                    "split": settings,
                    **models[name],
                    "training": TRAINING,
                },
                source=name,
            )
            fit(made, out, resume=out.is_dir(), reporter=Terminal())


if __name__ == "__main__":
    main()
