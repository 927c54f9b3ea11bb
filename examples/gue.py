"""DNA of the Genome Understanding Evaluation: k-mers and networks, several seeds, one table.

    python examples/gue.py DATA RUNS [--sets tf_2 ...] [--only NAME ...] [--seeds 1 2 3]
        [--samples N]

DATA holds <set>_train.csv.gz, <set>_dev.csv.gz and <set>_test.csv.gz (columns `sequence` and
`label`): the published parts. Training stops by dev; test is scored once a run. `--samples` draws
so many of the training sequences, the same for every run. A run that is there is not run again; the
table of all runs is printed at the end.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cistron.base.progress import Terminal
from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import fit

SETS = ("tf_2", "mouse_4", "prom_prom_300_tata")
PARTS = {"train": "train", "dev": "validation", "test": "test"}
PLAIN = {"epochs": 60, "patience": 10}
AVERAGED = {
    "epochs": 25,
    "patience": 25,
    "schedule": "one_cycle",
    "warmup": 0.3,
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "label_smoothing": 0.05,
    "ema": 0.995,
    "monitor": "metric",
}
STRANDS = {"kind": "one_hot", "both_strands": True}
MODELS: dict[str, dict[str, Any]] = {
    **{
        f"{k}-mers, logistic": {
            "encoder": {"kind": "kmers", "k": k, "both_strands": True},
            "model": {"kind": "logistic_regression"},
        }
        for k in (4, 5, 6)
    },
    "cnn": {"encoder": STRANDS, "model": {"kind": "cnn"}, "training": PLAIN},
    "cnn, averaged": {"encoder": STRANDS, "model": {"kind": "cnn"}, "training": AVERAGED},
    "residual_cnn": {"encoder": STRANDS, "model": {"kind": "residual_cnn"}, "training": PLAIN},
    "residual_cnn, averaged": {
        "encoder": STRANDS,
        "model": {"kind": "residual_cnn"},
        "training": AVERAGED,
    },
}


def joined(data: Path, name: str, samples: int | None, out: Path) -> Path:
    """Write the three parts of a set as one table with a column `part`; return its path."""
    path = out / f"{name}.csv"
    tables = []
    for part, called in PARTS.items():
        table = pd.read_csv(data / f"{name}_{part}.csv.gz").assign(part=called)
        if part == "train" and samples is not None and samples < len(table):
            chosen = np.random.default_rng(0).permutation(len(table))[:samples]
            table = table.iloc[chosen]
        table["label"] = np.where(table["label"] == 1, "yes", "no")
        tables.append(table.assign(id=[f"{part}{row}" for row in range(len(table))]))
    out.mkdir(parents=True, exist_ok=True)
    pd.concat(tables).to_csv(path, index=False)
    return path


def experiment(path: Path, model: str, seed: int, precision: str) -> dict[str, Any]:
    """Return the experiment of one model and seed."""
    chosen = MODELS[model]
    return {
        "name": f"{path.stem}, {model}",
        "samples": {
            "kind": "table",
            "alphabet": "dna",
            "path": str(path),
            "id": "id",
            "sequence": "sequence",
            "label": "label",
            "groups": ["part"],
        },
        "split": {"kind": "predefined", "column": "part"},
        **{key: chosen[key] for key in ("encoder", "model")},
        "training": {**chosen.get("training", {}), "seed": seed, "precision": precision},
        "evaluation": {
            "metric": "mcc",
            "baselines": ["majority"],
            "homology_search": False,
            "bootstrap": 200,
        },
    }


def rows(runs: Path) -> Iterator[dict[str, Any]]:
    """Return set, model, seed, test MCC and seconds of training of every finished run."""
    for path in sorted(runs.glob("*/*/seed*/metrics.json")):
        metrics = json.loads(path.read_text(encoding="utf-8"))
        environment = json.loads((path.parent / "environment.json").read_text(encoding="utf-8"))
        yield {
            "set": path.parts[-4],
            "model": path.parts[-3],
            "mcc": metrics["test"]["mcc"]["value"],
            "seconds": environment["seconds"]["train"],
        }


def table(runs: Path) -> str:
    """Return the table of all runs, in Markdown: mean, and lowest and highest of the seeds."""
    results = pd.DataFrame(rows(runs))
    lines = [
        "| set | model | seeds | test MCC | lowest to highest | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for (name, model), part in results.groupby(["set", "model"], sort=False):
        mcc = part["mcc"]
        lines.append(
            f"| `{name}` | {model} | {len(part)} | {mcc.mean():.3f} | {mcc.min():.3f} to "
            f"{mcc.max():.3f} | {part['seconds'].mean():.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--samples", type=int)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    chosen = parser.parse_args()
    for seed in chosen.seeds:
        for name in chosen.sets:
            path = joined(chosen.data, name, chosen.samples, chosen.runs / "tables")
            for model in chosen.only:
                if seed != chosen.seeds[0] and "training" not in MODELS[model]:
                    continue  # logistic regression is the same for every seed
                made = make_experiment(experiment(path, model, seed, chosen.precision))
                out = chosen.runs / name / model / f"seed{seed}"
                fit(made, out, resume=out.is_dir(), reporter=Terminal())
    print(table(chosen.runs))


if __name__ == "__main__":
    main()
