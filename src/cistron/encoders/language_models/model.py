"""A language model that embeds: windows, batches, forward passes, pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.encoders.language_models.int8 import COMPARED, Drift, compare
from cistron.encoders.language_models.pooling import Pooling, merge_windows, pool_window
from cistron.encoders.language_models.tokens import ResidueTokens
from cistron.encoders.language_models.windows import Windows, cut_windows
from cistron.samples.samples import Sequences

Embedding = NDArray[np.float32] | Ragged
Parts = Iterator[tuple[NDArray[np.int64], Embedding]]
"""Rows of proteins that are done, and their embeddings, batch by batch."""
Forward = Callable[[torch.Tensor, Sequence[int]], torch.Tensor]
"""Tokens of proteins, end to end, and how many each has → hidden states, shape (tokens, width)."""

WINDOW, OVERLAP = 1022, 256  # residues
MAX_TOKENS = 4096
PACK = 2048  # tokens; with more, a processor's caches no longer hold what a layer works on


class Reading(TypedDict, total=False):
    """How much is read at once; see `LanguageModel.embed`."""

    window: int
    overlap: int
    max_tokens: int


@dataclass(eq=False)
class LanguageModel:
    """A protein language model, ready to embed. Its weights are read when they are first needed.

    Parameters
    ----------
    name : str
        As it was asked for.
    layer : int
        Hidden state that is taken: 0 is the embedding of residues alone, `layers` the last.
    width : int
        Of an embedding.
    fingerprint : str
        SHA-256 over configuration, weights and the tokens of residues.
    precision : {"fp32", "bf16", "int8"}
    device : torch.device
    tokens : ResidueTokens
    make_forward : callable
        Reads the weights, for a precision.
    packs : bool
        Whether the tokens of a batch stand end to end, without padding.
    longest : int or None
        Residues that the model can read at once, where its positions are numbered.

    Attributes
    ----------
    most_tokens : int
        Above this a batch did not fit the device's memory.
    drift : Drift or None
        Of int8: measured on the first proteins that were embedded.
    """

    name: str
    layer: int
    width: int
    fingerprint: str
    precision: str
    device: torch.device
    tokens: ResidueTokens
    make_forward: Callable[[str], Forward] = field(repr=False)
    packs: bool = False
    longest: int | None = None
    most_tokens: int = field(default=1 << 40, init=False)
    drift: Drift | None = field(default=None, init=False)

    @cached_property
    def forward(self) -> Forward:
        """The forward pass, with its weights.

        Raises
        ------
        InputError
            If the weights are incomplete, or do not fit the device's memory.
        """
        try:
            return self.make_forward(self.precision)
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"The weights of {self.name} do not fit the memory of {self.device}. Choose a "
                "smaller model, or use device: cpu."
            ) from error

    def embed(
        self,
        sequences: Sequences,
        pooling: Pooling = "mean",
        *,
        advance: Callable[[int], None] | None = None,
        **reading: Unpack[Reading],
    ) -> Embedding:
        """Embed proteins.

        Parameters
        ----------
        sequences : Sequences
            Of proteins.
        pooling : {"mean", "max", "cls", "residues"}
            Mean or maximum over the residues alone, the CLS token, or every residue.
        window, overlap : int
            Longer proteins are read in windows of so many residues that share at least so many;
            see `cistron.encoders.language_models.windows`.
        max_tokens : int
            Tokens of a batch, padding included. It is halved when a device runs out of memory.
        advance : callable, optional
            Called with the number of proteins that are done since the last call.

        Returns
        -------
        ndarray of float32, shape (n, width), or Ragged
            A row a protein; of `residues`, a Ragged with values of shape (residues, width).

        Raises
        ------
        InputError
            If the model cannot do what is asked, or a sequence is empty.
        """
        parts = self.parts(sequences, pooling, **reading)
        residues = pooling == "residues"
        places = sequences.offsets if residues else np.arange(len(sequences) + 1)
        values = np.empty((int(places[-1]), self.width), dtype=np.float32)
        for rows, batch in parts:
            for number, row in enumerate(rows.tolist()):
                values[places[row] : places[row + 1]] = batch[number]
            if advance is not None:
                advance(len(rows))
        return Ragged(values, sequences.offsets.copy()) if residues else values

    def parts(
        self,
        sequences: Sequences,
        pooling: Pooling = "mean",
        *,
        window: int = WINDOW,
        overlap: int = OVERLAP,
        max_tokens: int = MAX_TOKENS,
    ) -> Parts:
        """Embed proteins and hand over each batch as it is done; see `embed`.

        The longest come first, so that what does not fit is known at once.

        Yields
        ------
        rows : ndarray of int64
            Proteins that are done; each row of `sequences` once.
        values : ndarray of float32, shape (rows, width), or Ragged
        """
        self._check(sequences, pooling, window, overlap)
        if self.precision == "int8" and self.drift is None and len(sequences):
            self.drift = self.measure_drift(sequences, window=window, overlap=overlap)
        yield from self._parts(sequences, pooling, window, overlap, max_tokens)

    def _parts(
        self, sequences: Sequences, pooling: Pooling, window: int, overlap: int, max_tokens: int
    ) -> Parts:
        pieces = cut_windows(sequences.lengths, window, overlap)
        missing = np.bincount(pieces.rows, minlength=len(sequences))
        held: dict[int, list[NDArray[np.float32]]] = {}
        self.forward  # noqa: B018  # read now: memory it lacks is no matter of batches
        for batch, values in self._batches(sequences, pieces, pooling, max_tokens):
            done = []
            for row, value in zip(pieces.rows[batch].tolist(), values, strict=True):
                held.setdefault(row, []).append(value)
                if len(held[row]) == missing[row]:
                    done.append(row)
            if done:
                lengths = sequences.lengths[done]
                merged = [
                    merge_windows(held.pop(row), length, pooling)
                    for row, length in zip(done, lengths.tolist(), strict=True)
                ]
                yield np.array(done), _together(merged, lengths, pooling)

    def measure_drift(
        self, sequences: Sequences, *, window: int = WINDOW, overlap: int = OVERLAP
    ) -> Drift:
        """Return how far mean embeddings of the first proteins are from those in fp32.

        The weights are read once more for that.
        """
        few = sequences.take(np.arange(min(COMPARED, len(sequences))))
        approximate, exact = np.empty((2, len(few), self.width), dtype=np.float32)
        for model, values in ((self, approximate), (replace(self, precision="fp32"), exact)):
            for rows, part in model._parts(few, "mean", window, overlap, MAX_TOKENS):
                values[rows] = np.asarray(part)
        return compare(approximate, exact)

    def _check(self, sequences: Sequences, pooling: str, window: int, overlap: int) -> None:
        if sequences.alphabet.name != "protein":
            raise InputError(
                f"{self.name} reads proteins, and these sequences are {sequences.alphabet.name}."
            )
        if pooling == "cls" and self.tokens.cls is None:
            raise InputError(f"pooling: {self.name} has no CLS token. Use mean, max or residues.")
        if not 0 <= overlap < window:
            raise InputError(
                f"overlap: {overlap} is not between 0 and the window of {window} residues."
            )
        if self.longest is not None and window > self.longest:
            raise InputError(
                f"window: {self.name} reads at most {self.longest:,} residues at once, not "
                f"{window:,}. Set window: {self.longest}."
            )
        empty = np.flatnonzero(sequences.lengths == 0)
        if len(empty):
            raise InputError(
                f"Sequence {empty[0] + 1:,} is empty: there is nothing to embed. Leave it out."
            )

    def _batches(
        self, sequences: Sequences, pieces: Windows, pooling: Pooling, max_tokens: int
    ) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.float32]]]]:
        """Yield which windows make a batch, and what each contributes to its protein."""
        # Stable, so that the windows of a protein, all of one length, stay side by side.
        order = np.argsort(-pieces.lengths, kind="stable")
        sizes = pieces.lengths[order] + self.tokens.around
        allowed = min(max_tokens, PACK) if self.packs else max_tokens
        at = 0
        while at < len(order):
            budget = min(allowed, self.most_tokens)
            batch = order[at : at + _fitting(sizes[at:], budget, self.packs)]
            try:
                values = self._compute(sequences, pieces, batch, pooling)
            except torch.OutOfMemoryError:
                values = None
            # Tried again outside of the handler: in it the tensors of the failed pass still live.
            if values is None:
                self._shrink(len(batch), int(sizes[at : at + len(batch)].sum()))
                continue
            at += len(batch)
            yield batch, values

    def _shrink(self, windows: int, tokens: int) -> None:
        """Halve what a batch may hold."""
        if windows == 1:
            raise InputError(
                f"A window of {tokens - self.tokens.around:,} residues does not fit the memory of "
                f"{self.device} with {self.name}. Set a smaller window, choose a smaller model, or "
                "use device: cpu."
            )
        self.most_tokens = tokens // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _compute(
        self, sequences: Sequences, pieces: Windows, batch: NDArray[np.int64], pooling: Pooling
    ) -> list[NDArray[np.float32]]:
        spans = [(int(pieces.rows[i]), int(pieces.starts[i]), int(pieces.ends[i])) for i in batch]
        read = [self.tokens.read(sequences, *span) for span in spans]
        lengths = [len(tokens) for tokens in read]
        hidden = self.forward(torch.from_numpy(np.concatenate(read)).to(self.device), lengths)
        first = len(self.tokens.before) - pieces.starts[batch]
        kept_from = (first + pieces.kept_from[batch]).tolist()
        kept_to = (first + pieces.kept_to[batch]).tolist()
        pooled = [
            pool_window(window, slice(start, end), self.tokens.cls, pooling)
            for window, start, end in zip(hidden.split(lengths), kept_from, kept_to, strict=True)
        ]
        if pooling == "residues":
            joined = torch.cat(pooled).cpu().numpy()
            ends = np.cumsum([len(window) for window in pooled])
            return np.split(joined, ends[:-1])
        return list(torch.stack(pooled).cpu().numpy())


def _fitting(sizes: NDArray[np.int64], budget: int, packs: bool) -> int:
    """Return how many of the windows, longest first, make a batch; at least one."""
    if not packs:
        return max(1, budget // int(sizes[0]))
    sizes = sizes[: max(1, budget)]
    return max(1, int(np.searchsorted(np.cumsum(sizes), budget, "right")))


def _together(
    values: list[NDArray[np.float32]], lengths: NDArray[np.int64], pooling: str
) -> Embedding:
    if pooling != "residues":
        return np.stack(values)
    return Ragged(np.concatenate(values), np.concatenate([[0], np.cumsum(lengths)]))
