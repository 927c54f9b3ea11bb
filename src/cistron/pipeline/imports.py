"""Published networks → runs: one file a format.

A format is a function that turns files into a classifier; `FORMATS` lists them, one line each.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cistron.base.errors import InputError, nearest
from cistron.base.files import sha256
from cistron.base.progress import SILENT, Reporter
from cistron.experiment.run_folder import Run
from cistron.pipeline.unscored import write_unscored

if TYPE_CHECKING:
    from cistron.classifier.classifier import Classifier


class Format(NamedTuple):
    """Where a format is read: `function(files, **options) -> Classifier`.

    What the function puts into the classifier's `provenance_` is kept beside the files'
    checksums; sentences under the key `notes` are also told to the user.
    """

    module: str
    function: str
    options: tuple[str, ...] = ()


FORMATS = {
    "senseqnet": Format("cistron.classifier.imports.senseqnet", "import_senseqnet"),
    "keras": Format(
        "cistron.classifier.imports.keras", "import_keras", ("classes", "both_strands")
    ),
}


def import_model(
    format_: str,
    files: Sequence[str | Path],
    out: str | Path,
    *,
    force: bool = False,
    reporter: Reporter = SILENT,
    command: str = "",
    **options: Any,
) -> Classifier:
    """Turn published files into a run that predicts and is explained like any other.

    Parameters
    ----------
    format_ : str
        A key of `FORMATS`.
    files : sequence of path
        See the format's own function.
    out : path
        The run directory to make; the classifier is its folder `model`. Nothing in it is scored.
    force : bool
        Replace a run that is there.
    reporter : Reporter, optional
    command : str
        Recorded in environment.json.
    **options
        Of the format's own function. None and False are the same as not given.

    Raises
    ------
    InputError
        If the format is unknown, a file cannot be read or holds what has no counterpart here, or
        `out` is taken.
    """
    paths = [Path(file) for file in files]
    chosen = _format(format_)
    given = {name: value for name, value in options.items() if value not in (None, False)}
    foreign = [name for name in given if name not in chosen.options]
    if foreign:
        raise InputError(
            f"import: --{foreign[0].replace('_', '-')} means nothing for {format_}. Leave it out."
        )
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(f"{missing[0]}: there is no such file.")
    run = Run.claim(out, None, force=force, inputs=paths)
    classifier = getattr(import_module(chosen.module), chosen.function)(paths, **given)
    sources = {str(path): sha256(path) for path in paths}
    origin = {"imported": format_, "sources": sources, **getattr(classifier, "provenance_", {})}
    said = [f"Imported {', '.join(sources)} ({format_}).", *origin.get("notes", ())]
    write_unscored(run, classifier, origin, said, reporter, command, force=force)
    return classifier


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(
            f"import: there is no format {name!r}.{nearest(name, FORMATS)} Use one of: "
            f"{', '.join(FORMATS)}."
        )
    return FORMATS[name]
