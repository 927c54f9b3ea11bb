"""Attributions of a network's input: a method, both strands, and the check that they add up."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
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
from cistron.explain.diagnose import diagnose
from cistron.explain.inputs import Inputs, Reader
from cistron.explain.rules.deeplift import Multipliers, deeplift
from cistron.explain.rules.gradient_times_input import gradient_times_input
from cistron.explain.rules.integrated_gradients import integrated_gradients
from cistron.explain.rules.saliency import saliency
from cistron.explain.settings import SUMMED, ExplainSettings
from cistron.explain.target import Target
from cistron.models.layers import gather, reversal
from cistron.training.batches import by_length, input_lengths

GOOD_ENOUGH = 1e-4  # completeness error above which float32 is not
BATCH, TOKENS = 256, 1 << 12  # samples, and their positions, that are explained at once
CHANNELS = 1 << 20  # of these positions, together
SMALLEST = 1e-6  # of an output: a difference below it is rounding


@dataclass(frozen=True, eq=False)
class Attributions:
    """Contributions of the inputs of n samples.

    Parameters
    ----------
    contributions : ndarray of float32, shape (total,)
        Of each position, or feature, of each sample, end to end.
    hypothetical : ndarray of float32, shape (total, letters), or None
        What each standard letter would contribute at each position if it stood there; None where
        the network does not read letters.
    output : ndarray of float64, shape (n,)
        What is explained.
    reference_output : ndarray of float64, shape (n,)
        Its mean over the references; not a number where there are none.
    error : ndarray of float64, shape (n,)
        Completeness error: sum of contributions against the difference of the outputs, relative to
        that, both for each reference; not a number where nothing has to add up.
    method : ndarray of object, shape (n,)
        Another than asked for where that one was not exact and falling back is allowed.
    """

    contributions: NDArray[np.float32]
    hypothetical: NDArray[np.float32] | None
    output: NDArray[np.float64]
    reference_output: NDArray[np.float64]
    error: NDArray[np.float64]
    method: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Part:
    """Attributions of one batch, padded; of one strand, or the mean of both."""

    contributions: Tensor
    hypothetical: Tensor | None
    output: Tensor
    reference_output: Tensor
    error: Tensor

    def put(self, rows: NDArray[np.int64], better: Part) -> None:
        """Write what was found anew of some samples over what was found before."""
        for name in ("contributions", "hypothetical", "output", "reference_output", "error"):
            mine = getattr(self, name)
            if mine is not None:
                mine[rows] = getattr(better, name).to(mine)


def attribute(
    classifier: Classifier,
    encoded: Encoded,
    target: Target,
    settings: ExplainSettings,
    advance: Advance = lambda *_: None,
) -> Attributions:
    """Return attributions by a method that looks into the network.

    Parameters
    ----------
    classifier : Classifier
        Its model is a network.
    encoded : Ragged or ndarray
        n samples as its encoder makes them.
    target : Target
        Of the n samples.
    settings : ExplainSettings
    advance : callable, optional
        Is told how many samples more are done.

    Raises
    ------
    InputError
        If deeplift is not exact for the network, or not within the tolerance.
    """
    explainer = Explainer(Reader(classifier, settings, _device(classifier)), settings)
    lengths, offsets = input_lengths(encoded), offsets_of(encoded)
    n, total = len(lengths), int(offsets[-1])
    letters = explainer.letters
    found = Attributions(
        np.zeros(total, np.float32),
        None if letters is None else np.zeros((total, len(letters)), np.float32),
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.full(n, settings.method, dtype=object),
    )
    # Of a second head nothing is explained.
    others = classifier.width - target.weights.shape[1]
    weights = np.pad(target.weights, ((0, 0), (0, others)))
    width = classifier.encoder_.shape.width if isinstance(encoded, Ragged) else 1
    for rows in by_length(lengths, BATCH, min(TOKENS, CHANNELS // width)):
        part, fallen = explainer.explain(encoded, rows, weights[rows])
        found.method[rows[fallen]] = "integrated_gradients"
        for name in ("output", "reference_output", "error"):
            getattr(found, name)[rows] = getattr(part, name).cpu().numpy()
        for place, row in enumerate(rows):
            inside = slice(offsets[row], offsets[row + 1])
            size = offsets[row + 1] - offsets[row]
            found.contributions[inside] = part.contributions[place, :size].cpu().numpy()
            if found.hypothetical is not None and part.hypothetical is not None:
                found.hypothetical[inside] = part.hypothetical[place, :size].cpu().numpy()
        advance(len(rows))
    return found


def offsets_of(encoded: Encoded) -> NDArray[np.int64]:
    """Return where the positions, or features, of each sample start, shape (n + 1,)."""
    if isinstance(encoded, Ragged):
        return encoded.offsets
    return np.arange(len(encoded) + 1, dtype=np.int64) * encoded.shape[1]


def _device(classifier: Classifier) -> torch.device:
    return choose_device(classifier.training_.device)


class Explainer:
    """Explains batches of one network.

    Parameters
    ----------
    reader : Reader
    settings : ExplainSettings
    """

    def __init__(self, reader: Reader, settings: ExplainSettings) -> None:
        self.reader, self.settings = reader, settings
        self.body: nn.Module = reader.network.body
        self.letters = None if settings.method == "saliency" else reader.letters
        self.precise: nn.Module | None = None  # in float64, made when it is needed

    def explain(
        self, encoded: Encoded, rows: NDArray[np.int64], weights: NDArray[np.float32]
    ) -> tuple[Part, NDArray[np.int64]]:
        """Return attributions of some samples, and which of them were not by the method itself.

        Raises
        ------
        InputError
            If deeplift is not exact within the tolerance.
        """
        strands = self.reader.strands(encoded, rows)
        # A single logit z stands for the logits (0, z).
        first = 1 if self.reader.network.single_logit else 0
        wanted = torch.from_numpy(weights[:, first:]).to(strands[0].x.device)
        method = self.settings.method
        part = self._by(method, self.body, strands, wanted)
        if method != "deeplift":
            return part, np.empty(0, np.int64)
        over = _above(part.error, GOOD_ENOUGH)
        if len(over):
            part.put(over, self._precisely("deeplift", strands, wanted, over))
        over = _above(part.error, self.settings.tolerance)
        if len(over):
            self._require_allowed(strands, wanted, over, part.error[over])
            part.put(over, self._precisely("integrated_gradients", strands, wanted, over))
        return part, over

    def _precisely(
        self, method: str, strands: list[Inputs], weights: Tensor, rows: NDArray[np.int64]
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

    def _by(self, method: str, body: nn.Module, strands: list[Inputs], weights: Tensor) -> Part:
        parts = [self._strand(method, body, strand, weights) for strand in strands]
        if len(parts) == 1:
            return parts[0]
        return _averaged(parts, cast("Tensor", strands[0].mask))

    def _strand(self, method: str, body: nn.Module, inputs: Inputs, weights: Tensor) -> Part:
        x, references, mask = inputs.x, inputs.references, inputs.mask
        options = {"steps": self.settings.steps} if method == "integrated_gradients" else {}
        m = METHODS[method](body, x, references, weights, mask, **options)
        compared = references if method in SUMMED else torch.zeros_like(m.values)
        each = m.values * (x.unsqueeze(1) - compared)
        if method == "saliency":
            each = m.values
        vectors = each.ndim == 3
        contributions = each
        if not vectors:
            contributions = each.amax(-1) if method == "saliency" else each.sum(-1)
        hypothetical = None
        if self.letters is not None and not vectors:
            of_letters = m.values.mean(1) @ self.letters.T.to(m.values.dtype)
            hypothetical = of_letters - (m.values * compared).sum(-1, keepdim=True).mean(1)
            hypothetical = hypothetical * inputs.inside[..., None]
        missed = (contributions.sum(-1) - m.difference).abs().mean(1)
        size = torch.maximum(m.difference.abs().mean(1), SMALLEST * m.output.abs().clamp(min=1))
        reference_output = m.output - m.difference.mean(1)
        return Part(contributions.mean(1), hypothetical, m.output, reference_output, missed / size)

    def _require_allowed(
        self, strands: list[Inputs], weights: Tensor, rows: NDArray[np.int64], errors: Tensor
    ) -> None:
        if self.settings.fall_back:
            return
        some, exactly = self._in_double(strands, weights, rows)
        layer = diagnose(cast("nn.Module", self.precise), some[0], exactly)
        raise InputError(
            f"The contributions of {len(errors)} of the samples do not add up: their completeness "
            f"error is {float(errors.nan_to_num(torch.inf).max()):.1e}, more than "
            f"{self.settings.tolerance:g}. {layer} Use --method integrated_gradients, or "
            "--fall-back for these samples."
        )


def _above(errors: Tensor, limit: float) -> NDArray[np.int64]:
    """Return the rows whose error is above the limit, or is no number."""
    return np.flatnonzero(~(errors <= limit).cpu().numpy())


METHODS: dict[str, Callable[..., Multipliers]] = {
    "deeplift": deeplift,
    "integrated_gradients": integrated_gradients,
    "gradient_times_input": gradient_times_input,
    "saliency": saliency,
}


def _averaged(parts: list[Part], mask: Tensor) -> Part:
    """Return the mean of both strands, written along the first."""
    onward, other = parts
    index = reversal(mask)

    def mean(name: str) -> Tensor:
        return (getattr(onward, name) + getattr(other, name)) / 2

    turned = other.contributions.gather(1, index) * mask
    hypothetical = None
    if onward.hypothetical is not None and other.hypothetical is not None:
        # The letters A, C, G, T backwards are their complements.
        back = gather(other.hypothetical, index).flip(2) * mask[..., None]
        hypothetical = (onward.hypothetical + back) / 2
    output, reference_output = mean("output"), mean("reference_output")
    # Errors are relative to the difference of each strand; the worse of the two is told.
    error = torch.maximum(onward.error, other.error)
    contributions = (onward.contributions + turned) / 2
    return Part(contributions, hypothetical, output, reference_output, error)
