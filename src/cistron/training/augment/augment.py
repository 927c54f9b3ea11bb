"""More training samples than there are: changed, or replaced by their orthologs.

A kind is one file here with its settings class. What it does to the samples of an epoch comes
together in `Augmentation`, which the training loop asks twice: which rows stand for those that
were drawn (`rows`), and what becomes of a batch of them on the device (`batch`). Validation and
test samples never meet it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cistron.base.errors import InputError
from cistron.base.settings import name_of
from cistron.encoders.kinds import KINDS as ENCODERS
from cistron.encoders.settings import EncoderSettings
from cistron.models.families import ModelSettings
from cistron.samples.samples import Samples
from cistron.samples.settings import SEQUENCES, SamplesSettings, require_columns
from cistron.training.augment.evoaug import EvoAug
from cistron.training.augment.orthologs import OrthologSource
from cistron.training.augment.phyloaug import PhyloAugSettings
from cistron.training.augment.settings import AugmentSettings
from cistron.training.settings import TrainingSettings

T = TypeVar("T", bound=AugmentSettings)


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What is done to the training samples of an epoch.

    Parameters
    ----------
    samples : int
        The first rows of the examples are the samples; behind them stand substitutes.
    evoaug : EvoAug, optional
    offsets : ndarray of int64, shape (samples + 1,), optional
        Substitutes of sample i are rows `samples + offsets[i]` up to `samples + offsets[i + 1]`.
    probability : float
        That a sample with substitutes is replaced by one.
    one_strand : bool
        Whether each sample of a batch is read on one strand, drawn at random.
    """

    samples: int
    evoaug: EvoAug | None = None
    offsets: NDArray[np.int64] | None = None
    probability: float = 0.0
    one_strand: bool = False

    def rows(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the rows that stand for the given ones in this epoch."""
        if self.offsets is None:
            return rows
        first, counts = self.offsets[rows], np.diff(self.offsets)[rows]
        replaced = (rng.random(len(rows)) < self.probability) & (counts > 0)
        chosen = np.floor(rng.random(len(rows)) * counts).astype(np.int64)
        return np.where(replaced, self.samples + first + chosen, rows)

    def batch(
        self, x: Tensor, lengths: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor | None, ...]:
        """Return what the network is given for a batch: codes, lengths, noise, turned strands."""
        if lengths is None:
            return x, lengths
        inputs: tuple[Tensor | None, ...] = (x, lengths, None)
        if self.evoaug is not None:
            inputs = self.evoaug(x, lengths, generator)
        if self.one_strand:
            draw = torch.rand(len(x), generator=generator, device=x.device)
            return *inputs, draw < 0.5
        return inputs


def of_kind(augment: Iterable[AugmentSettings], kind: type[T]) -> T | None:
    """Return the settings of that kind, or None."""
    return next((settings for settings in augment if isinstance(settings, kind)), None)


def find_orthologs(
    augment: Iterable[AugmentSettings], samples: Samples, source: SamplesSettings | None = None
) -> OrthologSource | None:
    """Read the orthologs that `phyloaug` asks for; None without it.

    Parameters
    ----------
    augment : iterable of AugmentSettings
    samples : Samples
    source : SamplesSettings, optional
        What the samples were read with; `phyloaug.genomes` needs it (see `PhyloAugSettings.read`).
    """
    settings = of_kind(augment, PhyloAugSettings)
    return None if settings is None else settings.read(samples, source)


def averages_orthologs(augment: Iterable[AugmentSettings]) -> bool:
    """Say whether a run is scored on logits averaged over orthologs."""
    settings = of_kind(augment, PhyloAugSettings)
    return settings is not None and settings.average_orthologs


def require_possible(
    augment: Sequence[AugmentSettings],
    encoder: EncoderSettings,
    model: ModelSettings,
    training: TrainingSettings,
    groups: Sequence[str] | None = None,
    where: str = "",
) -> None:
    """Refuse augmentation, or stages of training, that could have no effect or not work.

    Parameters
    ----------
    augment : sequence of AugmentSettings
    encoder : EncoderSettings
    model : ModelSettings
    training : TrainingSettings
    groups : sequence of str, optional
        Group columns of the samples, where they are known.
    where : str
        What the message begins with: the experiment file.

    Raises
    ------
    InputError
    """
    kinds = [settings.kind for settings in augment]
    twice = [kind for kind in kinds if kinds.count(kind) > 1]
    if twice:
        raise InputError(f"{where}augment: {twice[0]!r} stands there twice. Give each kind once.")
    for settings in augment:
        _require_encoder(settings, encoder, where)
        if groups is not None:
            require_columns(settings.needs_columns, groups, where)
    changes = any(settings.changes_epochs for settings in augment)
    _require_epochs(changes, model, training, where)


def _require_encoder(settings: AugmentSettings, encoder: EncoderSettings, where: str) -> None:
    """Refuse an encoder that does not give the letters, or read the sequences, that it needs."""
    kind = settings.kind
    if settings.letters and encoder.letters != settings.letters:
        letters = {"dna": "DNA", "protein": "proteins"}[settings.letters]
        fitting = [name_of(known) for known in ENCODERS if known.letters == settings.letters]
        raise InputError(
            f"{where}augment: {kind} changes {letters} letter by letter, and the encoder "
            f"{encoder.kind!r} gives no letters of {letters}. Use the encoder "
            f"{' or '.join(fitting)}, or leave {kind} out."
        )
    if settings.turns_strands and not getattr(encoder, "both_strands", False):
        raise InputError(
            f"{where}augment: random_strand draws one of two strands, and the encoder reads one. "
            "Set encoder.both_strands to true, or leave random_strand out."
        )
    if settings.brings_sequences and not encoder.reads & SEQUENCES:
        raise InputError(
            f"{where}augment: the orthologs of {kind} come as sequences, and the encoder "
            f"{encoder.kind!r} reads {' or '.join(sorted(encoder.reads))}. Use another encoder, "
            f"or leave {kind} out."
        )


def _require_epochs(
    changes: bool, model: ModelSettings, training: TrainingSettings, where: str
) -> None:
    """Refuse changes from epoch to epoch, and stages, where they could have no effect."""
    by_epochs = model.family == "network"
    if changes and not by_epochs:
        raise InputError(
            f"{where}augment: {model.kind!r} sees its training samples once, not epoch by epoch, "
            "so they cannot be changed anew in each. Use a network; of phyloaug, "
            "`probability: 0` with `average_orthologs: true` works with every model."
        )
    if not by_epochs and training.stages:
        raise InputError(
            f"{where}training.stages: {model.kind!r} is not trained in epochs and has no stages. "
            "Use a network, or leave stages out."
        )
    if changes and not any(stage.augment for stage in training.by_stage()):
        raise InputError(
            f"{where}augment: no stage of training augments its samples (training.augment is "
            "false), so this section would have no effect. Set it to true, or empty the section."
        )
