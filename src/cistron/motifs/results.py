"""What is found, as files: patterns.json, patterns.meme and hits.tsv.gz."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cistron.errors import InputError
from cistron.motifs.analysis import Analysis, Entry
from cistron.motifs.explained import Explained
from cistron.motifs.match import title
from cistron.motifs.meme import write_meme
from cistron.motifs.motif import Motif
from cistron.motifs.positions import Stretch, place
from cistron.motifs.stability import Signed

PATTERNS, MEME, HITS, BED, MODISCO = (
    "patterns.json",
    "patterns.meme",
    "hits.tsv.gz",
    "hits.bed.gz",
    "modisco.h5",
)
VERSION = 1


def document(
    analysis: Analysis, explained: Explained, facts: dict[str, Any], others: Sequence[str] = ()
) -> dict[str, Any]:
    """Return all that was found as plain JSON types.

    Parameters
    ----------
    analysis : Analysis
    explained : Explained
    facts : dict
        What else is to be kept: settings, databases, versions.
    others : sequence of str
        Names of the other explanations that the patterns were looked for in.
    """
    return {
        "version": VERSION,
        "sequences": len(explained),
        "length": explained.length,
        "explained": explained.explained,
        "explanation": explained.facts,
        **facts,
        "seqlets": analysis.discovery.seqlets,
        "notes": list(analysis.discovery.notes),
        "stretches": [asdict(stretch) for stretch in explained.counted],
        "others": list(others),
        "patterns": [_entry(entry) for entry in analysis.entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    pattern, located = entry.pattern, entry.located
    core = pattern.core
    return {
        "name": pattern.name,
        "title": title(entry.matches),
        "sign": pattern.sign,
        "consensus": pattern.consensus,
        "seqlets": len(pattern.seqlets),
        "strength": pattern.strength,
        "merged": list(pattern.merged),
        "core": [core.start, core.stop],
        "probabilities": pattern.probabilities.round(5).tolist(),
        "contributions": pattern.contributions.round(6).tolist(),
        "matches": [
            {
                "motif": found.motif.name,
                "factor": found.motif.factor,
                "family": found.motif.family,
                "p": found.p,
                "q": found.q,
                "offset": found.offset,
                "reverse": found.reverse,
                # Those that the page shows.
                "probabilities": found.motif.probabilities.round(5).tolist() if rank < 3 else None,
            }
            for rank, found in enumerate(entry.matches)
        ],
        "hits": len(located.hits),
        "sequences_with_hit": len(np.unique(located.hits.row)),
        "positions": {
            "bounds": located.bounds.tolist(),
            "hits": located.of_hits.tolist(),
            "seqlets": located.of_seqlets.tolist(),
            "uneven_hits_p": located.uneven_hits,
            "uneven_seqlets_p": located.uneven_seqlets,
            "preferred_column": located.preferred,
        },
        "enrichment": [
            {"by": made.by, "class": made.class_, **asdict(made.found), "q": made.q}
            for made in entry.enriched
        ],
        "effects": [asdict(effect) for effect in entry.effects],
        "found_again": entry.again,
    }


def write_results(
    folder: Path, analysis: Analysis, explained: Explained, made: dict[str, Any]
) -> None:
    """Write patterns.json, patterns.meme and hits.tsv.gz; hits.bed.gz where genes have places."""
    text = json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / PATTERNS).write_text(text + "\n", encoding="utf-8")
    write_meme(map(_as_motif, analysis.entries), folder / MEME)
    table = hits_table(analysis, explained)
    # Without the time of writing, the same hits are the same bytes.
    with (folder / HITS).open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as out:
        out.write(table.to_csv(sep="\t", index=False, float_format="%.5g").encode())
    bed = bed_table(table, explained)
    if bed is not None:
        with (folder / BED).open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as out:
            out.write(bed.to_csv(sep="\t", index=False, header=False).encode())


def _as_motif(entry: Entry) -> Motif:
    pattern = entry.pattern
    name = pattern.name.replace(" ", "_")
    return Motif(name, title(entry.matches), "", pattern.trimmed, len(pattern.seqlets))


def hits_table(analysis: Analysis, explained: Explained) -> pd.DataFrame:
    """Return one row a hit: where it is, how good, and what it contributes.

    `start` and `end` are 0-based half-open columns of the sequence; `position` is that of the
    middle, counted from `anchor`.
    """
    parts = []
    for entry in analysis.entries:
        hits = entry.located.hits
        anchor, position = place((hits.start + hits.end) // 2, explained.counted)
        parts.append(
            pd.DataFrame(
                {
                    "id": explained.ids[hits.row],
                    "pattern": entry.pattern.name,
                    "start": hits.start,
                    "end": hits.end,
                    "strand": np.where(hits.reverse, "-", "+"),
                    "score": hits.score,
                    "p": hits.p,
                    "contribution": entry.located.contributions,
                    "anchor": anchor,
                    "position": position,
                }
            )
        )
    columns = ["id", "pattern", "start", "end", "strand", "score", "p", "contribution"]
    return pd.concat(parts) if parts else pd.DataFrame(columns=[*columns, "anchor", "position"])


def bed_table(hits: pd.DataFrame, explained: Explained) -> pd.DataFrame | None:
    """Return hits as BED rows on the chromosomes.

    Of stretches around the start and the end of transcription, which the place of a gene gives;
    hits elsewhere, and those over the end of a stretch, are left out. None where there are no
    places of genes.
    """
    genes = explained.genes
    if genes is None or not {"chromosome", "start", "end", "strand"} <= set(genes.columns):
        return None
    genes = genes.set_index(explained.ids)
    parts = []
    for stretch in explained.stretches:
        if stretch.anchor not in ("tss", "tts"):
            continue
        inside = (hits["start"] >= stretch.begin) & (hits["end"] <= stretch.end)
        parts.append(_on_chromosome(hits[inside], genes, stretch))
    if not parts:
        return None
    bed = pd.concat(parts)
    return bed.sort_values(["chromosome", "start", "end"], kind="stable")


def _on_chromosome(hits: pd.DataFrame, genes: pd.DataFrame, stretch: Stretch) -> pd.DataFrame:
    own = genes.loc[hits["id"]]
    forward = own["strand"].to_numpy() == "+"
    begins = own["start"].to_numpy(dtype=np.int64)
    ends = own["end"].to_numpy(dtype=np.int64)
    first = stretch.anchor == "tss"
    anchor = np.where(forward == first, begins, ends)
    start = hits["start"].to_numpy(dtype=np.int64) - stretch.zero
    end = hits["end"].to_numpy(dtype=np.int64) - stretch.zero
    same = (hits["strand"].to_numpy() == "+") == forward
    score = np.clip(-100 * np.log10(hits["p"].to_numpy(dtype=np.float64)), 0, 1000)
    return pd.DataFrame(
        {
            "chromosome": own["chromosome"].to_numpy(),
            "start": np.where(forward, anchor + start, anchor - end),
            "end": np.where(forward, anchor + end, anchor - start),
            "name": hits["pattern"].str.replace(" ", "_") + "|" + hits["id"].astype(str),
            "score": score.round().astype(np.int64),
            "strand": np.where(same, "+", "-"),
        }
    )


def read_signed(folder: str | Path) -> list[Signed]:
    """Return the patterns of a folder that `cistron motifs` wrote.

    Raises
    ------
    InputError
        If there are none.
    """
    path = Path(folder) / PATTERNS
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [
            Signed(p["name"], p["sign"], np.array(p["probabilities"])[slice(*p["core"])])
            for p in stored["patterns"]
        ]
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {PATTERNS}. Give a folder of `cistron motifs`."
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged. Run `cistron motifs` again.") from error
