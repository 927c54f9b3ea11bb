"""Cistron: from biological sequences to classifiers a scientist can trust."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cistron.base.version import __version__

# Name → module: imported on first use, so that `import cistron` is cheap.
_HOMES = {
    "Classifier": "cistron.classifier.classifier",
    "Ensemble": "cistron.classifier.ensemble",
    "Experiment": "cistron.experiment.experiment",
    "InputError": "cistron.base.errors",
    "Run": "cistron.experiment.run_folder",
    "Samples": "cistron.samples.samples",
    "Sequences": "cistron.samples.samples",
    "Split": "cistron.splits.split",
    "audit": "cistron.splits.audit.audit",
    "check": "cistron.pipeline.check",
    "compare_runs": "cistron.pipeline.compare",
    "chromosome_split": "cistron.splits.chromosome",
    "crossval": "cistron.pipeline.pipeline",
    "fit": "cistron.pipeline.pipeline",
    "group_split": "cistron.splits.group",
    "homology_split": "cistron.splits.homology",
    "join_runs": "cistron.pipeline.joined",
    "load": "cistron.classifier.load",
    "make_samples": "cistron.samples.samples",
    "predict_file": "cistron.classifier.predict.predict",
    "random_split": "cistron.splits.random",
    "read_cells": "cistron.samples.cells.cells",
    "read_experiment": "cistron.experiment.file",
    "read_fasta": "cistron.samples.sequences.fasta",
    "read_profiles": "cistron.samples.sequences.profiles",
    "read_genome": "cistron.samples.genome.genome",
    "read_table": "cistron.samples.sequences.table",
    "score_sequences": "cistron.pipeline.independent",
    "settle": "cistron.splits.settle",
}
__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from cistron.base.errors import InputError as InputError
    from cistron.classifier.classifier import Classifier as Classifier
    from cistron.classifier.ensemble import Ensemble as Ensemble
    from cistron.classifier.load import load as load
    from cistron.samples.cells.cells import read_cells as read_cells
    from cistron.samples.sequences.fasta import read_fasta as read_fasta
    from cistron.samples.sequences.profiles import read_profiles as read_profiles
    from cistron.samples.sequences.table import read_table as read_table
    from cistron.splits.group import group_split as group_split
    from cistron.splits.homology import homology_split as homology_split
    from cistron.splits.random import random_split as random_split


# What these give explains itself, and starts from saved ones; what does that lies above them.
_EXPLAIN = {"Classifier", "Ensemble", "load"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cistron' has no attribute {name!r}")
    if name in _EXPLAIN:
        import_module("cistron.explain.explanation")
        import_module("cistron.classifier.load")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
