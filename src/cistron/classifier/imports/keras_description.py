"""What Keras's JSON says of a network → the settings of our chain of the same layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from cistron.base.errors import InputError
from cistron.models.keras.keras import (
    ActivationLayer,
    DenseLayer,
    KerasLayer,
    KerasSettings,
    LayerSettings,
    ReshapeLayer,
)
from cistron.models.keras.keras_layers import ActivationName

Json = dict[str, Any]

SETTINGS: dict[str, type[LayerSettings]] = {
    name: settings
    for settings in get_args(get_args(KerasLayer)[0])
    for name in get_args(settings.model_fields["layer"].annotation)
}
ACTIVATIONS = ("ReLU", "Softmax")  # as layers

# Keys that change what a layer computes → their default, which is supported, and equal values.
Fixed = dict[str, tuple[object, ...]]
NORMALIZATION: Fixed = {"axis": (-1,), "rms_scaling": (False,), "renorm": (False,)}
FIXED: dict[str, Fixed] = {
    "LSTM": {
        "activation": ("tanh",),
        "recurrent_activation": ("sigmoid",),
        "stateful": (False,),
        "return_state": (False,),
        "time_major": (False,),
    },
    "LayerNormalization": NORMALIZATION,
    "BatchNormalization": NORMALIZATION,
    "ReLU": {"max_value": (None,), "negative_slope": (0, None), "threshold": (0, None)},
    "Softmax": {"axis": (-1,)},
}
FIXED_EVERYWHERE: Fixed = {"data_format": ("channels_last", None), "keepdims": (False,)}


@dataclass(frozen=True)
class Layer:
    """A layer as Keras describes it.

    Parameters
    ----------
    kind : str
        Keras's class.
    config : dict
    place : str
        What messages begin with: file, number, class and name.
    """

    kind: str
    config: Json
    place: str

    def refuse(self, reason: str) -> InputError:
        """Return the error that this layer cannot be imported."""
        return InputError(f"{self.place}: {reason}")


def chain(document: Json, where: str) -> Iterator[Layer]:
    """Yield the layers in order; the first is the InputLayer, made up where Keras has none.

    Raises
    ------
    InputError
        If they are no plain chain.
    """
    kind, config = document["class_name"], document["config"]
    if kind not in ("Sequential", "Functional", "Model"):
        raise InputError(f"{where}: a {kind} model cannot be imported, only a chain of layers.")
    whole: Json = {"layers": config} if isinstance(config, list) else config
    before = None
    for number, entry in enumerate(whole["layers"], start=1):
        options, name = entry["config"], str(entry["config"]["name"])
        place = f"{where}, layer {number}, {entry['class_name']} {name!r}"
        layer = Layer(entry["class_name"], options, place)
        if number == 1 and layer.kind != "InputLayer":
            shape = options.get("batch_input_shape") or options.get("batch_shape")
            built = document.get("build_config", {}).get("input_shape")
            shape = shape or built or whole.get("build_input_shape")
            yield Layer("InputLayer", {"batch_shape": shape}, where)
        if kind != "Sequential" and number > 1:
            sources = list(_sources(entry.get("inbound_nodes", [])))
            if sources != [before]:
                raise layer.refuse(
                    f"it reads from {', '.join(sources) or 'nothing'}, and only a plain chain, in "
                    f"which each layer reads from the one before ({before}), can be imported."
                )
        before = name
        yield layer


def _sources(node: object) -> Iterator[str]:
    """Yield the names of the layers that a layer reads from."""
    if isinstance(node, dict):
        history = node.get("config", {}).get("keras_history")
        if history:
            yield history[0]
        node = [] if history else list(node.values())
    if isinstance(node, list):
        if node and isinstance(node[0], str):
            yield node[0]
        else:
            for value in node:
                yield from _sources(value)


def chain_settings(layers: list[Layer], where: str) -> tuple[KerasSettings, int]:
    """Return the network's settings and how many outputs it has."""
    shape = layers[0].config.get("batch_input_shape") or layers[0].config.get("batch_shape")
    inner = tuple(shape[1:]) if isinstance(shape, list) else ()
    length = inner[1 if inner[:1] == (1,) and len(inner) == 3 else 0] if inner else None
    if length is None or inner not in ((length, 4), (length, 4, 1), (1, length, 4)):
        raise InputError(
            f"{where}: the input has the shape {inner or 'unknown'}, and only DNA as (length, 4), "
            "(length, 4, 1) or (1, length, 4) of a stated length can be imported."
        )
    settings: list[LayerSettings] = []
    if len(inner) == 3:
        settings.append(ReshapeLayer(layer="Reshape", target_shape=inner))
    rank = len(inner)
    for layer in layers[1:]:
        settings.append(_settings(layer, rank))
        rank = _rank(settings[-1], rank)
    width = _take_off_activation(settings, layers[-1])
    return KerasSettings.model_validate({"length": length, "layers": settings}), width


def _rank(settings: LayerSettings, rank: int) -> int:
    """Return how many axes a layer's output has, without the batch."""
    if isinstance(settings, ReshapeLayer):
        return len(settings.target_shape)
    if hasattr(settings, "return_sequences"):
        return 2 if settings.return_sequences else 1
    return 1 if settings.layer.startswith(("Flatten", "Global")) else rank


def _take_off_activation(chain: list[LayerSettings], last: Layer) -> int:
    """Make the last layer give logits, in place; return how many outputs there are."""
    *_, dense, final = None, None, *chain
    output = getattr(final, "activation", "linear")
    if not isinstance(final, ActivationLayer) or getattr(dense, "activation", "") != "linear":
        dense = final
    if isinstance(dense, DenseLayer) and output == ("sigmoid" if dense.units == 1 else "softmax"):
        chain[-1] = chain[-1].model_copy(update={"activation": "linear"})
        return dense.units
    raise last.refuse(
        "a classifier ends in a Dense layer with one sigmoid unit, or with a softmax over two or "
        f"more; this network ends otherwise ({output})."
    )


def _settings(layer: Layer, rank: int) -> LayerSettings:
    """Return the settings of a layer that reads so many axes."""
    if layer.kind not in SETTINGS and layer.kind not in ACTIVATIONS:
        raise layer.refuse(
            "this layer cannot be imported. Supported are "
            f"{', '.join(sorted((*SETTINGS, *ACTIVATIONS)))}."
        )
    config = _inside(layer, rank) if layer.kind == "Bidirectional" else layer.config
    for key, allowed in (FIXED_EVERYWHERE | FIXED.get(layer.kind, {})).items():
        value = config.get(key, allowed[0])
        is_last = key == "axis" and value in ([-1], rank, [rank])
        if value not in allowed and not is_last:
            raise layer.refuse(f"{key} = {value!r} is not supported, only {allowed[0]!r}.")
    if layer.kind in ACTIVATIONS:
        return ActivationLayer.model_validate(
            {"layer": "Activation", "activation": layer.kind.lower()}
        )
    settings = SETTINGS[layer.kind]
    keys = {name: config[name] for name in settings.model_fields if config.get(name) is not None}
    keys["layer"] = layer.kind
    if "activation" in settings.model_fields:
        keys["activation"] = _activation(layer)
    for name in {"kernel_size", "strides", "dilation_rate", "pool_size"} & set(keys):
        if isinstance(keys[name], int):  # for all axes
            keys[name] = (keys[name],) * int(layer.kind[-2])
    try:
        return settings.model_validate(keys)
    except ValidationError as error:
        first = error.errors()[0]
        raise layer.refuse(f"{first['loc'][-1]}: {first['msg']}.") from error


def _inside(layer: Layer, rank: int) -> Json:
    """Return what the LSTM within a Bidirectional layer computes, and how both are merged."""
    inner = layer.config["layer"]
    if inner["class_name"] != "LSTM":
        raise layer.refuse(f"around {inner['class_name']} it is not supported, only around LSTM.")
    onward = _settings(Layer("LSTM", inner["config"], layer.place), rank).document()
    if onward["go_backwards"]:
        raise layer.refuse("its forward layer goes backwards, which is not supported.")
    other = layer.config.get("backward_layer")
    if other is not None:
        backward = _settings(Layer("LSTM", other["config"], layer.place), rank).document()
        if backward != onward | {"go_backwards": True}:
            raise layer.refuse("its backward layer differs from its forward layer.")
    return onward | {"merge_mode": layer.config.get("merge_mode")}


def _activation(layer: Layer) -> str:
    value = layer.config.get("activation") or "linear"
    if isinstance(value, dict):
        value = value.get("config") or value.get("class_name")
    value = "silu" if value == "swish" else value
    if value not in get_args(ActivationName):
        raise layer.refuse(
            f"the activation {value!r} is not supported, only "
            f"{', '.join(get_args(ActivationName))}."
        )
    return str(value)
