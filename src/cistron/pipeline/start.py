"""What the run that a training starts from was trained on, audited against what is tested now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.base.errors import InputError
from cistron.base.files import checksums, resolved
from cistron.base.progress import Reporter
from cistron.classifier.files import DESCRIPTION
from cistron.classifier.start import name_of_run
from cistron.experiment.experiment import Experiment
from cistron.pipeline.training_samples import Trained, read_trained
from cistron.samples.samples import Samples
from cistron.splits.audit.audit import audit_external
from cistron.splits.audit.check import (
    AUDIT_VERDICTS,
    FAIL,
    NOT_FULLY,
    PASS,
    SKIPPED,
    WARN,
    Check,
    report,
)

NAME = "earlier_training"  # of the check
SHORT_OF = {"leak": FAIL, "warning": WARN, NOT_FULLY: SKIPPED, "clean": PASS}


def starting_files(experiment: Experiment) -> dict[str, str]:
    """Return the checksum of the classifier that training starts from, by its path."""
    path = experiment.training.start_from
    if path is None:
        return {}
    folders = (path, path / "model")
    return checksums([f / DESCRIPTION for f in folders if (f / DESCRIPTION).is_file()])


def with_start(
    audit: Document,
    experiment: Experiment,
    samples: Samples,
    tested: NDArray[np.int64],
    reporter: Reporter,
) -> Document:
    """Return an audit with what it says of the run that training starts from, where it does.

    Parameters
    ----------
    audit : dict
        Of the split.
    experiment : Experiment
    samples : Samples
    tested : ndarray of int64
        Rows on which the new classifier is scored.
    reporter : Reporter

    Returns
    -------
    dict
        With the check `earlier_training`, whose verdict counts in that of the audit, and the
        section `start_from`: `run` (its name), `verdict`, `state`, `not_checked` and `checks` as of
        `audit_external`, `missing` where the training samples are not at hand, and `start_from` of
        the run that it started from in its turn.
    """
    path = experiment.training.start_from
    if path is None:
        return audit
    searched = experiment.evaluation.homology_search
    section = _audited(path, samples.take(tested), searched, reporter, frozenset())
    checks = [Check(**check) for check in audit["checks"]]
    return {**audit, **report([*checks, _check(section)]), "start_from": section}


def _audited(
    path: Path, tested: Samples, searched: bool, reporter: Reporter, seen: frozenset[Path]
) -> Document:
    """Return the section of one run, and of those that it started from."""
    folder, name = _run_of(path), name_of_run(path)
    trained = read_trained(folder)
    section: Document = {"run": name, **_compared(trained, tested, searched, reporter)}
    before = trained.experiment.training.start_from if trained.experiment else None
    if before is not None and resolved(before) not in seen:
        earlier = _audited(before, tested, searched, reporter, seen | {resolved(before)})
        worst = max(section, earlier, key=lambda each: AUDIT_VERDICTS.index(each["verdict"]))
        unknown = [*section["not_checked"], *earlier["not_checked"]]
        section |= {"verdict": worst["verdict"], "not_checked": list(dict.fromkeys(unknown))}
        section["state"] = (
            "leaks" if worst["verdict"] == "leak" else NOT_FULLY if unknown else "clean"
        )
        section["start_from"] = earlier
    return section


def _run_of(path: Path) -> Path:
    """Return the run of a classifier that is named by its own folder, or is a member in it."""
    names = path.resolve().parts
    if names[-1] == "model":
        return path.resolve().parent
    return path.resolve().parents[2] if names[-3:-1] == ("model", "members") else path


def _compared(trained: Trained, tested: Samples, searched: bool, reporter: Reporter) -> Document:
    """Audit the tested samples against those that a run was trained on."""
    if trained.samples is None:
        return _unknown(trained.missing)
    content, ours = trained.samples.payload.content, tested.payload.content
    if content != ours:
        return _unknown(f"It was trained on {content}, and {ours} is tested here.")
    if trained.samples.target.question() != tested.target.question():
        tested = replace(tested, table=tested.table.assign(label=np.nan))
    try:
        audit = audit_external(
            trained.samples,
            tested,
            homology=searched,
            progress=reporter.say,
            tested_as="test",
        )
    except InputError as error:
        return _unknown(str(error))
    if tested.payload.domain is CELLS and not _same_files(trained.samples, tested):
        audit = report([_other_names(Check(**check)) for check in audit["checks"]])
    return audit


def _unknown(missing: str) -> Document:
    return {
        "verdict": NOT_FULLY,
        "state": NOT_FULLY,
        "not_checked": ["training samples"],
        "checks": [],
        "missing": missing,
    }


def _same_files(samples: Samples, others: Samples) -> bool:
    return bool(set(samples.sources.values()) & set(others.sources.values()))


def _other_names(check: Check) -> Check:
    """Return a check of groups that two data sets may name alike: a donor 1 is in many of them."""
    if check.name != "shared_groups" or check.verdict != FAIL:
        return check
    summary = f"{check.summary} The files are others, so that the same name may mean another group."
    return replace(check, verdict=WARN, summary=summary)


def _check(section: Document, who: str = "Training starts") -> Check:
    """Return what a section says as one check of the audit; `who` starts from its run."""
    name, verdict = section["run"], SHORT_OF[section["verdict"]]
    bad = [check for check in section["checks"] if check["verdict"] in (FAIL, WARN)]
    told = " ".join(check["summary"] for check in bad)
    if "missing" in section:
        told = "Whether it was trained on samples that are tested here is unknown: "
        told += section["missing"]
    elif verdict == FAIL:
        told = f"It was trained on samples that are tested here. {told}"
    elif not bad:
        told = "No sample that is tested here was found among its training samples."
    if "start_from" in section:
        told += f" {_check(section['start_from'], f'{name} started').summary}"
    unknown = section["not_checked"]
    if unknown and "missing" not in section:
        told += f" Not checked: {', '.join(each.replace('_', ' ') for each in unknown)}."
    details = {check["name"]: check["summary"] for check in section["checks"]}
    return Check(NAME, verdict, f"{who} from {name}. {told}", details, bool(unknown))
