"""The two families of models: what their settings have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.errors import InputError
from cistron.base.settings import Kind

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin, RegressorMixin
    from torch import nn

Reads = Literal["positions", "vector", "candidates"]
Dropout = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    ),
]


class ModelSettings(Kind):
    """Settings of a model: its family, what a sample is to it, and what it predicts.

    `reads` is `positions` (a sequence of any length), one `vector`, or
    `candidates`, which bring their encoders. `before` holds the values of keys that classifiers
    saved earlier do not name, where the default is another one today.
    """

    family: ClassVar[Literal["network", "classical", "auto"]]
    reads: ClassVar[Reads]
    predicts: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    offered: ClassVar[bool] = True  # named where a choice is listed
    before: ClassVar[Mapping[str, object]] = {}
    caution: ClassVar[str] = ""  # what is said before it is trained

    @property
    def most_positions(self) -> int | None:
        """Positions that it can read; None without a bound."""
        return None


class NetworkSettings(ModelSettings):
    """Settings of a network (see `fixed_length` for those of a fixed number of positions)."""

    family: ClassVar[Literal["network"]] = "network"
    reads: ClassVar[Reads] = "positions"

    @property
    def single_logit(self) -> bool:
        """Whether two classes are told apart by one output z, as a sigmoid network does.

        Its logits are then (0, z), whose softmax is (1 - sigmoid(z), sigmoid(z)); `build` is asked
        for one output.
        """
        return False

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network, initialised under PyTorch's global seed.

        Parameters
        ----------
        channels : int
            Channels at each position, or features of the vector.
        outputs : int
            Classes; 1 where a single logit tells two apart.

        Returns
        -------
        Module
            `forward(x, mask)` gives logits, shape (batch, outputs), of x, shape
            (batch, time, channels), with a mask, bool, shape (batch, time), that is True on the
            first positions of each sample; or `forward(x)` of x, shape (batch, channels).
        """
        raise NotImplementedError


class ClassicalSettings(ModelSettings):
    """Settings of a scikit-learn model of vectors: of classes, of numbers, or of both."""

    family: ClassVar[Literal["classical"]] = "classical"
    reads: ClassVar[Reads] = "vector"

    def settled(
        self,
        X: NDArray[np.float32],  # noqa: ARG002
        y: NDArray[np.int64],  # noqa: ARG002
        weights: NDArray[np.floating],  # noqa: ARG002
        seed: int,  # noqa: ARG002
    ) -> Self:
        """Return the settings with what is left to the training samples chosen by them."""
        return self

    def build(self, seed: int) -> ClassifierMixin:  # noqa: ARG002
        """Return the estimator, not yet fitted.

        Its `fit` takes `sample_weight` (a pipeline's: each of its steps), and it has
        `predict_proba`. `cistron.models.classical.classical.fit_classical` does both.

        Raises
        ------
        InputError
            If the model tells no classes.
        """
        raise InputError(
            f"model.kind: {self.kind!r} predicts numbers, and the samples have classes. Use "
            "logistic_regression, or give the samples a number."
        )

    def build_regressor(self, seed: int) -> RegressorMixin:  # noqa: ARG002
        """Return the estimator of a number, not yet fitted; its `fit` takes `sample_weight`.

        Raises
        ------
        InputError
            If the model predicts no numbers.
        """
        raise InputError(
            f"model.kind: {self.kind!r} tells classes, and the samples have a number. Use ridge, "
            "random_forest, gradient_boosting, svm, bagging or a network."
        )
