"""Many files predicted at once: as one would be, each output once and whole."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.test_cli import EXPERIMENT, command, fails, write_fasta
from tests.conftest import planted_texts

SHARDS, EACH = 5, 60


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A classifier, one file of proteins, and the same in shards."""
    folder = tmp_path_factory.mktemp("shards")
    texts, _ = planted_texts(240)
    write_fasta(folder / "without.fasta", texts[:120])
    write_fasta(folder / "with.fasta", texts[120:], first=120)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    changes = ["--set", "training.epochs=1", "--set", "evaluation.baselines=[majority]"]
    arguments = ["fit", str(folder / "experiment.yaml"), "--out", str(folder / "run"), "-q"]
    assert command(*arguments, *changes) == 0
    new, _ = planted_texts(SHARDS * EACH, seed=5)
    write_fasta(folder / "new.fasta", new)
    (folder / "in").mkdir()
    for number in range(SHARDS):
        part = folder / "in" / f"shard_{number}.fasta"
        write_fasta(part, new[number * EACH : (number + 1) * EACH], first=number * EACH)
        if number % 2:
            with gzip.open(f"{part}.gz", "wb") as stream:
                stream.write(part.read_bytes())
            part.unlink()
    with (folder / "in" / "shard_0.fasta").open("a") as stream:
        stream.write(">digits\nMKV123\n")
    return folder


@pytest.fixture(scope="module")
def whole(project) -> dict[str, bytes]:
    """What an undisturbed prediction writes."""
    out = project / "whole"
    pattern = str(project / "in" / "shard_*.fasta*")
    assert command("predict", str(project / "run"), pattern, "-o", str(out), "-q") == 0
    return outputs(out)


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.tsv")}


def copied(project: Path, folder: Path) -> Path:
    shutil.copytree(project / "in", folder)
    return folder


def test_shards_hold_what_one_file_would(project, whole, capsys) -> None:
    one = project / "one.tsv"
    source = str(project / "new.fasta")
    assert command("predict", str(project / "run"), source, "-o", str(one), "-q") == 0
    assert sorted(whole) == [f"shard_{n}.tsv" for n in range(SHARDS)]
    tables = [pd.read_csv(project / "whole" / name, sep="\t") for name in sorted(whole)]
    found = pd.concat(tables, ignore_index=True)
    assert found.loc[EACH, "warning"].startswith("not predicted")
    pd.testing.assert_frame_equal(
        found.drop(index=EACH).reset_index(drop=True), pd.read_csv(one, sep="\t"), atol=1e-5
    )


def test_the_manifest_says_what_was_predicted_by_what(project, whole) -> None:
    found = json.loads((project / "whole" / "shards.json").read_text())
    known = json.loads((project / "run" / "model" / "classifier.json").read_text())
    assert found["classifier"] == known["sha256"]
    first, second = found["shards"][:2]
    assert (first["output"], first["records"], first["skipped"]) == ("shard_0.tsv", EACH + 1, 1)
    assert second["source"].endswith("shard_1.fasta.gz")
    assert second["predicted"] == EACH
    assert not (project / "whole" / "parts").exists()


def test_a_folder_in_two_processes_and_another_format(project, whole, tmp_path, capsys) -> None:
    arguments = ["predict", str(project / "run"), str(project / "in"), "-q", "--json"]
    more = ["--workers", "2", "--format", "parquet"]
    assert command(*arguments, "-o", str(tmp_path / "out"), *more) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["shards"], shown["records"], shown["skipped"]) == (SHARDS, SHARDS * EACH + 1, 1)
    table = pd.read_parquet(tmp_path / "out" / "shard_1.parquet")
    wanted = pd.read_csv(project / "whole" / "shard_1.tsv", sep="\t")
    pd.testing.assert_series_equal(table["p_with"], wanted["p_with"], atol=1e-5, check_dtype=False)


def test_killed_and_resumed_it_is_as_undisturbed(project, tmp_path, monkeypatch) -> None:
    out, calm = tmp_path / "out", tmp_path / "calm"
    pattern = str(project / "in" / "*.fasta*")
    # Windows of the same size: the last digit of a float32 depends on what it is computed with.
    monkeypatch.setattr("cistron.classifier.predict.predict.WINDOW", 7)
    assert command("predict", str(project / "run"), pattern, "-q", "-o", str(calm)) == 0
    whole = outputs(calm)
    arguments = ["predict", str(project / "run"), pattern, "-q", "-o", str(out)]
    process = subprocess.Popen([sys.executable, "-c", SLOWLY, *arguments])
    deadline = time.monotonic() + 60
    while not (outputs(out) and list(out.glob("parts/*.parts/*.parquet"))):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = outputs(out)
    assert 0 < len(before) < SHARDS
    assert all(whole[name] == content for name, content in before.items())
    begun = {name: (out / name).stat().st_mtime_ns for name in before}
    assert command(*arguments, "--resume") == 0
    assert outputs(out) == whole
    assert all((out / name).stat().st_mtime_ns == time for name, time in begun.items())
    assert sorted(path.name for path in out.iterdir()) == [
        ".cistron",
        *sorted(whole),
        "shards.json",
    ]
    assert len(json.loads((out / "shards.json").read_text())["shards"]) == SHARDS


SLOWLY = """
import time
from cistron.classifier.predict import predict
from cistron import cli
predict.WINDOW = 7
real = predict.write_part
def slowly(table, path):
    real(table, path)
    time.sleep(0.02)
predict.write_part = slowly
cli.main()
"""


def test_a_shard_that_fails_is_named_and_the_others_are_done(project, whole, tmp_path, capsys):
    source = copied(project, tmp_path / "in")
    damaged = source / "shard_1.fasta.gz"
    good = damaged.read_bytes()
    damaged.write_bytes(good[: len(good) // 2])
    out = tmp_path / "out"
    arguments = ["predict", str(project / "run"), f"{source}/*", "-o", str(out)]
    said = fails(capsys, *arguments)
    assert "1 of 5 shards failed; the others are finished" in said
    assert f"shard_1 ({damaged})" in said
    assert sorted(outputs(out)) == [name for name in sorted(whole) if name != "shard_1.tsv"]
    damaged.write_bytes(good)
    assert command(*arguments, "--resume", "-q") == 0
    assert outputs(out) == whole


def test_classifiers_and_options_are_never_mixed(project, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    base = ["predict", str(project / "run"), str(project / "in" / "shard_[02].fasta")]
    base += ["-o", str(out)]
    assert command(*base, "-q") == 0
    assert "never overwritten" in fails(capsys, *base)
    assert "other options (format)" in fails(capsys, *base, "--resume", "--format", "csv")
    other = tmp_path / "other"
    changes = ["--seed", "2", "--set", "training.epochs=1", "-q"]
    assert command("fit", str(project / "experiment.yaml"), "-o", str(other), *changes) == 0
    base[1] = str(other)
    assert "by another classifier" in fails(capsys, *base, "--resume")
    assert command(*base, "--force", "-q") == 0
    assert json.loads((out / "shards.json").read_text())["run"] == str(other)


def test_a_shard_that_changed_is_no_longer_finished(project, tmp_path, capsys) -> None:
    source, out = copied(project, tmp_path / "in"), tmp_path / "out"
    base = ["predict", str(project / "run"), f"{source}/*_2.fasta", "-o", str(out)]
    assert command(*base, "-q") == 0
    with (source / "shard_2.fasta").open("a") as stream:
        stream.write(">more\nMKVA\n")
    assert "Delete shard_2.tsv to predict it again" in fails(capsys, *base, "--resume")
    (out / "shard_2.tsv").unlink()
    assert command(*base, "--resume", "-q") == 0
    assert len(pd.read_csv(out / "shard_2.tsv", sep="\t")) == EACH + 1


def test_what_is_refused(project, tmp_path, capsys) -> None:
    run, out = str(project / "run"), ["-o", str(tmp_path / "out")]
    assert "no file fits the pattern" in fails(capsys, "predict", run, f"{tmp_path}/*.fa", *out)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.fasta").write_text(">x\nMKV\n")
    said = fails(capsys, "predict", run, f"{tmp_path}/?/x.fasta", *out)
    assert "would both become" in said
    said = fails(capsys, "predict", run, str(tmp_path / "a"), *out, "--format", "tvs")
    assert "Did you mean 'tsv'" in said
    one = ["predict", run, str(tmp_path / "a" / "x.fasta"), "-o", str(tmp_path / "x.tsv")]
    assert "--workers is of several inputs" in fails(capsys, *one, "--workers", "2")
    assert "--cluster is of several inputs" in fails(capsys, *one, "--cluster", "auto")
    taken = fails(capsys, "predict", run, str(tmp_path / "a"), "-o", str(tmp_path / "b"), "--force")
    assert "is not a folder of predictions" in taken
    assert (tmp_path / "b" / "x.fasta").exists()
    assert not (tmp_path / "out").exists()


def test_brackets_in_the_name_of_a_file_are_no_pattern(project, tmp_path) -> None:
    source, out = tmp_path / "new[1].fasta", tmp_path / "out.tsv"
    source.write_text(">x\nMKVWWHCW\n")
    assert command("predict", str(project / "run"), str(source), "-o", str(out), "-q") == 0
    assert len(pd.read_csv(out, sep="\t")) == 1
