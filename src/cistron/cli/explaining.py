"""Why a classifier says so, and what would change it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from cistron.base.errors import InputError
from cistron.base.progress import Terminal
from cistron.cli.options import (
    Aliases,
    AsJson,
    Device,
    Force,
    IdColumn,
    Layer,
    LogitClass,
    NewFolder,
    NewTable,
    Quiet,
    RunFolder,
    SequenceColumn,
)

if TYPE_CHECKING:
    from cistron.classifier.predictor import Predictor
    from cistron.explain.drawing import Choice

Explained = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="FASTA, table or profiles (.npz, PSSM), - for stdin; or cells: AnnData, 10x, counts.",
    ),
]
Method = Annotated[str, typer.Option(help="How contributions are computed.")]  # see WithMethods
ExplainedClass = Annotated[
    str | None,
    typer.Option("--class", help="Class that is explained; predicted: of each its own."),
]
References = Annotated[str, typer.Option(help="auto, dinucleotide, shuffled, zero or mean.")]
Background = Annotated[
    Path | None,
    typer.Option(
        metavar="FASTA",
        help="Sequences that samples are compared with, in place of shuffled letters; at least as "
        "long as the samples (deeplift, integrated_gradients).",
    ),
]
Scan = Annotated[
    str, typer.Option(help="in_silico_mutagenesis: substitutions, alanine or deletion.")
]
FallBack = Annotated[
    bool, typer.Option("--fall-back", help="Integrated gradients where deeplift is not exact.")
]
Randomise = Annotated[
    bool, typer.Option("--randomise", help="Also explain a network with random weights.")
]
Choose = Annotated[
    str, typer.Option(help="Which are drawn: certain (calls, class by class) or first.")
]
Mutagenesis = Annotated[
    bool, typer.Option("--mutagenesis", help="Draw every substitution below contributions.")
]
GenomeTrack = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Also along the genome: .bw (bigWig) or .bedGraph; DNA whose names are places, like "
        "chr1:100-700(+).",
    ),
]
Genome = Annotated[
    Path | None,
    typer.Option(help="For bigWig: FASTA or its .fai, for the lengths of the chromosomes."),
]
AveragedGroups = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Cells: obs column by which genes are averaged too."),
]


class WithMethods(TyperCommand):
    """The command `explain`, whose help names the methods as they are listed."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # types that Typer keeps to itself
        """Name the methods, and print as any command does."""
        from cistron.explain.methods import allowed_methods

        *names, last = allowed_methods()
        for option in self.params:
            if isinstance(option, TyperOption) and option.name == "method":
                option.help = f"{', '.join(names)} or {last}."
        super().format_help(ctx, formatter)


def explain(
    run: RunFolder,
    source: Explained,
    out: NewFolder,
    method: Method = "deeplift",
    class_: ExplainedClass = None,
    references: References = "auto",
    background: Background = None,
    number: Annotated[int, typer.Option(help="Shuffled references of a sample.")] = 20,
    scan: Scan = "substitutions",
    window: Annotated[int, typer.Option(help="occlusion: positions hidden at once.")] = 10,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first records.")] = None,
    fall_back: FallBack = False,
    randomise: Randomise = False,
    figures: Annotated[int, typer.Option(min=0, help="Samples that are drawn.")] = 20,
    choose: Choose = "certain",
    mutagenesis: Mutagenesis = False,
    genome_track: GenomeTrack = None,
    genome: Genome = None,
    group: AveragedGroups = None,
    layer: Layer = None,
    aliases: Aliases = None,
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
    seed: Annotated[int, typer.Option(help="Seed of the shuffled references.")] = 1,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show what each position, or gene, contributes to a prediction: exact, or refused."""
    from cistron.classifier.load import load
    from cistron.classifier.predict.new_cells import NewCells
    from cistron.cli.show_explanation import show_explanation
    from cistron.explain.drawing import require_choice
    from cistron.explain.export import require_track, write_track
    from cistron.explain.files import Choices, explain_file
    from cistron.explain.settings import parse_settings

    picked = require_choice(choose)
    for path in genome_track or ():
        require_track(path, genome, force=force)
    classifier = load(run).on(device or "auto")
    columns = {"id": id_column, "sequence": sequence_column}
    cells = NewCells(layer, None, tuple(group or ()), aliases)
    compared: dict[str, Any] = {"references": references, "number": number, "seed": seed}
    compared["background"] = background and str(background)
    settings = parse_settings(
        method=method, class_=class_, scan=scan, window=window, fall_back=fall_back, **compared
    )
    chosen = Choices(columns, cells, limit, randomise)
    summary = explain_file(
        classifier, source, out, settings, chosen, run=run, force=force, reporter=Terminal(quiet)
    )
    for path in genome_track or ():
        write_track(out, path, genome)
    _draw(out, summary, run, (figures, picked), classifier if mutagenesis else None)
    show_explanation(out, summary, as_json)


def _draw(
    out: Path,
    summary: dict[str, Any],
    run: Path,
    which: tuple[int, Choice],
    mutate: Predictor | None,
) -> None:
    """Draw samples, and write the page that shows them."""
    from cistron.explain.drawing import draw, windows_of
    from cistron.report.explanation import write_explanation

    drawn = draw(out, *which, windows=windows_of(run), mutate=mutate)
    drawn.write(out)
    write_explanation(out, summary, drawn)


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
            help="File of motifs (MEME, JASPAR, TRANSFAC, HOMER), or jaspar:plants (or another "
            "taxon, or all); may be repeated.",
        ),
    ],
    out: NewFolder,
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
    from cistron.cli.show_motifs import show_motifs
    from cistron.explain.motifs.files import Beside, find_motifs, parse_settings
    from cistron.explain.motifs.read import recorded_run
    from cistron.report.motifs import write_motifs

    found = find_motifs(
        folder,
        out,
        database,
        parse_settings(changes or [], {"threshold": threshold, "seed": seed}),
        Beside(run, tuple(also or ()), tuple(anchor or ())),
        device=device or "auto",
        force=force,
        reporter=Terminal(quiet),
    )
    write_motifs(found, out / "motifs.html", run or recorded_run(folder))
    show_motifs(out, found, as_json)


def variants(
    run: RunFolder,
    source: Annotated[
        str, typer.Argument(metavar="VCF", help="Variants, plain or gzip; - for stdin.")
    ],
    out: NewTable,
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
    class_: LogitClass = None,
    longest: Annotated[int, typer.Option(min=1, help="Bases of the longest allele.")] = 1000,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Predict what every variant changes in the windows that it falls into."""
    from cistron.classifier.load import load
    from cistron.cli.show_variants import show_variants
    from cistron.explain.variants.files import predict_variants
    from cistron.explain.variants.sources import Where, find_windows

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


def mutate(
    run: RunFolder,
    source: Annotated[str, typer.Argument(metavar="INPUT", help="FASTA or table; - for stdin.")],
    out: NewTable,
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
    class_: LogitClass = None,
    id_column: IdColumn = "id",
    sequence_column: SequenceColumn = "sequence",
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Predict what every substitution in a protein (or DNA) changes, or those of a list."""
    from cistron.classifier.load import load
    from cistron.cli.show_variants import show_mutated
    from cistron.explain.variants.mutate import Which, mutate_file, parse_positions, read_mutations

    if positions and mutations:
        raise InputError("--positions and --mutations: give one of them.")
    which = Which(
        parse_positions(positions) if positions else (),
        read_mutations(mutations) if mutations else None,
        class_,
    )
    found = mutate_file(
        load(run).on(device or "auto"),
        source,
        out,
        which,
        columns={"id": id_column, "sequence": sequence_column},
        maps=maps,
        force=force,
        reporter=Terminal(quiet),
    )
    show_mutated(out, found, as_json)
