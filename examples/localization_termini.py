"""Which residues say where a protein goes? Mean contributions by distance from both termini.

    python examples/localization.py DATA RUNS --only residues_termini_cnn --splits reverse
    python examples/localization_termini.py DATA RUNS/reverse/residues_termini_cnn FIGURE.svg

Held-out proteins of three classes, each explained for its own class by DeepLIFT against ten
shuffles of itself. Contributions are divided by their mean size over the protein, so that a size of
1 is a residue like any other. The same network with its weights in other places shows what the
architecture alone does; signed means show what speaks for the class.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
from localization import CLASSES
from numpy.typing import NDArray

import cistron
from cistron.classifier.classifier import Classifier
from cistron.explain.explanation import Explanation, explain
from cistron.figures import svg
from cistron.samples.samples import Samples

SHOWN = {
    "Extracellular": "signal peptide, first 15 to 30",
    "Mitochondrion": "transit peptide, first 15 to 50",
    "Peroxisome": "PTS1 (SKL), last three",
}
FIRST, LAST = 60, 30
Floats = NDArray[np.float64]


def by_position(explanation: Explanation) -> Floats:
    """Return contributions by position, first 60 then last 30, shape (proteins, 90).

    Of each protein they are divided by the mean size over it.
    """
    rows = []
    for row in range(len(explanation)):
        own = explanation.of(row).astype(np.float64)
        if len(own) >= FIRST + LAST:
            own = own / np.abs(own).mean()
            rows.append(np.concatenate([own[:FIRST], own[-LAST:]]))
    return np.array(rows)


def explained(classifier: Classifier, samples: Samples, name: str) -> Explanation:
    """Explain the logit of a class."""
    return explain(classifier, samples, {"class": name, "number": 10})


def with_random_weights(classifier: Classifier, seed: int = 1) -> Classifier:
    """Return the classifier with the numbers within each of its weights shuffled."""
    other = copy.copy(classifier)
    other.model_ = copy.deepcopy(classifier.model_)
    generator = torch.Generator().manual_seed(seed)
    for weights in other.model_.body.parameters():
        order = torch.randperm(weights.numel(), generator=generator)
        weights.data = weights.data.flatten()[order].view_as(weights)
    return other


def draw(curves: dict[str, tuple[Floats, Floats]], path: Path) -> None:
    """Draw mean contributions by position with 95 % intervals: sizes, signed, of random weights."""
    step = 124.0
    with svg.style():
        figure = svg.sheet(step * len(curves) + 44, 640)
        for left, text, colour in (
            (34, "Size", svg.COLOURS[0]),
            (66, "signed: above 0 for the class", svg.COLOURS[1]),
            (232, "size with random weights", svg.MUTED),
        ):
            svg.note(figure, left, 11, text, color=colour, size=10)
        for number, (name, (own, random)) in enumerate(curves.items()):
            top = step * number + 44
            said = f"{name}: {len(own)} held-out proteins. Expected: {SHOWN[name]}"
            svg.note(figure, 34, top - 9, said, size=11)
            for left, width, columns, places in (
                (34.0, 380.0, slice(0, FIRST), np.arange(1, FIRST + 1)),
                (434.0, 196.0, slice(FIRST, None), np.arange(-LAST, 0)),
            ):
                axes = svg.panel(figure, left, top, width, 80)
                axes.axhline(0, color=svg.RULE, linewidth=1)
                for values, colour in ((np.abs(own), svg.COLOURS[0]), (own, svg.COLOURS[1])):
                    part = values[:, columns]
                    mean, half = part.mean(axis=0), 1.96 * part.std(axis=0) / np.sqrt(len(part))
                    axes.fill_between(
                        places, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0
                    )
                    axes.plot(places, mean, color=colour)
                grey = np.abs(random)[:, columns].mean(axis=0)
                axes.plot(places, grey, color=svg.MUTED, linewidth=1, linestyle=":")
                sizes = np.maximum(np.abs(own), np.abs(random)).mean(axis=0)
                axes.set_ylim(min(own.mean(axis=0).min() - 1, -1), sizes.max() * 1.05)
                axes.set_xlim(places[0] - 0.5, places[-1] + 0.5)
                axes.locator_params(axis="y", nbins=4)
                if columns.start:
                    axes.set_yticklabels([])
        low = step * len(curves) + 40
        svg.note(figure, 34, low, "Residues from the N-terminus", color=svg.MUTED, size=10)
        svg.note(figure, 434, low, "Residues from the C-terminus", color=svg.MUTED, size=10)
        label = "Mean contributions by distance from the termini, of three classes."
        path.write_text(svg.svg(figure, label) + "\n", encoding="utf-8")


def main() -> None:
    """Explain, draw, and print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("figure", type=Path)
    chosen = parser.parse_args()
    classifier = cistron.load(chosen.run)
    samples = cistron.read_fasta(
        chosen.data / "deeploc_validation.fasta.gz",
        alphabet="protein",
        label=r"^\S+ ([\w./-]+)-[MSU]\b",
        only=CLASSES,
    )
    labels = samples.table["label"].to_numpy(dtype=object)
    blind = with_random_weights(classifier)
    curves = {}
    for name in SHOWN:
        own = samples[np.flatnonzero(labels == name)]
        found = explained(classifier, own, name)
        curves[name] = by_position(found), by_position(explained(blind, own, name))
        for title, columns in (
            ("first 5", slice(0, 5)),
            ("6 to 30", slice(5, 30)),
            ("31 to 60", slice(30, FIRST)),
            ("last 30 to 11", slice(FIRST, -10)),
            ("last 10 to 4", slice(-10, -3)),
            ("last 3", slice(-3, None)),
        ):
            signed, random = (made[:, columns] for made in curves[name])
            print(
                f"{name:<15}{title:<15}size {np.abs(signed).mean():5.2f}  random weights "
                f"{np.abs(random).mean():5.2f}  signed {signed.mean():+5.2f}"
            )
    draw(curves, chosen.figure)


if __name__ == "__main__":
    main()
