from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import h5py
import numpy as np
import pytest

from cistron.base.errors import InputError
from cistron.explain.motifs.analysis import MotifSettings, core_middles
from cistron.explain.motifs.database import read_database
from cistron.explain.motifs.discover import discover, reasons, require_modisco
from cistron.explain.motifs.files import parse_settings
from cistron.explain.motifs.match import match
from cistron.explain.motifs.merge import merge_same
from cistron.explain.motifs.patterns import read_patterns
from tests.explain.motifs.made import Planted, explained, with_patterns

SETTINGS = MotifSettings(min_seqlets=20, min_pattern_seqlets=15, clusterings=5)


class Said:
    """A reporter that keeps what is said."""

    def __init__(self):
        self.sentences = []

    def say(self, sentence):
        self.sentences.append(sentence)

    def bar(self, total, description):
        from cistron.base.progress import SILENT

        return SILENT.bar(total, description)


def find_planted(seed, tmp_path, n=150):
    """Every planted motif is found, with its sign and match, and nothing else is."""
    one_hot, hypothetical, places, planted = with_patterns(seed, n)
    one_hot[:, :16] = hypothetical[:, :16] = 0  # bases that are not known
    said = Said()
    keep = tmp_path / "modisco.h5"
    found = discover(one_hot, hypothetical, SETTINGS, keep=keep, reporter=said)
    assert found.notes == ()
    patterns = merge_same(found.patterns, one_hot, hypothetical)
    matches = match([p.trimmed for p in patterns], read_database("jaspar:plants"))
    assert len(patterns) == 3
    assert [p.sign for p in patterns] == [1, 1, -1]
    for number, one in enumerate(planted):
        own = [
            (pattern, names)
            for pattern, names in zip(patterns, matches, strict=True)
            if one.motif.name in [m.motif.name for m in names[:5]]
        ]
        assert len(own) == 1
        pattern, _ = own[0]
        assert pattern.sign == one.sign
        right = places[number, pattern.seqlets.row] >= 0
        assert right.mean() > 0.8
    return found, said, keep


def test_planted_motifs_are_found(tmp_path):
    found, said, keep = find_planted(1, tmp_path)
    assert any("positive and" in sentence for sentence in said.sentences)
    for stored, read in zip(found.patterns, read_patterns(keep), strict=True):
        assert stored.name == read.name
        # But for what fills in unknown bases, which is no part of a pattern.
        np.testing.assert_allclose(stored.probabilities, read.probabilities, atol=1e-6)
        np.testing.assert_allclose(stored.contributions, read.contributions, atol=2e-2)
        np.testing.assert_allclose(stored.hypothetical, read.hypothetical, atol=2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2, 3, 4, 5])
def test_planted_motifs_are_found_whatever_the_seed(seed, tmp_path):
    find_planted(seed, tmp_path, n=200)


@pytest.mark.parametrize("end", [pytest.param("first", marks=pytest.mark.slow), "last"])
def test_a_motif_at_the_end_of_the_sequences_is_found(end, tmp_path):
    known = {motif.name.split(".")[0]: motif for motif in read_database("jaspar:plants")}
    motif = known["MA1277"]  # DOF1.7, AAAAAG
    column = 0 if end == "first" else 150 - len(motif.probabilities)
    planted = [Planted(motif, 1, (column, column + 1), share=0.9)]
    one_hot, hypothetical, places = explained(planted, 120, 150)
    settings = SETTINGS.model_copy(update={"beyond_ends": True})
    found = discover(one_hot, hypothetical, settings, keep=tmp_path / "modisco.h5")
    assert abs(found.seqlets["positive"] - (places >= 0).sum()) < 10
    assert found.seqlets["negative"] < 10
    patterns = merge_same(found.patterns, one_hot, hypothetical)
    assert [pattern.sign for pattern in patterns] == [1]
    pattern = patterns[0]
    assert len(pattern.seqlets) > 0.6 * (places >= 0).sum()
    # They reach over the end, where bases are unknown and contribute nothing.
    beyond = pattern.seqlets.start < 0 if end == "first" else pattern.seqlets.end > 150
    assert beyond.mean() > 0.9
    assert motif.name in [
        m.motif.name for m in match([pattern.trimmed], read_database("jaspar:plants"))[0][:5]
    ]
    middles = core_middles(pattern)
    assert np.abs(middles - column - len(motif.probabilities) / 2).max() < 8
    with h5py.File(tmp_path / "modisco.h5") as file:
        parts = file["pos_patterns/pattern_0"]
        stored = np.sort(parts["seqlets/start"][:])
        of_parts = [parts[name]["seqlets/start"][:] for name in parts if name.startswith("sub")]
        assert (np.sort(np.concatenate(of_parts)) == stored).all()


@pytest.mark.slow
def test_the_same_arrays_give_the_same_patterns():
    one_hot, hypothetical, *_ = with_patterns(7)
    first, second = (discover(one_hot, hypothetical, SETTINGS) for _ in range(2))
    for a, b in zip(first.patterns, second.patterns, strict=True):
        np.testing.assert_array_equal(a.contributions, b.contributions)
        np.testing.assert_array_equal(a.seqlets.start, b.seqlets.start)


def test_why_there_is_no_pattern_is_said():
    said = list(reasons([], {"positive": 40, "negative": 300}, MotifSettings()))
    assert said[0] == (
        "No positive pattern: 40 positive seqlets, and more than 100 are asked for (min_seqlets)."
    )
    assert "no cluster of the 300 negative seqlets" in said[1]


@pytest.mark.slow
def test_noise_has_no_pattern_and_it_is_said_why():
    one_hot, hypothetical, _ = explained([], n=40, length=100)
    found = discover(one_hot, hypothetical, MotifSettings())
    assert found.patterns == []
    assert len(found.notes) == 2
    assert found.notes[0].startswith(
        f"No positive pattern: {found.seqlets['positive']} positive seqlets, and more than 100"
    )


def test_contributions_are_no_hypothetical_contributions():
    one_hot, hypothetical, _ = explained([], n=4, length=60)
    with pytest.raises(InputError, match="needs hypothetical contributions"):
        discover(one_hot, one_hot * hypothetical, SETTINGS)
    with pytest.raises(InputError, match="both have the shape"):
        discover(one_hot, hypothetical[:2], SETTINGS)
    with pytest.raises(InputError, match="not a finite number"):
        discover(one_hot, hypothetical * np.nan, SETTINGS)
    with pytest.raises(InputError, match="have 30 bases, and a seqlet takes 41"):
        discover(one_hot[:, :30], hypothetical[:, :30], SETTINGS)


def test_other_distributions_are_refused(monkeypatch):
    class Installed:
        def __init__(self, name):
            self.name = name

    monkeypatch.setattr(metadata, "distributions", lambda: [Installed("modisco"), Installed(None)])
    with pytest.raises(InputError, match="pip uninstall -y modisco modisco-lite"):
        require_modisco()
    monkeypatch.setattr(metadata, "distributions", list)
    monkeypatch.setattr(metadata, "version", lambda name: "2.4.0")
    with pytest.raises(InputError, match=r"modisco-lite 2\.4\.0 is too old"):
        require_modisco()

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(InputError, match="needs modisco-lite"):
        require_modisco()


def test_settings_are_checked_and_translated():
    made = parse_settings(["min_seqlets=30", "seqlet_fdr=.1"], {"seed": 4, "threshold": None})
    assert (made.min_seqlets, made.seqlet_fdr, made.seed, made.threshold) == (30, 0.1, 4, 0.05)
    assert made.of_modisco()["min_metacluster_size"] == 30
    with pytest.raises(InputError, match="Did you mean 'min_seqlets'"):
        parse_settings(["min_seqlet=30"], {})
    with pytest.raises(InputError, match="seqlet_fdr"):
        parse_settings(["seqlet_fdr=2"], {})
    with pytest.raises(InputError, match="key=value"):
        parse_settings(["fdr"], {})


@pytest.mark.slow
def test_every_setting_is_one_of_modisco():
    """The names are those that TFMoDISco takes, and the defaults its own."""
    import inspect

    code = (
        "import inspect, json; from modiscolite.tfmodisco import TFMoDISco as f;"
        "print(json.dumps({k: v.default for k, v in inspect.signature(f).parameters.items()"
        " if isinstance(v.default, (int, float))}))"
    )
    import json

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = json.loads(out.stdout)
    ours = MotifSettings().of_modisco()
    assert ours == {name: theirs[name] for name in ours}
    assert inspect.isfunction(discover)
