"""What users get wrong about cells on the command line: one clear sentence each."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse
from typer.testing import CliRunner

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict_cells import predict_cell_file
from cistron.cli import app
from tests.cells_planted import planted, write_h5ad


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with cells, and with a classifier of them."""
    where = tmp_path_factory.mktemp("commands")
    samples = planted(30, 3)
    path = write_h5ad(samples, where / "cells.h5ad")
    encoder = {"kind": "expression", "genes": {"kind": "all"}}
    Classifier(encoder, "logistic_regression").fit(samples).save(where / "model")
    cells = anndata.read_h5ad(path)
    cells.obs["score"] = np.random.default_rng(0).random(len(cells))
    cells.write_h5ad(where / "scores.h5ad")
    cells[cells.obs["donor"] == "d0"].copy().write_h5ad(where / "one.h5ad")
    cells.X = sparse.csr_matrix(cells.shape, dtype=np.float32)
    cells.write_h5ad(where / "silent.h5ad")
    cells.X = sparse.csr_matrix(np.log1p(samples.payload.read().toarray()))
    cells.write_h5ad(where / "logarithms.h5ad")
    return where


def said(*arguments: str | Path) -> str:
    """Return the sentence with which a command stops."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def check(folder: Path, samples: dict, **sections: dict) -> str:
    made = {
        "name": "cells",
        "samples": {"kind": "cells", "label": "label", "groups": ["donor"], **samples},
        "split": {"kind": "group", "columns": "donor", "folds": "each"},
        "encoder": {"kind": "expression"},
        "model": {"kind": "logistic_regression"},
        **sections,
    }
    (folder / "experiment.yaml").write_text(yaml.safe_dump(made))
    return said("check", folder / "experiment.yaml")


def test_a_label_of_numbers_is_not_listed_whole(folder):
    text = check(folder, {"path": str(folder / "scores.h5ad"), "label": "score"})
    assert "every class needs at least two" in text
    assert "and 170 more" in text
    assert len(text) < 600


def test_cells_have_no_windows(folder):
    check(folder, {"path": str(folder / "one.h5ad")})
    text = said("windows", folder / "experiment.yaml", "-o", folder / "windows.fasta")
    assert "the samples are cells and have no sequences" in text
    assert not (folder / "windows.fasta").exists()


def test_one_file_for_two_classes(folder):
    path = str(folder / "cells.h5ad")
    samples = {"kind": "cells", "classes": {"a": path, "b": path}}
    text = check(folder, {**samples, "label": None, "groups": []}, split={"kind": "random"})
    assert f"{path} is given twice, for 'a' and 'b'" in text
    text = check(folder, {"path": [path, path]})
    assert f"{path} is given twice. Give each file once" in text


def test_one_donor_cannot_be_left_out(folder):
    text = check(folder, {"path": str(folder / "one.h5ad")})
    assert "there is only 1 group that may not be divided" in text


def test_a_word_where_keys_are_needed(folder):
    encoder = {"kind": "expression", "scale": "z_score"}
    text = check(folder, {"path": str(folder / "cells.h5ad")}, encoder=encoder)
    assert "encoder.scale: 'z_score' stands where keys do. Write {kind: …}" in text


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("logarithms.h5ad", [], "Counts are whole numbers. The classifier reads counts"),
        ("cells.h5ad", ["--layer", "raw"], "has no layer 'raw' (samples.layer, or --layer)"),
        ("silent.h5ad", [], "no cell has a gene above zero"),
        ("model", [], "is a folder with neither a matrix.mtx (10x) nor zarr"),
        ("cells.h5", [], "there is no such file. Did you mean 'cells.h5ad'?"),
        ("cells.h5ad", ["--aliases", "nowhere.csv"], "nowhere.csv: there is no such file"),
    ],
)
def test_predictions_that_cannot_be_made(folder, name, options, sentence):
    out = folder / "calls.tsv"
    assert sentence in said("predict", folder / "model", folder / name, "--out", out, *options)
    assert not list(folder.glob("calls*"))


@pytest.mark.parametrize("suffix", ["tsv", "parquet"])
def test_a_stretch_of_silent_cells_keeps_its_rows(folder, tmp_path, monkeypatch, suffix):
    """Also where nothing of what is read at a time can be predicted."""
    import cistron.classifier.predict.predict_cells as module

    monkeypatch.setattr(module, "WINDOW", 16)
    cells = anndata.read_h5ad(folder / "cells.h5ad")
    silent = np.r_[np.arange(20), np.arange(70, 110)]
    keep = np.ones(len(cells), dtype=np.float32)
    keep[silent] = 0
    cells.X = sparse.csr_matrix(sparse.diags(keep) @ cells.X)
    cells.X.eliminate_zeros()
    cells.write_h5ad(tmp_path / "some.h5ad")
    out = tmp_path / f"calls.{suffix}"
    found = predict_cell_file(cistron.load(folder / "model"), tmp_path / "some.h5ad", out)
    table = pd.read_csv(out, sep="\t") if suffix == "tsv" else pd.read_parquet(out)
    assert table["id"].tolist() == cells.obs_names.tolist()
    assert np.flatnonzero(table["predicted"].isna()).tolist() == silent.tolist()
    told = table["warning"].iloc[silent]
    assert (told == "not predicted: no gene above zero").all()
    assert (found["records"], found["predicted"]) == (180, 120)
