"""What is found, as files: patterns.json, patterns.meme and hits.tsv.gz."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.motif import Motif
from cistron.base.outputs import write_json, written
from cistron.base.untrusted import parse_json
from cistron.explain.motifs.analysis import Analysis, Entry
from cistron.explain.motifs.explained import Explained
from cistron.explain.motifs.match import title
from cistron.explain.motifs.meme import write_meme
from cistron.explain.motifs.positions import place
from cistron.explain.motifs.stability import Signed

PATTERNS, MEME, HITS, BED, MODISCO = (
    "patterns.json",
    "patterns.meme",
    "hits.tsv.gz",
    "hits.bed.gz",
    "modisco.h5",
)
VERSION = 1


def document(
    analysis: Analysis, explained: Explained, facts: dict[str, object], others: Sequence[str] = ()
) -> Document:
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


def _entry(entry: Entry) -> Document:
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
                "motif": match.motif.name,
                "factor": match.motif.factor,
                "family": match.motif.family,
                "p": match.p,
                "q": match.q,
                "offset": match.offset,
                "reverse": match.reverse,
                # Those that the page shows.
                "probabilities": match.motif.probabilities.round(5).tolist() if rank < 3 else None,
            }
            for rank, match in enumerate(entry.matches)
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


def write_results(folder: Path, analysis: Analysis, explained: Explained, made: Document) -> None:
    """Write patterns.json, patterns.meme and hits.tsv.gz; hits.bed.gz where places are known."""
    write_json(folder / PATTERNS, made)
    write_meme(map(_as_motif, analysis.entries), folder / MEME)
    table = hits_table(analysis, explained)
    _write_packed(table.to_csv(sep="\t", index=False, float_format="%.5g"), folder / HITS)
    bed = bed_table(table, explained)
    if bed is not None:
        _write_packed(bed.to_csv(sep="\t", index=False, header=False), folder / BED)


def _write_packed(text: str, path: Path) -> None:
    # Without the time of writing, the same hits are the same bytes.
    with written(path) as draft:
        draft.write_bytes(gzip.compress(text.encode(), mtime=0))


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
    """Return hits as BED rows: chromosome, start, end, pattern and id, score, strand.

    Hits of sequences without a place, and those over the end of a stretch, are left out. None
    where no sequence has a place.
    """
    places = explained.places
    if places is None:
        return None
    rows = {name: row for row, name in enumerate(explained.ids)}
    row = np.array([rows[name] for name in hits["id"]], dtype=np.int64)
    start, end = (hits[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    forward = places.forward[row]
    begin, stop = np.full((2, len(hits)), -1)
    for number, stretch in enumerate(explained.counted):
        zero = places.zero[row, number]
        inside = (start >= stretch.begin) & (end <= stretch.end) & (zero >= 0)
        first, last = start - stretch.zero, end - stretch.zero
        begin = np.where(inside, np.where(forward, zero + first, zero - last), begin)
        stop = np.where(inside, np.where(forward, zero + last, zero - first), stop)
    chances = hits["p"].to_numpy(dtype=np.float64)
    made = pd.DataFrame(
        {
            "chromosome": places.chromosome[row],
            "start": begin,
            "end": stop,
            "name": hits["pattern"].str.replace(" ", "_") + "|" + hits["id"].astype(str),
            "score": np.clip(-100 * np.log10(chances), 0, 1000).round().astype(np.int64),
            "strand": np.where((hits["strand"].to_numpy() == "+") == forward, "+", "-"),
        }
    )
    known = made["chromosome"].notna().to_numpy() & (begin >= 0)
    return made[known].sort_values(["chromosome", "start", "end"], kind="stable")


def read_signed(folder: str | Path) -> list[Signed]:
    """Return the patterns of a folder that `cistron motifs` wrote.

    Raises
    ------
    InputError
        If there are none.
    """
    path = Path(folder) / PATTERNS
    try:
        stored = parse_json(path.read_bytes(), str(path))
        return [
            Signed(p["name"], p["sign"], np.array(p["probabilities"])[slice(*p["core"])])
            for p in stored["patterns"]
        ]
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {PATTERNS}. Give a folder of `cistron motifs`."
        ) from None
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged. Run `cistron motifs` again.") from error
