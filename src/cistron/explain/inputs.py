"""What a network reads of a batch of samples, strand by strand, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.base.arrays import Array
from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.explain.background import read_background
from cistron.explain.cells import of_cells, reference_vector
from cistron.explain.options import Options
from cistron.explain.references import choose, shuffles
from cistron.models.input import Network
from cistron.samples.alphabet import ALPHABETS, PROTEIN, Alphabet

SHUFFLED = ("dinucleotide", "shuffled")
BACKGROUND = "background"


@dataclass(frozen=True, eq=False)
class Inputs:
    """One strand of a batch.

    Parameters
    ----------
    x : tensor, shape (batch, time, channels) or (batch, features)
    references : tensor, shape (batch, references, …)
    mask : tensor of bool, shape (batch, time); None for vectors
    """

    x: Tensor
    references: Tensor
    mask: Tensor | None

    @property
    def inside(self) -> Tensor:
        """1 at positions of a sample, 0 at padding, shape (batch, time)."""
        return cast("Tensor", self.mask).to(self.x.dtype)

    def take(self, rows: NDArray[np.int64]) -> Inputs:
        """Return some of the samples."""
        return Inputs(
            self.x[rows], self.references[rows], None if self.mask is None else self.mask[rows]
        )

    def double(self, device: torch.device) -> Inputs:
        """Return the inputs in float64, on a device that has it."""
        x, references = (part.to(device).double() for part in (self.x, self.references))
        return Inputs(x, references, None if self.mask is None else self.mask.to(device))


class Reader:
    """Turns encoded samples into what the body of a network reads.

    Parameters
    ----------
    classifier : Classifier
        Its model is a network.
    settings : Options
    device : torch.device

    Raises
    ------
    InputError
        If a language model inside the network pools its residues, or the references do not fit.
    """

    def __init__(self, classifier: Classifier, settings: Options, device: torch.device) -> None:
        self.network: Network = classifier.model_.to(device).eval()
        self.settings, self.device = settings, device
        self.alphabet: Alphabet = ALPHABETS.get(classifier.alphabet_, PROTEIN)
        dna = classifier.alphabet_ == "dna"
        self.content = self.network.kind
        if self.network.pooled:
            raise InputError(
                "A language model that is trained along and pooled gives one vector a protein, "
                "whose numbers mean nothing alone. Use --method in_silico_mutagenesis or occlusion."
            )
        self.background = read_background(classifier, settings, self.content)
        self.kind = BACKGROUND
        if self.background is None:
            self.kind = choose(settings.references, self.content, dna)
        self.center: Tensor | None = None
        if of_cells(classifier) and self.kind == "mean":
            mean = reference_vector(classifier).astype(np.float32)
            self.center = torch.from_numpy(mean).to(device)
        unscaled = self.center is None and getattr(classifier.encoder_, "mean", None) is None
        if self.content == "vector" and self.kind == "mean" and unscaled:
            if settings.references == "mean":
                raise InputError("references: this encoder keeps no mean of the training samples.")
            self.kind = "zero"
        settings_of = cast("Any", classifier.encoder_.settings)
        profile = self.content == "channels" and settings_of.kind == "profile"
        letters = self.alphabet.standard
        self.letters = torch.eye(letters, device=device) if profile else self._letters()
        self.average: Tensor | None = None
        if self.kind == "mean" and self.content == "codes":
            self.average = self._average(classifier.novelty_.mean[:letters])

    def _average(self, composition: NDArray[np.float64]) -> Tensor:
        """Return the channels of the mean composition of the training samples."""
        if self.letters is None:
            raise InputError("references: a language model reads no mean of letters. Use shuffled.")
        if self.network.both_strands:  # A, C, G, T backwards are their complements
            composition = (composition + composition[::-1]) / 2
        return torch.from_numpy(composition).to(self.letters) @ self.letters

    def _letters(self) -> Tensor | None:
        """Return the channels of each standard letter, shape (letters, channels), if fixed."""
        if self.content != "codes":
            return None
        if self.network.embedding is None:
            return self.network.table[: self.alphabet.standard]
        if isinstance(self.network.embedding, nn.Embedding):
            return self.network.embedding.weight.detach()[: self.alphabet.standard]
        return None

    def strands(self, encoded: Encoded, rows: NDArray[np.int64]) -> list[Inputs]:
        """Return what the body reads of some samples, once for each strand."""
        if not isinstance(encoded, Ragged):
            x = torch.from_numpy(encoded[rows]).to(self.device)
            reference = torch.zeros_like(x) if self.center is None else self.center.expand_as(x)
            return [Inputs(x, reference.unsqueeze(1), None)]
        values, lengths = encoded.padded(rows)
        if self.content == "codes" and self.kind in (*SHUFFLED, BACKGROUND):
            references = self._references(encoded, rows, values)
            values = np.concatenate([values[:, None], references], 1)
        else:
            values = values[:, None]
        number = values.shape[1]
        x = torch.from_numpy(values.reshape(-1, *values.shape[2:])).to(self.device)
        many = torch.from_numpy(np.repeat(lengths, number)).to(self.device)
        inputs = [self._inputs(x, many, number)]
        if self.network.both_strands:
            inputs.append(self._inputs(self.network.reverse_complement(x, many), many, number))
        return inputs

    def _inputs(self, x: Tensor, lengths: Tensor, number: int) -> Inputs:
        """Split what is read into the first of each `number` rows, and its references."""
        with torch.no_grad():
            channels, mask = self.network.channels(x, lengths)
        channels, mask = channels.unflatten(0, (-1, number)), mask.unflatten(0, (-1, number))[:, 0]
        observed = channels[:, 0]
        if number > 1:
            return Inputs(observed, channels[:, 1:], mask)
        if self.kind == "shuffled":
            references = self._shuffled_rows(observed, mask)
        elif self.average is not None:
            references = (self.average * mask[..., None]).unsqueeze(1)
        else:
            references = torch.zeros_like(observed).unsqueeze(1)
        return Inputs(observed, references, mask)

    def _references(self, encoded: Ragged, rows: NDArray[np.int64], like: Array) -> Array:
        """Return the letters that samples are compared with, (batch, references, time)."""
        each = [self._references_of(encoded[int(row)]) for row in rows]
        padded = np.zeros((len(rows), len(each[0]), like.shape[1]), dtype=like.dtype)
        for place, references in enumerate(each):
            padded[place, :, : references.shape[1]] = references
        return padded

    def _references_of(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.background is not None:
            return self.background.references(len(codes))
        s, both = self.settings, self.network.both_strands
        return shuffles(codes, s.number, self.kind, s.seed, self.alphabet, both)

    def _shuffled_rows(self, observed: Tensor, mask: Tensor) -> Tensor:
        """Return channels with their positions shuffled, shape (batch, references, time, …)."""
        s, shuffled = self.settings, []
        for row, length in zip(observed, mask.sum(dim=1).tolist(), strict=True):
            seed = crc32(row[:length].cpu().numpy().tobytes())
            rng = np.random.default_rng([s.seed, seed])
            order = np.tile(np.arange(len(row)), (s.number, 1))
            order[:, :length] = rng.permuted(order[:, :length], axis=1)
            shuffled.append(row[torch.from_numpy(order).to(row.device)])
        return torch.stack(shuffled)
