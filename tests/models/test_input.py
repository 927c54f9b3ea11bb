"""Codes become channels, padding is blanked, misfits are refused."""

import numpy as np
import pytest
import torch
from torch import nn

from cistron.base.encoded import InputShape
from cistron.base.errors import InputError
from cistron.models.cnn import CNNSettings
from cistron.models.input import Network
from cistron.models.mlp import MLPSettings
from cistron.samples.alphabet import DNA, PROTEIN

RESIDUES = InputShape("codes", 20, PROTEIN.shares, len(PROTEIN.letters))
BASES = InputShape("codes", 4, DNA.shares, len(DNA.letters), DNA.complement)


def codes(*texts, alphabet=PROTEIN, padding=255):
    longest = max(map(len, texts))
    x = np.full((len(texts), longest), padding, dtype=np.uint8)
    for row, text in enumerate(texts):
        x[row, : len(text)] = [alphabet.letters.index(letter) for letter in text]
    return torch.from_numpy(x), torch.tensor([len(text) for text in texts])


def test_codes_become_the_rows_of_the_table():
    network = Network(RESIDUES, CNNSettings(), 2)
    x, mask = network.channels(*codes("ARB", "X"))
    assert x.shape == (2, 3, 20)
    assert x.dtype == torch.float32
    assert mask.tolist() == [[True, True, True], [True, False, False]]
    expected = torch.zeros(2, 3, 20)
    expected[0, 0, 0] = expected[0, 1, 1] = 1
    expected[0, 2, 2] = expected[0, 2, 3] = 0.5  # B is N or D
    assert torch.equal(x, expected)


def test_learned_channels_are_zero_at_padding_and_stay_so():
    network = Network(InputShape("codes", 6, None, len(PROTEIN.letters)), CNNSettings(), 2)
    x, lengths = codes("ARN", "D")
    channels, mask = network.channels(x, lengths)
    assert channels[mask].all()
    assert not channels[~mask].any()
    network(x, lengths).sum().backward()
    assert network.embedding.weight.grad[:4].any(dim=1).all()
    assert not network.embedding.weight.grad[4:].any()


def test_float_channels_pass_through():
    network = Network(InputShape("channels", 3), CNNSettings(), 2)
    x = torch.randn(2, 4, 3)
    channels, mask = network.channels(x, torch.tensor([4, 1]))
    assert torch.equal(channels[mask], x[mask])
    assert not channels[~mask].any()


def test_the_table_is_saved_and_not_the_callers():
    table = PROTEIN.shares.copy()
    network = Network(InputShape("codes", 20, table, len(table)), CNNSettings(), 2)
    table[:] = 7
    saved = network.state_dict()["table"].numpy()
    np.testing.assert_array_equal(saved[:-1], PROTEIN.shares)
    assert not saved[-1].any()
    assert [name for name, _ in network.named_parameters() if "body" not in name] == []


def test_reverse_complement_of_the_valid_part():
    network = Network(BASES, CNNSettings(), 2)
    x, lengths = codes("AACGR", "TG", "N", alphabet=DNA)
    other = network.reverse_complement(x, lengths)
    assert other.dtype == x.dtype
    texts = [DNA.text(row[:n].numpy()) for row, n in zip(other, lengths, strict=True)]
    assert texts == ["YCGTT", "CA", "N"]


def test_vectors_pass_through():
    network = Network(InputShape("vector", 5), MLPSettings(), 4).eval()
    x = torch.randn(3, 5)
    assert torch.equal(network(x, None), network.body(x))
    assert network(x).shape == (3, 4)


@pytest.mark.parametrize(
    ("shape", "settings", "words"),
    [
        (RESIDUES, MLPSettings(), "'mlp' reads one vector a sample, and the encoder gives a seq"),
        (InputShape("vector", 3), CNNSettings(), "'cnn' reads a sequence of positions, and the"),
        (InputShape("channels", 4, complement=DNA.complement), CNNSettings(), "both strands"),
    ],
)
def test_misfits_are_refused(shape, settings, words):
    with pytest.raises(InputError, match=words):
        Network(shape, settings, 2)


def test_moving_a_network_moves_its_buffers():
    network = Network(BASES, CNNSettings(), 2).to("meta")
    assert all(buffer.is_meta for buffer in network.buffers())
    assert isinstance(network, nn.Module)
