"""The page of motifs: every pattern, what it is called, where it stands and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cistron.explain.motifs.match import ALIKE
from cistron.figures import logo
from cistron.figures.numbers import count, decimal
from cistron.report.answers import adds_up, faithful
from cistron.report.html import html, write_html
from cistron.report.motif_sections import pattern_section, target
from cistron.report.read import Json
from cistron.report.verdict import Finding
from cistron.report.worth import position_share, worth


def write_motifs(document: Json, path: Path, run: Path | None = None) -> None:
    """Write the page of motifs, whole or not at all; `run` is the one that was explained."""
    write_html(path, render_motifs(document, run))


def render_motifs(document: Json, run: Path | None = None) -> str:
    """Return one HTML page that needs nothing else; `run` is the one that was explained."""
    known = worth(run)
    position = position_share(document["explanation"].get("composition"), "output")
    patterns = [pattern_section(made, document) for made in document["patterns"]]
    return html(
        "motifs.html",
        title=_title(document),
        byline=_byline(document),
        worth=known.sentence,
        lead=_lead(document),
        second=" ".join([_second(document), *(finding.sentence for finding in position)]).strip(),
        answers=[known, *position, *_answers(document)],
        notes=_notes(document),
        patterns=patterns,
        columns=_columns(document),
        glyphs=logo.glyphs(),
        target=target(document),
        threshold=decimal(document["settings"]["threshold"]),
        settings={"databases": document["databases"], **document["settings"]},
        explanation=document["explanation"],
        glossary=_glossary(document),
    )


def _title(document: Json) -> str:
    explained = document["explained"]
    return f"Motifs of {explained}" if explained not in ("", "predicted") else "Motifs"


def _byline(document: Json) -> str:
    parts = [f"{count(document['sequences'])} sequences of {count(document['length'])} bases"]
    if document["explanation"].get("method"):
        parts.append(f"explained by {document['explanation']['method']}".replace("_", " "))
    return " · ".join([*parts, f"{count(document['motifs'])} known motifs"])


def _lead(document: Json) -> str:
    patterns = document["patterns"]
    if not patterns:
        return "No pattern was found."
    signs = [sum(made["sign"] == sign for made in patterns) for sign in (1, -1)]
    matched = sum(bool(made["matches"]) for made in patterns)
    noun = "pattern" if len(patterns) == 1 else "patterns"
    return (
        f"{len(patterns)} {noun}: {signs[0]} for and {signs[1]} against. {matched} of "
        f"{len(patterns)} match a known motif at q ≤ {decimal(document['settings']['threshold'])}."
    )


def _second(document: Json) -> str:
    best = [made for made in document["patterns"] if made["matches"]][:3]
    matches = [f"{made['name']} is like {made['title']}" for made in best]
    return f"By the number of seqlets, {'; '.join(matches)}." if matches else ""


def _answers(document: Json) -> list[Finding]:
    """Return the checks of the explanation, and how much there was to find patterns in."""
    answers, explanation = [], document["explanation"]
    checked = explanation.get("completeness")
    if isinstance(checked, Mapping) and checked.get("largest") is not None:
        answers.append(adds_up(checked["largest"], checked["tolerance"], "fail"))
    better = explanation.get("checks", {}).get("faithfulness", {}).get("better")
    if better is not None:
        answers.append(faithful(better, "sequences"))
    return answers + [
        Finding(f"{name.capitalize()} seqlets", "", count(number))
        for name, number in document["seqlets"].items()
    ]


def _notes(document: Json) -> list[str]:
    notes = list(document["notes"])
    notes += [
        f"{made['name'].capitalize()} holds what TF-MoDISco called {', '.join(made['merged'])} "
        "before merging too: the same on one of the strands."
        for made in document["patterns"]
        if made["merged"]
    ]
    explained = any("marginal effects" in note for note in notes)
    tested = any(made["effects"] for made in document["patterns"])
    if document["patterns"] and not tested and not explained:
        notes.append("Marginal effects need the classifier: name it with --run.")
    return notes


def _columns(document: Json) -> list[Json]:
    threshold = decimal(document["settings"]["threshold"])
    columns = [
        ("Pattern", "", False, ""),
        ("Contributions", "the core: columns that contribute", False, ""),
        ("Seqlets", "stretches of sequence it is made of", True, "descending"),
        ("Best match", f"a known motif with q ≤ {threshold}", False, ""),
        ("q", "false discovery rate over all motifs of the database", True, ""),
        ("Sequences", "with at least one hit", True, "descending"),
        ("Odds ratio", "of a hit, inside the class against outside", True, "descending"),
        ("Effect", "mean change of the logit when inserted in the middle", True, "descending"),
    ]
    if document["others"]:
        columns.append(("Found again", "in other explanations", True, "descending"))
    names = ("text", "title", "numeric", "first")
    return [dict(zip(names, column, strict=True)) for column in columns]


def _glossary(document: Json) -> list[tuple[str, str]]:
    """Return what the words of the page mean."""
    threshold = decimal(document["settings"]["threshold"])
    return [
        (
            "Seqlet",
            "a stretch of a sequence whose summed contribution is larger than chance explains, at "
            f"a false discovery rate of {decimal(document['settings']['seqlet_fdr'])}.",
        ),
        (
            "Pattern",
            "seqlets that are alike, found by TF-MoDISco on hypothetical contributions. Those of "
            "one sign that are the same on either strand are merged (cosine of at least 0.9).",
        ),
        (
            "Core",
            "a pattern around its strongest column, as far as columns that contribute 0.3 "
            "of that go on. It is what is matched, scanned for and inserted.",
        ),
        (
            "Match",
            "a known motif whose TOMTOM p-value, corrected by Benjamini and Hochberg over all "
            f"motifs of the database, is at most {threshold}; the cosine of both, each less equal "
            f"bases, must be at least {decimal(ALIKE, 1)}. Where the best match shares its "
            "family with another, the pattern is called by the family.",
        ),
        (
            "Hit",
            "a place on either strand where the core scores as well as chance lets it with "
            f"p ≤ {document['settings']['hit_p']:g}, against the composition of these sequences; "
            "of a core too short for that, its best words. Hits of one pattern never overlap.",
        ),
        (
            "Odds ratio",
            "the odds of having a hit in the class over the odds outside of it, one half added to "
            "each count; Wald's interval. Above 1 it is commoner in the class.",
        ),
        (
            "Effect",
            "what the classifier changes when the consensus is put into sequences whose bases were "
            "shuffled keeping pairs of neighbours: what the pattern does alone.",
        ),
    ]
