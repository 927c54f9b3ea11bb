"""Killed at any moment and resumed, a command ends as if it had not been disturbed.

Files appear by a rename (`cistron.base.outputs`), so the moments are the renames: the command is
killed just before the n-th of them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cistron import cli
from cistron.encoders.language_models import embedder
from tests.cli.test_cli import EXPERIMENT, write_fasta
from tests.conftest import planted_texts
from tests.encoders.language_models.tiny import make_tiny_esm

MOMENTS = 15
RESUMED = {"fit", "crossval", "tune", "predict"}  # what is continued; embed goes on by its cache
TIMES = ("seconds", "started", "command", "host", "modified", "datetime_start", "datetime_complete")
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(
    [
        "cistron.pipeline.pipeline",
        "cistron.pipeline.tuning.tune",
        "cistron.classifier.predict.embed",
        "cistron.classifier.predict.predict_shards",
    ]
)


def _run(arguments: list[str], at: int, counted: Any) -> None:
    """Run a command in this process, which is killed before the file of that number appears.

    Its cache is its own, so that an earlier run does not spare it files.
    """
    out = Path(arguments[arguments.index("-o") + 1])
    os.environ["CISTRON_CACHE"] = str(out.parent.with_name(out.parent.name + "-cache"))
    for name in ("replace", "rename"):
        real = getattr(Path, name)

        def moved(self: Path, target: Path, real: Any = real) -> Path:
            counted.value += 1
            if counted.value == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(self, target)

        setattr(Path, name, moved)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        sys.stdout = sys.stderr = nowhere
        sys.argv = ["cistron", *arguments]
        embedder._load.cache_clear()
        cli.main()


def run(arguments: list[str], at: int = 0) -> tuple[int, int]:
    """Run a command in a process of its own; return its exit code and how many files appeared."""
    counted = SPAWN.Value("i", 0)
    process = SPAWN.Process(target=_run, args=(arguments, at, counted))
    process.start()
    process.join(300)
    return process.exitcode, counted.value


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    texts, _ = planted_texts(120)
    write_fasta(folder / "without.fasta", texts[:60])
    write_fasta(folder / "with.fasta", texts[60:], first=60)
    quick = EXPERIMENT.replace(", length, composition", "")
    (folder / "experiment.yaml").write_text(quick)
    ranged = quick.replace("3e-3", "{low: 1e-3, high: 1e-2, log: true}")
    (folder / "search.yaml").write_text(ranged.replace("epochs: 3", "epochs: 1"))
    (folder / "in").mkdir()
    for number in range(3):
        new, _ = planted_texts(20, seed=number)
        write_fasta(folder / "in" / f"{number}.fasta", new)
    assert run(["fit", str(folder / "experiment.yaml"), "-o", str(folder / "run")])[0] == 0
    make_tiny_esm(folder / "tiny")
    return folder


def arguments_of(name: str, project: Path) -> list[str]:
    """Return a command without its output."""
    return {
        "fit": ["fit", f"{project}/experiment.yaml", "-o"],
        "seeds": ["fit", f"{project}/experiment.yaml", "--seeds", "2", "-o"],
        "crossval": ["crossval", f"{project}/experiment.yaml", "-o"],
        "tune": ["tune", f"{project}/search.yaml", "--trials", "3", "-o"],
        "predict": ["predict", f"{project}/run", f"{project}/with.fasta", "-o"],
        "shards": ["predict", f"{project}/run", f"{project}/in", "-o"],
        "embed": ["embed", f"{project}/with.fasta", "--model", f"{project}/tiny", "-o"],
    }[name]


OUTPUTS = {"predict": "out.tsv", "embed": "out.parquet"}


def plain(value: Any) -> Any:
    """Return a document without what differs between any two runs."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key not in TIMES}
    return [plain(one) for one in value] if isinstance(value, list) else value


def content(path: Path) -> Any:
    """Return what a file says, without times."""
    if path.suffix == ".json":
        return json.dumps(plain(json.loads(path.read_text())), sort_keys=True)
    if path.suffix == ".csv":
        table = pd.read_csv(path)
        return table.drop(columns=[one for one in TIMES if one in table]).to_csv()
    if path.suffix in (".html", ".txt", ".journal", ".jsonld"):
        return path.stat().st_size > 0
    return path.read_bytes()


def contents(out: Path) -> dict[str, Any]:
    """Return every file that a command leaves, and what it says."""
    found = {}
    for path in sorted(out.parent.rglob("*")):
        if path.is_file() and ".cistron" not in path.parts and path.suffix != ".lock":
            name = path.relative_to(out.parent).as_posix()
            found[name] = content(path) if path.name != "classifier.json" else True
    return found


def whole(name: str, project: Path, folder: Path) -> tuple[dict[str, Any], int]:
    """Return what the undisturbed command leaves, and how many files it makes appear."""
    out = folder / "calm" / OUTPUTS.get(name, "out")
    out.parent.mkdir(parents=True)
    code, moments = run([*arguments_of(name, project), str(out)])
    assert code == 0
    return contents(out), moments


def disturbed(name: str, project: Path, folder: Path, at: int) -> dict[str, Any]:
    """Return what is left by the command that is killed at a moment, and resumed."""
    out = folder / f"killed-{at}" / OUTPUTS.get(name, "out")
    out.parent.mkdir(parents=True)
    arguments = [*arguments_of(name, project), str(out)]
    assert run(arguments, at)[0] == -signal.SIGKILL
    if name == "embed" and out.exists():
        return contents(out)
    assert run([*arguments, "--resume"])[0] == 0
    return contents(out)


def compare(name: str, project: Path, folder: Path, moments: int) -> None:
    calm, last = whole(name, project, folder)
    chosen = sorted({round(1 + k * (last - 1) / max(moments - 1, 1)) for k in range(moments)})
    for at in chosen:
        left = {
            path: told
            for path, told in disturbed(name, project, folder, at).items()
            if not Path(path).name.startswith(".cistron-")  # a draft of the killed process
        }
        assert left.keys() == calm.keys(), f"killed before file {at} of {last}"
        different = [path for path in calm if left[path] != calm[path]]
        assert not different, f"killed before file {at} of {last}: {different}"


@pytest.mark.parametrize("name", ["fit", "predict"])
def test_killed_at_the_first_the_middle_and_the_last_file(name, project, tmp_path) -> None:
    compare(name, project, tmp_path, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fit", "seeds", "crossval", "tune", "predict", "shards", "embed"])
def test_killed_at_fifteen_moments(name, project, tmp_path) -> None:
    compare(name, project, tmp_path, MOMENTS)
