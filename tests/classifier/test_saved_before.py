"""Classifiers saved by earlier versions load, and predict what they predicted then."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cistron
from tests.places import DATA

SAVED = DATA / "saved"
READ = {
    "proteins": lambda folder: cistron.read_fasta(folder / "input.fasta"),
    "several": lambda folder: cistron.read_table(folder / "input.tsv", label=None),
    "cells": lambda folder: cistron.read_cells(folder / "input.tsv", orientation="cells_in_rows"),
}
TOLERANCE = 1e-6


# scikit-learn says of models of other versions that they may be wrong: here is whether they are.
@pytest.mark.filterwarnings("ignore:Trying to unpickle estimator")
@pytest.mark.parametrize("name", READ)
def test_a_classifier_saved_before_predicts_the_same(name):
    folder = SAVED / name
    expected = pd.read_csv(
        folder / "expected.tsv", sep="\t", keep_default_na=False, float_precision="round_trip"
    )
    classifier = cistron.load(folder / "model").on("cpu")
    predicted = classifier.predict(READ[name](folder))
    assert predicted.columns.tolist() == expected.columns.tolist()
    for column in expected:
        if column.startswith("p_"):
            np.testing.assert_allclose(
                predicted[column], expected[column], rtol=0, atol=TOLERANCE, err_msg=column
            )
        else:
            assert predicted[column].tolist() == expected[column].tolist()
