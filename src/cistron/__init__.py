"""Cistron: from biological sequences to classifiers a scientist can trust."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Name → module: imported on first use, so that `import cistron` is cheap.
_HOMES = {
    "Classifier": "cistron.classifier",
    "Ensemble": "cistron.ensemble",
    "Experiment": "cistron.experiment",
    "InputError": "cistron.errors",
    "Run": "cistron.run",
    "Samples": "cistron.samples",
    "Sequences": "cistron.samples",
    "Split": "cistron.splits",
    "audit": "cistron.splits.audit",
    "check": "cistron.pipeline",
    "compare_runs": "cistron.compare",
    "chromosome_split": "cistron.splits.chromosome",
    "crossval": "cistron.pipeline",
    "fit": "cistron.pipeline",
    "group_split": "cistron.splits.group",
    "homology_split": "cistron.splits.homology",
    "join_runs": "cistron.joined",
    "load": "cistron.model_files",
    "make_samples": "cistron.samples",
    "predict_file": "cistron.predict",
    "random_split": "cistron.splits.random",
    "read_cells": "cistron.samples.cells",
    "read_experiment": "cistron.experiment",
    "read_fasta": "cistron.samples.fasta",
    "read_profiles": "cistron.samples.profiles",
    "read_genome": "cistron.samples.genome",
    "read_table": "cistron.samples.table",
    "settle": "cistron.splits.settle",
}
__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from cistron.classifier import Classifier as Classifier
    from cistron.ensemble import Ensemble as Ensemble
    from cistron.errors import InputError as InputError
    from cistron.model_files import load as load
    from cistron.samples.cells import read_cells as read_cells
    from cistron.samples.fasta import read_fasta as read_fasta
    from cistron.samples.profiles import read_profiles as read_profiles
    from cistron.samples.table import read_table as read_table
    from cistron.splits.group import group_split as group_split
    from cistron.splits.homology import homology_split as homology_split
    from cistron.splits.random import random_split as random_split


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cistron' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
