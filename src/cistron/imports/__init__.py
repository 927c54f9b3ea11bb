"""Published networks → runs: one file a format."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron.errors import InputError, nearest
from cistron.samples.files import sha256

if TYPE_CHECKING:
    from cistron.classifier import Classifier

FORMATS = ("keras",)


def import_model(
    format_: str,
    files: Sequence[str | Path],
    out: str | Path,
    *,
    classes: Sequence[str] | None = None,
    both_strands: bool = False,
    force: bool = False,
) -> Classifier:
    """Turn published files into a run that predicts and is explained like any other.

    Parameters
    ----------
    format_ : {"keras"}
        What the files are.
    files : sequence of path
        See the format's own function.
    out : path
        The run directory to make; the classifier is its folder `model`.
    classes : sequence of str, optional
        Names of the classes, in the order of the network's outputs; of one output, the class it
        speaks against and the one it speaks for.
    both_strands : bool
        DNA: average the logits of the sequence and of its reverse complement.
    force : bool
        Replace a run that is there.

    Raises
    ------
    InputError
        If the format is unknown, a file cannot be read or holds what has no counterpart here, or
        `out` is taken.
    """
    if format_ not in FORMATS:
        raise InputError(
            f"import: there is no format {format_!r}.{nearest(format_, FORMATS)} Use one of: "
            f"{', '.join(FORMATS)}."
        )
    from cistron.imports.keras import import_keras

    out, paths = Path(out), [Path(file) for file in files]
    _require_free(out, force)
    classifier = import_keras(paths, classes=classes, both_strands=both_strands)
    provenance: dict[str, Any] = {
        "imported": format_,
        "sources": {str(path): sha256(path) for path in paths},
    }
    if out.exists():
        shutil.rmtree(out)
    classifier.save(out / "model", provenance)
    return classifier


def _require_free(out: Path, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "model" / "classifier.json").is_file():
        raise InputError(f"{out} exists and is not a run. Choose another directory for --out.")
    if not force:
        raise InputError(
            f"{out} holds a run, which is never overwritten: choose another directory for --out, "
            "or replace it with --force."
        )
