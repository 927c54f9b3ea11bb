"""Closed streams, terminals of ASCII and names that are not UTF-8: no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.test_cli import EXPERIMENT, write_fasta
from tests.conftest import planted_texts
from tests.places import DATA

RUN = DATA / "saved" / "proteins"


def cistron(line: str, **environment: str) -> tuple[int, bytes]:
    """Run a line of the shell with the command; return its exit code and what it says."""
    done = subprocess.run(
        ["sh", "-c", line.replace("cistron", f"'{sys.executable}' -m cistron", 1)],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    write_fasta(tmp_path / "new.fasta", planted_texts(20)[0])
    return tmp_path / "new.fasta"


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors by a POSIX shell")
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&- <&-"])
def test_closed_streams(closed, fasta) -> None:
    out = fasta.with_name("out.tsv")
    assert cistron(f"cistron predict '{RUN}' '{fasta}' -o '{out}' {closed}")[0] == 0
    assert len(pd.read_csv(out, sep="\t")) == 20


def test_a_closed_standard_input_is_empty(fasta) -> None:
    out = fasta.with_name("out.tsv")
    wrong, said = cistron(f"cistron predict '{RUN}' - -o '{out}' <&-")
    assert wrong == 2
    assert b"standard input is empty" in said


@pytest.mark.skipif(sys.platform == "win32", reason="names of bytes are of POSIX")
def test_a_name_that_is_not_utf8(fasta) -> None:
    strange = fasta.parent / os.fsdecode(b"caf\xe9.fasta")
    try:
        fasta.rename(strange)
    except OSError:
        pytest.skip("the file system takes no such names")
    out = strange.parent / "out.tsv"
    code, said = cistron(f"cistron predict '{RUN}' '{strange}' -o '{out}'")
    assert code == 0, said
    assert len(pd.read_csv(out, sep="\t")) == 20
    named = strange.parent / os.fsdecode(b"out\xe9.tsv")
    code, said = cistron(f"cistron predict '{RUN}' '{strange}' -o '{named}'")
    assert code == 2
    assert b"the name is not UTF-8 text" in said
    texts, _ = planted_texts(240)
    write_fasta(fasta.parent / "without.fasta", texts[:120])
    write_fasta(fasta.parent / "with.fasta", texts[120:], first=120)
    folder = fasta.parent / os.fsdecode(b"run\xe9")
    (fasta.parent / "experiment.yaml").write_text(EXPERIMENT)
    code, said = cistron(f"cistron fit '{fasta.parent}/experiment.yaml' -o '{folder}'")
    assert code == 2
    assert b"the name is not UTF-8 text" in said


def test_a_terminal_of_ascii(fasta) -> None:
    fasta.write_text(">prot\N{GREEK SMALL LETTER MU} x\nMKVWWHCW1\n>b\nMKVWWHCWAA\n")
    out = fasta.with_name("out.tsv")
    line = f"cistron predict '{RUN}' '{fasta}' -o '{out}'"
    code, said = cistron(line, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert code == 0, said
    assert pd.read_csv(out, sep="\t")["id"].tolist() == ["prot\N{GREEK SMALL LETTER MU}", "b"]
