"""The command line: parse, call, print."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cistron.errors import InputError
from cistron.progress import Terminal

if TYPE_CHECKING:
    from cistron.experiment import Experiment

app = typer.Typer(
    name="cistron",
    help="From biological sequences to classifiers a scientist can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Public data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

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
        from cistron.device import require_known

        require_known(name)
    return name


Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.", callback=_known_device)]
Seed = Annotated[int | None, typer.Option(help="Seed of the split and of training.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue what was interrupted.")]
AllowConfounded = Annotated[
    bool,
    typer.Option(
        "--allow-confounded", help="Train although a group determines the label of cells."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


class Interrupted(BaseException):
    """Ctrl-C; Typer would answer KeyboardInterrupt itself, without a word of how to go on."""


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    raise Interrupted


def main() -> None:
    """Run the command line; mistakes of the user end in one sentence and exit code 2."""
    # Threads that wait by spinning halve the speed of training on a machine with other work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except InputError as error:
        _stop(str(error), 2)
    except Interrupted:
        _stop("Interrupted. What was finished is kept; continue with --resume.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}. Mend this and continue with --resume.", 2)


def _stop(message: str, code: int) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
    # Worker processes of a cross-validation must not keep an interrupted command alive.
    if code == 130:
        os._exit(code)
    sys.exit(code)


def _experiment(
    path: Path, changes: list[str] | None, device: str | None, seed: int | None
) -> Experiment:
    from cistron.experiment import read_experiment

    return read_experiment(path, [*(changes or []), *_options(device, seed)])


def _options(device: str | None, seed: int | None) -> list[str]:
    """Return what options change in an experiment file."""
    extra = [] if device is None else [f"training.device={device}"]
    return extra + ([] if seed is None else [f"training.seed={seed}", f"split.seed={seed}"])


def _command() -> str:
    return shlex.join(["cistron", *sys.argv[1:]])


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """From biological sequences to classifiers a scientist can trust."""
    if show:
        from cistron import __version__

        typer.echo(f"cistron {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to make.")] = Path("demo"),
    motifs: Annotated[
        bool,
        typer.Option("--motifs", help="Find and name the motifs of the promoters as well."),
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Go the whole way on made proteins and promoters; say which planted truth was found."""
    from cistron.demo.run import run_demo

    typer.echo(run_demo(out, motifs=motifs, force=force, reporter=Terminal(quiet)))


@app.command()
def new(
    recipe: Annotated[
        str,
        typer.Argument(
            help="senescence, localization, expression, stress, persister, protein or dna."
        ),
    ],
    file: Annotated[Path, typer.Argument(help="Experiment file to write.")],
    published: Annotated[
        bool, typer.Option("--published", help="With the published system's network and settings.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a commented experiment file to start from."""
    from cistron.recipes import write_recipe

    write_recipe(recipe, file, published=published, force=force)
    typer.echo(f"Wrote {file}. Next: cistron check {file}")


@app.command()
def schema() -> None:
    """Print the JSON schema of experiment files, for editors."""
    from cistron.experiment import Experiment

    _print_json(Experiment.model_json_schema(by_alias=True))


@data_app.command("list")
def data_list(as_json: AsJson = False) -> None:
    """List the public data sets."""
    from cistron.display import show_public

    show_public(as_json)


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="A name from `cistron data list`.")],
    folder: Annotated[Path, typer.Argument(help="Folder to put the files in.")],
    quiet: Quiet = False,
) -> None:
    """Fetch a public data set, checked against its checksums."""
    from cistron.samples.public import fetch

    for path in fetch(name, folder, progress=Terminal(quiet).say):
        typer.echo(str(path))


@app.command()
def families(
    genome: Annotated[Path, typer.Argument(metavar="GENOME", help="FASTA, plain or gzip.")],
    annotation: Annotated[Path, typer.Argument(metavar="ANNOTATION", help="GTF or GFF3 with CDS.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file: gene_id, family.")],
    identity: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.3,
    coverage: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.5,
    id_attribute: Annotated[str | None, typer.Option(help="Attribute of a gene's id.")] = None,
    quiet: Quiet = False,
) -> None:
    """Put the genes of a genome into families, by comparing the proteins they code for."""
    from cistron.samples.translations import read_proteins
    from cistron.splits.families import gene_families

    say = Terminal(quiet).say
    proteins = read_proteins(genome, annotation, id_attribute)
    say(f"Translated {len(proteins):,} genes.")
    table = gene_families(proteins, identity, coverage, say)
    table.to_csv(out, index=False)
    sizes = table["family"].value_counts()
    typer.echo(
        f"{out}: {len(table):,} genes in {len(sizes):,} families; {(sizes > 1).sum():,} have "
        f"several genes, the largest {sizes.max():,}."
    )


@app.command()
def windows(
    experiment: ExperimentFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="FASTA file.")],
    changes: Changes = None,
    quiet: Quiet = False,
) -> None:
    """Write the sequences of an experiment's samples, for `predict` and other programs.

    With --set samples.numbers=null --set samples.label=null: of all genes of a genome.
    """
    from cistron.samples.fasta import write_fasta

    samples = _experiment(experiment, changes, None, None).samples.read()
    for note in samples.notes:
        Terminal(quiet).say(note)
    write_fasta(samples, out)
    typer.echo(f"{out}: {len(samples):,} sequences; {len(samples.dropped):,} records not used.")


@app.command()
def check(
    experiment: ExperimentFile,
    changes: Changes = None,
    homology: Annotated[bool, typer.Option(help="Search test against training sequences.")] = True,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]FASTA", help="Audit an external set against all samples instead."
        ),
    ] = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Read and validate everything, print counts and the leakage audit; train nothing.

    Exits with 2 when the split leaks.
    """
    from cistron.display import show_check, show_external

    chosen = _experiment(experiment, changes, None, seed)
    reporter = Terminal(quiet)
    if against:
        from cistron.pipeline import check_against

        found = check_against(chosen, against, homology=homology, reporter=reporter)
        show_external(found, as_json)
    else:
        from cistron.pipeline import check as run_check

        use = None if homology else False
        samples, split, found = run_check(chosen, homology=use, reporter=reporter)
        show_check(samples, split, found, as_json)
    if found["verdict"] == "leak":
        raise InputError("The audit found leakage (the checks marked FAIL).")
    if found["verdict"] == "confounded":
        raise InputError(
            "The label is determined by a group (the check marked FAIL): fit and crossval stop "
            "unless --allow-confounded is said."
        )


@app.command()
def fit(
    experiment: ExperimentFile,
    out: NewRun,
    changes: Changes = None,
    device: Device = None,
    seed: Seed = None,
    force: Force = False,
    resume: Resume = False,
    allow_confounded: AllowConfounded = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train on train, stop and calibrate on validation, score test once, write the report."""
    from cistron.display import show_run
    from cistron.pipeline import fit as run_fit

    chosen = _experiment(experiment, changes, device, seed)
    reporter = Terminal(quiet)
    run = run_fit(
        chosen,
        out,
        force=force,
        resume=resume,
        allow_confounded=allow_confounded,
        reporter=reporter,
        command=_command(),
    )
    show_run(run, as_json)


@app.command()
def crossval(
    experiment: ExperimentFile,
    out: NewRun,
    changes: Changes = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Repeat all of it as often, each time with the next seed."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Folds trained at the same time.")] = 1,
    device: Device = None,
    seed: Seed = None,
    force: Force = False,
    resume: Resume = False,
    allow_confounded: AllowConfounded = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train and score every fold; scores per fold and pooled."""
    from cistron.display import show_run
    from cistron.pipeline import crossval as run_crossval

    if seeds is not None:
        changes = [*(changes or []), f"evaluation.repeats={seeds}"]
    chosen = _experiment(experiment, changes, device, seed)
    run = run_crossval(
        chosen,
        out,
        force=force,
        resume=resume,
        allow_confounded=allow_confounded,
        workers=workers,
        reporter=Terminal(quiet),
        command=_command(),
    )
    show_run(run, as_json)


@app.command()
def tune(
    experiment: ExperimentFile,
    out: NewRun,
    trials: Annotated[int, typer.Option(min=1, help="How many trials.")] = 50,
    metric: Annotated[str | None, typer.Option(help="What compares trials.")] = None,
    inner_folds: Annotated[
        int, typer.Option(min=0, help="Compare by a cross-validation without the test part.")
    ] = 0,
    nested: Annotated[
        int, typer.Option(min=0, help="Also score the search itself in as many outer folds.")
    ] = 0,
    sampler: Annotated[str, typer.Option(help="tpe, random or quasi_random.")] = "tpe",
    pruner: Annotated[str, typer.Option(help="median, hyperband or none.")] = "median",
    patience: Annotated[
        int | None, typer.Option(min=1, help="End after as many trials without a better one.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Begin no trial after.")] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="Database that several machines share.")
    ] = None,
    changes: Changes = None,
    workers: Annotated[int, typer.Option(min=1, help="Trials at the same time.")] = 1,
    device: Device = None,
    seed: Seed = None,
    force: Force = False,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Search the ranges in an experiment file for the best values; never sees the test part."""
    from cistron.display import show_search
    from cistron.tuning.tune import How, read_search
    from cistron.tuning.tune import tune as run_tune

    how = How(
        trials=trials,
        metric=metric,
        inner_folds=inner_folds,
        sampler=sampler,
        pruner=pruner,
        patience=patience,
        seconds=None if minutes is None else 60 * minutes,
        storage=storage,
        workers=workers,
        seed=1 if seed is None else seed,
    )
    found = run_tune(
        read_search(experiment, [*(changes or []), *_options(device, seed)]),
        out,
        how,
        nested=nested,
        force=force,
        resume=resume,
        reporter=Terminal(quiet),
        command=_command(),
    )
    show_search(found, as_json)


@app.command()
def predict(
    run: RunFolder,
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="FASTA, table or profiles (.npz, PSSM), - for stdin; of cells AnnData, 10x or "
            "counts.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="File ending in .tsv, .csv, .parquet or .jsonl; of cells .h5ad."
        ),
    ],
    id_column: Annotated[str, typer.Option(help="Tables: column of ids.")] = "id",
    sequence_column: Annotated[str, typer.Option(help="Tables: column of sequences.")] = "sequence",
    orthologs: Annotated[
        list[Path] | None,
        typer.Option(metavar="TABLE", help="Two columns, id and ortholog: average over orthologs."),
    ] = None,
    ortholog_fasta: Annotated[
        list[Path] | None, typer.Option(metavar="FASTA", help="Sequences of the orthologs.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Cells: obs column of the true class.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Cells: obs column of patients or data sets."),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Cells: layer of the AnnData.")] = None,
    aliases: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Cells: two columns, other name of a gene and name."),
    ] = None,
    align: Annotated[
        bool,
        typer.Option(help="Cells: also predict them moved onto the mean of the training cells."),
    ] = False,
    device: Device = None,
    force: Force = False,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Predict the class of every record, with calibrated probabilities and warnings."""
    from cistron.model_files import load
    from cistron.predict import predict_file

    if bool(orthologs) != bool(ortholog_fasta):
        raise InputError("--orthologs and --ortholog-fasta go together: give both or neither.")
    classifier = load(run).on(device or "auto")
    of_cells: dict[str, Any] = {"--label": label, "--group": group, "--layer": layer}
    of_cells |= {"--aliases": aliases, "--align": align}
    if classifier.alphabet_ == "genes":
        from cistron.display import show_predicted_cells
        from cistron.predict_cells import NewCells, predict_cell_file

        if orthologs:
            raise InputError("--orthologs: cells have none. Leave the option out.")
        found = predict_cell_file(
            classifier,
            source,
            out,
            how=NewCells(layer, label, tuple(group or ()), aliases, align),
            force=force,
            resume=resume,
            reporter=Terminal(quiet),
        )
        show_predicted_cells(out, found, as_json)
        return
    given = next((name for name, value in of_cells.items() if value), None)
    if given:
        raise InputError(f"{given} is of cells, and the classifier reads sequences.")
    counts = predict_file(
        classifier,
        source,
        out,
        columns={"id": id_column, "sequence": sequence_column},
        orthologs=(orthologs, ortholog_fasta) if orthologs and ortholog_fasta else None,
        force=force,
        resume=resume,
        reporter=Terminal(quiet),
    )
    if as_json:
        _print_json({"out": str(out), **counts})
    else:
        averaged = f", {counts['averaged']:,} with orthologs" if "averaged" in counts else ""
        typer.echo(
            f"{out}: {counts['records']:,} records, {counts['predicted']:,} predicted, "
            f"{counts['warnings']:,} with a warning{averaged}."
        )


@app.command("import")
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
    from cistron.imports import import_model

    reporter = Terminal(quiet)
    classifier = import_model(
        format_,
        files,
        out,
        classes=[name.strip() for name in classes.split(",")] if classes else None,
        both_strands=both_strands,
        force=force,
        reporter=reporter,
        command=_command(),
    )
    typer.echo(
        f"{out}: {classifier.parameters:,} parameters, classes {', '.join(classifier.classes_)}. "
        f"Next: cistron predict {out} new.fasta --out predictions.tsv"
    )


@app.command()
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
    id_column: Annotated[str, typer.Option(help="Tables: column of ids.")] = "id",
    sequence_column: Annotated[str, typer.Option(help="Tables: column of sequences.")] = "sequence",
    workers: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = 1,
    device: Device = None,
    force: Force = False,
    resume: Resume = False,  # noqa: ARG001 (what was finished is in the cache in any case)
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Embed every protein by a language model; what was embedded before comes from the cache."""
    from cistron.display import show_embedded
    from cistron.embed import embed_file
    from cistron.experiment import parse_encoder

    settings = {"model": model, "layer": layer, "pooling": pooling, "window": window}
    settings |= {"overlap": overlap, "precision": precision, "offline": offline}
    found = embed_file(
        source,
        out,
        parse_encoder({"kind": "protein_lm", **settings}),
        columns={"id": id_column, "sequence": sequence_column},
        device=device or "auto",
        workers=workers,
        force=force,
        reporter=Terminal(quiet),
    )
    show_embedded(out, found, as_json)


@app.command()
def explain(
    run: RunFolder,
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="FASTA, table or profiles (.npz, PSSM), - for stdin; or cells: AnnData, 10x, "
            "counts.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to make.")],
    method: Annotated[
        str,
        typer.Option(
            help="deeplift, integrated_gradients, gradient_times_input, saliency, "
            "in_silico_mutagenesis or occlusion."
        ),
    ] = "deeplift",
    class_: Annotated[
        str | None,
        typer.Option("--class", help="Class that is explained; predicted: of each its own."),
    ] = None,
    references: Annotated[
        str, typer.Option(help="auto, dinucleotide, shuffled, zero or mean.")
    ] = "auto",
    number: Annotated[int, typer.Option(help="Shuffled references of a sample.")] = 20,
    scan: Annotated[
        str, typer.Option(help="in_silico_mutagenesis: substitutions, alanine or deletion.")
    ] = "substitutions",
    window: Annotated[int, typer.Option(help="occlusion: positions hidden at once.")] = 10,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first records.")] = None,
    fall_back: Annotated[
        bool,
        typer.Option("--fall-back", help="Integrated gradients where deeplift is not exact."),
    ] = False,
    randomise: Annotated[
        bool, typer.Option("--randomise", help="Also explain a network with random weights.")
    ] = False,
    figures: Annotated[int, typer.Option(min=0, help="Samples that are drawn.")] = 20,
    choose: Annotated[
        str, typer.Option(help="Which are drawn: certain (calls, class by class) or first.")
    ] = "certain",
    mutagenesis: Annotated[
        bool, typer.Option("--mutagenesis", help="Draw every substitution below contributions.")
    ] = False,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Cells: obs column by which genes are averaged too."),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Cells: layer of the AnnData.")] = None,
    aliases: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Cells: two columns, other name of a gene and name."),
    ] = None,
    id_column: Annotated[str, typer.Option(help="Tables: column of ids.")] = "id",
    sequence_column: Annotated[str, typer.Option(help="Tables: column of sequences.")] = "sequence",
    seed: Annotated[int, typer.Option(help="Seed of the shuffled references.")] = 1,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show what each position, or gene, contributes to a prediction: exact, or refused."""
    from cistron.explain.display import show_explanation
    from cistron.explain.drawing import draw, require_choice, windows_of
    from cistron.explain.files import explain_file
    from cistron.explain.settings import parse_settings
    from cistron.model_files import load
    from cistron.predict_cells import NewCells
    from cistron.report.explanation import write_explanation

    picked = require_choice(choose)
    classifier = load(run).on(device or "auto")
    settings = parse_settings(
        method=method,
        class_=class_,
        references=references,
        number=number,
        scan=scan,
        window=window,
        fall_back=fall_back,
        seed=seed,
    )
    summary = explain_file(
        classifier,
        source,
        out,
        settings,
        columns={"id": id_column, "sequence": sequence_column},
        cells=NewCells(layer, None, tuple(group or ()), aliases),
        limit=limit,
        randomise=randomise,
        run=run,
        force=force,
        reporter=Terminal(quiet),
    )
    mutate = classifier if mutagenesis else None
    drawn = draw(out, figures, picked, windows=windows_of(run), mutate=mutate)
    drawn.write(out)
    write_explanation(out, summary, drawn)
    show_explanation(out, summary, as_json)


@app.command()
def variants(
    run: RunFolder,
    source: Annotated[
        str, typer.Argument(metavar="VCF", help="Variants, plain or gzip; - for stdin.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File ending in .tsv, .csv, .parquet or .jsonl."),
    ],
    genome: Annotated[
        Path | None, typer.Option(help="FASTA; by default the one that the run learned from.")
    ] = None,
    annotation: Annotated[
        Path | None, typer.Option(help="GTF or GFF3; by default the one of the run.")
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option(help="lcre, deepcre, deepdife or a YAML list; by default those of the run."),
    ] = None,
    windows: Annotated[
        Path | None, typer.Option(metavar="BED", help="Windows that are no regions of genes.")
    ] = None,
    keep: Annotated[
        str,
        typer.Option(help="Of --windows: what an indel leaves in place: start, center or end."),
    ] = "center",
    class_: Annotated[
        str | None, typer.Option("--class", help="Class whose logit is compared.")
    ] = None,
    longest: Annotated[int, typer.Option(min=1, help="Bases of the longest allele.")] = 1000,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Predict what every variant changes in the windows that it falls into."""
    from cistron.model_files import load
    from cistron.variants.display import show_variants
    from cistron.variants.files import predict_variants
    from cistron.variants.sources import Where, find_windows

    found = predict_variants(
        load(run).on(device or "auto"),
        source,
        out,
        find_windows(run, Where(genome, annotation, regions, windows, keep)),
        class_=class_,
        longest=longest,
        force=force,
        reporter=Terminal(quiet),
    )
    show_variants(out, found, as_json)


@app.command()
def mutate(
    run: RunFolder,
    source: Annotated[str, typer.Argument(metavar="INPUT", help="FASTA or table; - for stdin.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File ending in .tsv, .csv, .parquet or .jsonl."),
    ],
    positions: Annotated[
        str | None, typer.Option(help="Only there, counted from 1: 10-50,77.")
    ] = None,
    mutations: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Only these: columns id and mutation (A123V)."),
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for a heat map of each sequence.")
    ] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="Class whose logit is compared.")
    ] = None,
    id_column: Annotated[str, typer.Option(help="Tables: column of ids.")] = "id",
    sequence_column: Annotated[str, typer.Option(help="Tables: column of sequences.")] = "sequence",
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Predict what every substitution in a protein (or DNA) changes, or those of a list."""
    from cistron.model_files import load
    from cistron.variants.display import show_mutated
    from cistron.variants.mutate import Which, mutate_file, parse_positions, read_mutations

    if positions and mutations:
        raise InputError("--positions and --mutations: give one of them.")
    which = Which(
        parse_positions(positions) if positions else (),
        read_mutations(mutations) if mutations else None,
    )
    found = mutate_file(
        load(run).on(device or "auto"),
        source,
        out,
        which,
        class_=class_,
        columns={"id": id_column, "sequence": sequence_column},
        maps=maps,
        force=force,
        reporter=Terminal(quiet),
    )
    show_mutated(out, found, as_json)


@app.command()
def motifs(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that `cistron explain` wrote.")
    ],
    database: Annotated[
        list[str],
        typer.Option(
            "--database",
            "-d",
            metavar="FILE",
            help="MEME-format file, or jaspar:plants (or another taxon, or all); may be repeated.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to make.")],
    run: Annotated[
        Path | None,
        typer.Option(help="Run that was explained: for labels, regions and marginal effects."),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Motifs of another fold or seed: found there again?"),
    ] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COLUMN", help="Count columns from there: tss=500."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Largest q-value of a match (0.05).")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting: min_seqlets=50."),
    ] = None,
    device: Device = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the shuffled sequences.")] = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Find the motifs behind an explanation of DNA: named, located, tested, on one page."""
    from cistron.motifs.display import show_motifs
    from cistron.motifs.files import find_motifs, parse_settings
    from cistron.report.motifs import write_motifs

    found = find_motifs(
        folder,
        out,
        database,
        parse_settings(changes or [], {"threshold": threshold, "seed": seed}),
        run=run,
        others=also or [],
        anchors=anchor or [],
        device=device or "auto",
        force=force,
        reporter=Terminal(quiet),
    )
    write_motifs(found, out / "motifs.html")
    show_motifs(out, found, as_json)


@app.command()
def report(run: RunFolder) -> None:
    """Write the HTML page again, from what the run holds."""
    from cistron.report import write_report
    from cistron.report.tuning import write_tuning

    searched = (run / "tuning.json").is_file()
    typer.echo(str(write_tuning(run) if searched else write_report(run)))


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run directories.")],
    metric: Annotated[
        str | None, typer.Option(help="Compare by this metric instead of the headline one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="Page to write.")
    ] = None,
    resamples: Annotated[
        int | None, typer.Option(min=100, help="Resamples; as many as the pairs need if not said.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the resamples.")] = 1,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Put runs side by side on the same samples, with paired intervals on the differences."""
    from cistron.compare import compare_runs
    from cistron.display import show_comparison

    if out is not None and out.exists() and not force:
        raise InputError(f"{out} exists. Choose another file for --out, or say --force.")
    found = compare_runs(runs, metric, resamples=resamples, seed=seed)
    if out is not None:
        from cistron.report.comparison import write_comparison

        write_comparison(found, out)
    show_comparison(found, out, as_json)


if __name__ == "__main__":
    main()
