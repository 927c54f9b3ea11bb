"""What a network answers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.device import autocast, choose_device
from cistron.base.encoded import Encoded
from cistron.training.batches import by_length, collated, input_lengths
from cistron.training.processes.processes import ALONE, Processes
from cistron.training.settings import TrainingSettings


def compute_logits(
    network: torch.nn.Module,
    x: Encoded,
    settings: TrainingSettings,
    device: torch.device | None = None,
    processes: Processes = ALONE,
) -> NDArray[np.float32]:
    """Return the network's logits for every sample in the order given, shape (n, classes).

    Each of the processes computes its share of them, and returns all.
    """
    device = device or choose_device(settings.device)
    network.to(device).eval()
    lengths = input_lengths(x)
    pieces, order = [], []
    with torch.inference_mode(), autocast(device, settings.precision):
        batches = by_length(lengths, 4 * settings.batch_size, settings.max_tokens)
        shares = [b[processes.share(len(b))] for b in batches if processes.counts(len(b))]
        for rows, batch in collated(x, shares, device):
            pieces.append(network(*batch).float().cpu().numpy())
            order.append(rows)
    pieces = [piece for theirs in processes.gathered(pieces) for piece in theirs]
    order = [rows for theirs in processes.gathered(order) for rows in theirs]
    if not pieces:
        return np.empty((0, 0), dtype=np.float32)
    logits = np.empty((len(lengths), pieces[0].shape[1]), dtype=np.float32)
    logits[np.concatenate(order)] = np.concatenate(pieces)
    return logits
