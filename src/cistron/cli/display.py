"""What commands print on stdout: tables for people, JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from cistron.experiment.run_folder import Run
    from cistron.samples.samples import Samples
    from cistron.splits.split import Split

MARKS = {"pass": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}
FEW_VALUES = 30  # of a group column, to be listed one by one
SHOWN = ("mcc", "roc_auc", "macro_roc_auc", "accuracy")
SHOWN_OF_NUMBERS = ("r2", "pearson", "spearman")
SHOWN_OF_SETS = ("macro_f1", "macro_mcc", "jaccard")

BESIDE = (
    ("mcc",),
    ("accuracy",),
    ("balanced_accuracy",),
    ("macro_f1", "f1"),
    ("macro_roc_auc", "roc_auc"),
    ("log_loss",),
    ("ece",),
)
NARROW = ("accuracy", "roc_auc", "macro_roc_auc")


def side_by_side(scores: dict[str, Any], metric: str) -> list[str]:
    """Return the metrics that stand beside one another where runs are compared, one first."""
    found = [next((name for name in names if name in scores), metric) for names in BESIDE]
    return list(dict.fromkeys([metric, *found]))


def show_check(samples: Samples, split: Split, found: dict[str, Any], as_json: bool) -> None:
    """Print what `cistron check` found."""
    counts = _counts(samples, split)
    dropped = samples.dropped["reason"].map(_kind_of_reason).value_counts()
    if as_json:
        document = {
            "samples": len(samples),
            "classes": {name: int(n) for name, n in counts.sum(axis=1).items()},
            "parts": {part: {c: int(n) for c, n in counts[part].items()} for part in counts},
            "dropped": {str(reason): int(n) for reason, n in dropped.items()},
            "notes": list(samples.notes),
            "audit": found,
        }
        if samples.second is not None:
            document["second"] = {"name": samples.second.name, **_second_parts(samples, split)}
        print_json(document)
        return
    import numpy as np

    console = _console()
    table = Table(title=f"{len(samples):,} samples", title_justify="left")
    measure, lengths = _measured(samples)
    for heading in ("class", "samples", *counts.columns, f"{measure} 5 %", "median", "95 %"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    members = samples.memberships
    if samples.quantity:
        members = np.ones((len(samples), 1), dtype=bool)
    for number, name in enumerate(counts.index):
        low, middle, high = lengths[members[:, number]].quantile([0.05, 0.5, 0.95])
        cells = [int(counts.loc[name].sum()), *counts.loc[name], int(low), int(middle), int(high)]
        table.add_row(Text(str(name)), *[f"{cell:,}" for cell in cells])
    console.print(table)
    if samples.quantity:
        low, middle, high = np.quantile(samples.numbers, [0, 0.5, 1])
        told = f"{samples.quantity}: {low:.4g} to {high:.4g}, median {middle:.4g}"
        console.print(Text(told))
    if samples.second is not None:
        _second_table(console, samples, split)
    if samples.separator:
        several = int((members.sum(axis=1) > 1).sum())
        console.print(Text(f"Samples of several classes: {several:,}"))
    if samples.groups:
        found_groups = [f"{samples.table[c].nunique():,} values of {c}" for c in samples.groups]
        console.print(Text("Groups: " + ", ".join(found_groups)))
    for column in samples.groups:
        sizes = samples.table[column].value_counts(sort=False)
        if len(sizes) <= FEW_VALUES:
            told = ", ".join(f"{value} {n:,}" for value, n in sizes.items())
            console.print(Text(f"  {column}: {told}"))
    for note in samples.notes:
        console.print(Text(f"Note: {note}"))
    if len(dropped):
        console.print(Text(f"Not used: {int(dropped.sum()):,} records"))
        for reason, n in dropped.items():
            console.print(Text(f"  {n:,}  {reason}"))
    console.print(Text(f"Split: {found['split']['kind']}. {split.reason}"))
    _audit_table(console, found)


def show_external(found: dict[str, Any], as_json: bool) -> None:
    """Print the audit of an external set."""
    if as_json:
        print_json(found)
    else:
        _audit_table(_console(), found)


def show_search(run: Run, as_json: bool) -> None:
    """Print what a search found."""
    from cistron.report.tuning import sentences

    found = run.read_json("tuning.json")
    if as_json:
        print_json({"run": str(run.path), **found})
        return
    console = _console()
    for sentence in sentences(found):
        console.print(Text(sentence), soft_wrap=True)
    table = Table(title="The best values", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("key")
    table.add_column("value", justify="right")
    for name, value in found["best"]["values"].items():
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        table.add_row(Text(name), Text(text))  # brackets in names are no markup
    console.print(table)
    best, page = run.path / "experiment.yaml", run.path / "report.html"
    console.print(Text(f"{best}: ready for cistron fit. {page}: all trials."), soft_wrap=True)


def show_run(run: Run, as_json: bool) -> None:
    """Print the scores of a run beside its baselines."""
    metrics = run.metrics
    if as_json:
        print_json({"run": str(run.path), "audit": run.audit["verdict"], **metrics})
        return
    console = _console()
    rows = {"model": metrics["test"], **metrics["baselines"]}
    wanted = SHOWN_OF_SETS if "label_separator" in metrics else SHOWN
    wanted = SHOWN_OF_NUMBERS if "quantity" in metrics else wanted
    shown = [name for name in wanted if name in metrics["test"]]
    title = f"Test scores (n = {metrics['test']['n']:,}; 95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("", no_wrap=True, min_width=11)
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for row, scores in rows.items():
        table.add_row(row, *[_interval(scores.get(name)) for name in shown])
    console.print(table)
    if metrics.get("repeats"):
        console.print(Text(_repeated(metrics)), soft_wrap=True)
    comparison = metrics.get("comparison")
    if comparison:
        console.print(Text(_compared(comparison)))
    if metrics.get("second"):
        console.print(Text(_second_scores(metrics["second"])), soft_wrap=True)
    verdict = run.audit["verdict"]
    bad = verdict in ("leak", "confounded")
    console.print(Text(f"Audit: {verdict}.", style=MARKS["fail"] if bad else ""))
    console.print(Text(f"Report: {run.path / 'report.html'}"), soft_wrap=True)


def show_comparison(found: dict[str, Any], page: Path | None, as_json: bool) -> None:
    """Print runs side by side."""
    if as_json:
        print_json({**found, "page": None if page is None else str(page)})
        return
    console = _console()
    for number, made in enumerate(found["tables"], 1):
        _compared_table(console, number, made, found)
        for warning in made["warnings"]:
            console.print(Text(warning, style=MARKS["fail"]), soft_wrap=True)
        console.print(Text(made["conclusion"], style="bold"), soft_wrap=True)
        for difference in made["differences"]:
            if difference["sentence"] not in made["conclusion"]:
                console.print(Text(f"  {difference['sentence']}"), soft_wrap=True)
        for note in made["notes"]:
            console.print(Text(f"Note: {note}"), soft_wrap=True)
        console.print()
    if any(row["group"] for made in found["tables"] for row in made["scores"]):
        console.print(Text("Rows of a table that share a letter cannot be told apart."))
    for sentence in found["apart"]:
        console.print(Text(sentence, style=MARKS["fail"]), soft_wrap=True)
    for note in found["notes"]:
        console.print(Text(f"Note: {note}"), soft_wrap=True)
    if page is not None:
        console.print(Text(f"Page: {page}"), soft_wrap=True)


def show_embedded(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what `cistron embed` did, and every record it could not use."""
    if as_json:
        print_json({"out": str(out), **found})
        return
    console = _console()
    text = (
        f"{out}: {found['embedded']:,} of {found['records']:,} records, {found['width']:,} "
        f"features; {found['computed']:,} sequences computed, {found['cached']:,} from the cache."
    )
    console.print(Text(text), soft_wrap=True)
    for record in found["dropped"]:
        line = f"Not embedded: record {record['record']:,} ({record['id']}): {record['reason']}"
        console.print(Text(line), soft_wrap=True)


def show_predicted_shards(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what was predicted of several inputs."""
    if as_json:
        print_json({"out": str(out), **found})
        return
    _console().print(
        Text(
            f"{out}: {found['shards']:,} shards, {found['records']:,} records, "
            f"{found['predicted']:,} predicted, {found['skipped']:,} skipped, "
            f"{found['warnings']:,} with a warning."
        )
    )


def show_predicted_cells(out: Path, found: dict[str, Any], as_json: bool) -> None:
    """Print what was predicted of a data set of cells, and how far that can be trusted."""
    if as_json:
        print_json({"out": str(out), **found})
        return
    console = _console()
    genes = found["genes"]
    lines = [
        f"{out}: {found['records']:,} cells, {found['predicted']:,} predicted, "
        f"{found['rejected']:,} of them rejected ({found['share_rejected']:.1%})."
    ]
    if genes:
        lines.append(
            f"Genes that the classifier reads: {genes['found']:,} of {genes['read']:,} are in the "
            f"data ({genes['share']:.0%}). {genes['note']}".strip()
        )
    lines.append(_drifted("The data set", found["drift"]))
    for metric in ("mcc", "balanced_accuracy", "accuracy"):
        if found.get("scores"):
            kept = (found.get("scores_kept") or {}).get(metric)
            text = f"{metric.replace('_', ' ')}: {_interval(found['scores'][metric])}"
            lines.append(f"{text}; of the cells not rejected {_interval(kept)}")
    if "aligned" in found:
        lines.append(_aligned(found))
    for column, groups in found["groups"].items():
        for value, each in groups.items():
            text = f"{column} {value}: {each['cells']:,} cells, "
            text += f"{each['share_rejected']:.1%} rejected, drift {_ratio(each['drift'])}"
            if each.get("scores"):
                text += f", accuracy {_interval(each['scores']['accuracy'])}"
            lines.append(text)
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _aligned(found: dict[str, Any]) -> str:
    aligned = found["aligned"]
    text = (
        f"Moved onto the mean of the training cells, {aligned['changed']:.1%} of the cells are "
        "called otherwise (columns aligned_…). That helps where a platform adds the same to all "
        "cells, and misleads where the data hold other shares of the classes."
    )
    scores = aligned.get("scores")
    return f"{text} MCC then: {_interval(scores['mcc'])}." if scores else text


def _drifted(what: str, drift: dict[str, Any]) -> str:
    text = (
        f"{what} is {_ratio(drift)} times as far from the training cells as held-out cells of "
        f"training were ({drift['held_out']})."
    )
    return f"{text} It is clearly further than any of them." if drift["beyond"] else text


def _ratio(drift: dict[str, Any]) -> str:
    return "n/a" if drift["ratio"] is None else f"{drift['ratio']:.2f}"


def show_public(as_json: bool) -> None:
    """Print the public data sets."""
    from cistron.samples.sequences.public import PUBLIC

    if as_json:
        print_json(
            {
                name: {"title": d.title, "bytes": d.size, "licence": d.licence, "origin": d.origin}
                for name, d in PUBLIC.items()
            }
        )
        return
    table = Table()
    for heading in ("name", "what", "download", "licence", "origin"):
        table.add_column(heading)
    for name, data in PUBLIC.items():
        size = f"{data.size / 1e6:.0f} MB"
        table.add_row(name, data.title, size, data.licence, data.origin)
    _console().print(table)


def print_json(document: Any) -> None:
    """Print JSON on stdout."""
    _console().print_json(json.dumps(document, ensure_ascii=False), highlight=False)


def _console() -> Console:
    return Console(soft_wrap=False)


def _measured(samples: Samples) -> tuple[str, pd.Series]:
    """Return what is told of the size of each sample: its length, or of cells the genes found."""
    import pandas as pd

    if samples.payload.content != "genes":
        return "length", pd.Series(samples.sequences.lengths)
    from cistron.samples.cells.cell_profiles import depth_of

    return "genes found", pd.Series(depth_of(samples)[:, 1])


def _counts(samples: Samples, split: Split) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    from cistron.splits.split import PARTS

    members = pd.DataFrame(samples.memberships.astype(int), columns=list(samples.classes))
    if samples.quantity:
        members = pd.DataFrame({"all": np.ones(len(samples), dtype=int)})
    counts = members.groupby(split.names()).sum().T
    return counts.reindex(columns=list(PARTS), fill_value=0)


def _second_parts(samples: Samples, split: Split) -> dict[str, Any]:
    """Return how often each class of the second target is known, by part, and how often none."""
    from cistron.classifier.second import relabelled, where_known

    counts = _counts(relabelled(samples), where_known(samples, split))
    return {
        "parts": {part: {c: int(n) for c, n in counts[part].items()} for part in counts},
        "unknown": int((samples.second_targets < 0).sum()),
    }


def _second_table(console: Console, samples: Samples, split: Split) -> None:
    parts = _second_parts(samples, split)["parts"]
    name = "" if samples.second is None else samples.second.name
    table = Table(title=f"Second target: {name}, where it is known", title_justify="left")
    for heading in ("class", "samples", *parts):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for label in next(iter(parts.values())):
        own = [counts[label] for counts in parts.values()]
        table.add_row(Text(label), *[f"{n:,}" for n in (sum(own), *own)])
    console.print(table)


def _kind_of_reason(reason: str) -> str:
    """Return a reason without what is particular to one record (in parentheses)."""
    return reason.split(" (")[0]


def _audit_table(console: Console, found: dict[str, Any]) -> None:
    table = Table(title=f"Audit: {found['verdict']}", title_justify="left")
    table.add_column("verdict")
    table.add_column("check")
    table.add_column("what was found")
    for check in found["checks"]:
        mark = Text(check["verdict"].upper(), style=MARKS[check["verdict"]])
        table.add_row(mark, check["name"].replace("_", " "), Text(check["summary"]))
    console.print(table)


def _interval(value: dict[str, Any] | None) -> str:
    if value is None or value["value"] is None:
        return "n/a"
    text = f"{value['value']:.2f}"
    if value.get("low") is not None and value.get("high") is not None:
        text += f" ({value['low']:.2f}, {value['high']:.2f})"
    return text


def _second_scores(found: dict[str, Any]) -> str:
    names = dict.fromkeys((found["headline"], *SHOWN))
    told = [
        f"{m.replace('_', ' ')} {_interval(found['test'][m])}" for m in names if m in found["test"]
    ]
    beside = f" {_compared(found['comparison'])}" if found["comparison"] else ""
    return f"Second target {found['name']} (n = {found['test']['n']:,}): {', '.join(told)}.{beside}"


def _repeated(metrics: dict[str, Any]) -> str:
    headline = metrics["headline"]
    spread = metrics["spread"][headline]
    numbers = " ± ".join("n/a" if v is None else f"{v:.3f}" for v in spread.values())
    if not metrics["folds"]:
        return (
            f"{len(metrics['repeats'])} seeds: {headline} of one classifier {numbers} (mean and "
            "standard deviation over the seeds). The table scores all of them together."
        )
    return (
        f"{len(metrics['repeats'])} repeats: {headline} of one cross-validation {numbers} (mean "
        "and standard deviation over the repeats). The table scores probabilities averaged over "
        "them."
    )


def _compared_table(
    console: Console, number: int, made: dict[str, Any], found: dict[str, Any]
) -> None:
    """Print runs and their best baseline; fewer columns where the terminal is narrow."""
    about = {run["name"]: run for run in found["runs"]}
    tested = f"{made['n']:,} samples" + (" that all tested" if len(made["runs"]) > 1 else "")
    title = f"Table {number}: {tested}; 95 % intervals over {made['resampled']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    wide = console.width >= 120
    kinds = ("model", "encoder", "split") if wide else ()
    first, *others = side_by_side(made["scores"][0], found["metric"])
    others = others if wide else [name for name in others if name in NARROW]
    table.add_column("", overflow="fold", min_width=20)
    for name in kinds:
        table.add_column(name, overflow="fold")
    table.add_column(first.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in others:
        table.add_column(name.replace("_", " "), justify="right")
    for row in made["scores"]:
        if row["group"]:
            run = about.get(row["name"], {"model": "baseline"})
            cells = [Text(str(run.get(kind) or "")) for kind in kinds]
            scores = [_value(row[name]) for name in others]
            table.add_row(Text(row["name"]), *cells, _interval(row[first]), row["group"], *scores)
    console.print(table)


def _value(score: dict[str, Any]) -> str:
    return "n/a" if score["value"] is None else f"{score['value']:.2f}"


def _compared(comparison: dict[str, Any]) -> str:
    words = {"better": "beats", "worse": "is worse than", "undecided": "cannot be told apart from"}
    return (
        f"The model {words[comparison['verdict']]} the best baseline, {comparison['baseline']}: "
        f"difference in {comparison['metric']} {_interval(comparison['difference'])}."
    )
