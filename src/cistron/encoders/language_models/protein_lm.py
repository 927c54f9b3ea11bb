"""Proteins as a language model sees them: one embedding a protein, or one a residue."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Encoded, Gives, InputShape, State
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.base.untrusted import checked, require_arrays
from cistron.encoders.crop import CROPS, crop, crop_warnings
from cistron.encoders.language_models.embedder import (
    Embedder,
    EmbeddingSettings,
    Identity,
    find_model,
    proteins,
)
from cistron.encoders.language_models.load import fetch_model, read_weights
from cistron.encoders.language_models.tokens import ResidueTokens
from cistron.encoders.language_models.tuned_language_model import TunedLanguageModel, Tuning
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import PROTEIN
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

    def restore(self, document: Document, arrays: Arrays) -> ProteinLM | TunedProteinLM:
        """Rebuild the encoder from its state; the language model is not loaded for that."""
        if "tuning" in document:
            return TunedProteinLM.restore(self, document)
        identity = checked(Identity, document)
        if arrays:
            require_arrays(arrays, {"mean": ["width"], "scale": ["width"]}, ["scale"])
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
        for row, vectors in self.embedder.embed(sequences):
            values[row] = vectors[0]
        if self.mean is not None and self.scale is not None:
            values -= self.mean
            values /= self.scale
        return values

    def _residues(self, sequences: Sequences) -> Ragged:
        longest, keep = self.settings.max_length, self.settings.crop
        lengths = np.minimum(sequences.lengths, longest)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        values = _allocate((int(offsets[-1]), self.identity.width))
        for row, residues in self.embedder.embed(sequences):
            whole = Ragged(residues, np.array([0, len(residues)]))
            values[offsets[row] : offsets[row + 1]] = crop(whole, longest, keep).values
        return Ragged(values, offsets)

    def warnings(self, samples: Samples) -> list[str]:
        """Say which proteins were read in windows, and which were cropped."""
        window = self.settings.window
        windows = [
            f"embedded in windows of {window} of {n}" if n > window else ""
            for n in samples.sequences.lengths.tolist()
        ]
        if self.settings.gives == "vector":
            return windows
        cropped = crop_warnings(samples.sequences, self.settings.max_length)
        return ["; ".join(filter(None, pair)) for pair in zip(windows, cropped, strict=True)]

    def state(self) -> State:
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


class Tuned(Protocol):
    """Settings of a training in which the language model learns too."""

    @property
    def device(self) -> str:
        """Where it computes."""

    @property
    def language_model(self) -> str:
        """All of it (full), or adapters (lora)."""

    @property
    def lora_rank(self) -> int:
        """Rank of the adapters."""

    @property
    def lora_alpha(self) -> int:
        """What adapters compute counts alpha / rank times."""


@dataclass(frozen=True, eq=False)
class TunedProteinLM:
    """An encoder of proteins as codes; the network that reads them holds the language model.

    A protein longer than one window is cropped to it: what is trained reads a protein at once.

    Parameters
    ----------
    settings : ProteinLMSettings
    identity : Identity
        Of the language model before it was trained.
    tuning : dict
        Fields of `cistron.encoders.language_models.tuned_language_model.Tuning`.
    tokens : dict
        Fields of `cistron.encoders.language_models.tokens.ResidueTokens`.
    config : dict, optional
        Where all weights are trained and saved: what the language model is built of without them.
    restored : bool
        Whether the trained weights are read after the network was built.
    """

    settings: ProteinLMSettings
    identity: Identity
    tuning: Document
    tokens: Document
    config: Document | None = None
    restored: bool = False

    @classmethod
    def fit(cls, settings: ProteinLMSettings, training: Tuned) -> Self:
        """Find the language model; nothing is learned yet.

        Raises
        ------
        InputError
            If it is not there.
        """
        model = Embedder(settings, training.device).model
        if settings.pooling == "cls" and model.tokens.cls is None:
            raise InputError(
                f"encoder.pooling: {settings.model} has no CLS token. Use mean, max or residues."
            )
        tuning = {
            "how": training.language_model,
            "rank": training.lora_rank,
            "alpha": training.lora_alpha,
        }
        tokens = {**asdict(model.tokens), "table": model.tokens.table.tolist()}
        identity = Identity(model.fingerprint, model.width, model.layer)
        config = _configuration(settings).to_dict() if tuning["how"] == "full" else None
        return cls(settings, identity, tuning, tokens, config)

    @classmethod
    def restore(cls, settings: ProteinLMSettings, document: Document) -> Self:
        """Rebuild the encoder from its state."""
        document = {**document, "identity": checked(Identity, document["identity"])}
        return cls(settings, **document, restored=True)

    @property
    def longest(self) -> int:
        """Residues that are read of a protein."""
        s = self.settings
        return min(s.window, s.max_length) if s.pooling == "residues" else s.window

    @property
    def shape(self) -> InputShape:
        """Codes, and what makes the module that embeds them."""
        return InputShape(
            "codes",
            self.identity.width,
            letters=len(PROTEIN.letters),
            embedding=self.build,
            pooled=self.settings.pooling != "residues",
        )

    @property
    def names(self) -> None:
        """The features change in training and have no names."""
        return

    def on(self, device: str, reporter: Reporter) -> Self:  # noqa: ARG002
        """Return the encoder: it computes nothing."""
        return self

    def build(self) -> TunedLanguageModel:
        """Return the language model as a module of a network."""
        from transformers import AutoConfig

        s = self.settings
        if self.restored and self.config is not None:
            config = AutoConfig.for_model(**self.config)
            model = _empty(config)
        else:
            _ = Embedder(s, known=self.identity).model  # refuses other weights
            config = _configuration(s)
            model = read_weights(fetch_model(find_model(s.model), s.offline), s.model, config)
        last = self.identity.layer == config.num_hidden_layers
        tokens = self.tokens | {
            "table": np.array(self.tokens["table"]),
            "before": tuple(self.tokens["before"]),
            "after": tuple(self.tokens["after"]),
        }
        layer = None if last else self.identity.layer
        return TunedLanguageModel(
            model, ResidueTokens(**tokens), layer, s.pooling, Tuning(**self.tuning)
        )

    def encode(self, samples: Samples) -> Ragged:
        """Return one row of uint8 codes a protein, at most a window long."""
        return crop(proteins(samples), self.longest, self.settings.crop)

    def warnings(self, samples: Samples) -> list[str]:
        """Say which proteins were cropped."""
        return crop_warnings(samples.sequences, self.longest)

    def state(self) -> State:
        """Return which language model it was, how it is read, and how it was trained."""
        document = {
            "identity": asdict(self.identity),
            "tuning": self.tuning,
            "tokens": self.tokens,
            "config": self.config,
        }
        return document, {}


def _configuration(settings: ProteinLMSettings) -> Any:
    """Return the configuration of a language model, as transformers reads it."""
    from transformers import AutoConfig

    folder = fetch_model(find_model(settings.model), settings.offline)
    return AutoConfig.from_pretrained(folder, local_files_only=True)


def _empty(config: Any) -> nn.Module:
    """Return a model of that configuration, whose weights are still to be read."""
    import transformers

    kind: Any = transformers.AutoModel
    if type(config) in transformers.AutoModelForTextEncoding._model_mapping:
        kind = transformers.AutoModelForTextEncoding
    options = {"add_pooling_layer": False} if config.model_type == "esm" else {}
    model: nn.Module = kind.from_config(config, **options).eval()
    return model
