"""Classifiers in a process that computes: loaded when they are first asked for, and kept."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import parent_process
from pathlib import Path
from types import TracebackType

from cistron.base.errors import InputError
from cistron.classifier.load import load
from cistron.classifier.predictor import Predictor


@dataclass
class Loaded:
    """The classifiers of a process.

    Parameters
    ----------
    runs : dict of str to (Path, str)
        Name of a model → its run, and the checksum that it had when the server began.
    device : str
    """

    runs: dict[str, tuple[Path, str]]
    device: str
    _kept: dict[str, Predictor] = field(default_factory=dict)

    def get(self, name: str) -> Predictor:
        """Return a classifier.

        Raises
        ------
        InputError
            If its files were replaced.
        """
        run, sha256 = self.runs[name]
        if name not in self._kept:
            classifier = load(run)
            if classifier.checksum_ != sha256:
                raise InputError(
                    f"The classifier {name} was replaced by another one while it was served. The "
                    "server has to be started again."
                )
            self._kept[name] = classifier.on(self.device)
        return self._kept[name]

    def without_paths(self, error: InputError) -> str:
        """Return what an error says, with the names of models in place of their folders."""
        text = str(error)
        for name, (run, _) in self.runs.items():
            text = text.replace(str(run), name)
        return text.replace(f"{Path.cwd()}{os.sep}", "").replace(str(Path.cwd()), "the upload")


def end_with_parent() -> None:
    """End this process when that which started it ends, however it ends; log no values."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    with suppress(OSError):  # where memory runs out, Linux ends this process before the server
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    sys.excepthook = _without_values


def _without_values(
    kind: type[BaseException],
    error: BaseException,  # noqa: ARG001
    trace: TracebackType | None,
) -> None:
    """Print where an error was raised, and not what it says: that may be a user's sequence."""
    lines = [f"{kind.__name__} in a process of cistron serve"]
    while trace is not None:
        lines.append(f"  {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    sys.stderr.write("\n".join(lines) + "\n")
