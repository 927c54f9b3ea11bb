"""Which promoters respond to abscisic acid? Augmentation compared on the same folds.

DATA is a CSV file (plain or gzip) with the columns species, gene, label (1: up under the stress),
ath (the Arabidopsis gene that the promoter's gene descends with) and seq. Promoters of one
Arabidopsis gene are never separated, whatever their species.

`all` trains on the promoters of all species: phyloaug then only draws anew which species speaks
for a gene, and what it adds is the mean over a gene's promoters in scoring. `aly` trains and
scores on the promoters of one species, A. lyrata, and the others are orthologs: sequences that
training would not see otherwise.

Every arm of a network is trained in the same two stages, the second on the promoters as they are
and at a smaller learning rate, with or without augmentation in the first: what sets the arms
apart is augmentation alone. `one-stage` is training without augmentation and without the second.

    python examples/stress.py aba_orthologs_labelled.csv.gz runs --seeds 5
    python examples/stress.py aba_orthologs_labelled.csv.gz runs --only all/none all/evoaug
    python examples/stress.py aba_orthologs_labelled.csv.gz cnn_runs --seeds 5 --network cnn
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from cistron.experiment.file import make_experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.pipeline import crossval

ENCODER = {"kind": "one_hot", "max_length": 600, "both_strands": "rows"}
NETWORKS: dict[str, dict[str, Any]] = {
    "deepdife": {"kind": "deepdife", "length": 620},  # room for an insertion of 20
    "cnn": {"kind": "cnn", "blocks": 2, "filters": 32, "kernel_size": 11, "pool_size": 8},
}
TRAINING = {
    "epochs": 100,
    "batch_size": 100,
    "learning_rate": 1e-3,
    "patience": 20,
    "schedule": "plateau",
    "warmup": 0,
    "weight_decay": 0,
    "clip": None,
}
STAGES = [{}, {"augment": False, "epochs": 20, "learning_rate": 1e-4, "patience": 5}]
# Of the smaller network, which learns in fewer epochs.
SHORT = {"epochs": 15, "learning_rate": 2e-3, "patience": 6, "schedule": "cosine"}
SHORT_STAGES = [{}, {"augment": False, "epochs": 5, "learning_rate": 2e-4, "patience": 3}]
KMERS = {
    "encoder": {"kind": "kmers", "k": 5, "both_strands": True},
    "model": {"kind": "logistic_regression", "c": 3e-4},
}


def arms(phyloaug: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return, for each arm of the comparison, the sections of its experiment."""
    training = {**TRAINING, **(SHORT if name == "cnn" else {})}
    network = {
        "encoder": ENCODER,
        "model": NETWORKS[name],
        "training": {**training, "stages": SHORT_STAGES if name == "cnn" else STAGES},
    }
    averaged = {**phyloaug, "average_orthologs": True}
    only_averaged = [{**averaged, "probability": 0}]
    return {
        "kmers": KMERS,
        "kmers-averaged": {**KMERS, "augment": only_averaged},
        "one-stage": {**network, "training": training},
        "none": network,
        "none-averaged": {**network, "augment": only_averaged},
        "evoaug": {**network, "augment": ["evoaug"]},
        "phyloaug": {**network, "augment": [phyloaug]},
        "phyloaug-averaged": {**network, "augment": [averaged]},
        "both": {**network, "augment": ["evoaug", phyloaug]},
        "both-averaged": {**network, "augment": ["evoaug", averaged]},
    }


def write_one_species(data: Path, folder: Path, species: str) -> dict[str, Any]:
    """Write the promoters of one species, and those of the others as orthologs."""
    table = pd.read_csv(data, dtype=str)
    own, others = table[table["species"] == species], table[table["species"] != species]
    folder.mkdir(parents=True, exist_ok=True)
    own.to_csv(folder / "promoters.csv", index=False)
    others[["ath", "gene"]].to_csv(folder / "orthologs.txt", sep="\t", header=False, index=False)
    records = (f">{row.gene}\n{row.seq}\n" for row in others.itertuples())
    (folder / "orthologs.fasta").write_text("".join(records))
    files = {"table": str(folder / "orthologs.txt"), "fasta": str(folder / "orthologs.fasta")}
    return {"kind": "phyloaug", "gene": "ath", **files}


def experiments(data: Path, folder: Path, seeds: int, network: str) -> dict[str, dict[str, Any]]:
    """Return the experiments by name."""
    sources = {
        "all": (data, {"kind": "phyloaug", "gene": "ath"}),
        "aly": (folder / "data" / "promoters.csv", write_one_species(data, folder / "data", "aly")),
    }
    found = {}
    for name, (path, phyloaug) in sources.items():
        for arm, sections in arms(phyloaug, network).items():
            found[f"{name}/{arm}"] = {
                "name": f"stress {name} {arm}",
                "samples": {
                    "kind": "table",
                    "path": str(path),
                    "alphabet": "dna",
                    "id": "gene",
                    "sequence": "seq",
                    "label": "label",
                    "rename": {"0": "not_responding", "1": "up"},
                    "groups": ["ath"],
                },
                "split": {"kind": "group", "columns": "ath", "folds": 5},
                "evaluation": {"baselines": ["majority", "composition"], "repeats": seeds},
                **sections,
            }
    return found


def summary(run: Run, name: str) -> str:
    """Return one line: auROC with its interval, and per seed where there are several."""
    metrics = run.metrics
    auc = metrics["test"]["roc_auc"]
    line = f"{name:<22}{auc['value']:.3f} ({auc['low']:.3f}-{auc['high']:.3f})"
    repeats = [one["roc_auc"]["value"] for one in metrics.get("repeats", ())]
    folds = [one["roc_auc"]["value"] for one in metrics.get("folds") or ()]
    each = repeats or folds
    return f"{line}  {'seeds' if repeats else 'folds'} " + " ".join(f"{v:.3f}" for v in each)


def main() -> None:
    """Run the arms that are asked for; those that are finished are only shown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, default=1, help="repeats, each with its own folds")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="arms, like all/evoaug")
    parser.add_argument("--network", choices=NETWORKS, default="deepdife")
    parser.add_argument("--workers", type=int, default=1, help="folds trained at the same time")
    options = parser.parse_args()
    found = experiments(options.data, options.runs, options.seeds, options.network)
    unknown = set(options.only or ()) - set(found)
    if unknown:
        parser.error(f"no arm is called {', '.join(unknown)}; there are: {', '.join(found)}")
    for name in options.only or found:
        out = options.runs / name
        resume = out.is_dir()
        run = crossval(make_experiment(found[name]), out, resume=resume, workers=options.workers)
        print(summary(run, name), flush=True)


if __name__ == "__main__":
    main()
