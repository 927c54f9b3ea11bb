"""The demo as a whole."""

from __future__ import annotations

from pathlib import Path

from cistron.base.output_folder import OutputFolder, kept
from cistron.base.progress import SILENT, Reporter
from cistron.cli.demo.explained import run_promoters
from cistron.cli.demo.proteins import run_proteins

MADE = {
    "run_random": "a run",
    "run_homology": "a run",
    "promoters/run": "a run",
    "promoters/explained": "an explanation",
    "promoters/motifs": "a folder of motifs",
}  # folders of Cistron inside a demo


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
    with OutputFolder(folder, "a demo").opened(force=force) as others:
        if others:
            reporter.say(kept(others, folder))
        for name, what in MADE.items():
            made = OutputFolder(folder / name, what)
            if made.taken:
                made.remove()
        proteins = run_proteins(folder, seed=seed, reporter=reporter)
        promoters = run_promoters(folder / "promoters", motifs=motifs, seed=seed, reporter=reporter)
    return f"{proteins}\n\n{promoters}"
