"""What a classifier is used for: predictions; published weights and embeddings."""

from __future__ import annotations

import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cistron.base.domains import CELLS, Domain
from cistron.base.errors import InputError
from cistron.base.progress import Terminal
from cistron.cli.options import (
    Aliases,
    AsJson,
    Device,
    Force,
    IdColumn,
    Layer,
    NewRun,
    OnCluster,
    Quiet,
    Resume,
    RunFolder,
    SequenceColumn,
    command_line,
    print_json,
)

if TYPE_CHECKING:
    from cistron.classifier.predict.predict_shards import Reading
    from cistron.classifier.predictor import Predictor

STDOUT = "-"

Predicted = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="FASTA, table or profiles (.npz, PSSM), - for stdin; of cells AnnData, 10x or "
        'counts. Several: a folder, or a pattern in quotes, "shards/*.fasta.gz". Labelled '
        "sequences: CLASS=FASTA,CLASS=FASTA, which is scored.",
    ),
]
Predictions = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="File ending in .tsv, .csv, .parquet or .jsonl; - for TSV on stdout; of cells .h5ad. "
        "Of several inputs a folder.",
    ),
]
Orthologs = Annotated[
    list[Path] | None,
    typer.Option(metavar="TABLE", help="Two columns, id and ortholog: average over orthologs."),
]
OrthologFasta = Annotated[
    list[Path] | None, typer.Option(metavar="FASTA", help="Sequences of the orthologs.")
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|PATTERN",
        help="Scores the predictions. Cells: obs column of the true class. Sequences: column of a "
        "table, or a pattern with one group for FASTA headers.",
    ),
]
Groups = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Cells: obs column of patients or data sets."),
]
Align = Annotated[
    bool,
    typer.Option(help="Cells: also predict them moved onto the mean of the training cells."),
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Several inputs: tsv (the default), csv, parquet, jsonl."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Several inputs: as many at the same time.")
]


def predict(
    run: RunFolder,
    source: Predicted,
    out: Predictions,
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
    orthologs: Orthologs = None,
    ortholog_fasta: OrthologFasta = None,
    label: Label = None,
    group: Groups = None,
    layer: Layer = None,
    aliases: Aliases = None,
    align: Align = False,
    format_: Format = None,
    workers: Workers = None,
    cluster: OnCluster = None,
    device: Device = None,
    force: Force = False,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Predict the class of every record, with calibrated probabilities and warnings."""
    from cistron.classifier.load import load
    from cistron.classifier.predict.new_cells import NewCells
    from cistron.classifier.predict.predict_shards import Reading, find_shards, predict_shards
    from cistron.cli.show_predictions import show_predicted_shards
    from cistron.cli.show_scored import predict_and_score, require_alone
    from cistron.pipeline.labelled import classes_in

    if bool(orthologs) != bool(ortholog_fasta):
        raise InputError("--orthologs and --ortholog-fasta go together: give both or neither.")
    classifier = load(run).on(device or "auto")
    of_cells = {"--group": group, "--layer": layer, "--aliases": aliases}
    _require_fitting(classifier.domain, orthologs, {**of_cells, "--align": align})
    columns = {"id": id_column, "sequence": sequence_column}
    classes = classes_in(source)
    if classifier.domain is not CELLS and (label or isinstance(classes, dict)):
        require_alone({"--out -": str(out) == STDOUT})
        several = {"--format": format_, "--workers": workers, "--cluster": cluster}
        require_alone({"--orthologs": orthologs, "--resume": resume, **several})
        how: dict[str, Any] = {"device": device or "auto", "force": force}
        how |= {"labels": {"label": label, "columns": columns}, "reporter": Terminal(quiet)}
        predict_and_score(run, classes, out, how, as_json)
        return
    related = (orthologs, ortholog_fasta) if orthologs and ortholog_fasta else None
    reading = Reading(columns, related, NewCells(layer, label, tuple(group or ()), aliases, align))
    writing: dict[str, Any] = {"force": force, "resume": resume, "reporter": Terminal(quiet)}
    shards = find_shards(source, classifier.alphabet_)
    if shards is None:
        _require_none(source, {"--format": format_, "--workers": workers, "--cluster": cluster})
        predict_one = _to_stdout if str(out) == STDOUT else _predict_one
        predict_one(classifier, source, out, reading, writing, as_json)
        return
    if str(out) == STDOUT:
        raise InputError("--out - is of one input. Several inputs need a folder: --out FOLDER.")
    where: dict[str, Any] = {"device": device or "auto", "workers": workers, "cluster": cluster}
    totals = predict_shards(
        run, shards, out, format=format_ or "tsv", reading=reading, **where, **writing
    )
    show_predicted_shards(out, totals, as_json)


def _require_fitting(
    domain: Domain, orthologs: list[Path] | None, of_cells: dict[str, Any]
) -> None:
    """Refuse options that are not of what the classifier reads."""
    given = next((name for name, value in of_cells.items() if value), None)
    if orthologs and not domain.homologs:
        raise InputError(f"--orthologs: {domain.nouns} have none. Leave the option out.")
    if given and domain is not CELLS:
        raise InputError(f"{given} is of cells, and the classifier reads sequences.")


def _require_none(source: str, of_several: dict[str, Any]) -> None:
    """Refuse options of several inputs where there is one."""
    unfit = next((name for name, value in of_several.items() if value), None)
    if unfit:
        raise InputError(
            f'{unfit} is of several inputs, and {source} is one: give a folder, or "a/*.fasta".'
        )


def _to_stdout(
    classifier: Predictor,
    source: str,
    out: Path,  # noqa: ARG001 (as of `_predict_one`)
    reading: Reading,
    writing: dict[str, Any],
    as_json: bool,
) -> None:
    """Print the table of one input on stdout, and how many records it had on stderr."""
    if as_json or writing["resume"]:
        option = "--json" if as_json else "--resume"
        raise InputError(f"{option} does not go with --out -. Name a file: --out predictions.tsv.")
    with TemporaryDirectory(prefix="cistron-") as folder:
        table = Path(folder) / "stdout.tsv"
        with redirect_stdout(sys.stderr):
            _predict_one(classifier, source, table, reading, writing, as_json, "stdout")
        with table.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _predict_one(
    classifier: Predictor,
    source: str,
    out: Path,
    reading: Reading,
    writing: dict[str, Any],
    as_json: bool,
    called: str = "",
) -> None:
    """Predict one input, and print how many records it had."""
    from cistron.classifier.predict.predict import predict_file
    from cistron.classifier.predict.predict_cells import predict_cell_file
    from cistron.cli.show_predictions import show_predicted_cells

    if classifier.domain is CELLS:
        found = predict_cell_file(classifier, source, out, how=reading.cells, **writing)
        show_predicted_cells(Path(called or out), found, as_json)
        return
    columns, orthologs = reading.columns, reading.orthologs
    counts = predict_file(classifier, source, out, columns=columns, orthologs=orthologs, **writing)
    if as_json:
        print_json({"out": str(out), **counts})
    else:
        averaged = f", {counts['averaged']:,} with orthologs" if "averaged" in counts else ""
        typer.echo(
            f"{called or out}: {counts['records']:,} records, {counts['predicted']:,} predicted, "
            f"{counts['warnings']:,} with a warning{averaged}."
        )


def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="senseqnet or keras.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            help="senseqnet: SenSeqNet_model.pth. keras: MODEL.json WEIGHTS.h5, or one .keras or "
            "whole-model .h5."
        ),
    ],
    out: NewRun,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="keras: class names in the order of the outputs; of one output, the class it "
            "speaks against first. By default negative,positive.",
        ),
    ] = None,
    both_strands: Annotated[
        bool, typer.Option("--both-strands", help="keras: average the logits of both strands.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn a published network and its weights into a run that predicts."""
    from cistron.pipeline.imports import import_model

    reporter = Terminal(quiet)
    classifier = import_model(
        format_,
        files,
        out,
        classes=[name.strip() for name in classes.split(",")] if classes else None,
        both_strands=both_strands,
        force=force,
        reporter=reporter,
        command=command_line(),
    )
    typer.echo(
        f"{out}: {classifier.parameters:,} parameters, classes {', '.join(classifier.classes_)}. "
        f"Next: cistron predict {out} new.fasta --out predictions.tsv"
    )


def ensemble(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN [RUN...]", help="A cross-validation, or runs of fit."),
    ],
    out: NewRun,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Join the folds of a cross-validation, or several runs, to one classifier."""
    from cistron.pipeline.joined import join_runs

    reporter = Terminal(quiet)
    made = join_runs(runs, out, force=force, reporter=reporter, command=command_line())
    if as_json:
        print_json({"out": str(out), "members": len(made.members)})
        return
    typer.echo(
        f"{out}: {len(made.members)} members, classes {', '.join(made.classes_) or 'none'}. Next: "
        f"cistron predict {out} INPUT --out predictions.tsv"
    )


def embed(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="FASTA or table, plain or gzip; - for stdin.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File ending in .parquet, .npz or .h5.")],
    model: Annotated[
        str, typer.Option(help="Language model: name on the Hugging Face hub, or a folder.")
    ] = "facebook/esm2_t6_8M_UR50D",
    layer: Annotated[int, typer.Option(help="Hidden layer; -1 is the last.")] = -1,
    pooling: Annotated[str, typer.Option(help="mean, max, cls, or residues: no pooling.")] = "mean",
    window: Annotated[int, typer.Option(help="Residues of a longer protein read at once.")] = 1022,
    overlap: Annotated[int, typer.Option(help="Residues that windows share.")] = 256,
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or int8.")] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the hub.")] = False,
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
    workers: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = 1,
    device: Device = None,
    force: Force = False,
    resume: Resume = False,  # noqa: ARG001 (what was finished is in the cache in any case)
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Embed every protein by a language model; what was embedded before comes from the cache."""
    from cistron.classifier.predict.embed import embed_file
    from cistron.cli.show_predictions import show_embedded
    from cistron.encoders.language_models.protein_lm import ProteinLMSettings
    from cistron.experiment.file import parse_encoder

    settings = {"model": model, "layer": layer, "pooling": pooling, "window": window}
    settings |= {"overlap": overlap, "precision": precision, "offline": offline}
    found = embed_file(
        source,
        out,
        ProteinLMSettings.model_validate(parse_encoder({"kind": "protein_lm", **settings})),
        columns={"id": id_column, "sequence": sequence_column},
        device=device or "auto",
        workers=workers,
        force=force,
        reporter=Terminal(quiet),
    )
    show_embedded(out, found, as_json)
