"""Write files that appear whole or not at all, and never in the place of an input.

Files that belong to a folder of Cistron are entered into its list (`cistron.base.output_folder`).
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cistron.base.errors import InputError, NoRoomError, nearest
from cistron.base.files import STDIN

MARK = ".cistron"  # folder that tells a folder of Cistron from any other
DRAFT = ".cistron-"  # how the names of drafts begin
LISTED = "files"  # in it: the files that Cistron wrote, a line each
FULL = {
    errno.ENOSPC: "there is no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the system allows",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the device reports an error",
}


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield the path of a draft, which becomes `path` when the block ends.

    The file is replaced if Cistron wrote it. Within a folder of Cistron it enters the list of its
    files.

    Raises
    ------
    InputError
        If the file cannot be written, or stands in a folder of Cistron and was not written by it.
    """
    root = marked(path.parent)
    if root is not None and path.exists() and name_in(root, path) not in listed(root):
        raise InputError(
            f"{path} was not written by Cistron, so it is not replaced. Move it elsewhere."
        )
    with _draft(path, path.parent if root is None else root / MARK) as draft:
        yield draft
        _to_disk(draft)
        enter(path)
        draft.replace(path)


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield the path of a draft, which becomes the file that the user asked for.

    Raises
    ------
    InputError
        If the file cannot be written, or another process made one while this one was at work.
    """
    with _draft(path, path.parent) as draft:
        yield draft
        if path.exists() and not force:
            raise InputError(
                f"{path} was made by another process in the meantime, and is never overwritten. "
                "Choose another, or say --force."
            )
        _to_disk(draft)
        draft.replace(path)


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Yield the path of a folder that becomes `path` when the block ends.

    Where files of the user are left in a folder of that name (`left_to_the_user`), it is filled.

    Raises
    ------
    FileExistsError
        If it exists otherwise.
    """
    if path.exists() and not left_to_the_user(path):
        raise FileExistsError(f"{path} exists already")
    root = marked(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _draft(path, path.parent if root is None else root / MARK) as draft:
        draft.mkdir()
        yield draft
        inside = [file.relative_to(draft) for file in draft.rglob("*") if file.is_file()]
        enter(*(path / name for name in sorted(inside)))
        if path.exists():
            for part in sorted(draft.iterdir(), reverse=True):
                part.rename(path / part.name)
        else:
            draft.rename(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written(path) as draft:
        try:
            draft.write_text(text, encoding="utf-8")
        except UnicodeEncodeError as error:
            word = ascii(text[max(error.start - 20, 0) : error.end + 20])
            raise InputError(
                f"{path} cannot hold {word}, which is not UTF-8 text. Rename the file that is "
                "called so."
            ) from error


def write_json(path: Path, document: object) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def require_new(
    path: Path,
    *,
    force: bool,
    inputs: Iterable[str | Path] = (),
    formats: Sequence[str] = (),
    option: str = "--out",
) -> None:
    """Refuse an output file of an unknown format, one that is there, an input, or one in no folder.

    Parameters
    ----------
    path : Path
    force : bool
        Replace the file if it is there, unless it is an input.
    inputs : iterable of path
        Files that are read.
    formats : sequence of str
        Suffixes that are allowed; any where there are none.
    option : str
        By which the user named it.

    Raises
    ------
    InputError
    """
    require_text(path, option)
    if formats and path.suffix not in formats:
        raise InputError(
            f"{option} {path}: the suffix tells the format. Use one of {', '.join(formats)}."
            f"{nearest(path.suffix, formats)}"
        )
    if path.is_dir():
        raise InputError(f"{option} {path} is a folder. Name a file in it.")
    if path.exists():
        if any(_same_file(path, Path(one)) for one in inputs if str(one) != STDIN):
            raise InputError(
                f"{option} {path} is an input itself, which is never changed. Choose another."
            )
        if not force:
            raise InputError(
                f"{path} exists and is never overwritten. Choose another, or say --force."
            )
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no directory. Make it first.")


def require_text(path: Path, option: str) -> None:
    """Refuse a name that is not UTF-8, which some libraries cannot write.

    Raises
    ------
    InputError
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{option} {str(path)!a}: the name is not UTF-8 text. Choose another."
        ) from error


def marked(folder: Path) -> Path | None:
    """Return the nearest folder of Cistron that a folder is, or is in."""
    folder = folder.absolute()
    return next((one for one in (folder, *folder.parents) if (one / MARK).is_dir()), None)


def name_in(root: Path, path: Path) -> str:
    """Return how the list of a folder names a file in it."""
    return path.absolute().relative_to(root.absolute()).as_posix()


def listed(root: Path) -> set[str]:
    """Return the files that Cistron wrote in its folder, relative to it."""
    try:
        text = (root / MARK / LISTED).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return set()
    return {
        json.loads(line) for line in text.splitlines() if line.startswith('"') and line[-1] == '"'
    }


def left_to_the_user(folder: Path) -> bool:
    """Return whether a folder inside a folder of Cistron holds nothing that Cistron wrote."""
    root = marked(folder.parent)
    if root is None:
        return False
    inside = name_in(root, folder) + "/"
    return not any(name.startswith(inside) for name in listed(root))


def enter(*paths: Path) -> None:
    """Enter files into the list of the folder of Cistron that they are in, if they are in one."""
    roots = {parent: marked(parent) for parent in {path.parent for path in paths}}
    for root in filter(None, set(roots.values())):
        known = listed(root)
        names = [name_in(root, path) for path in paths if roots[path.parent] == root]
        new = [json.dumps(name) for name in names if name not in known]
        if new:
            # One write at the end of the file: lines of several processes do not mix.
            with (root / MARK / LISTED).open("a", encoding="utf-8") as stream:
                stream.write("".join(f"{line}\n" for line in new))


@contextmanager
def _draft(path: Path, folder: Path) -> Iterator[Path]:
    """Yield a name that nothing else has; whatever is left under it when the block ends goes."""
    draft = folder / f"{DRAFT}{secrets.token_hex(6)}{path.suffix}"
    try:
        yield draft
    except Exception as error:
        reason = full(error)
        if reason:
            raise NoRoomError(
                f"{path} cannot be written: {reason}. Nothing was written under that name. Make "
                "room, or choose another place."
            ) from error
        raise
    finally:
        _remove(draft)


def _to_disk(path: Path) -> None:
    """Have the system write a file out, so that not even a power cut leaves a name without it."""
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def full(error: BaseException) -> str:
    """Return why a file cannot be written; empty where that is not what an error says.

    Libraries in C and Rust put the number of the system's error into their text.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number not in FULL:
        inside = re.search(r"(?:os error|errno =) (\d+)", str(error))
        number = int(inside[1]) if inside else None
    return FULL.get(number or 0, "")


def remove_drafts(folder: Path) -> None:
    """Delete what killed processes left of files in a folder that no other process writes."""
    for draft in folder.glob(f"{DRAFT}*"):
        _remove(draft)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
