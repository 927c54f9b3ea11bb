"""SenSeqNet's networks over one vector: as published, to the last parameter."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from cistron.base.encoded import InputShape
from cistron.base.errors import InputError
from cistron.models.input import Network
from cistron.models.published.convolving import positions_left
from cistron.models.published.senseqnet import (
    SenSeqNetSettings,
    VectorBiLSTMSettings,
    VectorCNNLSTMSettings,
    VectorCNNSettings,
    VectorLSTMSettings,
    VectorParallelCNNLSTMSettings,
    VectorRNNSettings,
)

PUBLISHED = [
    SenSeqNetSettings(),
    VectorCNNSettings(),
    VectorRNNSettings(),
    VectorLSTMSettings(),
    VectorBiLSTMSettings(),
    VectorCNNLSTMSettings(),
    VectorParallelCNNLSTMSettings(),
]
SMALL = [
    SenSeqNetSettings(hidden=16, layers=2, filters=(3, 4, 5)),
    VectorCNNSettings(filters=(3, 4, 5), hidden=(7, 6)),
    VectorRNNSettings(units=8, layers=2, hidden=(7, 6)),
    VectorLSTMSettings(hidden=8, layers=2),
    VectorBiLSTMSettings(hidden=8, layers=2),
    VectorCNNLSTMSettings(filters=(3, 4, 5), hidden=8),
    VectorParallelCNNLSTMSettings(filters=(3, 4, 5), hidden=8, layers=2),
]
FEATURES = 60


def by_kind(settings):
    return pytest.mark.parametrize("settings", settings, ids=lambda s: s.kind)


def convolution(inputs, filters, size):
    return inputs * filters * size + filters


def convolutions(filters, sizes):
    return sum(
        convolution(*widths, size)
        for *widths, size in zip((1, *filters), filters, sizes, strict=False)
    )


def linear(*widths):
    return sum((a + 1) * b for a, b in pairwise(widths))


def norm(*widths):
    return 2 * sum(widths)


def lstm(inputs, hidden, layers, directions):
    """Four gates; two biases each; a layer above the first reads every direction below it."""
    widths = [inputs] + [directions * hidden] * (layers - 1)
    return sum(directions * 4 * hidden * (width + hidden + 2) for width in widths)


A, B = (76, 111, 487), (79, 111, 180)
PARAMETERS = {  # kind → features → count by hand; 60 positions are left of 480, 160 of 1,280, …
    "senseqnet": lambda d: (
        lstm(d, 181, 4, 2) + norm(362) + convolutions(A, (6, 4, 5)) + norm(*A) + linear(487 * 43, 2)
    ),
    "vector_cnn": lambda d: (
        convolutions(B, (3, 7, 6)) + norm(*B) + linear(180 * {480: 111, 1280: 311}[d], 512, 256, 2)
    ),
    "vector_rnn": lambda d: 232 * (d + 232 + 2) + norm(232) + linear(232, 512, 256, 2),
    "vector_lstm": lambda d: lstm(d, 427, 5, 1) + linear(427, 2),
    "vector_bilstm": lambda d: lstm(d, 250, 4, 2) + norm(500) + linear(500, 2),
    # Of the published 1.94 M / 2.11 M, whether or not the unused norms (1,348) are counted.
    "vector_cnn_lstm": lambda d: (
        convolutions(A, (6, 4, 5))
        + lstm({480: 58, 1280: 158}[d], 218, 2, 2)
        + norm(436)
        + linear(436, 2)
    ),
    "vector_parallel_cnn_lstm": lambda d: (
        lstm(d, 255, 4, 2)
        + norm(510)
        + convolutions(A, (6, 4, 5))
        + norm(*A)
        + linear(487 * {480: 58, 1280: 158}[d] + 510, 2)
    ),
}
PRINTED = {  # in millions, to the digits that are known of the published networks
    "senseqnet": ("3.68", "4.835019"),
    "vector_cnn": ("10.54", "28.98"),
    "vector_rnn": ("0.417", "0.603"),
    "vector_lstm": ("7.40", "8.77"),
    "vector_bilstm": ("5.98", "7.58"),
    "vector_cnn_lstm": ("1.94", "2.11"),
    "vector_parallel_cnn_lstm": ("6.56", "8.29"),
}


@by_kind(PUBLISHED)
def test_parameters_are_the_published_number(settings):
    for features, printed in zip((480, 1280), PRINTED[settings.kind], strict=True):
        with torch.device("meta"):
            network = settings.build(features, 2)
        count = sum(p.numel() for p in network.parameters())
        assert count == PARAMETERS[settings.kind](features)
        assert f"{count / 1e6:.{len(printed.split('.')[1])}f}" == printed


def test_senseqnet_has_the_tensors_of_the_published_checkpoint():
    with torch.device("meta"):
        shapes = {
            k: tuple(v.shape) for k, v in SenSeqNetSettings().build(1280, 2).state_dict().items()
        }
    assert len(shapes) == 60
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 4_837_095
    assert shapes["lstm.weight_ih_l0"] == shapes["lstm.weight_ih_l0_reverse"] == (724, 1280)
    assert shapes["lstm.weight_ih_l3_reverse"] == (724, 362)
    assert shapes["lstm.weight_hh_l3"] == (724, 181)
    assert shapes["lstm.bias_hh_l0"] == (724,)
    assert shapes["bn.running_var"] == (362,)
    assert shapes["conv1.weight"] == (76, 1, 6, 1)
    assert shapes["conv2.weight"] == (111, 76, 4, 1)
    assert shapes["conv3.weight"] == (487, 111, 5, 1)
    assert shapes["bn3.num_batches_tracked"] == ()
    assert shapes["fc.weight"] == (2, 20_941)


def one_step(state, x, layer=0, prefix="lstm."):
    """Return what LSTM layers make of a sequence of length 1, without recurrent weights."""
    if f"{prefix}weight_ih_l{layer}" not in state:
        return x
    directions = []
    for way in ("", "_reverse"):
        name = f"_l{layer}{way}"
        if f"{prefix}weight_ih{name}" in state:
            bias = state[f"{prefix}bias_ih{name}"] + state[f"{prefix}bias_hh{name}"]
            gates = x @ state[f"{prefix}weight_ih{name}"].T + bias
            entry, _, cell, out = gates.chunk(4, dim=1)
            directions.append(out.sigmoid() * (entry.sigmoid() * cell.tanh()).tanh())
    return one_step(state, torch.cat(directions, dim=1), layer + 1, prefix)


def normed(state, x, name):
    scale = state[f"{name}.weight"] / (state[f"{name}.running_var"] + 1e-5).sqrt()
    shift = state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale
    return x * scale.view(1, -1, *[1] * (x.ndim - 2)) + shift.view(1, -1, *[1] * (x.ndim - 2))


def slid(state, x, padding, pooled=(True, True, True)):
    """Return shape (batch, filters, positions): the three convolutions along the vector."""
    x = x.unsqueeze(1)
    for number, pool in enumerate(pooled, start=1):
        x = F.conv1d(
            x, state[f"conv{number}.weight"][..., 0], state[f"conv{number}.bias"], padding=padding
        )
        x = (normed(state, x, f"bn{number}") if f"bn{number}.weight" in state else x).relu()
        x = F.max_pool1d(x, 2) if pool else x
    return x


def linears(state, x):
    for number in (1, 2, 3):
        x = x if number == 1 else x.relu()
        x = x @ state[f"fc{number}.weight"].T + state[f"fc{number}.bias"]
    return x


def by_hand(kind, state, x):
    """Return a network's logits, written down from its description alone."""

    def out(x):
        return x @ state["fc.weight"].T + state["fc.bias"]

    if kind == "senseqnet":
        return out(slid(state, one_step(state, x), 1).flatten(1))
    if kind == "vector_cnn":
        return linears(state, slid(state, x, 0, (True, True, False)).flatten(1))
    if kind == "vector_rnn":
        for layer in (0, 1):
            bias = state[f"rnn.bias_ih_l{layer}"] + state[f"rnn.bias_hh_l{layer}"]
            x = (x @ state[f"rnn.weight_ih_l{layer}"].T + bias).relu()
        return linears(state, normed(state, x, "bn1"))
    if kind == "vector_lstm":
        return out(one_step(state, x))
    if kind == "vector_bilstm":
        return out(normed(state, one_step(state, x), "bn"))
    assert kind == "vector_parallel_cnn_lstm"
    read = normed(state, one_step(state, x), "bn")
    return out(torch.cat([slid(state, x, 1).flatten(1), read], dim=1))


def moved(settings, features=FEATURES, outputs=3):
    """Return a network in evaluation whose running statistics are not those it began with."""
    network = Network(InputShape("vector", features), settings, outputs)
    network(torch.randn(32, features))
    return network.eval()


@by_kind([settings for settings in SMALL if settings.kind != "vector_cnn_lstm"])
@torch.no_grad()
def test_each_is_what_its_description_says(settings):
    network, x = moved(settings), torch.randn(5, FEATURES)
    expected = by_hand(settings.kind, network.body.state_dict(), x)
    torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_cnn_lstm_walks_from_filter_to_filter():
    network, x = moved(SMALL[5]), torch.randn(5, FEATURES)
    state = network.body.state_dict()
    steps = slid(state, x, 1)  # filters are the steps
    assert steps.shape == (5, 5, positions_left(FEATURES, (6, 4, 5), (True,) * 3, 1))
    read = network.body.lstm(steps)[0][:, -1]
    expected = normed(state, read, "bn") @ state["fc.weight"].T + state["fc.bias"]
    torch.testing.assert_close(network(x), expected)


@by_kind(SMALL)
def test_learns_and_reads_any_batch(settings):
    network = Network(InputShape("vector", FEATURES), settings, 2)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    x = torch.randn(96, FEATURES)
    targets = (x[:, :4].sum(1) > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for step in range(300):
        loss = F.cross_entropy(network(x), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step > 50 and loss < 0.1:  # by then the running statistics have followed
            break
    assert network(x[:1]).shape == (1, 2)  # one sample, in training
    network.eval()
    with torch.no_grad():
        logits = network(x)
        assert (logits.argmax(1) == targets).float().mean() > 0.9
        torch.testing.assert_close(network(x[5:6]), logits[5:6], atol=1e-5, rtol=1e-5)
    unmoved = {name for name, p in network.named_parameters() if torch.equal(p, before[name])}
    recurrent = {name for name in before if "weight_hh" in name}
    if settings.kind == "vector_cnn_lstm":
        recurrent = {name for name in recurrent if name.endswith("l1_reverse")}
    unused = {"body.bn.weight", "body.bn.bias"} if settings.kind == "senseqnet" else set()
    assert unmoved == recurrent | unused


@by_kind(SMALL)
def test_half_precision_trains(settings):
    network = Network(InputShape("vector", FEATURES), settings, 2)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.randn(6, FEATURES))
    F.cross_entropy(logits.float(), torch.tensor([0, 1] * 3)).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        (VectorCNNSettings(), 42),
        (VectorCNNLSTMSettings(), 21),
        (VectorParallelCNNLSTMSettings(), 21),
        (VectorCNNSettings(kernel_sizes=(1, 1, 1)), 8),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_a_vector_that_is_too_short_is_refused(settings, least):
    assert settings.build(least, 2)(torch.randn(1, least)).shape == (1, 2)
    with pytest.raises(
        InputError, match=f"at least {least} features, and the encoder gives {least - 1}"
    ):
        settings.build(least - 1, 2)


def test_senseqnet_needs_units_to_slide_over():
    with pytest.raises(ValidationError, match=r"hidden \(10\) must be at least 11"):
        SenSeqNetSettings(hidden=10)
    network = SenSeqNetSettings(hidden=11, layers=1).build(3, 2)
    assert network(torch.randn(1, 3)).shape == (1, 2)


def test_one_position_is_left_of_the_least_and_43_of_senseqnets():
    for features in range(21, 400):
        x = torch.zeros(1, features)
        for size in (6, 4, 5):
            x = F.max_pool1d(F.pad(x, (1, 1)).unfold(1, size, 1)[..., 0], 2)
        assert positions_left(features, (6, 4, 5), (True,) * 3, 1) == x.shape[1] >= 1
    assert positions_left(362, (6, 4, 5), (True,) * 3, 1) == 43
