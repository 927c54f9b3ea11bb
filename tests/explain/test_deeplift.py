"""The multipliers of DeepLIFT: known values, every network, and what is refused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cistron.base.errors import InputError
from cistron.explain.diagnose import layer_defects
from cistron.explain.inputs import Inputs
from cistron.explain.rules.deeplift import deeplift
from cistron.explain.rules.integrated_gradients import integrated_gradients
from cistron.models.keras.keras_layers import ACTIVATIONS
from cistron.models.kinds import KINDS
from cistron.models.layers import Pooling, Recurrent
from cistron.models.published.multiloc_cnn import MultiLocCNNSettings
from cistron.models.published.multiloc_cnn_lstm import MultiLocCNNLSTMSettings
from cistron.models.published.multiloc_resnet import MultiLocResNetSettings

NETWORKS = [kind for kind in KINDS if kind.family == "network"]
SMALL = {
    "deepcre": {"length": 40},
    "lcre": {"length": 40},
    "deepdife": {"length": 40},
    "keras": {"length": 40},
    "multiloc_cnn": {"length": 46},
    "vector_cnn_lstm": {"filters": (4, 5, 6), "hidden": 7},
    "senseqnet": {"layers": 2, "hidden": 20, "filters": (5, 6, 7)},
}


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Network(nn.Module):
    """A function with layers of its own."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.function(self, x)


def one(function, x, x0, **layers):
    """Return the multipliers of one sample and one reference."""
    x, x0 = (torch.as_tensor(v, dtype=torch.float64)[None] for v in (x, x0))
    network = Network(function, **layers).double()
    found = deeplift(network, x, x0[:, None], torch.ones(1, 1, dtype=torch.float64))
    return found.values[0, 0], found


def relative_error(found, x, references):
    total = (found.values * (x.unsqueeze(1) - references)).flatten(2).sum(2)
    missed = (total - found.difference).abs().mean(1)
    return (missed / found.difference.abs().mean(1)).max().item()


def settled(body):
    """Give batch normalisation the statistics of a trained network, and every weight a size."""
    for module in body.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
    for name, parameter in body.named_parameters():
        if not parameter.any():  # dilated_resnet begins with attention to nothing
            parameter.data.normal_(0, 0.3)
        assert parameter.any(), name
    return body.eval()


def sample_of(kind, channels=20):
    """Return x, references and mask: three ragged samples with four references each."""
    if kind.reads == "vector":
        return torch.randn(3, 48), torch.randn(3, 4, 48), None
    length, lengths = 40, torch.tensor([40, 33, 17])
    mask = torch.arange(length) < lengths[:, None]
    letters = torch.eye(channels)
    x = letters[torch.randint(channels, (3, length))] * mask[..., None]
    references = letters[torch.randint(channels, (3, 4, length))] * mask[:, None, :, None]
    return x, references, mask


EMPTY_READ = [
    MultiLocCNNSettings(length=46, empty="read"),
    MultiLocCNNLSTMSettings(length=44),
    MultiLocResNetSettings(variant=3, length=44),
]
EVERY = [*(kind(**SMALL.get(kind().kind, {})) for kind in NETWORKS), *EMPTY_READ]


@pytest.mark.parametrize("settings", EVERY, ids=lambda settings: settings.kind)
def test_contributions_add_up_in_every_network(settings):
    x, references, mask = sample_of(settings)
    outputs = 1 if settings.single_logit else 3
    body = settled(settings.build(x.shape[-1], outputs)).double()
    before = {name: value.clone() for name, value in body.state_dict().items()}
    x, references = x.double(), references.double()
    weights = torch.zeros(3, outputs, dtype=torch.float64)
    weights[:, -1] = 1

    found = deeplift(body, x, references, weights, mask)

    assert relative_error(found, x, references) < 1e-9
    given = (x,) if mask is None else (x, mask)
    torch.testing.assert_close(found.output, body(*given)[:, -1].detach())
    assert found.difference.abs().min() > 0
    if mask is not None:
        outside = ~mask[:, None].expand(-1, 4, -1)
        assert outside.any()
        assert not found.values[outside].any()
    # In single precision it is as good as its rounding: the default size of a network's output.
    single = deeplift(body.float(), x.float(), references.float(), weights.float(), mask)
    total = (single.values * (x.unsqueeze(1) - references)).flatten(2).sum(2)
    scale = found.output.abs().max().clamp(min=found.difference.abs().max())
    assert ((total - found.difference).abs() < 1e-4 * scale).all()
    # The network is what it was.
    body.double()
    assert all(torch.equal(before[name], value) for name, value in body.state_dict().items())
    assert all(parameter.grad is None for parameter in body.parameters())
    learned = [p.requires_grad for p in settings.build(x.shape[-1], outputs).parameters()]
    assert [p.requires_grad for p in body.parameters()] == learned
    assert not any(module.training for module in body.modules())


def test_training_mode_is_restored():
    body = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), nn.ReLU(), nn.Linear(2, 1))
    body[1].eval()
    x = torch.randn(2, 3)
    deeplift(body, x, torch.zeros(2, 1, 3), torch.ones(2, 1))
    assert [module.training for module in body] == [True, False, True, True]


# ---------------------------------------------------------------- known values


def test_rescale_of_relu():
    # relu(2 - 1) against relu(-1): a rise of 1 for a rise of 2 in front of it.
    values, _ = one(lambda n, x: (x[:, :1] + x[:, 1:] - 1).relu(), [2.0, 0.0], [0.0, 0.0])
    assert values.tolist() == [0.5, 0.5]


def test_relu_where_nothing_changes_is_its_derivative():
    values, _ = one(lambda n, x: F.relu(x).sum(1, keepdim=True), [1.0, -1.0, 0.0], [1.0, -1.0, 0.0])
    assert values.tolist() == [1, 0, 0]


def test_products_are_shared_half_and_half():
    # 3 * 5 - 1 * 1 = 14 = (5 + 1)/2 * 2 + (3 + 1)/2 * 4
    values, found = one(lambda n, x: x[:, :1] * x[:, 1:], [3.0, 5.0], [1.0, 1.0])
    assert values.tolist() == [3, 2]
    assert found.difference.item() == 14


def test_quotients_are_products_with_the_reciprocal():
    values, found = one(lambda n, x: x[:, :1] / x[:, 1:], [6.0, 3.0], [2.0, 1.0])
    # half-way 1/b is 2/3, half-way a is 4, the secant of 1/b is -1/3
    torch.testing.assert_close(values, torch.tensor([2 / 3, -4 / 3], dtype=torch.float64))
    assert found.difference.item() == 0


def test_maximum_rises_by_the_observed_and_falls_by_the_reference():
    def largest(n, x):
        return x.amax(dim=1, keepdim=True)

    values, _ = one(largest, [0.0, 5.0, 2.0], [1.0, 1.0, 3.0])  # 3 → 5: by the second, which rose 4
    assert values.tolist() == [0, 0.5, 0]
    values, _ = one(largest, [0.0, 1.0, 2.0], [4.0, 1.0, 0.0])  # 4 → 2: by the first, which fell 4
    assert values.tolist() == [0.5, 0, 0]
    values, _ = one(largest, [1.0, 0.0], [1.0, 0.0])  # the derivative
    assert values.tolist() == [1, 0]


def test_overlapping_windows_add_up():
    values, found = one(
        lambda n, x: F.max_pool1d(x[:, None], 3, 1)[:, 0].sum(1, keepdim=True),
        [0.0, 9.0, 1.0, 2.0, 0.0],
        [3.0, 1.0, 0.0, 0.0, 5.0],
    )
    # windows: 9 against 3, 9 against 1, 2 against 5
    torch.testing.assert_close(
        values, torch.tensor([0, (6 + 8) / 8, 0, 0, 3 / 5], dtype=torch.float64)
    )
    assert found.difference.item() == 11


def test_softmax_is_exact_and_bounded_at_any_score():
    values, found = one(
        lambda n, x: x.softmax(1)[:, :1], [900.0, 0.0, -900.0], [-900.0, 900.0, 0.0]
    )
    assert torch.isfinite(values).all()
    moved = torch.tensor([1800.0, -900, -900], dtype=torch.float64)
    torch.testing.assert_close((values * moved).sum(), found.difference.sum())
    # Close by, it is the derivative of softmax.
    x = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)
    values, _ = one(lambda n, x: x.softmax(1)[:, :1], x, x + 1e-9)
    y = x.softmax(0)
    torch.testing.assert_close(values, y[0] * (torch.eye(3)[0] - y), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS.keys() - {"softmax"}))
def test_activations_have_the_secant_of_the_function(name):
    function = ACTIVATIONS[name]
    x = torch.tensor([-3.0, -1e-4, 0.0, 0.5, 2.0, 30.0], dtype=torch.float64)
    x0 = torch.tensor([1.0, 1e-4, 0.0, 0.5 + 1e-7, -8.0, 29.0], dtype=torch.float64)
    values, _ = one(lambda n, x: function(x).sum(1, keepdim=True), x, x0)
    moved = function(x) - function(x0)
    torch.testing.assert_close(values * (x - x0), moved, rtol=1e-7, atol=1e-13)
    assert torch.isfinite(values).all()


@pytest.mark.parametrize("name", ["sqrt", "rsqrt", "reciprocal", "log", "square", "log1p", "erf"])
def test_functions_have_the_secant_of_the_function(name):
    function = getattr(torch, name)
    x = torch.tensor([0.3, 2.0, 1.0, 7.0], dtype=torch.float64)
    x0 = torch.tensor([0.4, 1e-3, 1.0 + 1e-8, 9.0], dtype=torch.float64)
    values, _ = one(lambda n, x: function(x).sum(1, keepdim=True), x, x0)
    torch.testing.assert_close(values * (x - x0), function(x) - function(x0), rtol=1e-7, atol=1e-13)


# ---------------------------------------------------------------- layers


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(5, 4, num_layers=2, bidirectional=True, batch_first=True),
        nn.LSTM(5, 4, bias=False, batch_first=True),
        nn.GRU(5, 4, num_layers=2, bidirectional=True, batch_first=True),
        nn.RNN(5, 4, batch_first=True),
        nn.RNN(5, 4, nonlinearity="relu", bidirectional=True, batch_first=True),
    ],
    ids=["lstm", "lstm_no_bias", "gru", "rnn", "rnn_relu"],
)
def test_recurrent_layers_are_those_of_torch(layer):
    network = Network(lambda n, x: n.layer(x)[0].flatten(1).sum(1, keepdim=True), layer=layer)
    x, references = torch.randn(2, 7, 5), torch.randn(2, 3, 7, 5)
    found = deeplift(network, x, references, torch.ones(2, 1))
    torch.testing.assert_close(found.output, network(x)[:, 0].detach(), rtol=1e-5, atol=1e-6)
    native = network(x).detach() - network(references.flatten(0, 1)).detach().view(2, 3)
    torch.testing.assert_close(found.difference, native, rtol=1e-4, atol=1e-6)
    assert relative_error(found, x, references) < 1e-4


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("pooling", ["last", "mean+max", "attention"])
def test_multipliers_of_padded_sequences_are_those_of_each_alone(cell, pooling):
    class Body(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Recurrent(cell, 3, 4, layers=2, bidirectional=True)
            self.pooling = Pooling(pooling, 8, bidirectional=True)
            self.head = nn.Linear(self.pooling.width, 1)

        def forward(self, x, mask):
            return self.head(self.pooling(self.layer(x, mask), mask))

    body = Body().double()
    x, references = torch.randn(2, 9, 3).double(), torch.randn(2, 2, 9, 3).double()
    mask = torch.arange(9) < torch.tensor([[9], [4]])
    weights = torch.ones(2, 1).double()
    both = deeplift(body, x, references, weights, mask)
    short = deeplift(body, x[1:, :4], references[1:, :, :4], weights[:1], mask[1:, :4])
    torch.testing.assert_close(both.values[1:, :, :4], short.values)
    assert not both.values[1, :, 4:].any()


def test_multipliers_close_to_a_reference_are_gradients():
    for kind in NETWORKS:
        settings = kind(**SMALL.get(kind().kind, {}))
        if settings.kind not in ("transformer", "bilstm", "light_attention"):
            continue
        x, _, mask = sample_of(kind)
        body = settled(settings.build(20, 2)).double()
        x = x.double() + 0.1 * torch.randn(x.shape, dtype=torch.float64)
        weights = torch.tensor([[0.0, 1.0]] * 3, dtype=torch.float64)
        near = x + 1e-7 * torch.randn(x.shape, dtype=torch.float64)
        found = deeplift(body, x, near[:, None], weights, mask)
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(body(leaf, mask)[:, 1].sum(), leaf)
        torch.testing.assert_close(found.values[:, 0], gradient, rtol=1e-3, atol=1e-6)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda n, x: x.sort(1).values[:, :1], "sort"),
        (lambda n, x: (x > 0).float().sum(1, keepdim=True), "gt"),
        (lambda n, x: x.detach().sum(1, keepdim=True), "detach"),
        (lambda n, x: torch.cumprod(x, 1)[:, :1], "cumprod"),
        (lambda n, x: x.clone().relu_()[:, :1], "relu_"),
        (lambda n, x: x.pow(0.3)[:, :1], "power of 0.3"),
        (lambda n, x: x[:, :1] if x.sum() > 0 else x[:, 1:2], "gt"),
        (lambda n, x: x.amax(0, keepdim=True), "one axis of each sample"),
        (lambda n, x: x.T.contiguous().tanh().T[:, :1], "samples apart"),
        (lambda n, x: F.dropout(x, 0.5, training=True)[:, :1], "training mode"),
    ],
)
def test_what_has_no_rule_is_refused(function, word):
    network = nn.Sequential(nn.Linear(3, 3), Network(function))
    with pytest.raises(InputError, match=rf"Layer 1 \(Network\): .*{word}.*integrated_gradients"):
        deeplift(network, torch.randn(2, 3), torch.randn(2, 4, 3), torch.ones(2, 1))


def test_packed_sequences_are_refused():
    def packed(n, x):
        lengths = torch.tensor([3] * len(x))
        pack = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        return n.layer(pack)[1][0][0]

    network = Network(packed, layer=nn.LSTM(2, 1, batch_first=True))
    with pytest.raises(InputError, match="not supported|supported in inference"):
        deeplift(network, torch.randn(2, 3, 2), torch.randn(2, 1, 3, 2), torch.ones(2, 1))


def test_the_layer_that_loses_is_named():
    class Forgetful(nn.Module):
        def forward(self, x):
            # Where all is above zero this hides a part of the derivative from autograd.
            return x * torch.ones_like(x) + Hidden.apply(x)

    class Hidden(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Forgetful(), nn.Linear(4, 1)).double()
    inputs = Inputs(torch.randn(1, 3).double(), torch.randn(1, 2, 3).double(), None)
    defects = layer_defects(network, inputs, torch.ones(1, 1).double())
    assert max(defects, key=defects.get) == "2 (Forgetful)"
    assert defects["1 (Tanh)"] < 1e-12


# ---------------------------------------------------------------- integrated gradients


def test_integrated_gradients_of_a_smooth_network_add_up():
    body = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    x, references = torch.randn(3, 4).double(), torch.randn(3, 2, 4).double()
    weights = torch.tensor([[0.0, 1.0]] * 3).double()
    found = integrated_gradients(body, x, references, weights, steps=32)
    assert relative_error(found, x, references) < 1e-6
    # By the definition, with many points.
    places = (np.arange(2000) + 0.5) / 2000
    point = torch.stack([references[0, 0] + p * (x[0] - references[0, 0]) for p in places])
    point.requires_grad_()
    (gradient,) = torch.autograd.grad(body(point)[:, 1].sum(), point)
    torch.testing.assert_close(found.values[0, 0], gradient.mean(0), rtol=1e-5, atol=1e-8)
