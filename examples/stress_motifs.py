"""Which motifs make a network say that a promoter responds to abscisic acid? JASPAR names them.

DATA is the CSV file that examples/stress.py describes. A convolutional network with global pooling
is trained on promoters, those of one Arabidopsis gene never separated; all of them are explained,
or only those that it was not trained on; and the motifs are named by JASPAR.

    python examples/stress_motifs.py aba_orthologs_labelled.csv.gz FOLDER
    python examples/stress_motifs.py aba_orthologs_labelled.csv.gz FOLDER --held-out
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

import cistron
from cistron.base.progress import Terminal
from cistron.cli.show_motifs import show_motifs
from cistron.experiment.file import make_experiment
from cistron.explain.files import explain_file
from cistron.explain.motifs.files import Beside, find_motifs
from cistron.explain.settings import ExplainSettings
from cistron.pipeline.pipeline import fit
from cistron.report.motifs import write_motifs


def experiment(data: Path) -> dict[str, Any]:
    """Return the experiment: one fit, a fifth of the genes held out."""
    return {
        "name": "stress motifs",
        "samples": {
            "kind": "table",
            "path": str(data),
            "alphabet": "dna",
            "id": "gene",
            "sequence": "seq",
            "label": "label",
            "rename": {"0": "not_responding", "1": "up"},
            "groups": ["ath"],
        },
        "split": {"kind": "group", "columns": "ath", "test": 0.2, "validation": 0.1, "seed": 1},
        "encoder": {"kind": "one_hot", "max_length": 600, "both_strands": True},
        "model": {
            "kind": "cnn",
            "blocks": 2,
            "filters": 64,
            "kernel_size": 11,
            "pool_size": 8,
            "dropout": 0.3,
        },
        "training": {
            "epochs": 30,
            "batch_size": 64,
            "learning_rate": 1e-3,
            "patience": 8,
            "seed": 1,
        },
        "evaluation": {"baselines": ["majority", "composition"], "bootstrap": 200},
    }


def main() -> None:
    """Train, explain, find motifs; what is there is not made again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", action="store_true", help="only test and validation")
    parser.add_argument("--references", type=int, default=10, help="shuffles of each promoter")
    options = parser.parse_args()
    run, say = options.folder / "run", Terminal()
    if not (run / "metrics.json").is_file():
        fit(make_experiment(experiment(options.data)), run, resume=run.is_dir(), reporter=say)
    promoters = pd.read_csv(options.data, dtype=str)
    name = "all"
    if options.held_out:
        table = pd.read_parquet(run / "samples.parquet", columns=["id", "part"])
        seen = table.loc[table["part"] == "train", "id"]
        promoters, name = promoters[~promoters["gene"].isin(seen)], "held_out"
    explained, motifs = options.folder / f"explained_{name}", options.folder / f"motifs_{name}"
    if not explained.is_dir():
        source = options.folder / f"{name}.csv"
        promoters.rename(columns={"gene": "id", "seq": "sequence"}).to_csv(source, index=False)
        settings = ExplainSettings(number=options.references)
        explain_file(cistron.load(run), source, explained, settings, reporter=say)
    found = find_motifs(
        explained, motifs, ["jaspar:plants"], beside=Beside(run), force=True, reporter=say
    )
    write_motifs(found, motifs / "motifs.html")
    show_motifs(motifs, found, as_json=False)


if __name__ == "__main__":
    main()
