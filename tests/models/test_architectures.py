"""Architectures agree with what PyTorch's own layers make of one sequence alone."""

import torch
import torch.nn.functional as F
from torch import nn

from cistron.models.cnn import CNNSettings
from cistron.models.light_attention import LightAttentionSettings
from cistron.models.residual_cnn import ResidualCNNSettings
from cistron.models.resnet import ResidualBlock, ResNetSettings
from cistron.models.transformer import SelfAttention, angles, rotate


def trained_a_little(network, channels=5):
    """Return the network in evaluation, its running statistics moved."""
    x, mask = torch.randn(4, 30, channels), torch.ones(4, 30, dtype=torch.bool)
    network(x, mask)
    return network.eval()


def norm(layer, y):
    return F.batch_norm(y, layer.running_mean, layer.running_var, layer.weight, layer.bias)


@torch.no_grad()
def test_cnn():
    settings = CNNSettings(filters=8, pool_size=3)
    network = trained_a_little(settings.build(5, 2))
    x = torch.randn(1, 31, 5)
    y = x.transpose(1, 2)
    for block in network.blocks:
        y = F.conv1d(y, block.convolution.weight, padding=4)
        y = F.max_pool1d(norm(block.norm, y).relu(), 3, ceil_mode=True)
    expected = network.head(torch.cat([y.mean(2), y.amax(2)], dim=1))
    torch.testing.assert_close(network(x, torch.ones(1, 31, dtype=torch.bool)), expected)


@torch.no_grad()
def test_light_attention():
    settings = LightAttentionSettings(filters=8, hidden=6, published=True)
    network = trained_a_little(settings.build(5, 2))
    x = torch.randn(1, 20, 5)
    values, scores = (
        F.conv1d(x.transpose(1, 2), layer.weight, layer.bias, padding=4)
        for layer in (network.values, network.scores)
    )
    joined = torch.cat([(values * scores.softmax(2)).sum(2), values.amax(2)], dim=1)
    first, _, _, batch_norm, last = network.head
    expected = last(norm(batch_norm, first(joined).relu()))
    torch.testing.assert_close(network(x, torch.ones(1, 20, dtype=torch.bool)), expected)


@torch.no_grad()
def test_light_attention_normalises_its_input_and_before_its_relu():
    network = trained_a_little(LightAttentionSettings(filters=8, hidden=6).build(5, 2))
    x, mask = torch.randn(1, 20, 5), torch.ones(1, 20, dtype=torch.bool)
    scaled = norm(network.scale, x.transpose(1, 2)).transpose(1, 2)
    values, scores = network.values(scaled, mask), network.scores(scaled, mask)
    joined = torch.cat([(values * scores.softmax(1)).sum(1), values.amax(1)], dim=1)
    first, batch_norm, _, _, last = network.head
    expected = last(norm(batch_norm, first(joined)).relu())
    torch.testing.assert_close(network(x, mask), expected)


@torch.no_grad()
def test_residual_cnn():
    network = trained_a_little(ResidualCNNSettings(filters=8, pool_size=3, blocks=2).build(5, 2))
    network.scores.weight.normal_()
    x = torch.randn(1, 31, 5)
    y = F.conv1d(x.transpose(1, 2), network.motifs.weight, padding=7)
    y = F.max_pool1d(F.gelu(norm(network.norm, y)), 3, ceil_mode=True)
    for dilation, block in enumerate(network.blocks, start=1):
        seen = F.conv1d(y, block.convolution.weight, padding=2 * dilation, dilation=dilation)
        y = y + F.gelu(norm(block.norm, seen))
    share = network.scores(y.transpose(1, 2)).softmax(1).transpose(1, 2)
    expected = network.head(torch.cat([(y * share).sum(2), y.amax(2)], dim=1))
    torch.testing.assert_close(network(x, torch.ones(1, 31, dtype=torch.bool)), expected)


@torch.no_grad()
def test_residual_block():
    x, mask = torch.randn(1, 20, 5), torch.ones(1, 20, dtype=torch.bool)
    for filters, stride in ((5, 1), (8, 2)):
        block = trained_a_little(ResidualBlock(5, filters, 3, stride))
        y = F.conv1d(x.transpose(1, 2), block.convolution1.weight, stride=stride, padding=1)
        y = F.conv1d(norm(block.norm1, y).relu(), block.convolution2.weight, padding=1)
        shortcut = x.transpose(1, 2)
        if stride == 2:
            shortcut = F.conv1d(shortcut, block.shortcut.weight, stride=2)
            shortcut = norm(block.shortcut_norm, shortcut)
        expected = (norm(block.norm2, y) + shortcut).relu().transpose(1, 2)
        torch.testing.assert_close(block(x, mask)[0], expected)


def test_resnet_doubles_its_filters_and_halves_its_positions():
    network = ResNetSettings(filters=4, stages=3, blocks=2).build(5, 2)
    shapes = [(b.convolution2.weight.shape[0], b.stride) for b in network.blocks]
    assert shapes == [(4, 1), (4, 1), (8, 2), (8, 1), (16, 2), (16, 1)]


@torch.no_grad()
def test_attention_without_rotation_is_pytorchs():
    ours, theirs = SelfAttention(8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.in_proj_weight.copy_(ours.queries_keys_values.weight)
    theirs.in_proj_bias.copy_(ours.queries_keys_values.bias)
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(3, 6, 8)
    mask = torch.arange(6) < torch.tensor([6, 1, 4])[:, None]
    unturned = torch.stack([torch.ones(6, 2), torch.zeros(6, 2)])
    expected = theirs(x, x, x, key_padding_mask=~mask)[0]
    torch.testing.assert_close(ours(x, mask, unturned)[mask], expected[mask])


def test_rotated_products_depend_on_the_distance_alone():
    query, key = torch.randn(2, 1, 8).expand(2, 30, 8)
    turned = angles(30, 8, torch.device("cpu"))
    products = rotate(query, turned) @ rotate(key, turned).T
    for distance in range(-29, 30):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert products[0].std() > 0.01
    torch.testing.assert_close(rotate(query, turned).norm(dim=1), query.norm(dim=1))
