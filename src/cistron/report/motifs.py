"""The page of motifs: every pattern, what it is called, where it stands and what it does."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from cistron.explain.motifs.match import ALIKE
from cistron.figures import logo
from cistron.figures.numbers import count, decimal
from cistron.report.html import html, write_html
from cistron.report.motif_sections import pattern_section, target

FAITHFUL = 0.9  # share of sequences in which the first positions matter more than random ones


def write_motifs(found: Mapping[str, Any], path: Path) -> None:
    """Write the page of motifs, whole or not at all."""
    write_html(path, render_motifs(found))


def render_motifs(found: Mapping[str, Any]) -> str:
    """Return one HTML page that needs nothing else.

    Its one script sorts tables, and is the only one that the page's security policy lets run: by
    its hash.
    """
    script = resources.files("cistron.report").joinpath("templates/sort.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    patterns = [pattern_section(made, found) for made in found["patterns"]]
    return html(
        "motifs.html",
        title=_title(found),
        byline=_byline(found),
        lead=_lead(found),
        second=_second(found),
        answers=_answers(found),
        notes=_notes(found),
        patterns=patterns,
        columns=_columns(found),
        glyphs=logo.glyphs(),
        target=target(found),
        threshold=decimal(found["settings"]["threshold"]),
        settings={"databases": found["databases"], **found["settings"]},
        explanation=found["explanation"],
        glossary=_glossary(found),
        script=script,
        script_hash=f"sha256-{digest}",
    )


def _title(found: Mapping[str, Any]) -> str:
    explained = found["explained"]
    return f"Motifs of {explained}" if explained not in ("", "predicted") else "Motifs"


def _byline(found: Mapping[str, Any]) -> str:
    parts = [f"{count(found['sequences'])} sequences of {count(found['length'])} bases"]
    if found["explanation"].get("method"):
        parts.append(f"explained by {found['explanation']['method']}".replace("_", " "))
    return " · ".join([*parts, f"{count(found['motifs'])} known motifs"])


def _lead(found: Mapping[str, Any]) -> str:
    patterns = found["patterns"]
    if not patterns:
        return "No pattern was found."
    signs = [sum(made["sign"] == sign for made in patterns) for sign in (1, -1)]
    matched = sum(bool(made["matches"]) for made in patterns)
    noun = "pattern" if len(patterns) == 1 else "patterns"
    return (
        f"{len(patterns)} {noun}: {signs[0]} for and {signs[1]} against. {matched} of "
        f"{len(patterns)} match a known motif at q ≤ {decimal(found['settings']['threshold'])}."
    )


def _second(found: Mapping[str, Any]) -> str:
    best = [made for made in found["patterns"] if made["matches"]][:3]
    said = [f"{made['name']} is like {made['title']}" for made in best]
    return f"By the number of seqlets, {'; '.join(said)}." if said else ""


def _answers(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the checks of the explanation, and how much there was to find patterns in."""
    seqlets = found["seqlets"]
    answers = [
        {"question": f"{name.capitalize()} seqlets", "answer": count(seqlets[name]), "state": ""}
        for name in seqlets
    ]
    checked = found["explanation"].get("completeness")
    if isinstance(checked, Mapping) and checked.get("largest") is not None:
        exact = checked["largest"] <= checked["tolerance"]
        answers.insert(
            0,
            {
                "question": "Do contributions add up?",
                "answer": f"error at most {checked['largest']:.1e}",
                "state": "pass" if exact else "fail",
            },
        )
    faithful = found["explanation"].get("checks", {}).get("faithfulness", {}).get("better")
    if faithful is not None:
        state = "pass" if faithful >= FAITHFUL else "warn" if faithful >= 0.5 else "fail"
        question = "Does deleting what contributes most lower the output more than chance?"
        said = {"question": question, "answer": f"in {faithful:.0%} of sequences", "state": state}
        answers.insert(min(len(answers) - len(seqlets), 1), said)
    return answers


def _notes(found: Mapping[str, Any]) -> list[str]:
    notes = list(found["notes"])
    notes += [
        f"{made['name'].capitalize()} holds what TF-MoDISco called {', '.join(made['merged'])} "
        "before merging too: the same on one of the strands."
        for made in found["patterns"]
        if made["merged"]
    ]
    explained = any("marginal effects" in note for note in notes)
    tested = any(made["effects"] for made in found["patterns"])
    if found["patterns"] and not tested and not explained:
        notes.append("Marginal effects need the classifier: name it with --run.")
    return notes


def _columns(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    threshold = decimal(found["settings"]["threshold"])
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
    if found["others"]:
        columns.append(("Found again", "in other explanations", True, "descending"))
    names = ("text", "title", "numeric", "first")
    return [dict(zip(names, column, strict=True)) for column in columns]


def _glossary(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the words of the page mean."""
    threshold = decimal(found["settings"]["threshold"])
    return [
        (
            "Seqlet",
            "a stretch of a sequence whose summed contribution is larger than chance explains, at "
            f"a false discovery rate of {decimal(found['settings']['seqlet_fdr'])}.",
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
            f"p ≤ {found['settings']['hit_p']:g}, against the composition of these sequences; of "
            "a core too short for that, its best words. Hits of one pattern never overlap.",
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
