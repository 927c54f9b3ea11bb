"""One motif in every format in which databases come, against values known by hand."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from cistron.base.errors import InputError
from cistron.base.motif import consensus
from cistron.explain.motifs.database import read_database, read_databases
from cistron.explain.motifs.meme import write_meme
from cistron.explain.motifs.motif_files import read_motifs

# JASPAR's MA0004.1 (Arnt), whose counts are published: 20 sites of CACGTG.
COUNTS = np.array(
    [
        [4, 16, 0, 0],
        [19, 0, 1, 0],
        [0, 20, 0, 0],
        [0, 0, 20, 0],
        [0, 0, 0, 20],
        [0, 0, 20, 0],
    ]
)
BY_BASE = COUNTS.T.tolist()
JASPAR = ">MA0004.1\tArnt\n" + "".join(
    f"{base}  [{' '.join(f'{n:6d}' for n in row)} ]\n"
    for base, row in zip("ACGT", BY_BASE, strict=True)
)
PFM = ">MA0004.1 Arnt\n" + "".join("\t".join(map(str, row)) + "\n" for row in BY_BASE)
TRANSFAC = """VV  TRANSFAC MATRIX TABLE
XX
//
AC  MA0004.1
XX
ID  Arnt
XX
DE  MA0004.1 Arnt ; From JASPAR
P0      A      C      G      T
01      4     16      0      0      C
02     19      0      1      0      A
03      0     20      0      0      C
04      0      0     20      0      G
05      0      0      0     20      T
06      0      0     20      0      G
XX
CC  tax_group:vertebrates
XX
//
"""
HOMER = ">CACGTG\tArnt(bHLH)/made/Homer\t6.9\t-100\t0\tT:20\n" + "".join(
    "\t".join(f"{n / 20:.3f}" for n in row) + "\n" for row in COUNTS
)


@pytest.mark.parametrize(
    ("text", "name", "factor", "sites"),
    [
        (JASPAR, "MA0004.1", "Arnt", 20),
        (PFM, "MA0004.1", "Arnt", 20),
        (TRANSFAC, "MA0004.1", "Arnt", 20),
        (HOMER, "Arnt(bHLH)/made/Homer", "Arnt", 0),
        (PFM.partition("\n")[2], "motifs", "", 20),  # a matrix alone is called like its file
        (JASPAR.partition("\n")[2].replace("[", "|").replace("]", ""), "motifs", "", 20),
    ],
)
def test_formats(tmp_path, text, name, factor, sites):
    (tmp_path / "motifs.txt").write_text(text)
    (tmp_path / "motifs.txt.gz").write_bytes(gzip.compress(text.replace("\n", "\r\n").encode()))
    for file in ("motifs.txt", "motifs.txt.gz"):
        (motif,) = read_database(tmp_path / file)
        assert (motif.name, motif.factor, motif.sites) == (name, factor, sites)
        np.testing.assert_allclose(motif.probabilities, COUNTS / 20)
        assert consensus(motif.probabilities) == "CACGTG"
        write_meme([motif], tmp_path / "again.meme")
        (again,) = read_database(tmp_path / "again.meme")
        assert (again.name, again.factor) == (motif.name, motif.factor)
        np.testing.assert_allclose(again.probabilities, motif.probabilities, atol=1e-6)


def test_several_motifs_and_empty_ones(tmp_path):
    path = tmp_path / "m.txt"
    texts = {
        "JASPAR": JASPAR + ">MA2 empty\n>MA3 zero\nA [0]\nC [0]\nG [0]\nT [0]\n",
        "TRANSFAC": TRANSFAC + "ID MA2\nP0 A C G T\nXX\n//\nID MA3\nP0 T G C A\n01 0 0 0 0\n//\n",
        "HOMER": HOMER + ">A\tMA2\t1\n>A\tMA3\t1\n0 0 0 0\n",
    }
    for text in texts.values():
        path.write_text(text)
        notes = []
        assert len(read_databases([path, path], notes)) == 2
        assert notes == [f"Motifs of {path} without a matrix, skipped: 2 (MA2, MA3)."] * 2


def test_the_order_of_bases_in_transfac_is_that_of_its_header(tmp_path):
    (tmp_path / "m.dat").write_text("ID x y\nPO\tT\tG\tC\tA\n01\t1\t2\t3\t4\n02\t0\t0\t0\t9\n")
    (motif,) = read_motifs(tmp_path / "m.dat")
    assert motif.name == "x"
    assert motif.probabilities.tolist() == [[0.4, 0.3, 0.2, 0.1], [1, 0, 0, 0]]


def test_four_positions_of_homer_are_no_four_bases(tmp_path):
    rows = "1 1 0 0\n0 0 1 0\n0 0 0 1\n1 0 0 0\n"
    (tmp_path / "m.txt").write_text(f">MGTA\tx/y\t5.5\n{rows}")
    (motif,) = read_motifs(tmp_path / "m.txt")
    assert motif.probabilities[0].tolist() == [0.5, 0.5, 0, 0]
    (tmp_path / "m.txt").write_text(f">x y\n{rows}")
    (motif,) = read_motifs(tmp_path / "m.txt")
    assert motif.probabilities[0].tolist() == [0.5, 0, 0, 0.5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (">x\nA [1 2]\nC [1 2]\nG [1 2]\n", "line 1: motif x has 3 lines of numbers"),
        (">x\nA [1 2]\nC [1]\nG [1 2]\nT [1 2]\n", "have 2, 1, 2, 2 numbers"),
        (">x\nA [1 b]\nC [1]\nG [1]\nT [1]\n", "line 2: motif x has a line that does not"),
        (">x\nA [1]\nC [-1]\nG [1]\nT [1]\n", "line 1: every position of motif x needs"),
        (">x\nA [1 0]\nC [1 0]\nG [1 0]\nT [1 0]\n", "four numbers from 0 up"),
        (">A\tx\t1\n1 0 0\n", "line 2: motif A has 3 numbers for a position"),
        (">\n1 0 0 0\n", "line 1: a motif has no name"),
        (JASPAR + JASPAR, "line 6: a second motif is called MA0004.1"),
        ("ID x\nP0 A C G T\n01 1 2\n//\n", "line 3: motif x has 2 numbers for a position"),
        (">x empty\n", "none of its 1 motifs has a matrix"),
        ("hello\n", "none of JASPAR, TRANSFAC or HOMER"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, text, told):
    (tmp_path / "m.txt").write_text(text)
    with pytest.raises(InputError) as error:
        read_motifs(tmp_path / "m.txt")
    assert told in str(error.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_motifs(tmp_path)
