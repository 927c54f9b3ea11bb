"""Proteins as codes, for a language model that is part of the network and trained with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import InputShape
from cistron.base.errors import InputError
from cistron.base.progress import Reporter
from cistron.base.ragged import Ragged
from cistron.encoders.crop import crop, crop_warnings
from cistron.encoders.language_models.embedder import Embedder, Identity, find_model, proteins
from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Samples

if TYPE_CHECKING:
    from cistron.encoders.language_models.protein_lm import ProteinLMSettings
    from cistron.encoders.language_models.tuned_language_model import TunedLanguageModel
    from cistron.training.settings import TrainingSettings


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
    tuning: dict[str, Any]
    tokens: dict[str, Any]
    config: dict[str, Any] | None = None
    restored: bool = False

    @classmethod
    def fit(cls, settings: ProteinLMSettings, training: TrainingSettings) -> Self:
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
    def restore(cls, settings: ProteinLMSettings, document: dict[str, Any]) -> Self:
        """Rebuild the encoder from its state."""
        document = {**document, "identity": Identity(**document["identity"])}
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

        from cistron.encoders.language_models.load import find_model as fetch
        from cistron.encoders.language_models.load import read_weights
        from cistron.encoders.language_models.tokens import ResidueTokens
        from cistron.encoders.language_models.tuned_language_model import TunedLanguageModel, Tuning

        s = self.settings
        if self.restored and self.config is not None:
            config = AutoConfig.for_model(**self.config)
            model = _empty(config)
        else:
            _ = Embedder(s, known=self.identity).model  # refuses other weights
            config = _configuration(s)
            model = read_weights(fetch(find_model(s.model), s.offline), s.model, config)
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
        return crop_warnings(samples.payload, self.longest)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
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

    from cistron.encoders.language_models.load import find_model as fetch

    folder = fetch(find_model(settings.model), settings.offline)
    return AutoConfig.from_pretrained(folder, local_files_only=True)


def _empty(config: Any) -> Any:
    """Return a model of that configuration, whose weights are still to be read."""
    import transformers

    kind: Any = transformers.AutoModel
    if type(config) in transformers.AutoModelForTextEncoding._model_mapping:
        kind = transformers.AutoModelForTextEncoding
    options = {"add_pooling_layer": False} if config.model_type == "esm" else {}
    return kind.from_config(config, **options).eval()
