"""From a folder of `cistron explain` to a folder of motifs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.output_folder import OutputFolder, kept
from cistron.base.outputs import written
from cistron.base.progress import SILENT, Reporter
from cistron.base.yaml_text import parse_yaml
from cistron.classifier.load import load
from cistron.experiment.mistakes import explain
from cistron.explain.motifs.analysis import MotifSettings, analyse
from cistron.explain.motifs.database import read_databases
from cistron.explain.motifs.effect import Predict
from cistron.explain.motifs.explained import Explained
from cistron.explain.motifs.read import read_explained, recorded_run
from cistron.explain.motifs.results import MODISCO, document, read_signed, write_results
from cistron.explain.motifs.scan import UNKNOWN
from cistron.explain.target import choose_target
from cistron.samples.alphabet import DNA
from cistron.samples.samples import Sequences, make_samples


@dataclass(frozen=True)
class Beside:
    """What is known beside an explanation.

    Parameters
    ----------
    run : path, optional
        Run directory of the classifier that was explained: for labels, regions and effects; by
        default the one that the explanation says, where it is still there.
    others : tuple of path
        Folders of motifs of other folds or seeds, in which each pattern is looked for.
    anchors : tuple of str
        See `cistron.explain.motifs.read.read_explained`.
    """

    run: str | Path | None = None
    others: tuple[str | Path, ...] = ()
    anchors: tuple[str, ...] = ()


def find_motifs(
    folder: str | Path,
    out: str | Path,
    databases: Sequence[str | Path],
    settings: MotifSettings | None = None,
    beside: Beside | None = None,
    *,
    device: str = "auto",
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Document:
    """Find the motifs of an explanation, and write them into a folder.

    Writes patterns.json, patterns.meme, hits.tsv.gz, modisco.h5, and hits.bed.gz where places are
    known; `cistron.report.motifs.write_motifs` makes the page of what is returned.

    Parameters
    ----------
    folder : path
        Folder that `cistron explain` wrote.
    out : path
        Folder to make.
    databases : sequence of str or path
        See `cistron.explain.motifs.database.read_database`.
    settings : MotifSettings, optional
    beside : Beside, optional
    device : str
    force : bool
        Replace motifs that are there.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If a file is missing or does not fit, or the folder is there.
    """
    made, chosen = OutputFolder(Path(out), "a folder of motifs"), settings or MotifSettings()
    beside = beside or Beside()
    inputs = [folder, *beside.others, *(one for one in databases if Path(one).exists())]
    made.require(force=force, inputs=inputs)
    notes: list[str] = []
    database = read_databases(databases, notes)
    for note in notes:
        reporter.say(note)
    known = [read_signed(other) for other in beside.others]
    run = beside.run if beside.run is not None else recorded_run(folder)
    explained = read_explained(folder, run, beside.anchors)
    predict = None
    if run is not None:
        predict, why = _predictor(explained, run, device)
        notes += [why] if why else []
    with tempfile.TemporaryDirectory() as name:
        keep = Path(name) / MODISCO
        analysis = analyse(
            explained,
            database,
            chosen,
            predict=predict,
            others=known,
            keep=keep,
            reporter=reporter,
        )
        modisco = keep.read_bytes() if keep.is_file() else b""
    facts = {
        "settings": chosen.document(),
        "databases": [str(source) for source in databases],
        "motifs": len(database),
        "versions": {name: metadata.version(name) for name in ("modisco-lite", "memelite")},
    }
    found_motifs = document(
        analysis, explained, facts, [Path(other).name for other in beside.others]
    )
    found_motifs["notes"] += notes
    with made.opened(force=force, inputs=inputs) as others:
        if others:
            reporter.say(kept(others, made.path))
        if modisco:
            with written(made.path / MODISCO) as draft:
                draft.write_bytes(modisco)
        write_results(made.path, analysis, explained, found_motifs)
    return found_motifs


def _predictor(explained: Explained, run: str | Path, device: str) -> tuple[Predict | None, str]:
    """Return the prediction of what is explained, or None and why there is none."""
    if explained.explained == "predicted":
        return None, (
            "No marginal effects: each sequence's own class was explained. Explain one class."
        )
    classifier = load(run).on(device)
    name = explained.explained or None
    if name is not None and name not in set(classifier.classes_):
        raise InputError(f"{run} has no class {name!r}, which is explained. Name its own run.")

    def predict(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        # What lies behind the last known base is no part of a shorter sequence.
        after = (codes[:, ::-1] != UNKNOWN).argmax(axis=1) if explained.varied else 0
        lengths = np.full(len(codes), codes.shape[1]) - after
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        inside = np.arange(codes.shape[1]) < lengths[:, None]
        samples = make_samples(Sequences(codes[inside], offsets, DNA))
        logits = classifier.logits(samples)
        return choose_target(classifier.head, logits, name).of(logits)

    return predict, ""


def parse_settings(changes: Sequence[str], given: Mapping[str, object]) -> MotifSettings:
    """Return settings from "key=value" texts, and from options that were given (not None).

    Raises
    ------
    InputError
        If there is no such key, or its value is not allowed.
    """
    values = {name: value for name, value in given.items() if value is not None}
    for change in changes:
        key, sign, value = change.partition("=")
        if not sign:
            raise InputError(f"--set {change}: write it as key=value, like min_seqlets=50.")
        values[key.strip()] = parse_yaml(value, f"--set {change}")
    try:
        return MotifSettings(**values)
    except ValidationError as error:
        mistakes = [explain(e, values, "--set", {}, MotifSettings) for e in error.errors()]
        raise InputError("\n".join(mistakes)) from error
