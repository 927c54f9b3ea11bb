"""What the page of motifs shows of each pattern: logos, matches, positions, classes, effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cistron.base.digits import digits_of
from cistron.base.motif import reverse_complement
from cistron.figures import logo
from cistron.figures import motifs as figures
from cistron.figures.numbers import THIN, count, decimal, spanned
from cistron.report.read import Json
from cistron.report.tables import Cell, Column, Table
from cistron.report.verdict import signed
from cistron.samples.genome.stretches import NAMES, Stretch

NBSP = "\N{NO-BREAK SPACE}"
SHOWN = 3  # matches of a pattern


def pattern_section(made: Json, document: Json) -> dict[str, object]:
    """Return what is drawn and said of a pattern (an entry of patterns.json)."""
    rank = document["patterns"].index(made) + 1
    name = made["name"]
    contributions, shares = (np.array(made[key]) for key in ("contributions", "probabilities"))
    core = slice(*made["core"])
    wide = slice(max(core.start - 4, 0), core.stop + 4)
    positions = made["positions"]
    stretches = [Stretch(**stretch) for stretch in document["stretches"]]
    bounds, hits, seqlets = (
        np.array(positions[key], dtype=np.int64) for key in ("bounds", "hits", "seqlets")
    )
    return {
        "anchor": name.replace(" ", "-"),
        "name": name,
        "title": made["title"],
        "row": _row(made, document, rank),
        "sentence": _sentence(made, document),
        "forward": logo.contribution_logo(contributions[wide], f"{name}, contributions"),
        "backward": logo.contribution_logo(
            reverse_complement(contributions[wide]), f"{name}, contributions, other strand"
        ),
        "forward_shares": logo.probability_logo(shares[wide], f"{name}, bases"),
        "backward_shares": logo.probability_logo(
            reverse_complement(shares[wide]), f"{name}, bases, other strand"
        ),
        **_matches(made, shares[core]),
        "positions": figures.positions(name, bounds, hits, seqlets, stretches),
        "positions_caption": _positions_caption(positions, document),
        "enrichment": _enrichment(made),
        "effects": _effects(made),
        "again": _again(made, document),
    }


def _row(made: Json, document: Json, rank: int) -> list[dict[str, object]]:
    """Return the cells of a pattern in the table of all; `key` is what sorting goes by."""
    best = made["matches"][0] if made["matches"] else None
    odds = _main(made["enrichment"])
    effect = _middle(made["effects"])
    cells = [
        _cell(rank, made["name"].capitalize()),
        {**_cell(made["consensus"], ""), "logo": _core_logo(made)},
        _cell(made["seqlets"], count(made["seqlets"])),
        _cell(made["title"], made["title"], _label(best) if best else ""),
        _cell(best["q"], scientific(best["q"])) if best else _cell("", "n/a"),
        _cell(made["sequences_with_hit"], count(made["sequences_with_hit"])),
    ]
    if odds:
        cells.append(_cell(odds["odds_ratio"], *_odds(odds)))
    else:
        cells.append(_cell("", "n/a"))
    if effect:
        cells.append(_cell(effect["mean"], *_mean(effect)))
    else:
        cells.append(_cell("", "n/a"))
    if document["others"]:
        times = sum(name is not None for name in made["found_again"])
        cells.append(_cell(times, f"{times} of {len(document['others'])}"))
    return cells


def _odds(row: Json) -> tuple[str, str]:
    """Write an odds ratio and its interval."""
    return spanned({**row, "value": row["odds_ratio"]})


def _mean(effect: Json) -> tuple[str, str]:
    """Write a mean effect with its sign, and its interval."""
    digits = digits_of(effect["low"], effect["high"], differs=True)
    _, between = spanned(effect, differs=True)
    return signed(effect["mean"], digits), between


def _cell(key: object, text: str, below: str = "") -> dict[str, object]:
    return {"key": key, "text": text, "below": below, "logo": ""}


def _main(rows: Sequence[Json]) -> Json | None:
    """Return the enrichment in the predicted class, where there is one class to tell it of."""
    chosen = [row for row in rows if row["by"] == "predicted"] or list(rows)
    return chosen[0] if len(chosen) == 1 else None


def _middle(effects: Sequence[Json]) -> Json | None:
    middle = [effect for effect in effects if effect["place"] == "middle"]
    return max(middle, key=lambda effect: abs(effect["mean"]), default=None)


def _core_logo(made: Json) -> str:
    core = slice(*made["core"])
    contributions = np.array(made["contributions"])[core]
    return logo.contribution_logo(contributions, f"Contributions of {made['consensus']}")


def _sentence(made: Json, document: Json) -> str:
    words = "for" if made["sign"] > 0 else "against"
    called = {"": "the prediction", "predicted": "the predicted class"}
    whom = called.get(document["explained"], document["explained"])
    return (
        f"{made['consensus']} speaks {words} {whom}: "
        f"{count(made['seqlets'])} seqlets, in each of which its core changes "
        f"{target(document)} by {signed(made['strength'])} on average. It has "
        f"{count(made['hits'])} hits in {count(made['sequences_with_hit'])} of "
        f"{count(document['sequences'])} sequences."
    )


def _matches(made: Json, core: NDArray[np.float64]) -> dict[str, object]:
    shown = made["matches"][:SHOWN]
    if not shown:
        return {"matches": []}
    motifs = [np.array(match["probabilities"]) for match in shown]
    motifs = [
        reverse_complement(matrix) if match["reverse"] else matrix
        for matrix, match in zip(motifs, shown, strict=True)
    ]
    offsets = [match["offset"] for match in shown]
    first = min(0, *offsets)
    last = max(len(core), *(o + len(m) for o, m in zip(offsets, motifs, strict=True)))
    rows = [
        {
            "label": _label(match),
            "family": match["family"],
            "q": scientific(match["q"]),
            "strand": "reverse" if match["reverse"] else "forward",
            "logo": _framed(matrix, offset - first, last - first, _label(match)),
        }
        for match, matrix, offset in zip(shown, motifs, offsets, strict=True)
    ]
    more = len(made["matches"]) - len(shown)
    caption = "The most similar known motifs" if more else "Every known motif that is similar"
    caption += f", of {count(len(made['matches']))}." if more else "."
    return {
        "matches": rows,
        "matches_caption": caption,
        "framed": _framed(core, -first, last - first, made["name"]),
    }


def _framed(matrix: NDArray[np.float64], before: int, width: int, label: str) -> str:
    """Draw a matrix at its place in a frame, so that logos below one another are aligned."""
    frame = np.zeros((width, 4))
    frame[before : before + len(matrix)] = matrix
    return logo.probability_logo(frame, f"Logo of {label}")


def _positions_caption(positions: Json, document: Json) -> str:
    text = "Where its hits (bars) and seqlets (line) lie."
    preferred = positions["preferred_column"]
    for stretch in document["stretches"]:
        if preferred is not None and stretch["begin"] <= preferred < stretch["end"]:
            anchor = NAMES.get(stretch["anchor"], stretch["anchor"])
            place = signed(preferred - stretch["zero"], 0)
            text += f" Most seqlets lie around {place} from the {anchor}."
    uneven = positions["uneven_seqlets_p"]
    text += f" Spread evenly: seqlets p{NBSP}={NBSP}{scientific(uneven)}, "
    return text + f"hits p{NBSP}={NBSP}{scientific(positions['uneven_hits_p'])}."


def _enrichment(made: Json) -> Table | None:
    rows = [
        [
            Cell(f"{row['class']} ({row['by']})"),
            Cell(f"{count(row['inside'])} of {count(row['of_inside'])}"),
            Cell(f"{count(row['outside'])} of {count(row['of_outside'])}"),
            Cell(*_odds(row)),
            Cell(scientific(row["q"]), title=f"p {row['p']:.2g}"),
        ]
        for row in made["enrichment"]
    ]
    columns = [
        Column("Class", numeric=False),
        Column("With a hit", "sequences of the class"),
        Column("Others", "sequences of other classes with a hit"),
        Column("Odds ratio", "with one half added to each count, and its 95 % interval"),
        Column("q", "Fisher's exact test, Benjamini and Hochberg over the patterns"),
    ]
    return Table("Sequences with a hit, by class.", columns, rows) if rows else None


def _effects(made: Json) -> Table | None:
    rows = [
        [
            Cell("Middle" if effect["place"] == "middle" else "Preferred place"),
            Cell("reverse" if effect["reverse"] else "forward"),
            Cell(*_mean(effect)),
        ]
        for effect in made["effects"]
    ]
    columns = [Column("Place", numeric=False), Column("Strand", numeric=False), Column("Effect")]
    number = made["effects"][0]["backgrounds"] if rows else 0
    caption = (
        f"Change of the logit when {made['consensus']} is put into {count(number)} shuffled "
        f"sequences, with 95{THIN}% intervals."
    )
    return Table(caption, columns, rows) if rows else None


def _again(made: Json, document: Json) -> str:
    if not document["others"]:
        return ""
    pairs = zip(document["others"], made["found_again"], strict=True)
    seen = [f"{other} ({name})" for other, name in pairs if name is not None]
    text = f"Found again in {len(seen)} of {len(document['others'])} other explanations"
    return f"{text}: {', '.join(seen)}." if seen else f"{text}."


def _label(match: Json) -> str:
    return f"{match['factor']} ({match['motif']})" if match["factor"] else match["motif"]


def target(document: Json) -> str:
    """Return what is explained, as a sentence says it."""
    explained = document["explained"]
    if explained == "predicted":
        return "the logit of the predicted class"
    return f"the logit of {explained}" if explained else "the prediction"


def scientific(number: float) -> str:
    """Write a small number as a reader of p-values expects it."""
    if number >= 0.001:
        return decimal(number, 3)
    mantissa, power = f"{number:.0e}".split("e")
    return f"{mantissa}{THIN}\N{MULTIPLICATION SIGN}{THIN}10" + f"{int(power)}".translate(_RAISED)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
