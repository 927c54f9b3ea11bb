from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.classifier.predict import embed
from cistron.classifier.predict.embed import embed_file
from cistron.cli import app
from cistron.encoders.language_models import embedder
from cistron.encoders.language_models.embedder import EmbeddingSettings
from cistron.encoders.language_models.load import load_language_model
from cistron.samples.samples import Sequences
from tests.encoders.language_models.tiny import make_tiny_esm

TEXTS = ["MKV", "ACDEFGHIKLMNPQRSTVWY", "W" * 33, "MKV", "LLLLLLLLAX"]
FASTA = "".join(f">p{i}\n{text}\n" for i, text in enumerate(TEXTS[:3])) + (
    ">bad\nMK1V\n>empty\n\n>p3\nmkv\n>p4\nLLLLLLLLAX\n"
)
KEPT = ["p0", "p1", "p2", "p3", "p4"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_esm(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    embedder._load.cache_clear()
    (tmp_path / "in.fasta").write_text(FASTA)


def settings(tiny, **keys):
    return EmbeddingSettings(model=str(tiny), **keys)


def expected(tiny, pooling="mean"):
    return load_language_model(str(tiny)).embed(Sequences.from_text(TEXTS), pooling)


def test_pooled_vectors_in_every_format(tiny):
    for suffix in (".parquet", ".npz", ".h5"):
        embed_file("in.fasta", f"out{suffix}", settings(tiny))
    table = pd.read_parquet("out.parquet").set_index("id")
    assert table.index.tolist() == KEPT
    assert table.columns[0] == "embedding_1"
    assert (table.dtypes == "float32").all()
    with np.load("out.npz") as file:
        assert file["ids"].tolist() == KEPT
        npz = file["embeddings"]
    with h5py.File("out.h5") as file:
        assert file["ids"].asstr()[:].tolist() == KEPT
        h5 = file["embeddings"][:]
    for found in (table.to_numpy(), npz, h5):
        np.testing.assert_allclose(found, expected(tiny), atol=1e-5)


def test_residues_are_read_in_three_lines_of_numpy(tiny, monkeypatch):
    monkeypatch.setitem(embed.WINDOW, "residues", 2)  # records of one window
    for suffix in (".npz", ".h5"):
        embed_file("in.fasta", f"out{suffix}", settings(tiny, pooling="residues"))
    whole = expected(tiny, "residues")

    file = np.load("out.npz")
    row = file["ids"].tolist().index("p4")
    values = file[str(row)]

    np.testing.assert_allclose(values, whole[4], atol=1e-5)
    assert [file[str(i)].shape for i in range(5)] == [(n, 32) for n in whole.lengths]
    with h5py.File("out.h5") as h5:
        np.testing.assert_array_equal(h5["offsets"][:], whole.offsets)
        np.testing.assert_allclose(h5["embeddings"][:], whole.values, atol=1e-5)


def test_counts_and_every_dropped_record(tiny):
    found = embed_file("in.fasta", "out.npz", settings(tiny))
    assert (found["records"], found["embedded"], found["width"]) == (7, 5, 32)
    assert (found["computed"], found["cached"]) == (4, 0)  # p0 and p3 are one sequence
    assert [(d["id"], d["record"]) for d in found["dropped"]] == [("bad", 4), ("empty", 5)]
    assert "no protein letters: 1" in found["dropped"][0]["reason"]
    again = embed_file("in.fasta", "again.npz", settings(tiny))
    assert (again["computed"], again["cached"]) == (0, 4)
    np.testing.assert_array_equal(
        np.load("again.npz")["embeddings"], np.load("out.npz")["embeddings"]
    )


def test_a_second_time_the_weights_are_not_read(tiny):
    embed_file("in.fasta", "out.npz", settings(tiny))
    embedder._load.cache_clear()
    embed_file("in.fasta", "again.npz", settings(tiny))
    assert "forward" not in vars(embedder.open_model(settings(tiny), "auto"))


def test_what_cannot_be_written_or_read_is_told_at_once(tiny, tmp_path):
    with pytest.raises(InputError, match=r"Use one of .parquet, .npz, .h5"):
        embed_file("in.fasta", "out.tsv", settings(tiny))
    with pytest.raises(InputError, match="one vector a protein"):
        embed_file("in.fasta", "out.parquet", settings(tiny, pooling="residues"))
    with pytest.raises(InputError, match="no such file"):
        embed_file("on.fasta", "out.npz", settings("absent/model"))
    (tmp_path / "bad.fasta").write_text(">a\n123\n")
    with pytest.raises(InputError, match="none of its 1 records"):
        embed_file("bad.fasta", "out.npz", settings(tiny))
    assert not list(tmp_path.glob("out*"))
    embed_file("in.fasta", "out.npz", settings(tiny))
    with pytest.raises(InputError, match="never overwritten"):
        embed_file("in.fasta", "out.npz", settings(tiny))
    embed_file("in.fasta", "out.npz", settings(tiny), force=True)


def cli(*arguments, **options):
    command = [sys.executable, "-m", "cistron.cli", "embed", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_a_killed_job_goes_on_where_it_was(tiny, tmp_path):
    """SIGKILL between two shards: what is in whole shards is not computed again."""
    rng = np.random.default_rng(0)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    texts = ["".join(rng.choice(letters, 150)) for _ in range(500)]
    (tmp_path / "big.fasta").write_text("".join(f">{i}\n{t}\n" for i, t in enumerate(texts)))
    code = (
        "import sys\n"
        "from cistron.cli import main\n"
        "from cistron.encoders.language_models import embedding_cache\n"
        "embedding_cache.SHARD_BYTES = 2000\n"
        "sys.argv = ['cistron', 'embed', 'big.fasta', '--model', sys.argv[1], '--out', 'big.npz']\n"
        "main()\n"
    )
    job = subprocess.Popen([sys.executable, "-c", code, str(tiny)])
    folder, deadline = tmp_path / "cache" / "embeddings", time.monotonic() + 60
    while len(list(folder.glob("*/*.safetensors"))) < 3:
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.01)
    job.kill()
    job.wait()
    assert not (tmp_path / "big.npz").exists()
    found = embed_file("big.fasta", "big.npz", settings(tiny))
    assert found["cached"] >= 45
    assert found["cached"] + found["computed"] == 500
    assert len(np.load("big.npz")["ids"]) == 500


def test_the_command_line_and_two_jobs_at_once(tiny, tmp_path):
    jobs = [
        cli(
            "in.fasta", "--model", tiny, "--out", f"{n}.npz", "--json", cwd=tmp_path, env=os.environ
        )
        for n in range(2)
    ]
    for job in jobs:
        out, err = job.communicate()
        assert job.returncode == 0, err
        assert json.loads(out)["embedded"] == 5
    for n in range(2):
        np.testing.assert_allclose(np.load(f"{n}.npz")["embeddings"], expected(tiny), atol=1e-5)
    runner = CliRunner()
    base = ["embed", "in.fasta", "--model", str(tiny), "--out"]
    again = runner.invoke(app, [*base, "0.npz", "--force"])
    text = " ".join(again.output.split())
    assert "5 of 7 records, 32 features; 0 sequences computed, 4 from the cache" in text
    assert "record 4 (bad): characters that are no protein letters: 1" in text
    wrong = runner.invoke(app, [*base, "2.npz", "--pooling", "men"])
    assert isinstance(wrong.exception, InputError)
    assert "Did you mean 'mean'?" in str(wrong.exception)
