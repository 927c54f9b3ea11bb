"""Options that mean the same everywhere, and what they make of an experiment file."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cistron.base.secrets import without_password

if TYPE_CHECKING:
    from cistron.base.progress import Reporter
    from cistron.experiment.experiment import Experiment

ExperimentFile = Annotated[
    Path, typer.Argument(metavar="EXPERIMENT", help="Experiment file (YAML).")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")]
NewRun = Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Run directory to make.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key: training.epochs=5."),
]


def _known_device(name: str | None) -> str | None:
    if name is not None:
        from cistron.base.device import require_known

        require_known(name)
    return name


Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.", callback=_known_device)]
Seed = Annotated[int | None, typer.Option(help="Seed of the split and of training.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue what was interrupted.")]
OnCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Ray cluster that does the work: ray://host:10001, host:6379, auto or local.",
    ),
]
AllowConfounded = Annotated[
    bool,
    typer.Option(
        "--allow-confounded", help="Train although a group determines the label of cells."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]

Track = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHERE",
        help="Also to mlflow, mlflow=URI, tensorboard or tensorboard=FOLDER; may be repeated.",
    ),
]

IdColumn = Annotated[str, typer.Option(help="Tables: column of ids.")]
SequenceColumn = Annotated[str, typer.Option(help="Tables: column of sequences.")]
Layer = Annotated[
    str | None, typer.Option(help="Cells: layer of the AnnData, or X; by default as in training.")
]
Aliases = Annotated[
    Path | None,
    typer.Option(metavar="TABLE", help="Cells: two columns, other name of a gene and name."),
]
NewFolder = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to make.")]
NewTable = Annotated[
    Path, typer.Option("--out", "-o", help="File ending in .tsv, .csv, .parquet or .jsonl.")
]
LogitClass = Annotated[str | None, typer.Option("--class", help="Class whose logit is compared.")]


def experiment_of(
    path: Path, changes: list[str] | None, device: str | None, seed: int | None
) -> Experiment:
    """Return the experiment of a file with what options change in it."""
    from cistron.experiment.file import read_experiment

    return read_experiment(path, [*(changes or []), *changes_of(device, seed)])


def changes_of(device: str | None, seed: int | None) -> list[str]:
    """Return what options change in an experiment file."""
    extra = [] if device is None else [f"training.device={device}"]
    return extra + ([] if seed is None else [f"training.seed={seed}", f"split.seed={seed}"])


def follow(context: typer.Context, run: Path, track: list[str] | None, reporter: Reporter) -> None:
    """Send the run to trackers from now on until the command ends."""
    if track:
        from cistron.pipeline.tracking.follow import following

        context.with_resource(following(run, track, reporter))


def command_line() -> str:
    """Return the command as it was typed but for passwords, for the record of a run."""
    return shlex.join(["cistron", *map(without_password, sys.argv[1:])])


def print_json(document: Any) -> None:
    """Print a document for other programs."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
