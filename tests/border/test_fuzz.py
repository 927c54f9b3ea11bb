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

LONG = 40  # times the files of a usual run
BINARY = [name for name in FORMATS if "h5" in name]
GROUPS = [[name for name in FORMATS if name not in BINARY], BINARY]


def fuzzed(names: list[str], times: int, seed: int) -> None:
    command = [sys.executable, "-m", "tests.border.fuzz", str(times), str(seed), *names]
    limit = 180 * (1 + times)  # a hang, and no slow machine, is what ends here
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count("refused") == len(names)


@pytest.mark.parametrize("names", GROUPS, ids=["text", "binary"])
def test_changed_files(names):
    fuzzed(names, 1, seed=1)


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
