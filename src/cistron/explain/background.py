"""A user's own sequences as references, in place of shuffled letters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import sha256
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.explain.options import Options
from cistron.samples.sequences.fasta import read_fasta


@dataclass(frozen=True, eq=False)
class Background:
    """Sequences that samples are compared with.

    Parameters
    ----------
    path : str
    codes : Ragged
        Their letters, as the classifier's encoder gives them.
    number : int
        References of a sample at most.
    seed : int
        Of the choice, where there are more.
    """

    path: str
    codes: Ragged
    number: int
    seed: int

    def references(self, length: int) -> NDArray[np.uint8]:
        """Return references of a sample of that length, shape (references, length).

        They are the beginnings of sequences at least as long: a stretch that is missing would be
        compared with nothing. Samples of one length have the same references.

        Raises
        ------
        InputError
            If no sequence is long enough.
        """
        rows = np.flatnonzero(self.codes.lengths >= length)
        if not len(rows):
            raise InputError(
                f"--background {self.path}: the longest sequence has "
                f"{self.codes.lengths.max():,} letters, and a sample has {length:,}. Give "
                "sequences that are at least as long as the samples."
            )
        if len(rows) > self.number:
            rows = np.sort(np.random.default_rng(self.seed).choice(rows, self.number, False))
        # A batch has as many references of each sample: where few are long enough, they repeat.
        rows = np.resize(rows, min(self.number, len(self.codes)))
        return np.stack([self.codes[int(row)][:length] for row in rows])


def read_background(classifier: Classifier, options: Options, content: str) -> Background | None:
    """Read the background that an explanation names; None where it names none.

    Raises
    ------
    InputError
        If the file cannot be read, or the network reads no letters.
    """
    if options.background is None:
        return None
    if content != "codes":
        raise InputError(
            "--background: the network reads no letters, so sequences cannot be its references. "
            "Use --references mean, zero or shuffled."
        )
    if options.references != "auto":
        raise InputError("--background and --references exclude each other. Give one of them.")
    samples = read_fasta(options.background, alphabet=classifier.alphabet_)
    codes = cast("Ragged", classifier.encoder_.encode(samples))
    return Background(options.background, codes, options.number, options.seed)


def background_facts(options: Options, alphabet: str) -> Document:
    """Return what is recorded of a background: file, checksum, sequences; empty without one."""
    if options.background is None:
        return {}
    path = Path(options.background)
    return {
        "file": str(path.resolve()),
        "sha256": sha256(path),
        "sequences": len(read_fasta(path, alphabet=alphabet)),
    }
