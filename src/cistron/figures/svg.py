"""Paper for the figures: a matplotlib drawing becomes an SVG that lives inside a page.

Figures are drawn in units that are one CSS pixel when the figure is 360 pixels wide, about the
width of a phone. Colours are named (`INK`, `ACCENT`, …) and become CSS variables, so that the
page decides what they are in light, in dark and in print; each carries a fallback, so that a
figure also stands alone. Text stays text.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH = 360.0

# Colours that occur nowhere else, each the stand-in for a variable of the page's style sheet.
INK, MUTED, RULE, ACCENT, TINT, PAPER = (f"#0102{digit:02x}" for digit in range(10, 16))
COLOURS = tuple(f"#0102{digit:02x}" for digit in range(16, 22))  # of classes
_VARIABLES = {
    INK: "var(--ink, #1f2328)",
    MUTED: "var(--muted, #5b6169)",
    RULE: "var(--rule, #d9d6cf)",
    ACCENT: "var(--accent, #1d5c84)",
    TINT: "var(--tint, #9cc3df)",
    PAPER: "var(--paper, #ffffff)",
}
# Told apart in every common kind of colour blindness (Okabe and Ito 2008).
_OF_CLASSES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_VARIABLES |= {
    name: f"var(--class-{place}, {colour})"
    for place, (name, colour) in enumerate(zip(COLOURS, _OF_CLASSES, strict=True), 1)
}
_FONT = "var(--sans, 'Helvetica Neue', 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif)"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cistron",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "patch.linewidth": 0,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 10,
    "xtick.major.size": 3,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": 10,
    "ytick.major.size": 3,
}
SAYS, _SAYS = "says: ", "data-says"
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report, whatever the user's own matplotlib settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def sheet(height: float, width: float = WIDTH) -> Figure:
    """Return an empty drawing of the given size in units."""
    figure = Figure(figsize=(width / 72, height / 72))
    FigureCanvasSVG(figure)
    return figure


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes whose upper left corner is at (left, top), in units from that of the sheet."""
    across, down = figure.get_size_inches() * 72
    box = (left / across, 1 - (top + height) / down, width / across, height / down)
    return figure.add_axes(box)


def note(figure: Figure, left: float, top: float, text: str, **look: Any) -> None:
    """Write text with its baseline at (left, top), in units from the sheet's upper left corner."""
    across, down = figure.get_size_inches() * 72
    figure.text(left / across, 1 - top / down, text, **look)


def short(name: object, letters: int = 18) -> str:
    """Return a name on one line, cut with an ellipsis where it is longer than `letters`."""
    line = _one_line(str(name)) or "(no name)"
    return line if len(line) <= letters else line[: letters - 1].rstrip() + "…"


def _one_line(text: str) -> str:
    """Replace line breaks and control characters, which XML cannot hold, by single spaces."""
    printable = (" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    return " ".join("".join(printable).split())


def says(artist: Artist, text: str) -> None:
    """Let a browser say a text where the pointer rests on what an artist draws."""
    artist.set_gid(SAYS + _one_line(text))


def as_tsv(rows: Iterable[Sequence[object]]) -> str:
    """Return the numbers of a figure as tab-separated text, the headings in the first row."""
    return "\n".join("\t".join(map(_cell, row)) for row in rows)


def as_attribute(rows: Iterable[Sequence[object]]) -> str:
    """Return the numbers of a figure as the attribute of an element that is written by hand."""
    text = escape(as_tsv(rows)).replace("\n", "&#10;").replace("\t", "&#09;")
    return f' data-table="{text}"' if text else ""


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}" if np.isfinite(value) else ""
    return "" if value is None else _one_line(str(value))


def svg(figure: Figure, label: str, rows: Iterable[Sequence[object]] = ()) -> str:
    """Return the drawing as an `<svg>` element that scales to the width of its container.

    Parameters
    ----------
    figure : Figure
        Drawn on a `sheet`.
    label : str
        What a reader who does not see the figure is told.
    rows : iterable of sequence, optional
        The numbers that are drawn, headings first: the element holds them as `data-table`, which
        the script of a page offers as a table.
    """
    raw = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with warnings.catch_warnings():
        # The page's font draws the text, not the font that only measured it here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(raw, format="svg", metadata=nothing)
    root = ET.fromstring(raw.getvalue())  # noqa: S314 - written in the line above
    _tidy(root)
    body = ET.tostring(root, encoding="unicode")
    _name_ids(root, prefix="f" + hashlib.sha256(f"{label}{body}".encode()).hexdigest()[:8])
    box = root.get("viewBox", "")
    label = _one_line(label)
    root.attrib.clear()
    root.attrib.update(
        {
            "xmlns": _SVG.strip("{}"),
            "viewBox": box,
            "role": "img",
            "aria-label": label,
            "style": f"font-family: {_FONT}; stroke-linejoin: round",
        }
    )
    if table := as_tsv(rows):
        root.set("data-table", table)
    for element in list(root.iter()):
        if text := element.attrib.pop(_SAYS, ""):
            title = ET.Element("title")
            title.text = text
            element.insert(0, title)
    return ET.tostring(root, encoding="unicode")


def _tidy(root: ET.Element) -> None:
    """Take out what a page does not need, and put the page's colours in."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.tail = None
        if element.get("id", "").startswith(SAYS):
            element.set(_SAYS, element.attrib.pop("id").removeprefix(SAYS))
        if element.tag != "text":
            element.text = None
        if _LINK in element.attrib:
            element.attrib = {"href": element.attrib.pop(_LINK), **element.attrib}
        for key, value in element.attrib.items():
            if key != _SAYS:
                element.set(key, _restyled(value) if key == "style" else _rounded(key, value))
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style") or (child.tag == "defs" and _only_style(child)):
                parent.remove(child)
    while _unwrap(root):
        pass


def _restyled(text: str) -> str:
    text = re.sub(r" ?font-family: [^;]+;?", "", text)
    text = re.sub(r"font: (bold |\d+ )?([\d.]+px)[^;]*", rf"font: \1\2 {_FONT}", text)
    return re.sub(r"#0102[0-9a-f]{2}", lambda match: _VARIABLES[match[0]], text).strip()


def _rounded(key: str, text: str) -> str:
    if key in ("id", "href", "clip-path"):
        return text
    text = re.sub(r"-?\d+\.\d{3,}", lambda match: f"{round(float(match[0]), 2) + 0:g}", text)
    return " ".join(text.split()) if key == "d" else text


def _only_style(defs: ET.Element) -> bool:
    return all(child.tag == "style" for child in defs)


def _unwrap(root: ET.Element) -> bool:
    """Lift the children out of groups that group nothing; True when any was found."""
    used = _references(root)
    found = False
    for parent in list(root.iter()):
        children: list[ET.Element] = []
        for child in parent:
            if child.get("id") not in used:
                child.attrib.pop("id", None)
            if child.tag == "g" and not child.attrib:
                children.extend(child)
                found = True
            else:
                children.append(child)
        parent[:] = children
    return found


def _references(root: ET.Element) -> set[str]:
    values = (element.attrib.items() for element in root.iter())
    text = " ".join(value for items in values for key, value in items if key != _SAYS)
    return set(re.findall(r"#([\w.-]+)", text))


def _name_ids(root: ET.Element, prefix: str) -> None:
    """Give every referenced part a name that no other figure of the page has."""
    names: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            names[element.attrib["id"]] = f"{prefix}-{len(names)}"
            element.set("id", names[element.attrib["id"]])
    for element in root.iter():
        if "href" in element.attrib:
            element.set("href", "#" + names[element.attrib["href"][1:]])
        if "clip-path" in element.attrib:
            clip = re.sub(r"url\(#([^)]+)\)", r"\1", element.attrib["clip-path"])
            element.set("clip-path", f"url(#{names[clip]})")
