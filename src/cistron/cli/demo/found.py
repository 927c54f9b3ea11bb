"""Which planted motifs were found, and which were missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cistron.cli.demo.promoters import LENGTH, PLANTED
from cistron.explain.explanation import Explanation


@dataclass(frozen=True)
class Recovery:
    """How much of a planted motif an explanation shows.

    Parameters
    ----------
    factor : str
    sites : int
        In the promoters that were explained.
    right_sign : float
        Share of the sites whose contributions sum up to the right sign.
    among_top : float
        Share of their positions among those that contribute most in this direction, as many in
        each promoter as are planted there.
    chance : float
        What `among_top` would be if the positions were drawn.
    """

    factor: str
    sites: int
    right_sign: float
    among_top: float
    chance: float

    @property
    def found(self) -> bool:
        """Whether its sites stand out, on the right side."""
        return self.right_sign > 0.8 and self.among_top > 0.5


def recovery(explanation: Explanation, sites: pd.DataFrame) -> list[Recovery]:
    """Return how much of each planted motif an explanation of "responding" shows."""
    signs = {planted.factor: planted.sign for planted in PLANTED}
    seen: dict[str, list[tuple[bool, float, float]]] = {factor: [] for factor in signs}
    planted_in = dict(list(sites.groupby("id")))
    for row, name in enumerate(explanation.ids):
        for sign in (1, -1) if name in planted_in else ():
            own = planted_in[name]
            own = own[own["factor"].map(signs) == sign]
            towards = sign * explanation.of(row)
            number = int((own["end"] - own["start"]).sum())
            top = np.zeros(len(towards), dtype=bool)
            top[np.argsort(-towards, kind="stable")[:number]] = True
            for factor, start, end in zip(own["factor"], own["start"], own["end"], strict=True):
                right, among = towards[start:end].sum() > 0, top[start:end].mean()
                seen[factor].append((bool(right), float(among), number / len(towards)))
    found = []
    for factor, said in seen.items():
        right, among, chance = np.mean(said, axis=0).tolist() if said else (0.0, 0.0, 0.0)
        found.append(Recovery(factor, len(said), right, among, chance))
    return found


@dataclass(frozen=True)
class Named:
    """What `cistron motifs` found of a planted motif.

    Parameters
    ----------
    factor : str
    pattern : str or None
        The first pattern of the right sign that matches it; None where there is none.
    seqlets : int
    q : float or None
        Of the match.
    best : bool
        Whether no other motif of the database matches the pattern better.
    place : (int, int) or None
        For a motif that is planted in one place: column around which most seqlets lie, and the
        middle of where it was planted.
    """

    factor: str
    pattern: str | None = None
    seqlets: int = 0
    q: float | None = None
    best: bool = False
    place: tuple[int, int] | None = None

    @property
    def found(self) -> bool:
        """Whether it was found, under its own name, and where it is if it has a place."""
        near = self.place is None or abs(self.place[0] - self.place[1]) <= LENGTH // 10
        return self.pattern is not None and self.best and near


def named(patterns: Sequence[Mapping[str, Any]]) -> tuple[list[Named], list[str]]:
    """Return what was found of each planted motif, and the patterns that are none of them.

    Parameters
    ----------
    patterns : sequence of mapping
        As `cistron.explain.motifs.results.document` has them, those with most seqlets first.
    """
    found, left = [], {made["name"]: made for made in patterns}
    for planted in PLANTED:
        known = Named(planted.factor)
        for made in patterns:
            ranks = [match["motif"] for match in made["matches"]]
            if made["sign"] != planted.sign or planted.motif.name not in ranks:
                continue
            left.pop(made["name"], None)
            if known.pattern is not None:
                continue
            rank = ranks.index(planted.motif.name)
            column = made["positions"]["preferred_column"]
            middle = (sum(planted.columns) + len(planted.consensus)) // 2
            known = Named(
                planted.factor,
                made["name"],
                made["seqlets"],
                made["matches"][rank]["q"],
                rank == 0,
                (column, middle) if planted.placed and column is not None else None,
            )
        found.append(known)
    return found, [f"{name} ({made['title']})" for name, made in left.items()]
