"""Every kind of model of cells on four tasks, folds at random and whole groups left out.

    python examples/cells.py DATA RUNS [--only MODEL ...] [--tasks TASK ...] [--splits SPLIT ...]

DATA holds kang_example.h5ad (stimulated and resting blood cells of two donors), the file
symphony_pbmc_small_lognorm.h5ad (blood cells in three chemistries, log-normalised), and
Day11_control.txt.gz with Day11_Erlotinib.txt.gz (PC9 cells, untreated and persisting). Every model
is cross-validated in five random folds (`random`) and, where there are groups, with each donor or
chemistry left out (`groups`), on the same folds. A run that is there is not run again.
`cistron compare RUNS/TASK/groups/*` shows the result; `--table` prints it as Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cistron.base.progress import Terminal
from cistron.experiment.file import make_experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.pipeline import crossval
from cistron.samples.cells.cells import read_cells

KANG = "kang_example.h5ad"
CHEMISTRIES = "symphony_pbmc_small_lognorm.h5ad"
PC9 = {"untreated": "Day11_control.txt.gz", "persister": "Day11_Erlotinib.txt.gz"}
PBMC_TYPES = ["T_CD4", "Mono_CD14", "T_CD8", "B", "Mono_CD16", "NK", "DC"]  # others: 7 and 3 cells

COMPONENTS = {"components": 50}
PUBLISHED = {
    "encoder": {"scale": {"kind": "min_max"}, "components": 100},
    # As measured in docs/results-cells.md; published are `penalties` on four layers, the recipe's.
    "model": {"kind": "oncopersistnet", "penalty": 1e-3},
    "training": {
        "epochs": 100,
        "batch_size": 64,
        "learning_rate": 1e-4,
        "weight_decay": 0,
        "warmup": 0,
        "clip": None,
        "schedule": "plateau",
        "patience": 20,
    },
}
MODELS: dict[str, dict[str, Any]] = {
    "logistic": {"model": {"kind": "logistic_regression"}},
    "logistic_50_components": {"encoder": COMPONENTS, "model": {"kind": "logistic_regression"}},
    "logistic_l1": {"model": {"kind": "logistic_regression", "penalty": "l1"}},
    "nearest_centroid": {"model": {"kind": "nearest_centroid"}},
    "random_forest": {"model": {"kind": "random_forest"}},
    "gradient_boosting": {"encoder": COMPONENTS, "model": {"kind": "gradient_boosting"}},
    "mlp": {"model": {"kind": "mlp"}},
    "gene_attention": {"model": {"kind": "gene_attention"}},
    "pooled_bilstm": {
        "encoder": {"components": 100},
        "model": {"kind": "pooled_bilstm"},
        "training": {"learning_rate": 2e-3},
    },
    "oncopersistnet": PUBLISHED,
}
TRAINING = {"epochs": 40, "patience": 8, "batch_size": 64, "seed": 1, "device": "cpu"}
GROUPS = {"kang_stimulation": "donor", "kang_types": "donor", "chemistries": "donor"}
TASKS = (*GROUPS, "pc9")
SPLITS = ("random", "groups")
METRICS = ("macro_f1", "mcc", "roc_auc")


def kang_donors(data: Path, folder: Path) -> Path:
    """Write a table with the donor of every cell of Kang's data, the digits of its sample."""
    path = folder / "kang_donors.csv"
    if not path.is_file():
        cells = read_cells(data / KANG, groups=["sample_id"])
        donor = cells.table["sample_id"].astype(str).str.extract(r"(\d+)$")[0]
        folder.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"cell": cells.ids, "donor": donor}).to_csv(path, index=False)
    return path


def samples(task: str, data: Path, folder: Path) -> dict[str, Any]:
    """Return the samples of a task."""
    if task == "pc9":
        classes = {name: str(data / file) for name, file in PC9.items()}
        return {"kind": "cells", "classes": classes, "min_genes": 500}
    if task == "chemistries":
        return {
            "kind": "cells",
            "path": str(data / CHEMISTRIES),
            "label": "cell_type",
            "only": PBMC_TYPES,
            "groups": ["donor"],
            "counts": False,
        }
    return {
        "kind": "cells",
        "path": str(data / KANG),
        "metadata": str(kang_donors(data, folder)),
        "label": "group_id" if task == "kang_stimulation" else "cluster_id",
        "groups": ["donor"],
    }


def experiment(task: str, split: str, name: str, data: Path, folder: Path) -> dict[str, Any]:
    """Return the experiment of one model, one task and one way of holding cells out."""
    splits = {
        "random": {"kind": "random", "folds": 5},
        "groups": {
            "kind": "group",
            "columns": "donor",
            "folds": "each",
            "validate_on": "samples",
        },
    }
    model = MODELS[name]
    encoder: dict[str, Any] = {"kind": "expression", **model.get("encoder", {})}
    if task == "chemistries":
        encoder |= {
            "normalise": {"input": "logarithms"},
            "genes": {"kind": "highly_variable", "method": "seurat"},
        }
    return {
        "name": f"{task} {split} {name}",
        "samples": samples(task, data, folder),
        "split": splits[split],
        "encoder": encoder,
        "model": model["model"],
        "training": {**TRAINING, **model.get("training", {})},
        "evaluation": {"metric": "mcc"},
    }


def cell(scores: dict[str, Any], metric: str) -> str:
    """Return a metric with its interval, as text."""
    score = scores.get(metric) or scores.get(f"macro_{metric}")
    if score is None and "per_class" in scores:  # of two classes
        score = {"value": np.mean([each["f1"] for each in scores["per_class"].values()])}
    if score is None:
        return "n/a"
    if score.get("low") is None:
        return f"{score['value']:.3f}"
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def rows(run: Run) -> dict[str, dict[str, Any]]:
    """Return the scores of a run and of its baselines, by name."""
    found = {run.path.name: run.metrics["test"]}
    return found | {f"baseline: {k}": v for k, v in run.metrics["baselines"].items()}


def table(folder: Path) -> str:
    """Return the scores of all runs of a folder as Markdown, the best first."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*/metrics.json")):
        found |= rows(Run(path.parent))
    best = sorted(found.items(), key=lambda item: -item[1]["mcc"]["value"])
    lines = ["| | macro-F1 | MCC | ROC AUC |", "|---|---|---|---|"]
    for name, scores in best:
        lines.append(f"| {name} | {' | '.join(cell(scores, metric) for metric in METRICS)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tasks", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--splits", nargs="*", choices=SPLITS, default=list(SPLITS))
    parser.add_argument("--table", action="store_true", help="train nothing, print the scores")
    chosen = parser.parse_args()
    for task in chosen.tasks:
        for split in chosen.splits if task in GROUPS else ["random"]:
            folder = chosen.runs / task / split
            if chosen.table:
                print(f"\n{task}, {split}\n\n{table(folder)}")
                continue
            for name in chosen.only:
                out = folder / name
                made = make_experiment(
                    experiment(task, split, name, chosen.data, chosen.runs), source=name
                )
                crossval(
                    made,
                    out,
                    resume=out.is_dir(),
                    allow_confounded=task == "pc9",
                    reporter=Terminal(),
                )


if __name__ == "__main__":
    main()
