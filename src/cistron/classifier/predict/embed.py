"""Embed a file of proteins of any length, in constant memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.outputs import new_file, require_new
from cistron.base.progress import SILENT, Reporter, Within
from cistron.base.ragged import Ragged
from cistron.classifier.predict.embedded_files import FORMATS, open_output
from cistron.encoders.language_models.embedder import Embedder, EmbeddingSettings
from cistron.samples.samples import Samples
from cistron.samples.sequences.stream import stream

# Records that are read, sorted by length and embedded together.
WINDOW = {"pooled": 4096, "residues": 256}


def embed_file(
    source: str | Path,
    out: str | Path,
    settings: EmbeddingSettings,
    *,
    columns: dict[str, str] | None = None,
    device: str = "auto",
    workers: int = 1,
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Document:
    """Embed every record of a FASTA file or table and write the embeddings in input order.

    What is computed is kept in the cache as it is finished, so that an interrupted job that is
    started again goes on where it was. The output appears whole or not at all.

    Parameters
    ----------
    source : path
        FASTA or a table (TSV, CSV, parquet), plain or gzip; "-" is standard input.
    out : path
        Ends in .parquet (one vector a protein), .npz or .h5.
    settings : EmbeddingSettings
    columns : dict, optional
        For tables: the names of the `id` and `sequence` columns.
    device : str
        auto, cpu, cuda or mps.
    workers : int
        Processes that embed, each on one core; of use where there is no accelerator.
    force : bool
        Replace the file if it is there.
    reporter : Reporter, optional

    Returns
    -------
    dict
        Numbers of `records`, `embedded`, and, of the distinct sequences, `computed` and `cached`;
        `width`, `model`, `fingerprint`; `dropped`: for each record that is not in the output its
        `id`, `record` (1-based place in the input) and `reason`.

    Raises
    ------
    InputError
        If the output exists, its suffix is unknown, or the input or the model cannot be read.
    """
    out = Path(out)
    _check(out, settings)
    require_new(out, force=force, inputs=[source], formats=FORMATS)
    residues = settings.pooling == "residues"
    size = WINDOW["residues" if residues else "pooled"]
    windows = stream(source, "protein", size, **Document(columns or {}))
    first = next(windows, None)  # a mistake in the input is told before a model is fetched
    if first is None:
        raise InputError(f"{source}: there is no record to embed.")
    embedder = Embedder(settings, device, reporter, workers)
    width = embedder.model.width
    dropped: list[Document] = []
    embedded = 0
    with (
        new_file(out, force=force) as draft,
        reporter.bar(None, "embedding") as advance,
        open_output(out.suffix, draft, width, residues) as write,
    ):
        embedder.reporter = Within(reporter, advance)
        for samples in chain([first], windows):
            _window(embedder, samples, residues, write)
            unused = samples.dropped
            dropped += [
                {"id": name, "record": int(record), "reason": reason}
                for name, record, reason in zip(
                    unused["id"], unused["record"], unused["reason"], strict=True
                )
            ]
            embedded += len(samples)
            advance(len(samples) + len(unused))
        if embedded == 0:
            raise InputError(
                f"{source}: none of its {len(dropped):,} records can be embedded; the first: "
                f"{dropped[0]['reason']}."
            )
    return {
        "records": embedded + len(dropped),
        "embedded": embedded,
        **embedder.counts,
        "width": width,
        "model": settings.model,
        "fingerprint": embedder.model.fingerprint,
        "dropped": dropped,
    }


def _check(out: Path, settings: EmbeddingSettings) -> None:
    """Refuse an output that cannot hold what is asked for, before a model is loaded."""
    if settings.pooling == "residues" and out.suffix == ".parquet":
        raise InputError(
            f"--out {out}: a table holds one vector a protein; of residues write .npz or .h5."
        )


def _window(
    embedder: Embedder,
    samples: Samples,
    residues: bool,
    write: Callable[[list[str], Ragged], None],
) -> None:
    """Embed the records of a window and write them in their order."""
    lengths = samples.sequences.lengths if residues else np.ones(len(samples), dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values: NDArray[np.float32] = np.empty((int(offsets[-1]), embedder.model.width), np.float32)
    for row, found in embedder.embed(samples.sequences):
        values[offsets[row] : offsets[row + 1]] = found
    write(list(samples.ids), Ragged(values, offsets))
