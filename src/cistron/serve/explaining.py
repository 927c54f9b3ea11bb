"""Why a row of a result is as it is: figures and tables in the folder of its job."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.document import Document
from cistron.base.domains import CELLS, DNA, PROTEINS
from cistron.base.errors import InputError
from cistron.base.outputs import write_json, write_text
from cistron.classifier.predict.new_cells import NewCells
from cistron.classifier.predict.predict_cells import cell_windows, overlap_of
from cistron.classifier.predictor import Predictor
from cistron.explain.drawing import TOP, draw, windows_of
from cistron.explain.explanation import Explanation, explain
from cistron.explain.files import Choices, explain_file
from cistron.explain.settings import parse_settings
from cistron.explain.store import ATTRIBUTIONS, read
from cistron.explain.variants.mutate import mutate_file
from cistron.figures.explain.genes import top_features
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.samples import Samples
from cistron.samples.sequences.stream import stream
from cistron.serve.inputs import UNZIPPED
from cistron.serve.worker import Work, job_folder

FACTS = "facts.json"
SUBSTITUTED = 400  # letters up to which every substitution is tried without being asked for
METHOD = {"fall_back": True}


def row_folder(data: Path, job: str, row: int) -> Path:
    """Return the folder of what explains a row."""
    return job_folder(data, job) / "rows" / str(row)


def explain_row(given: Work, classifier: Predictor, question: Document) -> Document:
    """Explain a row of a result; every file appears before `facts.json`.

    Returns
    -------
    dict
        `id`; `figures`: the names of SVG files; `tables`: those of TSV files; `methods`,
        `adds_up` (how far contributions are from doing so) and `substituted`.
    """
    job, row = question["job"], int(question["row"])
    folder = row_folder(given.data, job, row)
    folder.mkdir(parents=True, exist_ok=True)
    source = job_folder(given.data, job) / "input"
    source /= UNZIPPED if (source / UNZIPPED).is_dir() else question["name"]
    try:
        if classifier.domain is CELLS:
            facts = _of_cell(classifier, source, row, folder)
        else:
            run = given.runs[question["model"]][0]
            sample = _record(classifier, source, row, question["columns"])
            facts = _of_sequence(classifier, sample, folder, run, given.limits.explained_letters)
            letters = len(sample.sequences[0])
            wanted = question["substitutions"] or letters <= SUBSTITUTED
            if classifier.domain is PROTEINS and wanted:
                facts |= _substitutions(classifier, folder, facts)
    except InputError as error:
        raise InputError(str(error).replace(f"{source.parent}/", "")) from error
    write_json(folder / FACTS, facts)
    return facts


def _record(classifier: Predictor, source: Path, row: int, columns: dict[str, str]) -> Samples:
    """Return the one record of a row."""
    samples = next(stream(source, classifier.alphabet_, window=1, skip=row, **columns), None)
    if samples is None:
        raise InputError(f"The result has no row {row}.")
    if not len(samples):
        raise InputError(f"The record was not predicted: {samples.dropped['reason'].iloc[0]}.")
    return samples


def _of_sequence(
    classifier: Predictor, sample: Samples, folder: Path, run: Path, most: int
) -> Document:
    """Draw what each position contributes."""
    letters, name = len(sample.sequences[0]), "_".join(str(sample.ids[0]).split())
    if letters > most:
        raise InputError(
            f"The record {name} has {letters:,} letters, and at most {most:,} are explained here. "
            "`cistron explain` explains any number."
        )
    fasta = folder / "record.fasta"
    write_text(fasta, f">{name}\n{sample.sequences.text(0)}\n")
    why = folder / "why"
    shutil.rmtree(why, ignore_errors=True)
    summary = explain_file(
        classifier, fasta, why, parse_settings(**METHOD), Choices(limit=1), force=True
    )
    windows = windows_of(run) if classifier.domain is DNA else None
    drawn = draw(why, 1, "first", windows=windows)
    figures = {"contributions": next(iter([*drawn.tracks.values(), *drawn.totals.values()]))}
    table = _contributions(read(why / ATTRIBUTIONS, slice(0, 1)), classifier.alphabet_)
    _write(folder, figures, {"contributions": table})
    shutil.rmtree(why)
    error = summary["completeness_error"]
    return {
        "id": str(sample.ids[0]),
        "figures": list(figures),
        "tables": ["contributions"],
        "methods": list(summary["methods"]),
        "adds_up": error["largest"] if error else None,
        "letters": letters,
        "substituted": False,
    }


def _contributions(explanation: Explanation, alphabet: str) -> pd.DataFrame:
    """Return what stands in the figure as a table; positions count from 1."""
    if explanation.codes is None or explanation.positions is None:
        names, values = explanation.features, explanation.of(0)
        return pd.DataFrame({"feature": names, "contribution": values})
    return pd.DataFrame(
        {
            "position": explanation.positions + 1,
            "letter": list(ALPHABETS[alphabet].text(explanation.codes)),
            "contribution": explanation.contributions,
        }
    )


def _substitutions(classifier: Predictor, folder: Path, facts: Document) -> Document:
    """Draw what every substitution changes."""
    maps, table = folder / "maps", folder / "substitutions.tsv"
    mutate_file(classifier, folder / "record.fasta", table, maps=maps, force=True)
    drawing = next(maps.glob("*.svg")).read_text(encoding="utf-8")
    shutil.rmtree(maps)
    _write(folder, {"substitutions": drawing}, {})
    figures, tables = [*facts["figures"], "substitutions"], [*facts["tables"], "substitutions"]
    return {"figures": figures, "tables": tables, "substituted": True}


def _of_cell(classifier: Predictor, source: Path, row: int, folder: Path) -> Document:
    """Draw the genes that contribute most to the call of a cell."""
    sample = next(cell_windows(classifier, source, NewCells(), 1, row), None)
    if sample is None or not len(sample):
        raise InputError("The cell was not predicted.")
    overlap_of(classifier, sample)
    explanation = explain(classifier, sample, parse_settings(**METHOD))
    values = np.asarray(explanation.of(0), dtype=np.float64)
    first = np.argsort(-np.abs(values), kind="stable")[:TOP]
    names = np.asarray(explanation.features, dtype=object)
    table = pd.DataFrame({"gene": names, "contribution": values})
    call = explanation.classes[int(explanation.explained[0])] if explanation.classes else "number"
    title = f"{sample.ids[0]}: {call}"
    drawing = top_features(title, 1, names[first].tolist(), values[first].tolist())
    _write(folder, {"genes": drawing}, {"genes": table})
    error = float(explanation.error[0])
    return {
        "id": str(sample.ids[0]),
        "figures": ["genes"],
        "tables": ["genes"],
        "methods": [str(explanation.method[0])],
        "adds_up": error if np.isfinite(error) else None,
        "substituted": False,
    }


def _write(folder: Path, figures: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    for name, drawing in figures.items():
        write_text(folder / f"{name}.svg", drawing + "\n")
    for name, table in tables.items():
        text = table.to_csv(sep="\t", index=False, float_format="%.6g")
        write_text(folder / f"{name}.tsv", text)
