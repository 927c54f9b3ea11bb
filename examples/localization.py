"""Every kind of model on the DeepLoc files, three ways of holding proteins out.

    python examples/localization.py DATA RUNS [--only NAME ...] [--splits NAME ...]

DATA holds deeploc_validation.fasta.gz and deeploc_test.fasta.gz (headers `>ACC Location-{M,S,U}`).
Every model is trained on the one file and tested on the other (`forward`), the reverse, and
cross-validated over both with homologs kept together at 30 % identity (`homology`). A run that is
there is not run again. `cistron compare RUNS/forward/*` shows the result.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cistron.base.progress import Terminal
from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import crossval, fit

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
FILES = ("deeploc_validation.fasta.gz", "deeploc_test.fasta.gz")
TERMINI = {
    "kind": "descriptors",
    "sets": ["composition", "ctd", "length", "termini"],
    "regions": ["whole", "first20", "first50", "last20"],
}
RESIDUES = {"kind": "residues", "as": "blosum62", "max_length": 1000, "crop": "ends"}
MODELS: dict[str, dict[str, Any]] = {
    "composition_logistic": {
        "encoder": {"kind": "composition"},
        "model": {"kind": "logistic_regression"},
    },
    "descriptors_logistic": {"encoder": TERMINI, "model": {"kind": "logistic_regression"}},
    "descriptors_random_forest": {"encoder": TERMINI, "model": {"kind": "random_forest"}},
    "descriptors_gradient_boosting": {"encoder": TERMINI, "model": {"kind": "gradient_boosting"}},
    "residues_cnn": {"encoder": RESIDUES, "model": {"kind": "cnn"}},
    "residues_cnn_lstm": {"encoder": RESIDUES, "model": {"kind": "cnn_lstm"}},
    "residues_resnet": {"encoder": RESIDUES, "model": {"kind": "resnet"}},
    "residues_light_attention": {"encoder": RESIDUES, "model": {"kind": "light_attention"}},
    "residues_termini_cnn": {"encoder": RESIDUES, "model": {"kind": "termini_cnn"}},
}
SPLITS = ("forward", "reverse", "homology")
TRAINING = {"epochs": 40, "patience": 8, "batch_size": 64, "seed": 1}


def experiment(data: Path, name: str, split: str) -> dict[str, Any]:
    """Return the experiment of one model and one way of holding proteins out."""
    train, test = FILES if split != "reverse" else FILES[::-1]
    splits: dict[str, dict[str, Any]] = {
        "homology": {"kind": "homology", "identity": 0.3, "coverage": 0.8, "folds": 5}
    }
    return {
        "name": f"{name} ({split})",
        "samples": {
            "kind": "fasta",
            "alphabet": "protein",
            "path": [str(data / file) for file in FILES],
            "label": r"^\S+ ([\w./-]+)-[MSU]\b",
            "only": CLASSES,
            "groups": {"file": {"files": {"train": str(data / train), "test": str(data / test)}}},
        },
        "split": splits.get(split, {"kind": "predefined", "column": "file"}),
        **MODELS[name],
        "training": TRAINING,
        "evaluation": {"metric": "mcc"},
    }


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--splits", nargs="*", choices=SPLITS, default=list(SPLITS))
    chosen = parser.parse_args()
    for split in chosen.splits:
        for name in chosen.only:
            out = chosen.runs / split / name
            made = make_experiment(experiment(chosen.data, name, split), source=name)
            run = crossval if split == "homology" else fit
            run(made, out, resume=out.is_dir(), reporter=Terminal())


if __name__ == "__main__":
    main()
