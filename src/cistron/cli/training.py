"""An experiment checked, trained, searched, reported and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cistron.base.errors import InputError
from cistron.base.outputs import require_new
from cistron.base.progress import Terminal
from cistron.cli.options import (
    AllowConfounded,
    AsJson,
    Changes,
    Device,
    ExperimentFile,
    Force,
    NewRun,
    OnCluster,
    Quiet,
    Resume,
    RunFolder,
    Seed,
    Track,
    changes_of,
    command_line,
    experiment_of,
    follow,
    print_json,
)

InnerFolds = Annotated[
    int, typer.Option(min=0, help="Compare by a cross-validation without the test part.")
]
Nested = Annotated[
    int, typer.Option(min=0, help="Also score the search itself in as many outer folds.")
]
Patience = Annotated[
    int | None, typer.Option(min=1, help="End after as many trials without a better one.")
]
Storage = Annotated[
    str | None, typer.Option(metavar="URL", help="Database that several machines share.")
]


def check(
    experiment: ExperimentFile,
    changes: Changes = None,
    homology: Annotated[bool, typer.Option(help="Search test against training sequences.")] = True,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]FASTA", help="Audit an external set against all samples instead."
        ),
    ] = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Read and validate everything, print counts and the leakage audit; train nothing.

    Exits with 2 when the split leaks.
    """
    from cistron.cli.show_check import show_check, show_external

    chosen = experiment_of(experiment, changes, None, seed)
    reporter = Terminal(quiet)
    if against:
        from cistron.pipeline.check import check_against

        found = check_against(chosen, against, homology=homology, reporter=reporter)
        show_external(found, as_json)
    else:
        from cistron.pipeline.check import check as run_check

        use = None if homology else False
        samples, split, found = run_check(chosen, homology=use, reporter=reporter)
        show_check(samples, split, found, as_json)
    if found["verdict"] == "leak":
        raise InputError("The audit found leakage (the checks marked FAIL).")
    if found["verdict"] == "confounded":
        raise InputError(
            "The label is determined by a group (the check marked FAIL): fit and crossval stop "
            "unless --allow-confounded is said."
        )


def fit(
    context: typer.Context,
    experiment: ExperimentFile,
    out: NewRun,
    changes: Changes = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Train as often, each time with the next seed, and join them."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Seeds trained at the same time.")
    ] = None,
    cluster: OnCluster = None,
    device: Device = None,
    seed: Seed = None,
    force: Force = False,
    resume: Resume = False,
    allow_confounded: AllowConfounded = False,
    track: Track = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train on train, stop and calibrate on validation, score test once, write the report."""
    from cistron.cli.show_run import show_run
    from cistron.pipeline.pipeline import fit as run_fit

    if seeds is not None:
        changes = [*(changes or []), f"evaluation.repeats={seeds}"]
    chosen = experiment_of(experiment, changes, device, seed)
    reporter = Terminal(quiet)
    follow(context, out, track, reporter)
    run = run_fit(
        chosen,
        out,
        force=force,
        resume=resume,
        allow_confounded=allow_confounded,
        workers=workers,
        cluster=cluster,
        reporter=reporter,
        command=command_line(),
        inputs=[experiment],
    )
    show_run(run, as_json)


def crossval(
    context: typer.Context,
    experiment: ExperimentFile,
    out: NewRun,
    changes: Changes = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Repeat all of it as often, each time with the next seed."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Folds trained at the same time.")
    ] = None,
    cluster: OnCluster = None,
    device: Device = None,
    seed: Seed = None,
    force: Force = False,
    resume: Resume = False,
    allow_confounded: AllowConfounded = False,
    track: Track = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train and score every fold; scores per fold and pooled."""
    from cistron.cli.show_run import show_run
    from cistron.pipeline.pipeline import crossval as run_crossval

    if seeds is not None:
        changes = [*(changes or []), f"evaluation.repeats={seeds}"]
    chosen = experiment_of(experiment, changes, device, seed)
    follow(context, out, track, Terminal(quiet))
    run = run_crossval(
        chosen,
        out,
        force=force,
        resume=resume,
        allow_confounded=allow_confounded,
        workers=workers,
        cluster=cluster,
        reporter=Terminal(quiet),
        command=command_line(),
        inputs=[experiment],
    )
    show_run(run, as_json)


def tune(
    context: typer.Context,
    experiment: ExperimentFile,
    out: NewRun,
    trials: Annotated[int, typer.Option(min=1, help="How many trials.")] = 50,
    metric: Annotated[str | None, typer.Option(help="What compares trials.")] = None,
    inner_folds: InnerFolds = 0,
    nested: Nested = 0,
    sampler: Annotated[str, typer.Option(help="tpe, random or quasi_random.")] = "tpe",
    pruner: Annotated[str, typer.Option(help="median, hyperband or none.")] = "median",
    patience: Patience = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Begin no trial after.")] = None,
    storage: Storage = None,
    changes: Changes = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Trials at the same time.")] = None,
    cluster: OnCluster = None,
    device: Device = None,
    seed: Seed = None,
    force: Force = False,
    resume: Resume = False,
    track: Track = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Search the ranges in an experiment file for the best values; never sees the test part."""
    from cistron.cli.show_search import show_search
    from cistron.pipeline.tuning.search import How
    from cistron.pipeline.tuning.tune import read_search
    from cistron.pipeline.tuning.tune import tune as run_tune

    how = How(
        trials=trials,
        metric=metric,
        inner_folds=inner_folds,
        sampler=sampler,
        pruner=pruner,
        patience=patience,
        seconds=None if minutes is None else 60 * minutes,
        storage=storage,
        workers=workers,
        seed=1 if seed is None else seed,
        cluster=cluster,
    )
    follow(context, out, track, Terminal(quiet))
    found = run_tune(
        read_search(experiment, [*(changes or []), *changes_of(device, seed)]),
        out,
        how,
        nested=nested,
        force=force,
        resume=resume,
        reporter=Terminal(quiet),
        command=command_line(),
    )
    show_search(found, as_json)


def track(
    run: RunFolder,
    to: Annotated[
        list[str],
        typer.Option(
            metavar="WHERE",
            help="mlflow, mlflow=URI, tensorboard or tensorboard=FOLDER; may be repeated.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Send a run to MLflow or TensorBoard, all of it that is not there yet."""
    from cistron.pipeline.tracking.follow import send

    sent = [(tracker, *new) for tracker, new in send(run, to)]
    if as_json:
        print_json([{"to": t.option, "runs": r, "numbers": n} for t, r, n in sent])
        return
    for tracker, runs, numbers in sent:
        new = f"runs {runs:,}, numbers {numbers:,}" if runs + numbers else "nothing"
        typer.echo(f"{run}: {tracker.name} has all of it. New there: {new}.")


def report(run: RunFolder) -> None:
    """Write the HTML page again, from what the run holds."""
    from cistron.report.report import write_report
    from cistron.report.tuning import write_tuning

    searched = (run / "tuning.json").is_file()
    typer.echo(str(write_tuning(run) if searched else write_report(run)))


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run directories.")],
    metric: Annotated[
        str | None, typer.Option(help="Compare by this metric instead of the headline one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="Page to write.")
    ] = None,
    resamples: Annotated[
        int | None, typer.Option(min=100, help="Resamples; as many as the pairs need if not said.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the resamples.")] = 1,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Put runs side by side on the same samples, with paired intervals on the differences."""
    from cistron.cli.show_run import show_comparison
    from cistron.pipeline.compare import compare_runs

    if out is not None:
        require_new(out, force=force)
    found = compare_runs(runs, metric, resamples=resamples, seed=seed)
    if out is not None:
        from cistron.report.comparison import write_comparison

        write_comparison(found, out)
    show_comparison(found, out, as_json)
