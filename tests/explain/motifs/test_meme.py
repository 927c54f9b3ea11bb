from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cistron.base.errors import InputError
from cistron.base.motif import Motif, consensus, information, reverse_complement
from cistron.explain.motifs.database import jaspar_file, read_database
from cistron.explain.motifs.meme import read_meme, write_meme
from tests.places import REAL_DATA

NAMES = st.text("ABCxyz019._-:", min_size=1, max_size=8)
MATRICES = st.integers(1, 12).flatmap(
    lambda width: arrays(np.float64, (width, 4), elements=st.floats(0.01, 1))
)
REAL = REAL_DATA / "stress_aba" / "motifs.meme.gz"


@given(st.dictionaries(NAMES, st.tuples(NAMES, MATRICES), min_size=1, max_size=4))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_is_read(tmp_path, motifs):
    made = [
        Motif(name, factor, "", m / m.sum(axis=1, keepdims=True), 7)
        for name, (factor, m) in motifs.items()
    ]
    write_meme(made, tmp_path / "m.meme")
    read = read_meme(tmp_path / "m.meme")
    assert [(m.name, m.factor, m.sites) for m in read] == [(m.name, m.factor, 7) for m in made]
    for ours, theirs in zip(made, read, strict=True):
        np.testing.assert_allclose(theirs.probabilities, ours.probabilities, atol=3e-6)


def test_loose_files_are_read(tmp_path):
    text = """MEME version 5.4.1 (Sat Aug 21)\r

ALPHABET "DNA" DNA-LIKE
A "Adenine" CC0000 ~ T "Thymine" 008000
END ALPHABET
Background letter frequencies (from file):
A 0.3 C 0.2 G 0.2 T 0.3
MOTIF\tM1_WRKY   WRKY  18
log-odds matrix: alength= 4 w= 1 E= 0
 1 -2 -3 4
letter-probability  matrix:alength=4   w=2 nsites= 31 E=1e-3
 0.333\t  0.333  0.333\t0.0\t
0,0,1,0
URL http://example.org
MOTIF M2
letter-probability matrix: w= 1
.25 .25 .25 .25"""
    (tmp_path / "m.meme.gz").write_bytes(gzip.compress(text.encode()))
    first, second = read_database(tmp_path / "m.meme.gz")
    assert (first.name, first.factor, first.sites) == ("M1_WRKY", "WRKY 18", 31)
    np.testing.assert_allclose(first.probabilities, [[1 / 3, 1 / 3, 1 / 3, 0], [0, 0, 1, 0]])
    assert (second.label, second.sites) == ("M2", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MEME version 4\nALPHABET= ACGU\n", "line 2: motifs of RNA"),
        ("ALPHABET= ACDEFGHIKLMNPQRSTVWY\n", "line 1: motifs of protein"),
        ("MOTIF\n", "line 1: MOTIF has no name"),
        ("letter-probability matrix: w= 2\n", "without a MOTIF line"),
        ("MOTIF a\nletter-probability matrix: alength= 20 w= 2\n", "has 20 letters"),
        ("MOTIF a\nletter-probability matrix: w= 1.5\n", "says no width"),
        ("MOTIF a\nletter-probability matrix: w= inf\n", "w= inf is no number"),
        ("MOTIF a\nletter-probability matrix: w= 2 nsites= 1e999\n", "nsites= 1e999 is no number"),
        ("MOTIF a\nletter-probability matrix:\n1 0 0 0\n1 0\n", "line 4: motif a has 2 numbers"),
        ("MOTIF a\nMOTIF b\nletter-probability matrix: w= 0\n", "no motif in MEME format"),
        ("MOTIF a\nletter-probability matrix: w= two\n", "w= two is no number"),
        ("MOTIF a\nletter-probability matrix: w= 2\n1 0 0 0\n", "ends within motif a: 1 of 2"),
        ("MOTIF a\nletter-probability matrix: w= 2\n1 0 0 0\nURL x\n", "1 of 2 positions before"),
        ("MOTIF a\nletter-probability matrix: w= 1\n1 0 0\n", "line 3: motif a has 3 numbers"),
        ("MOTIF a\nletter-probability matrix: w= 1\n1 1 0 0\n", "sum to one (2)"),
        ("MOTIF a\nletter-probability matrix: w= 1\n1.5 -.5 0 0\n", "four probabilities"),
        (
            "MOTIF a\nletter-probability matrix: w= 1\n1 0 0 0\nMOTIF a\n",
            "line 4: a second motif is called a",
        ),
        ("hello\n", "no motif in MEME format"),
        ("", "no motif in MEME format"),
    ],
)
def test_mistakes_are_said_with_their_line(tmp_path, text, said):
    (tmp_path / "m.meme").write_text(text)
    with pytest.raises(InputError) as error:
        read_meme(tmp_path / "m.meme")
    assert said in str(error.value)


def test_matrices_without_a_width_and_without_rows(tmp_path):
    """Without w= a matrix ends with its rows; an empty motif costs the others nothing."""
    text = """MEME version 4
MOTIF first one
letter-probability matrix: alength= 4 nsites= 9
1 0 0 0
0 .5 .5 0
URL http://example.org
MOTIF nothing
MOTIF zero
letter-probability matrix: w= 0
MOTIF none
letter-probability matrix:
MOTIF last
letter-probability matrix:
0 0 0 1
"""
    (tmp_path / "m.meme").write_text(text)
    notes = []
    first, last = read_database(tmp_path / "m.meme", notes)
    assert (first.name, first.factor, first.sites) == ("first", "one", 9)
    assert first.probabilities.tolist() == [[1, 0, 0, 0], [0, 0.5, 0.5, 0]]
    assert last.probabilities.tolist() == [[0, 0, 0, 1]]
    assert notes == [
        f"Motifs of {tmp_path / 'm.meme'} without a matrix, skipped: 3 (nothing, zero, none)."
    ]


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read_meme(tmp_path / "absent")
    (tmp_path / "b").write_bytes(b"\x1f\x8b\x08 cut short")
    with pytest.raises(InputError, match="neither text nor whole gzip"):
        read_meme(tmp_path / "b")


def test_jaspar_by_taxon():
    plants = read_database("jaspar:plants")
    assert len(plants) > 500
    assert len({motif.name.split(".")[0] for motif in plants}) == len(plants)
    known = {motif.name.split(".")[0]: motif for motif in plants}
    abi5 = known["MA0931"]
    assert (abi5.factor, abi5.family) == ("ABI5", "bZIP: Group A")
    assert "ACGTG" in consensus(abi5.probabilities)
    for motif in plants:
        np.testing.assert_allclose(motif.probabilities.sum(axis=1), 1)
    with pytest.raises(InputError, match="Did you mean 'plants'"):
        read_database("jaspar:plant")
    with pytest.raises(InputError, match="JASPAR needs a taxon"):
        read_database("JASPAR")


def test_jaspar_agrees_with_the_objects_of_pyjaspar():
    import sqlite3
    from contextlib import closing

    motif = next(m for m in read_database("jaspar:fungi") if m.name.startswith("MA0265."))
    base, version = motif.name.split(".")
    query = """SELECT d.val FROM MATRIX m JOIN MATRIX_DATA d ON d.ID = m.ID
        WHERE m.BASE_ID = ? AND m.VERSION = ? AND d.row = ? ORDER BY d.col"""
    with closing(sqlite3.connect(jaspar_file())) as connection:
        counts = np.array(
            [[v for (v,) in connection.execute(query, (base, version, x))] for x in "ACGT"]
        ).T
    np.testing.assert_allclose(motif.probabilities, counts / counts.sum(axis=1, keepdims=True))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="no real data")
def test_the_published_collection_is_read():
    motifs = read_meme(REAL)
    assert len(motifs) == 2016
    assert motifs[0].name == "M00008_AT_hook"
    assert len(motifs[0].probabilities) == 7


def test_matrices():
    matrix = np.array([[1, 0, 0, 0], [0.5, 0, 0.5, 0], [0.25, 0.25, 0.25, 0.25]])
    np.testing.assert_allclose(information(matrix), [2, 1, 0])
    assert consensus(matrix) == "AAA"
    assert consensus(reverse_complement(matrix)) == "ACT"
    np.testing.assert_array_equal(reverse_complement(reverse_complement(matrix)), matrix)
