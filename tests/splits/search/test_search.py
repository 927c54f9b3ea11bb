from __future__ import annotations

import numpy as np
import pytest

from cistron.base.errors import InputError
from cistron.samples.samples import Sequences
from cistron.splits.search.hits import Hits
from cistron.splits.search.search import Search, clusters, find_similar, greedy_clusters, mmseqs
from tests.splits.families import BASES, mutated, random_text, reverse_complement

IDENTITIES = (0.4, 0.6, 0.9)
ENGINES = ("mmseqs", "kmers")


def mutants(identities, n=8, length=160, seed=0):
    rng = np.random.default_rng(seed)
    ancestors = [random_text(rng, length) for _ in range(n)]
    others = [mutated(text, identity, rng) for identity in identities for text in ancestors]
    return Sequences.from_text(ancestors), Sequences.from_text(others)


@pytest.fixture(scope="module")
def found():
    """Hits of eight proteins on their mutants of 40, 60 and 90 % identity, by engine."""
    ancestors, others = mutants(IDENTITIES)
    return {name: find_similar(ancestors, others, Search(engine=name)) for name in ENGINES}


def pairs(hits: Hits) -> dict[tuple[int, int], float]:
    return dict(zip(zip(hits.query, hits.target, strict=True), hits.identity, strict=True))


def test_mutants_are_found_with_their_identity(found):
    hits = pairs(found["mmseqs"])
    for number, identity in enumerate(IDENTITIES):
        for row in range(8):
            assert hits[row, 8 * number + row] == pytest.approx(identity, abs=0.05)
    assert len(hits) == 24
    assert found["mmseqs"].at_least(0.3, 0.8).all()


def test_the_best_hit_of_a_query_stands_first(found):
    hits = found["mmseqs"]
    first = np.unique(hits.query, return_index=True)[1]
    assert (hits.target[first] >= 16).all()
    assert (np.diff(hits.query) >= 0).all()


def test_kmers_agree_with_mmseqs_above_60_percent(found):
    ours, theirs = pairs(found["kmers"]), pairs(found["mmseqs"])
    similar = {pair: identity for pair, identity in theirs.items() if identity > 0.55}
    assert len(similar) == 16
    for pair, identity in similar.items():
        assert ours[pair] == pytest.approx(identity, abs=0.03)
    assert set(ours) <= set(theirs)


@pytest.mark.parametrize("engine", ENGINES)
def test_all_against_all_reports_no_sequence_on_itself_and_each_pair_twice(engine):
    ancestors, others = mutants([0.7], n=6)
    hits = find_similar(Sequences.stack([ancestors, others]), None, Search(engine=engine))
    expected = {(i, i + 6) for i in range(6)} | {(i + 6, i) for i in range(6)}
    assert set(pairs(hits)) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_identical_sequences_are_found_whatever_their_length(engine):
    rng = np.random.default_rng(1)
    texts = ["M", "MK", random_text(rng, 12), random_text(rng, 80)]
    once, twice = Sequences.from_text(texts), Sequences.from_text(texts * 2)
    search = Search(engine=engine)
    hits = find_similar(once, twice, search)
    assert pairs(hits) == {(i, i): 1.0 for i in range(4)}  # of copies, the first
    assert pairs(find_similar(twice, once, search)) == {(i, i % 4): 1.0 for i in range(8)}
    assert pairs(find_similar(twice, None, search)) == {(i + 4, i): 1.0 for i in range(4)}
    assert (hits.query_coverage == 1).all()
    assert (hits.target_coverage == 1).all()


def test_copies_of_a_query_each_have_its_hits():
    ancestors, others = mutants([0.8], n=3)
    queries = Sequences.stack([ancestors, ancestors])
    hits = find_similar(queries, others, Search(engine="kmers"))
    assert set(pairs(hits)) == {(i, i % 3) for i in range(6)}


@pytest.mark.parametrize("engine", ENGINES)
def test_dna_is_searched_on_both_strands(engine):
    rng = np.random.default_rng(2)
    texts = [random_text(rng, 300, BASES) for _ in range(6)]
    others = [reverse_complement(mutated(text, 0.9, rng, BASES)) for text in texts]
    hits = find_similar(
        Sequences.from_text(texts, "dna"),
        Sequences.from_text(others, "dna"),
        Search(engine=engine),
    )
    assert set(pairs(hits)) == {(i, i) for i in range(6)}
    np.testing.assert_allclose(hits.identity, 0.9, atol=0.02)
    assert hits.at_least(0.85, 0.95).all()


def test_long_dna_is_not_cut():
    rng = np.random.default_rng(5)
    text = random_text(rng, 15_000, BASES)
    hits = find_similar(
        Sequences.from_text([text], "dna"),
        Sequences.from_text([reverse_complement(mutated(text, 0.9, rng, BASES))], "dna"),
    )
    assert hits.at_least(0.88, 0.95).tolist() == [True]


def test_short_peptides_are_compared_without_kmers():
    ancestors, others = mutants([11 / 12], n=10, length=12)
    hits = find_similar(ancestors, others, Search(engine="mmseqs"))
    assert {(i, i) for i in range(10)} <= set(pairs(hits))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_letter_can_be_searched(engine):
    rng = np.random.default_rng(3)
    text = random_text(rng, 60) + "XBZJUO" + random_text(rng, 60)
    hits = find_similar(
        Sequences.from_text([text]),
        Sequences.from_text([mutated(text, 0.95, rng)]),
        Search(engine=engine),
    )
    assert hits.at_least(0.85, 0.95).tolist() == [True]


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_to_search_is_no_error(engine):
    none, some = Sequences.from_text([]), Sequences.from_text(["MKVLAAGGHLKRTYWWQDE"])
    search = Search(engine=engine)
    for queries, targets in ((none, some), (some, none), (none, None), (some, None)):
        assert len(find_similar(queries, targets, search)) == 0


def test_larger_sets_are_searched_through_kmers_and_clustered(monkeypatch):
    monkeypatch.setitem(mmseqs.EXHAUSTIVE_CELLS, "protein", 0)
    monkeypatch.setitem(mmseqs.EXHAUSTIVE_CELLS, "dna", 0)
    ancestors, others = mutants(IDENTITIES)
    hits = find_similar(ancestors, others, Search(cache=False))
    assert set(pairs(hits)) == {(i, i + 8 * k) for i in range(8) for k in range(3)}
    rng = np.random.default_rng(4)
    texts = [random_text(rng, 300, BASES) for _ in range(4)]
    changed = [mutated(text, 0.85, rng, BASES) for text in texts]
    dna = Sequences.from_text([*texts, *changed], "dna")
    assert len(find_similar(dna, None, Search(cache=False))) == 8
    near = Sequences.stack(mutants([0.75, 0.9]))
    together = clusters(near, 0.5, 0.8, Search(sensitivity=1)).reshape(3, 8)
    assert len(np.unique(together)) == 8
    assert (together == together[0]).all()


def test_pairs_that_cannot_cover_each_other_can_be_spared():
    rng = np.random.default_rng(6)
    text = random_text(rng, 200)
    targets = Sequences.from_text([text[:70], mutated(text, 0.7, rng)])
    queries = Sequences.from_text([text])
    assert set(pairs(find_similar(queries, targets))) == {(0, 0), (0, 1)}
    assert set(pairs(find_similar(queries, targets, Search(covering=0.6)))) == {(0, 1)}


def test_clusters_of_a_small_set():
    ancestors, others = mutants([0.6], n=5)
    sequences = Sequences.stack([ancestors, others])
    for engine in ENGINES:
        representative = clusters(sequences, 0.5, 0.8, Search(engine=engine))
        np.testing.assert_array_equal(representative, np.tile(np.arange(5), 2))


def test_greedy_clusters_start_from_the_longest():
    # 0 - 1 - 2 in a chain: the longest, 1, takes both; 3 is alone.
    query, target = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
    hits = Hits.of_pairs(query, target, np.ones(4))
    assert greedy_clusters(hits, np.array([5, 9, 6, 9])).tolist() == [1, 1, 1, 3]
    # The longest at the end of the chain leaves the other end alone.
    assert greedy_clusters(hits, np.array([9, 8, 6, 9])).tolist() == [0, 0, 2, 3]


def test_results_are_kept_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path))
    ancestors, others = mutants([0.7], n=4)
    said: list[str] = []
    first = find_similar(ancestors, others, Search(), said.append)
    again = find_similar(ancestors, others, Search(threads=1), said.append)
    assert said == [
        "Searching 4 sequences against 4 (MMseqs2).",
        "Similar sequences: taken from an earlier search.",
    ]
    for name in ("query", "target", "identity", "query_coverage", "target_coverage", "bits"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert len(list(tmp_path.iterdir())) == 1
    find_similar(ancestors, None, Search(engine="kmers"))
    find_similar(ancestors, others, Search(engine="kmers"))
    find_similar(ancestors, others, Search(engine="kmers", max_hits=2))
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_result_is_computed_again(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path))
    ancestors, others = mutants([0.7], n=4)
    search, said = Search(engine="kmers"), []
    first = find_similar(ancestors, others, search)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    again = find_similar(ancestors, others, search, said.append)
    assert said[0].startswith("Searching")
    np.testing.assert_array_equal(first.identity, again.identity)
    assert path.read_bytes() == whole


def test_without_a_cache_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path))
    ancestors, others = mutants([0.7], n=4)
    find_similar(ancestors, others, Search(engine="kmers", cache=False))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path / "file" / "folder"))
    ancestors, others = mutants([0.7], n=4)
    assert len(find_similar(ancestors, others, Search(engine="kmers"))) == 4


def test_a_wrong_path_of_mmseqs_is_said(monkeypatch):
    monkeypatch.setenv("CISTRON_MMSEQS", "/no/such/mmseqs")
    ancestors, others = mutants([0.7], n=2)
    with pytest.raises(InputError, match="CISTRON_MMSEQS names '/no/such/mmseqs', which is no"):
        find_similar(ancestors, others)


def test_a_failure_of_mmseqs_is_told_with_its_last_lines(tmp_path, monkeypatch):
    broken = tmp_path / "mmseqs"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo 1 && exit\necho no space left\nexit 3\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("CISTRON_MMSEQS", str(broken))
    ancestors, others = mutants([0.7], n=2)
    with pytest.raises(RuntimeError, match="(?s)easy-search.*3.*no space left"):
        find_similar(ancestors, others, Search(cache=False))


def test_the_lower_the_identity_the_more_sensitive():
    assert Search(0.3).settled(100).sensitivity == 7.5
    assert Search(0.2).settled(100).sensitivity == 7.5
    assert Search(0.5).settled(100).sensitivity == pytest.approx(5.5)
    assert Search(0.9).settled(100).sensitivity == 4
    assert Search(0.3).settled(50_000).sensitivity == 5.7
    assert Search(0.3, sensitivity=7).settled(50_000).sensitivity == 7


def test_a_search_says_from_where_it_guards():
    protein, dna = Sequences.from_text(["MKV"]), Sequences.from_text(["ACGT"], "dna")
    assert Search(engine="mmseqs").guards_from(protein) == 0.3
    assert Search(engine="kmers").guards_from(protein) == 0.5
    assert "from 50% identity only" in Search(engine="kmers").warning(protein)
    assert "from 75% identity only" in Search(engine="mmseqs").warning(dna)
    described = Search(engine="mmseqs").describe(protein)
    assert described["name"] == "MMseqs2"
    assert described["sensitivity"] == 7.5
