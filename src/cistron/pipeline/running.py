"""How an experiment is run: what `fit` and `crossval` take beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from cistron.base.progress import SILENT, Reporter


class RunOptions(TypedDict, total=False):
    """The keywords of `fit` and `crossval`; see `Running`."""

    force: bool
    resume: bool
    allow_confounded: bool
    workers: int | None
    cluster: str | None
    reporter: Reporter
    command: str
    inputs: Sequence[Path]


@dataclass(frozen=True)
class Running:
    """The keywords with their defaults.

    Parameters
    ----------
    force : bool
        Replace a run that is there.
    resume : bool
        Continue an interrupted run; the result is that of an uninterrupted one.
    allow_confounded : bool
        Go on although a group determines the label of cells; the report then begins with it.
    workers : int, optional
        Trainings at the same time, each in a process of its own with its share of the cores. One
        where it is not said; on a cluster as many as it has room for.
    cluster : str, optional
        Address of a Ray cluster that trains (see `cistron.base.jobs.cluster`).
    reporter : Reporter, optional
    command : str
        Recorded in environment.json.
    inputs : sequence of Path
        Files that are read beside those that the experiment names, such as its own: a run that
        holds one of them is not replaced.
    """

    force: bool = False
    resume: bool = False
    allow_confounded: bool = False
    workers: int | None = None
    cluster: str | None = None
    reporter: Reporter = SILENT
    command: str = ""
    inputs: Sequence[Path] = ()

    @property
    def several(self) -> bool:
        """Whether several trainings are asked for at the same time."""
        return (self.workers or 1) > 1 or bool(self.cluster)
