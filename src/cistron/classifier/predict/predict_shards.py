"""Predict many files at once: each shard is a job, and its output appears once and whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from glob import glob, has_magic
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

from cistron.base.domains import CELLS, DOMAINS
from cistron.base.errors import InputError, nearest
from cistron.base.files import checksums
from cistron.base.jobs.cluster import join
from cistron.base.jobs.job import Ended, Job
from cistron.base.jobs.jobs import require_all, run_jobs
from cistron.base.output_folder import OutputFolder, kept
from cistron.base.outputs import enter, remove_drafts
from cistron.base.progress import SILENT, Reporter
from cistron.base.version import __version__
from cistron.classifier.load import load
from cistron.classifier.predict.new_cells import NewCells
from cistron.classifier.predict.parts import INTERRUPTED
from cistron.classifier.predict.predict import FORMATS, predict_file
from cistron.classifier.predict.predict_cells import predict_cell_file
from cistron.classifier.predictor import Predictor
from cistron.experiment.run_folder import Run
from cistron.samples.cells.cell_formats import holds_cells
from cistron.samples.sequences.profiles import holds_profiles

MANIFEST = "shards.json"
PARTS = "parts"  # folder of what is not finished, and of what is known of finished shards
COUNTS = ("records", "predicted", "warnings")


@dataclass(frozen=True)
class Reading:
    """How the shards are read.

    Parameters
    ----------
    columns : dict
        As of `cistron.classifier.predict.predict.predict_file`.
    orthologs : (paths, paths), optional
        As of `cistron.classifier.predict.predict.predict_file`.
    cells : NewCells
        As of `cistron.classifier.predict.predict_cells.predict_cell_file`.
    """

    columns: dict[str, str] = field(default_factory=dict)
    orthologs: tuple[Sequence[Path], Sequence[Path]] | None = None
    cells: NewCells = field(default_factory=NewCells)

    def document(self) -> dict[str, Any]:
        """Return it as the manifest has it."""
        files = [*self.orthologs[0], *self.orthologs[1]] if self.orthologs else []
        cells = json.loads(json.dumps(asdict(self.cells), default=str))
        return {"columns": self.columns, "orthologs": checksums(files), "cells": cells}


class ShardOptions(TypedDict, total=False):
    """The keywords of `predict_shards`; see `Predicting`."""

    format: str
    reading: Reading | None
    device: str
    workers: int | None
    cluster: str | None
    force: bool
    resume: bool
    reporter: Reporter


@dataclass(frozen=True)
class Predicting:
    """The keywords with their defaults.

    Parameters
    ----------
    format : {"tsv", "csv", "parquet", "jsonl"}
    reading : Reading, optional
    device : str
    workers : int, optional
        Shards at the same time. One where it is not said; on a cluster as many as it has room for.
    cluster : str, optional
        Address of a Ray cluster (see `cistron.base.jobs.cluster`).
    force : bool
        Replace the predictions that are there.
    resume : bool
        Predict what is missing, and go on in what was begun.
    reporter : Reporter, optional
    """

    format: str = "tsv"
    reading: Reading | None = None
    device: str = "auto"
    workers: int | None = None
    cluster: str | None = None
    force: bool = False
    resume: bool = False
    reporter: Reporter = SILENT


def find_shards(source: str, alphabet: str) -> list[Path] | None:
    """Return the files of a pattern or a folder; None where the source is one input.

    A folder of profiles is one input, and so is any folder of cells, such as 10x or zarr.

    Parameters
    ----------
    source : str
        A file, a folder, or a pattern with *, ? or […]; ** stands for folders.
    alphabet : {"protein", "dna", "genes"}
        Of the classifier.

    Raises
    ------
    InputError
        If nothing fits the pattern, or there is nothing in the folder.
    """
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _is_visible(file, alphabet))
        if _is_one(files, alphabet):
            return None
        if not files:
            raise InputError(f"{source} is a folder without files. Put shards in it.")
        return files
    if path.exists() or not has_magic(source):
        return None
    found = map(Path, glob(source, recursive=True))  # noqa: PTH207 (a path takes no absolute one)
    files = sorted(file for file in found if _is_visible(file, alphabet))
    if not files:
        raise InputError(
            f"{source}: no file fits the pattern. It is relative to {Path.cwd()}, and stands in "
            "quotes, so that the shell leaves it as it is."
        )
    return files


def _is_visible(file: Path, alphabet: str) -> bool:
    """Tell what can be a shard: a file, or a folder of cells (zarr, 10x)."""
    folder = not DOMAINS[alphabet].lengths and file.is_dir() and holds_cells(file)
    return (file.is_file() or folder) and not file.name.startswith(".")


def _is_one(files: Sequence[Path], alphabet: str) -> bool:
    return not DOMAINS[alphabet].lengths or (
        alphabet == "protein" and (not files or holds_profiles(files[0]))
    )


def predict_shards(
    run: str | Path,
    shards: Sequence[Path],
    out: str | Path,
    **options: Unpack[ShardOptions],
) -> dict[str, Any]:
    """Predict every shard into a file of its own; what a single one would give is in it.

    Parameters
    ----------
    run : path
        Of the classifier.
    shards : sequence of Path
    out : path
        Folder: `shard_1.fasta.gz` becomes `shard_1.tsv` in it, and `shards.json` says what was
        predicted by what.
    **options
        format, reading, device, workers, cluster, force, resume and reporter, as `Predicting` has
        them.

    Returns
    -------
    dict
        How many `shards` and `records` there are, how many were `predicted`, how many `skipped`
        (with the reason in the output), and how many have a `warning`.

    Raises
    ------
    InputError
        If names collide, the folder holds predictions by another classifier or of other options, or
        shards cannot be predicted; the others are finished then.
    """
    how = Predicting(**options)
    folder, reading, reporter = Path(out), how.reading or Reading(), how.reporter
    outputs = _outputs(shards, folder, how.format)
    classifier = load(run)
    joined = join(how.cluster, folder, how.device, reporter)
    known = {
        "classifier": classifier.checksum_,
        "run": str(run),
        "format": how.format,
        "reading": reading.document(),
    }
    with _claimed(folder, shards, known, how) as finished:
        _require_unchanged(finished, outputs)
        waiting = [name for name in outputs if name not in finished]
        if finished:
            reporter.say(f"{len(outputs) - len(waiting)} of {len(outputs)} shards are finished.")
        failed = []
        with reporter.bar(len(waiting), "shards") as advance:
            shared = (Path(run), classifier.checksum_, how.device, reading)
            jobs = _jobs(waiting, outputs, folder, shared)
            for ended in run_jobs(jobs, how.workers, reporter, joined):
                advance(1)
                _say(ended, reporter)
                if ended.error is not None:
                    failed.append(ended)
        finished = _finished(folder)
        _write_manifest(folder, known, finished)
        require_all(failed, len(outputs), "shards")
        for note in (folder / PARTS).glob("*.json"):
            note.unlink()
        remove_drafts(folder / PARTS)
        with suppress(OSError):  # what is left in it belongs to the user
            (folder / PARTS).rmdir()
    total = {key: sum(each[key] for each in finished.values()) for key in (*COUNTS, "skipped")}
    return {"shards": len(finished), **total}


def _outputs(shards: Sequence[Path], folder: Path, kind: str) -> dict[str, Path]:
    """Return name of the output → shard."""
    if f".{kind}" not in FORMATS:
        allowed = [suffix.removeprefix(".") for suffix in FORMATS]
        raise InputError(
            f"--format: there is no {kind!r}.{nearest(kind, allowed)} Use {', '.join(allowed)}."
        )
    found: dict[str, Path] = {}
    for shard in shards:
        name = shard.name.removesuffix(".gz")
        name = f"{Path(name).stem}.{kind}"
        if name in found:
            raise InputError(
                f"{found[name]} and {shard} would both become {folder / name}. Rename one, or "
                "predict them into different folders."
            )
        found[name] = shard
    return found


@contextmanager
def _claimed(
    folder: Path, shards: Sequence[Path], known: dict[str, Any], how: Predicting
) -> Iterator[dict[str, Any]]:
    """Make and hold the folder, or open one to go on; yield the shards that are finished."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder} is a file, and several shards need a folder.")
    place = OutputFolder(folder, "a folder of predictions")
    again = how.resume and (folder / MANIFEST).is_file()
    place.require(force=how.force, resume=how.resume, inputs=shards)
    if again:
        _require_same(folder, known)
    with place.opened(force=how.force, resume=how.resume, inputs=shards) as others:
        if others:
            how.reporter.say(kept(others, folder))
        (folder / PARTS).mkdir(exist_ok=True)
        if not again:
            for begun in (folder / PARTS).glob("*.parts"):
                OutputFolder(begun, INTERRUPTED).remove()
            _write_manifest(folder, known, {})
        yield _finished(folder)


def _require_same(folder: Path, known: dict[str, Any]) -> None:
    before = Run(folder).read_json(MANIFEST)
    if before["classifier"] != known["classifier"]:
        raise InputError(
            f"{folder} holds predictions by another classifier ({before['run']}, checksum "
            f"{before['classifier'][:12]}), which are never mixed with those by {known['run']} "
            f"({known['classifier'][:12]}). Choose another folder for --out."
        )
    changed = [key for key in ("format", "reading") if before[key] != known[key]]
    if changed:
        raise InputError(
            f"{folder} was begun with other options ({', '.join(changed)}), so it cannot be "
            "continued. Undo the change, or choose another folder for --out."
        )


def _require_unchanged(finished: dict[str, Any], outputs: dict[str, Path]) -> None:
    for name, shard in outputs.items():
        if name in finished and not _identity(shard).items() <= finished[name].items():
            raise InputError(
                f"{shard} is another file than that of which {name} was predicted. Delete {name} "
                "to predict it again, or choose another folder for --out."
            )


def _identity(shard: Path) -> dict[str, Any]:
    status = shard.stat()
    return {"source": str(shard), "bytes": status.st_size, "modified": status.st_mtime}


def _finished(folder: Path) -> dict[str, Any]:
    """Return name of the output → what is known of it, of all that are finished."""
    known = {one["output"]: one for one in Run(folder).read_json(MANIFEST)["shards"]}
    for path in (folder / PARTS).glob("*.json"):
        one = Run(path.parent).read_json(path.name)
        known[one["output"]] = one
    return {name: known[name] for name in sorted(known) if (folder / name).is_file()}


def _write_manifest(folder: Path, known: dict[str, Any], finished: dict[str, Any]) -> None:
    document = {"cistron": __version__, **known, "shards": list(finished.values())}
    Run(folder).write_json(MANIFEST, document)


def _jobs(
    waiting: Sequence[str], outputs: dict[str, Path], folder: Path, shared: tuple[Any, ...]
) -> Iterator[Job]:
    for name in waiting:
        shard = outputs[name]
        yield Job(Path(name).stem, _one_shard, (shard, folder / name), shared, str(shard))


def _one_shard(
    run: Path, checksum: str, device: str, reading: Reading, shard: Path, out: Path
) -> dict[str, Any]:
    """Predict a shard under another name, say what it holds, and then give it its own."""
    classifier = _loaded(run, checksum, device)
    begun, draft = time.perf_counter(), out.parent / PARTS / out.name
    whole: dict[str, Any] = {"force": True, "resume": True}
    before = _identity(shard)
    if classifier.domain is CELLS:
        found = predict_cell_file(classifier, shard, draft, how=reading.cells, **whole)
        summary = f"{draft.name}.summary.json"
        enter(out.with_name(summary))
        draft.with_name(summary).replace(out.with_name(summary))
    else:
        options: dict[str, Any] = {"columns": reading.columns, "orthologs": reading.orthologs}
        found = predict_file(classifier, shard, draft, **options, **whole)
    counts = {key: found[key] for key in COUNTS}
    counts["skipped"] = counts["records"] - counts["predicted"]
    seconds = round(time.perf_counter() - begun, 2)
    note = {"output": out.name, **before, **counts, "seconds": seconds, "host": os.uname().nodename}
    Run(draft.parent).write_json(f"{out.name}.json", note)
    enter(out)
    draft.replace(out)
    return counts


@lru_cache(maxsize=1)
def _loaded(run: Path, checksum: str, device: str) -> Predictor:
    """Return the classifier; loaded once in every process."""
    classifier = load(run)
    if classifier.checksum_ != checksum:
        raise InputError(f"{run} was replaced by another classifier while shards were predicted.")
    return classifier.on(device)


def _say(ended: Ended, reporter: Reporter) -> None:
    where = f" on {ended.node}" if ended.node else ""
    if ended.error is not None:
        reporter.say(f"{ended.job.name} failed{where}.")
    else:
        value = cast("dict[str, int]", ended.value)
        reporter.say(f"{ended.job.name} is finished{where}: {value['records']:,} records.")
