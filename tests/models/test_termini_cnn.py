"""The network that reads both termini."""

import torch
import torch.nn.functional as F

from cistron.base.encoded import InputShape
from cistron.models.input import Network
from cistron.models.termini_cnn import TerminiCNNSettings, window_means
from cistron.samples.alphabet import PROTEIN


def test_windows_are_means_of_what_is_there():
    x = torch.arange(12.0).reshape(1, 12, 1)
    mask = torch.arange(12)[None] < 7
    assert window_means(x, mask, 2, 3).tolist() == [[1, 4]]
    assert window_means(x, mask, 3, 4).tolist() == [[1.5, 5, 0]]  # 0-3, 4-6, nothing
    assert window_means(x, mask, 3, 6).tolist() == [[2.5, 6, 0]]  # more than the batch has


@torch.no_grad()
def test_the_vector_is_what_it_says():
    settings = TerminiCNNSettings(windows=2, first_window=3, last_window=2)
    network = settings.build(4, 3)
    x, mask = torch.rand(1, 11, 4), torch.ones(1, 11, dtype=torch.bool)
    network(x.repeat(2, 1, 1), mask.repeat(2, 1))  # moves the running statistics
    network.eval()
    block = network.blocks[0]
    y = F.conv1d(x.transpose(1, 2), block.convolution.weight, padding=4)
    n = block.norm
    y = F.batch_norm(y, n.running_mean, n.running_var, n.weight, n.bias).relu().transpose(1, 2)
    seen = torch.cat([x, y], dim=2)[0]
    parts = [
        seen.mean(0),
        seen.amax(0),
        seen[:3].mean(0),
        seen[3:6].mean(0),
        seen[-2:].mean(0),
        seen[-4:-2].mean(0),
        torch.tensor([11.0]).log(),
    ]
    expected = network.head(network.norm(torch.cat(parts)[None]))
    torch.testing.assert_close(network(x, mask), expected)


def test_it_tells_a_motif_at_the_end_from_the_same_motif_elsewhere():
    """PTS1: SKL counts at the C-terminus alone."""
    generator = torch.Generator().manual_seed(0)
    signal = torch.tensor([PROTEIN.letters.index(letter) for letter in "SKL"], dtype=torch.uint8)

    def made(n):
        codes = torch.randint(0, 20, (n, 60), dtype=torch.uint8, generator=generator)
        lengths = torch.randint(20, 61, (n,), generator=generator)
        for row, length in enumerate(lengths.tolist()):
            place = length - 3 if row % 2 else 4 + row % (length - 10)
            codes[row, place : place + 3] = signal
        return codes, lengths, torch.arange(n) % 2

    shape = InputShape("codes", 20, PROTEIN.shares, len(PROTEIN.letters))
    network = Network(shape, TerminiCNNSettings(filters=8, kernel_size=3), 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    codes, lengths, targets = made(256)
    for _ in range(40):
        loss = F.cross_entropy(network(codes, lengths), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    codes, lengths, targets = made(256)
    with torch.no_grad():
        assert (network(codes, lengths).argmax(1) == targets).float().mean() > 0.95
