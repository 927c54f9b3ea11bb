"""Proteins as a language model sees them: one embedding a protein, or one a residue."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.encoded import Encoded, Gives, InputShape
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.encoders.crop import CROPS, crop, crop_warnings
from cistron.encoders.language_models.embedder import (
    Embedder,
    EmbeddingSettings,
    Identity,
    proteins,
)
from cistron.encoders.language_models.tuned_protein_lm import TunedProteinLM
from cistron.encoders.settings import EncoderSettings
from cistron.samples.samples import Samples, Sequences

IN_MEMORY = 4 << 30  # bytes; larger embeddings of residues lie in a temporary file


class ProteinLMSettings(EmbeddingSettings, EncoderSettings):
    """Settings of the `protein_lm` encoder."""

    reads: ClassVar[frozenset[str]] = frozenset({"protein"})
    on_device: ClassVar[bool] = True
    language_model: ClassVar[bool] = True

    kind: Literal["protein_lm"] = "protein_lm"
    scale: bool = Field(
        True, description="whether pooled vectors are standardised by the training samples"
    )
    max_length: int = Field(
        1000,
        ge=1,
        description="residues of a protein that pooling: residues keeps, once the whole protein "
        "was embedded",
    )
    crop: CROPS = Field("ends", description="residues of a longer protein that are kept")

    @property
    def gives(self) -> Gives:
        """Positions where each residue has its embedding."""
        return "positions" if self.pooling == "residues" else "vector"

    @property
    def most_positions(self) -> int:
        """Most residues that are kept; 0 where a protein is one vector."""
        return self.max_length if self.gives == "positions" else 0

    @property
    def untrainable(self) -> str:
        """Why the language model cannot be trained."""
        if self.precision != "int8":
            return ""
        return "int8 cannot be trained. Set encoder.precision: auto."

    def fit(
        self, samples: Samples, *, device: str = "auto", reporter: Reporter = SILENT
    ) -> ProteinLM:
        """Embed the training samples and estimate the scaling.

        Raises
        ------
        InputError
            If the language model is not there.
        """
        embedder = Embedder(self, device, reporter)
        encoder = ProteinLM(self, embedder.identity, embedder)
        reporter.say(f"Embedding by {self.model}; what the cache holds is not computed again.")
        if self.pooling == "residues" or not self.scale:
            return encoder
        raw = np.asarray(encoder.encode(samples))
        mean, deviation = raw.mean(axis=0, dtype=np.float64), raw.std(axis=0, dtype=np.float64)
        scale = np.where(deviation > 1e-12, deviation, 1.0)
        return replace(encoder, mean=mean.astype(np.float32), scale=scale.astype(np.float32))

    def restore(
        self, document: dict[str, Any], arrays: dict[str, NDArray]
    ) -> ProteinLM | TunedProteinLM:
        """Rebuild the encoder from its state; the language model is not loaded for that."""
        if "tuning" in document:
            return TunedProteinLM.restore(self, document)
        identity = Identity(**document)
        embedder = Embedder(self, known=identity)
        return ProteinLM(self, identity, embedder, arrays.get("mean"), arrays.get("scale"))


@dataclass(frozen=True, eq=False)
class ProteinLM:
    """A fitted encoder of proteins by a language model that does not change.

    Parameters
    ----------
    settings : ProteinLMSettings
    identity : Identity
        Of the language model; another one is refused.
    embedder : Embedder
    mean, scale : ndarray of float32, shape (width,), optional
        Of pooled embeddings over the training samples.
    """

    settings: ProteinLMSettings
    identity: Identity
    embedder: Embedder = field(repr=False)
    mean: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] | None = None

    @property
    def shape(self) -> InputShape:
        """Channels at each residue, or one vector a protein."""
        positions = self.settings.gives == "positions"
        return InputShape("channels" if positions else "vector", self.identity.width)

    @property
    def names(self) -> list[str] | None:
        """Pooled features by number; residues have no names."""
        if self.settings.gives == "positions":
            return None
        return [f"embedding_{number + 1}" for number in range(self.identity.width)]

    def on(self, device: str, reporter: Reporter) -> Self:
        """Return the encoder as it computes on that device and tells its progress."""
        return replace(self, embedder=self.embedder.on(device, reporter))

    def encode(self, samples: Samples) -> Encoded:
        """Return one vector a protein, shape (n, width), or one a residue that is kept."""
        sequences = proteins(samples)
        if self.settings.gives == "positions":
            return self._residues(sequences)
        values = np.empty((len(sequences), self.identity.width), dtype=np.float32)
        for row, found in self.embedder.embed(sequences):
            values[row] = found[0]
        if self.mean is not None and self.scale is not None:
            values -= self.mean
            values /= self.scale
        return values

    def _residues(self, sequences: Sequences) -> Ragged:
        longest, keep = self.settings.max_length, self.settings.crop
        lengths = np.minimum(sequences.lengths, longest)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        values = _allocate((int(offsets[-1]), self.identity.width))
        for row, found in self.embedder.embed(sequences):
            whole = Ragged(found, np.array([0, len(found)]))
            values[offsets[row] : offsets[row + 1]] = crop(whole, longest, keep).values
        return Ragged(values, offsets)

    def warnings(self, samples: Samples) -> list[str]:
        """Say which proteins were read in windows, and which were cropped."""
        window = self.settings.window
        said = [
            f"embedded in windows of {window} of {n}" if n > window else ""
            for n in samples.payload.lengths.tolist()
        ]
        if self.settings.gives == "vector":
            return said
        cropped = crop_warnings(samples.payload, self.settings.max_length)
        return ["; ".join(filter(None, pair)) for pair in zip(said, cropped, strict=True)]

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Return which language model it is, and mean and scale."""
        arrays = {"mean": self.mean, "scale": self.scale}
        return asdict(self.identity), {
            name: array for name, array in arrays.items() if array is not None
        }


def _allocate(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return an array to be filled: in memory, or in a file that goes when the array does."""
    if 4 * shape[0] * shape[1] <= IN_MEMORY:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
