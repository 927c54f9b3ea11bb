"""Files of every format, changed at random, are read or refused: no hang, crash or traceback."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest

from cistron.base.errors import InputError
from cistron.classifier.imports import keras
from tests.border.fuzz import FORMATS
from tests.places import DATA

SECONDS, LONG = 15.0, 900.0
BINARY = [name for name in FORMATS if "h5" in name]
GROUPS = [[name for name in FORMATS if name not in BINARY], BINARY]


def fuzzed(names: list[str], seconds: float, seed: int) -> None:
    command = [sys.executable, "-m", "tests.border.fuzz", str(seconds), str(seed), *names]
    limit = 120 + 2 * seconds
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count("refused") == len(names)


@pytest.mark.parametrize("names", GROUPS, ids=["text", "binary"])
def test_changed_files(names):
    fuzzed(names, SECONDS, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("names", GROUPS, ids=["text", "binary"])
def test_changed_files_for_long(names):
    fuzzed(names, LONG, seed=2)


def test_an_hdf5_file_that_is_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(keras, "PATIENCE", 3)
    path = tmp_path / "model.h5"
    path.write_bytes(gzip.decompress((DATA / "endless.h5.gz").read_bytes()))
    with pytest.raises(InputError, match="cut short or no HDF5 file"):
        keras.import_keras([path])
