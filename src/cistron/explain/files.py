"""Explain a file of any size, window by window."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.files import resolved
from cistron.base.output_folder import OutputFolder, kept
from cistron.base.outputs import write_json
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.predict.predict_cells import (
    NewCells,
    cell_windows,
    genes_found,
    overlap_of,
    require_columns,
    with_aliases,
)
from cistron.classifier.predictor import Predictor
from cistron.explain.background import background_facts
from cistron.explain.cells import of_cells
from cistron.explain.checks import faithfulness, randomised_weights
from cistron.explain.composition import Shares, shuffled
from cistron.explain.ensembles import scale_of
from cistron.explain.explanation import Explanation, explain_window
from cistron.explain.settings import ExplainSettings
from cistron.explain.store import ATTRIBUTIONS, SUMMARY, Writer
from cistron.samples.samples import Samples
from cistron.samples.sequences.stream import stream

WINDOW = 256  # samples that are read and explained together
CHECKED = 64  # samples of the first window that the checks look at
LISTED = 20  # features, and records that were not used, that the summary names


@dataclass(frozen=True)
class Choices:
    """How a file is read and checked.

    Parameters
    ----------
    columns : mapping, optional
        For tables: the names of the `id` and `sequence` columns.
    cells : NewCells
        For cells: layer, columns of groups, aliases of genes.
    limit : int, optional
        Explain the first so many records alone.
    randomise : bool
        Also explain the first samples by the network with its weights in random places.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    cells: NewCells = field(default_factory=NewCells)
    limit: int | None = None
    randomise: bool = False


def explain_file(
    classifier: Predictor,
    source: str | Path,
    out: str | Path,
    settings: ExplainSettings | None = None,
    choices: Choices | None = None,
    *,
    run: Path | None = None,
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Document:
    """Explain the records of a file into a folder: attributions.h5 and summary.json.

    Parameters
    ----------
    classifier : Predictor
    source : path
        FASTA, a table or profiles, as `cistron.classifier.predict.predict.predict_file` reads them;
        or cells, as `cistron.classifier.predict.predict_cells.predict_cell_file` does.
    out : path
        Folder to make.
    settings : ExplainSettings, optional
    choices : Choices, optional
    run : Path, optional
        Where the classifier comes from, for the summary.
    force : bool
        Replace an explanation that is there.
    reporter : Reporter, optional

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    InputError
        If the folder exists, no record can be explained, or contributions are not exact.
    """
    settings, choices = settings or ExplainSettings(), choices or Choices()
    folder, began = OutputFolder(Path(out), "an explanation"), time.perf_counter()
    folder.require(force=force, inputs=[source])
    seen = _Summary(shuffled(classifier, settings))
    classifier, windows = _windows(classifier, source, choices, seen, reporter)
    with reporter.bar(choices.limit, f"explaining by {settings.method}") as advance:
        explained = (
            (samples, explain_window(classifier, samples, settings, advance))
            for samples in _first(windows, choices.limit, seen)
        )
        first = next(explained, None)  # a mistake costs no older explanation
        if first is None:
            raise InputError(f"{source}: there is no record that can be explained.")
        checks = _checked(classifier, *first, choices.randomise)
        with folder.opened(force=force, inputs=[source]) as others:
            if others:
                reporter.say(kept(others, folder.path))
            with Writer(folder.path / ATTRIBUTIONS) as writer:
                for _, explanation in chain([first], explained):
                    writer.append(explanation)
                    seen.add(explanation)
                writer.note("checks", checks)
                writer.note("classifier", classifier.checksum_)
            taken = round(time.perf_counter() - began, 3)
            summary = _summarise(classifier, settings, seen, checks, (source, run, taken))
            write_json(folder.path / SUMMARY, summary)
    return summary


def _summarise(
    classifier: Predictor,
    settings: ExplainSettings,
    seen: _Summary,
    checks: Document,
    made: tuple[str | Path, Path | None, float],
) -> Document:
    """Return summary.json; `made` is of which input, by which run, in how many seconds."""
    source, run, seconds = made
    return {
        "settings": settings.document(),
        "background": background_facts(settings, classifier.alphabet_),
        **seen.document(),
        "scale": _scale(classifier, seen.methods),
        "checks": checks,
        "source": str(source),
        "run": None if run is None else str(resolved(run)),
        "seconds": seconds,
    }


def _windows(
    classifier: Predictor,
    source: str | Path,
    choices: Choices,
    seen: _Summary,
    reporter: Reporter,
) -> tuple[Predictor, Iterator[Samples]]:
    """Return the classifier as it reads this file, and the file in windows."""
    window = min(WINDOW, choices.limit or WINDOW)
    if not of_cells(classifier):
        named: Document = dict(choices.columns)
        return classifier, stream(source, classifier.alphabet_, window=window, **named)
    require_columns(Path(source), choices.cells)
    classifier = with_aliases(classifier, choices.cells)
    return classifier, _cells(classifier, source, choices.cells, window, seen, reporter)


def _first(windows: Iterator[Samples], limit: int | None, seen: _Summary) -> Iterator[Samples]:
    """Yield the windows that hold samples, up to a limit of samples; count what is not used."""
    left = limit
    for samples in windows:
        seen.unused(samples)
        some = samples if left is None else samples[:left]
        if len(some):
            yield some
        left = None if left is None else left - len(some)
        if left == 0:
            return


def _scale(classifier: Predictor, methods: Mapping[str, int]) -> str:
    """Return what is explained: the logit of a class, its probability, or a number."""
    if not classifier.head.classes:
        return "number"
    return scale_of(classifier, next(iter(methods))).name


def _cells(
    classifier: Predictor,
    source: str | Path,
    how: NewCells,
    window: int,
    seen: _Summary,
    reporter: Reporter,
) -> Iterator[Samples]:
    """Read cells in windows; groups are called as in the file."""
    for samples in cell_windows(classifier, source, how, window):
        if not seen.genes:
            overlap = overlap_of(classifier, samples)
            if overlap.note:
                reporter.say(overlap.note)
            seen.genes = genes_found(overlap)
        table = samples.table.rename(columns=how.columns)
        yield replace(samples, table=table, groups=how.groups)


def _checked(
    classifier: Predictor, samples: Samples, explanation: Explanation, randomise: bool
) -> Document:
    number = min(CHECKED, len(samples))
    few, known = samples[:number], explanation.span(0, number)
    seed = explanation.settings.seed
    checks: Document = {"faithfulness": faithfulness(classifier, few, known, seed=seed)}
    if randomise:
        checks["randomised_weights"] = randomised_weights(classifier, few, known, seed=seed)
    return checks


class _Summary:
    """What is counted over the windows."""

    def __init__(self, shuffles: bool) -> None:
        self.shares = Shares() if shuffles else None
        self.samples, self.records = 0, 0
        self.errors: list[np.ndarray] = []
        self.explained: dict[str, int] = {}
        self.methods: dict[str, int] = {}
        self.dropped: list[dict[str, str]] = []
        self.features: tuple[str, ...] = ()
        self.sums: Any = 0.0
        self.sizes: Any = 0.0
        self.genes: Document = {}

    def unused(self, samples: Samples) -> None:
        table = samples.dropped
        self.records += len(samples) + len(table)
        self.dropped += [
            {"id": str(name), "reason": str(reason)}
            for name, reason in zip(table["id"], table["reason"], strict=True)
        ]

    def add(self, explanation: Explanation) -> None:
        self.samples += len(explanation)
        if self.shares is not None:
            self.shares.add(explanation)
        self.errors.append(explanation.error)
        for number in explanation.explained:
            name = explanation.classes[number] if number >= 0 else "number"
            self.explained[name] = self.explained.get(name, 0) + 1
        for method in explanation.method:
            self.methods[method] = self.methods.get(method, 0) + 1
        if explanation.codes is None:
            self.features = explanation.features
            vectors = explanation.contributions.reshape(len(explanation), -1).astype(np.float64)
            self.sums = self.sums + vectors.sum(axis=0)
            self.sizes = self.sizes + np.abs(vectors).sum(axis=0)

    def document(self) -> Document:
        errors = np.concatenate(self.errors)
        errors = errors[~np.isnan(errors)]
        document: Document = {
            "samples": self.samples,
            "not_used": {"records": len(self.dropped), "first": self.dropped[:LISTED]},
            "explained": self.explained,
            "methods": self.methods,
            "completeness_error": (
                {"median": float(np.median(errors)), "largest": float(errors.max())}
                if len(errors)
                else None
            ),
        }
        if self.shares is not None and (shares := self.shares.document()):
            document["composition"] = shares
        if self.genes:
            document["genes"] = self.genes
        if self.features:
            order = np.argsort(-self.sizes, kind="stable")[:LISTED]
            document["features"] = [
                {
                    "name": self.features[place],
                    "mean": float(self.sums[place] / self.samples),
                    "mean_size": float(self.sizes[place] / self.samples),
                }
                for place in order
            ]
        return document
