"""What 30 trials find, and what the search itself is worth on samples that it did not see.

    python examples/tune.py yeast DATA RUNS [--trials N] [--nested K] [--workers N]
    python examples/tune.py localization DATA RUNS

DATA holds the files of examples/yeast.py, or deeploc_validation.fasta.gz. The first trial is the
recipe of `cistron new`. Trials are compared in three inner folds; the whole search is made anew in
each outer fold. A search that was cut short goes on. RUNS/NAME/report.html shows the result, and
RUNS/NAME.yaml is the experiment file with its ranges, for `cistron tune`; RUNS/NAME_recipe holds
the score of the recipe itself in the same outer folds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from cistron.base.progress import Terminal
from cistron.pipeline.pipeline import crossval
from cistron.pipeline.tuning.search import How
from cistron.pipeline.tuning.tune import read_search, tune

GENOMES = ("S288C_reference_sequence_R64-2-1_20150113.fsa", "genome.fa.gz")
ANNOTATIONS = ("Saccharomyces_cerevisiae.R64-1-1.99.gff3", "genes.gff3.gz")
CLASSES = [
    "Nucleus",
    "Cytoplasm",
    "Extracellular",
    "Mitochondrion",
    "Cell.membrane",
    "Endoplasmic.reticulum",
    "Plastid",
    "Golgi.apparatus",
    "Lysosome/Vacuole",
    "Peroxisome",
]


def yeast(data: Path) -> dict[str, Any]:
    """Return the recipe `expression` with ranges; folds of gene families instead of chromosomes."""
    genome, annotation = (
        next(data / file for file in files if (data / file).is_file())
        for files in (GENOMES, ANNOTATIONS)
    )
    return {
        "name": "expression",
        "samples": {
            "kind": "genome",
            "genome": str(genome),
            "annotation": str(annotation),
            "numbers": {"table": str(data / "tpm.csv"), "columns": ["tpm"]},
            "regions": [
                {"name": "promoter", "anchor": "tss", "upstream": 1000},
                {"spacer": 20},
                {"name": "terminator", "anchor": "tts", "downstream": 1000},
            ],
            "groups": {"family": {"table": str(data / "gene_families.csv"), "column": "family"}},
        },
        "split": {"kind": "group", "columns": "family", "test": 0.2, "seed": 1},
        "encoder": {
            "kind": "kmers",
            "k": {"choices": [[1, 2, 3, 4, 5], [1, 2, 3, 4], [1, 2, 3], [4]]},
            "cuts": {"choices": [[1010], [], [500, 1010, 1520]]},
            "both_strands": {"choices": [False, True]},
        },
        "model": {
            "choices": [
                {"kind": "logistic_regression", "c": "auto"},
                {"kind": "logistic_regression", "c": {"low": 1e-4, "high": 0.03, "log": True}},
                {
                    "kind": "gradient_boosting",
                    "trees": {"low": 20, "high": 100},
                    "learning_rate": {"low": 0.03, "high": 0.3, "log": True},
                    "leaves": {"low": 2, "high": 6},
                },
            ]
        },
        "evaluation": {"homology_search": False},
    }


def localization(data: Path) -> dict[str, Any]:
    """Return the recipe `localization` with ranges."""
    return {
        "name": "localization",
        "samples": {
            "kind": "fasta",
            "alphabet": "protein",
            "path": str(data / "deeploc_validation.fasta.gz"),
            "label": r"^\S+ ([\w./-]+)-[MSU]\b",
            "only": CLASSES,
            "min_length": 40,
        },
        "split": {"kind": "homology", "identity": 0.3, "coverage": 0.8, "test": 0.2, "seed": 1},
        "encoder": {
            "kind": "descriptors",
            "sets": {
                "choices": [
                    ["composition", "ctd", "length", "termini"],
                    ["composition", "length", "termini"],
                ]
            },
            "regions": {
                "choices": [
                    ["whole", "first20", "first50", "last20"],
                    ["whole", "first50"],
                ]
            },
        },
        "model": {
            "choices": [
                {
                    "kind": "gradient_boosting",
                    "trees": {"low": 50, "high": 200, "start": 200},
                    "learning_rate": {"low": 0.03, "high": 0.3, "log": True, "start": 0.1},
                    "leaves": {"low": 2, "high": 31, "log": True, "start": 31},
                },
                {"kind": "svm", "c": {"low": 0.1, "high": 30, "log": True}},
                {"kind": "logistic_regression", "c": {"low": 1e-4, "high": 1, "log": True}},
            ]
        },
        "training": {"class_weights": {"choices": ["balanced", "none"]}},
        "evaluation": {"metric": "mcc"},
    }


def main() -> None:
    """Search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("yeast", "localization"))
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--nested", type=int, default=3, help="outer folds")
    parser.add_argument("--workers", type=int, default=1, help="trials at the same time")
    chosen = parser.parse_args()
    document = {"yeast": yeast, "localization": localization}[chosen.task](chosen.data)
    metric = {"yeast": "roc_auc", "localization": "mcc"}[chosen.task]
    chosen.runs.mkdir(parents=True, exist_ok=True)
    path, out = chosen.runs / f"{chosen.task}.yaml", chosen.runs / chosen.task
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    search = read_search(path)
    tune(
        search,
        out,
        How(trials=chosen.trials, metric=metric, inner_folds=3, workers=chosen.workers),
        nested=chosen.nested,
        resume=out.is_dir(),
        reporter=Terminal(),
    )
    folds = search.start.split.model_copy(update={"folds": chosen.nested})
    recipe, beside = search.start.model_copy(update={"split": folds}), Path(f"{out}_recipe")
    crossval(recipe, beside, resume=beside.is_dir(), reporter=Terminal())


if __name__ == "__main__":
    main()
