"""The demo as a whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.cli.demo.explained import run_promoters
from cistron.cli.demo.proteins import run_proteins


def run_demo(
    folder: Path,
    *,
    motifs: bool = False,
    force: bool = False,
    seed: int = 1,
    reporter: Reporter = SILENT,
) -> str:
    """Make proteins and promoters, and say what of the planted truth was found.

    Proteins are fitted under a random and under a homology split, promoters are explained.

    Parameters
    ----------
    folder : Path
    motifs : bool
        Whether motifs are looked for in the promoters; see `cistron.cli.demo.explained`.
    force : bool
        Make a demo again.
    seed : int
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If the folder exists and is not one that the demo made, `force` is not set, or what finds
        motifs is not installed.
    """
    if motifs:
        from cistron.explain.motifs.discover import require_modisco

        require_modisco()
    _clear(folder, force)
    proteins = run_proteins(folder, seed=seed, reporter=reporter)
    promoters = run_promoters(folder / "promoters", motifs=motifs, seed=seed, reporter=reporter)
    return f"{proteins}\n\n{promoters}"


def _clear(folder: Path, force: bool) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "homology.yaml").is_file():
            raise InputError(f"{folder} exists and was not made by the demo. Say --out FOLDER.")
        if not force:
            raise InputError(f"{folder} holds a demo already. Say --force to make it again.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
