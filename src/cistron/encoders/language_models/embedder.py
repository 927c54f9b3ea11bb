"""Embeddings of sequences by a protein language model, taken from the cache where it has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator, model_validator

from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.base.settings import Settings
from cistron.encoders.language_models.embedding_cache import (
    EmbeddingCache,
    EmbeddingKey,
    sequence_digests,
)
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.model import LanguageModel, Reading
from cistron.encoders.language_models.pooling import Pooling
from cistron.encoders.language_models.precision import Precision, effective_precision
from cistron.encoders.language_models.workers import Loading, embed_in_workers
from cistron.samples.samples import Samples, Sequences

MODELS = "CISTRON_MODELS"


class EmbeddingSettings(Settings):
    """Which language model, and what is taken of it."""

    model: str = Field(
        "facebook/esm2_t6_8M_UR50D",
        min_length=1,
        description="name on the Hugging Face hub, or a local folder",
    )
    layer: int = Field(-1, description="hidden layer that is read; -1 is the last")
    pooling: Pooling = Field(
        "mean",
        description="how the embeddings of the residues become one vector a protein; residues: "
        "they stay, one a residue",
    )
    window: int = Field(
        1022, ge=16, description="residues of a window, in which longer proteins are read"
    )
    overlap: int = Field(256, ge=0, description="residues that neighbouring windows share")
    precision: Precision = Field(
        "auto",
        description="numbers the language model computes in; auto: bf16 on a CUDA device that has "
        "it, else fp32; int8: weights of 8 bits",
    )
    offline: bool = Field(
        False, description="whether only language models on this machine are used"
    )

    @field_validator("model")
    @classmethod
    def _folder_beside_the_experiment(cls, model: str, info: ValidationInfo) -> str:
        # Absolute, because the classifier that stores it is used from other folders.
        folder = Path((info.context or {}).get("folder") or ".") / Path(model).expanduser()
        return str(folder.resolve()) if (folder / "config.json").is_file() else model

    @model_validator(mode="after")
    def _overlap_fits(self) -> EmbeddingSettings:
        if self.overlap >= self.window:
            raise ValueError(f"overlap must be smaller than window ({self.window})")
        return self


@dataclass(frozen=True)
class Identity:
    """What is recorded of a language model.

    Parameters
    ----------
    fingerprint : str or None
        SHA-256 of its configuration and weights; None where it is not recorded, as of an imported
        classifier: then any weights of that name are taken.
    width : int
        Of an embedding.
    layer : int
        Hidden layer, counted from 0, the residues alone.
    """

    fingerprint: str | None
    width: int
    layer: int


@dataclass(eq=False)
class Embedder:
    """A language model that is loaded when something has to be computed, and its cache.

    Parameters
    ----------
    settings : EmbeddingSettings
    device : str
        auto, cpu, cuda or mps.
    reporter : Reporter
    workers : int
        Processes that embed, each on one core; of use where there is no accelerator.
    known : Identity, optional
        The model it must be. What the cache holds of it is used without looking for the model; a
        model that is another is refused.

    Attributes
    ----------
    counts : dict
        Distinct sequences so far that were `cached`, and `computed`.
    """

    settings: EmbeddingSettings
    device: str = "auto"
    reporter: Reporter = SILENT
    workers: int = 1
    known: Identity | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"cached": 0, "computed": 0})

    def on(self, device: str, reporter: Reporter) -> Self:
        """Return the embedder as it computes on that device and reports there."""
        return replace(self, device=device, reporter=reporter)

    @cached_property
    def model(self) -> LanguageModel:
        """The language model.

        Raises
        ------
        InputError
            If it is not there, or not the one that is expected.
        """
        model = open_model(self.settings, self.device)
        recorded = self.known.fingerprint if self.known else None
        if recorded is not None and model.fingerprint != recorded:
            raise InputError(
                f"encoder.model: the weights of {self.settings.model} are not those the classifier "
                f"was trained on (fingerprint {model.fingerprint[:12]}, recorded "
                f"{recorded[:12]}). Restore the model, or train again."
            )
        return model

    @property
    def identity(self) -> Identity:
        """Which model it is; of one that is known it is not looked for."""
        return self.known or Identity(self.model.fingerprint, self.model.width, self.model.layer)

    @cached_property
    def cache(self) -> EmbeddingCache:
        """What is kept of this model on disk."""
        s, who = self.settings, self.identity
        fingerprint = who.fingerprint or self.model.fingerprint
        precision = effective_precision(s.precision, self.device)
        key = EmbeddingKey(fingerprint, who.layer, s.pooling, s.window, s.overlap, precision)
        return EmbeddingCache(key.folder, {"model": s.model, **asdict(key)}, self.reporter)

    def embed(self, sequences: Sequences) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Embed each distinct sequence once, unless the cache has it.

        Yields
        ------
        row : int
            Every row of `sequences` once, in any order.
        values : ndarray of float32, shape (positions, width)
            One position where the embedding is pooled, else one for each residue.
        """
        self.cache.refresh()
        copies: dict[bytes, list[int]] = {}
        for row, digest in enumerate(sequence_digests(sequences)):
            copies.setdefault(digest, []).append(row)
        with self.reporter.bar(len(copies), "embedding") as advance:
            for digest, values in self._found(sequences, copies):
                advance(1)
                for row in copies[digest]:
                    yield row, values

    def _found(
        self, sequences: Sequences, copies: dict[bytes, list[int]]
    ) -> Iterator[tuple[bytes, NDArray[np.float32]]]:
        """Yield the embedding of every distinct sequence: first what is there, then the others."""
        digests = list(copies)
        stored = set()
        for place in self.cache.in_order(digests).tolist():
            values = self.cache.read(digests[place])
            if values is not None:
                stored.add(place)
                self.counts["cached"] += 1
                yield digests[place], values
        missing = [place for place in range(len(digests)) if place not in stored]
        if not missing:
            return
        rest = sequences.take([copies[digests[place]][0] for place in missing])
        with self.cache.writing() as writer:
            for number, values in self._computed(rest):
                digest = digests[missing[number]]
                writer.add(digest, values)
                self.counts["computed"] += 1
                yield digest, values

    def _computed(self, sequences: Sequences) -> Iterator[tuple[int, NDArray[np.float32]]]:
        s = self.settings
        options: Reading = {"window": s.window, "overlap": s.overlap}
        model = self.model
        if model.precision == "int8" and model.drift is None:
            model.drift = model.measure_drift(sequences, window=s.window, overlap=s.overlap)
            self.reporter.say(str(model.drift))
        if self.workers > 1 and model.device.type == "cpu":
            load: Loading = {"layer": s.layer, "precision": s.precision, "offline": s.offline}
            name = find_model(s.model)
            parts = embed_in_workers(
                name, sequences, s.pooling, workers=self.workers, load=load, **options
            )
        else:
            parts = model.parts(sequences, s.pooling, **options)
        for rows, values in parts:
            for place, row in enumerate(rows.tolist()):
                part = values[place] if isinstance(values, Ragged) else values[place : place + 1]
                yield row, np.asarray(part, dtype=np.float32)


def find_model(name: str) -> str:
    """Return the folder of a model that is on this machine, or else its name on the hub.

    A folder is found where it is named, or under the folder that the environment variable
    CISTRON_MODELS names, by its own name or by the hub's ("facebook/esm2_t6_8M_UR50D").

    Raises
    ------
    InputError
        If the name is a path and there is no such folder.
    """
    shelf = os.environ.get(MODELS)
    places = [Path(name)]
    if shelf:
        tail = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
        places += [Path(shelf) / name.lstrip("/"), Path(shelf) / tail]
    for place in places:
        if (place / "config.json").is_file():
            return str(place)
    if Path(name).is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise InputError(
            f"encoder.model: {name} is no folder with a language model (it needs config.json and "
            f"its weights). Put it there again, or set the environment variable {MODELS} to the "
            f"folder that now holds {Path(name).name}."
        )
    return name


@lru_cache(maxsize=1)
def _load(name: str, layer: int, device: str, precision: Precision, offline: bool) -> LanguageModel:
    return load_language_model(
        name, layer=layer, device=device, precision=precision, offline=offline
    )


def open_model(settings: EmbeddingSettings, device: str) -> LanguageModel:
    """Return the language model, loaded once a process."""
    s = settings
    return _load(find_model(s.model), s.layer, device, s.precision, s.offline)


def proteins(samples: Samples) -> Sequences:
    """Return the sequences of samples, which must be proteins; InputError if not."""
    sequences = samples.sequences
    if sequences.alphabet.name != "protein":
        raise InputError(
            f"encoder: protein_lm reads protein sequences, and these are {sequences.alphabet.name}."
        )
    return sequences
