"""Made promoters whose truth is known.

Sites of three real factors are planted in random promoters: one that speaks for the class, one
that does so at its own place alone, and one that speaks against it. Whoever explains the network
should find their places and signs; whoever looks for motifs should find their names as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.motif import BASES, Motif, reverse_complement
from cistron.base.outputs import write_text

PROMOTERS, LENGTH = 1600, 250
START = 200  # column where transcription begins
CLASSES = ("control", "responding")
BACKGROUND = np.array([0.31, 0.19, 0.19, 0.31])  # plant promoters are rich in A and T
DECOYS = 47  # random motifs beside the planted ones, so that matching has something to choose from
_LETTERS = {"A": "A", "C": "C", "G": "G", "T": "T", "W": "AT", "S": "CG", "Y": "CT", "M": "AC"}


@dataclass(frozen=True)
class Planted:
    """A motif that is planted.

    Parameters
    ----------
    factor, family : str
        Who binds it.
    consensus : str
        In the letters of IUPAC.
    sign : int
        1 where it speaks for "responding", -1 where against it.
    shares : (float, float)
        Of the promoters of each class, control first, that have it.
    columns : (int, int)
        0-based half-open; where it begins.
    both_strands : bool
        Whether it is planted on either strand.
    """

    factor: str
    family: str
    consensus: str
    sign: int
    shares: tuple[float, float]
    columns: tuple[int, int]
    both_strands: bool = True

    @property
    def motif(self) -> Motif:
        """How probable each base is: 0.01 each, and the rest shared by those of the consensus."""
        allowed = np.array([[base in _LETTERS[x] for base in BASES] for x in self.consensus])
        shares = allowed / allowed.sum(axis=1, keepdims=True)
        return Motif(f"planted_{self.factor}", self.factor, self.family, 0.01 + 0.96 * shares)

    @property
    def placed(self) -> bool:
        """Whether it stands in one place."""
        return self.columns[1] - self.columns[0] < LENGTH // 4


PLANTED = (
    # The ABA-responsive element, with the ACGT core of bZIP factors.
    Planted("ABF2", "bZIP", "GACACGTGGC", 1, (0.08, 0.6), (10, 150)),
    # The TATA box lies about thirty bases before the start of transcription.
    Planted("TBP", "TBP", "CTATAAATAS", 1, (0.06, 0.55), (160, 172), both_strands=False),
    # The W-box; WRKY40 keeps genes from responding to abscisic acid.
    Planted("WRKY40", "WRKY", "CGGTCAAMG", -1, (0.6, 0.08), (10, 150)),
)


def make_promoters(seed: int = 1) -> tuple[dict[str, list[tuple[str, str]]], pd.DataFrame]:
    """Make the promoters of the demo.

    Returns
    -------
    promoters : dict
        Class → list of (id, sequence); transcription begins at column `START`.
    sites : DataFrame
        `id, factor, start, end` (0-based, half-open), `strand` of every planted site.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in CLASSES}
    sites = []
    for number in range(PROMOTERS):
        class_ = number % len(CLASSES)
        name = f"{CLASSES[class_]}_{number // len(CLASSES)}"
        codes = rng.choice(4, LENGTH, p=BACKGROUND)
        free = np.ones(LENGTH, dtype=bool)
        for planted in PLANTED:
            if rng.random() >= planted.shares[class_]:
                continue
            matrix, strand = planted.motif.probabilities, "+"
            if planted.both_strands and rng.random() < 0.5:
                matrix, strand = reverse_complement(matrix), "-"
            width = len(matrix)
            room = [s for s in range(*planted.columns) if free[s : s + width].all()]
            start = int(rng.choice(room))
            free[start : start + width] = False
            codes[start : start + width] = [rng.choice(4, p=row) for row in matrix]
            sites.append((name, planted.factor, start, start + width, strand))
        found[CLASSES[class_]].append((name, "".join(BASES[code] for code in codes)))
    return found, pd.DataFrame(sites, columns=["id", "factor", "start", "end", "strand"])


def make_database(seed: int = 1) -> list[Motif]:
    """Return the planted motifs among random ones."""
    rng = np.random.default_rng(seed)
    decoys = [
        Motif(f"decoy_{number}", "", "", rng.dirichlet([0.12] * 4, int(rng.integers(8, 14))))
        for number in range(1, DECOYS + 1)
    ]
    return [*(planted.motif for planted in PLANTED), *decoys]


def write_records(records: Sequence[tuple[str, str]], path: Path) -> None:
    """Write (header, sequence) as FASTA."""
    write_text(path, "".join(f">{name}\n{text}\n" for name, text in records))
