"""The published MultiLoc networks: their sizes, and what Keras would make of one protein."""

import pytest
import torch
import torch.nn.functional as F

from cistron.base.errors import InputError
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.models.cnn import CNNSettings
from cistron.models.fixed_length import fill_up, require_length
from cistron.models.published.multiloc_cnn import MultiLocCNNSettings
from cistron.models.published.multiloc_cnn_lstm import MultiLocCNNLSTMSettings
from cistron.models.published.multiloc_resnet import MultiLocResNetSettings

PUBLISHED = [  # at (400, 20) and 10 classes, as Keras' summary counts: moving averages included
    (MultiLocCNNSettings(variant=1), 812_394),
    (MultiLocCNNSettings(variant=2), 1_673_194),
    (MultiLocCNNSettings(variant=3), 3_312_106),
    (MultiLocCNNSettings(variant=4), 6_716_234),
    (MultiLocCNNLSTMSettings(), 293_066),
    (MultiLocResNetSettings(variant=1), 4_000_714),
    (MultiLocResNetSettings(variant=2), 6_099_274),
    (MultiLocResNetSettings(variant=3), 769_802),
    (MultiLocResNetSettings(variant=4), 1_013_066),
]


PUBLISHED_AT_400 = [
    MultiLocCNNLSTMSettings(length=400),
    *(MultiLocCNNSettings(variant=v, empty="read") for v in (1, 2, 3, 4)),
    *(MultiLocResNetSettings(variant=v, length=400) for v in (1, 2, 3, 4)),
]


@pytest.mark.parametrize(("settings", "count"), PUBLISHED)
def test_sizes_are_the_published_ones(settings, count):
    network = settings.build(20, 10)
    moving = [b for name, b in network.named_buffers() if "running" in name]
    assert sum(t.numel() for t in [*network.parameters(), *moving]) == count


def protein(length=400, channels=20):
    return torch.rand(1, length, channels), torch.ones(1, length, dtype=torch.bool)


def shaken(network):
    """Return the network in evaluation with biases and moving averages that are not trivial."""
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if "running" in name or name.endswith("bias"):
                tensor.uniform_(0.5, 1.5)
    return network.eval()


def valid_layers(blocks, x, positions):
    """Return x, shape (1, channels, time), behind the layers; blank where no window sees it."""
    for block in blocks:
        y = F.conv1d(x, block.convolution.weight, block.convolution.bias).relu()
        y[:, :, positions:] = 0
        x, positions = F.max_pool1d(y, 2), -(-positions // 2)
        x[:, :, positions:] = 0
    return x, positions


@pytest.mark.parametrize("variant", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [400, 211, 1])
@torch.no_grad()
def test_cnn(variant, length):
    network = shaken(MultiLocCNNSettings(variant=variant).build(20, 10))
    x, mask = protein(length)
    y = F.pad(x, (0, 0, 0, 400 - length)).transpose(1, 2)
    y, _ = valid_layers(network.blocks, y, length)
    y = y.transpose(1, 2).reshape(1, -1)  # Keras flattens position by position
    dense = [layer for layer in network.head if isinstance(layer, torch.nn.Linear)]
    for layer in dense[:-1]:
        y = (y @ layer.weight.T + layer.bias).relu()
    expected = y @ dense[-1].weight.T + dense[-1].bias
    torch.testing.assert_close(network(x, mask), expected)


@torch.no_grad()
def test_dropout_follows_the_hidden_layers_of_the_publication():
    kinds = [
        [type(layer).__name__[:2] for layer in MultiLocCNNSettings(variant=v).build(20, 10).head]
        for v in (1, 2, 3)
    ]
    assert kinds[0] == ["Li", "Re", "Dr", "Li"]
    assert kinds[1] == ["Li", "Re", "Dr", "Li", "Re", "Li"]
    assert kinds[2] == ["Li", "Re", "Dr", "Li", "Re", "Dr", "Li", "Re", "Li"]


@pytest.mark.parametrize("length", [400, 87, 1])
@torch.no_grad()
def test_cnn_lstm(length):
    network = shaken(MultiLocCNNLSTMSettings().build(20, 10))
    x, mask = protein(length)
    y = F.pad(x, (0, 0, 0, 20)).transpose(1, 2)  # empty positions behind it, as upstream
    y, steps = valid_layers(network.blocks, y, length)
    y = y.transpose(1, 2)[0, :steps]
    for layer in network.lstms:
        weights, recurrent = layer.lstm.weight_ih_l0, layer.lstm.weight_hh_l0
        kernel, bias = weights[:, :-1], weights[:, -1]
        assert bias.tolist() == [0.0] * 128 + [1.0] * 128 + [0.0] * 256
        state, memory, outputs = torch.zeros(128), torch.zeros(128), []
        for step in y:
            gates = kernel @ step + recurrent @ state + bias
            enter, forget, new, leave = gates.split(128)
            memory = forget.sigmoid() * memory + enter.sigmoid() * new.tanh()
            state = leave.sigmoid() * memory.tanh()
            outputs.append(state)
        y = torch.stack(outputs)
    expected = network.head[1](y[-1:])
    torch.testing.assert_close(network(x, mask), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("settings", PUBLISHED_AT_400, ids=lambda s: s.kind + str(s)[-3:])
@torch.no_grad()
def test_empty_positions_are_read_as_published(settings):
    """A protein of 87 residues is one of 400 whose last 313 are zeros, and counts as such."""
    network = shaken(settings.build(20, 10))
    x, mask = protein(87)
    whole, everywhere = F.pad(x, (0, 0, 0, 313)), torch.ones(1, 400, dtype=torch.bool)
    torch.testing.assert_close(network(x, mask), network(whole, everywhere))
    fixed = isinstance(settings, MultiLocCNNSettings)
    alone = settings.model_copy(update={"empty": "blank"} if fixed else {"length": None})
    other = alone.build(20, 10)
    other.load_state_dict(network.state_dict())
    assert (other.eval()(x, mask) - network(x, mask)).abs().max() > 1e-4
    with pytest.raises(InputError, match="encoder.max_length is 401"):
        require_length(ResiduesSettings(max_length=401), settings)


@torch.no_grad()
def test_the_recurrent_network_takes_98_steps_of_400():
    network = shaken(MultiLocCNNLSTMSettings(length=400).build(20, 10))
    steps = []
    network.lstms[0].register_forward_hook(lambda *args: steps.append(args[2].shape[1]))
    before = network(*protein(400))
    assert steps == [98]
    assert before.shape == (1, 10)


def same(x, weight, bias, stride):
    """Convolve as Keras does with padding `same`."""
    time, size = x.shape[2], weight.shape[2]
    total = max((-(-time // stride) - 1) * stride + size - time, 0)
    return F.conv1d(F.pad(x, (total // 2, total - total // 2)), weight, bias, stride)


def normed(layer, x, stride=1):
    y = same(x, layer.convolution.weight, layer.convolution.bias, stride)
    n = layer.norm
    return F.batch_norm(y, n.running_mean, n.running_var, n.weight, n.bias, eps=1e-3)


@pytest.mark.parametrize("variant", [1, 2, 3, 4])
@torch.no_grad()
def test_resnet(variant):
    network = shaken(MultiLocResNetSettings(variant=variant).build(20, 10))
    x, mask = protein()
    y = normed(network.stem, x.transpose(1, 2), 2).relu()
    y = F.max_pool1d(F.pad(y, (0, 1), value=-torch.inf), 3, 2)
    widths, repeats = (64, 128, 256, 512), (2, 3, 3, 3) if variant == 4 else (2, 2, 2, 2)
    blocks = iter(network.blocks)
    for width, repeat in zip(widths, repeats, strict=True):
        for number in range(repeat):
            block, stride = next(blocks), 2 if width > 64 and number == 0 else 1
            strides = [stride, 1, 1][: variant + 1] if variant < 3 else [1, stride, 1]
            z = y
            for turn, (layer, step) in enumerate(zip(block.convolutions, strides, strict=True)):
                z = normed(layer, z.relu() if turn else z, step)
            if width != y.shape[1] or stride == 2:
                y = normed(block.shortcut, y, stride)
            else:
                assert block.shortcut is None
            y = (y + z).relu()
    assert next(blocks, None) is None
    assert y.shape == (1, 512, 13)
    hidden, _, last = network.head
    expected = last(hidden(y.mean(2)).relu())
    torch.testing.assert_close(network(x, mask), expected, rtol=1e-4, atol=1e-4)


def test_a_longer_sample_is_refused_and_a_shorter_filled_up():
    x, mask = protein(7)
    y, inside = fill_up(x, mask, 9)
    assert y.shape == (1, 9, 20)
    assert inside.tolist() == [[True] * 7 + [False] * 2]
    wide = torch.cat([mask, torch.zeros(1, 5, dtype=torch.bool)], dim=1)
    cut, inside = fill_up(torch.rand(1, 12, 20), wide, 9)  # nothing but padding is cut off
    assert cut.shape == (1, 9, 20)
    assert inside.sum() == 7
    with pytest.raises(InputError, match=r"A sample has 7 positions, and this network reads 6\."):
        fill_up(x, mask, 6)


def test_an_encoder_that_gives_more_positions_is_refused():
    model, message = MultiLocCNNSettings(), "encoder.max_length is 401, and the network"
    with pytest.raises(InputError, match=message):
        require_length(ResiduesSettings(max_length=401), model)
    require_length(ResiduesSettings(max_length=400), model)
    require_length(ResiduesSettings(max_length=401), MultiLocCNNSettings(length=401))
    require_length(ResiduesSettings(max_length=401), CNNSettings())
