"""Sections of an experiment of cells that cannot work together."""

from __future__ import annotations

import pytest

from cistron.base.errors import InputError
from cistron.experiment.file import make_experiment

CELLS = {"kind": "cells", "path": "cells.h5ad", "label": "class", "groups": {"donor": "donor"}}
EXPRESSION = {"kind": "expression"}


def experiment(**sections):
    document = {
        "name": "persister",
        "samples": CELLS,
        "split": {"kind": "random"},
        "encoder": EXPRESSION,
        "model": {"kind": "logistic_regression"},
        **sections,
    }
    return make_experiment(document)


def test_cells_and_their_encoder_belong_together():
    steps = {
        "kind": "expression",
        "genes": {"kind": "highly_variable", "number": 500, "by": "donor"},
        "scale": {"kind": "min_max"},
        "components": 100,
    }
    made = experiment(encoder=steps, model={"kind": "oncopersistnet"})
    assert made.encoder.components == 100
    with pytest.raises(InputError, match="'kmers' reads sequences, and samples.kind is 'cells'"):
        experiment(encoder={"kind": "kmers"})
    proteins = {"kind": "fasta", "classes": {"a": "a.fasta", "b": "b.fasta"}}
    with pytest.raises(InputError, match="'expression' reads cells, and samples.kind is 'fasta'"):
        experiment(samples=proteins)
    with pytest.raises(InputError, match="'cnn' reads positions per sample"):
        experiment(model={"kind": "cnn"})


@pytest.mark.parametrize(
    ("encoder", "samples", "message"),
    [
        ({"genes": {"kind": "highly_variable", "by": "patient"}}, {}, r"genes\.by: 'patient'"),
        ({"normalise": {"input": "logarithms"}}, {}, "samples.counts promises counts"),
        ({}, {"counts": False}, "samples.counts promises no counts"),
        ({"normalise": {"input": "logarithms"}}, {"counts": False}, "'seurat_v3' ranks genes"),
        ({"genes": {"kind": "hvg"}}, {}, "highly_variable, list, markers, all"),
        ({"genes": {"kind": "list"}}, {}, "either names or a file"),
        ({"genes": {"kind": "all", "number": 5}}, {}, "number: there is no such key"),
        ({"scale": {"kind": "zscore"}}, {}, "Did you mean 'z_score'"),
        ({"components": 0}, {}, "components"),
        ({"min_overlap": 2}, {}, "min_overlap"),
    ],
)
def test_steps_that_cannot_work_are_refused(encoder, samples, message):
    with pytest.raises(InputError, match=message):
        experiment(encoder={**EXPRESSION, **encoder}, samples={**CELLS, **samples})
