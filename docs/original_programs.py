"""The published programs once more, in NumPy and plain functions of PyTorch: nothing of Cistron's.

Written from the publications' programs and from what Keras documents. `state` is the weights by the
names that our networks give them; the formulas are the originals'.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

State = dict[str, torch.Tensor]


# Keras, in plain functions --------------------------------------------------------------------


def conv(s: State, name: str, x, stride=1, padding="same"):
    """Conv1D of x, shape (batch, channels, positions)."""
    kernel, positions = s[f"{name}.weight"], x.shape[2]
    missing = max((-(-positions // stride) - 1) * stride + kernel.shape[2] - positions, 0)
    missing = missing if padding == "same" else 0
    x = F.pad(x, (missing // 2, missing - missing // 2))
    return F.conv1d(x, kernel, s[f"{name}.bias"], stride)


def pool(x, size, stride=None, padding="same"):
    stride = stride or size
    missing = max((-(-x.shape[2] // stride) - 1) * stride + size - x.shape[2], 0)
    missing = missing if padding == "same" else 0
    return F.max_pool1d(
        F.pad(x, (missing // 2, missing - missing // 2), value=-1e300), size, stride
    )


def dense(s: State, names, x):
    for name in names[:-1]:
        x = (x @ s[f"{name}.weight"].T + s[f"{name}.bias"]).clamp(min=0)
    return x @ s[f"{names[-1]}.weight"].T + s[f"{names[-1]}.bias"]


def lstm(kernel, recurrent, bias, x):
    """All outputs of an LSTM over x, shape (batch, steps, channels); gates i, f, c, o."""
    h = c = torch.zeros(len(x), recurrent.shape[1], dtype=x.dtype)
    outputs = []
    for step in x.unbind(1):
        i, f, g, o = (step @ kernel.T + h @ recurrent.T + bias).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def cell(s: State, name: str, x):
    return lstm(*(s[f"{name}.cell.{p}_l0"] for p in ("weight_ih", "weight_hh", "bias_ih")), x)


def batch_norm(s: State, name: str, x, epsilon=1e-3):
    """Batch normalisation in training, of x, shape (batch, channels, …)."""
    axes = [0, *range(2, x.ndim)]
    mean = x.mean(axes, keepdim=True)
    variance = ((x - mean) ** 2).mean(axes, keepdim=True)
    shape = (1, -1, *[1] * (x.ndim - 2))
    scale, shift = s[f"{name}.weight"].view(shape), s[f"{name}.bias"].view(shape)
    return (x - mean) / (variance + epsilon).sqrt() * scale + shift


def reduce_on_plateau(values, rate, factor, patience, floor, decay=1.0, after=10**9):
    """Rates of ReduceLROnPlateau (min_delta 1e-4), with a scheduler that decays each epoch."""
    best, wait, rates = np.inf, 0, []
    for epoch, value in enumerate(values):  # from 0
        rate = rate * decay if epoch > after else rate
        rates.append(rate)
        if value < best - 1e-4:
            best, wait = value, 0
        else:
            wait += 1
            if wait >= patience:
                rate = max(rate * factor, floor) if rate > floor else rate
                wait = 0
    return np.array(rates)


# The networks ---------------------------------------------------------------------------------


def deepcre_block(s: State, name: str, x):
    return pool(conv(s, f"{name}.2", conv(s, f"{name}.0", x).relu()).relu(), 8)


def deepcre(s: State, x):
    y = x.mT
    for number in range(3):
        y = deepcre_block(s, f"blocks.{number}", y)
    return dense(s, ["head.1", "head.4", "head.6"], y.mT.flatten(1))


def lcre(s: State, x):
    y = deepcre_block(s, "motifs", x.mT).mT
    mean, variance = y.mean(2, keepdim=True), y.var(2, keepdim=True, correction=0)
    y = (y - mean) / (variance + 1e-3).sqrt() * s["norm.weight"] + s["norm.bias"]
    y = cell(s, "lstm", y).mT
    for number in range(2):
        y = deepcre_block(s, f"blocks.{number}", y)
    return dense(s, ["head.1", "head.4", "head.6"], y.mT.flatten(1))


def deepdife(s: State, x):
    y = pool(conv(s, "convolutions.0", x.mT, padding="valid").relu(), 6, padding="valid")
    y = conv(s, "convolutions.7", conv(s, "convolutions.4", y, 6).relu(), 6).relu()
    return dense(s, ["head.1", "head.4", "head.6"], y.mT.flatten(1))


def valid_blocks(s: State, x, number):
    y = x.mT
    for k in range(number):
        y = pool(conv(s, f"blocks.{k}.convolution", y, padding="valid").relu(), 2, padding="valid")
    return y.mT


def multiloc_cnn(s: State, x):
    return dense(s, ["head.0", "head.3"], valid_blocks(s, x, 2).flatten(1))


def multiloc_cnn_lstm(s: State, x):
    y = valid_blocks(s, x, 2)
    for k in (0, 1):
        weights = s[f"lstms.{k}.lstm.weight_ih_l0"]
        y = lstm(weights[:, :-1], s[f"lstms.{k}.lstm.weight_hh_l0"], weights[:, -1], y)
    return dense(s, ["head.1"], y[:, -1])


def multiloc_resnet(s: State, x):
    def normed(name, x, stride=1):
        return batch_norm(s, f"{name}.norm", conv(s, f"{name}.convolution", x, stride))

    y = pool(normed("stem", x.mT, 2).relu(), 3, 2)
    for k in range(8):
        name, stride = f"blocks.{k}", 2 if k in (2, 4, 6) else 1
        z = normed(f"{name}.convolutions.0", y, stride).relu()
        z = normed(f"{name}.convolutions.1", z)
        y = normed(f"{name}.shortcut", y, stride) if stride == 2 else y
        y = (y + z).relu()
    return dense(s, ["head.0", "head.2"], y.mean(2))


def oncopersistnet(s: State, x):
    y = conv(s, "convolution", x.unsqueeze(1), padding="valid").relu()
    y = pool(batch_norm(s, "norm", y), 2, padding="valid").mT
    y = cell(s, "lstms.1", cell(s, "lstms.0", y))[:, -1]
    return dense(s, ["dense", "head"], y)


def senseqnet(s: State, x):
    for layer in range(4):  # one step from a state of zeros, in both directions
        outputs = []
        for end in ("", "_reverse"):
            kernel, *biases = (
                s[f"lstm.{p}_l{layer}{end}"] for p in ("weight_ih", "bias_ih", "bias_hh")
            )
            i, _, g, o = (x @ kernel.T + sum(biases)).chunk(4, dim=1)
            outputs.append(o.sigmoid() * (i.sigmoid() * g.tanh()).tanh())
        x = torch.cat(outputs, dim=1)
    y = x.unsqueeze(1)
    for k in (1, 2, 3):
        kernel = s[f"conv{k}.weight"].squeeze(3)
        y = F.conv1d(F.pad(y, (1, 1)), kernel, s[f"conv{k}.bias"])
        y = F.max_pool1d(batch_norm(s, f"bn{k}", y, 1e-5).relu(), 2)
    return dense(s, ["fc"], y.flatten(1))


# Windows and features ------------------------------------------------------------------------


def original_window(chromosome: str, start: int, end: int, minus: bool):
    """The one-hot window of deepCRE and LCRE, codons hidden; None where it passes an end."""
    ends = (end, start) if minus else (start, end)
    outer = [(ends[0] - 500, ends[0] + 1000), (ends[1] - 1000, ends[1] + 500)]
    inner = [(ends[0] - 1000, ends[0] + 500), (ends[1] - 500, ends[1] + 1000)]
    spans = outer if minus else inner
    if min(low for low, _ in spans) <= 0 or max(high for _, high in spans) > len(chromosome):
        return None
    halves = [one_hot(chromosome[low:high]) for low, high in spans]
    halves = [half[::-1, ::-1] for half in halves] if minus else halves
    window = np.concatenate([halves[0], np.zeros((20, 4)), halves[1]])
    window[1000:1003] = window[2017:2020] = 0
    return window


def one_hot(text: str):
    return np.array([[base == letter for letter in "ACGT"] for base in text], dtype=float)


def original_dde(text: str):
    letters, pairs = "ACDEFGHIKLMNPQRSTVWY", len(text) - 1
    share = {x: text.count(x) / len(text) for x in letters}
    return {a + b: (text.count(a + b) - share[a] * share[b] * pairs) / pairs
            for a in letters for b in letters}  # fmt: skip


def original_gtpc(text: str):
    groups = ("GAVLMI", "FWY", "KRH", "DE", "STNQ")
    words = [text[k : k + 3] for k in range(len(text) - 2)]
    return [sum(all(x in group for x in word) for word in words) / len(words) for group in groups]
