"""TensorBoard: a folder of event files for a run, and one in it for each fold, repeat and trial."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron.pipeline.tracking.parts import Part
from cistron.pipeline.tracking.tracker import Sent, TrackingError, recalled, remember

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SETTINGS = "_hparams_/session_start_info"  # as TensorBoard's page of settings calls them


@dataclass
class _Written:
    """What the event files of a part hold."""

    points: set[tuple[str, int]] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    settings: bool = False


class TensorBoard:
    """Event files in RUN/tensorboard, or in a folder of the run's name in another folder.

    What they hold is read first, and only what is missing is written.

    Parameters
    ----------
    run : Path
        The run directory.
    folder : Path, optional
        Where the folder of the run is made; several runs may share it.
    """

    def __init__(self, run: Path, folder: Path | None) -> None:
        # Imported here, not in the thread that writes: two threads must not import at once.
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from torch.utils.tensorboard import SummaryWriter

        self.option = f"tensorboard={folder}" if folder else "tensorboard"
        self.name = f"TensorBoard in {folder or run / 'tensorboard'}"
        self._run = run
        self._folder = folder
        self._make, self._read = SummaryWriter, EventAccumulator
        self._writers: dict[str, SummaryWriter] = {}
        self._written: dict[str, _Written] = {}

    def send(self, parts: Sequence[Part]) -> Sent:
        """Write what the event files do not hold."""
        sent = Sent()
        try:
            place = self._place()
            for part in parts:
                new, points = self._part(part, place / part.name)
                sent = Sent(sent.parts + new, sent.points + points)
        except OSError as error:
            self.close()
            raise TrackingError(
                f"{error.filename or 'files'}: {error.strerror or error}"
            ) from error
        return sent

    def close(self) -> None:
        """Close the event files."""
        for writer in self._writers.values():
            writer.close()
        self._writers, self._written = {}, {}

    def _place(self) -> Path:
        """Return the folder of the run, in a shared folder one that is no other run's."""
        if self._folder is None:
            return self._run / "tensorboard"
        known = recalled(self._run, self.option).get("folder")
        if known is None:
            name = self._run.resolve().name
            names = (name if number == 1 else f"{name}-{number}" for number in count(1))
            known = next(one for one in names if not (self._folder / one).exists())
            (self._folder / known).mkdir(parents=True)
            remember(self._run, self.option, {"folder": known})
        return self._folder / known

    def _part(self, part: Part, folder: Path) -> tuple[int, int]:
        new = not any(folder.glob("events.*"))
        if part.name not in self._written:
            self._written[part.name] = _Written() if new else self._found(folder)
        written = self._written[part.name]
        points = [p for p in part.points if (p.name, p.step) not in written.points]
        texts = {"settings": part.params} | ({"run": part.tags} if part.complete else {})
        texts = {name: text for name, text in texts.items() if text and name not in written.texts}
        settings = part.complete and not written.settings
        if not (points or texts or settings):
            return 0, 0
        if part.name not in self._writers:
            self._writers[part.name] = self._make(str(folder))
        writer = self._writers[part.name]
        for point in points:
            writer.add_scalar(point.name, point.value, point.step, walltime=point.at / 1000)
        for name, rows in texts.items():
            writer.add_text(name, _table(rows))
        if settings:
            _write_settings(writer, part)
        writer.flush()
        written.points.update((point.name, point.step) for point in points)
        written.texts.update(texts)
        written.settings = written.settings or settings
        if part.complete:
            self._writers.pop(part.name).close()
        return int(new), len(points)

    def _found(self, folder: Path) -> _Written:
        """Read what the event files of a folder hold."""
        events = self._read(str(folder), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        names = events.Tags()
        return _Written(
            {(name, one.step) for name in names["scalars"] for one in events.Scalars(name)},
            {name.removesuffix("/text_summary") for name in names["tensors"]},
            SETTINGS in events.summary_metadata,
        )


def _write_settings(writer: SummaryWriter, part: Part) -> None:
    """Write what TensorBoard's page of settings compares runs and trials by."""
    from torch.utils.tensorboard.summary import hparams

    settings = {
        name: value if isinstance(value, bool | int | float | str) else _text(value)
        for name, value in part.params.items()
    }
    names = dict.fromkeys(sorted({point.name for point in part.points}), 0.0)
    for summary in hparams(settings, names):
        writer._get_file_writer().add_summary(summary)


def _table(rows: Mapping[str, Any]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {name} | {_text(value).replace('|', '&#124;')} |" for name, value in rows.items()]
    return "\n".join(["| key | value |", "|---|---|", *lines])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
