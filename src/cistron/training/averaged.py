"""Averaged weights: an exponential moving average over the steps of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

STEPS = "#steps"  # the name of no weight


class AveragedWeights:
    """The moving average of all weights that training changes, running statistics included.

    After step t each average moves to the weight by 1 - min(decay, (1 + t) / (10 + t)), so that the
    first, random weights are soon forgotten (as TensorFlow's ExponentialMovingAverage).

    Parameters
    ----------
    network : Module
        Already on its device.
    decay : float
    """

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        trained = {name for name, p in network.named_parameters() if p.requires_grad}
        frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
        state = network.state_dict()
        self.names = [
            name
            for name, value in state.items()
            if name in trained or (name not in frozen and value.is_floating_point())
        ]
        self.live = [state[name] for name in self.names]
        self.means = [value.clone() for value in self.live]

    @torch.no_grad()
    def update(self) -> None:
        """Count one step of training."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.means, self.live, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network the averaged weights for the time of the context."""
        kept = [value.clone() for value in self.live]
        self._write(self.means)
        try:
            yield
        finally:
            self._write(kept)

    def state(self) -> dict[str, torch.Tensor]:
        """Return the averages by name, and the number of steps."""
        means = dict(zip(self.names, self.means, strict=True))
        return {**means, STEPS: torch.tensor(self.steps)}

    @torch.no_grad()
    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from a state."""
        self.steps = int(state[STEPS])
        for name, mean in zip(self.names, self.means, strict=True):
            mean.copy_(state[name])

    @torch.no_grad()
    def _write(self, values: list[torch.Tensor]) -> None:
        for live, value in zip(self.live, values, strict=True):
            live.copy_(value)
