"""Closed streams, terminals of ASCII and names that are not UTF-8: no traceback."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cistron.samples.sequences.public import PUBLIC
from tests.cli.test_cli import EXPERIMENT, command, fails, write_fasta
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


def test_a_table_in_a_pipe_is_whole() -> None:
    code, said = cistron("cistron data list", COLUMNS="40")
    assert code == 0
    assert "\N{HORIZONTAL ELLIPSIS}".encode() not in said
    for data in PUBLIC.values():  # a row each, not folded
        assert any(
            data.title.encode() in line and data.origin.encode() in line
            for line in said.splitlines()
        )


def test_predictions_on_stdout(fasta) -> None:
    code, said = cistron(f"cistron predict '{RUN}' '{fasta}' -o '{fasta}.tsv'")
    assert code == 0
    code, said = cistron(f"cistron predict '{RUN}' - --out - < '{fasta}' 2> '{fasta}.log'")
    assert (code, said) == (0, Path(f"{fasta}.tsv").read_bytes())
    log = Path(f"{fasta}.log").read_text()
    assert log.startswith("stdout: 20 records, 20 predicted")
    assert not list(fasta.parent.glob("-*"))


@pytest.mark.parametrize("more", ["--json", "--resume"])
def test_what_does_not_go_with_predictions_on_stdout(fasta, more, capfd) -> None:
    assert command("predict", str(RUN), str(fasta), "-o", "-", more) == 2
    said = f"{more} does not go with --out -. Name a file: --out predictions.tsv.\n"
    assert "".join(capfd.readouterr()) == said


def test_several_inputs_do_not_go_to_stdout(fasta, capsys) -> None:
    said = fails(capsys, "predict", str(RUN), str(fasta.parent), "-o", "-")
    assert "Several inputs need a folder: --out FOLDER." in said
    said = fails(capsys, "predict", str(RUN), f"a={fasta}", "-o", "-")
    assert "--out - does not go with labelled sequences" in said


COLOUR = re.compile(rb"\x1b\[(\d+;)*3\d")


@pytest.fixture
def experiment(fasta) -> Path:
    texts, _ = planted_texts(60)
    write_fasta(fasta.parent / "without.fasta", texts[:30])
    write_fasta(fasta.parent / "with.fasta", texts[30:], first=30)
    (fasta.parent / "experiment.yaml").write_text(EXPERIMENT)
    return fasta.parent / "experiment.yaml"


def test_no_colours(experiment) -> None:
    line = f"cistron check '{experiment}' --no-homology -q"
    assert COLOUR.search(cistron(line, FORCE_COLOR="1")[1])
    assert not COLOUR.search(cistron(line, FORCE_COLOR="1", NO_COLOR="1")[1])
    code, said = cistron(f"{line} --no-color", FORCE_COLOR="1")
    assert code == 0
    assert not COLOUR.search(said)


def test_completion_of_a_shell() -> None:
    asked = {"_CISTRON_COMPLETE": "complete_bash", "COMP_WORDS": "cistron pre", "COMP_CWORD": "1"}
    program = f"{sys.executable} -c 'from cistron.cli import app; app(prog_name=\"cistron\")'"
    done = subprocess.run(
        ["sh", "-c", program], capture_output=True, check=False, env={**os.environ, **asked}
    )
    assert done.stdout.split() == [b"predict"]
    code, said = cistron("cistron --help")
    assert (code, b"--install-completion" in said) == (0, True)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_terminal_shows_a_bar_while_it_searches(experiment) -> None:
    import pty

    text = experiment.read_text().replace("homology_search: false", "homology_search: true")
    experiment.write_text(text)
    shown, terminal = pty.openpty()
    program = [sys.executable, "-m", "cistron", "check", str(experiment), "--homology"]
    environment = {**os.environ, "TERM": "xterm", "XDG_CACHE_HOME": str(experiment.parent)}
    with subprocess.Popen(
        program, stdout=subprocess.DEVNULL, stderr=terminal, env=environment
    ) as running:
        os.close(terminal)
        said = b""
        with contextlib.suppress(OSError):  # how a pty says that its other end is closed
            while part := os.read(shown, 4096):
                said += part
    assert running.returncode == 0, said
    assert b"searching" in said
