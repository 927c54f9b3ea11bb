"""What is answered at once, in a process of its own: predictions, checks and explanations."""

from __future__ import annotations

import json
import tempfile
from contextlib import chdir
from multiprocessing.connection import Connection
from pathlib import Path

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.classifier.predict.predict import with_unused
from cistron.classifier.predictor import Predictor
from cistron.samples.sequences.stream import stream
from cistron.serve.child import answering
from cistron.serve.explaining import explain_row
from cistron.serve.inputs import require_short
from cistron.serve.loaded import Loaded, end_with_parent
from cistron.serve.settings import SMALL
from cistron.serve.worker import ASKED, Work

LISTED = 20  # problems that a check names


def answer(pipe: Connection, given: Work) -> None:
    """Answer questions until the server ends."""
    end_with_parent()
    loaded = Loaded(given.runs, given.device)
    tasks = {"predict": _predict, "check": _check, "explain": explain_row}

    def answered(question: Document) -> Document:
        classifier = loaded.get(question["model"])
        return tasks[question["do"]](given, classifier, question)

    for name in given.runs:  # whoever asks first waits for them no longer than others
        loaded.get(name)
    kept = given.data / ASKED
    kept.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as folder, chdir(folder):
        answering(pipe, answered, loaded.without_paths)


def _text(classifier: Predictor, question: Document) -> Path:
    """Return a file of the text that was sent, which is read as any other."""
    if classifier.domain is CELLS:
        raise InputError("Cells are sent as a job: an h5ad file, a zipped 10x folder or a table.")
    path = Path("input")
    path.write_text(question["text"], encoding="utf-8")
    return path


def _predict(given: Work, classifier: Predictor, question: Document) -> Document:
    """Predict a few records, as `cistron predict` does."""
    path = _text(classifier, question)
    windows = stream(path, classifier.alphabet_, window=SMALL + 1, **question["columns"])
    samples = next(windows, None)
    if samples is None:
        raise InputError(f"{path}: there is no record to predict.")
    if len(samples) + len(samples.dropped) > SMALL:
        raise InputError(f"At most {SMALL} records are answered at once. Send them as a job.")
    require_short(samples.ids, samples.sequences.lengths, given.limits)
    table = with_unused(classifier.predict(samples), samples, 0)
    return {
        "records": len(table),
        "predicted": int(table["predicted"].notna().sum()),
        "warnings": int((table["warning"] != "").sum()),
        "results": json.loads(table.to_json(orient="records", force_ascii=False)),
    }


def _check(given: Work, classifier: Predictor, question: Document) -> Document:
    """Read records without predicting them; name those that are odd."""
    path = _text(classifier, question)
    records = letters = usable = 0
    odd: list[Document] = []
    for samples in stream(path, classifier.alphabet_, **question["columns"]):
        records += len(samples) + len(samples.dropped)
        usable += len(samples)
        letters += int(samples.sequences.lengths.sum())
        require_short(samples.ids, samples.sequences.lengths, given.limits)
        dropped = samples.dropped[["record", "id", "reason"]].itertuples(index=False)
        odd += [
            {"record": int(record), "id": str(name), "reason": f"is not predicted: {reason}"}
            for record, name, reason in dropped
        ]
        warned = zip(samples.ids, classifier.warnings(samples), strict=True)
        odd += [{"id": str(name), "reason": warning} for name, warning in warned if warning]
    if records > given.limits.records:
        raise InputError(f"A job takes at most {given.limits.records:,} records.")
    found = {"records": records, "usable": usable, "letters": letters}
    return {**found, "odd": odd[:LISTED], "more": max(0, len(odd) - LISTED)}
