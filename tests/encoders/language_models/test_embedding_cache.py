from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from cistron.encoders.language_models import embedding_cache
from cistron.encoders.language_models.embedding_cache import (
    EmbeddingCache,
    EmbeddingKey,
    cache_folder,
    sequence_digests,
)
from cistron.samples.samples import Sequences

KEY = EmbeddingKey("f" * 64, -1, "mean", 1022, 256, "fp32")


class Said:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.sentences = []

    def say(self, sentence):
        self.sentences.append(sentence)


def made(n, seed=0, width=4):
    """Return n digests and as many embeddings of 1 to 6 positions."""
    rng = np.random.default_rng((seed, n))
    digests = [rng.bytes(16) for _ in range(n)]
    rows = [rng.random((rng.integers(1, 7), width), dtype=np.float32) for _ in range(n)]
    return digests, rows


def filled(folder, digests, rows, said=None):
    cache = EmbeddingCache(folder, {"model": "tiny"}, said or Said())
    with cache.writing() as writer:
        for digest, values in zip(digests, rows, strict=True):
            writer.add(digest, values)
    return cache


def test_what_is_written_is_read_by_the_next_process_bit_for_bit(tmp_path):
    digests, rows = made(30)
    filled(tmp_path / "c", digests, rows)
    again = EmbeddingCache(tmp_path / "c", {})
    assert len(again) == 30
    for digest, values in zip(digests, rows, strict=True):
        np.testing.assert_array_equal(again.read(digest), values)
    assert b"0" * 16 not in again
    assert again.read(b"0" * 16) is None


def test_an_interruption_keeps_what_was_finished(tmp_path):
    digests, rows = made(5)
    cache = EmbeddingCache(tmp_path / "c", {})

    def interrupted():
        with cache.writing() as writer:
            writer.add(digests[0], rows[0])
            writer.add(digests[1], rows[1])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    again = EmbeddingCache(tmp_path / "c", {})
    assert [digest in again for digest in digests] == [True, True, False, False, False]


def test_a_killed_process_loses_at_most_a_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_cache, "SHARD_BYTES", 200)
    digests, rows = made(50)
    cache = EmbeddingCache(tmp_path / "c", {})
    writing = cache.writing()
    writer = writing.__enter__()
    for digest, values in zip(digests, rows, strict=True):
        writer.add(digest, values)
    # No __exit__: as after SIGKILL.
    assert len(EmbeddingCache(tmp_path / "c", {})) >= 45


@pytest.mark.parametrize(
    "damage",
    [
        lambda b, row: b.replace(row, bytes(len(row))),
        lambda b, row: b[: len(b) // 2],
        lambda b, row: b"",
        lambda b, row: b"nonsense" * 20,
        lambda b, row: b.replace(b'"checksums"', b'"checksumz"'),
    ],
)
def test_a_damaged_shard_is_said_deleted_and_made_anew(tmp_path, damage):
    digests, rows = made(6)
    filled(tmp_path / "c", digests, rows)
    (shard,) = (tmp_path / "c").glob("*.safetensors")
    shard.write_bytes(damage(shard.read_bytes(), rows[2].tobytes()))
    said = Said()
    cache = EmbeddingCache(tmp_path / "c", {}, said)
    assert any(cache.read(digest) is None for digest in digests)
    assert not shard.exists()
    (sentence,) = said.sentences
    assert str(shard) in sentence
    assert "computed anew" in sentence
    filled(tmp_path / "c", digests, rows)
    again = EmbeddingCache(tmp_path / "c", {})
    np.testing.assert_array_equal(again.read(digests[-1]), rows[-1])


def test_many_small_shards_become_one_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_cache, "MANY", 8)
    digests, rows = made(24)
    reader = EmbeddingCache(tmp_path / "c", {})
    for number in range(24):
        filled(tmp_path / "c", digests[number : number + 1], rows[number : number + 1])
        if number == 5:
            reader.refresh()  # its shards are merged away under it
    assert len(list((tmp_path / "c").glob("*.safetensors"))) < 8
    np.testing.assert_array_equal(reader.read(digests[3]), rows[3])
    reader.refresh()
    for cache in (reader, EmbeddingCache(tmp_path / "c", {})):
        for digest, values in zip(digests, rows, strict=True):
            np.testing.assert_array_equal(cache.read(digest), values)


def test_two_processes_write_one_folder_at_once(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from cistron.encoders.language_models import embedding_cache\n"
        "from tests.encoders.language_models.test_embedding_cache import filled, made\n"
        "embedding_cache.SHARD_BYTES, embedding_cache.MANY = 400, 4\n"
        "digests, rows = made(300)\n"
        "order = range(300) if sys.argv[3] == 'up' else range(299, -1, -1)\n"
        "for start in range(0, 300, 50):\n"
        "    some = [order[i] for i in range(start, start + 50)]\n"
        "    filled(Path(sys.argv[1]), [digests[i] for i in some], [rows[i] for i in some])\n"
    )
    root = str(embedding_cache.Path(__file__).parents[3])
    jobs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "c"), root, way], cwd=root)
        for way in ("up", "down")
    ]
    assert [job.wait() for job in jobs] == [0, 0]
    said = Said()
    cache = EmbeddingCache(tmp_path / "c", {}, said)
    digests, rows = made(300)
    for digest, values in zip(digests, rows, strict=True):
        np.testing.assert_array_equal(cache.read(digest), values)
    assert said.sentences == []
    assert not list((tmp_path / "c").glob("*.part"))


def test_what_killed_processes_left_is_swept_after_a_day(tmp_path):
    digests, rows = made(1)
    filled(tmp_path / "c", digests, rows)
    for name, age in (("old", 90_000), ("new", 10)):
        part = tmp_path / "c" / f"{name}.part"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age,) * 2)
    filled(tmp_path / "c", digests, rows)
    assert [path.name for path in (tmp_path / "c").glob("*.part")] == ["new.part"]


def test_a_disk_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "c").write_text("a file where the folder should be")
    digests, rows = made(2)
    said = Said()
    filled(tmp_path / "c", digests, rows, said)
    assert "could not be kept" in said.sentences[0]


def test_the_digest_is_of_the_letters():
    sequences = Sequences.from_text(["MKV", "mkv", "MKVL", "", "MKV"])
    found = sequence_digests(sequences)
    assert found[0] == found[1] == found[4]
    assert len(set(found)) == 3


def test_whatever_decides_the_numbers_decides_the_folder(tmp_path, monkeypatch):
    changes = {
        "fingerprint": "e" * 64,
        "layer": 3,
        "pooling": "max",
        "window": 512,
        "overlap": 0,
        "precision": "bf16",
        "alphabet": "dna",
    }
    folders = {replace(KEY, **{name: value}).folder for name, value in changes.items()}
    assert len(folders | {KEY.folder}) == len(changes) + 1
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "embeddings"
    monkeypatch.delenv("CISTRON_CACHE")
    assert cache_folder().parts[-3:] == (".cache", "cistron", "embeddings")
