"""Tested cells, group by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cistron.base.domains import CELLS
from cistron.evaluation.evaluate import MOST_GROUPS
from cistron.evaluation.intervals import Interval
from cistron.figures.numbers import count
from cistron.report.names import natural
from cistron.report.read import Content, Json

DRAWN = 20  # groups of a figure


def tested_groups(content: Content) -> list[tuple[str, pd.DataFrame, int]]:
    """Return the tested cells of the largest groups, and how many groups there are, by column.

    There are none of samples that are no cells, or that have no one class each.
    """
    table = content.predictions
    if content.domain is not CELLS or "confusion" not in content.test or table is None:
        return []
    tested = table[table["part"] == "test"]
    by_column = []
    for column in content.group_columns:
        group = content.group_of(column, tested["id"]).to_numpy()
        sizes = pd.Series(group).value_counts()
        inside = np.isin(group, sizes.index[:MOST_GROUPS].to_numpy(dtype=object))
        by_column.append((column, tested.assign(group=group)[inside], len(sizes)))
    return by_column


def largest(groups: Sequence[Json], most: int) -> list[Json]:
    """Return the largest groups, in the order of their names, numbers by their size."""
    chosen = sorted(groups, key=lambda group: -group["n"])[:most]
    return sorted(chosen, key=lambda group: natural(group["value"]))


def of_all(shown: Sequence[object], total: int) -> str:
    """Return how a caption goes on where not all groups are shown."""
    return "" if len(shown) == total else f"; the {len(shown)} largest of {count(total)}"


def score(interval: Interval) -> dict[str, float]:
    """Return an interval as figures read it."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}
