"""Masked layers agree with PyTorch's own on each sequence alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from cistron.models.layers import (
    BatchNorm,
    Convolution,
    ConvolutionBlock,
    MaxPool,
    Pooling,
    Recurrent,
    attend,
    gather,
    reversal,
)

LENGTHS = (1, 7, 2, 12, 5)


def padded(lengths=LENGTHS, channels=3, extra=2, garbage=float("nan"), seed=0):
    """Return x with garbage at padding, the mask, and the rows without padding."""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randn(n, channels, generator=generator) for n in lengths]
    x = torch.full((len(rows), max(lengths) + extra, channels), garbage)
    for number, row in enumerate(rows):
        x[number, : len(row)] = row
    mask = torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]
    return x, mask, rows


def close(a, b, tolerance=1e-5):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)])
def test_convolution_is_that_of_each_sequence_alone(size, stride, dilation):
    x, mask, rows = padded()
    layer = Convolution(3, 4, size, stride, dilation)
    nn.init.normal_(layer.bias)
    y, shorter = layer(x, mask), mask[:, ::stride]
    assert y.shape[:2] == shorter.shape
    reach = (size - 1) * dilation
    for number, row in enumerate(rows):
        alone = F.pad(row.T[None], (reach // 2, reach - reach // 2))
        expected = F.conv1d(alone, layer.weight, layer.bias, stride, 0, dilation)[0].T
        assert len(expected) == -(-len(row) // stride) == shorter[number].sum()
        close(y[number][shorter[number]], expected)


def test_convolution_of_stride_1_is_pytorchs_same_convolution():
    x, mask, rows = padded((6, 9), extra=0)
    layer = Convolution(3, 4, 4, dilation=2)
    y = layer(x, mask)
    for number, row in enumerate(rows):
        expected = F.conv1d(row.T[None], layer.weight, layer.bias, padding="same", dilation=2)
        close(y[number][mask[number]], expected[0].T)


def test_convolution_can_be_dilated_until_it_sees_one_position():
    x, mask, rows = padded((1,))
    layer = Convolution(3, 4, 3, dilation=5)
    close(layer(x, mask)[0, 0], rows[0][0] @ layer.weight[:, :, 1].T)


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    size=st.integers(1, 6),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_max_pool_is_that_of_each_sequence_alone(lengths, size, data):
    stride = data.draw(st.integers(1, size))
    x, mask, rows = padded(lengths)
    x -= 10  # so that a zero at padding would win
    y, shorter = MaxPool(size, stride)(x, mask), mask[:, ::stride]
    left = (size - stride) // 2
    for number, row in enumerate(rows):
        starts = [stride * i - left for i in range(-(-len(row) // stride))]
        windows = [row[max(start, 0) : start + size].amax(dim=0) - 10 for start in starts]
        assert torch.equal(y[number][shorter[number]], torch.stack(windows))
    assert y.isfinite().all()


def test_batch_norm_is_pytorchs_on_the_valid_positions():
    ours, theirs = BatchNorm(3), nn.BatchNorm1d(3)
    nn.init.normal_(ours.weight)
    nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    for seed in range(3):
        x, mask, rows = padded(seed=seed)
        x.requires_grad_()
        flat = torch.cat(rows).requires_grad_()
        a, b = ours(x, mask)[mask], theirs(flat)
        close(a, b)
        upstream = torch.randn_like(a)
        a.backward(upstream)
        b.backward(upstream)
        close(x.grad[mask], flat.grad)
        assert not x.grad[~mask].any()
    close(ours.weight.grad, theirs.weight.grad)
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value)
    ours.eval(), theirs.eval()
    close(ours(x, mask)[mask], theirs(flat))


def test_batch_norm_of_a_single_position_uses_the_running_statistics():
    layer = BatchNorm(3)
    layer.running_mean += 2
    layer.running_var += 3
    x, mask, rows = padded((1,))
    y = layer(x, mask)[0, :1]
    close(y, (rows[0] - 2) / np.sqrt(4 + 1e-5))
    close(layer(rows[0]), y)
    assert torch.equal(layer.running_mean, torch.full((3,), 2.0))


def test_batch_norm_of_vectors_is_pytorchs():
    x = torch.randn(8, 3)
    close(BatchNorm(3)(x), nn.BatchNorm1d(3)(x))


def test_batch_norm_of_sequences_without_a_mask_keeps_their_shape():
    x = torch.randn(4, 5, 3)
    close(BatchNorm(3)(x), nn.BatchNorm1d(3)(x.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_is_pytorchs_on_packed_sequences(cell, layers, bidirectional):
    x, mask, _ = padded(LENGTHS)
    ours = Recurrent(cell, 3, 4, layers, bidirectional=bidirectional)
    theirs = cell(3, 4, layers, batch_first=True, bidirectional=bidirectional)
    weights = {}
    for stack, suffix in ((ours.forwards, ""), (ours.backwards, "_reverse")):
        for number, one in enumerate(stack):
            named = one.state_dict().items()
            weights |= {key.replace("_l0", f"_l{number}{suffix}"): w for key, w in named}
    theirs.load_state_dict(weights)
    packed = pack_padded_sequence(
        x.nan_to_num(), torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False
    )
    sequence, state = theirs(packed)
    sequence = pad_packed_sequence(sequence, batch_first=True)[0]
    y = ours(x, mask)
    assert y.shape[2] == ours.width
    close(y[mask], sequence[mask[:, : sequence.shape[1]]])
    state = state[0] if cell is nn.LSTM else state
    last = torch.cat([*state[-2 if bidirectional else -1 :]], dim=1)
    close(Pooling("last", ours.width, bidirectional)(y, mask), last)


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_reversal_reverses_the_valid_part(lengths):
    x, mask, rows = padded(lengths, garbage=0.0)
    y = gather(x, reversal(mask))
    for number, row in enumerate(rows):
        assert torch.equal(y[number][mask[number]], row.flip(0))
    assert torch.equal(gather(y, reversal(mask))[mask], x[mask])


@pytest.mark.parametrize("kind", ["mean", "max", "mean+max", "attention", "last"])
def test_pooling_is_that_of_each_sequence_alone(kind):
    x, mask, rows = padded()
    layer = Pooling(kind, 3)
    score = layer.score or (lambda row: row)
    expected = {
        "mean": lambda row: row.mean(0),
        "max": lambda row: row.amax(0),
        "mean+max": lambda row: torch.cat([row.mean(0), row.amax(0)]),
        "attention": lambda row: (score(row).softmax(0) * row).sum(0),
        "last": lambda row: row[-1],
    }[kind]
    y = layer(x, mask)
    assert y.shape == (len(rows), layer.width)
    close(y, torch.stack([expected(row) for row in rows]))


def test_attention_weights_each_channel_by_its_own_scores():
    x, mask, rows = padded(garbage=1e6)
    scores, _, alone = padded(garbage=1e6, seed=1)
    expected = [(s.softmax(0) * row).sum(0) for s, row in zip(alone, rows, strict=True)]
    close(attend(x, scores, mask), torch.stack(expected))


@pytest.mark.parametrize(
    "layer",
    [
        Convolution(3, 4, 4),
        MaxPool(3, 2),
        Recurrent(nn.LSTM, 3, 4, 2, bidirectional=True),
        Pooling("mean+max", 3),
        Pooling("attention", 3),
        Pooling("last", 3),
        ConvolutionBlock(3, 4, 3, 2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_nan_at_padding_reaches_no_gradient(layer):
    x, mask, _ = padded()
    x.requires_grad_()
    y = layer(x, mask)
    y, shorter = y if isinstance(y, tuple) else (y, mask[:, :: getattr(layer, "stride", 1)])
    (y[shorter] if y.ndim == 3 else y).square().sum().backward()
    assert not x.grad[~mask].any()
    assert x.grad[mask].any()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
