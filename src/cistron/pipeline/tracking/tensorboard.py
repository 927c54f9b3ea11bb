"""TensorBoard: a folder of event files for a run, and one in it for each fold, repeat and trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cistron.base.files import resolved
from cistron.pipeline.tracking.tracker import Part, Sent, TrackingError, as_text, remember

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SETTINGS = "_hparams_/session_start_info"  # as TensorBoard's page of settings calls them


class TensorBoard:
    """Event files in RUN/tensorboard, or in a folder of the run's name in another folder.

    What they hold is read first, and only what is missing is written.
    """

    def __init__(self, run: Path, folder: str = "") -> None:
        # Imported here, not in the thread that writes: two threads must not import at once.
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from torch.utils.tensorboard import SummaryWriter

        shared = Path(folder) if folder else None
        self.option = f"tensorboard={shared}" if shared else "tensorboard"
        self.name = f"TensorBoard in {shared or run / 'tensorboard'}"
        self._run, self._shared = run, shared
        self._write, self._read = SummaryWriter, EventAccumulator
        self._writers: dict[str, SummaryWriter] = {}
        self._held: dict[str, set[tuple[str, int]]] = {}  # names and steps, of each part

    def send(self, parts: Sequence[Part]) -> Sent:
        """Write what the event files do not hold."""
        try:
            place = self._place()
            sent = [self._send(part, place / part.name) for part in parts]
        except OSError as error:
            for writer in self._writers.values():
                writer.close()
            self._writers, self._held = {}, {}
            reason = f"{error.filename or 'files'}: {error.strerror or error}"
            raise TrackingError(reason) from error
        return Sent(sum(new for new, _ in sent), sum(points for _, points in sent))

    def _place(self) -> Path:
        """Return the folder of the run, in a shared folder one that is no other run's."""
        if self._shared is None:
            return self._run / "tensorboard"
        name = remember(self._run, self.option).get("folder")
        if name is None:
            base = resolved(self._run).name
            names = (base if number == 1 else f"{base}-{number}" for number in count(1))
            name = next(name for name in names if not (self._shared / name).exists())
            (self._shared / name).mkdir(parents=True)
            remember(self._run, self.option, folder=name)
        return self._shared / name

    def _send(self, part: Part, folder: Path) -> tuple[int, int]:
        """Write what is new of one part; return how many parts and numbers that was."""
        new = not any(folder.glob("events.*"))
        if part.name not in self._held:
            self._held[part.name] = set() if new else self._held_in(folder)
        held = self._held[part.name]
        points = [point for point in part.points if (point.name, point.step) not in held]
        begins = ("settings", 0) not in held
        ends = part.complete and (SETTINGS, 0) not in held
        if points or begins or ends:
            writer = self._writers.get(part.name) or self._write(str(folder))
            self._writers[part.name] = writer
            for point in points:
                writer.add_scalar(point.name, point.value, point.step, walltime=point.at / 1000)
            if begins:
                writer.add_text("settings", _table(part.params))
            if ends and part.tags:
                writer.add_text("run", _table(part.tags))
            if ends:
                _write_settings(writer, part)
            writer.flush()
            held |= {("settings", 0), *[(SETTINGS, 0)] * ends, *((x.name, x.step) for x in points)}
        if part.complete and part.name in self._writers:
            self._writers.pop(part.name).close()
        return int(new), len(points)

    def _held_in(self, folder: Path) -> set[tuple[str, int]]:
        """Read what the event files of a folder hold."""
        events = self._read(str(folder), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        names = events.Tags()
        texts = [name.removesuffix("/text_summary") for name in names["tensors"]]
        scalars = {(name, x.step) for name in names["scalars"] for x in events.Scalars(name)}
        return scalars | {(name, 0) for name in [*texts, *events.summary_metadata]}


def _write_settings(writer: SummaryWriter, part: Part) -> None:
    """Write what TensorBoard's page of settings compares runs and trials by."""
    from torch.utils.tensorboard.summary import hparams

    settings = {
        name: value if isinstance(value, bool | int | float | str) else as_text(value)
        for name, value in part.params.items()
    }
    names = dict.fromkeys(sorted({point.name for point in part.points}), 0.0)
    for summary in hparams(settings, names):
        writer._get_file_writer().add_summary(summary)


def _table(rows: Mapping[str, object]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {name} | {as_text(x).replace('|', '&#124;')} |" for name, x in rows.items()]
    return "\n".join(["| key | value |", "|---|---|", *lines])
