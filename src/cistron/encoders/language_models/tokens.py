"""Letter codes → tokens of a model, by a table that is made once from its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Sequences

WORD = "▁"  # SentencePiece's mark before a word
PREFIXES = ("<AA2fold>", "[NLU]")
"""What ProstT5 and Ankh 3 were trained to read before a protein that is to be embedded."""


@dataclass(frozen=True, eq=False)
class ResidueTokens:
    """How a model reads a protein.

    Parameters
    ----------
    table : ndarray of int64, shape (letters,)
        Token of each letter code of `PROTEIN`.
    before, after : tuple of int
        Tokens that stand around each protein.
    padding : int
        Token that fills up a batch.
    cls : int or None
        Place among the tokens of the one that stands for the whole protein.
    """

    table: NDArray[np.int64]
    before: tuple[int, ...]
    after: tuple[int, ...]
    padding: int
    cls: int | None

    @property
    def around(self) -> int:
        """Tokens beside those of residues."""
        return len(self.before) + len(self.after)

    def read(self, sequences: Sequences, row: int, start: int, end: int) -> NDArray[np.int64]:
        """Return the tokens of residues `start` to `end` (0-based, half-open) of one protein."""
        first = sequences.offsets[row]
        residues = self.table[sequences.values[first + start : first + end]]
        return np.concatenate([self.before, residues, self.after]).astype(np.int64)


def residue_tokens(tokenizer: Any, name: str) -> ResidueTokens:
    """Read off a tokenizer how its model reads proteins.

    A letter that the vocabulary lacks (J, in most) becomes X, and so do U, Z, O and B for models
    whose vocabulary marks words (ProtT5, ProstT5) and for BERT (ProtBert): their authors
    prescribe it.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    name : str
        What a message calls the model.

    Raises
    ------
    InputError
        If its vocabulary is none of proteins.
    """
    vocabulary: Mapping[str, int] = tokenizer.get_vocab()
    words = f"{WORD}A" in vocabulary
    mark = WORD if words else ""
    unknown = vocabulary.get(f"{mark}X", tokenizer.unk_token_id)
    standard = PROTEIN.letters[: PROTEIN.standard]
    if unknown is None or any(f"{mark}{letter}" not in vocabulary for letter in standard):
        raise InputError(
            f"{name} is no language model of proteins: its vocabulary has no token for each of the "
            "20 amino acids. Choose one that has, such as facebook/esm2_t6_8M_UR50D."
        )
    bert = type(tokenizer).__name__.startswith("Bert")
    as_unknown = "UZOB" if words or bert else ""
    table = [
        unknown if letter in as_unknown else vocabulary.get(f"{mark}{letter}", unknown)
        for letter in PROTEIN.letters
    ]
    before, after = _around(tokenizer, vocabulary[f"{mark}A"], name)
    prefix = tuple(vocabulary[token] for token in PREFIXES if token in vocabulary)
    return ResidueTokens(
        table=np.array(table, dtype=np.int64),
        before=prefix[:1] + before,
        after=after,
        padding=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
        cls=len(prefix[:1]) if before else None,
    )


def _around(tokenizer: Any, alanine: int, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what the tokenizer puts before and after a protein of one alanine."""
    tokens = list(tokenizer("A")["input_ids"])
    if tokens.count(alanine) != 1:
        raise InputError(
            f"{name}: its tokenizer does not read residues one by one (A becomes {tokens}), so "
            "there is no embedding of each. Choose a model that does, such as "
            "facebook/esm2_t6_8M_UR50D."
        )
    place = tokens.index(alanine)
    return tuple(tokens[:place]), tuple(tokens[place + 1 :])
