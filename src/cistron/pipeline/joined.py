"""Classifiers of several runs, or of the folds of one, as one classifier in a run of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import resolved
from cistron.base.progress import SILENT, Reporter
from cistron.base.yaml_text import parse_yaml
from cistron.classifier.ensemble import Ensemble, require_same_question
from cistron.classifier.load import load
from cistron.experiment.run_folder import EXPERIMENT, Run
from cistron.pipeline.unscored import write_unscored

OF_FOLDS = (
    "The scores of the cross-validation are those of single members, each on samples that it had "
    "not seen. The ensemble was not scored: every one of these samples trained some of its members."
)
OF_RUNS = (
    "The ensemble was not scored: the scores of its members stand in their runs. A sample that "
    "trained one of them is none to score it on."
)


def join_runs(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    force: bool = False,
    reporter: Reporter = SILENT,
    command: str = "",
) -> Ensemble:
    """Join the classifiers of runs to one, in a new run that predicts.

    Parameters
    ----------
    runs : sequence of path
        Runs of `fit` or `import`, model folders, or cross-validations, whose folds (of all
        repeats) are members each.
    out : path
        The run directory to make; the classifier is its folder `model`. Nothing in it is scored.
    force : bool
        Replace a run that is there.
    reporter : Reporter, optional
    command : str
        Recorded in environment.json.

    Raises
    ------
    InputError
        If a run is not finished, fewer than two classifiers are found, one is named twice, they
        do not answer the same question, or `out` is taken.
    """
    folders = [folder for run in map(Path, runs) for folder in _members(run)]
    known = [resolved(folder) for folder in folders]
    twice = next((path for path in folders if known.count(resolved(path)) > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice. Name every classifier once.")
    run = Run.claim(out, None, force=force, inputs=folders)
    members = [load(folder) for folder in folders]
    require_same_question(members, [str(folder) for folder in folders])
    made = Ensemble(members)
    found = zip(folders, members, strict=True)
    of_folds = any(_folds(Path(path)) for path in runs)
    origin: Document = {
        "ensemble": [{"run": str(path), "sha256": member.checksum_} for path, member in found],
        "notes": [OF_FOLDS if of_folds else OF_RUNS],
    }
    said = [f"Joined {len(members)} classifiers: {', '.join(map(str, folders))}.", *origin["notes"]]
    experiment = _experiment([Path(path) for path in runs])
    write_unscored(run, made, origin, said, reporter, command, experiment, force=force)
    return made


def _folds(run: Path) -> list[Path]:
    """Return the folders of the folds of a cross-validation, of all its repeats."""
    places = [run, *sorted((run / "repeats").glob("*"), key=_by_number)]
    return [
        fold for place in places for fold in sorted((place / "folds").glob("*"), key=_by_number)
    ]


def _by_number(path: Path) -> tuple[int, str]:
    return (int(path.name) if path.name.isdecimal() else 0, path.name)


def _members(run: Path) -> list[Path]:
    folds = _folds(run)
    if not folds:
        return [run]
    if not Run(run).finished:
        raise InputError(
            f"{run} is a cross-validation that was not finished. Continue it with cistron crossval "
            "--resume, so that every fold is a member."
        )
    return folds


def _experiment(runs: Sequence[Path]) -> str:
    """Return the experiment of the first run, where all were made of the same samples.

    It says where windows of a genome lie.
    """
    texts = [
        (run / EXPERIMENT).read_text(encoding="utf-8") if (run / EXPERIMENT).is_file() else ""
        for run in runs
    ]
    samples = [(parse_yaml(text, EXPERIMENT) or {}).get("samples") for text in texts]
    return texts[0] if texts[0] and all(own == samples[0] for own in samples) else ""
