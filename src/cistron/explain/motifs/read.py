"""Read what `cistron explain` wrote, for motifs to be looked for in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.untrusted import parse_json, read_object
from cistron.classifier.load import load
from cistron.experiment.file import read_experiment
from cistron.explain.explanation import Explanation
from cistron.explain.export import coordinates
from cistron.explain.motifs.explained import Explained, Places
from cistron.explain.motifs.scan import UNKNOWN
from cistron.explain.store import ATTRIBUTIONS, SUMMARY, read
from cistron.samples.alphabet import DNA
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.genome.stretches import Stretch, stretches_of


def read_explained(
    folder: str | Path, run: str | Path | None = None, anchors: Sequence[str] = ()
) -> Explained:
    """Read an explanation of DNA.

    Parameters
    ----------
    folder : path
        Folder that `cistron explain` wrote.
    run : path, optional
        Run directory of the classifier: it knows labels, and the regions of genome samples.
    anchors : sequence of str
        "tss=500": all columns are counted from the left of column 500; at most one.

    Raises
    ------
    InputError
        If it is no explanation of DNA, has no hypothetical contributions, or is not of that run.
    """
    folder = Path(folder)
    explanation = read(folder / ATTRIBUTIONS)
    facts = _facts(folder / SUMMARY)
    if run is not None:
        _require_same(folder / ATTRIBUTIONS, Path(run))
    return from_explanation(explanation, facts, run, anchors)


def from_explanation(
    explanation: Explanation,
    facts: dict[str, object] | None = None,
    run: str | Path | None = None,
    anchors: Sequence[str] = (),
) -> Explained:
    """Return an explanation in memory as rectangles; see `read_explained`."""
    if not explanation.letters.startswith("ACGT"):
        raise InputError("Motifs are looked for in DNA, and proteins are explained here.")
    if explanation.hypothetical is None or explanation.codes is None:
        raise InputError(
            f"The explanation by {explanation.settings.method} has no hypothetical contributions, "
            "which TF-MoDISco needs. Explain by deeplift (of a network that reads DNA)."
        )
    lengths = np.diff(explanation.offsets)
    n, length = len(lengths), int(lengths.max())
    inside = np.arange(length) < lengths[:, None]
    codes = np.full((n, length), UNKNOWN, dtype=np.uint8)
    codes[inside] = np.minimum(explanation.codes, UNKNOWN)
    hypothetical = np.zeros((n, length, DNA.standard), dtype=np.float32)
    hypothetical[inside] = explanation.hypothetical
    hypothetical[codes == UNKNOWN] = 0
    known = Path(run) if run is not None else None
    stretches = _stretches(length, known, anchors)
    return Explained(
        explanation.ids,
        codes,
        hypothetical,
        _predicted(explanation),
        _labels(explanation.ids, known),
        _explained(explanation),
        stretches,
        _places(explanation, stretches or (Stretch("start", 0, length, 0),)),
        bool((lengths != lengths[0]).any()),
        facts or {},
    )


def recorded_run(folder: str | Path) -> Path | None:
    """Return the run that an explanation says it is of; None where it says none, or it is gone."""
    run = _summary(Path(folder) / SUMMARY).get("run")
    return Path(run) if run and Path(run).is_dir() else None


def _require_same(path: Path, run: Path) -> None:
    """Refuse a run whose classifier is not the one that was explained."""
    with h5py.File(path) as file:
        explained = parse_json(file.attrs.get("classifier", "null"), str(path))
    if explained is not None and explained != load(run).checksum_:
        raise InputError(
            f"{run} holds another classifier than the one that {path.parent} explains. Name its "
            "own run, or explain again."
        )


def _summary(path: Path) -> Document:
    return read_object(path) if path.is_file() else {}


def _facts(path: Path) -> Document:
    """Return what the page says of the explanation."""
    summary = _summary(path)
    if not summary:
        return {}
    settings = summary.get("settings", {})
    facts = {
        name: settings[name]
        for name in ("method", "references", "background", "number")
        if settings.get(name)
    }
    errors = summary.get("completeness_error")
    if errors:
        facts["completeness"] = {**errors, "tolerance": settings.get("tolerance", 1e-3)}
    # Curves stay where they are; the page says their summary.
    checks = {
        name: {key: value for key, value in check.items() if not isinstance(value, list | dict)}
        for name, check in summary.get("checks", {}).items()
    }
    shares = {"composition": summary["composition"]} if summary.get("composition") else {}
    return {**facts, **shares, "samples": summary.get("samples"), "checks": checks}


def _predicted(explanation: Explanation) -> NDArray[np.object_]:
    if not explanation.classes:
        return np.full(len(explanation.ids), "", dtype=object)
    return np.array(explanation.classes, dtype=object)[explanation.probabilities.argmax(axis=1)]


def _explained(explanation: Explanation) -> str:
    if not explanation.classes:
        return ""
    chosen = np.unique(explanation.explained)
    return explanation.classes[chosen[0]] if len(chosen) == 1 else "predicted"


def _labels(ids: NDArray[np.object_], run: Path | None) -> NDArray[np.object_] | None:
    """Return the labels that a run knows of samples with these ids; empty where it knows none."""
    path = run / "samples.parquet" if run is not None else None
    if path is None or not path.is_file():
        return None
    table = pd.read_parquet(path, columns=["id", "label"]).dropna().drop_duplicates("id")
    labels = table.set_index("id")["label"].reindex(ids)
    if pd.api.types.is_numeric_dtype(labels) or labels.isna().all():
        return None
    return labels.fillna("").to_numpy(dtype=object)


def _stretches(length: int, run: Path | None, anchors: Sequence[str]) -> tuple[Stretch, ...]:
    """Return how columns are counted: as the user says, else as the samples of the run are cut."""
    if len(anchors) > 1:
        raise InputError("--anchor can be given once: all columns are counted from it.")
    for text in anchors:
        name, sign, column = text.partition("=")
        if not sign or not name.strip() or not column.strip().isdigit():
            raise InputError(f"--anchor {text}: write it as name=column, like tss=500.")
        if int(column) > length:
            raise InputError(f"--anchor {text}: the sequences have {length:,} columns.")
        return (Stretch(name.strip(), 0, length, int(column)),)
    path = run / "experiment.yaml" if run is not None else None
    if path is None or not path.is_file():
        return ()
    samples = read_experiment(path).samples
    if not isinstance(samples, GenomeSamples):
        return ()
    windows = samples.windows()
    return tuple(stretches_of(windows.parts)) if windows.length == length else ()


def _places(explanation: Explanation, stretches: Sequence[Stretch]) -> Places | None:
    """Return where the sequences lie: by their genes, or by ids as bedtools writes them."""
    known = explanation.coordinates
    if not {"chromosome", "start", "end", "strand"} <= set(known):
        known = coordinates(explanation)
    names = known["chromosome"].to_numpy(dtype=object)
    if pd.isna(names).all():
        return None
    forward = (known["strand"] != "-").to_numpy()
    start, end = (known[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    whole = end - start == np.diff(explanation.offsets)
    zeros = []
    for stretch in stretches:
        five, three = np.where(forward, start, end), np.where(forward, end, start)
        of_gene = {"tss": five, "tts": three}.get(stretch.anchor, np.full(len(names), -1))
        of_window = np.where(forward, start + stretch.zero, end - stretch.zero)
        zeros.append(np.where(whole, of_window, of_gene))
    return Places(names, forward, np.stack(zeros, axis=1))
