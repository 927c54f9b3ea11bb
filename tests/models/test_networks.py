"""What holds for every network, whatever its architecture."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cistron.base.encoded import InputShape
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.models.cnn import CNNSettings
from cistron.models.cnn_lstm import CNNLSTMSettings
from cistron.models.dilated_resnet import DilatedResNetSettings
from cistron.models.input import Network
from cistron.models.kinds import KINDS
from cistron.models.light_attention import LightAttentionSettings
from cistron.models.mlp import MLPSettings
from cistron.models.parallel_cnn_lstm import ParallelCNNLSTMSettings
from cistron.models.published.deepcre import DeepCRESettings
from cistron.models.published.deepdife import DeepDifESettings
from cistron.models.published.lcre import LCRESettings
from cistron.models.published.multiloc_cnn import MultiLocCNNSettings
from cistron.models.published.multiloc_cnn_lstm import MultiLocCNNLSTMSettings
from cistron.models.published.multiloc_resnet import MultiLocResNetSettings
from cistron.models.recurrent import BiLSTMSettings, LSTMSettings, RNNSettings
from cistron.models.residual_cnn import ResidualCNNSettings
from cistron.models.residual_mlp import ResidualMLPSettings
from cistron.models.resnet import ResNetSettings
from cistron.models.termini_attention import TerminiAttentionSettings
from cistron.models.termini_cnn import TerminiCNNSettings
from cistron.models.transformer import TransformerSettings
from cistron.samples.alphabet import DNA, PROTEIN

LETTERS = len(PROTEIN.letters)
ONE_HOT = InputShape("codes", 20, PROTEIN.shares, LETTERS)
EMBEDDING = InputShape("codes", 6, None, LETTERS)
CHANNELS = InputShape("channels", 5)
BOTH_STRANDS = InputShape("codes", 4, DNA.shares, len(DNA.letters), DNA.complement)
LENGTHS = (9, 1, 40, 2, 23)

READERS = [
    CNNSettings(),
    CNNSettings(kernel_size=4, pool_size=3, pooling="attention"),
    CNNSettings(blocks=5, pool_size=1, pooling="max"),
    ResNetSettings(),
    ResNetSettings(kernel_size=4, stages=6, blocks=1, filters=4, pooling="mean+max"),
    RNNSettings(),
    RNNSettings(layers=2, activation="relu", pooling="last"),
    LSTMSettings(),
    LSTMSettings(layers=2, pooling="attention"),
    BiLSTMSettings(),
    BiLSTMSettings(layers=2, pooling="last"),
    CNNLSTMSettings(),
    CNNLSTMSettings(pool_size=4, layers=2, pooling="last"),
    CNNLSTMSettings(bidirectional=False, pooling="last"),
    ParallelCNNLSTMSettings(),
    TransformerSettings(),
    TransformerSettings(pooling="mean+max", heads=2),
    LightAttentionSettings(),
    DilatedResNetSettings(),
    DilatedResNetSettings(pool_size=1, blocks=3, kernel_size=4),
    ResidualCNNSettings(),
    ResidualCNNSettings(pool_size=3, blocks=2, kernel_size=4),
    TerminiAttentionSettings(),
    TerminiAttentionSettings(blocks=1, kernel_size=4, motif_size=4),
    LightAttentionSettings(published=True),
    DeepCRESettings(length=40),
    LCRESettings(length=44),
    DeepDifESettings(length=50, convolutions=4),
    TerminiCNNSettings(),
    TerminiCNNSettings(blocks=2, kernel_size=4, pooling="attention"),
    MultiLocCNNSettings(variant=2, length=60),
    MultiLocCNNSettings(variant=2, length=60, empty="read"),
    MultiLocCNNLSTMSettings(),
    MultiLocCNNLSTMSettings(length=44),
    MultiLocResNetSettings(variant=3),
    MultiLocResNetSettings(variant=3, length=60),
]


def named(settings):
    changed = settings.model_dump(exclude_defaults=True)
    return "-".join([settings.kind, *(f"{key}={value}" for key, value in changed.items())])


every_reader = pytest.mark.parametrize("settings", READERS, ids=named)
every_shape = pytest.mark.parametrize(
    "shape", [ONE_HOT, EMBEDDING, CHANNELS, BOTH_STRANDS], ids=["one_hot", "embed", "float", "dna"]
)


def batch(shape, lengths=LENGTHS, longest=None, garbage=0, seed=0):
    """Return x, filled with garbage at padding, and lengths."""
    rng = np.random.default_rng(seed)
    time = longest or max(lengths)
    if shape.kind == "channels":
        x = torch.full((len(lengths), time, shape.width), float(garbage))
        rows = [torch.from_numpy(rng.normal(size=(n, shape.width))).float() for n in lengths]
    else:
        x = torch.full((len(lengths), time), garbage, dtype=torch.uint8)
        rows = [torch.from_numpy(rng.integers(0, shape.letters, n, dtype="u1")) for n in lengths]
    for number, row in enumerate(rows):
        x[number, : len(row)] = row
    return x, torch.tensor(lengths)


def garbage_of(shape):
    return [float("nan"), float("inf"), 1e9] if shape.kind == "channels" else [255, 17]


def warmed(shape, settings, outputs=3):
    """Return a network whose running statistics are not those it began with."""
    network = Network(shape, settings, outputs)
    network(*batch(shape, seed=1))
    return network.eval()


@every_shape
@every_reader
@torch.no_grad()
def test_a_sample_does_not_depend_on_its_batch(shape, settings):
    network = warmed(shape, settings)
    x, lengths = batch(shape)
    together = network(x, lengths)
    assert together.shape == (len(LENGTHS), 3)
    assert together.isfinite().all()
    for number, length in enumerate(LENGTHS):
        alone = network(x[number : number + 1, :length], lengths[number : number + 1])
        torch.testing.assert_close(alone[0], together[number], atol=1e-5, rtol=0)
    order = torch.tensor([3, 0, 4, 2, 1])
    shuffled = network(x[order], lengths[order])
    torch.testing.assert_close(shuffled, together[order], atol=1e-5, rtol=0)
    wider = network(*batch(shape, longest=77))
    torch.testing.assert_close(wider, together, atol=1e-5, rtol=0)


@every_shape
@every_reader
@pytest.mark.parametrize("training", [True, False])
def test_padding_influences_nothing(shape, settings, training):
    network = warmed(shape, settings).train(training)
    targets = torch.arange(len(LENGTHS)) % 3
    found = []
    for garbage in [0, *garbage_of(shape)]:
        torch.manual_seed(0)  # the same dropout
        x, lengths = batch(shape, longest=50, garbage=garbage)
        if shape.kind == "channels":
            x.requires_grad_()
        loss = F.cross_entropy(network(x, lengths), targets)
        network.zero_grad()
        loss.backward()
        gradients = [p.grad.clone() for p in network.parameters() if p.requires_grad]
        found.append((loss.detach(), *gradients))
        if shape.kind == "channels":
            padding = torch.arange(50) >= lengths[:, None]
            assert not x.grad[padding].any()
            assert x.grad[~padding].any()
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert torch.equal(a, b)


@every_reader
@torch.no_grad()
def test_both_strands_give_the_same(settings):
    network = warmed(BOTH_STRANDS, settings)
    x, lengths = batch(BOTH_STRANDS)
    other = network.reverse_complement(x, lengths)
    for number, length in enumerate(LENGTHS):
        text = DNA.text(x[number, :length].numpy())
        pairs = str.maketrans("ACGTNRYSWKMBDHV", "TGCANYRSWMKVHDB")
        assert DNA.text(other[number, :length].numpy()) == text.translate(pairs)[::-1]
    torch.testing.assert_close(network(x, lengths), network(other, lengths), atol=1e-5, rtol=0)
    one_strand = Network(InputShape("codes", 4, DNA.shares, len(DNA.letters)), settings, 3).eval()
    one_strand.body = network.body
    mean = (one_strand(x, lengths) + one_strand(other, lengths)) / 2
    torch.testing.assert_close(network(x, lengths), mean, atol=1e-5, rtol=0)


def lstm(inputs, hidden):
    return 4 * hidden * (inputs + hidden + 2)


def blocks(inputs, filters, size, number):
    return (inputs + (number - 1) * filters) * filters * size + number * 2 * filters


def residual(inputs, filters):
    shortcut = inputs * filters + 2 * filters if inputs != filters else 0
    return (inputs + filters) * filters * 3 + 4 * filters + shortcut


def dense(*widths):
    return sum((a + 1) * b for a, b in pairwise(widths))


def regulatory(channels):
    """Return the convolutions of deepcre: two of each width, over 8 positions."""
    widths = [channels, 64, 64, 128, 128, 64, 64]
    return sum((8 * a + 1) * b for a, b in pairwise(widths))


PARAMETERS = {  # reading 20 channels, with 2 outputs
    "cnn": blocks(20, 64, 9, 3) + 128 * 2 + 2,
    "resnet": blocks(20, 32, 7, 1)
    + sum(residual(32 * max(k // 2, 1), 32 * k) + residual(32 * k, 32 * k) for k in (1, 2, 4))
    + 256 * 2
    + 2,
    "rnn": 128 * (20 + 128 + 2) + 256 * 2 + 2,
    "lstm": lstm(20, 128) + 256 * 2 + 2,
    "bilstm": 2 * lstm(20, 64) + 256 * 2 + 2,
    "cnn_lstm": blocks(20, 64, 9, 3) + 2 * lstm(64, 64) + 256 * 2 + 2,
    "parallel_cnn_lstm": blocks(20, 64, 9, 3) + 2 * lstm(20, 64) + 2 * 256 + (128 + 256) * 2 + 2,
    "transformer": 21 * 64 + 2 * (12 * 64 * 64 + 13 * 64) + 2 * 64 + 65 + 64 * 2 + 2,
    "light_attention": 2 * 20 + 2 * (20 * 9 + 1) * 128 + 257 * 32 + 2 * 32 + 33 * 2,
    "dilated_resnet": blocks(20, 64, 15, 1)
    + 6 * (64 * 64 * 3 + 64 * 64 + 64 + 2 * 2 * 64)
    + 2 * 64
    + 65 * 64
    + 129 * 2,
    "residual_cnn": blocks(20, 128, 15, 1)
    + 3 * blocks(128, 128, 5, 1)
    + dense(128, 128)
    + 2 * 256
    + dense(256, 2),
    "termini_attention": 2 * 20
    + blocks(20, 64, 9, 1)
    + 3 * blocks(64, 64, 3, 1)
    + dense(64, 64)
    + (2 + 64) * (14 * 64 + 1)
    + 2 * 64
    + dense(64, 2),
    "deepcre": regulatory(20) + dense(384, 128, 64, 1),
    "lcre": regulatory(20) + 2 * 64 + 4 * 64 * (64 + 64 + 1) + dense(384, 128, 64, 1),
    "deepdife": (20 * 12 + 1) * 64 + (6 * 64 + 1) * (64 + 32) + dense(96, 256, 128, 1),
    "keras": (20 * 12 + 1) * 64 + 65,
    "termini_cnn": blocks(20, 128, 9, 1) + (14 * 148 + 1) * (128 + 2) + 128 + 129 * 2,
    "multiloc_cnn": 812_394 - 8 * 129,  # as published, with 2 outputs instead of 10
    "multiloc_cnn_lstm": 293_066 - 8 * 129,
    "multiloc_resnet": 4_000_714 - 8 * 257 - 9_600,  # and without its moving averages
    "residual_mlp": 2 * 20 + dense(20, 128) + 2 * (256 + dense(128, 128)) + 256 + dense(128, 2),
    "mlp": 21 * 128 + 129 * 128 + 2 * 2 * 128 + 129 * 2,
}
TOTALS = {
    "cnn": 85_890,
    "resnet": 244_802,
    "rnn": 19_714,
    "lstm": 77_314,
    "bilstm": 44_546,
    "cnn_lstm": 152_706,
    "parallel_cnn_lstm": 130_946,
    "transformer": 101_635,
    "light_attention": 54_730,
    "residual_cnn": 302_722,
    "termini_attention": 112_556,
    "residual_mlp": 36_778,
    "dilated_resnet": 124_098,
    "deepcre": 396_033,
    "lcre": 429_185,
    "deepdife": 110_241,
    "keras": 15_489,
    "termini_cnn": 293_172,
    "multiloc_cnn": 811_362,
    "multiloc_cnn_lstm": 292_034,
    "multiloc_resnet": 3_989_058,
    "mlp": 19_970,
}
PUBLISHED = (
    "senseqnet",
    "vector_",
    "oncopersistnet",
    "pooled_bilstm",
    "gene_attention",
)  # networks over one vector have a file of their own
NETWORKS = [
    kind for kind in KINDS if kind.family == "network" and not kind().kind.startswith(PUBLISHED)
]


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind().kind)
def test_parameter_counts_of_the_defaults(kind):
    outputs = 1 if kind().single_logit else 2
    body = kind().build(20, outputs)
    count = sum(p.numel() for p in body.parameters() if p.requires_grad)
    assert count == PARAMETERS[kind().kind] == TOTALS[kind().kind]


@every_shape
@every_reader
@torch.no_grad()
def test_the_state_is_plain_tensors_that_load_strictly(shape, settings):
    network = warmed(shape, settings)
    state = network.state_dict()
    assert all(type(value) is torch.Tensor for value in state.values())
    assert all(part.isidentifier() or part.isdigit() for key in state for part in key.split("."))
    again = Network(shape, settings, 3).eval()
    x, lengths = batch(shape)
    assert not torch.equal(again(x, lengths), network(x, lengths))
    again.load_state_dict(state, strict=True)
    assert torch.equal(again(x, lengths), network(x, lengths))
    assert ("table" in state) == (shape.table is not None)


@every_reader
def test_initial_weights_follow_the_global_seed(settings):
    first, again, other = (_initial(settings, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def _initial(settings, seed):
    torch.manual_seed(seed)
    return list(Network(ONE_HOT, settings, 2).parameters())


@every_reader
def test_half_precision_trains(settings):
    network = Network(ONE_HOT, settings, 2)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(*batch(ONE_HOT))
    F.cross_entropy(logits.float(), torch.tensor([0, 1, 0, 1, 0])).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.requires_grad)


def planted(n=64, motif="WCHWC", seed=0):
    """Return codes of proteins, every second of which has the motif, lengths and targets."""
    rng = np.random.default_rng(seed)
    letters = [PROTEIN.letters.index(letter) for letter in motif]
    lengths = rng.integers(15, 40, n)
    codes = rng.integers(0, 20, (n, 40), dtype=np.uint8)
    for row in range(1, n, 2):
        start = rng.integers(0, lengths[row] - len(motif) + 1)
        codes[row, start : start + len(motif)] = letters
    return torch.from_numpy(codes), torch.from_numpy(lengths), torch.arange(n) % 2


def train(network, x, lengths, targets, enough, steps=300):
    """Train on all samples at once until `enough` of them are right; return the share."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(steps):
        network.train()
        loss = F.cross_entropy(network(x, lengths), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracy = right(network, x, lengths, targets)
        if accuracy > enough:
            break
    return accuracy


@torch.no_grad()
def right(network, x, lengths, targets):
    network.eval()
    return (network(x, lengths).argmax(1) == targets).float().mean().item()


SHORT: dict[str, Any] = {"length": 40}
SMALLER: dict[str, dict[str, Any]] = {
    "multiloc_resnet": {"variant": 3},  # a fifth of the parameters of the first
    "deepcre": SHORT,
    "lcre": SHORT,
    "deepdife": SHORT,
    "keras": SHORT,
}


@pytest.mark.parametrize("kind", [k for k in NETWORKS if k.reads == "positions"])
def test_every_network_learns_a_planted_motif(kind):
    settings = kind(**SMALLER.get(kind().kind, {}))
    assert train(Network(ONE_HOT, settings, 2), *planted(), enough=0.95, steps=900) > 0.95


BY_HEART = [CNNSettings, ResidualCNNSettings, TerminiAttentionSettings, LightAttentionSettings]


@pytest.mark.parametrize("kind", BY_HEART, ids=lambda kind: kind().kind)
def test_a_small_set_of_blosum62_rows_is_learned_by_heart(kind):
    """At usual steps and batches, ten classes without a pattern; the published ReLU dies."""
    assert learned_by_heart(kind()) > 0.9


def test_the_published_light_attention_learns_little_by_heart():
    assert learned_by_heart(LightAttentionSettings(published=True)) < 0.6


def learned_by_heart(settings, epochs=30):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.integers(0, 20, (40, 120), dtype=np.uint8))
    lengths = torch.from_numpy(rng.integers(80, 121, 40))
    targets = torch.arange(40) % 10
    network = Network(ResiduesSettings(**{"as": "blosum62"}).shape(), settings, 10)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(40).split(16):
            loss = F.cross_entropy(network(x[rows], lengths[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if right(network, x, lengths, targets) == 1:
            break
    return right(network, x, lengths, targets)


@pytest.mark.parametrize(
    "kind",
    [
        CNNSettings,
        CNNLSTMSettings,
        LightAttentionSettings,
        DilatedResNetSettings,
        ResidualCNNSettings,
        TerminiAttentionSettings,
    ],
    ids=lambda kind: kind().kind,
)
def test_the_motif_is_found_in_new_sequences(kind):
    network = Network(ONE_HOT, kind(), 2)
    # The running statistics of ten batch norms, one behind the other, follow later.
    steps = 60 if kind is TerminiAttentionSettings else 25
    train(network, *planted(192), enough=1.1 if steps > 25 else 1, steps=steps)
    assert right(network, *planted(400, seed=1)) > 0.8


@pytest.mark.parametrize("kind", [MLPSettings, ResidualMLPSettings], ids=lambda kind: kind().kind)
def test_a_perceptron_learns_and_reads_any_batch(kind):
    x = torch.randn(64, 10)
    targets = (x[:, 0] * x[:, 1] > 0).long()
    network = Network(InputShape("vector", 10), kind(), 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(150):
        loss = F.cross_entropy(network(x), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert network(x[:1]).shape == (1, 2)  # one sample, in training
    network.eval()
    with torch.no_grad():
        logits = network(x, None)
        assert (logits.argmax(1) == targets).float().mean() > 0.95
        torch.testing.assert_close(network(x[5:6]), logits[5:6])


def test_residual_mlp_reads_features_of_any_scale():
    """A feature of thousands hides none of thousandths, unlike in a network without scaling."""
    x = torch.randn(200, 20)
    targets = (x[:, 0] + x[:, 1] > 0).long()
    x = x * torch.logspace(-3, 3, 20)
    network = Network(InputShape("vector", 20), ResidualMLPSettings(), 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(100):
        loss = F.cross_entropy(network(x), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        assert (network(x).argmax(1) == targets).float().mean() > 0.9
