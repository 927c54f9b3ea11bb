"""What is read of a new data set of cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LABEL = "true label"  # columns of the parts that are not written out
GROUP = "group "


@dataclass(frozen=True)
class NewCells:
    """What is to be read of a new data set.

    Parameters
    ----------
    layer : str, optional
        AnnData: layer with the numbers, "X" for the main matrix; without, what training read.
    label : str, optional
        Column of obs with the true class, where it is known: predictions are scored.
    groups : tuple of str
        Columns of obs (patient, data set): each group is summed up by itself, and the bootstrap
        draws whole groups of the first.
    aliases : Path, optional
        Table of other names of genes.
    align : bool
        Also predict the cells moved onto the training cells, beside the cells as they are (see
        `cistron.classifier.align_cells`).
    """

    layer: str | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    aliases: Path | None = None
    align: bool = False

    @property
    def columns(self) -> dict[str, str]:
        """Columns of the parts → columns of obs."""
        found = {f"{GROUP}{name}": name for name in self.groups}
        return {**found, LABEL: self.label} if self.label else found
