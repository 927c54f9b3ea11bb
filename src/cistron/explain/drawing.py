"""Figures of a folder that `cistron explain` wrote: which samples, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.errors import InputError, nearest
from cistron.base.outputs import write_text
from cistron.base.ragged import Ragged
from cistron.classifier.predictor import Predictor
from cistron.experiment.file import read_experiment
from cistron.experiment.run_folder import EXPERIMENT
from cistron.explain.averages import PREDICTED, Averages
from cistron.explain.explanation import Explanation
from cistron.explain.export import coordinates
from cistron.explain.in_silico_mutagenesis import mutation_effects
from cistron.explain.perturbed import letters_of
from cistron.explain.positions import Ends, called, profile_table
from cistron.explain.store import ATTRIBUTIONS, read
from cistron.explain.target import choose_target
from cistron.figures.explain.ends import ends
from cistron.figures.explain.genes import top_features
from cistron.figures.explain.marks import Axis, Mark, ends_of, patterns_in, regions_of
from cistron.figures.explain.tracks import Track, track
from cistron.figures.numbers import decimal
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.genome.stretches import stretches_of
from cistron.samples.genome.windows import Windows
from cistron.samples.samples import Sequences, make_samples

FIGURES = "figures"
WINDOW = 256  # samples that are read together
CLASSES, TOP = 12, 20  # of which figures are drawn; features in one

Choice = Literal["certain", "first"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Figures, by the name of their file, and tables.

    Parameters
    ----------
    tracks : dict of str to str
        SVG of each sample.
    totals : dict of str to str
        SVG of each class: how positions, or features, contribute on average.
    tables : dict of str to DataFrame
    mutated : bool
        Whether in-silico mutagenesis stands below the contributions.
    """

    tracks: dict[str, str]
    totals: dict[str, str]
    tables: dict[str, pd.DataFrame]
    mutated: bool = False

    def write(self, folder: Path) -> None:
        """Write each figure as an SVG file, each table as TSV."""
        (folder / FIGURES).mkdir(exist_ok=True)
        for name, drawing in {**self.totals, **self.tracks}.items():
            write_text(folder / FIGURES / f"{name}.svg", drawing + "\n")
        for name, table in self.tables.items():
            text = table.to_csv(sep="\t", index=False, float_format="%.6g")
            write_text(folder / f"{name}.tsv", text)


def draw(
    folder: str | Path,
    number: int = 20,
    choice: Choice = "certain",
    *,
    windows: Windows | None = None,
    mutate: Predictor | None = None,
) -> Drawn:
    """Draw an explanation.

    Parameters
    ----------
    folder : path
        That `cistron explain` wrote.
    number : int
        Samples that are drawn; features have no tracks.
    choice : {"certain", "first"}
        The samples of the most probable calls, each predicted class in turn; or the first ones.
    windows : Windows, optional
        Regions of the samples, where they are windows of genes.
    mutate : Predictor, optional
        Draw in-silico mutagenesis by this classifier below the contributions.

    Raises
    ------
    InputError
        If the folder has no explanation.
    """
    path = Path(folder) / ATTRIBUTIONS
    first = read(path, slice(0, 1))
    if first.codes is None:
        return _of_features(path)
    alphabet = "dna" if first.letters.startswith("ACGT") else "protein"
    whole = Ends(alphabet)
    for explanation in _windows(path):
        whole.add(explanation)
    profiles = whole.profiles()
    word = "base" if alphabet == "dna" else "residue"
    shown = dict(list(profiles.items())[:CLASSES])
    highest = max(
        (float(np.nanmax(m)) for p in shown.values() for m, _ in (p.first, p.last) if len(m)),
        default=1.0,
    )
    totals = {
        f"ends-{place:02d}": ends(name, profile, word, 1.05 * highest)
        for place, (name, profile) in enumerate(shown.items(), 1)
    }
    tracks = {}
    for place, row in enumerate(choose(path, number, choice), 1):
        shown_sample = read(path, slice(row, row + 1))
        effects = None if mutate is None else _effects(mutate, shown_sample)
        tracks[f"sample-{place:02d}"] = track(_track(shown_sample, alphabet, windows, effects))
    return Drawn(tracks, totals, {"positions": profile_table(profiles)}, mutate is not None)


def require_choice(word: str) -> Choice:
    """Return the word if it is a choice of samples.

    Raises
    ------
    InputError
    """
    for choice in get_args(Choice):
        if word == choice:
            return choice
    raise InputError(f"--choose {word}: choose certain or first.{nearest(word, get_args(Choice))}")


def windows_of(run: str | Path) -> Windows | None:
    """Return the regions of what a run learned from, where that is windows of genes."""
    path = Path(run) / EXPERIMENT
    if not path.is_file():
        return None
    samples = read_experiment(path).samples
    return samples.windows() if isinstance(samples, GenomeSamples) else None


def _windows(path: Path) -> Iterator[Explanation]:
    with h5py.File(path) as file:
        n = len(file["ids"])
    for start in range(0, n, WINDOW):
        yield read(path, slice(start, start + WINDOW))


def choose(path: Path, number: int, choice: Choice) -> list[int]:
    """Return the rows to draw; see `draw`."""
    with h5py.File(path) as file:
        probabilities = file["probabilities"][:]
        numeric = file["explained"][0] < 0
    if choice == "first" or numeric:
        return list(range(min(number, len(probabilities))))
    best, called_as = probabilities.max(axis=1), probabilities.argmax(axis=1)
    order = np.argsort(-best, kind="stable")
    turn = np.empty(len(order), dtype=np.int64)  # the how manyeth of its class a sample is
    for label in np.unique(called_as):
        mine = order[called_as[order] == label]
        turn[mine] = np.arange(len(mine))
    return np.lexsort((called_as, turn))[:number].tolist()


def _of_features(path: Path) -> Drawn:
    """Draw features (of cells, genes) by predicted class and by group."""
    averages = Averages()
    for explanation in _windows(path):
        averages.add(explanation)
    table = averages.table()
    totals = {}
    parts = table[table["rank"] <= TOP].groupby(["by", "group", "predicted"], sort=False)
    ordered = sorted(parts, key=lambda item: (item[0][0] != PREDICTED, -item[1]["samples"].iloc[0]))
    for place, ((by, group, predicted), part) in enumerate(ordered[: 2 * CLASSES], 1):
        name = predicted if by == PREDICTED else f"{predicted}, {by} {group}"
        samples = int(part["samples"].iloc[0])
        totals[f"features-{place:02d}"] = top_features(
            f"Predicted {name}", samples, part["feature"].tolist(), part["mean"].tolist()
        )
    return Drawn({}, totals, {"features": table})


def _track(
    sample: Explanation, alphabet: str, windows: Windows | None, effects: Array | None
) -> Track:
    """Return what is drawn of the one sample of an explanation."""
    if sample.codes is None or sample.positions is None:
        raise ValueError("features have no tracks")
    text = ALPHABETS[alphabet].text(sample.codes)
    length = None if sample.lengths is None else int(sample.lengths[0])
    marks: Sequence[Mark] = ()
    sides: Sequence[Mark] = ()
    axis = Axis()
    if alphabet == "protein":
        marks, sides = patterns_in(text, sample.positions, length), ends_of(length)
    elif windows is not None and length == windows.length:
        marks, axis = regions_of(windows.parts), Axis(stretches_of(windows.parts))
    return Track(
        str(sample.ids[0]) + _place(sample),
        _heading(sample),
        text,
        sample.contributions.astype(np.float64),
        sample.positions,
        marks,
        sides,
        axis,
        effects,
        sample.letters[: ALPHABETS[alphabet].standard],
        alphabet == "dna",
        None if sample.strands is None else sample.strands.astype(np.float64),
        _scale(sample),
    )


def _place(sample: Explanation) -> str:
    """Return where a sample lies in the genome, if its id does not say it."""
    known = sample.coordinates
    if not {"chromosome", "start", "end"} <= set(known):
        return ""
    row = known.iloc[0]
    what = "" if pd.notna(coordinates(sample)["chromosome"].iloc[0]) else "gene at "
    strand = f" ({row['strand']})" if "strand" in known else ""
    return f" · {what}{row['chromosome']}:{int(row['start']) + 1:,}-{int(row['end']):,}{strand}"


def _heading(sample: Explanation) -> str:
    """Return what was predicted, and what is explained."""
    if not sample.classes:
        answer = f"predicted {decimal(float(sample.output[0]), 3)}"
        word = "explained: the number"
    else:
        name = called(sample)[0]
        share = float(sample.probabilities[0].max())
        answer = f"predicted {name}, p {decimal(share, 3)}"
        word = f"explained: {sample.classes[int(sample.explained[0])]}, {_kind(sample)} "
        word += decimal(float(sample.output[0]))
    against = float(sample.reference_output[0])
    beside = f" against {decimal(against)} of references" if np.isfinite(against) else ""
    return f"{answer} · {word}{beside} · {sample.method[0]}".replace("_", " ")


def _scale(sample: Explanation) -> str:
    """Return what contributions add to."""
    if not sample.classes:
        return "number"
    return f"{_kind(sample)} of {sample.classes[int(sample.explained[0])]}"


def _kind(sample: Explanation) -> str:
    two = len(sample.classes) == 2 and sample.probabilities.sum() > 0.999
    return "log-odds" if two else "logit"


def _effects(classifier: Predictor, explained: Explanation) -> NDArray[np.float64]:
    """Return the effect of every substitution in what was read of a sample."""
    if explained.codes is None:
        raise ValueError("features have no letters")
    alphabet = ALPHABETS[classifier.alphabet_]
    codes = explained.codes
    sample = make_samples(Sequences(codes, np.array([0, len(codes)]), alphabet))
    logits = classifier.logits(sample)
    name = explained.classes[int(explained.explained[0])] if explained.classes else None
    target = choose_target(classifier.head, logits, name)
    letters = letters_of(classifier, sample)
    output = float(target.of(logits)[0])
    return mutation_effects(
        letters, cast("Ragged", letters.values)[0], target.weights[0], output, alphabet.standard
    ).astype(np.float64)
