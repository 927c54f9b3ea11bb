"""What a long job tells its user while it works: sentences and progress bars, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cistron.base.outputs import enter

Advance = Callable[..., None]
"""`advance(steps, note)`: move the bar on; the note stands at its end."""


class Reporter(Protocol):
    """Where progress goes."""

    def say(self, sentence: str) -> None:
        """Report one step in words."""

    def bar(self, total: int | None, description: str) -> AbstractContextManager[Advance]:
        """Return a context manager that yields an `Advance`."""


class Silent:
    """Report nothing."""

    def say(self, sentence: str) -> None:
        """Drop the sentence."""

    @contextmanager
    def bar(self, total: int | None, description: str) -> Iterator[Advance]:  # noqa: ARG002
        """Yield an advance that does nothing."""
        yield lambda steps=1, note="": None  # noqa: ARG005


SILENT = Silent()


@contextmanager
def working(say: Callable[[str], None], description: str) -> Iterator[None]:
    """Show a bar without an end while something works, where `say` is that of a reporter."""
    reporter = getattr(say, "__self__", None)
    bar = reporter.bar if isinstance(reporter, Terminal | Logged) else SILENT.bar
    with bar(None, description):
        yield


@dataclass(frozen=True)
class Terminal:
    """Report on stderr, with rich progress bars where it is a terminal.

    Parameters
    ----------
    quiet : bool
        Report nothing.
    """

    quiet: bool = False

    def say(self, sentence: str) -> None:
        """Print the sentence on stderr."""
        if not self.quiet:
            sys.stderr.write(sentence + "\n")

    @contextmanager
    def bar(self, total: int | None, description: str) -> Iterator[Advance]:
        """Yield an advance that moves a bar on stderr; without a terminal there is no bar."""
        if self.quiet or not sys.stderr.isatty():
            with SILENT.bar(total, description) as advance:
                yield advance
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Remaining(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(description, total=total, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                progress.update(task, advance=steps, note=note)

            yield advance


@dataclass(frozen=True)
class Within:
    """Report inside of a bar that is shown already: how far the inner work is stands in its note.

    Parameters
    ----------
    reporter : Reporter
    outer : callable
        The `Advance` of that bar.
    """

    reporter: Reporter
    outer: Advance

    def say(self, sentence: str) -> None:
        """Pass the sentence on."""
        self.reporter.say(sentence)

    @contextmanager
    def bar(self, total: int | None, description: str) -> Iterator[Advance]:
        """Yield an advance that writes the note of the outer bar."""
        done = 0
        whole = "" if total is None else f" of {total:,}"

        def advance(steps: int = 1, note: str = "") -> None:  # noqa: ARG001
            nonlocal done
            done += steps
            self.outer(0, f"{description} {done:,}{whole}")

        yield advance
        self.outer(0, "")


@dataclass(frozen=True)
class Logged:
    """Report through another reporter, and append every sentence to a file with its time.

    Parameters
    ----------
    reporter : Reporter
    path : Path
    """

    reporter: Reporter
    path: Path

    def say(self, sentence: str) -> None:
        """Pass the sentence on and append it to the file."""
        self.reporter.say(sentence)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if not self.path.exists():
            enter(self.path)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{now} {sentence}\n")

    def bar(self, total: int | None, description: str) -> AbstractContextManager[Advance]:
        """Pass the bar on."""
        return self.reporter.bar(total, description)
