"""Keras files written by the documented formats, and Keras's layers in plain NumPy."""

from __future__ import annotations

import io
import json
import math
import zipfile

import h5py
import numpy as np

VERSION2, VERSION3 = "2.11.0", "3.3.3"


class Net:
    """A chain of layers with random weights, as lists of (class, name, config, arrays)."""

    def __init__(self, shape, seed=0):
        self.shape, self.layers, self.rng = shape, [], np.random.default_rng(seed)

    def add(self, kind, *shapes, name=None, **config):
        """Add a layer with arrays of these shapes; a shape of one number is a vector."""
        arrays = [self.rng.normal(0, 0.8, s).astype(np.float32) for s in shapes]
        if kind == "BatchNormalization":
            arrays[-1] = np.abs(arrays[-1]) + 0.5  # a variance
        name = name or f"{kind.lower()}_{len(self.layers)}"
        self.layers.append((kind, name, {"name": name, **config}, arrays))
        return self

    def json(self, version=2, kind="Sequential"):
        """Return what `model.to_json()` writes, without keys that change nothing."""
        key = "batch_input_shape" if version == 2 else "batch_shape"
        first = ("InputLayer", "entry", {"name": "entry", key: [None, *self.shape]}, [])
        entries, before = [], None
        for layer, name, config, _ in [first, *self.layers]:
            entry = {"class_name": layer, "config": {**config, "dtype": "float32"}}
            if kind != "Sequential":
                entry |= {"name": name, "inbound_nodes": _inbound(before, version)}
            entries.append(entry)
            before = name
        config = {"name": "model", "layers": entries}
        return {"class_name": kind, "config": config, "keras_version": VERSION2}

    def kinds(self):
        return [kind for kind, *_ in self.layers]


def _inbound(before, version):
    if before is None:
        return []
    if version == 2:
        return [[[before, 0, 0, {}]]]
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [before, 0, 0]}}
    return [{"args": [tensor], "kwargs": {}}]


def write_keras2(path, net, whole=False, names=None):
    """Write `model.save_weights("x.h5")`, or with `whole` `model.save("x.h5")`."""
    with h5py.File(path, "w") as file:
        root = file
        if whole:
            file.attrs["model_config"] = json.dumps(net.json())
            root = file.create_group("model_weights")
        names = names or [name for _, name, _, _ in net.layers]
        root.attrs["layer_names"] = np.array([name.encode() for name in names])
        root.attrs["keras_version"] = VERSION2
        root.create_group("top_level_model_weights").attrs["weight_names"] = np.array([])
        for name, (_, _, _, arrays) in zip(names, net.layers, strict=True):
            group = root.create_group(name)
            weights = [f"{name}/weight_{k}:0" for k in range(len(arrays))]
            for weight, array in zip(weights, arrays, strict=True):
                group[weight] = array
            group.attrs["weight_names"] = np.array([weight.encode() for weight in weights])
    return path


def write_keras3(target, net, root="layers"):
    """Write `model.save_weights("x.weights.h5")` of Keras 3; 2.13 had another root."""
    numbers = {}
    with h5py.File(target, "w") as file:
        for kind, _, _, arrays in net.layers:
            base = SNAKE.get(kind, kind.lower())
            number = numbers[base] = numbers.get(base, -1) + 1
            group = file.create_group(f"{root}/{base}_{number}" if number else f"{root}/{base}")
            parts = {"vars": arrays}
            if kind == "LSTM":
                parts = {"vars": [], "cell/vars": arrays}
            if kind == "Bidirectional":
                half = len(arrays) // 2
                parts = {"forward_layer/cell/vars": arrays[:half]}
                parts |= {"backward_layer/cell/vars": arrays[half:]}
            for below, values in parts.items():
                variables = group.create_group(below)
                for k, array in enumerate(values):
                    variables[str(k)] = array
    return target


SNAKE = {
    "MaxPooling1D": "max_pooling1d",
    "MaxPooling2D": "max_pooling2d",
    "GlobalMaxPooling1D": "global_max_pooling1d",
    "GlobalAveragePooling2D": "global_average_pooling2d",
    "LayerNormalization": "layer_normalization",
    "BatchNormalization": "batch_normalization",
    "ReLU": "re_lu",
}


def write_archive(path, net):
    """Write `model.save("x.keras")`."""
    weights = io.BytesIO()
    write_keras3(weights, net)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": VERSION3}))
        archive.writestr("config.json", json.dumps(net.json(version=3)))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def predict(net, x):
    """Return the network's outputs for one-hot x, shape (batch, length, 4), in float64."""
    x = x.reshape(len(x), *net.shape).astype(np.float64)
    for kind, _, config, arrays in net.layers:
        if kind in FORWARD:
            x = FORWARD[kind](x, config, [a.astype(np.float64) for a in arrays])
        x = ACTIVATIONS[config.get("activation", "linear") if kind != "LSTM" else "linear"](x)
    return x


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "swish": lambda x: x * sigmoid(x),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
}


def padded(x, axis, size, stride, padding, value):
    if padding == "valid":
        return x
    outputs = math.ceil(x.shape[axis] / stride)
    total = size - 1 if padding == "causal" else (outputs - 1) * stride + size - x.shape[axis]
    total = max(total, 0)
    left = total if padding == "causal" else total // 2
    pads = [(0, 0)] * x.ndim
    pads[axis] = (left, total - left)
    return np.pad(x, pads, constant_values=value)


def windows(x, size, stride, padding, value):
    """Return windows, shape (batch, places…, size…, channels)."""
    for axis, (n, s) in enumerate(zip(size, stride, strict=True), start=1):
        x = padded(x, axis, n, s, padding, value)
    axes = tuple(range(1, len(size) + 1))
    found = np.lib.stride_tricks.sliding_window_view(x, tuple(size), axes)
    for axis, s in enumerate(stride, start=1):
        found = found.take(range(0, found.shape[axis], s), axis)
    return np.moveaxis(found, len(size) + 1, -1)


def convolution(x, config, arrays):
    size = config["kernel_size"]
    stride = config.get("strides") or [1] * len(size)
    step = config.get("dilation_rate", [1])[0]
    kernel = arrays[0]
    if step > 1:  # a dilated kernel is one with zeros between
        wide = np.zeros(((len(kernel) - 1) * step + 1, *kernel.shape[1:]))
        wide[::step] = kernel
        kernel, size = wide, [len(wide)]
    cut = windows(x, size, stride, config.get("padding", "valid"), 0)
    y = np.tensordot(cut, kernel, len(size) + 1)
    return y + arrays[1] if len(arrays) > 1 else y


def max_pooling(x, config, arrays):
    size = config["pool_size"]
    cut = windows(x, size, config.get("strides") or size, config.get("padding", "valid"), -np.inf)
    axes = tuple(range(len(size) + 1, 2 * len(size) + 1))
    return cut.max(axis=axes)


def lstm(x, config, arrays):
    kernel, recurrent, bias = arrays
    units = recurrent.shape[0]
    h = c = np.zeros((len(x), units))
    found = []
    for step in range(x.shape[1]):
        gates = x[:, step] @ kernel + h @ recurrent + bias
        i, f, g, o = (gates[:, k * units : (k + 1) * units] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.stack(found, 1) if config.get("return_sequences") else h


def bidirectional(x, config, arrays):
    inner = config["layer"]["config"]
    onward, backward = lstm(x, inner, arrays[:3]), lstm(x[:, ::-1], inner, arrays[3:])
    if inner.get("return_sequences"):
        backward = backward[:, ::-1]
    return np.concatenate([onward, backward], -1)


def layer_normalization(x, config, arrays):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + config.get("epsilon", 1e-3)) * arrays[0] + arrays[1]


def batch_normalization(x, config, arrays):
    beta, mean, variance = arrays[-3:]
    gamma = arrays[0] if config.get("scale", True) else 1
    return (x - mean) / np.sqrt(variance + config.get("epsilon", 1e-3)) * gamma + beta


FORWARD = {
    "Conv1D": convolution,
    "Conv2D": convolution,
    "MaxPooling1D": max_pooling,
    "MaxPooling2D": max_pooling,
    "GlobalMaxPooling1D": lambda x, config, arrays: x.max(1),
    "GlobalAveragePooling2D": lambda x, config, arrays: x.mean((1, 2)),
    "Dense": lambda x, config, arrays: x @ arrays[0] + arrays[1],
    "Flatten": lambda x, config, arrays: x.reshape(len(x), -1),
    "Reshape": lambda x, config, arrays: x.reshape(len(x), *config["target_shape"]),
    "ReLU": lambda x, config, arrays: np.maximum(x, 0),
    "LSTM": lstm,
    "Bidirectional": bidirectional,
    "LayerNormalization": layer_normalization,
    "BatchNormalization": batch_normalization,
}
