"""The published networks of regulatory DNA, against their papers' figures and PyTorch's own."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.encoders.one_hot import OneHotSettings
from cistron.models.dilated_resnet import DilatedResNetSettings
from cistron.models.input import Network
from cistron.models.keras.keras_layers import same_padding
from cistron.models.published.deepcre import DeepCRESettings
from cistron.models.published.deepdife import DeepDifESettings
from cistron.models.published.lcre import LCRESettings
from cistron.samples.samples import Sequences, make_samples
from cistron.training.examples import Examples
from cistron.training.fit import train
from cistron.training.settings import TrainingSettings

ONE_STRAND = OneHotSettings(both_strands=False).shape()
ROWS = OneHotSettings(both_strands="rows").shape()
AVERAGE = OneHotSettings(both_strands="average").shape()
PUBLISHED = [
    (DeepCRESettings(), 387_841),
    (LCRESettings(), 420_993),
    (DeepDifESettings(), 97_953),
]


def codes(n, length, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.integers(0, 5, (n, length), dtype=np.uint8))  # A, C, G, T, N
    return x, torch.full((n,), length)


@pytest.mark.parametrize(("settings", "parameters"), PUBLISHED, ids=lambda x: str(x)[:14])
def test_parameter_counts_are_the_published_ones(settings, parameters):
    network = Network(ONE_STRAND, settings, 2)
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == parameters


def test_same_padding_is_that_of_keras():
    # By hand: 3,020 positions in windows of 8 need 378 windows, 4 positions more than there are.
    assert same_padding(3020, 8, 8) == (2, 2)
    assert same_padding(378, 8, 8) == (3, 3)
    assert same_padding(48, 8, 8) == (0, 0)
    assert same_padding(3020, 8) == (3, 4)
    assert same_padding(101, 6, 6) == (0, 1)
    assert same_padding(17, 6, 6) == (0, 1)
    assert same_padding(5, 2, 4) == (0, 1)
    assert same_padding(9, 3, 1, 2) == (2, 2)


def convolve(state, name, x, stride=1):
    """Return a Keras convolution with `same`, channels first, written down independently."""
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    size, time = weight.shape[2], x.shape[2]
    total = max((-(-time // stride) - 1) * stride + size - time, 0)
    return F.conv1d(F.pad(x, (total // 2, total - total // 2)), weight, bias, stride=stride)


def pool(x):
    total = -(-x.shape[2] // 8) * 8 - x.shape[2]
    return F.max_pool1d(F.pad(x, (total // 2, total - total // 2), value=-1e30), 8)


def block(state, name, x):
    x = convolve(state, f"{name}.0", x).relu()
    return pool(convolve(state, f"{name}.2", x).relu())


def layers(state, names, x):
    for name in names[:-1]:
        x = F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"]).relu()
    return F.linear(x, state[f"{names[-1]}.weight"], state[f"{names[-1]}.bias"])


def lstm(state, x):
    """Return an LSTM's outputs, step by step, with gates i, f, c, o and one bias."""
    kernel, recurrent = state["lstm.cell.weight_ih_l0"], state["lstm.cell.weight_hh_l0"]
    bias, found = state["lstm.cell.bias_ih_l0"], []
    h = c = torch.zeros(len(x), 64)
    for step in x.unbind(1):
        i, f, g, o = (step @ kernel.T + h @ recurrent.T + bias).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        found.append(h)
    return torch.stack(found, dim=1)


def one_hot(x):
    return torch.eye(5)[x.long()][:, :, :4]


@pytest.mark.parametrize("length", [3020, 157])
@torch.no_grad()
def test_deepcre_is_the_published_network(length):
    network = Network(ONE_STRAND, DeepCRESettings(length=length), 2).eval()
    state, (x, lengths) = network.body.state_dict(), codes(2, length)
    y = one_hot(x).transpose(1, 2)
    for number in range(3):
        y = block(state, f"blocks.{number}", y)
    assert length != 3020 or y.shape == (2, 64, 6)
    z = layers(state, ["head.1", "head.4", "head.6"], y.transpose(1, 2).flatten(1))
    torch.testing.assert_close(network(x, lengths), torch.cat([0 * z, z], 1), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("length", [3020, 157])
@torch.no_grad()
def test_lcre_is_the_published_network(length):
    network = Network(ONE_STRAND, LCRESettings(length=length), 2).eval()
    for p in (network.body.norm.weight, network.body.norm.bias, network.body.lstm.cell.bias_ih_l0):
        p.copy_(torch.randn_like(p))
    state, (x, lengths) = network.body.state_dict(), codes(2, length)
    y = block(state, "motifs", one_hot(x).transpose(1, 2)).transpose(1, 2)
    mean, variance = y.mean(2, keepdim=True), y.var(2, keepdim=True, correction=0)
    y = (y - mean) / (variance + 1e-3).sqrt() * state["norm.weight"] + state["norm.bias"]
    assert length != 3020 or y.shape == (2, 378, 64)
    y = lstm(state, y).transpose(1, 2)
    for number in range(2):
        y = block(state, f"blocks.{number}", y)
    z = layers(state, ["head.1", "head.4", "head.6"], y.transpose(1, 2).flatten(1))
    torch.testing.assert_close(network(x, lengths), torch.cat([0 * z, z], 1), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("length", [620, 83])
@torch.no_grad()
def test_deepdife_is_the_published_network(length):
    network = Network(ONE_STRAND, DeepDifESettings(length=length), 2).eval()
    state, (x, lengths) = network.body.state_dict(), codes(3, length)
    first = (state["convolutions.0.weight"], state["convolutions.0.bias"])
    y = F.max_pool1d(F.conv1d(one_hot(x).transpose(1, 2), *first).relu(), 6)
    y = convolve(state, "convolutions.4", y, 6).relu()
    y = convolve(state, "convolutions.7", y, 6).relu()
    assert length != 620 or y.shape == (3, 32, 3)
    z = layers(state, ["head.1", "head.4", "head.6"], y.transpose(1, 2).flatten(1))
    torch.testing.assert_close(network(x, lengths), torch.cat([0 * z, z], 1), atol=1e-6, rtol=1e-5)


def test_new_weights_are_keras_s():
    network = LCRESettings().build(4, 1)
    bias = network.lstm.cell.bias_ih_l0
    assert bias[64:128].eq(1).all()
    assert bias.sum() == 64
    assert not network.lstm.cell.bias_hh_l0.any()
    assert not network.lstm.cell.bias_hh_l0.requires_grad
    recurrent = network.lstm.cell.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(64), atol=1e-5, rtol=0)
    limit = (6 / (8 * 64 + 8 * 128)) ** 0.5  # Glorot's
    weight = network.blocks[0][0].weight
    assert 0.99 * limit < weight.abs().max() <= limit


@torch.no_grad()
def test_one_output_tells_two_classes_apart_and_three_need_three():
    x, lengths = codes(4, 50)
    two = Network(ONE_STRAND, DeepDifESettings(length=50), 2).eval()
    z = two.body(*two.channels(x, lengths))
    assert z.shape == (4, 1)
    probabilities = two(x, lengths).softmax(1)
    torch.testing.assert_close(probabilities[:, 1:], z.sigmoid())
    assert Network(ONE_STRAND, DeepDifESettings(length=50), 3)(x, lengths).shape == (4, 3)
    labels = Network(ONE_STRAND, DeepDifESettings(length=50), 2, exclusive=False).eval()
    assert labels(x, lengths)[:, 0].all()  # of two labels, each has its own logit


@torch.no_grad()
def test_shorter_sequences_are_read_as_if_n_followed():
    encoder = OneHotSettings(max_length=60, both_strands=False).fit(None)
    texts = ["ACGTTGCA" * 4, "ACGTTGCA" * 4 + "N" * 28]
    x = encoder.encode(make_samples(Sequences.from_text(texts, "dna")))
    network = Network(encoder.shape, LCRESettings(length=60), 2).eval()
    short, long = (
        network(torch.from_numpy(x[k]).unsqueeze(0), torch.tensor([len(x[k])])) for k in (0, 1)
    )
    assert len(x[0]) == 32
    torch.testing.assert_close(short, long)


def test_longer_sequences_are_refused():
    network = Network(ONE_STRAND, DeepCRESettings(length=30), 2)
    with pytest.raises(InputError, match=r"has 31 positions, and this network reads 30"):
        network(*codes(2, 31))
    texts = ["".join(np.random.default_rng(k).choice(list("ACGT"), 30)) for k in range(20)]
    samples = make_samples(
        Sequences.from_text(texts, "dna"), labels=["low", "high"] * 10, classes=["low", "high"]
    )
    model, training = {"kind": "deepdife", "length": 30}, {"epochs": 1}
    with pytest.raises(InputError, match=r"encoder\.max_length is 31, and the network 'deepdife'"):
        Classifier({"kind": "one_hot", "max_length": 31}, model, training).fit(samples)
    encoder = {"kind": "one_hot", "max_length": 30, "both_strands": "rows"}
    assert Classifier(encoder, model, training).fit(samples).predict_proba(samples).shape == (20, 2)


@torch.no_grad()
def test_the_pooling_of_the_dilated_network_begins_as_mean_and_maximum():
    network = DilatedResNetSettings(filters=8, blocks=2).build(4, 3)
    network(torch.randn(3, 50, 4), torch.ones(3, 50, dtype=torch.bool))
    network.eval()
    x, mask = torch.randn(1, 61, 4), torch.ones(1, 61, dtype=torch.bool)
    y, short = network.motifs(x, mask)
    assert y.shape == (1, 16, 8)
    for number, part in enumerate(network.blocks):
        z = F.batch_norm(y.mT, *statistics(part.norm1)).relu()
        z = F.conv1d(z, part.wide.weight, dilation=2**number, padding=2**number)
        z = F.batch_norm(z, *statistics(part.norm2)).relu().mT
        expected = y + part.mix(z)
        torch.testing.assert_close(part(y, short), expected, atol=1e-5, rtol=1e-4)
        y = expected
    y = F.batch_norm(y.mT, *statistics(network.norm)).relu()
    expected = network.head(torch.cat([y.mean(2), y.amax(2)], dim=1))
    torch.testing.assert_close(network(x, mask), expected, atol=1e-5, rtol=1e-4)


def statistics(layer):
    return layer.running_mean, layer.running_var, layer.weight, layer.bias


class Scan(nn.Module):
    """Counts a letter: a network that both strands tell apart."""

    def forward(self, x, mask):
        return x.sum(dim=1)[:, :2]


def test_strands_are_rows_in_training_and_averaged_in_prediction():
    x, lengths = codes(3, 20)
    rows, average = (Network(shape, DeepDifESettings(length=20), 2) for shape in (ROWS, AVERAGE))
    rows.body = average.body = Scan()
    rows.single_logit = average.single_logit = False
    rows.train()
    both = rows(x, lengths)
    assert both.shape == (6, 2)
    letters = torch.stack([(x == code).sum(1) for code in range(4)], dim=1).float()
    assert torch.equal(both[:3], letters[:, :2])  # A, C
    assert torch.equal(both[3:], letters[:, [3, 2]])  # of the other strand: T, G
    rows.eval()
    assert torch.equal(rows(x, lengths), both.unflatten(0, (2, 3)).mean(0))
    assert torch.equal(average.train()(x, lengths), rows(x, lengths))


def test_training_on_rows_is_training_on_both_strands_as_samples():
    """One step on the batch with strands as rows is one step on sequences and complements."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 24)) for _ in range(8)]
    other = [text.translate(str.maketrans("ACGT", "TGCA"))[::-1] for text in texts]
    targets, weights = np.arange(8) % 2, np.linspace(0.5, 2, 8).astype(np.float32)
    settings = TrainingSettings(epochs=1, batch_size=16, warmup=0, device="cpu")
    found = []
    for shape, inputs, copies in ((ROWS, texts, 1), (ONE_STRAND, texts + other, 2)):
        torch.manual_seed(0)
        network = Network(shape, DeepDifESettings(length=24, dropout=0), 2)
        x = OneHotSettings().fit(None).encode(make_samples(Sequences.from_text(inputs, "dna")))
        examples = Examples(x, np.tile(targets, copies), np.tile(weights, copies))
        history = train(network, examples, examples, settings)
        found.append((history[0]["train_loss"], [p.detach() for p in network.parameters()]))
    (loss, ours), (expected_loss, expected) = found
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(
    ("value", "complement", "rows"),
    [(False, False, False), (True, True, False), ("average", True, False), ("rows", True, True)],
)
def test_the_choice_of_strands(value, complement, rows):
    shape = OneHotSettings(both_strands=value).shape()
    assert (shape.complement is not None, shape.strands_as_rows) == (complement, rows)
    assert OneHotSettings(**OneHotSettings(both_strands=value).document()).both_strands == value
