"""What each variant changes in the prediction of the windows it falls into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.classifier.predictor import Predictor
from cistron.explain.target import choose_target
from cistron.explain.variants.vcf import Variant
from cistron.explain.variants.windows import Codes, Edit, WindowSet
from cistron.samples.alphabet import DNA
from cistron.samples.genome.chromosomes import Chromosome, Names
from cistron.samples.samples import Samples, Sequences, make_samples

BATCH = 512  # changed windows that are predicted together
CHECKED = 200  # alleles after which too many that do not fit the genome end it
OUTSIDE = "outside of every window"
MISMATCH = "REF is not what the genome has there"

Genome = Mapping[str, NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Changed:
    """A window that a variant changes."""

    variant: Variant
    row: int
    before: Codes
    after: Codes


@dataclass
class Tally:
    """What is counted while variants go by.

    Parameters
    ----------
    skip : callable
        Is told each allele that is not predicted, and why.
    """

    skip: Callable[[Variant, str], None]
    alleles: int = 0
    predicted: int = 0
    rows: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    compared: int = 0

    def leave_out(self, variant: Variant, reason: str, detail: str = "") -> None:
        """Count and list an allele that is not predicted."""
        self.skipped[reason] += 1
        self.skip(variant, f"{reason}{detail}")


def variant_effects(
    classifier: Predictor,
    variants: Iterable[Variant],
    windows: WindowSet,
    genome: Genome,
    tally: Tally,
    class_: str | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield a table of each batch: one row per variant, window and alternative allele.

    Parameters
    ----------
    classifier : Predictor
        Of DNA.
    variants : iterable of Variant
    windows : WindowSet
    genome : mapping of str to ndarray
        Chromosomes by the names that the windows use.
    tally : Tally
        Is filled.
    class_ : str, optional
        Class whose logit is compared; see `cistron.explain.target.choose_target`.

    Raises
    ------
    InputError
        If more than half of the first alleles do not fit the genome.
    """
    held: list[Changed] = []
    for changed in _changes(variants, windows, genome, tally):
        held.append(changed)
        if len(held) == BATCH:
            yield _table(classifier, held, windows, class_)
            held = []
    if held:
        yield _table(classifier, held, windows, class_)


def _changes(
    variants: Iterable[Variant], windows: WindowSet, genome: Genome, tally: Tally
) -> Iterator[Changed]:
    names = Names(windows.chromosomes, {})
    known: dict[str, str | None] = {}
    nothing = np.empty(0, dtype=np.uint8)
    for variant in variants:
        tally.alleles += 1
        if variant.skipped:
            tally.leave_out(variant, variant.skipped)
            continue
        given = variant.chromosome
        if given not in known:
            known[given] = names.find(Chromosome(given, given, nothing))
        name = known[given]
        if name is None or name not in genome:
            tally.leave_out(variant, "no window on its chromosome")
            continue
        start, end, new = variant.trimmed
        edit = Edit(start, end, _codes(new))
        rows = windows.touched(name, edit)
        if not rows:
            tally.leave_out(variant, OUTSIDE)
            continue
        if not _fits(variant, genome[name], tally):
            continue
        found = [_cut(variant, row, windows, genome[name], edit) for row in rows]
        # What is inserted beside a window may not get into it.
        found = [
            c for c in found if windows.within(c.row, edit) or not np.array_equal(c.before, c.after)
        ]
        if not found:
            tally.leave_out(variant, OUTSIDE)
            continue
        tally.predicted += 1
        tally.rows += len(found)
        yield from found


def _codes(text: str) -> Codes:
    return DNA.codes[np.frombuffer(text.encode(), dtype=np.uint8)]


def _fits(variant: Variant, chromosome: NDArray[np.uint8], tally: Tally) -> bool:
    """Check REF against the genome, where both know the base."""
    reference = _codes(variant.reference)
    there = np.asarray(chromosome[variant.position : variant.position + len(reference)])
    tally.compared += 1
    known = len(there) == len(reference)
    if known:
        both = (there < DNA.standard) & (reference < DNA.standard)
        known = bool((there == reference)[both].all())
    if not known:
        shown = DNA.text(there[:20]) if len(there) else "the end of the chromosome"
        detail = f": {shown}" if len(there) <= 20 else f": {shown}…"
        tally.leave_out(variant, MISMATCH, detail)
    wrong = tally.skipped[MISMATCH]
    if tally.compared >= CHECKED and wrong > tally.compared / 2:
        raise InputError(
            f"REF of {wrong:,} of the first {tally.compared:,} alleles is not what the genome has "
            f"there, on line {variant.line:,} for example. The variants are those of another "
            "assembly: take the genome that they were called on."
        )
    return known


def _cut(
    variant: Variant, row: int, windows: WindowSet, chromosome: NDArray[np.uint8], edit: Edit
) -> Changed:
    """Cut a window without and with the variant."""
    first, last = windows.span(row)
    room = abs(edit.longer) + len(variant.reference) + len(variant.alternative)
    low, high = max(min(first, edit.start) - room, 0), max(last, edit.end) + room
    codes = np.asarray(chromosome[low:high])
    before, after = windows.cut(row, codes, low), windows.cut(row, codes, low, edit)
    return Changed(variant, row, before, after)


def _table(
    classifier: Predictor, held: list[Changed], windows: WindowSet, class_: str | None
) -> pd.DataFrame:
    """Predict a batch; a window without variant only once."""
    rows, which = np.unique([c.row for c in held], return_inverse=True)
    one = {c.row: c.before for c in held}
    samples = _samples([*(one[row] for row in rows.tolist()), *(c.after for c in held)])
    logits = classifier.logits(samples)
    before, after = logits[: len(rows)][which], logits[len(rows) :]
    variants = [c.variant for c in held]
    placed = [windows.place(c.row, c.variant.trimmed[0]) for c in held]
    table = pd.DataFrame(
        {
            "variant": [v.name for v in variants],
            "line": [v.line for v in variants],
            "chromosome": [v.chromosome for v in variants],
            "position": [v.position + 1 for v in variants],
            "reference": [v.reference for v in variants],
            "alternative": [v.alternative for v in variants],
            "window": [windows.ids[c.row] for c in held],
            "strand": [strand for strand, _, _ in placed],
            "region": [region for _, region, _ in placed],
            "distance": [distance for _, _, distance in placed],
        }
    )
    table = table.join(compared(classifier, before, after, class_))
    warnings = classifier.warnings(samples[len(rows) :])
    unseen = ["hidden from the model" if np.array_equal(c.before, c.after) else "" for c in held]
    table["warning"] = [
        "; ".join(filter(None, (hidden, said)))
        for hidden, said in zip(unseen, warnings, strict=True)
    ]
    return table


def _samples(rows: list[Codes]) -> Samples:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return make_samples(Sequences(np.concatenate(rows), offsets, DNA))


def compared(
    classifier: Predictor,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    class_: str | None,
) -> pd.DataFrame:
    """Return what is predicted without and with a change, and the difference.

    Parameters
    ----------
    classifier : Predictor
    before, after : ndarray, shape (n, outputs)
        Logits.
    class_ : str, optional
        Class whose logit is compared; by default the second of two, else the one predicted
        without the change.

    Returns
    -------
    DataFrame
        `predicted_reference`, `predicted_alternative`; of classes `p_reference_<class>` and
        `p_alternative_<class>` (calibrated) and `class`; `difference`: of the logit of that class
        (of two classes, of the log-odds), or of the number.
    """
    head = classifier.head
    target = choose_target(head, before, class_)
    columns: dict[str, object] = {}
    kinds = {"reference": before, "alternative": after}
    told = {kind: head.columns(head.predictions(outputs)) for kind, outputs in kinds.items()}
    columns |= {f"predicted_{kind}": table.pop("predicted") for kind, table in told.items()}
    for kind, table in told.items():
        columns |= {name.replace("p_", f"p_{kind}_", 1): share for name, share in table.items()}
    if head.classes:
        columns["class"] = np.asarray(classifier.classes_, dtype=object)[target.classes]
    columns["difference"] = target.of(after) - target.of(before)
    return pd.DataFrame(columns)
