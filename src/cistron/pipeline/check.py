"""The samples of an experiment, split and audited; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cistron.base.document import Document
from cistron.base.domains import CELLS, DOMAINS
from cistron.base.errors import InputError, nearest
from cistron.base.files import checksums
from cistron.base.progress import SILENT, Reporter
from cistron.classifier.second import require_known
from cistron.experiment.experiment import Experiment
from cistron.pipeline.auto.candidates import chosen
from cistron.pipeline.start import with_start
from cistron.samples.labels import placeholder_notes
from cistron.samples.samples import Samples
from cistron.samples.sequences.fasta import read_fasta
from cistron.splits.audit.audit import (
    audit,
    audit_external,
)
from cistron.splits.audit.confounding import confounded_sentence
from cistron.splits.settle import settle
from cistron.splits.split import PARTS, TEST, Split
from cistron.training.augment.augment import find_orthologs
from cistron.training.augment.orthologs import OrthologSource
from cistron.training.class_weights import require_weights


def check(
    experiment: Experiment, *, homology: bool | None = None, reporter: Reporter = SILENT
) -> tuple[Samples, Split, Document]:
    """Read and split the samples and audit the split; train nothing.

    Parameters
    ----------
    experiment : Experiment
    homology : bool, optional
        Whether to search test against training sequences; as the experiment says by default.
    reporter : Reporter, optional

    Returns
    -------
    samples, split, audit
        The audit as in audit.json.
    """
    samples, _ = read_samples(experiment)
    reporter.say(f"Read {len(samples):,} samples; {len(samples.dropped):,} records are not used.")
    require_unconfounded(samples, True, reporter)  # said before a split that it makes impossible
    split = experiment.split.split(samples, reporter.say)
    samples, split = settle(samples, split)
    require_weights(samples.classes, experiment.training)
    require_known(samples, split, range(len(PARTS)))
    search = experiment.evaluation.homology_search if homology is None else homology
    found = audit(samples, split, homology=search, progress=reporter.say)
    found = with_start(found, experiment, samples, split.rows(TEST), reporter)
    return samples, split, {**found, "split": describe_split(experiment, split)}


def check_against(
    experiment: Experiment,
    external: Sequence[str],
    *,
    homology: bool = True,
    reporter: Reporter = SILENT,
) -> Document:
    """Audit an external set against all samples of an experiment.

    Parameters
    ----------
    experiment : Experiment
    external : sequence of str
        FASTA files; "class=file" where the class is known.
    homology : bool
        Whether to search the external sequences against the samples.
    reporter : Reporter, optional
    """
    if not DOMAINS[experiment.samples.content].homologs:
        raise InputError(
            "--against compares sequences, and samples.kind is 'cells'. `cistron predict RUN FILE "
            "--label COLUMN` scores another data set and says how far it is."
        )
    samples = experiment.samples.read()
    named = dict(text.split("=", 1) for text in external if "=" in text)
    if named and len(named) < len(external):
        raise InputError("--against: give a class to every file (class=file) or to none.")
    unknown = [name for name in named if name not in samples.classes]
    if unknown:
        raise InputError(
            f"--against: {unknown[0]!r} is not a class of the experiment "
            f"({', '.join(samples.classes)}).{nearest(unknown[0], samples.classes)}"
        )
    source = {name: Path(file) for name, file in named.items()} or [Path(f) for f in external]
    other = read_fasta(source, alphabet=experiment.samples.content)
    reporter.say(f"Read {len(samples):,} samples and {len(other):,} external sequences.")
    return audit_external(samples, other, homology=homology, progress=reporter.say)


def read_samples(experiment: Experiment) -> tuple[Samples, OrthologSource | None]:
    """Read the samples and their orthologs, None where none are asked for."""
    if experiment.model.family == "auto":
        chosen(experiment)  # what cannot be is refused before anything is read
    samples = experiment.samples.read()
    samples = replace(samples, notes=(*samples.notes, *placeholder_notes(samples.classes)))
    orthologs = find_orthologs(experiment.augment, samples, experiment.samples)
    if orthologs is None:
        return samples, None
    sources = checksums([path for settings in experiment.augment for path in settings.paths])
    told = replace(
        samples,
        sources={**samples.sources, **sources},
        notes=(*samples.notes, *orthologs.notes),
    )
    return told, orthologs


def require_unconfounded(samples: Samples, allowed: bool, reporter: Reporter) -> Document:
    """Refuse cells whose label a group determines; return what is to be recorded of it."""
    if samples.payload.domain is not CELLS:
        return {}
    said = confounded_sentence(samples)
    if said and not allowed:
        raise InputError(
            f"samples.groups: {said} Add groups that carry other labels, or train all the same "
            "with --allow-confounded: the report then begins with it."
        )
    if said:
        reporter.say(f"Confounded: {said}")
    return {"allow_confounded": allowed, "confounded": said} if allowed else {}


def describe_split(experiment: Experiment, split: Split) -> Document:
    """Return what audit.json says of a split beside the checks."""
    details = dict(split.details)
    balance = details.pop("balance", {})
    return {
        "kind": experiment.split.kind,
        "reason": split.reason,
        "details": details,
        "balance": balance,
    }
