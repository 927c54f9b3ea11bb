"""EvoAug: evolution-inspired changes of DNA, one independent draw for every sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from cistron.samples.alphabet import DNA
from cistron.training.augment.settings import AugmentSettings

COMPLEMENT = torch.from_numpy(DNA.complement)
BASES = DNA.standard  # the codes of A, C, G and T come first


class EvoAugSettings(AugmentSettings):
    """Settings of `evoaug`: how DNA is changed in training, anew in every epoch.

    Lee, Tang, Toneyan, Koo 2023, Genome Biology, doi:10.1186/s13059-023-02941-w. Of the kinds of
    change that are not zero, every sequence draws `most`, and their extents, independently of
    the other sequences of its batch. An extent is drawn evenly from 0 to the number given, so a
    drawn change may change nothing.
    """

    letters: ClassVar[str] = "dna"

    kind: Literal["evoaug"] = "evoaug"
    most: int = Field(2, ge=1, le=7, description="kinds of change that each sequence draws")
    reverse_complement: float = Field(
        0.5, ge=0, le=1, description="probability that a drawn reverse complement is taken"
    )
    insertion: int = Field(20, ge=0, description="most random letters put in at one place")
    deletion: int = Field(30, ge=0, description="most letters taken out at one place")
    translocation: int = Field(
        20, ge=0, description="most letters moved from one end to the other, either way"
    )
    inversion: int = Field(
        0, ge=0, description="most letters of a stretch replaced by its reverse complement"
    )
    mutation: float = Field(
        0.05, ge=0, le=1, description="probability that a base becomes one of the other three"
    )
    noise: float = Field(
        0.2, ge=0, description="standard deviation of Gaussian noise on every channel"
    )

    @model_validator(mode="after")
    def _something_is_done(self) -> Self:
        if not self.kinds:
            raise ValueError("every kind of change is 0, so nothing would be augmented")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of change that are not zero."""
        return tuple(name for name in KINDS if getattr(self, name) > 0)


KINDS = (
    "reverse_complement",
    "deletion",
    "insertion",
    "translocation",
    "inversion",
    "mutation",
    "noise",
)


class Draw(NamedTuple):
    """What is done to each sequence of a batch; tensors of shape (batch,).

    Starts and sizes are counted in letters, 0-based, in the sequence as the changes before have
    left it, in the order of `KINDS`. A size of 0 changes nothing.
    """

    reverse: Tensor
    deletion: tuple[Tensor, Tensor]
    insertion: tuple[Tensor, Tensor]
    shift: Tensor
    inversion: tuple[Tensor, Tensor]
    mutated: Tensor
    noisy: Tensor


@dataclass(frozen=True)
class EvoAug:
    """Changes batches of DNA codes on their device.

    Parameters
    ----------
    settings : EvoAugSettings
    bound : int, optional
        Positions that the network reads at most. An insertion lengthens a sequence up to there;
        the letters that would stand beyond are cut off at the 3' end.
    """

    settings: EvoAugSettings
    bound: int | None = None

    def __call__(
        self, x: Tensor, lengths: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return changed sequences.

        Parameters
        ----------
        x : tensor of uint8, shape (batch, time)
            Codes; what stands behind a sequence's length is padding.
        lengths : tensor of int64, shape (batch,)
        generator : Generator
            On the device of x.

        Returns
        -------
        x : tensor of uint8, shape (batch, longest)
        lengths : tensor of int64, shape (batch,)
        noise : tensor of float, shape (batch,)
            Standard deviation of the noise that the network is to add to the channels.
        """
        s, d = self.settings, self.draw(lengths, generator)
        if s.reverse_complement:
            x = reverse_complement(x, lengths, d.reverse)
        if s.deletion:
            x, lengths = delete(x, lengths, *d.deletion)
        if s.insertion:
            letters = torch.randint(
                BASES, (len(x), s.insertion), generator=generator, device=x.device, dtype=x.dtype
            )
            x, lengths = insert(x, lengths, *d.insertion, letters, self.bound)
        if s.translocation:
            x = translocate(x, lengths, d.shift)
        if s.inversion:
            x = invert(x, *d.inversion)
        if s.mutation:
            x = mutate(x, d.mutated * s.mutation, generator)
        return x[:, : int(lengths.max())], lengths, d.noisy * s.noise

    def draw(self, lengths: Tensor, generator: torch.Generator) -> Draw:
        """Draw kinds and extents for each sequence."""
        s, n, device = self.settings, len(lengths), lengths.device
        # Where all kinds are drawn at random ranks, the lowest `most` are a fair choice of them.
        rank = torch.rand(n, len(s.kinds), generator=generator, device=device).argsort(1).argsort(1)
        taken = dict(zip(s.kinds, (rank < s.most).unbind(1), strict=True))
        never = torch.zeros(n, dtype=torch.bool, device=device)

        def chosen(kind: str) -> Tensor:
            return taken.get(kind, never)

        def uniform() -> Tensor:
            return torch.rand(n, generator=generator, device=device)

        def upto(most: Tensor | int) -> Tensor:
            """Whole numbers from 0 to `most`, both included."""
            return (uniform() * (most + 1)).long().clamp(max=most)

        deleted = chosen("deletion") * upto(s.deletion).minimum(lengths - 1)
        left = lengths - deleted
        inserted = chosen("insertion") * upto(s.insertion)
        end = left + inserted if self.bound is None else (left + inserted).clamp(max=self.bound)
        inverted = chosen("inversion") * upto(s.inversion).minimum(end)
        sign = 1 - 2 * (uniform() < 0.5).long()
        return Draw(
            reverse=chosen("reverse_complement") & (uniform() < s.reverse_complement),
            deletion=(upto(left), deleted),
            insertion=(upto(left), inserted),
            shift=chosen("translocation") * sign * upto(s.translocation),
            inversion=(upto(end - inverted), inverted),
            mutated=chosen("mutation"),
            noisy=chosen("noise"),
        )


def reverse_complement(x: Tensor, lengths: Tensor, chosen: Tensor) -> Tensor:
    """Return the chosen sequences as their other strand, aligned left.

    Here and below x are codes, uint8, shape (batch, time); all others have the shape (batch,).
    """
    return invert(x, torch.zeros_like(lengths), lengths * chosen)


def delete(x: Tensor, lengths: Tensor, start: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Take `size` letters out from `start` on; return sequences and their new lengths."""
    time = _time(x)
    source = time + size.unsqueeze(1) * (time >= start.unsqueeze(1))
    return x.gather(1, source.clamp(max=x.shape[1] - 1)), lengths - size


def insert(
    x: Tensor,
    lengths: Tensor,
    start: Tensor,
    size: Tensor,
    letters: Tensor,
    bound: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Put the first `size` of the letters in before `start`; cut off what stands behind `bound`.

    Parameters
    ----------
    letters : tensor of uint8, shape (batch, most)

    Returns
    -------
    x : tensor of uint8, shape (batch, time + most), or (batch, bound) where that is less
    lengths : tensor of int64, shape (batch,)
    """
    width = x.shape[1] + letters.shape[1]
    lengths = lengths + size
    if bound is not None:
        width, lengths = min(width, bound), lengths.clamp(max=bound)
    time = torch.arange(width, device=x.device)
    place = time - start.unsqueeze(1)  # in the letters that are put in
    behind = place >= size.unsqueeze(1)
    source = (time - size.unsqueeze(1) * behind).clamp(max=x.shape[1] - 1)
    put = letters.gather(1, place.clamp(0, letters.shape[1] - 1))
    return torch.where((place >= 0) & ~behind, put, x.gather(1, source)), lengths


def translocate(x: Tensor, lengths: Tensor, shift: Tensor) -> Tensor:
    """Roll each sequence by `shift` letters, to the right where it is positive."""
    time, end = _time(x), lengths.unsqueeze(1)
    rolled = time - (shift % lengths).unsqueeze(1)
    rolled += end * (rolled < 0)
    return x.gather(1, torch.where(time < end, rolled, time))


def invert(x: Tensor, start: Tensor, size: Tensor) -> Tensor:
    """Replace `size` letters from `start` on by their reverse complement."""
    time, start = _time(x), start.unsqueeze(1)
    end = start + size.unsqueeze(1)
    inside = (time >= start) & (time < end)
    x = x.gather(1, torch.where(inside, start + end - 1 - time, time))
    return torch.where(inside, _complement(x), x)


def mutate(x: Tensor, rate: Tensor, generator: torch.Generator) -> Tensor:
    """Replace each base, with the probability `rate`, by one of the other three.

    Letters that stand for several bases, or for none, stay.
    """
    # Below the rate a number is evenly spread from 0 to the rate: it also tells which of the three.
    number = torch.rand(x.shape, generator=generator, device=x.device) / rate.unsqueeze(1)
    step = 1 + (3 * number).clamp(max=2).to(x.dtype)
    return torch.where((number < 1) & (x < BASES), (x + step) % BASES, x)


def _complement(x: Tensor) -> Tensor:
    return COMPLEMENT.to(x.device)[x.int()]


def _time(x: Tensor) -> Tensor:
    return torch.arange(x.shape[1], device=x.device).expand(x.shape)
