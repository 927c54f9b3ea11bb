"""A folder that Cistron makes, knows again by a mark, and deletes file by file.

In it is a folder `.cistron`:

    mark.json    what the folder is, and the version that made it
    files        the files that Cistron wrote in it, a line each
    unfinished   there until everything is written
    lock         held by the process that writes

A folder without it belongs to the user. `--force` deletes the files of the list, and no other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cistron.base.errors import InputError
from cistron.base.files import resolved
from cistron.base.outputs import MARK, listed, require_text
from cistron.base.version import __version__

LOCK, ABOUT, UNFINISHED = "lock", "mark.json", "unfinished"
UNFINISHED_STATE = " that was not finished"
NAMED = 3  # files that a sentence names


@dataclass(frozen=True)
class OutputFolder:
    """A folder to write.

    Parameters
    ----------
    path : Path
    what : str
        "a run", "an explanation": what it is, as messages say it.
    option : str
        By which the user named it.
    """

    path: Path
    what: str
    option: str = "--out"

    @property
    def taken(self) -> bool:
        """Whether something is there."""
        if not self.path.is_dir():
            return self.path.exists() or self.path.is_symlink()
        # A mark without content was made by a process that ended before it wrote anything.
        marked = (self.path / MARK / ABOUT).is_file()
        return any(one.name != MARK or marked for one in self.path.iterdir())

    @property
    def finished(self) -> bool:
        """Whether all of it was written."""
        return not (self.path / MARK / UNFINISHED).exists()

    def require(
        self,
        *,
        force: bool,
        resume: bool = False,
        inputs: Iterable[str | Path] = (),
        state: str = "",
    ) -> None:
        """Refuse a folder that may not be written; change nothing.

        Parameters
        ----------
        force : bool
            What Cistron wrote there may be deleted.
        resume : bool
            What is there may be continued.
        inputs : iterable of path
            Files that are read: what is replaced may hold none of them.
        state : str, optional
            What the folder holds, where more is known than `what`.

        Raises
        ------
        InputError
        """
        require_text(self.path, self.option)
        if not self.taken:
            return
        self._require_ours()
        if resume:
            return
        if not force:
            state = state or self.what + ("" if self.finished else UNFINISHED_STATE)
            remedy = "continue it with --resume, " if state.endswith(UNFINISHED_STATE) else ""
            raise InputError(
                f"{self.path} holds {state}, which is never overwritten: {remedy}choose another "
                f"directory for {self.option}, or replace it with --force."
            )
        place = resolved(self.path)
        inside = next((one for one in inputs if place in resolved(Path(one)).parents), None)
        if inside is not None:
            raise InputError(
                f"{inside} is an input and lies in {self.path}, which --force would replace. "
                f"Choose another directory for {self.option}, or copy the file out of it."
            )

    @contextmanager
    def opened(
        self, *, force: bool = False, resume: bool = False, inputs: Iterable[str | Path] = ()
    ) -> Iterator[list[str]]:
        """Make the folder, or take the place of what Cistron wrote there, and hold it.

        Yields the files that others put there, which stay. What the folder is, is looked at again:
        another process may have been here since `require`.

        Raises
        ------
        InputError
            As `require`, and if another process holds the folder.
        """
        self.require(force=force, resume=resume, inputs=inputs)
        try:
            (self.path / MARK).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.option} {self.path} cannot be made: {error.strerror or error}."
            ) from error
        lock = FileLock(self.path / MARK / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"Another process is writing {self.path}. Wait until it ends, or choose another "
                f"directory for {self.option}."
            ) from error
        try:
            if (self.path / MARK / ABOUT).is_file():  # by a process that let go of it just now
                self.require(force=force, resume=resume, inputs=inputs)
            others = self._others() if resume else self.clear()
            self._mark()
            yield others
            (self.path / MARK / UNFINISHED).unlink(missing_ok=True)
        finally:
            lock.release()

    def clear(self) -> list[str]:
        """Delete what Cistron wrote, and folders that are empty then; return what is left."""
        folders = set()
        for name in listed(self.path):
            file = self.path / name
            if file.is_file() or file.is_symlink():
                file.unlink()
            folders |= {parent for parent in file.parents if self.path in parent.parents}
        for folder in sorted(folders, key=lambda one: -len(one.parts)):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        for file in (self.path / MARK).iterdir():
            if file.name != LOCK:
                file.unlink()
        return self._others()

    def remove(self) -> None:
        """Delete what Cistron wrote, and the folder where nothing else is in it."""
        if self.clear():
            return
        (self.path / MARK / LOCK).unlink(missing_ok=True)
        (self.path / MARK).rmdir()
        self.path.rmdir()

    def _mark(self) -> None:
        (self.path / MARK / UNFINISHED).touch()
        if not (self.path / MARK / ABOUT).is_file():
            about = json.dumps({"what": self.what, "cistron": __version__})
            (self.path / MARK / ABOUT).write_text(about + "\n", encoding="utf-8")

    def _others(self) -> list[str]:
        """Return the files here that Cistron did not write, but for those of folders of its own."""
        ours = listed(self.path)
        found = []
        for place, folders, files in os.walk(self.path):
            folder = Path(place)
            folders[:] = [
                one for one in folders if one != MARK and not (folder / one / MARK).is_dir()
            ]
            names = [(folder / file).relative_to(self.path).as_posix() for file in files]
            found += [name for name in names if name not in ours]
        return sorted(found)

    def _require_ours(self) -> None:
        """Refuse a folder, or a file, that is not of this kind."""
        if self.path.is_dir():
            try:
                about = json.loads((self.path / MARK / ABOUT).read_text(encoding="utf-8"))
                if about["what"] == self.what:
                    return
            except (OSError, ValueError, KeyError, TypeError):
                pass
        raise InputError(
            f"{self.path} exists and is not {self.what}. Nothing in it was touched; choose another "
            f"directory for {self.option}. (Cistron lists what it writes; a folder without a list, "
            "made by an earlier version, is yours to delete.)"
        )


def kept(others: list[str], path: Path) -> str:
    """Return the sentence that names what stays in a folder; empty where nothing does."""
    if not others:
        return ""
    names = ", ".join(others[:NAMED]) + (", …" if len(others) > NAMED else "")
    return f"{path} keeps {len(others):,} files that Cistron did not write: {names}."
