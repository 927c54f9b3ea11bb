"""What mutations of single sequences change: every substitution, or those of a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.output_folder import OutputFolder
from cistron.base.outputs import require_new, write_text
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.classifier.predict.parts import join_parts
from cistron.classifier.predict.predict import FORMATS
from cistron.classifier.predictor import Predictor
from cistron.explain.layout import layout_of
from cistron.explain.perturbed import Changeable, letters_of, rectangle
from cistron.explain.variants.effects import compared
from cistron.figures.explain.heat import heat_map
from cistron.samples.alphabet import Alphabet
from cistron.samples.frames import read_frame
from cistron.samples.samples import Samples
from cistron.samples.sequences.stream import stream

TOKENS = 1 << 19  # positions that are predicted at once
WINDOW = 64  # records that are read at once
LISTED = 20  # records without mutations that the summary names
_MUTATION = re.compile(r"([A-Za-z])(\d+)([A-Za-z])")

Mutation = tuple[tuple[int, str], ...]  # positions (0-based) and new letters
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Which:
    """Which mutations are made, and what is told of them.

    Parameters
    ----------
    positions : tuple of (int, int)
        0-based half-open stretches in which every substitution is made; all of them where there
        are none.
    listed : mapping of str to tuple of str, optional
        Of each id, its mutations: A123V, several at once A123V:G45D. Only these are made.
    class_ : str, optional
        Class whose logit is compared.
    """

    positions: tuple[tuple[int, int], ...] = ()
    listed: Mapping[str, tuple[str, ...]] | None = None
    class_: str | None = None


def parse_positions(text: str) -> tuple[tuple[int, int], ...]:
    """Return 0-based half-open stretches of "10-50,77", which counts from 1 and includes the ends.

    Raises
    ------
    InputError
    """
    stretches = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if first < 1 or last < first:
            raise InputError(f"--positions {text}: write them like 10-50,77, counted from 1.")
        stretches.append((first - 1, last))
    return tuple(stretches)


def read_mutations(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Read a table with the columns `id` and `mutation`.

    Raises
    ------
    InputError
        If it cannot be read, or a mutation is not written like A123V.
    """
    frame = read_frame(path, ["id", "mutation"])
    listed: dict[str, list[str]] = {}
    for row, (name, mutation) in enumerate(zip(frame["id"], frame["mutation"], strict=True), 1):
        for part in str(mutation).split(":"):
            if name is None or not _MUTATION.fullmatch(part.strip()):
                raise InputError(
                    f"{path}, row {row:,}: {mutation!r} of {name!r} is no mutation. Write the old "
                    "letter, its position from 1 and the new letter: A123V, several at once "
                    "A123V:G45D."
                )
        listed.setdefault(name, []).append(str(mutation).replace(" ", "").upper())
    return {name: tuple(dict.fromkeys(some)) for name, some in listed.items()}


@dataclass
class Made:
    """What is counted while records go by."""

    records: int = 0
    mutated: int = 0
    rows: int = 0
    without: list[dict[str, str]] = field(default_factory=list)
    heat: dict[str, str] = field(default_factory=dict)


def mutate_file(
    classifier: Predictor,
    source: str | Path,
    out: str | Path,
    which: Which | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    maps: Path | None = None,
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Document:
    """Write what mutations of each sequence change, one row a mutation, in constant memory.

    Parameters
    ----------
    classifier : Predictor
        Of proteins or DNA.
    source : path
        FASTA or a table.
    out : path
        Ends in .tsv, .csv, .parquet or .jsonl.
    which : Which, optional
    columns : mapping, optional
        For tables: the names of the `id` and `sequence` columns.
    maps : Path, optional
        Folder for a heat map of each sequence, positions × letters, as SVG.
    force : bool
        Replace what is there.
    reporter : Reporter, optional

    Returns
    -------
    dict
        `records`, `mutated`, `rows`, and `without`: records that have no mutation, with the
        reason.

    Raises
    ------
    InputError
        If a file cannot be read, a mutation does not fit its sequence, or there is none.
    """
    out, which, made = Path(out), which or Which(), Made()
    require_new(out, force=force, inputs=[source], formats=FORMATS)
    drawn = _held(maps, which, source, force)
    left = set(which.listed or ())

    def tables() -> Iterator[pd.DataFrame]:
        with reporter.bar(None, "mutating") as advance:
            named: Document = dict(columns or {})
            windows = stream(source, classifier.alphabet_, window=WINDOW, **named)
            for samples in windows:
                made.records += len(samples) + len(samples.dropped)
                for name, reason in samples.dropped[["id", "reason"]].itertuples(index=False):
                    made.without.append({"id": str(name), "reason": str(reason)})
                for row in range(len(samples)):
                    table = _of_one(classifier, samples[row : row + 1], which)
                    left.discard(str(samples.ids[row]))
                    advance()
                    if table is None:
                        reason = "no mutation is listed for it, or no position is in it"
                        made.without.append({"id": str(samples.ids[row]), "reason": reason})
                        continue
                    made.mutated += 1
                    made.rows += len(table)
                    if maps is not None:
                        _map(maps, made, samples, row, table)
                    yield table

    with drawn:
        parts = tables()
        first = next(parts, None)
        if first is None:
            what = "is named in the table of mutations" if which.listed else "has such a position"
            raise InputError(
                f"{source}: there is nothing to mutate: none of its {made.records:,} records "
                f"{what}."
            )
        join_parts(chain([first], parts), out, force=force)
    if left:
        shown = ", ".join(sorted(left)[:5])
        reporter.say(f"Ids of the table that {source} does not have: {len(left):,} ({shown}).")
    return {
        "records": made.records,
        "mutated": made.mutated,
        "rows": made.rows,
        "without": {"records": len(made.without), "first": made.without[:LISTED]},
        "unknown_ids": sorted(left)[:LISTED],
    }


def _of_one(classifier: Predictor, sample: Samples, which: Which) -> pd.DataFrame | None:
    """Return the mutations of the one sample given; None where there are none."""
    letters = letters_of(classifier, sample)
    rows = cast("Ragged", letters.values)
    whole = sample.sequences[0]
    read = np.asarray(layout_of(classifier, sample, rows).positions)
    alphabet: Alphabet = sample.sequences.alphabet
    name = str(sample.ids[0])
    if which.listed is not None:
        texts = which.listed.get(name, ())
        mutations = [_parsed(text, whole, alphabet, name) for text in texts]
    else:
        mutations = _every(whole, which.positions, alphabet)
    if not mutations:
        return None
    before = letters.score(rectangle(rows[0][None]))
    after, seen = _scores(letters, rows[0], read, mutations, alphabet, before)
    table = pd.DataFrame(
        {
            "id": name,
            "mutation": [_written(m, whole, alphabet) for m in mutations],
            "position": [m[0][0] + 1 for m in mutations],
            "reference": ["".join(alphabet.letters[whole[p]] for p, _ in m) for m in mutations],
            "mutant": ["".join(letter for _, letter in m) for m in mutations],
        }
    )
    outputs = classifier.head.outputs
    same = np.repeat(before, len(mutations), axis=0)[:, :outputs]
    table = table.join(compared(classifier, same, after[:, :outputs], which.class_))
    table["warning"] = ["" if s else "not read: outside of what the model reads" for s in seen]
    return table


def _every(
    codes: Codes, stretches: tuple[tuple[int, int], ...], alphabet: Alphabet
) -> list[Mutation]:
    """Return every substitution by another standard letter."""
    wanted = np.ones(len(codes), dtype=bool)
    if stretches:
        wanted[:] = False
        for start, end in stretches:
            wanted[start:end] = True
    return [
        ((place, letter),)
        for place in np.flatnonzero(wanted).tolist()
        for code, letter in enumerate(alphabet.letters[: alphabet.standard])
        if code != codes[place]
    ]


def _parsed(text: str, codes: Codes, alphabet: Alphabet, name: str) -> Mutation:
    """Return a mutation of a list, if it fits the sequence."""
    changes = []
    for part in text.split(":"):
        match = cast("re.Match[str]", _MUTATION.fullmatch(part))
        old, place, new = match[1].upper(), int(match[2]) - 1, match[3].upper()
        if not 0 <= place < len(codes):
            raise InputError(f"{part} of {name}: the sequence has {len(codes):,} letters.")
        there = alphabet.letters[codes[place]]
        if there != old:
            raise InputError(
                f"{part} of {name}: letter {place + 1:,} of the sequence is {there}, not {old}. "
                "The mutation is that of another sequence, or counted otherwise."
            )
        if new not in alphabet.letters[: alphabet.standard]:
            raise InputError(
                f"{part} of {name}: {new} is none of {alphabet.letters[: alphabet.standard]}."
            )
        changes.append((place, new))
    return tuple(changes)


def _written(mutation: Mutation, codes: Codes, alphabet: Alphabet) -> str:
    return ":".join(f"{alphabet.letters[codes[p]]}{p + 1}{letter}" for p, letter in mutation)


def _scores(
    letters: Changeable,
    codes: Codes,
    read: NDArray[np.int64],
    mutations: list[Mutation],
    alphabet: Alphabet,
    before: NDArray[np.float32],
) -> tuple[NDArray[np.float32], list[bool]]:
    """Return the logits of every mutant, and whether the model reads what is mutated."""
    place_of = {int(position): place for place, position in enumerate(read)}
    seen = [any(place in place_of for place, _ in m) for m in mutations]
    after = np.repeat(before, len(mutations), axis=0)
    rows = np.flatnonzero(seen)
    if letters.substitute is not None and all(len(m) == 1 for m in mutations) and len(rows):
        place = np.array([place_of[mutations[row][0][0]] for row in rows])
        letter = np.array([alphabet.letters.index(mutations[row][0][1]) for row in rows])
        after[rows] = letters.substitute(codes, place, letter)[1:]
        return after, seen
    at_once = max(1, TOKENS // max(len(codes), 1))
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        copies = np.repeat(codes[None], len(some), axis=0)
        for copy, row in zip(copies, some.tolist(), strict=True):
            for place, letter in mutations[row]:
                if place in place_of:
                    copy[place_of[place]] = alphabet.letters.index(letter)
        after[some] = letters.score(rectangle(copies))
    return after, seen


def _held(
    maps: Path | None, which: Which, source: str | Path, force: bool
) -> AbstractContextManager[object]:
    """Return what holds the folder of heat maps, where some are drawn; refuse what cannot be."""
    if maps is None:
        return nullcontext()
    if which.listed is not None or which.positions:
        raise InputError("A heat map needs every substitution: leave the choice of them out.")
    folder = OutputFolder(maps, "a folder of heat maps", "--maps")
    folder.require(force=force, inputs=[source])
    return folder.opened(force=force, inputs=[source])


def _map(folder: Path, made: Made, samples: Samples, row: int, table: pd.DataFrame) -> None:
    """Draw the differences of one sequence."""
    alphabet: Alphabet = samples.sequences.alphabet
    letters = alphabet.letters[: alphabet.standard]
    values = np.zeros((len(samples.sequences[row]), len(letters)))
    columns = table["mutant"].map(letters.index).to_numpy()
    values[table["position"].to_numpy() - 1, columns] = table["difference"]
    name = str(samples.ids[row])
    plain = re.sub(r"[^\w.-]+", "_", name)[:80] or "sequence"
    times = made.heat.get(plain, "")
    made.heat[plain] = times + "x"
    path = folder / f"{plain}{f'-{len(times) + 1}' if times else ''}.svg"
    drawing = heat_map(name, samples.sequences.text(row), values, letters)
    write_text(path, drawing + "\n")
