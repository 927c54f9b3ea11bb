"""A search for the best settings, from the experiment file with ranges to the page that reports it.

The test samples are taken away before the first trial is drawn. What a search finds is too good on
the samples that compared the trials; `nested` says by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from cistron.base.errors import InputError
from cistron.base.jobs.cluster import join
from cistron.base.output_folder import OutputFolder, kept
from cistron.base.progress import SILENT, Logged, Reporter
from cistron.base.secrets import without_password
from cistron.base.yaml_text import parse_yaml, read_yaml
from cistron.experiment.file import make_experiment, read_document
from cistron.experiment.ranges import corners, dimensions, require_searchable
from cistron.experiment.run_folder import Run
from cistron.pipeline.tuning.best import search_best
from cistron.pipeline.tuning.nested import nest
from cistron.pipeline.tuning.search import How, Search
from cistron.pipeline.tuning.trial import visible
from cistron.report.tuning import write_tuning
from cistron.splits.split import TEST
from cistron.training.processes.processes import require_alone

SEARCH = "search.yaml"
TUNING = "tuning.json"


def read_search(path: str | Path, changes: Sequence[str] = ()) -> Search:
    """Read an experiment file with ranges, and validate what each end and option makes of it.

    Raises
    ------
    InputError
        If there is no range, one stands where none may, or an end or option makes an experiment
        that cannot be.
    """
    path = Path(path)
    document, lines = read_document(path, changes)
    require_searchable(document, str(path))
    made = []
    for name, corner in corners(document):
        try:
            made.append(make_experiment(corner, str(path), path.parent, lines))
        except InputError as error:
            where = f"With {name} at one of its values: " if name else ""
            raise InputError(f"{where}{error}") from error
    return Search(document, str(path), path.parent, made[0])


def tune(
    search: Search,
    out: str | Path,
    how: How,
    *,
    nested: int = 0,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter = SILENT,
    command: str = "",
) -> Run:
    """Search, and write the best experiment, all trials, and a page.

    Parameters
    ----------
    search : Search
    out : path
        The run directory; `experiment.yaml` in it is the best experiment, ready for `fit`.
    how : How
    nested : int
        Also make the whole search in each of as many outer folds, and score what it finds on the
        fold that it did not see: the honest score of searching.
    force, resume
        As of `cistron.pipeline.pipeline.fit`.
    reporter : Reporter, optional
    command : str
        Recorded.

    Raises
    ------
    InputError
        Whatever is wrong with the input, and if no trial came to its end.
    """
    require_alone("A search")
    run = Run(Path(out))
    join(how.cluster, run.path, search.start.training.device, reporter)
    inputs = search.files()
    folder = OutputFolder(run.path, "a search")
    folder.require(force=force, resume=resume, inputs=inputs)
    again = resume and (run.path / SEARCH).is_file()
    if again:
        _require_same(run, search, how)
    if search.start.model.family == "auto":
        raise InputError(
            f"{search.source}: model.kind: 'auto' compares candidates itself, so it is not tuned. "
            "Use cistron fit, or name a model to tune."
        )
    samples = search.start.samples.read()
    split = search.start.split.split(samples, reporter.say)
    seen = visible(search.start, samples, split, how.inner_folds, reporter.say)
    hidden = len(split.rows(TEST))
    with folder.opened(force=force, resume=resume, inputs=inputs) as others:
        reporter = Logged(reporter, run.path / "log.txt")
        if others:
            reporter.say(kept(others, run.path))
        if not again:
            _begin(run, search, how)
        reporter.say(
            f"{len(seen.samples):,} samples compare trials; {hidden:,} test samples are hidden."
        )
        best, findings = search_best(search, seen, how, run.path, reporter)
        findings |= {"samples": len(seen.samples), "hidden": hidden, "command": command}
        if nested:
            findings["nested"] = nest(search, samples, how, nested, run.path / "nested", reporter)
        run.write_text("experiment.yaml", best.to_yaml())
        run.write_json(TUNING, findings)
        write_tuning(run.path)
    return run


def _text(search: Search) -> str:
    """Return the experiment file of a search; a section with ranges keeps its paths as given."""
    given, absolute = search.start.document(), search.start.document(absolute=True)
    ranged = {dimension.name.partition(".")[0] for dimension in dimensions(search.document)}
    moved = [n for n in search.document if given[n] != absolute[n] and n not in ranged]
    document = {**search.document, **{name: absolute[name] for name in ("samples", *moved)}}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _require_same(run: Run, search: Search, how: How) -> None:
    """Refuse to go on with another search than the one that was begun."""
    if read_yaml(run.path / SEARCH) != parse_yaml(_text(search), SEARCH):
        raise InputError(
            f"{run.path} was begun with another experiment file, so it cannot be continued. Undo "
            "the change, or choose another directory for --out."
        )
    if run.path.joinpath(TUNING).is_file():
        was = run.read_json(TUNING)
        if (how.metric or search.start.evaluation.metric) != was["metric"]:
            raise InputError(
                f"{run.path} compared trials by {was['metric']}. Give --metric {was['metric']}, or "
                "choose another directory for --out."
            )


def _begin(run: Run, search: Search, how: How) -> None:
    storage = None if how.storage is None else without_password(how.storage)
    metric = how.metric or search.start.evaluation.metric
    run.write_json("how.json", {**asdict(how), "metric": metric, "storage": storage})
    run.write_text(SEARCH, _text(search))  # the last: what has it has begun
