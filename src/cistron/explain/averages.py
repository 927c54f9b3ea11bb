"""Mean contributions of features (of cells, genes), by predicted class and by group."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.explain.explanation import Explanation
from cistron.explain.positions import called

PREDICTED = "predicted"
Key = tuple[str, str, str]  # what it is grouped by, the group, the predicted class


class Averages:
    """Adds up contributions of features, window by window."""

    def __init__(self) -> None:
        self.sums: dict[Key, NDArray[np.float64]] = {}  # (signed, size; features)
        self.samples: dict[Key, int] = {}
        self.features: tuple[str, ...] = ()

    def add(self, explanation: Explanation) -> None:
        """Add the samples of a window."""
        self.features = explanation.features
        values = explanation.contributions.reshape(len(explanation), -1).astype(np.float64)
        names = np.array(called(explanation), dtype=object)
        every = {PREDICTED: names, **{n: v.to_numpy() for n, v in explanation.groups.items()}}
        for by, groups in every.items():
            keys = pd.DataFrame({"group": groups, "predicted": names})
            for both_of, rows in keys.groupby(["group", "predicted"]).indices.items():
                group, name = cast("tuple[str, str]", both_of)
                key = (str(by), str(group), str(name))
                some = values[rows]
                both = np.stack([some.sum(axis=0), np.abs(some).sum(axis=0)])
                self.sums[key] = self.sums.get(key, 0) + both
                self.samples[key] = self.samples.get(key, 0) + len(rows)

    def table(self) -> pd.DataFrame:
        """Return every feature in every group, the largest mean first.

        Columns: `by`, `group`, `predicted`, `samples`, `rank` (1 up), `feature`, `mean` (signed)
        and `mean_size`.
        """
        parts: list[pd.DataFrame] = []
        for (by, group, name), sums in self.sums.items():
            samples = self.samples[by, group, name]
            mean, size = sums / samples
            order = np.lexsort((np.arange(len(mean)), -np.abs(mean)))
            columns = {
                "by": by,
                "group": group,
                "predicted": name,
                "samples": samples,
                "rank": np.arange(len(order)) + 1,
                "feature": np.array(self.features, dtype=object)[order],
                "mean": mean[order],
                "mean_size": size[order],
            }
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)
