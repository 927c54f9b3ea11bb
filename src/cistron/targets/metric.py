"""A metric as one object: its name, its words, its direction, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cistron.targets.weighted import Floats

AVERAGES = {
    "macro": "averaged over the classes, each counting the same",
    "micro": "over all pairs of a sample and a class together",
    "weighted": "averaged over the classes, each counting by its size",
}


@dataclass(frozen=True)
class Metric:
    """How good predictions are, by one definition.

    Parameters
    ----------
    name : str
        In metrics.json and in the experiment file.
    words : str
        How a table calls it.
    meaning : str
        What it says, without a full stop.
    function : callable
        What the target's family of metrics knows of truth and predictions under one weighting or
        many → the metric, shape (weightings,).
    lower_is_better : bool
    low, high : float
        The range it lies in.
    shown : bool
        Whether the command line prints it.
    compared : bool
        Whether the difference to the best baseline is reported.
    headline : bool
        Whether `evaluation.metric` may name it.
    grows : bool
        Whether resampling adds to it, as noise adds to a sum of distances: its interval is moved
        back by what was added.
    """

    name: str
    words: str
    meaning: str
    function: Callable[[Any], Floats]
    lower_is_better: bool = False
    low: float = 0.0
    high: float = 1.0
    shown: bool = False
    compared: bool = False
    headline: bool = False
    grows: bool = False

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return -1.0 if self.lower_is_better else 1.0

    def averaged(self, how: str, function: Callable[[Any], Floats], **changes: Any) -> Metric:
        """Return the same metric averaged over classes: macro, micro or weighted."""
        return replace(
            self,
            name=f"{how}_{self.name}",
            words=f"{self.words}, {how}",
            meaning=f"{self.meaning}; {AVERAGES[how]}",
            function=function,
            **changes,
        )


def computed(
    metrics: Iterable[Metric], judged: Any, shape: tuple[int, ...] = ()
) -> dict[str, Floats]:
    """Return every metric of what a family knows, by name, each of the given shape."""
    return {metric.name: np.reshape(metric.function(judged), shape) for metric in metrics}
