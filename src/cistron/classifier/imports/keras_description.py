"""What Keras's JSON says of a network → the settings of our chain of the same layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from cistron.base.errors import InputError
from cistron.models.keras.keras import KerasLayer, KerasSettings
from cistron.models.keras.keras_layers import ActivationName

LAYERS: TypeAdapter[Any] = TypeAdapter(KerasLayer)


@dataclass(frozen=True)
class Layer:
    """A layer as Keras describes it.

    Parameters
    ----------
    kind, name : str
        Keras's class and the layer's name.
    config : dict
    place : str
        What messages begin with: file, number, class and name.
    """

    kind: str
    name: str
    config: dict[str, Any]
    place: str

    def refuse(self, reason: str) -> InputError:
        """Return the error that this layer cannot be imported."""
        return InputError(f"{self.place}: {reason}")

    def require(self, key: str, *allowed: Any) -> None:
        """Refuse the layer if a key has a value that changes what it computes."""
        value = self.config.get(key, allowed[0])
        if value not in allowed:
            raise self.refuse(f"{key} = {value!r} is not supported, only {allowed[0]!r}.")

    def keys(self, *names: str) -> dict[str, Any]:
        """Return the layer's name and those keys of its configuration that are there."""
        given = {name: self.config[name] for name in names if self.config.get(name) is not None}
        return {"layer": self.kind, **given}


def chain(document: dict[str, Any], where: str) -> Iterator[Layer]:
    """Yield the layers in order; the first is the InputLayer, made up where Keras has none.

    Raises
    ------
    InputError
        If they are no plain chain.
    """
    kind, config = document["class_name"], document["config"]
    if kind not in ("Sequential", "Functional", "Model"):
        raise InputError(f"{where}: a {kind} model cannot be imported, only a chain of layers.")
    described = config if isinstance(config, list) else config["layers"]
    before = None
    for number, entry in enumerate(described, start=1):
        options = entry["config"]
        name = str(options["name"])
        layer = Layer(
            entry["class_name"],
            name,
            options,
            f"{where}, layer {number}, {entry['class_name']} {name!r}",
        )
        if number == 1 and layer.kind != "InputLayer":
            shape = options.get("batch_input_shape") or options.get("batch_shape")
            build = document.get("build_config", {}).get("input_shape")
            shape = shape or build or (isinstance(config, dict) and config.get("build_input_shape"))
            yield Layer("InputLayer", "", {"batch_shape": shape or None}, where)
        if kind != "Sequential" and number > 1:
            sources = list(_sources(entry.get("inbound_nodes", [])))
            if sources != [before]:
                raise layer.refuse(
                    f"it reads from {', '.join(sources) or 'nothing'}, and only a plain chain, in "
                    f"which each layer reads from the one before ({before}), can be imported."
                )
        before = name
        yield layer


def _sources(node: Any) -> Iterator[str]:
    """Yield the names of the layers that a layer reads from."""
    if isinstance(node, dict):
        history = node.get("config", {}).get("keras_history")
        if history:
            yield history[0]
        else:
            for value in node.values():
                yield from _sources(value)
    elif isinstance(node, list):
        if node and isinstance(node[0], str):
            yield node[0]
        else:
            for value in node:
                yield from _sources(value)


def chain_settings(layers: list[Layer], where: str) -> tuple[KerasSettings, int]:
    """Return the network's settings and how many outputs it has."""
    shape = layers[0].config.get("batch_input_shape") or layers[0].config.get("batch_shape")
    inner = tuple(shape[1:]) if isinstance(shape, list) else ()
    length = {2: inner[:1], 3: inner[1:2] if inner[:1] == (1,) else inner[:1]}.get(len(inner), ())
    if not length or length[0] is None or inner not in _layouts(length[0]):
        raise InputError(
            f"{where}: the input has the shape {inner or 'unknown'}, and only DNA as (length, 4), "
            "(length, 4, 1) or (1, length, 4) of a stated length can be imported."
        )
    found: list[Any] = []
    if len(inner) == 3:
        found.append({"layer": "Reshape", "target_shape": inner})
    rank = len(inner)
    for layer in layers[1:]:
        if layer.kind not in TRANSLATED:
            raise layer.refuse(
                f"this layer cannot be imported. Supported are {', '.join(sorted(TRANSLATED))}."
            )
        keys = TRANSLATED[layer.kind](layer, rank)
        try:
            found.append(LAYERS.validate_python(keys))
        except ValidationError as error:
            first = error.errors()[0]
            raise layer.refuse(f"{first['loc'][-1]}: {first['msg']}.") from error
        rank = _rank(keys, rank)
    width = _take_off_activation(found, layers[-1])
    return KerasSettings(length=length[0], layers=tuple(found)), width


def _layouts(length: int) -> tuple[tuple[int, ...], ...]:
    return (length, 4), (length, 4, 1), (1, length, 4)


def _rank(keys: dict[str, Any], rank: int) -> int:
    """Return how many axes a layer's output has, without the batch."""
    kind = keys["layer"]
    if kind == "Flatten" or kind.startswith("Global"):
        return 1
    if kind in ("LSTM", "Bidirectional"):
        return 2 if keys.get("return_sequences") else 1
    return len(keys["target_shape"]) if kind == "Reshape" else rank


def _take_off_activation(chain: list[Any], last: Layer) -> int:
    """Make the last layer give logits, in place; return how many outputs there are."""
    final = chain[-1]
    if final.layer == "Activation" and len(chain) > 1:
        dense, output = chain[-2], final.activation
        plain = dense.layer == "Dense" and dense.activation == "linear"
        chain[-1] = final.model_copy(update={"activation": "linear"})
    else:
        dense, output = final, getattr(final, "activation", "linear")
        plain = final.layer == "Dense"
        if plain:
            chain[-1] = final.model_copy(update={"activation": "linear"})
    if plain and (
        (output == "softmax" and dense.units > 1) or (output == "sigmoid" and dense.units == 1)
    ):
        return int(dense.units)
    raise last.refuse(
        "a classifier ends in a Dense layer with one sigmoid unit, or with a softmax over two or "
        f"more; this network ends otherwise ({output})."
    )


def _activation(layer: Layer) -> str:
    value: Any = layer.config.get("activation") or "linear"
    if isinstance(value, dict):
        value = value.get("config") or value.get("class_name")
    value = {"swish": "silu"}.get(value, value) if isinstance(value, str) else value
    if value not in get_args(ActivationName):
        raise layer.refuse(
            f"the activation {value!r} is not supported, only "
            f"{', '.join(get_args(ActivationName))}."
        )
    return str(value)


def _sizes(layer: Layer, keys: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the keys with sizes as tuples; Keras writes a single number too."""
    axes = int(layer.kind[-2])
    whole = {name: (keys[name],) * axes for name in names if isinstance(keys.get(name), int)}
    return {**keys, **whole}


def _convolution(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    layer.require("data_format", "channels_last", None)
    keys = layer.keys(
        "filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "use_bias"
    )
    keys["activation"] = _activation(layer)
    return _sizes(layer, keys, "kernel_size", "strides", "dilation_rate")


def _pooling(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    layer.require("data_format", "channels_last", None)
    return _sizes(layer, layer.keys("pool_size", "strides", "padding"), "pool_size", "strides")


def _global_pooling(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    layer.require("data_format", "channels_last", None)
    layer.require("keepdims", False)
    return layer.keys()


def _dense(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    return {**layer.keys("units", "use_bias"), "activation": _activation(layer)}


def _lstm(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    layer.require("activation", "tanh")
    layer.require("recurrent_activation", "sigmoid")
    for key in ("stateful", "return_state", "time_major"):
        layer.require(key, False)
    return layer.keys("units", "return_sequences", "go_backwards", "use_bias")


def _bidirectional(layer: Layer, rank: int) -> dict[str, Any]:
    inner = layer.config["layer"]
    if inner["class_name"] != "LSTM":
        raise layer.refuse(f"around {inner['class_name']} it is not supported, only around LSTM.")
    onward = _lstm(Layer("LSTM", layer.name, inner["config"], layer.place), rank)
    if onward.pop("go_backwards", False):
        raise layer.refuse("its forward layer goes backwards, which is not supported.")
    other = layer.config.get("backward_layer")
    if other is not None:
        backward = _lstm(Layer("LSTM", layer.name, other["config"], layer.place), rank)
        if not backward.pop("go_backwards", False) or backward != onward:
            raise layer.refuse("its backward layer differs from its forward layer.")
    return {**onward, **layer.keys("merge_mode")}


def _normalization(layer: Layer, rank: int) -> dict[str, Any]:
    layer.require("axis", -1, [-1], rank, [rank])
    layer.require("rms_scaling", False)
    layer.require("renorm", False)
    return layer.keys("epsilon", *(["momentum"] if layer.kind == "BatchNormalization" else []))


def _relu(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    layer.require("max_value", None)
    layer.require("negative_slope", 0, None)
    layer.require("threshold", 0, None)
    return {"layer": "Activation", "activation": "relu"}


def _softmax(layer: Layer, rank: int) -> dict[str, Any]:
    layer.require("axis", -1, rank)
    return {"layer": "Activation", "activation": "softmax"}


def _reshape(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    return layer.keys("target_shape")


def _flatten(layer: Layer, rank: int) -> dict[str, Any]:  # noqa: ARG001
    layer.require("data_format", "channels_last", None)
    return layer.keys()


TRANSLATED: dict[str, Callable[[Layer, int], dict[str, Any]]] = {
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "MaxPooling1D": _pooling,
    "MaxPooling2D": _pooling,
    "GlobalMaxPooling1D": _global_pooling,
    "GlobalMaxPooling2D": _global_pooling,
    "GlobalAveragePooling1D": _global_pooling,
    "GlobalAveragePooling2D": _global_pooling,
    "Dense": _dense,
    "LSTM": _lstm,
    "Bidirectional": _bidirectional,
    "LayerNormalization": _normalization,
    "BatchNormalization": _normalization,
    "Dropout": lambda layer, rank: layer.keys("rate"),  # noqa: ARG005
    "Activation": lambda layer, rank: {**layer.keys(), "activation": _activation(layer)},  # noqa: ARG005
    "ReLU": _relu,
    "Softmax": _softmax,
    "Flatten": _flatten,
    "Reshape": _reshape,
}
