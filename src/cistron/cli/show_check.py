"""What `cistron check` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cistron.cli.display import MARKS, console, print_json

if TYPE_CHECKING:
    import pandas as pd

    from cistron.samples.samples import Samples
    from cistron.splits.split import Split

FEW_VALUES = 30  # of a group column, to be listed one by one


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
    screen = console()
    screen.print(_table_of_classes(samples, counts))
    if summary := samples.target.summary(samples.truth):
        screen.print(Text(summary))
    if samples.second is not None:
        _second_table(screen, samples, split)
    for line in (*_groups(samples), *(f"Note: {note}" for note in samples.notes)):
        screen.print(Text(line))
    if len(dropped):
        screen.print(Text(f"Not used: {int(dropped.sum()):,} records"))
        for reason, n in dropped.items():
            screen.print(Text(f"  {n:,}  {reason}"))
    screen.print(Text(f"Split: {found['split']['kind']}. {split.reason}"))
    _audit_table(screen, found)


def _table_of_classes(samples: Samples, counts: pd.DataFrame) -> Table:
    """Return how many samples each class has in each part, and how large they are."""
    table = Table(title=f"{len(samples):,} samples", title_justify="left")
    measure, sizes = _measured(samples)
    for heading in ("class", "samples", *counts.columns, f"{measure} 5 %", "median", "95 %"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    members = _members(samples).to_numpy()
    for number, name in enumerate(counts.index):
        quantiles = map(int, sizes[members[:, number]].quantile([0.05, 0.5, 0.95]))
        cells = [int(counts.loc[name].sum()), *counts.loc[name], *quantiles]
        table.add_row(Text(str(name)), *[f"{cell:,}" for cell in cells])
    return table


def _groups(samples: Samples) -> list[str]:
    """Return how many groups each column makes, and of few the size of each."""
    if not samples.groups:
        return []
    numbers = [f"{samples.table[c].nunique():,} values of {c}" for c in samples.groups]
    lines = ["Groups: " + ", ".join(numbers)]
    for column in samples.groups:
        sizes = samples.table[column].value_counts(sort=False)
        if len(sizes) <= FEW_VALUES:
            lines.append(f"  {column}: {', '.join(f'{value} {n:,}' for value, n in sizes.items())}")
    return lines


def show_external(found: dict[str, Any], as_json: bool) -> None:
    """Print the audit of an external set."""
    if as_json:
        print_json(found)
    else:
        _audit_table(console(), found)


def _measured(samples: Samples) -> tuple[str, pd.Series]:
    """Return what is told of the size of each sample: its length, or of cells the genes found."""
    import pandas as pd

    if samples.payload.domain.lengths:
        return "length", pd.Series(samples.sequences.lengths)
    from cistron.samples.cells.cell_profiles import depth_of

    return "genes found", pd.Series(depth_of(samples)[:, 1])


def _members(samples: Samples) -> pd.DataFrame:
    """Return which samples have each class, a column a class; without classes the column "all"."""
    import pandas as pd

    if not samples.classes:
        return pd.DataFrame({"all": True}, index=range(len(samples)))
    return pd.DataFrame(samples.memberships, columns=list(samples.classes))


def _counts(samples: Samples, split: Split) -> pd.DataFrame:
    from cistron.splits.split import PARTS

    counts = _members(samples).astype(int).groupby(split.names()).sum().T
    return counts.reindex(columns=list(PARTS), fill_value=0)


def _second_parts(samples: Samples, split: Split) -> dict[str, Any]:
    """Return how often each class of the second target is known, by part, and how often none."""
    from cistron.classifier.second import relabelled, where_known

    counts = _counts(relabelled(samples), where_known(samples, split))
    return {
        "parts": {part: {c: int(n) for c, n in counts[part].items()} for part in counts},
        "unknown": int((samples.second_targets < 0).sum()),
    }


def _second_table(screen: Console, samples: Samples, split: Split) -> None:
    parts = _second_parts(samples, split)["parts"]
    name = "" if samples.second is None else samples.second.name
    table = Table(title=f"Second target: {name}, where it is known", title_justify="left")
    for heading in ("class", "samples", *parts):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for label in next(iter(parts.values())):
        sizes = [counts[label] for counts in parts.values()]
        table.add_row(Text(label), *[f"{n:,}" for n in (sum(sizes), *sizes)])
    screen.print(table)


def _kind_of_reason(reason: str) -> str:
    """Return a reason without what is particular to one record (in parentheses)."""
    return reason.split(" (")[0]


def _audit_table(screen: Console, found: dict[str, Any]) -> None:
    from cistron.splits.audit.check import applying, verdict_sentence

    table = Table(title=f"Audit: {verdict_sentence(found)}", title_justify="left")
    table.add_column("verdict")
    table.add_column("check")
    table.add_column("what was found")
    for check in applying(found):
        mark = Text(check["verdict"].upper(), style=MARKS[check["verdict"]])
        table.add_row(mark, check["name"].replace("_", " "), Text(check["summary"]))
    screen.print(table)
