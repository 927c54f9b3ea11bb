"""Yeast promoters and terminators tell high from low expression: how well, by which model.

    python examples/yeast.py DATA RUNS [--only NAME ...] [--windows NAME ...] [--workers N]
    python examples/yeast.py DATA RUNS --held-out IV XV [--only NAME ...]

DATA holds what `cistron data get yeast DATA` brings, a table tpm.csv (columns gene_id and tpm) and
a table gene_families.csv (columns gene_id and family); `cistron families` makes the second from the
first two. Chromosomes are tested in turn, or those named are held out once, which takes a tenth of
the time; low against high quartile of TPM. A run that is there is not run again.
`cistron compare RUNS/promoter_terminator/*` shows the result.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cistron.base.progress import Terminal
from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import crossval, fit

GENOMES = ("S288C_reference_sequence_R64-2-1_20150113.fsa", "genome.fa.gz")
ANNOTATIONS = ("Saccharomyces_cerevisiae.R64-1-1.99.gff3", "genes.gff3.gz")
PROMOTER = {"name": "promoter", "anchor": "tss", "upstream": 1000}
TERMINATOR = {"name": "terminator", "anchor": "tts", "downstream": 1000}
WINDOWS: dict[str, Any] = {
    "promoter_terminator": [PROMOTER, {"spacer": 20}, TERMINATOR],
    "promoter": [PROMOTER],
    "gene_body": [
        {"name": "gene_body_5", "anchor": "tss", "downstream": 500},
        {"spacer": 20},
        {"name": "gene_body_3", "anchor": "tts", "upstream": 500},
    ],
    "deepcre": "deepcre",
}
BASES = {"kind": "one_hot", "both_strands": False}
# Where each window is cut for counting words: between its regions.
CUTS = {
    "promoter_terminator": [1010],
    "promoter": [],
    "gene_body": [510],
    "deepcre": [1000, 1510, 2020],
}
KMERS = {"kind": "kmers", "k": [1, 2, 3, 4, 5]}
PUBLISHED = {"learning_rate": 1e-4, "warmup": 0, "weight_decay": 0, "clip": None, "patience": 10}
MODELS: dict[str, dict[str, Any]] = {
    "kmers_logistic": {
        "encoder": KMERS,
        "model": {"kind": "logistic_regression", "c": "auto"},
    },
    "kmers_by_region_logistic": {
        "encoder": KMERS,  # with the cuts of the window
        "model": {"kind": "logistic_regression", "c": "auto"},
    },
    "cnn": {
        "encoder": BASES,
        "model": {"kind": "cnn", "blocks": 2, "filters": 32, "kernel_size": 11, "pool_size": 8},
        "training": {"epochs": 10, "patience": 5, "learning_rate": 2e-3},
    },
    "dilated_resnet": {
        "encoder": BASES,
        "model": {"kind": "dilated_resnet", "filters": 32, "pool_size": 8, "blocks": 4},
        "training": {"epochs": 10, "patience": 5, "learning_rate": 2e-3},
    },
    "lcre": {
        "encoder": BASES,
        "model": {"kind": "lcre"},
        "training": {**PUBLISHED, "epochs": 35, "schedule": "constant"},
    },
    "deepcre": {
        "encoder": BASES,
        "model": {"kind": "deepcre"},
        "training": {**PUBLISHED, "epochs": 100, "schedule": "plateau"},
    },
}


def experiment(data: Path, window: str, name: str, held_out: list[str]) -> dict[str, Any]:
    """Return the experiment of one window and one model; `held_out` is tested, if any is named."""
    genome, annotation = (
        next(data / file for file in files if (data / file).is_file())
        for files in (GENOMES, ANNOTATIONS)
    )
    chosen = dict(MODELS[name])
    if name == "kmers_by_region_logistic":
        chosen["encoder"] = {**KMERS, "cuts": CUTS[window]}
    return {
        "name": f"{name} ({window})",
        "samples": {
            "kind": "genome",
            "genome": str(genome),
            "annotation": str(annotation),
            "numbers": {"table": str(data / "tpm.csv"), "columns": ["tpm"]},
            "regions": WINDOWS[window],
            "mask": None,  # as measured: of `deepcre` the codons, in both copies of a short gene
            "short_genes": "overlap",  # no N tell how short a gene is
            "groups": {"family": {"table": str(data / "gene_families.csv"), "column": "family"}},
        },
        "split": {"kind": "chromosome", **({"test": held_out} if held_out else {})},
        # The report scores genes with and without a relative in training: no search is needed.
        "evaluation": {"homology_search": False, "metric": "mcc"},
        **chosen,
    }


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--windows", nargs="*", choices=WINDOWS, default=list(WINDOWS))
    parser.add_argument(
        "--held-out", nargs="+", default=[], help="chromosomes that are tested once"
    )
    parser.add_argument("--workers", type=int, default=1, help="folds trained at the same time")
    chosen = parser.parse_args()
    for window in chosen.windows:
        for name in chosen.only:
            out = chosen.runs / "_".join([window, *chosen.held_out]) / name
            made = make_experiment(
                experiment(chosen.data, window, name, chosen.held_out), source=name
            )
            resume, reporter = out.is_dir(), Terminal()
            if chosen.held_out:
                fit(made, out, resume=resume, reporter=reporter)
            else:
                crossval(made, out, resume=resume, workers=chosen.workers, reporter=reporter)


if __name__ == "__main__":
    main()
