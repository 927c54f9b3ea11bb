"""Methods that look into a network: batches, both strands, and the check that they add up."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.base.device import choose_device
from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.progress import Advance
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.explain.carried import carried_back
from cistron.explain.diagnose import diagnose
from cistron.explain.inputs import Inputs, Reader
from cistron.explain.layout import layout_of
from cistron.explain.method import Contributions, ExplanationMethod
from cistron.explain.options import Options
from cistron.explain.rules.multipliers import Multipliers
from cistron.explain.strands import Part, averaged
from cistron.explain.target import Target
from cistron.samples.samples import Samples
from cistron.training.batches import by_length, input_lengths

GOOD_ENOUGH = 1e-4  # completeness error above which float32 is not
BATCH, TOKENS = 256, 1 << 12  # samples, and their positions, that are explained at once
CHANNELS = 1 << 20  # of these positions, together
SMALLEST = 1e-6  # of an output: a difference below it is rounding


@dataclass(frozen=True, eq=False)
class NetworkMethod(ExplanationMethod):
    """A method that looks into a network.

    Parameters
    ----------
    name, words : str
        See `ExplanationMethod`.
    multipliers : callable
        Body, x, references, weights and mask (see `cistron.explain.rules.deeplift.deeplift`), and
        what it `takes` → `Multipliers`.
    adds_up : bool
        Whether multipliers times the distance from references add up; else they are times the
        distance from nothing.
    signed : bool
        Whether contributions have a sign; else they are the sizes of the multipliers.
    fall_back : NetworkMethod, optional
        What is used, where that is allowed, for samples above the tolerance; without it no error
        is too large.
    takes : tuple of str
        Names of the options that `multipliers` takes.
    why_not_averaged : str
        See `ExplanationMethod.not_averaged`.
    """

    name: str
    words: str
    multipliers: Callable[..., Multipliers]
    adds_up: bool = False
    signed: bool = True
    fall_back: NetworkMethod | None = None
    takes: tuple[str, ...] = ()
    why_not_averaged: str = ""

    def fits(self, classifier: Classifier) -> bool:
        """Whether the model is a network."""
        return classifier.model_settings_.family == "network"

    def explain(
        self,
        classifier: Classifier,
        samples: Samples,
        target: Target,
        options: Options,
        advance: Advance,
    ) -> Contributions:
        """See `ExplanationMethod`."""
        encoded = classifier.encoder_.encode(samples)
        device = choose_device(classifier.training_.device)
        explainer = Explainer(Reader(classifier, options, device), self, options)
        read = _nothing_yet(classifier, samples, encoded, self.name, explainer.letters)
        if isinstance(encoded, Ragged) and explainer.reader.network.both_strands:
            both = np.zeros((len(read.contributions), 2), np.float32)
            read = replace(read, strands=both)
        # Of a second head nothing is explained.
        others = classifier.width - target.weights.shape[1]
        weights = np.pad(target.weights, ((0, 0), (0, others)))
        width = classifier.encoder_.shape.width if isinstance(encoded, Ragged) else 1
        tokens = min(TOKENS, CHANNELS // width)
        for rows in by_length(input_lengths(encoded), BATCH, tokens):
            part, fallen = explainer.explain(encoded, rows, weights[rows])
            _put(read, rows, part)
            if self.fall_back is not None:
                read.method[rows[fallen]] = self.fall_back.name
            advance(len(rows))
        return carried_back(classifier, samples, encoded, read, self.adds_up)

    def not_averaged(self, member: Classifier) -> str:  # noqa: ARG002 (others depend on it)
        """See `ExplanationMethod`."""
        return self.why_not_averaged


def _nothing_yet(
    classifier: Classifier, samples: Samples, encoded: Encoded, name: str, letters: Tensor | None
) -> Contributions:
    """Return contributions whose arrays are still to be filled."""
    layout, n = layout_of(classifier, samples, encoded), len(samples)
    total = int(layout.offsets[-1])
    return Contributions(
        layout,
        np.zeros(total, np.float32),
        None if letters is None else np.zeros((total, len(letters)), np.float32),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.full(n, name, dtype=object),
    )


def _put(read: Contributions, rows: NDArray[np.int64], part: Part) -> None:
    """Write the attributions of a batch to where they belong."""
    for name in ("output", "reference_output", "error"):
        getattr(read, name)[rows] = getattr(part, name).cpu().numpy()
    offsets = read.layout.offsets
    for place, row in enumerate(rows):
        inside = slice(offsets[row], offsets[row + 1])
        size = offsets[row + 1] - offsets[row]
        for name in ("contributions", "hypothetical", "strands"):
            values, computed = getattr(read, name), getattr(part, name)
            if values is not None and computed is not None:
                values[inside] = computed[place, :size].cpu().numpy()


class Explainer:
    """Explains batches of one network.

    Parameters
    ----------
    reader : Reader
    method : NetworkMethod
    options : Options
    """

    def __init__(self, reader: Reader, method: NetworkMethod, options: Options) -> None:
        self.reader, self.method, self.options = reader, method, options
        self.body: nn.Module = reader.network.body
        self.letters = reader.letters if method.signed else None
        self.precise: nn.Module | None = None  # in float64, made when it is needed

    def explain(
        self, encoded: Encoded, rows: NDArray[np.int64], weights: NDArray[np.float32]
    ) -> tuple[Part, NDArray[np.int64]]:
        """Return attributions of some samples, and which of them were not by the method itself.

        Raises
        ------
        InputError
            If a method that has to be exact is not so within the tolerance.
        """
        strands = self.reader.strands(encoded, rows)
        # A single logit z stands for the logits (0, z).
        first = 1 if self.reader.network.single_logit else 0
        wanted = torch.from_numpy(weights[:, first:]).to(strands[0].x.device)
        part = self._by(self.method, self.body, strands, wanted)
        instead = self.method.fall_back
        if instead is None:
            return part, np.empty(0, np.int64)
        over = _above(part.error, GOOD_ENOUGH)
        if len(over):
            part.put(over, self._precisely(self.method, strands, wanted, over))
        over = _above(part.error, self.options.tolerance)
        if len(over):
            if not self.options.fall_back:
                raise self._refusal(strands, wanted, over, part.error[over], instead)
            part.put(over, self._precisely(instead, strands, wanted, over))
        return part, over

    def _precisely(
        self, method: NetworkMethod, strands: list[Inputs], weights: Tensor, rows: NDArray[np.int64]
    ) -> Part:
        """Return attributions of some samples of a batch, computed in float64."""
        some, exactly = self._in_double(strands, weights, rows)
        return self._by(method, cast("nn.Module", self.precise), some, exactly)

    def _in_double(
        self, strands: list[Inputs], weights: Tensor, rows: NDArray[np.int64]
    ) -> tuple[list[Inputs], Tensor]:
        # Apple's processors have no float64.
        device = torch.device("cpu") if weights.device.type == "mps" else weights.device
        if self.precise is None:
            self.precise = copy.deepcopy(self.body).to(device).double()
        some = [strand.take(rows).double(device) for strand in strands]
        return some, weights[rows].to(device).double()

    def _by(
        self, method: NetworkMethod, body: nn.Module, strands: list[Inputs], weights: Tensor
    ) -> Part:
        parts = [self._strand(method, body, strand, weights) for strand in strands]
        if len(parts) == 1:
            return parts[0]
        return averaged(parts, cast("Tensor", strands[0].mask))

    def _strand(
        self, method: NetworkMethod, body: nn.Module, inputs: Inputs, weights: Tensor
    ) -> Part:
        x, references, mask = inputs.x, inputs.references, inputs.mask
        taken = {name: getattr(self.options, name) for name in method.takes}
        m = method.multipliers(body, x, references, weights, mask, **taken)
        compared = references if method.adds_up else torch.zeros_like(m.values)
        each = m.values * (x.unsqueeze(1) - compared) if method.signed else m.values
        vectors = each.ndim == 3
        contributions = each
        if not vectors:
            contributions = each.sum(-1) if method.signed else each.amax(-1)
        hypothetical = None
        if self.letters is not None and not vectors:
            of_letters = m.values.mean(1) @ self.letters.T.to(m.values.dtype)
            hypothetical = of_letters - (m.values * compared).sum(-1, keepdim=True).mean(1)
            hypothetical = hypothetical * inputs.inside[..., None]
        missed = (contributions.sum(-1) - m.difference).abs().mean(1)
        size = torch.maximum(m.difference.abs().mean(1), SMALLEST * m.output.abs().clamp(min=1))
        reference_output = m.output - m.difference.mean(1)
        return Part(contributions.mean(1), hypothetical, m.output, reference_output, missed / size)

    def _refusal(
        self,
        strands: list[Inputs],
        weights: Tensor,
        rows: NDArray[np.int64],
        errors: Tensor,
        instead: NetworkMethod,
    ) -> InputError:
        """Return the sentence about samples whose contributions are not exact."""
        some, exactly = self._in_double(strands, weights, rows)
        layer = diagnose(cast("nn.Module", self.precise), some[0], exactly)
        return InputError(
            f"The contributions of {len(errors)} of the samples do not add up: their completeness "
            f"error is {float(errors.nan_to_num(torch.inf).max()):.1e}, more than "
            f"{self.options.tolerance:g}. {layer} Use --method {instead.name}, or --fall-back for "
            "these samples."
        )


def _above(errors: Tensor, limit: float) -> NDArray[np.int64]:
    """Return the rows whose error is above the limit, or is no number."""
    return np.flatnonzero(~(errors <= limit).cpu().numpy())
