"""How to use the classifier of the run."""

from __future__ import annotations

import shlex

from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown


def predict(content: Content) -> Shown:
    """Say how to use the classifier of the run."""
    kind = content.section("samples").get("kind")
    new = {"table": "new.csv", "cells": "new.h5ad"}.get(str(kind), "new.fasta")
    columns, second = list(content.target.predicted), content.metrics.get("second")
    if second:
        columns.append(f"the same of {second['name']}")
    return {
        "command": f"cistron predict {shlex.quote(content.folder)} {new} --out predictions.tsv",
        "possible": content.has_model,
        "columns": columns,
    }


PREDICT = ReportSection(
    "predict", "Predict with it", "Predict with it", predict, "sections/predict.html"
)
