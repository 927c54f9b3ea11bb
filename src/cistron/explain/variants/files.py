"""From a VCF file to a table of effects, in constant memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pandas as pd

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.outputs import new_file, require_new
from cistron.base.progress import SILENT, Advance, Reporter
from cistron.classifier.predict.parts import join_parts
from cistron.classifier.predict.predict import FORMATS
from cistron.classifier.predictor import Predictor
from cistron.explain.variants.effects import MISMATCH, Tally, variant_effects
from cistron.explain.variants.genome import open_genome
from cistron.explain.variants.sources import Found
from cistron.explain.variants.vcf import LONGEST, Variant, read_variants

SKIPPED = ("line", "chromosome", "position", "variant", "reference", "alternative", "reason")
SHOWN = 60  # letters of an allele in the list of those that were skipped


def predict_variants(
    classifier: Predictor,
    source: str | Path,
    out: str | Path,
    found: Found,
    *,
    class_: str | None = None,
    longest: int = LONGEST,
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Document:
    """Write what every variant of a VCF changes in every window that it falls into.

    Beside the table stand `<out>.skipped.tsv`, with the reason of each allele that was not
    predicted, and `<out>.summary.json`.

    Parameters
    ----------
    classifier : Predictor
    source : path
        VCF, plain or gzip; "-" is standard input.
    out : path
        Ends in .tsv, .csv, .parquet or .jsonl.
    found : Found
        Windows and genome.
    class_ : str, optional
        Class whose logit is compared.
    longest : int
        Bases of an allele beyond which it is skipped.
    force : bool
        Replace what is there.
    reporter : Reporter, optional

    Returns
    -------
    dict
        `alleles`, `predicted` (those that fall into a window), `rows`, `skipped` (reason → count),
        and, of those whose REF does not fit, `mismatches`.

    Raises
    ------
    InputError
        If a file cannot be read, files do not fit each other, or no variant falls into a window.
    """
    out = Path(out)
    beside = [out.with_name(out.name + end) for end in (".skipped.tsv", ".summary.json")]
    inputs = [source, found.genome]
    require_new(out, force=force, inputs=inputs, formats=FORMATS)
    for path in beside:
        require_new(path, force=force, inputs=inputs)
    if classifier.alphabet_ != "dna":
        raise InputError(
            "The classifier does not read DNA. `cistron mutate` takes proteins and FASTA."
        )
    for note in found.notes:
        reporter.say(note)
    reporter.say(f"Reading {found.genome}")
    listed, summarised = beside
    with (
        open_genome(
            found.genome, found.windows.chromosomes, found.aliases, organelles=found.organelles
        ) as genome,
        new_file(listed, force=force) as skipped,
        skipped.open("w", encoding="utf-8", newline="") as file,
        reporter.bar(None, "predicting variants") as advance,
    ):
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(SKIPPED)
        tally = Tally(lambda variant, reason: writer.writerow(_row(variant, reason)))
        variants = read_variants(source, longest)
        tables = variant_effects(classifier, variants, found.windows, genome, tally, class_)
        _write(tables, out, advance, force)
    summary = _summary(tally)
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    with new_file(summarised, force=force) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
    if not tally.rows:
        reasons = "; ".join(f"{n:,}: {reason}" for reason, n in tally.skipped.most_common())
        why = f" ({reasons})" if reasons else ""
        raise InputError(
            f"{source}: none of its {tally.alleles:,} alleles can be predicted{why}. "
            f"{listed} lists them."
        )
    return summary


def _row(variant: Variant, reason: str) -> tuple[object, ...]:
    alleles = (a if len(a) <= SHOWN else f"{a[:SHOWN]}…" for a in _alleles(variant))
    return (
        variant.line,
        variant.chromosome,
        variant.position + 1,
        variant.name,
        *alleles,
        reason,
    )


def _alleles(variant: Variant) -> tuple[str, str]:
    return variant.reference, variant.alternative


def _write(tables: Iterator[pd.DataFrame], out: Path, advance: Advance, force: bool) -> None:
    """Write tables as they come; nothing where there is none."""
    first = next(tables, None)
    if first is None:
        return

    def every() -> Iterable[pd.DataFrame]:
        for table in chain([first], tables):
            yield table
            advance(len(table))

    join_parts(every(), out, force=force)


def _summary(tally: Tally) -> Document:
    return {
        "alleles": tally.alleles,
        "predicted": tally.predicted,
        "rows": tally.rows,
        "skipped": dict(tally.skipped.most_common()),
        "mismatches": tally.skipped[MISMATCH],
    }
