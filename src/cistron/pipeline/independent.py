"""The score of a classifier on an independent labelled set of sequences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.base.outputs import new_file, require_new
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.load import load
from cistron.classifier.predict.cell_summary import why_unscored
from cistron.classifier.predict.parts import join_parts
from cistron.classifier.predict.predict import (
    FORMATS,
    WINDOW,
    with_unused,
)
from cistron.classifier.predictor import Predictor
from cistron.evaluation.domains import predict_baselines
from cistron.evaluation.evaluate import Judging, evaluate
from cistron.pipeline.labelled import NewLabels, Sources, labelled_windows, reasons
from cistron.pipeline.scores import judging, single_numbers
from cistron.pipeline.training_samples import Trained, read_trained
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.audit.audit import audit_external, joined_external
from cistron.splits.audit.check import NOT_FULLY
from cistron.splits.search.nearest import BOTH_COVERED, NearestHomolog, nearest_training
from cistron.splits.search.strands import same_molecule
from cistron.targets.truth import Predictions

FEWEST = 10  # scored sequences with, or without, a relative in training: fewer have no score


def score_sequences(
    run: str | Path,
    source: Sources,
    out: str | Path | None = None,
    *,
    how: NewLabels | None = None,
    device: str = "auto",
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Document:
    """Predict labelled sequences that the run never saw, and score them beside baselines.

    Parameters
    ----------
    run : path
        Directory of a run.
    source : path, or dict of class to path
        FASTA or a table, or the FASTA file of each class.
    out : path, optional
        Predictions are written as `predict_file` writes them, and what is returned beside them as
        `<out>.summary.json`.
    how : NewLabels, optional
        Where the labels are.
    device : str
    force : bool
        Replace `out`.
    reporter : Reporter, optional

    Returns
    -------
    dict
        Of JSON types: `records`, `predicted`, `warnings`, `scored`, `unscored` (reason → records);
        `classes`, `positive`, `headline`, `scores`, `baselines`, `comparison` as of `evaluate`;
        `audit` of the set against the training samples (see `audit_external`), with `missing`
        where these are not at hand; `relatives`: the sequences with a training relative (the same
        molecule, or as similar as the search guards against over 80 % of both), and the scores
        `with` and `without` one.

    Raises
    ------
    InputError
        If the classifier reads cells, or nothing can be read or scored.
    """
    classifier = load(run).on(device)
    if classifier.domain is CELLS:
        raise InputError("The classifier reads cells: see `predict_cell_file`.")
    if out is not None:
        inputs = list(source.values()) if isinstance(source, Mapping) else [source]
        require_new(Path(out), force=force, inputs=inputs, formats=FORMATS)
    trained, how = read_trained(run), how or NewLabels()
    known = getattr(trained.experiment and trained.experiment.samples, "rename", {})
    how = replace(how, rename={**known, **how.rename})
    samples, table, counts = _predicted(classifier, source, how, reporter)
    if out is not None:
        join_parts([table.drop(columns=["label", "scored"])], Path(out), force=force)
    scored = table[table["scored"]].reset_index(drop=True)
    nearest, audited = _audited(trained, samples, reporter)
    baselines = _baselines(trained, samples, nearest)
    target = classifier.head
    truth, predicted = target.truth(scored["label"]), target.from_table(scored)
    judged = Judging(headline=target.metrics[0].name)
    if trained.experiment is not None:
        judged = judging(trained.experiment)
    found = {
        **counts,
        **evaluate(truth, predicted, target, baselines=baselines, how=judged),
        "audit": audited,
        "relatives": None,
    }
    if nearest is not None and trained.samples is not None:
        related = _related(trained.samples, samples, nearest)
        parts = {"with": related, "without": ~related}
        found["relatives"] = {
            "n_with": int(related.sum()),
            "n_without": int((~related).sum()),
            "identity": nearest.guards_from,
            "coverage": BOTH_COVERED,
            **{
                name: single_numbers(
                    evaluate(truth[rows], predicted[rows], target, how=judged)["scores"]
                )
                if rows.sum() >= FEWEST
                else None
                for name, rows in parts.items()
            },
        }
    if out is not None:
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
        beside = Path(out).with_name(Path(out).name + ".summary.json")
        with new_file(beside, force=True) as draft:
            draft.write_text(text + "\n", encoding="utf-8")
    return found


def _predicted(
    classifier: Predictor, source: Sources, how: NewLabels, reporter: Reporter
) -> tuple[Samples, pd.DataFrame, Document]:
    """Predict all records; return those scored, the table of all, and how many there are."""
    tables, payloads, unscored = [], [], []
    with reporter.bar(None, "predicting") as advance:
        for window in labelled_windows(source, str(classifier.alphabet_), how, WINDOW):
            truth = classifier.head.truth(window.labels)
            known = classifier.head.strata(truth) >= 0
            table = classifier.predict(window.samples)
            table["label"], table["scored"] = window.labels.to_numpy(), known
            tables.append(_all_records(table, window.samples, window.first))
            payloads.append(window.samples.sequences.take(np.flatnonzero(known)))
            unscored.append(window.labels[~known].map(why_unscored))
            unscored.append(window.samples.dropped["reason"].map("not predicted: {}".format))
            advance(len(tables[-1]))
    if not tables:
        raise InputError(f"{source}: there is no record to predict.")
    table = pd.concat(tables, ignore_index=True)
    scored = table[table["scored"]]
    if not len(scored):
        classes = ", ".join(classifier.head.classes) or "a number"
        listed = "; ".join(f"{n:,}: {reason}" for reason, n in list(reasons(unscored).items())[:3])
        raise InputError(
            f"No record can be scored ({listed}). The classifier knows: {classes}. Name other "
            "labels with --label, or leave --label out."
        )
    samples = make_samples(Sequences.stack(payloads))
    samples = replace(
        samples,
        table=samples.table.assign(label=scored["label"].to_numpy()),
        target=classifier.head,
    )
    counts = {
        "records": len(table),
        "predicted": int(table["predicted"].notna().sum()),
        "warnings": int((table["warning"] != "").sum()),
        "scored": len(scored),
        "unscored": reasons(unscored),
    }
    return samples, table, counts


def _all_records(table: pd.DataFrame, samples: Samples, first: int) -> pd.DataFrame:
    """Put the records that could not be predicted where they stood; they are not scored."""
    scored = table.pop("scored")
    whole = with_unused(table, samples, first)
    return whole.assign(scored=scored.set_axis(table.index).reindex(whole.index, fill_value=False))


def _audited(
    trained: Trained, samples: Samples, reporter: Reporter
) -> tuple[NearestHomolog | None, Document]:
    """Audit the set against the training samples, where they are at hand."""
    if trained.samples is None:
        return None, {
            "verdict": NOT_FULLY,
            "state": NOT_FULLY,
            "not_checked": ["training samples"],
            "checks": [],
            "missing": trained.missing,
        }
    both, split = joined_external(trained.samples, samples)
    nearest = nearest_training(both, split, progress=reporter.say)
    return nearest, audit_external(trained.samples, samples, nearest=nearest)


def _baselines(
    trained: Trained, samples: Samples, nearest: NearestHomolog | None
) -> dict[str, Predictions]:
    """Return what the run's baselines predict; of training samples not at hand, the usual label."""
    if trained.samples is None or trained.experiment is None or trained.target is None:
        if trained.target is None:
            return {}
        prior = trained.target.prior(trained.target.truth(trained.labels))
        usual = trained.target.of_answers(np.tile(prior, (len(samples), 1)))
        return {trained.target.usual_baseline: usual}
    both, _ = joined_external(trained.samples, samples)
    rows, n = np.arange(len(trained.samples)), len(trained.samples)
    parts = (
        rows[~trained.validation],
        rows[trained.validation],
        np.arange(n, n + len(samples)),
    )
    copied = None if nearest is None else (nearest.row, nearest.identity)
    experiment = trained.experiment
    return predict_baselines(both, parts, experiment.evaluation, experiment.encoder, copied)


def _related(training: Samples, samples: Samples, nearest: NearestHomolog) -> NDArray[np.bool_]:
    """Return which new sequences have a relative among the training samples, shape (new,)."""
    number = same_molecule(Sequences.stack([training.sequences, samples.sequences]))
    same = np.isin(number[len(training) :], number[: len(training)])
    return same | nearest.similar
