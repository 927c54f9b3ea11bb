"""A plain chain of Keras layers, as `cistron import keras` brings it in.

Each layer has Keras's name, the keys of Keras's configuration that change what it computes, and
Keras's defaults. Shapes are Keras's, channels last.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.models.fixed_length import FixedLengthSettings
from cistron.models.keras.keras_layers import (
    LSTM,
    Activation,
    ActivationName,
    BothDirections,
    Convolution,
    GlobalPooling,
    MaxPool,
    Padding,
    dense,
    to_length,
)
from cistron.models.layers import BatchNorm

Sizes = tuple[int, ...]


class LayerSettings(Settings):
    """A layer: `_module` returns it without its activation."""

    layer: str

    def build(self, channels: int) -> nn.Module:
        """Return the layer for inputs with so many channels."""
        module, name = self._module(channels), getattr(self, "activation", "linear")
        return module if name == "linear" else nn.Sequential(module, Activation(name))

    def _module(self, channels: int) -> nn.Module:
        raise NotImplementedError


class ConvolutionLayer(LayerSettings):
    """Conv1D, Conv2D."""

    layer: Literal["Conv1D", "Conv2D"] = Field(description="Keras class")
    filters: int = Field(ge=1, description="channels that the layer gives")
    kernel_size: Sizes = Field(description="positions that the kernel spans, one number an axis")
    strides: Sizes | None = Field(
        None, description="positions from one window to the next, one number an axis; null: 1"
    )
    padding: Padding = Field(
        "valid",
        description="valid: only whole windows; same: zeros at both ends keep the length; causal: "
        "zeros before the start",
    )
    dilation_rate: Sizes | None = Field(
        None,
        description="distance of the positions that a kernel reads, one number an axis; null: 1",
    )
    groups: int = Field(1, ge=1, description="groups of channels that are convolved apart")
    use_bias: bool = Field(True, description="whether a bias is added")
    activation: ActivationName = Field("linear", description="function applied to the output")

    def _module(self, channels: int) -> nn.Module:
        windows = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return Convolution(channels, self.filters, *windows, self.groups, self.use_bias)


class MaxPoolingLayer(LayerSettings):
    """MaxPooling1D, MaxPooling2D."""

    layer: Literal["MaxPooling1D", "MaxPooling2D"] = Field(description="Keras class")
    pool_size: Sizes = Field(description="positions that are merged into one, one number an axis")
    strides: Sizes | None = Field(
        None,
        description="positions from one window to the next, one number an axis; null: `pool_size`",
    )
    padding: Literal["valid", "same"] = Field(
        "valid", description="valid: only whole windows; same: the last window may be smaller"
    )

    def _module(self, _channels: int) -> nn.Module:
        return MaxPool(self.pool_size, self.strides, self.padding)


class GlobalPoolingLayer(LayerSettings):
    """Global pooling."""

    layer: Literal[
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
    ] = Field(description="Keras class: the maximum or the average over all positions")

    def _module(self, _channels: int) -> nn.Module:
        return GlobalPooling("Max" in self.layer)


class DenseLayer(LayerSettings):
    """Dense, on the last axis."""

    layer: Literal["Dense"] = Field(description="Keras class")
    units: int = Field(ge=1, description="units of the layer")
    use_bias: bool = Field(True, description="whether a bias is added")
    activation: ActivationName = Field("linear", description="function applied to the output")

    def _module(self, channels: int) -> nn.Module:
        return dense(channels, self.units, self.use_bias)


class LSTMLayer(LayerSettings):
    """LSTM with tanh and sigmoid."""

    layer: Literal["LSTM"] = Field(description="Keras class")
    units: int = Field(ge=1, description="units of the layer")
    return_sequences: bool = Field(
        False, description="whether every position gives its state; else the last one alone"
    )
    go_backwards: bool = Field(False, description="whether the sequence is read from its end")
    use_bias: bool = Field(True, description="whether a bias is added")

    def _module(self, channels: int) -> nn.Module:
        return LSTM(channels, self.units, self.return_sequences, self.go_backwards, self.use_bias)


class BidirectionalLayer(LayerSettings):
    """Bidirectional around an LSTM."""

    layer: Literal["Bidirectional"] = Field(description="Keras class")
    units: int = Field(ge=1, description="units of each direction")
    return_sequences: bool = Field(
        False, description="whether every position gives its state; else the last one alone"
    )
    use_bias: bool = Field(True, description="whether a bias is added")
    merge_mode: Literal["concat", "sum", "ave", "mul"] = Field(
        "concat",
        description="how the two directions become one: side by side, sum, average or product",
    )

    def _module(self, channels: int) -> nn.Module:
        onward, backward = (
            LSTM(channels, self.units, self.return_sequences, backwards, self.use_bias)
            for backwards in (False, True)
        )
        return BothDirections(onward, backward, self.merge_mode)


class LayerNormalizationLayer(LayerSettings):
    """LayerNormalization over the last axis."""

    layer: Literal["LayerNormalization"] = Field(description="Keras class")
    epsilon: float = Field(1e-3, gt=0, description="number added to the variance")

    def _module(self, channels: int) -> nn.Module:
        return nn.LayerNorm(channels, eps=self.epsilon)


class BatchNormalizationLayer(LayerSettings):
    """BatchNormalization over the last axis."""

    layer: Literal["BatchNormalization"] = Field(description="Keras class")
    epsilon: float = Field(1e-3, gt=0, description="number added to the variance")
    momentum: float = Field(
        0.99, ge=0, lt=1, description="share of the running mean and variance that each batch keeps"
    )

    def _module(self, channels: int) -> nn.Module:
        return BatchNorm(channels, eps=self.epsilon, momentum=1 - self.momentum)


class DropoutLayer(LayerSettings):
    """Dropout."""

    layer: Literal["Dropout"] = Field(description="Keras class")
    rate: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    def _module(self, _channels: int) -> nn.Module:
        return nn.Dropout(self.rate)


class ActivationLayer(LayerSettings):
    """Activation, ReLU, Softmax."""

    layer: Literal["Activation"] = Field(description="Keras class")
    activation: ActivationName = Field(description="function applied to the input")

    def _module(self, _channels: int) -> nn.Module:
        return nn.Identity()


class FlattenLayer(LayerSettings):
    """Flatten, position by position."""

    layer: Literal["Flatten"] = Field(description="Keras class")

    def _module(self, _channels: int) -> nn.Module:
        return nn.Flatten()


class ReshapeLayer(LayerSettings):
    """Reshape."""

    layer: Literal["Reshape"] = Field(description="Keras class")
    target_shape: Sizes = Field(description="shape of a sample behind the layer")

    def _module(self, _channels: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Unflatten(1, self.target_shape))


KerasLayer = Annotated[
    ConvolutionLayer
    | MaxPoolingLayer
    | GlobalPoolingLayer
    | DenseLayer
    | LSTMLayer
    | BidirectionalLayer
    | LayerNormalizationLayer
    | BatchNormalizationLayer
    | DropoutLayer
    | ActivationLayer
    | FlattenLayer
    | ReshapeLayer,
    Field(discriminator="layer"),
]
"""Any layer, told apart by `layer`: Keras's name of its class."""

SCANNER: tuple[KerasLayer, ...] = (
    ConvolutionLayer(layer="Conv1D", filters=64, kernel_size=(12,), activation="relu"),
    GlobalPoolingLayer(layer="GlobalMaxPooling1D"),
    DenseLayer(layer="Dense", units=1),
)


class KerasSettings(FixedLengthSettings):
    """Settings of `keras`: a chain of layers, usually written by `cistron import keras`.

    The last layer gives logits: one for two classes, or one a class. Sequences shorter than
    `length` are read as if N followed them.
    """

    offered: ClassVar[bool] = False

    kind: Literal["keras"] = "keras"
    length: int = Field(620, ge=1, description="positions it reads; no sequence may be longer")
    layers: tuple[KerasLayer, ...] = Field(
        SCANNER, description="layers in order; default: a motif scanner"
    )

    @property
    def single_logit(self) -> bool:
        """Whether the last dense layer has one unit."""
        units = [layer.units for layer in self.layers if isinstance(layer, DenseLayer)]
        return units[-1:] == [1]

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return KerasChain(self, channels, outputs)


class KerasChain(nn.Module):
    """The layers, one after another."""

    def __init__(self, settings: KerasSettings, channels: int, outputs: int) -> None:
        super().__init__()
        self.length = settings.length
        self.layers = nn.Sequential()
        x = torch.zeros(1, self.length, channels)
        for number, layer in enumerate(settings.layers):
            try:
                module = layer.build(x.shape[-1]).eval()
                with torch.no_grad():
                    x = module(x)
            except (RuntimeError, IndexError, ValueError) as error:
                raise InputError(
                    f"model.layers.{number}: {layer.layer} cannot read what comes before it, of "
                    f"shape {tuple(x.shape[1:])}: {error}"
                ) from error
            self.layers.append(module.train())
        if x.shape[1:] != (outputs,):
            raise InputError(
                f"model.layers: the last layer gives the shape {tuple(x.shape[1:])}, and "
                f"{outputs} {'logit is' if outputs == 1 else 'logits are'} needed."
            )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.layers(to_length(x, mask, self.length))
