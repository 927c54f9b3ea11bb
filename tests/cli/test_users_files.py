"""No command deletes, or writes over, a file of the user."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.test_cli import EXPERIMENT, command, fails, write_fasta
from tests.conftest import planted_texts

MARK = ".cistron"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("users")
    texts, _ = planted_texts(240)
    write_fasta(folder / "without.fasta", texts[:120])
    write_fasta(folder / "with.fasta", texts[120:], first=120)
    quick = EXPERIMENT.replace("epochs: 3", "epochs: 1").replace(", length, composition", "")
    (folder / "experiment.yaml").write_text(quick)
    return folder


@pytest.fixture(scope="module")
def run(project: Path) -> Path:
    assert command("fit", str(project / "experiment.yaml"), "-o", str(project / "run"), "-q") == 0
    return project / "run"


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, but for those of marks."""
    files = (path for path in folder.rglob("*") if path.is_file() and MARK not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("option", [[], ["--force"], ["--resume"]])
@pytest.mark.parametrize("of", ["fit", "crossval", "tune"])
def test_a_project_folder_is_not_a_run(project, tmp_path, capsys, of, option) -> None:
    for name in ("experiment.yaml", "with.fasta", "without.fasta"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    if of == "tune":
        text = (tmp_path / "experiment.yaml").read_text()
        (tmp_path / "experiment.yaml").write_text(text.replace("3e-3", "{low: 1e-3, high: 1e-2}"))
    before = contents(tmp_path)
    said = fails(capsys, of, str(tmp_path / "experiment.yaml"), "-o", str(tmp_path), *option)
    assert "exists and is not a" in said
    assert "--force" not in said
    assert contents(tmp_path) == before
    assert not (tmp_path / MARK).exists()


def test_an_experiment_file_inside_the_run_is_not_replaced_with_it(run, capsys) -> None:
    before = contents(run)
    said = fails(capsys, "fit", str(run / "experiment.yaml"), "-o", str(run), "--force")
    assert "experiment.yaml is an input and lies in" in said
    assert contents(run) == before


def test_force_keeps_what_the_user_put_into_a_run(project, tmp_path, capsys) -> None:
    out = tmp_path / "run"
    arguments = ["fit", str(project / "experiment.yaml"), "-o", str(out), "-q"]
    assert command(*arguments) == 0
    source = str(project / "with.fasta")
    assert command("predict", str(out), source, "-o", str(out / "new.tsv"), "-q") == 0
    (out / "model" / "notes.md").write_text("mine")
    (out / "history.csv").write_text("epoch\nof the run\n")
    predicted = (out / "new.tsv").read_bytes()
    assert command(*arguments[:-1], "--force", "--set", "training.epochs=2") == 0
    assert "keeps 2 files that Cistron did not write" in capsys.readouterr().err
    assert (out / "new.tsv").read_bytes() == predicted
    assert (out / "model" / "notes.md").read_text() == "mine"
    assert len(pd.read_csv(out / "history.csv")) == 2
    assert command("predict", str(out), source, "-o", str(tmp_path / "p.tsv"), "-q") == 0


def test_resume_leaves_the_experiment_file_as_it_is(project, tmp_path) -> None:
    out = tmp_path / "run"
    arguments = ["fit", str(project / "experiment.yaml"), "-o", str(out), "-q"]
    assert command(*arguments) == 0
    commented = "# why these settings\n" + (out / "experiment.yaml").read_text()
    (out / "experiment.yaml").write_text(commented)
    (out / "metrics.json").unlink()
    assert command(*arguments, "--resume") == 0
    assert (out / "experiment.yaml").read_text() == commented


def test_of_two_fits_into_one_folder_one_is_whole_and_one_is_refused(project, tmp_path) -> None:
    for attempt in range(2):
        out = tmp_path / f"run{attempt}"
        begun = []
        for seed in ("1", "2"):
            arguments = ["fit", str(project / "experiment.yaml"), "-o", str(out), "--seed", seed]
            begun.append(
                subprocess.Popen(
                    [sys.executable, "-m", "cistron", *arguments, "-q"],
                    stderr=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    text=True,
                )
            )
            time.sleep(0.4 * attempt)
        said = [process.communicate()[1] for process in begun]
        codes = [process.returncode for process in begun]
        assert sorted(codes) == [0, 2], said
        refused = said[codes.index(2)]
        assert "Another process is writing" in refused or "never overwritten" in refused
        seed = str(codes.index(0) + 1)
        assert f"\n  seed: {seed}\n" in (out / "experiment.yaml").read_text()
        alone = tmp_path / f"alone{attempt}"
        arguments = ["fit", str(project / "experiment.yaml"), "-o", str(alone), "--seed", seed]
        assert command(*arguments, "-q") == 0
        for name in ("predictions.parquet", "model/weights.safetensors", "experiment.yaml"):
            assert (out / name).read_bytes() == (alone / name).read_bytes(), name


def test_a_run_that_another_process_finished_meanwhile_stays(project, tmp_path) -> None:
    """A fit reads from a pipe that is slow; another finishes in the same folder before."""
    out, pipe = tmp_path / "run", tmp_path / "with.fasta"
    os.mkfifo(pipe)
    (tmp_path / "slow.yaml").write_text(
        (project / "experiment.yaml")
        .read_text()
        .replace("without.fasta", str(project / "without.fasta"))
    )
    slow = subprocess.Popen(
        [sys.executable, "-m", "cistron", "fit", str(tmp_path / "slow.yaml"), "-o", str(out), "-q"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with pipe.open("wb") as stream:  # open once the slow one reads
        assert command("fit", str(project / "experiment.yaml"), "-o", str(out), "-q") == 0
        before = contents(out)
        stream.write((project / "with.fasta").read_bytes())
    said = slow.communicate()[1]
    assert slow.returncode == 2
    assert "holds a run, which is never overwritten" in said
    assert contents(out) == before


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_an_output_is_never_an_input(project, run, tmp_path, capsys, force) -> None:
    fasta = tmp_path / "in.fasta"
    fasta.write_bytes((project / "with.fasta").read_bytes())
    table = tmp_path / "in.csv"
    table.write_text("id,sequence\na,MKVWWHCWAAAAKLMNPQRSTVWYACDEFGHI\n")
    experiment = tmp_path / "experiment.yaml"
    text = (project / "experiment.yaml").read_text()
    experiment.write_text(
        text.replace("without.fasta", str(project / "without.fasta")).replace(
            " with.fasta", f" {fasta}"
        )
    )
    before = contents(tmp_path)
    for arguments in (
        ["windows", str(experiment), "-o", str(fasta)],
        ["windows", str(experiment), "-o", str(experiment)],
        ["predict", str(run), str(table), "-o", str(table)],
        ["mutate", str(run), str(table), "-o", str(table)],
        ["families", str(fasta), str(table), "-o", str(fasta)],
        ["families", str(fasta), str(table), "-o", str(table)],
        ["embed", str(table), "-o", str(table)],
    ):
        said = fails(capsys, *arguments, *force)
        assert "is an input itself" in said or "the suffix tells the format" in said
        assert contents(tmp_path) == before


def test_outputs_that_exist_need_force(project, run, tmp_path, capsys) -> None:
    out = tmp_path / "o.fasta"
    out.write_text("mine")
    arguments = ["windows", str(project / "experiment.yaml"), "-o", str(out), "-q"]
    assert "never overwritten" in fails(capsys, *arguments)
    assert out.read_text() == "mine"
    assert command(*arguments, "--force") == 0
    assert out.read_text().startswith(">p0")


def test_folders_and_files_of_users_with_names_like_ours_stay(project, run, tmp_path) -> None:
    (tmp_path / "p.tsv.partial").write_text("mine")
    (tmp_path / "other.tsv.parts").mkdir()
    (tmp_path / "other.tsv.parts" / "0.parquet").write_text("mine")
    arguments = ["predict", str(run), str(project / "with.fasta"), "-q", "-o"]
    assert command(*arguments, str(tmp_path / "p.tsv")) == 0
    assert (tmp_path / "p.tsv.partial").read_text() == "mine"
    assert command(*arguments, str(tmp_path / "other.tsv"), "--force") == 2
    assert command(*arguments, str(tmp_path / "other.tsv"), "--resume") == 2
    assert (tmp_path / "other.tsv.parts" / "0.parquet").read_text() == "mine"


def test_an_explanation_made_again_has_no_figures_of_the_one_before(
    project, run, tmp_path, capsys
) -> None:
    out = tmp_path / "explained"
    arguments = ["explain", str(run), str(project / "with.fasta"), "-o", str(out), "-q"]
    arguments += ["--method", "occlusion", "--limit"]
    assert command(*arguments, "6") == 0
    assert len(list((out / "figures").glob("sample-*.svg"))) == 6
    (out / "figures" / "mine.svg").write_text("mine")
    assert "never overwritten" in fails(capsys, *arguments, "2")
    assert command(*arguments, "2", "--force") == 0
    assert len(list((out / "figures").glob("sample-*.svg"))) == 2
    assert (out / "figures" / "mine.svg").read_text() == "mine"
    folder = tmp_path / "of the user"
    folder.mkdir()
    (folder / "data.csv").write_text("mine")
    into = [*arguments[:4], str(folder), *arguments[5:], "2", "--force"]
    assert "is not an explanation" in fails(capsys, *into)
    assert contents(folder) == {"data.csv": b"mine"}


def test_heat_maps_made_again_are_those_of_the_new_input(run, tmp_path, capsys) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.fasta").write_text(f">{name}\nMKVWWHCWAAAAKLMNPQRSTVWYACDEFGHI\n")
    maps = tmp_path / "maps"

    def arguments(name: str) -> list[str]:
        out = ["-o", str(tmp_path / f"{name}.tsv"), "--maps", str(maps), "-q"]
        return ["mutate", str(run), str(tmp_path / f"{name}.fasta"), *out]

    assert command(*arguments("a")) == 0
    assert "never overwritten" in fails(capsys, *arguments("b"))
    assert command(*arguments("b"), "--force") == 0
    assert [path.name for path in maps.glob("*.svg")] == ["b.svg"]
