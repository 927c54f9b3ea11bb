"""The two families of models: what their settings have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from cistron.settings import Settings

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin
    from torch import nn

Reads = Literal["positions", "vector"]


class NetworkSettings(Settings):
    """Settings of a network.

    `reads` says what a sample is to it: `positions` (a sequence of any length) or one `vector`.
    Settings with a key `length` are those of a network that reads at most that many positions
    (see `fixed_length`).
    """

    family: ClassVar[Literal["network"]] = "network"
    reads: ClassVar[Reads] = "positions"

    kind: str

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network, initialised under PyTorch's global seed.

        Parameters
        ----------
        channels : int
            Channels at each position, or features of the vector.
        outputs : int
            Classes.

        Returns
        -------
        Module
            `forward(x, mask)` gives logits, shape (batch, outputs), of x, shape
            (batch, time, channels), with a mask, bool, shape (batch, time), that is True on the
            first positions of each sample; or `forward(x)` of x, shape (batch, channels).
        """
        raise NotImplementedError


class ClassicalSettings(Settings):
    """Settings of a scikit-learn classifier of vectors."""

    family: ClassVar[Literal["classical"]] = "classical"
    reads: ClassVar[Reads] = "vector"

    kind: str

    def build(self, seed: int) -> ClassifierMixin:
        """Return the estimator, not yet fitted.

        Its `fit` takes `sample_weight` (a pipeline's: each of its steps), and it has
        `predict_proba`. `cistron.models.classical.fit_classical` does both.
        """
        raise NotImplementedError
