import numpy as np
import pandas as pd
import pytest

from cistron.base.errors import InputError
from cistron.base.motif import BASES, reverse_complement
from cistron.cli.demo.explained import DATABASE, TRUTH, run_promoters
from cistron.cli.demo.found import named
from cistron.cli.demo.promoters import (
    CLASSES,
    LENGTH,
    PLANTED,
    PROMOTERS,
    START,
    make_database,
    make_promoters,
)
from cistron.cli.demo.run import run_demo
from cistron.explain.motifs.database import read_database


def test_promoters_carry_what_is_said_to_be_planted():
    promoters, sites = make_promoters(seed=4)
    texts = {name: text for records in promoters.values() for name, text in records}
    assert len(texts) == PROMOTERS
    assert {len(text) for text in texts.values()} == {LENGTH}
    for planted in PLANTED:
        own = sites[sites["factor"] == planted.factor]
        for class_, share in zip(CLASSES, planted.shares, strict=True):
            having = own["id"].str.startswith(class_).sum() / (PROMOTERS / 2)
            assert having == pytest.approx(share, abs=0.06)
        assert own["start"].between(planted.columns[0], planted.columns[1] - 1).all()
        counts = np.zeros((len(planted.consensus), 4))
        for site in own.itertuples():
            word = np.array([BASES.index(x) for x in texts[site.id][site.start : site.end]])
            one = np.eye(4)[word]
            counts += one if site.strand == "+" else reverse_complement(one)
        expected = planted.motif.probabilities
        assert np.abs(counts / len(own) - expected).max() < 0.08
    ordered = sites.sort_values(["id", "start"])
    following = ordered.groupby("id")["start"].shift(-1).fillna(LENGTH)
    assert (following >= ordered["end"]).all()


def test_the_database_holds_the_planted_motifs_and_no_other_like_them():
    motifs = make_database(seed=4)
    assert len(motifs) >= 25
    assert [motif.factor for motif in motifs[:3]] == [planted.factor for planted in PLANTED]
    for motif in motifs:
        np.testing.assert_allclose(motif.probabilities.sum(axis=1), 1)


def pattern(name, sign, matches, column=100):
    ranked = [{"motif": motif, "q": 1e-6 * (rank + 1)} for rank, motif in enumerate(matches)]
    return {
        "name": name,
        "title": matches[0] if matches else "no match",
        "sign": sign,
        "seqlets": 90,
        "matches": ranked,
        "positions": {"preferred_column": column},
    }


def test_a_motif_counts_as_found_with_its_name_sign_and_place_alone():
    box = START - 30
    found, left = named(
        [
            pattern("positive 1", 1, ["planted_ABF2", "decoy_3"]),
            pattern("positive 2", 1, ["planted_TBP"], box),
            pattern("negative 1", -1, ["planted_WRKY40"]),
            pattern("negative 2", -1, []),
        ]
    )
    assert [one.found for one in found] == [True, True, True]
    assert found[1].q == 1e-6
    assert found[1].place[0] == box
    assert left == ["negative 2 (no match)"]
    found, left = named(
        [
            pattern("positive 1", 1, ["decoy_3", "planted_ABF2"]),  # another one is better
            pattern("positive 2", 1, ["planted_TBP"], 50),  # elsewhere
            pattern("positive 3", 1, ["planted_WRKY40"]),  # of the wrong sign
        ]
    )
    assert [one.found for one in found] == [False, False, False]
    assert [one.pattern for one in found] == ["positive 1", "positive 2", None]
    assert left == ["positive 3 (planted_WRKY40)"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "promoters"
    return folder, run_promoters(folder, seed=2)


def test_the_explanation_shows_every_planted_motif(shown):
    folder, said = shown
    rows = [line for line in said.splitlines() if line.startswith(tuple(p.factor for p in PLANTED))]
    assert len(rows) == len(PLANTED)
    assert all(row.endswith("  found") for row in rows)
    assert "cistron demo --motifs" in said
    assert len(read_database(folder / DATABASE)) >= 25
    assert set(pd.read_csv(folder / TRUTH, sep="\t")["factor"]) == {p.factor for p in PLANTED}


def test_what_was_not_learned_is_said_to_be_missed(shown):
    from cistron.classifier.load import load
    from cistron.cli.demo.found import recovery
    from cistron.explain.explanation import explain
    from cistron.samples.samples import Sequences, make_samples

    folder, _ = shown
    classifier = load(folder / "run")
    promoters, sites = make_promoters(seed=9)
    ids, texts = zip(*(promoters["responding"][:20] + promoters["control"][:20]), strict=True)
    rng = np.random.default_rng(0)
    drawn = ["".join(rng.permutation(list(text))) for text in texts]  # the sites are gone
    samples = make_samples(Sequences.from_text(drawn, "dna"), ids=list(ids))
    seen = recovery(explain(classifier, samples, {"number": 2}), sites)
    assert not any(one.found for one in seen)
    assert all(one.among_top < 0.3 for one in seen)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not a demo"):
        run_demo(tmp_path, force=True)
    assert (tmp_path / "notes.txt").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_motif_is_found_and_named(tmp_path, seed):
    said = run_promoters(tmp_path, motifs=True, seed=seed)
    for planted in PLANTED:
        assert f"{planted.factor} was found" in said
    assert "Found beside" not in said
    assert "The planted repressor WRKY40 was found" in (
        (tmp_path / "motifs" / "motifs.html").read_text()
    )
