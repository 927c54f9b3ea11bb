"""Files appear whole or not at all; folders are known by their mark, and lose our files alone."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from cistron.base.errors import InputError
from cistron.base.hdf5 import hdf5_file
from cistron.base.output_folder import OutputFolder, kept
from cistron.base.outputs import (
    MARK,
    listed,
    new_file,
    require_new,
    write_json,
    write_text,
    written,
    written_folder,
)

RUN = "a run"


def files_in(folder: Path) -> list[str]:
    """Return every file but those of the mark."""
    inside = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(name.as_posix() for name in inside if MARK not in name.parts)


def made(path: Path, **contents: str) -> OutputFolder:
    """Return a folder that holds files that Cistron wrote."""
    folder = OutputFolder(path, RUN)
    with folder.opened():
        for name, text in contents.items():
            write_text(path / name, text)
    return folder


def test_a_block_that_fails_leaves_the_old_file_and_no_draft(tmp_path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail() -> None:
        with written(path) as draft:
            draft.write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_users_that_are_named_like_drafts_are_safe(tmp_path) -> None:
    for name in ("a.txt.partial", "a.partial", "a.txt.parts", "a.txt.tmp"):
        (tmp_path / name).write_text("mine")
    write_text(tmp_path / "a.txt", "text")
    assert {p.read_text() for p in tmp_path.iterdir() if p.name != "a.txt"} == {"mine"}


def test_a_file_that_another_process_made_meanwhile_is_kept(tmp_path) -> None:
    path = tmp_path / "a.txt"

    def write() -> None:
        with new_file(path) as draft:
            draft.write_text("second")
            path.write_text("first")

    with pytest.raises(InputError, match="another process"):
        write()
    assert path.read_text() == "first"


def test_an_input_is_never_an_output(tmp_path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("text")
    link.hardlink_to(path)
    for force in (True, False):
        with pytest.raises(InputError, match="is an input itself"):
            require_new(link, force=force, inputs=[path])
    with pytest.raises(InputError, match="never overwritten"):
        require_new(path, force=False)
    with pytest.raises(InputError, match="is a folder"):
        require_new(tmp_path, force=True)
    require_new(path, force=True, inputs=[tmp_path / "other", "-"])


def test_force_deletes_what_is_listed_and_nothing_else(tmp_path) -> None:
    folder = made(tmp_path / "run", **{"a.txt": "ours"})
    with folder.opened(force=True), written_folder(folder.path / "model") as draft:
        (draft / "weights").write_text("w")
    (folder.path / "model" / "notes.txt").write_text("mine")
    (folder.path / "data").mkdir()
    (folder.path / "data" / "pos.fasta").write_text("mine")
    inner = OutputFolder(folder.path / "explained", "an explanation")
    with inner.opened():
        write_text(inner.path / "summary.json", "{}")
    with folder.opened(force=True) as others:
        assert others == ["data/pos.fasta", "model/notes.txt"]
        kept_files = ["data/pos.fasta", "explained/summary.json", "model/notes.txt"]
        assert files_in(folder.path) == kept_files
        with written_folder(folder.path / "model") as draft:
            (draft / "weights").write_text("w")
        with pytest.raises(FileExistsError), written_folder(folder.path / "model"):
            pass
    assert (folder.path / "model" / "weights").exists()
    assert "2 files that Cistron did not write: data/pos.fasta" in kept(others, folder.path)


def test_a_file_of_the_user_in_a_run_is_not_written_over(tmp_path) -> None:
    folder = made(tmp_path / "run", **{"a.txt": "ours"})
    (folder.path / "report.html").write_text("mine")
    with folder.opened(force=True):
        with pytest.raises(InputError, match="was not written by Cistron"):
            write_text(folder.path / "report.html", "new")
        write_text(folder.path / "a.txt", "again")
        write_text(folder.path / "a.txt", "and again")
    assert (folder.path / "report.html").read_text() == "mine"


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_without_a_mark_is_the_users(tmp_path, force, resume) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("experiment.yaml", "pos.fasta", "metrics.json", "search.yaml"):
        (project / name).write_text("mine")
    for what in (RUN, "a search", "an explanation"):
        with (
            pytest.raises(InputError, match="exists and is not"),
            OutputFolder(project, what).opened(force=force, resume=resume),
        ):
            pass
    assert len(files_in(project)) == 4
    assert not (project / MARK).exists()


def test_folders_of_another_kind_are_refused(tmp_path) -> None:
    folder = made(tmp_path / "run")
    with (
        pytest.raises(InputError, match="is not an explanation"),
        OutputFolder(folder.path, "an explanation").opened(force=True),
    ):
        pass


def test_inputs_in_a_folder_keep_it_from_being_replaced(tmp_path) -> None:
    folder = made(tmp_path / "run", **{"experiment.yaml": "ours"})
    inside = folder.path / "experiment.yaml"
    with pytest.raises(InputError, match="is an input and lies in"):
        folder.require(force=True, inputs=[inside])
    folder.require(force=False, resume=True, inputs=[inside])
    folder.require(force=True, inputs=[tmp_path / "experiment.yaml"])


def _hold(path: str, ready: multiprocessing.synchronize.Event) -> None:
    with OutputFolder(Path(path), RUN).opened():
        write_text(Path(path) / "a.txt", "first")
        ready.set()
        multiprocessing.Event().wait(60)


def test_two_processes_never_write_one_folder(tmp_path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=_hold, args=(str(tmp_path / "run"), ready))
    holder.start()
    assert ready.wait(60)
    folder = OutputFolder(tmp_path / "run", RUN)
    for how in ({"force": True}, {"resume": True}):
        with pytest.raises(InputError, match="Another process is writing"), folder.opened(**how):
            pass
    assert (tmp_path / "run" / "a.txt").read_text() == "first"
    holder.kill()
    holder.join()
    assert not folder.finished
    with folder.opened(resume=True):  # the lock goes with the process
        pass
    assert folder.finished


def test_what_another_process_finished_meanwhile_is_kept(tmp_path) -> None:
    slow = OutputFolder(tmp_path / "run", RUN)
    slow.require(force=False)
    made(tmp_path / "run", **{"a.txt": "by the fast one"})
    with pytest.raises(InputError, match="never overwritten"), slow.opened():
        pass
    assert files_in(tmp_path / "run") == ["a.txt"]


def test_remove_leaves_what_others_put_there(tmp_path) -> None:
    folder = made(tmp_path / "x.parts", **{"job.json": "{}"})
    folder.remove()
    assert not folder.path.exists()
    folder = made(tmp_path / "x.parts", **{"job.json": "{}"})
    (folder.path / "mine.txt").write_text("mine")
    folder.remove()
    assert files_in(folder.path) == ["mine.txt"]


def test_names_that_are_not_utf8_are_listed_too(tmp_path) -> None:
    folder = made(tmp_path / "run")
    strange = folder.path / b"caf\xe9 \n.txt".decode("utf-8", "surrogateescape")
    try:
        write_text(strange, "ours")
    except OSError:
        pytest.skip("the file system takes no such names")
    assert len(listed(folder.path)) == 1
    folder.clear()
    assert files_in(folder.path) == []


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from cistron.base.errors import InputError
from cistron.base.hdf5 import hdf5_file
from cistron.base.outputs import new_file, write_json, written
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
folder = Path(sys.argv[1])
numbers = np.random.default_rng(1).random((200, 200))

def hdf5(path):
    with hdf5_file(path) as file:
        values = file.create_dataset("a", (0, 200), maxshape=(None, 200), chunks=(7, 200))
        for number in range(20):
            values.resize(200 * (number + 1), axis=0)
            values[200 * number :] = numbers
            file.flush()

writers = {
    "a.json": lambda path: path.write_text("x" * 100_000),
    "a.parquet": lambda path: pd.DataFrame(numbers).add_prefix("c").to_parquet(path),
    "a.safetensors": lambda path: save_file({"a": torch.from_numpy(numbers)}, path),
    "a.npz": lambda path: np.savez(path, a=numbers),
    "a.h5": hdf5,
}
for name, write in writers.items():
    for appearing in (written, new_file):
        try:
            with appearing(folder / name) as draft:
                write(draft)
        except InputError as error:
            assert str(error).startswith(f"{folder / name} cannot be written: "), error
        else:
            raise SystemExit(f"{name} was written")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are of POSIX")
def test_a_file_that_finds_no_room_is_one_sentence_and_no_file(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_hdf5_file_is_closed_whatever_happens(tmp_path) -> None:
    opened = []

    def fail() -> None:
        with hdf5_file(tmp_path / "a.h5") as file:
            opened.append(file)
            file["a"] = [1, 2]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not opened[0]


def test_json_holds_no_nan(tmp_path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "a.json", {"a": "µ"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": "µ"}
