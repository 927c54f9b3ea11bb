"""Letters of proteins and DNA, their codes, and what an ambiguous letter stands for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SKIPPED = 254  # white space and alignment gaps: not part of a sequence
INVALID = 255  # no letter of this alphabet


@dataclass(frozen=True)
class Alphabet:
    """A set of letters, each with a code from 0 up.

    Parameters
    ----------
    name : str
        "protein" or "dna".
    letters : str
        Every letter, in the order of the codes; the `standard` ones come first.
    standard : int
        How many of the letters stand for themselves (20 or 4).
    meanings : dict
        For each ambiguous letter, the standard letters it may be; an empty string for a letter
        that says nothing (X, N).
    """

    name: str
    letters: str
    standard: int
    meanings: dict[str, str]

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def unknown(self) -> int:
        """Code of the letter that says nothing (X or N)."""
        return self.letters.index("X" if self.name == "protein" else "N")

    @cached_property
    def codes(self) -> NDArray[np.uint8]:
        """Code of every byte, shape (256,); lower case counts as upper case."""
        table = np.full(256, INVALID, dtype=np.uint8)
        for code, letter in enumerate(self.letters):
            table[ord(letter)] = table[ord(letter.lower())] = code
        for gap in b" \t\r\n\v\f-.":
            table[gap] = SKIPPED
        return table

    @cached_property
    def shares(self) -> NDArray[np.float32]:
        """What each letter is made of, shape (letters, standard).

        A standard letter is one-hot; an ambiguous one is shared equally among what it may be;
        one that says nothing is all zeros.
        """
        table = np.zeros((len(self.letters), self.standard), dtype=np.float32)
        for code, letter in enumerate(self.letters):
            meaning = self.meanings.get(letter, letter)
            for standard in meaning:
                table[code, self.letters.index(standard)] = 1 / len(meaning)
        return table

    @cached_property
    def complement(self) -> NDArray[np.uint8]:
        """Code of the complement of every code (DNA only), shape (letters,)."""
        if self.name != "dna":
            raise ValueError("only DNA has a complement")
        pairs = dict(zip("ACGTNRYSWKMBDHV", "TGCANYRSWMKVHDB", strict=True))
        return np.array([self.letters.index(pairs[x]) for x in self.letters], dtype=np.uint8)

    def text(self, codes: NDArray[np.uint8]) -> str:
        """Return the sequence that the codes spell."""
        return np.frombuffer(self.letters.encode(), dtype=np.uint8)[codes].tobytes().decode()


PROTEIN = Alphabet(
    name="protein",
    letters="ARNDCQEGHILKMFPSTWYVXBZJUO",
    standard=20,
    # Selenocysteine and pyrrolysine count as the residues they derive from chemically.
    meanings={"X": "", "B": "ND", "Z": "QE", "J": "IL", "U": "C", "O": "K"},
)

DNA = Alphabet(
    name="dna",
    letters="ACGTNRYSWKMBDHV",
    standard=4,
    meanings={
        "N": "",
        "R": "AG",
        "Y": "CT",
        "S": "CG",
        "W": "AT",
        "K": "GT",
        "M": "AC",
        "B": "CGT",
        "D": "AGT",
        "H": "ACT",
        "V": "ACG",
    },
)

ALPHABETS = {"protein": PROTEIN, "dna": DNA}
