"""The way from DNA to named motifs, on made promoters whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cistron.base.outputs import write_text
from cistron.base.progress import SILENT, Reporter
from cistron.cli.demo.found import Named, Recovery, named, recovery
from cistron.cli.demo.promoters import (
    LENGTH,
    PLANTED,
    PROMOTERS,
    START,
    make_database,
    make_promoters,
    write_records,
)
from cistron.explain.motifs.meme import write_meme

TRACKS = 8  # held-out promoters that are drawn
DATABASE, TRUTH, HELD_OUT = "motifs.meme", "planted.tsv", "held_out.fasta"
EXPERIMENT = """\
# Written by `cistron demo`: made promoters with planted motifs ({names}).
name: demo_promoters
samples:
  kind: fasta
  alphabet: dna
  classes: {{control: control.fasta, responding: responding.fasta}}
split:
  kind: random
  test: 0.3
  validation: 0.15
  seed: {seed}
encoder:
  kind: one_hot
  max_length: {length}
  both_strands: true
model:
  kind: cnn
  blocks: 1
  filters: 32
  kernel_size: 11
  pooling: max
  dropout: 0.2
training:
  epochs: 15
  batch_size: 32
  learning_rate: 5e-3
  patience: 4
  seed: {seed}
evaluation:
  baselines: [majority, composition]
"""


def run_promoters(
    folder: Path, *, motifs: bool = False, seed: int = 1, reporter: Reporter = SILENT
) -> str:
    """Make promoters in a folder, fit, explain, look for motifs, and say what was found.

    Parameters
    ----------
    folder : Path
    motifs : bool
        Whether patterns are looked for as well, which needs the extra `motifs`.
    seed : int
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If motifs are asked for and what finds them is not installed.
    """
    from cistron.classifier.load import load
    from cistron.explain.drawing import draw
    from cistron.explain.files import ATTRIBUTIONS, explain_file
    from cistron.explain.store import read
    from cistron.report.explanation import write_explanation

    if motifs:
        from cistron.explain.motifs.discover import require_modisco

        require_modisco()
    folder.mkdir(parents=True, exist_ok=True)
    metrics, sites = _fit(folder, seed, reporter)
    run, explained = folder / "run", folder / "explained"
    summary = explain_file(load(run), folder / HELD_OUT, explained, run=run, reporter=reporter)
    drawn = draw(explained, TRACKS)
    drawn.write(explained)
    seen = recovery(read(explained / ATTRIBUTIONS), sites)
    lines = _explained_lines(metrics, seen)
    pages = [run / "report.html", write_explanation(explained, summary, drawn)]
    if motifs:
        lines += _find(folder, seed, reporter)
        pages.append(folder / "motifs" / "motifs.html")
    else:
        lines.append("cistron demo --motifs goes on: it finds and names the motifs without being")
        lines.append("told where they are (with pip install 'cistron[motifs]'; the first time, it")
        lines.append("compiles for a minute or two).")
    return "\n".join([*lines, "", *(f"Page: {page}" for page in pages)])


def _fit(folder: Path, seed: int, reporter: Reporter) -> tuple[dict[str, Any], pd.DataFrame]:
    """Write everything and train; return the metrics and the planted sites."""
    from cistron.experiment.file import read_experiment
    from cistron.pipeline.pipeline import fit

    promoters, sites = make_promoters(seed)
    for name, records in promoters.items():
        write_records(records, folder / f"{name}.fasta")
    write_text(folder / TRUTH, sites.to_csv(sep="\t", index=False))
    write_meme(make_database(seed), folder / DATABASE)
    path = folder / "promoters.yaml"
    names = ", ".join(planted.factor for planted in PLANTED)
    write_text(path, EXPERIMENT.format(seed=seed, length=LENGTH, names=names))
    reporter.say("Fitting a network to made promoters ...")
    run = fit(read_experiment(path), folder / "run", reporter=reporter)
    table = pd.read_parquet(folder / "run" / "samples.parquet", columns=["id", "part"])
    test = set(table.loc[table["part"] == "test", "id"])
    kept = [record for records in promoters.values() for record in records if record[0] in test]
    write_records(kept, folder / HELD_OUT)
    return run.metrics, sites


def _find(folder: Path, seed: int, reporter: Reporter) -> list[str]:
    """Find and name the motifs, write the page, and say what was found."""
    from cistron.explain.motifs.files import Beside, find_motifs, parse_settings
    from cistron.report.motifs import write_motifs

    made = find_motifs(
        folder / "explained",
        folder / "motifs",
        [folder / DATABASE],
        parse_settings([], {"min_seqlets": 50, "seed": seed}),
        Beside(folder / "run", anchors=(f"tss={START}",)),
        reporter=reporter,
    )
    found, left = named(made["patterns"])
    said = [_named_line(one) for one in found]
    if left:
        said.append(f"Found beside them: {', '.join(left)}.")
    made["notes"] = [*said, *made["notes"]]
    write_motifs(made, folder / "motifs" / "motifs.html", folder / "run")
    return [f"Motifs, named among {made['motifs']} of which all others are random:", *said]


def _named_line(found: Named) -> str:
    planted = next(one for one in PLANTED if one.factor == found.factor)
    kind = f"The planted {'activator' if planted.sign > 0 else 'repressor'} {found.factor}"
    if found.pattern is None:
        return f"{kind} was missed: no pattern of its sign matches it."
    said = f"{found.pattern}, {found.seqlets} seqlets, q = {found.q:.1g}"
    if found.place is not None:
        said += f", {START - found.place[0]} bases upstream (planted {START - found.place[1]})"
    if found.found:
        return f"{kind} was found: {said}."
    why = "another motif matches better" if not found.best else "in another place"
    return f"{kind} was missed: {said}, but {why}."


def _explained_lines(metrics: Mapping[str, Any], seen: Sequence[Recovery]) -> list[str]:
    auc = metrics["test"]["roc_auc"]
    lines = [
        f"{PROMOTERS:,} made promoters of {LENGTH} bases, half of them 'responding', with sites of "
        "three factors.",
        f"Held-out AUC {auc['value']:.2f} ({auc['low']:.2f} to {auc['high']:.2f}); "
        "contributions to 'responding' by DeepLIFT:",
        "",
        f"{'planted':<10}{'speaks':<10}{'where':<22}{'sites':>6}{'right sign':>12}"
        f"{'among the top':>16}{'by chance':>11}",
    ]
    for planted, one in zip(PLANTED, seen, strict=True):
        last, first = START - planted.columns[0], START - planted.columns[1]
        where = f"{first} to {last} upstream" if planted.placed else "anywhere"
        lines.append(
            f"{one.factor:<10}{'for' if planted.sign > 0 else 'against':<10}{where:<22}"
            f"{one.sites:>6}{one.right_sign:>12.0%}{one.among_top:>16.0%}{one.chance:>11.0%}"
            f"   {'found' if one.found else 'MISSED'}"
        )
    return [*lines, ""]
