from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.cli import app
from cistron.explain.motifs.analysis import core_middles
from cistron.explain.motifs.meme import read_meme
from cistron.explain.motifs.read import from_explanation, read_explained
from cistron.explain.motifs.results import read_signed, write_results
from cistron.explain.motifs.stability import Signed
from cistron.samples.alphabet import DNA
from cistron.samples.samples import Sequences, make_samples


def by_consensus(found, word):
    return next(p for p in found["patterns"] if word in p["consensus"])


def test_what_was_planted_is_said(examined):
    _explained, _analysis, found, _made = examined
    assert [p["name"] for p in found["patterns"]] == ["positive 1", "positive 2", "negative 1"]
    gbox, wrky = by_consensus(found, "ACGTG"), found["patterns"][2]
    dof = next(p for p in found["patterns"] if p["sign"] > 0 and p is not gbox)
    assert wrky["title"].endswith("WRKY")
    assert dof["title"].endswith("DOF")
    # Where it was planted: DOF in one place, the others anywhere.
    assert abs(dof["positions"]["preferred_column"] - 133) < 8
    assert dof["positions"]["uneven_seqlets_p"] < 1e-10
    # In whom: the class has CACGTG and lacks WRKY.
    odds = {p["name"]: p["enrichment"][0] for p in found["patterns"]}
    assert odds[gbox["name"]]["low"] > 1
    assert odds[wrky["name"]]["high"] < 1
    assert odds[wrky["name"]]["q"] < 1e-6
    assert odds[dof["name"]]["low"] < 1 < odds[dof["name"]]["high"]
    assert {row["by"] for row in gbox["enrichment"]} == {"predicted"}  # all labels are one class
    # What it does.
    assert all(effect["low"] > 1.5 for effect in gbox["effects"])
    assert all(effect["high"] < -2 for effect in wrky["effects"])
    assert dof["found_again"] == ["positive 4", None]
    json.dumps(found, allow_nan=False)


def test_the_middle_of_a_core_is_where_the_motif_is(examined):
    *_, made = examined
    from tests.explain.motifs.made import planted_pattern

    for number, planted in enumerate(made[-1]):
        pattern = planted_pattern(number, made)
        width = len(planted.motif.probabilities)
        true = made[2][number, pattern.seqlets.row] + width // 2
        apart = core_middles(pattern) - true
        assert np.abs(apart).max() <= width // 2
        # The same on both strands, mirrored.
        for reverse in (False, True):
            assert len(np.unique(apart[pattern.seqlets.reverse == reverse])) == 1


def test_files_are_written_and_read(examined, tmp_path):
    explained, analysis, found, _ = examined
    write_results(tmp_path, analysis, explained, found)
    assert json.loads((tmp_path / "patterns.json").read_text()) == json.loads(json.dumps(found))
    motifs = read_meme(tmp_path / "patterns.meme")
    signed = read_signed(tmp_path)
    for entry, motif, stored in zip(analysis.entries, motifs, signed, strict=True):
        assert isinstance(stored, Signed)
        np.testing.assert_allclose(motif.probabilities, entry.pattern.trimmed, atol=1e-5)
        np.testing.assert_allclose(stored.probabilities, entry.pattern.trimmed, atol=1e-5)
        assert (stored.name, stored.sign) == (entry.pattern.name, entry.pattern.sign)
    hits = pd.read_csv(tmp_path / "hits.tsv.gz", sep="\t")
    assert len(hits) == sum(len(entry.located.hits) for entry in analysis.entries)
    row = int(hits["id"][0].removeprefix("gene<").removesuffix(">"))
    own = (explained.one_hot * explained.hypothetical)[row, hits["start"][0] : hits["end"][0]]
    assert hits["contribution"][0] == pytest.approx(own.sum(), rel=1e-3)
    middle = (hits["start"] + hits["end"]) // 2
    np.testing.assert_array_equal(hits["position"], middle - 150)
    before = (tmp_path / "hits.tsv.gz").read_bytes()
    write_results(tmp_path, analysis, explained, found)
    assert (tmp_path / "hits.tsv.gz").read_bytes() == before


def test_places_on_the_chromosome(examined, tmp_path):
    explained, analysis, found, _ = examined
    write_results(tmp_path, analysis, explained, found)
    columns = ["chromosome", "start", "end", "name", "score", "strand"]
    bed = pd.read_csv(tmp_path / "hits.bed.gz", sep="\t", names=columns)
    hits = pd.read_csv(tmp_path / "hits.tsv.gz", sep="\t")
    rows = hits["id"].str.extract(r"(\d+)")[0].astype(int)
    assert len(bed) == (rows % 5 != 0).sum()
    assert set(bed["chromosome"]) == {"Chr1"}
    for strand in (0, 1):  # one hit of a forward and of a reverse gene, counted by hand
        hit = hits[(rows % 5 != 0) & (rows % 2 == strand)].iloc[0]
        gene = int(hit["id"][5:-1])
        tss = 1000 * gene + 500
        first, last = hit["start"] - 150, hit["end"] - 150
        start, end = (tss + first, tss + last) if strand == 0 else (tss - last, tss - first)
        same = bed[(bed["start"] == start) & (bed["end"] == end)]
        said = hit["strand"] if strand == 0 else {"+": "-", "-": "+"}[hit["strand"]]
        assert said in set(same["strand"])
        assert any(f"gene<{gene}>" in name for name in same["name"])


def test_damaged_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no patterns\.json"):
        read_signed(tmp_path)
    (tmp_path / "patterns.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        read_signed(tmp_path)


@pytest.fixture(scope="module")
def explanation(tmp_path_factory):
    """An explanation of planted motifs on disk, and a run whose classifier it could be of."""
    import cistron
    from cistron.explain.explanation import explain
    from cistron.explain.store import write
    from tests.explain.motifs.made import with_patterns

    folder = tmp_path_factory.mktemp("explained")
    one_hot, hypothetical, places, _ = with_patterns(1)
    codes = one_hot.argmax(axis=2).astype(np.uint8)
    n, length = codes.shape
    labels = np.where((places[0] >= 0) & (places[2] < 0), "up", "down")
    ids = [f"x::Chr{row % 3}:{1000 * row}-{1000 * row + length}(-)" for row in range(n)]
    payload = Sequences(codes.reshape(-1), np.arange(n + 1) * length, DNA)
    samples = make_samples(payload, ids, labels=labels.tolist())
    training = {"epochs": 1, "device": "cpu"}
    classifier = cistron.Classifier({"kind": "one_hot"}, "cnn", training).fit(samples)
    (folder / "run").mkdir()
    classifier.save(folder / "run" / "model")
    samples.table.to_parquet(folder / "run" / "samples.parquet")
    found = explain(classifier, samples, {"method": "gradient_times_input"})
    found.hypothetical[:] = hypothetical.reshape(-1, 4)
    (folder / "dir").mkdir()
    write(found, folder / "dir" / "attributions.h5")
    summary = {
        "settings": {"method": "deeplift", "tolerance": 0.01},
        "samples": n,
        "completeness_error": {"median": 1e-7, "largest": 1e-6},
        "checks": {"faithfulness": {"better": 0.9, "curve": [1, 2]}},
    }
    (folder / "dir" / "summary.json").write_text(json.dumps(summary))
    return folder, found, codes, labels


def test_explanations_are_read(explanation):
    folder, _found, codes, labels = explanation
    explained = read_explained(folder / "dir", folder / "run", ["tss=150"])
    np.testing.assert_array_equal(explained.codes, codes)
    np.testing.assert_array_equal(explained.truth, labels)
    assert explained.explained == "up"
    assert explained.counted[0].zero == 150
    assert explained.places.zero[3, 0] == 3000 + 200 - 150  # on the reverse strand
    assert explained.places.chromosome[4] == "Chr1"
    assert explained.facts == {
        "method": "deeplift",
        "completeness": {"median": 1e-7, "largest": 1e-6, "tolerance": 0.01},
        "samples": len(codes),
        "checks": {"faithfulness": {"better": 0.9}},
    }
    for wrong in ("tss", "tss=x", "tss=999"):
        with pytest.raises(InputError, match="--anchor"):
            read_explained(folder / "dir", None, [wrong])
    with pytest.raises(InputError, match="once"):
        read_explained(folder / "dir", None, ["a=1", "b=2"])


def test_another_classifier_is_refused(explanation, tmp_path):
    import shutil

    import h5py

    folder, *_ = explanation
    shutil.copytree(folder / "dir", tmp_path / "dir")
    with h5py.File(tmp_path / "dir" / "attributions.h5", "a") as file:
        file.attrs["classifier"] = json.dumps("of another")
    read_explained(tmp_path / "dir")
    with pytest.raises(InputError, match="holds another classifier"):
        read_explained(tmp_path / "dir", folder / "run")


def test_sequences_of_different_lengths_are_padded(explanation):
    from dataclasses import replace

    _, found, codes, _ = explanation
    kept = np.r_[0:150, 200:400]
    names = ("contributions", "hypothetical", "codes", "positions")
    arrays = {name: getattr(found, name)[kept] for name in names}
    each = ("logits", "probabilities", "explained", "output", "reference_output", "error")
    arrays |= {name: getattr(found, name)[:2] for name in (*each, "ids", "method")}
    arrays["codes"][3] = 7  # an ambiguous letter
    arrays["coordinates"] = found.coordinates[:2]
    explained = from_explanation(replace(found, offsets=np.array([0, 150, 350]), **arrays))
    assert explained.codes.shape == (2, 200)
    assert (explained.codes[0, 150:] == 4).all()
    assert explained.codes[0, 3] == 4
    assert not explained.hypothetical[0, 150:].any()
    assert not explained.hypothetical[0, 3].any()
    assert explained.varied
    np.testing.assert_array_equal(explained.codes[1], codes[1])
    with pytest.raises(InputError, match="has no hypothetical contributions"):
        from_explanation(replace(found, hypothetical=None))
    with pytest.raises(InputError, match="proteins are explained"):
        from_explanation(replace(found, letters="ARND"))


def test_the_command_line_finds_what_was_planted(explanation, tmp_path):
    folder, *_ = explanation
    out = tmp_path / "motifs"
    settings = ["min_seqlets=20", "min_pattern_seqlets=15", "clusterings=5", "backgrounds=10"]
    changes = [part for change in settings for part in ("--set", change)]
    command = ["motifs", str(folder / "dir"), "-d", "jaspar:plants", "--out", str(out)]
    command += ["--run", str(folder / "run"), "--anchor", "tss=150", "--device", "cpu"]
    result = CliRunner().invoke(app, [*command, *changes], catch_exceptions=False)
    assert result.exit_code == 0
    assert "WRKY" in result.stdout
    assert "motifs.html: 3 patterns." in result.stdout
    found = json.loads((out / "patterns.json").read_text())
    assert len(found["patterns"][0]["effects"]) == 4
    assert {row["by"] for row in found["patterns"][0]["enrichment"]} == {"predicted", "true"}
    assert {path.name for path in out.iterdir()} == {
        ".cistron",
        "patterns.json",
        "patterns.meme",
        "hits.tsv.gz",
        "hits.bed.gz",
        "modisco.h5",
        "motifs.html",
    }
    assert gzip.decompress((out / "hits.bed.gz").read_bytes()).startswith(b"Chr0\t")
    with pytest.raises(InputError, match="holds a folder of motifs, which is never overwritten"):
        CliRunner().invoke(app, command, catch_exceptions=False)
