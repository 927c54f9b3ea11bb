"""Run directories made by hand, from numbers drawn with a fixed seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from cistron.evaluation.evaluate import Judging, evaluate
from cistron.report.metadata import write_metadata
from cistron.targets.calls import Calls, call
from cistron.targets.memberships import write_labels

LOCATIONS = [
    "Cell membrane",
    "Cytoplasm",
    "Endoplasmic reticulum",
    "Extracellular",
    "Golgi apparatus",
    "Lysosome/Vacuole",
    "Mitochondrion",
    "Nucleus",
    "Peroxisome",
    "Plastid",
]
HOSTILE = [
    "<b>bold</b>",
    "$\\frac{a}{b}$",
    "\"quoted' & <script>alert(1)</script>",
    "长的名字 🧬\n\x07 and a name that is far longer than any column of a figure could be",
]
Array = np.ndarray
BASELINES = ("majority", "length", "composition", "homolog")


def draw(classes: list[str], n: int, skill: float, seed: int = 1) -> tuple[Array, Array]:
    """Return targets, shape (n,), the same for every skill and seed, and probabilities."""
    sizes = np.linspace(2, 1, len(classes))
    targets = np.random.default_rng(1).choice(len(classes), size=n, p=sizes / sizes.sum())
    noise = np.random.default_rng(seed).normal(size=(n, len(classes)))
    shares = np.exp(1.3 * (noise + skill * np.eye(len(classes))[targets]))
    return targets, shares / shares.sum(axis=1, keepdims=True)


def metrics(classes: list[str], skill: float, homolog: float, folds: int = 0, n: int = 0) -> dict:
    """Return metrics.json of a run, or with folds of a cross-validation.

    `skill` is that of the model and `homolog` that of the nearest-homolog baseline.
    """
    n = n or 240 * len(classes)
    targets, shares = draw(classes, n, skill)
    rng = np.random.default_rng(9)
    genes = np.array([f"GENE{i}" for i in rng.integers(0, 80, size=n)])
    skills = dict(zip(BASELINES, (0.0, 0.2, 0.7, homolog), strict=True))
    found = evaluate(
        targets,
        shares,
        classes,
        groups=genes,
        group_columns={"gene": genes},
        baselines={name: draw(classes, n, s, seed=2)[1] for name, s in skills.items()},
        how=Judging(resamples=100),
    )
    fold = rng.integers(0, folds or 1, size=n)
    each = [
        evaluate(targets[fold == k], shares[fold == k], classes, how=Judging(resamples=100))[
            "scores"
        ]
        for k in range(folds)
    ]
    validation = evaluate(*draw(classes, n // 2, skill), classes, how=Judging(resamples=100))[
        "scores"
    ]
    kept = {key: found[key] for key in ("classes", "positive", "headline")}
    return {
        **kept,
        "test": found["scores"],
        "validation": None if folds else validation,
        "baselines": found["baselines"],
        "comparison": found["comparison"],
        "folds": [
            {"fold": k, **{m: v for m, v in one.items() if m == "n" or "value" in v}}
            for k, one in enumerate(each)
        ],
    }


def audit(verdict: str) -> dict:
    states = {"leak": ("fail", "warn"), "warning": ("pass", "warn"), "clean": ("pass", "pass")}
    similar, shortcut = states[verdict]
    bins = {"no hit": 0.41, "below 30 %": 0.2, "30 to 50 %": 0.17, "50 to 70 %": 0.12}
    bins |= {"70 to 90 %": 0.06, "90 to 100 %": 0.04}
    return {
        "verdict": verdict,
        "checks": [
            {
                "name": "duplicates",
                "verdict": similar,
                "summary": "14 test sequences stand letter by letter in training.",
                "details": {
                    "pairs": [
                        {"test": f"sen_{i}", "train": f"sen_{900 + i}", "identity": 1.0}
                        for i in range(24)
                    ]
                },
            },
            {
                "name": "similar_sequences",
                "verdict": similar,
                "summary": "48 % of the test sequences have a training sequence of 30 % identity "
                "or more over 80 % of their length.",
                "details": {
                    "method": "MMseqs2, sensitivity 7.5",
                    "identity": 0.3,
                    "searched": 1204,
                    "bins": [
                        {"bin": name, "n": int(600 * share), "share": share}
                        for name, share in bins.items()
                    ],
                },
            },
            {
                "name": "shared_groups",
                "verdict": "pass",
                "summary": "No value of gene is in two parts.",
                "details": {"columns": ["gene"], "shared": []},
            },
            {
                "name": "length_shortcut",
                "verdict": shortcut,
                "summary": "Length alone separates the classes with a ROC AUC of 0.71.",
                "details": {"roc_auc": 0.7134},
            },
            {
                "name": "reverse_complements",
                "verdict": "skipped",
                "summary": "Proteins have no reverse complement.",
                "details": {},
            },
        ],
        "split": {
            "kind": "homology",
            "reason": "Sequences of one MMseqs2 cluster at 30 % identity, or linked by a hit, are "
            "never in two parts.",
            "details": {"clusters": 311, "largest_cluster": 87, "identity": 0.3, "coverage": 0.8},
            "balance": {"largest_deviation": 0.021, "per_class": {"train": 0.7, "test": 0.2}},
        },
    }


def history(epochs: int, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    epoch = np.arange(1, epochs + 1)
    train = 0.7 * np.exp(-epoch / 9) + 0.08 + rng.normal(scale=0.006, size=epochs)
    validation = 0.55 * np.exp(-epoch / 6) + 0.2 + 0.004 * epoch
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": train,
            "validation_loss": validation + rng.normal(scale=0.012, size=epochs),
            "validation_mcc": 0.7 - 0.6 * np.exp(-epoch / 6) + rng.normal(scale=0.01, size=epochs),
            "learning_rate": 1e-3,
            "seconds": 4.25,
        }
    )


def environment(**more: object) -> dict:
    return {
        "cistron": "0.1.0",
        "torch": "2.13.0",
        "numpy": "2.4.1",
        "python": "3.11.2",
        "platform": "Linux-6.1-x86_64",
        "device": "cpu",
        "threads": 2,
        "seed": 1,
        "started": "2025-11-21T10:48:00+00:00",
        "seconds": {"read": 1.2, "split": 14.9, "audit": 33.0, "train": 4210.4, "evaluate": 12.0},
        "parameters": 214_530,
        "command": "cistron fit senescence.yaml --out senescence",
        "sources": {"positive.fasta": "9f" * 32, "negative.fasta": "0c" * 32},
        "notes": ["31 selenocysteines (U) are read as X."],
        **more,
    }


def experiment(name: str) -> dict:
    return {
        "name": name,
        "samples": {"kind": "fasta", "alphabet": "protein"},
        "split": {"kind": "homology", "identity": 0.3, "coverage": 0.8},
        "encoder": {"kind": "residues", "max_length": 1000, "crop": "ends"},
        "model": {"kind": "cnn_lstm", "filters": 64},
        "training": {"epochs": 40, "seed": 1},
        "evaluation": {"bootstrap": 1000, "metric": "mcc"},
    }


def samples(classes: list[str], n: int, folds: int, reason: str) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    label = rng.choice(len(classes), size=n)
    table = pd.DataFrame({"id": [f"sen_{i}" for i in range(n)]})
    table["label"] = np.array(classes, dtype=object)[label]
    table["weight"] = 1.0
    table["gene"] = [f"GENE{i}" for i in rng.zipf(1.6, size=n) % 300]
    table["length"] = np.exp(rng.normal(5.8 + 0.15 * (label % 4), 0.7)).astype(int) + 30
    parts = rng.choice(["train", "validation", "test"], size=n, p=[0.7, 0.1, 0.2])
    table["part"] = "" if folds else parts
    table["fold"] = rng.integers(0, folds, size=n) if folds else -1
    table["dropped"] = ""
    lost = pd.DataFrame({"id": [f"lost_{i}" for i in range(57)]})
    lost["dropped"] = np.where(np.arange(57) < 41, "shorter than 30 residues", reason)
    lost = lost.assign(part="", fold=-1, source="positive.fasta", record=np.arange(57) + 1)
    return pd.concat([table, lost], ignore_index=True)


def predictions(classes: list[str], targets: np.ndarray, shares: np.ndarray) -> pd.DataFrame:
    names = np.array(classes, dtype=object)
    table = pd.DataFrame({"id": [f"sen_{i}" for i in range(len(targets))], "part": "test"})
    table["fold"] = -1
    table["label"], table["predicted"] = names[targets], names[shares.argmax(axis=1)]
    for place, name in enumerate(classes):
        table[f"p_{name}"] = shares[:, place]
    return table


def write(folder: Path, files: dict[str, object]) -> Path:
    """Write a run directory: documents as JSON or YAML, tables as parquet or CSV."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        if name.endswith(".json"):
            path.write_text(json.dumps(content), encoding="utf-8")
        elif name.endswith(".yaml"):
            path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        elif name.endswith(".csv"):
            content.to_csv(path, index=False)
        else:
            content.to_parquet(path, index=False)
    return folder


def binary(folder: Path) -> Path:
    """A fitted binary run that leaks and is worse than the nearest homolog."""
    classes = ["not_senescent", "senescent"]
    (
        write(
            folder,
            {
                "experiment.yaml": experiment("senescence"),
                "metrics.json": metrics(classes, 0.9, homolog=1.9),
                "audit.json": audit("leak"),
                "samples.parquet": samples(classes, 2400, 0, "more than 10 % unknown residues"),
                "predictions.parquet": predictions(classes, *draw(classes, 480, 0.9)),
                "history.csv": history(31),
                "environment.json": environment(),
            },
        )
        / "model"
    ).mkdir()
    return folder


def multi(folder: Path) -> Path:
    """A clean cross-validation over ten classes that beats the baselines."""
    histories = [history(18 + fold, seed=fold).assign(fold=fold) for fold in range(5)]
    table = pd.concat(histories, ignore_index=True)
    table.insert(0, "fold", table.pop("fold"))
    return write(
        folder,
        {
            "experiment.yaml": experiment("localization"),
            "metrics.json": metrics(LOCATIONS, 2.6, homolog=1.9, folds=5),
            "audit.json": audit("clean"),
            "samples.parquet": samples(LOCATIONS, 6000, 5, "label in two classes"),
            "predictions.parquet": predictions(LOCATIONS, *draw(LOCATIONS, 2400, 2.6)),
            "history.csv": table,
            "environment.json": environment(parameters=None),
        },
    )


def sets(folder: Path) -> Path:
    """A fitted run whose samples may have several of ten classes."""
    rng = np.random.default_rng(4)
    n, k = 900, len(LOCATIONS)
    truth = rng.random((n, k)) < 0.12
    truth[np.arange(n), rng.integers(k, size=n)] = True
    shares = 1 / (1 + np.exp(-rng.normal(size=(n, k)) - 4 * (truth - 0.6)))
    guess = np.full((n, k), 0.1)
    found = evaluate(
        truth,
        Calls(shares, call(shares, 0.4)),
        LOCATIONS,
        group_columns={"gene": rng.integers(0, 60, size=n)},
        baselines={"majority": Calls(guess, call(guess))},
        how=Judging(resamples=100, headline="macro_f1"),
    )
    label = write_labels(truth, LOCATIONS, ";")
    table = samples(LOCATIONS, n, 0, "no label")
    table.loc[: n - 1, "label"] = label
    predicted = predictions(LOCATIONS, np.zeros(n, dtype=int), shares)
    predicted["label"], predicted["predicted"] = (
        label,
        write_labels(call(shares, 0.4), LOCATIONS, ";"),
    )
    document = {
        **{key: found[key] for key in ("classes", "positive", "headline")},
        **{key: found[key] for key in ("baselines", "comparison")},
        "test": found["scores"],
        "validation": found["scores"],
        "folds": [],
        "label_separator": ";",
        "thresholds": dict.fromkeys(LOCATIONS, 0.4),
    }
    files = {
        "experiment.yaml": experiment("compartments"),
        "metrics.json": document,
        "audit.json": audit("clean"),
        "samples.parquet": table,
        "predictions.parquet": predicted,
        "environment.json": environment(),
    }
    return write(folder, files)


def minimal(folder: Path) -> Path:
    """No file but metrics.json, and no number in it but n."""
    nothing = {"value": None, "low": None, "high": None}
    test = {"n": 12, "accuracy": nothing, "mcc": nothing, "roc_auc": nothing, "ece": nothing}
    return write(
        folder,
        {
            "metrics.json": {
                "classes": ["no", "yes"],
                "positive": "yes",
                "headline": "mcc",
                "test": {
                    **test,
                    "per_class": {
                        name: {"n": 6, "precision": None, "recall": None, "roc_auc": None}
                        for name in ("no", "yes")
                    },
                    "confusion": [[0, 0], [0, 0]],
                    "calibration": [
                        {"low": 0.5, "high": 1.0, "n": 0, "confidence": None, "accuracy": None}
                    ],
                    "curves": {"yes": {"roc": {"x": [], "y": []}, "pr": {"x": [], "y": []}}},
                    "groups": {"gene": [{"value": "A", "n": 3, "accuracy": None}]},
                },
                "validation": None,
                "baselines": {},
                "comparison": None,
                "folds": [],
            },
        },
    )


def hostile(folder: Path) -> Path:
    """Names that are markup, mathematics, control characters and other alphabets."""
    document = audit("warning")
    document["checks"][0]["summary"] = "<img src=x onerror=alert(1)> & more"
    document["checks"][0]["details"] = {"<i>key</i>": ["<u>value</u>"]}
    made = metrics(HOSTILE, 1.6, homolog=1.6)
    made["test"]["groups"] = {"<em>gene</em>": [{"value": "<s>x</s>", "n": 3, "accuracy": 0.5}]}
    table = samples(HOSTILE, 800, 0, "<h1>reason</h1>").rename(columns={"gene": "<em>gene</em>"})
    write(
        folder,
        {
            "experiment.yaml": {**experiment("</title><script>alert(2)</script>"), "x": "</code>"},
            "metrics.json": made,
            "audit.json": document,
            "samples.parquet": table,
            "predictions.parquet": predictions(HOSTILE, *draw(HOSTILE, 200, 1.6)),
            "history.csv": history(12),
            "environment.json": environment(
                notes=["<b>note</b>"], sources={"<a>.fasta": "<hash>"}, command="a < b && c"
            ),
        },
    )
    write_metadata(folder)
    return folder


def cells(folder: Path) -> Path:
    """A cross-validation of cells in many donors, with names that are markup."""
    rng = np.random.default_rng(6)
    n, k = 900, len(HOSTILE)
    targets, shares = draw(HOSTILE, n, 1.6)
    donor = np.array([f"donor {d}" for d in rng.zipf(1.5, size=n) % 30], dtype=object)
    donor[targets == 2] = "<b>only & one</b>"
    table = samples(HOSTILE, n, 5, "no counts").drop(columns=["length", "gene"])
    table.loc[: n - 1, "donor"] = donor
    table.loc[: n - 1, "label"] = np.array(HOSTILE, dtype=object)[targets]
    predicted = predictions(HOSTILE, targets, shares).assign(warning="", rejected=False)
    predicted.loc[::7, "rejected"] = True
    drawn = table.loc[: n - 1, ["id", "label"]].assign(part="test")
    places = rng.normal(size=(n, 2)) + 2 * np.eye(k)[targets][:, :2]
    document = experiment("cells <of> everything")
    document |= {"samples": {"kind": "cells"}, "encoder": {"kind": "expression"}}
    document |= {"model": {"kind": "logistic_regression"}, "split": {"kind": "group"}}
    document["evaluation"]["projection"] = "umap"
    made = metrics(HOSTILE, 1.6, homolog=1.2, folds=5, n=n)
    del made["test"]["groups"]
    write(
        folder,
        {
            "experiment.yaml": document,
            "metrics.json": made,
            "samples.parquet": table,
            "predictions.parquet": predicted,
            "projection.parquet": drawn.assign(x=places[:, 0], y=places[:, 1]),
            "genes.json": genes(HOSTILE, rng),
            "environment.json": environment(sources={"/home/user/<a> cells.h5ad": "9f" * 32}),
        },
    )
    write_metadata(folder)
    return folder


def genes(classes: list[str], rng: np.random.Generator) -> dict:
    """Return genes.json of made-up genes, with names of every length."""
    names = ["MX1", "<i>G</i>", "ENSG00000105369.14_and_more", *(f"GENE{g}" for g in range(17))]
    kinds = ["", "ribosomal", "mitochondrial", *[""] * 17]
    each = [
        {
            "gene": name,
            "symbol": name,
            "direction": "down" if place % 3 else "up",
            "effect": -0.2 if place % 3 else 1.25,
            "stability": 1 - place / 40,
            "technical": kind,
        }
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]

    def numbers() -> dict[str, float]:
        return dict(zip(classes, rng.random(len(classes)).tolist(), strict=True))

    return {
        "method": "coefficients",
        "why": "",
        "folds": 5,
        "top": 20,
        "read": 2000,
        "technical": 0.06,
        "classes": {name: {"technical": 0.1, "genes": each} for name in classes},
        "expression": {
            "cells": dict.fromkeys(classes, 200),
            "genes": {name: {"share": numbers(), "mean": numbers()} for name in names},
        },
    }
