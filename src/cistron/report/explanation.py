"""The page of an explanation: what was explained, whether it holds, and what was found."""

from __future__ import annotations

from pathlib import Path

from cistron.explain.drawing import Drawn
from cistron.explain.methods import method_named
from cistron.figures.numbers import count, decimal
from cistron.figures.svg import ACCENT, INK, MUTED, note, panel, sheet, style, svg
from cistron.report.answers import adds_up, faithful
from cistron.report.html import html, write_html
from cistron.report.names import without_folders
from cistron.report.read import Json
from cistron.report.verdict import Finding
from cistron.report.worth import position_share, worth

PAGE = "explanation.html"
ALIKE = 0.5  # rank correlation with random weights, from which on it is a warning


def write_explanation(folder: Path, summary: Json, drawn: Drawn) -> Path:
    """Write explanation.html into a folder of `cistron explain`, whole or not at all."""
    path = folder / PAGE
    write_html(path, render_explanation(summary, drawn))
    return path


def render_explanation(summary: Json, drawn: Drawn) -> str:
    """Return one HTML page that needs nothing else."""
    features = "features" in drawn.tables
    known = worth(summary.get("run"))
    scale = "number" if list(summary["explained"]) == ["number"] else summary.get("scale", "logit")
    position = position_share(summary.get("composition"), scale)
    explained = " and ".join(str(name) for name in summary["explained"])
    return html(
        "explanation.html",
        title=f"Why: {Path(summary['source']).name}",
        byline=_byline(summary),
        worth=known.sentence,
        lead=" ".join([_lead(summary, features), *(finding.sentence for finding in position)]),
        answers=[known, *position, *_answers(summary)],
        notes=_notes(summary),
        methods=[method_named(name).words for name in summary["methods"]],
        explained=explained,
        faithfulness=_curve(summary["checks"].get("faithfulness")),
        features=features,
        totals=list(drawn.totals.values()),
        tracks=list(drawn.tracks.values()),
        mutated=drawn.mutated,
        settings=summary["settings"],
    )


def _byline(summary: Json) -> str:
    parts = [f"{count(summary['samples'])} samples"]
    parts += [name.replace("_", " ") for name in summary["methods"]]
    if summary.get("run"):
        parts.append(Path(summary["run"]).name)
    return " · ".join(parts)


def _lead(summary: Json, features: bool) -> str:
    what = "feature" if features else "position"
    if summary.get("genes"):
        what = "gene"
    names = list(summary["explained"])
    scale = summary.get("scale", "logit")
    target = "the number" if names == ["number"] else f"the {scale} of {names[0]}"
    if len(names) > 1:
        target = f"the {scale} of each sample\N{RIGHT SINGLE QUOTATION MARK}s predicted class"
    return f"What each {what} contributes to {target}."


def _answers(summary: Json) -> list[Finding]:
    answers = [Finding("Do contributions add up?", "", "this method need not")]
    if error := summary["completeness_error"]:
        tolerance = summary["settings"].get("tolerance", 1e-3)
        answers = [adds_up(error["largest"], tolerance, "warn")]
    checks = summary["checks"]
    if curve := checks.get("faithfulness"):
        answers.append(faithful(curve["better"], f"{count(curve['samples'])} samples"))
    if weights := checks.get("randomised_weights"):
        state = "pass" if abs(weights["correlation"]) < ALIKE else "warn"
        question = "Does a network of random weights give the same?"
        correlation = f"rank correlation {decimal(weights['correlation'])}"
        answers.append(Finding(question, state, correlation))
    return answers


def _notes(summary: Json) -> list[str]:
    notes = []
    if background := summary.get("background"):
        notes.append(
            f"Samples are compared with {count(background['sequences'])} sequences of "
            f"{without_folders(background['file'])} (SHA-256 {background['sha256']}), up to "
            f"{count(summary['settings']['number'])} of them each, in place of shuffled letters."
        )
    unused = summary["not_used"]
    if unused["records"]:
        first = unused["first"][0]
        notes.append(
            f"{count(unused['records'])} records were not used; the first is {first['id']}: "
            f"{first['reason']}."
        )
    if summary.get("genes", {}).get("note"):
        notes.append(summary["genes"]["note"])
    if len(summary["methods"]) > 1:
        methods = ", ".join(f"{name} {count(n)}" for name, n in summary["methods"].items())
        notes.append(f"Not all samples were explained by the same method: {methods}.")
    return notes


def _curve(curve: Json | None) -> str:
    """Draw the output after deleting the first, or random, shares of what was read."""
    if not curve:
        return ""
    shares = [0.0, *(100 * share for share in curve["shares"])]
    top, others = ([curve["output"], *curve[name]] for name in ("top", "random"))
    with style():
        figure = sheet(190)
        axes = panel(figure, 40, 16, 306, 128)
        axes.plot(shares, others, color=MUTED, linestyle=(0, (4, 3)))
        axes.plot(shares, top, color=ACCENT)
        axes.locator_params(axis="y", nbins=5)
        axes.set_xlim(0, 100)
        note(figure, 0, 10, "Mean output", color=MUTED, size=10)
        note(figure, 193, 182, "Per cent deleted", color=MUTED, size=10, ha="center")
        note(figure, 346, 10, "at random", color=MUTED, size=10, ha="right")
        note(figure, 290, 10, "what contributes most", color=ACCENT, size=10, ha="right")
        axes.tick_params(labelcolor=INK)
        return svg(
            figure,
            f"Mean output {decimal(top[0])}; with the first 20 per cent deleted "
            f"{decimal(curve['top'][curve['shares'].index(0.2)])}, with random ones "
            f"{decimal(curve['random'][curve['shares'].index(0.2)])}.",
            [
                ("per cent deleted", "contributing most", "at random"),
                *zip(shares, top, others, strict=True),
            ],
        )
