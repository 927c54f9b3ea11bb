"""Profiles as PSI-BLAST writes them: text files of `-out_ascii_pssm` (blastpgp: `-Q`)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.files import open_input
from cistron.samples.alphabet import PROTEIN
from cistron.samples.records import Block, decode
from cistron.samples.samples import Profiles

MARK = b"position-specific scoring matrix"
LETTERS = PROTEIN.letters[: PROTEIN.standard]
LAMBDA = 0.3176  # of ungapped BLOSUM62, in whose units PSI-BLAST's scores are
# Robinson and Robinson (1991, doi:10.1073/pnas.88.20.8880), what BLAST takes for the background.
BACKGROUND = np.array(
    [
        *(0.07805, 0.05129, 0.04487, 0.05364, 0.01925, 0.04264, 0.06295, 0.07377, 0.02199, 0.05142),
        *(0.09019, 0.05744, 0.02243, 0.03856, 0.05203, 0.07120, 0.05841, 0.01330, 0.03216, 0.06441),
    ]
)
_ROW = re.compile(r"\s*(\d+)\s+([A-Za-z*])\s(.*)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")  # blastpgp leaves no space before a score of -10


def read_pssm(path: Path) -> Block:
    """Read one file as a block of one record, called like the file without its suffix.

    A residue's probability is its weighted observed percentage / 100. Where all percentages of a
    position are zero (nothing was aligned there) or there are none, it is calculated from the
    scores s: b · exp(0.3176 s), divided by the sum over all residues, with the background b.

    Raises
    ------
    InputError
        If the file cannot be read. A file that is no matrix is a record with a problem.
    """
    with open_input(path) as source:
        text = decode(source.stream.read())
    name = path.name.removesuffix(".gz")
    name = name.rsplit(".", 1)[0] if "." in name[1:] else name
    try:
        profile, problem = parse_pssm(text), ""
    except ValueError as error:
        profile, problem = np.empty((0, len(LETTERS)), np.float32), str(error)
    return Block(
        ids=[name],
        headers=[name],
        sequences=Profiles.of(profile, np.array([len(profile)])),
        problems=[problem],
        first_record=1,
        unnamed=np.zeros(1, dtype=bool),
        stops=np.zeros(1, dtype=bool),
    )


def parse_pssm(text: str) -> NDArray[np.float32]:
    """Return the profile of a matrix, shape (length, 20), in the order ARNDCQEGHILKMFPSTWYV.

    Raises
    ------
    ValueError
        Naming the line that is wrong.
    """
    lines = text.splitlines()
    start, order = _header(lines)
    scores: list[list[float]] = []
    percentages: list[list[float]] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        row = _ROW.fullmatch(line)
        if row is None:
            if line.strip():
                break  # the statistics behind the matrix
            continue
        if int(row[1]) != len(scores) + 1:
            raise ValueError(f"line {number}: position {len(scores) + 1} is missing")
        numbers = [float(n) for n in _NUMBER.findall(row[3])]
        if len(numbers) < 20:
            raise ValueError(f"line {number} has {len(numbers)} numbers and needs at least 20")
        scores.append(numbers[:20])
        percentages.append(numbers[20:40] if len(numbers) >= 40 else [0.0] * 20)
    if not scores:
        raise ValueError("the matrix has no position")
    return _probabilities(np.array(scores), np.array(percentages), order)


def _header(lines: list[str]) -> tuple[int, list[int]]:
    """Return the line behind the letters, and where each of the 20 stands among the columns."""
    for number, line in enumerate(lines):
        words = line.split()
        if len(words) in (20, 40) and set(words) == set(LETTERS):
            if len(words) == 40 and words[:20] != words[20:]:
                raise ValueError(f"line {number + 1}: scores and percentages differ in order")
            return number + 1, [words.index(letter) for letter in LETTERS]
    raise ValueError("it is no matrix of PSI-BLAST: no line names the 20 residues")


def _probabilities(
    scores: NDArray[np.float64], percentages: NDArray[np.float64], order: list[int]
) -> NDArray[np.float32]:
    odds = BACKGROUND * np.exp(LAMBDA * scores[:, order])
    calculated = odds / odds.sum(axis=1, keepdims=True)
    observed = percentages[:, order] / 100
    nothing = ~observed.any(axis=1, keepdims=True)
    return np.where(nothing, calculated, observed).astype(np.float32)
