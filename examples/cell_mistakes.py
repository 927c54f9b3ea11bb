"""Four mistakes of published classifiers of cells, each beside the right way on the same cells.

    python examples/cell_mistakes.py DATA FIGURES [--only pca smote confounded rows]

DATA holds kang_example.h5ad and symphony_pbmc_small_lognorm.h5ad. Each mistake is made here, in
the open, because Cistron does not offer it; the right way is what Cistron does. Every score is of
cells with a known label, with a 95 % interval over cells. One figure for each goes to FIGURES.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.evaluation.evaluate import evaluate
from cistron.experiment.file import parse_encoder, parse_model
from cistron.figures import runs_forest
from cistron.models.classical.classical import fit_classical, log_probabilities
from cistron.samples.cells.cells import read_cells
from cistron.samples.samples import Samples, make_samples
from cistron.splits.audit.confounding import confounded_sentence
from cistron.splits.group import group_split
from cistron.splits.random import random_split

KANG = "kang_example.h5ad"
CHEMISTRIES = "symphony_pbmc_small_lognorm.h5ad"
COMPONENTS = {"kind": "expression", "components": 50}
LOGARITHMS = {
    "kind": "expression",
    "normalise": {"input": "logarithms"},
    "genes": {"kind": "highly_variable", "method": "seurat"},
}
Floats = NDArray[np.floating]
Scores = dict[str, dict[str, Any]]


def kang(data: Path, label: str) -> Samples:
    """Return Kang's cells, with the donor beside the sample."""
    cells = read_cells(data / KANG, label, ["sample_id"])
    sample = cells.table["sample_id"].astype(str)
    return make_samples(
        cells.payload,
        cells.ids.tolist(),
        cells.table["label"].tolist(),
        {"donor": sample.str[-3:].tolist(), "sample": sample.tolist()},
    )


def where(samples: Samples, column: str, value: str) -> Samples:
    """Return the cells with a value in a column."""
    return samples.take(np.flatnonzero(samples.table[column].to_numpy() == value))


def scored(truth: NDArray[np.int64], probabilities: Floats, metric: str) -> dict[str, Any]:
    """Return one metric with its interval."""
    classes = [str(k) for k in range(probabilities.shape[1])]
    return evaluate(truth, probabilities, classes)["scores"][metric]


def pca(data: Path) -> Scores:
    """Refit the components on the data to predict, or carry those of training."""
    cells = kang(data, "group_id")
    found: Scores = {}
    for train, new in (("101", "107"), ("107", "101")):
        classifier = Classifier(COMPONENTS, "logistic_regression").fit(where(cells, "donor", train))
        tested = where(cells, "donor", new)
        untreated = where(tested, "sample", f"ctrl{new}")
        for name, some in (("all cells", tested), ("untreated cells alone", untreated)):
            refitted = parse_encoder(COMPONENTS).fit(some).encode(some)
            for way, logits in (
                ("carried", classifier.logits(some)),
                ("refitted", classifier.outputs_of(refitted)),
            ):
                right = scored(some.targets, classifier.head.predictions(logits), "accuracy")
                found[f"{train} to {new}, {name}, {way}"] = right
    return found


def smote(vectors: Floats, targets: NDArray[np.int64], seed: int) -> tuple[Floats, NDArray]:
    """Add points between cells of the rarer class and their neighbours, until classes are even.

    Chawla et al. 2002, https://doi.org/10.1613/jair.953, with five neighbours.
    """
    rng = np.random.default_rng(seed)
    sizes = np.bincount(targets)
    rare = vectors[targets == sizes.argmin()]
    near = NearestNeighbors(n_neighbors=6).fit(rare).kneighbors(rare)[1][:, 1:]
    first = rng.integers(0, len(rare), sizes.max() - sizes.min())
    second = near[first, rng.integers(0, 5, len(first))]
    made = rare[first] + rng.random((len(first), 1)) * (rare[second] - rare[first])
    labels = np.full(len(made), sizes.argmin())
    return np.concatenate([vectors, made]), np.concatenate([targets, labels])


def learned(train: Floats, targets: NDArray[np.int64], tested: Floats) -> Floats:
    """Return what a random forest says of the tested vectors, in probabilities."""
    forest = fit_classical(parse_model("random_forest"), train, targets, np.ones(len(train)), 1)
    return np.exp(log_probabilities(forest, tested))


def permuted(data: Path) -> Samples:
    """Return Kang's cells, CD8 T cells or others, with labels that were shuffled by donor."""
    cells = kang(data, "cluster_id")
    labels = np.where(cells.table["label"] == "CD8 T cells", "rare", "common").astype(object)
    rng = np.random.default_rng(1)
    for donor in ("101", "107"):
        rows = np.flatnonzero(cells.table["donor"] == donor)
        labels[rows] = rng.permutation(labels[rows])
    return make_samples(cells.payload, cells.ids.tolist(), labels.tolist())


def smote_before(data: Path) -> Scores:
    """Make synthetic cells before the folds, or within the training part of each."""
    cells = permuted(data)
    split = random_split(cells, folds=5)
    settings = parse_encoder(COMPONENTS)
    inside, plain = np.zeros((len(cells), 2)), np.zeros((len(cells), 2))
    for fold in range(5):
        train, test = np.flatnonzero(split.fold != fold), np.flatnonzero(split.fold == fold)
        encoder = settings.fit(cells.take(train))
        vectors, tested = (encoder.encode(cells.take(rows)) for rows in (train, test))
        even = smote(vectors, cells.targets[train], fold)
        inside[test] = learned(*even, tested)
        plain[test] = learned(vectors, cells.targets[train], tested)
    vectors, targets = smote(settings.fit(cells).encode(cells), cells.targets, 1)
    fold = np.random.default_rng(1).permutation(len(targets)) % 5
    before = np.zeros((len(targets), 2))
    for k in range(5):
        train = fold != k
        before[~train] = learned(vectors[train], targets[train], vectors[~train])
    return {
        "no synthetic cells": scored(cells.targets, plain, "balanced_accuracy"),
        "SMOTE and PCA inside the folds": scored(cells.targets, inside, "balanced_accuracy"),
        "SMOTE and PCA before the folds": scored(targets, before, "balanced_accuracy"),
    }


def fraction_refused(data: Path) -> str:
    """Return what is said of a matrix with synthetic cells in it that is given as counts."""
    cells = permuted(data)
    vectors, targets = smote(cells.payload.read().toarray(), cells.targets, 1)
    made = make_samples(
        Counts.of(vectors, cells.payload.genes.tolist()), labels=[str(k) for k in targets]
    )
    try:
        parse_encoder(COMPONENTS).fit(made)
    except InputError as error:
        return str(error)
    return ""


def libraries(cells: Samples, number: int, seed: int) -> Samples:
    """Deal cells of one kind to libraries that catch each gene more or less well; no biology.

    Half of the libraries are called treated. In each, every gene's counts are thinned to a share
    of its own (mean 0.5), as when a library is made or quantified differently.
    """
    rng = np.random.default_rng(seed)
    values = cells.payload.read().toarray().astype(np.int64)
    library = rng.permutation(len(values)) % number
    treated = np.isin(np.arange(number), rng.permutation(number)[: number // 2])
    caught = rng.beta(2, 2, (number, values.shape[1]))
    thinned = rng.binomial(values, caught[library])
    return make_samples(
        Counts.of(sparse.csr_matrix(thinned), cells.payload.genes.tolist()),
        labels=np.where(treated[library], "treated", "untreated").tolist(),
        groups={"library": [f"library{k}" for k in library]},
    )


def held_out(cells: Samples, split: Any, encoder: dict[str, Any]) -> dict[str, Any]:
    """Return the area under the ROC curve of logistic regression, each fold held out in turn."""
    probabilities = np.zeros((len(cells), 2))
    for fold in range(split.folds):
        part = split.for_fold(fold, cells.strata)
        tested = part.rows(2)
        fitted = Classifier(encoder, "logistic_regression").fit(cells, part)
        probabilities[tested] = fitted.predict_proba(cells.take(tested))
    return scored(cells.targets, probabilities, "roc_auc")


def confounded(data: Path, repeats: int = 10) -> Scores:
    """Give each data set one label, and test on cells, or on data sets, that were held out."""
    types = read_cells(data / CHEMISTRIES, "cell_type", ["donor"], counts=False)
    one = where(types, "label", "T_CD4")
    rows = np.flatnonzero(one.table["donor"].isin(["3pv1", "5p"]))
    one = one.take(rows)
    real = make_samples(
        one.payload,
        one.ids.tolist(),
        one.table["donor"].map({"3pv1": "untreated", "5p": "treated"}).tolist(),
        {"library": one.table["donor"].tolist()},
    )
    print(confounded_sentence(real))
    found = {
        "CD4 T cells of two chemistries, random folds": held_out(
            real, random_split(real), LOGARITHMS
        )
    }
    alike = where(kang(data, "cluster_id"), "sample", "ctrl101")
    each: dict[str, list[float]] = {"random folds": [], "libraries held out": []}
    for seed in range(repeats):
        made = libraries(alike, 8, seed)
        whole = group_split(made, "library", folds=4, test=0.25, validate_on="samples")
        for name, split in zip(each, (random_split(made), whole), strict=True):
            each[name].append(held_out(made, split, {"kind": "expression"})["value"])
    for name, values in each.items():
        spread = np.percentile(values, [0, 100])
        mean = float(np.mean(values))
        found[f"eight made libraries, {name}"] = {
            "value": mean,
            "low": float(spread[0]),
            "high": float(spread[1]),
        }
    return found


def by_row(new: Samples, genes: NDArray[np.object_]) -> Samples:
    """Return cells of which gene k is called like the k-th gene of training, as if it were it."""
    values = new.payload.read()
    width = min(values.shape[1], len(genes))
    payload = Counts.of(values[:, :width], genes[:width].tolist())
    return make_samples(payload, new.ids.tolist(), new.table["label"].tolist(), None, new.classes)


def seen(cells: Samples) -> Samples:
    """Leave out genes that fewer than 5 % of these cells have, as files of one data set do."""
    values = cells.payload.read()
    fewest = 0.05 * len(cells)
    kept = np.flatnonzero(np.bincount(values.indices, minlength=values.shape[1]) >= fewest)
    payload = Counts.of(values[:, kept], cells.payload.genes[kept].tolist())
    groups = {name: cells.table[name].tolist() for name in cells.groups}
    return make_samples(
        payload, cells.ids.tolist(), cells.table["label"].tolist(), groups, cells.classes
    )


def rows(data: Path) -> Scores:
    """Join genes of two files by row number, or by name."""
    types = kang(data, "cluster_id")
    chemistries = read_cells(
        data / CHEMISTRIES,
        "cell_type",
        ["donor"],
        counts=False,
        only=("T_CD4", "Mono_CD14", "T_CD8", "B"),
    )
    found: Scores = {}
    for cells, encoder, train, new in (
        (types, {"kind": "expression"}, "101", "107"),
        (chemistries, LOGARITHMS, "3pv2", "5p"),
        (chemistries, LOGARITHMS, "3pv2", "3pv1"),
    ):
        first, second = seen(where(cells, "donor", train)), seen(where(cells, "donor", new))
        classifier = Classifier(encoder, "logistic_regression").fit(first)
        for way, some in (("name", second), ("row", by_row(second, first.payload.genes))):
            said = scored(some.targets, classifier.predict_proba(some), "accuracy")
            found[f"{train} to {new}, genes by {way}"] = said
            rejected = classifier.predict(some)["rejected"].mean()
            print(f"{train} to {new}, genes by {way}: {rejected:.0%} of the cells rejected")
    return found


MISTAKES = {
    "pca": (pca, "Accuracy", "carried", None),
    "smote": (smote_before, "Balanced accuracy, permuted labels", "inside", 0.5),
    "confounded": (confounded, "ROC AUC, no biology", "held out", 0.5),
    "rows": (rows, "Accuracy", "name", None),
}


def main() -> None:
    """Make the mistakes that are asked for, print the scores and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--only", nargs="*", choices=MISTAKES, default=list(MISTAKES))
    chosen = parser.parse_args()
    for name in chosen.only:
        make, metric, right, chance = MISTAKES[name]
        found = make(chosen.data)
        print(f"\n{make.__doc__.splitlines()[0]} {metric}:")
        for way, score in found.items():
            span = "" if score["low"] is None else f" ({score['low']:.3f} to {score['high']:.3f})"
            print(f"    {way:<50}{score['value']:.3f}{span}")
        highlights = [way for way in found if right in way]
        drawing = runs_forest(found, metric, highlights, chance)
        (chosen.figures / f"mistake-{name}.svg").write_text(drawing + "\n", encoding="utf-8")
    if "smote" in chosen.only:
        print(f"\nGiven as counts: {fraction_refused(chosen.data)}")


if __name__ == "__main__":
    main()
