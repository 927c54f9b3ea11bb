"""Every command is given every bad file: it ends with exit code 0 or 2, and says why."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import warnings
from pathlib import Path

import pytest

from cistron import cli
from tests.attack.bad_files import bad_paths
from tests.cli.test_cli import EXPERIMENT, write_fasta
from tests.conftest import planted_texts
from tests.places import DATA

BASE = "ACGTTGCAAGCTTACGGATCCTTAGCATCGATCGGCTAAGCTTAGCGGCTATTACGCGAT" * 20
GENES = "".join(
    f"chr1\tx\tgene\t{300 * n + 100}\t{300 * n + 250}\t.\t+\t.\tID=g{n};Name=g{n}\n"
    f"chr1\tx\tCDS\t{300 * n + 100}\t{300 * n + 249}\t.\t+\t0\tID=c{n};Parent=g{n}\n"
    for n in range(3)
)
OF_DNA = """\
name: dna
samples: {kind: fasta, alphabet: dna, classes: {low: low.fasta, high: high.fasta}}
split: {kind: random}
encoder: {kind: kmers, k: 2}
model: {kind: logistic_regression}
evaluation: {baselines: [majority], homology_search: false}
"""
TABLED = """\
name: test
samples: {kind: table, path: BAD, alphabet: protein, id: id, sequence: sequence, label: label}
split: {kind: random}
encoder: {kind: kmers}
model: {kind: logistic_regression}
"""
GENOMIC = """\
name: test
samples:
  kind: genome
  genome: GENOME
  annotation: ANNOTATION
  regions: [{name: p, anchor: tss, upstream: 20, downstream: 20}]
  numbers: {table: NUMBERS, columns: [tpm]}
  label: {kind: percentiles, low: 50, high: 50}
split: {kind: random}
encoder: {kind: kmers}
model: {kind: logistic_regression}
"""
CELLS = """\
name: test
samples: {kind: cells, path: BAD, label: {column: label}}
split: {kind: random}
encoder: {kind: expression}
model: {kind: logistic_regression}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("attack")
    texts, _ = planted_texts(120)
    write_fasta(folder / "without.fasta", texts[:60])
    write_fasta(folder / "with.fasta", texts[60:], first=60)
    (folder / "experiment.yaml").write_text(EXPERIMENT.replace("epochs: 3", "epochs: 1"))
    (folder / "genome.fa").write_text(f">chr1\n{BASE}\n")
    (folder / "genes.gff3").write_text("##gff-version 3\n" + GENES)
    (folder / "tpm.csv").write_text("gene,tpm\ng0,1\ng1,2\ng2,3\n")
    (folder / "windows.bed").write_text("chr1\t100\t140\ta\t0\t+\n")
    for number, name in enumerate(("low", "high")):
        pieces = [BASE[at + number : at + 40] for at in range(0, 1000, 25)]
        texts = [f">{name}{at}\n{piece}{'ACGT'[at % 4]}\n" for at, piece in enumerate(pieces)]
        (folder / f"{name}.fasta").write_text("".join(texts))
    (folder / "dna.yaml").write_text(OF_DNA)
    assert command("fit", str(folder / "dna.yaml"), "-o", str(folder / "dna"), "-q") == (0, "")
    return folder


def command(*arguments: str) -> tuple[int, str]:
    """Run the command line in this process; return its exit code and what it says on stderr."""
    said = io.StringIO()
    before, sys.argv = sys.argv, ["cistron", *arguments]
    try:
        with (
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            cli.main()
    except SystemExit as stop:
        return int(stop.code or 0), said.getvalue()
    finally:
        sys.argv = before
    return 0, said.getvalue()


def experiment_of(text: str, bad: Path, project: Path, folder: Path) -> str:
    """Return an experiment file in which one input is bad."""
    good = {
        "GENOME": project / "genome.fa",
        "ANNOTATION": project / "genes.gff3",
        "NUMBERS": project / "tpm.csv",
    }
    text = text.replace("BAD", f"'{bad}'")
    for name, path in good.items():
        text = text.replace(name, f"'{path}'")
    made = folder / "experiment.yaml"
    made.write_text(text, encoding="utf-8", errors="surrogateescape")
    return str(made)


COMMANDS: dict[str, tuple[str, list[str]]] = {
    "check-experiment": (".yaml", ["check", "BAD"]),
    "fit-experiment": (".yaml", ["fit", "BAD", "-o", "OUT"]),
    "tune-experiment": (".yaml", ["tune", "BAD", "-o", "OUT"]),
    "check-fasta": (".fasta", ["check", "FASTA"]),
    "check-table": (".csv", ["check", "TABLE"]),
    "check-genome": (".fa", ["check", "GENOME"]),
    "check-annotation": (".gff3", ["check", "ANNOTATION"]),
    "check-gtf": (".gtf", ["check", "ANNOTATION"]),
    "check-numbers": (".csv", ["check", "NUMBERS"]),
    "check-h5ad": (".h5ad", ["check", "CELLS"]),
    "check-10x": (".h5", ["check", "CELLS"]),
    "check-counts": (".tsv", ["check", "CELLS"]),
    "check-against": (".fasta", ["check", "GOOD", "--against", "BAD"]),
    "predict": (".fasta", ["predict", "RUN", "BAD", "-o", "OUT.tsv"]),
    "predict-table": (".csv", ["predict", "RUN", "BAD", "-o", "OUT.tsv"]),
    "predict-run": ("", ["predict", "BAD", "PROTEINS", "-o", "OUT.tsv"]),
    "explain": (".fasta", ["explain", "RUN", "BAD", "-o", "OUT", "--method", "saliency"]),
    "mutate": (".fasta", ["mutate", "RUN", "BAD", "-o", "OUT.tsv", "--positions", "1"]),
    "mutate-list": (".csv", ["mutate", "RUN", "PROTEINS", "-o", "OUT.tsv", "--mutations", "BAD"]),
    "windows": (".fasta", ["windows", "FASTA", "-o", "OUT.fasta"]),
    "families-genome": (".fa", ["families", "BAD", "GOODGENES", "-o", "OUT.csv"]),
    "families-genes": (".gff3", ["families", "GOODGENOME", "BAD", "-o", "OUT.csv"]),
    "variants": (".vcf", ["variants", "DNARUN", "BAD", "-o", "OUT.tsv", "--windows", "BED"]),
    "motifs": ("", ["motifs", "BAD", "-d", "BAD", "-o", "OUT"]),
    "report": ("", ["report", "BAD"]),
    "compare": ("", ["compare", "BAD", "BAD"]),
    "ensemble": ("", ["ensemble", "BAD", "RUN", "-o", "OUT"]),
    "track": ("", ["track", "BAD", "--to", "tensorboard"]),
    "import-keras": (".keras", ["import", "keras", "BAD", "-o", "OUT"]),
    "import-h5": (".h5", ["import", "keras", "BAD", "-o", "OUT"]),
    "import-senseqnet": (".pth", ["import", "senseqnet", "BAD", "-o", "OUT"]),
}


def filled(argument: str, bad: Path, project: Path, folder: Path) -> str:
    """Return an argument of `COMMANDS` with its file."""
    experiments = {
        "FASTA": EXPERIMENT.replace("without.fasta", "BAD").replace(
            "with: with.fasta", f"with: {project / 'with.fasta'}"
        ),
        "TABLE": TABLED,
        "GENOME": GENOMIC.replace("GENOME", "BAD"),
        "ANNOTATION": GENOMIC.replace("ANNOTATION", "BAD"),
        "NUMBERS": GENOMIC.replace("NUMBERS", "BAD"),
        "CELLS": CELLS,
    }
    if argument in experiments:
        return experiment_of(experiments[argument], bad, project, folder)
    if argument.startswith("OUT"):
        return str(folder / argument.lower())
    return {
        "BAD": str(bad),
        "GOOD": str(project / "experiment.yaml"),
        "RUN": str(DATA / "saved" / "proteins"),
        "DNARUN": str(project / "dna"),
        "PROTEINS": str(project / "with.fasta"),
        "GOODGENES": str(project / "genes.gff3"),
        "GOODGENOME": str(project / "genome.fa"),
        "BED": str(project / "windows.bed"),
    }.get(argument, argument)


def attacked(name: str, project: Path, tmp_path: Path, part: slice) -> None:
    """Give a command some of the bad files."""
    suffix, template = COMMANDS[name]
    wrong = []
    for kind, bad in list(bad_paths(tmp_path / "bad", suffix).items())[part]:
        folder = tmp_path / "made"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        arguments = [filled(argument, bad, project, folder) for argument in template]
        try:
            code, said = command(*arguments)
        except BaseException as error:  # noqa: BLE001
            wrong.append(f"{kind}: {type(error).__name__}: {str(error)[:200]}")
            continue
        if code not in (0, 2) or (code == 2 and not said.strip()):
            wrong.append(f"{kind}: exit {code}: {said[-200:]!r}")
    assert not wrong, f"{len(wrong)} of them:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", COMMANDS)
def test_bad_files_end_in_one_sentence(name, project, tmp_path) -> None:
    """Every third file, another third for each command."""
    attacked(name, project, tmp_path, slice(list(COMMANDS).index(name) % 3, None, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_bad_file_ends_in_one_sentence(name, project, tmp_path) -> None:
    attacked(name, project, tmp_path, slice(None))


def test_there_are_more_than_four_hundred(tmp_path) -> None:
    assert len(COMMANDS) * len(bad_paths(tmp_path, ".x")) // 3 > 400
