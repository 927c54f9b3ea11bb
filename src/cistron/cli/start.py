"""What comes before an experiment: the demo, recipes, public data, genes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.base.domains import DOMAINS
from cistron.base.errors import InputError
from cistron.base.progress import Terminal
from cistron.cli.options import (
    AsJson,
    Changes,
    ExperimentFile,
    Force,
    Quiet,
    experiment_of,
    print_json,
)


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
    from cistron.cli.demo.run import run_demo

    typer.echo(run_demo(out, motifs=motifs, force=force, reporter=Terminal(quiet)))


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
    from cistron.experiment.recipes import write_recipe

    write_recipe(recipe, file, published=published, force=force)
    typer.echo(f"Wrote {file}. Next: cistron check {file}")


def schema() -> None:
    """Print the JSON schema of experiment files, for editors."""
    from cistron.experiment.experiment import Experiment

    print_json(Experiment.model_json_schema(by_alias=True))


def data_list(as_json: AsJson = False) -> None:
    """List the public data sets."""
    from cistron.cli.display import show_public

    show_public(as_json)


def data_get(
    name: Annotated[str, typer.Argument(help="A name from `cistron data list`.")],
    folder: Annotated[Path, typer.Argument(help="Folder to put the files in.")],
    quiet: Quiet = False,
) -> None:
    """Fetch a public data set, checked against its checksums."""
    from cistron.samples.sequences.public import fetch

    for path in fetch(name, folder, progress=Terminal(quiet).say):
        typer.echo(str(path))


def families(
    genome: Annotated[Path, typer.Argument(metavar="GENOME", help="FASTA, plain or gzip.")],
    annotation: Annotated[Path, typer.Argument(metavar="ANNOTATION", help="GTF or GFF3 with CDS.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file: gene_id, family.")],
    identity: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.3,
    coverage: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.5,
    id_attribute: Annotated[str | None, typer.Option(help="Attribute of a gene's id.")] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Put the genes of a genome into families, by comparing the proteins they code for."""
    from cistron.base.outputs import new_file, require_new
    from cistron.samples.genome.translations import read_proteins
    from cistron.splits.families import gene_families

    require_new(out, force=force, inputs=(genome, annotation))
    say = Terminal(quiet).say
    proteins = read_proteins(genome, annotation, id_attribute)
    say(f"Translated {len(proteins):,} genes.")
    table = gene_families(proteins, identity, coverage, say)
    with new_file(out, force=force) as draft:
        table.to_csv(draft, index=False)
    sizes = table["family"].value_counts()
    typer.echo(
        f"{out}: {len(table):,} genes in {len(sizes):,} families; {(sizes > 1).sum():,} have "
        f"several genes, the largest {sizes.max():,}."
    )


def windows(
    experiment: ExperimentFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="FASTA file.")],
    changes: Changes = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the sequences of an experiment's samples, for `predict` and other programs.

    With --set samples.numbers=null --set samples.label=null: of all genes of a genome.
    """
    from cistron.base.outputs import require_new
    from cistron.samples.sequences.fasta import write_fasta

    chosen = experiment_of(experiment, changes, None, None)
    require_new(out, force=force, inputs=[experiment, *chosen.files()])
    if not DOMAINS[chosen.samples.content].lengths:
        raise InputError(
            f"{experiment}: the samples are cells and have no sequences, which `cistron windows` "
            "writes. `cistron predict` reads the files of cells themselves."
        )
    samples = chosen.samples.read()
    for note in samples.notes:
        Terminal(quiet).say(note)
    write_fasta(samples, out)
    typer.echo(f"{out}: {len(samples):,} sequences; {len(samples.dropped):,} records not used.")
