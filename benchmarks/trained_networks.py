"""Networks trained on real data, or published, for the table of completeness errors.

Training is short: a few epochs on some of the samples, to see weights that learned something, not
good ones. `attributions.py --errors` calls this.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import cistron
from cistron.base.device import choose_device
from cistron.classifier.classifier import Classifier
from cistron.experiment.file import make_experiment
from cistron.explain import network_method
from cistron.explain.inputs import Reader
from cistron.explain.rules.deeplift import DEEPLIFT
from cistron.explain.settings import ExplainSettings
from cistron.explain.target import choose_target
from cistron.pipeline.imports import import_model
from cistron.training.batches import by_length, input_lengths

EXPLAINED, REFERENCES, SEED = 32, 5, 1
TRAINING = {"epochs": 3, "patience": 3, "batch_size": 64, "learning_rate": 1e-3, "seed": SEED}
SPLIT = {"kind": "random", "test": 0.2, "validation": 0.1}
Measured = tuple[str, str, Classifier, Any]
"""Network, what it was trained on and explained on, classifier, encoded samples."""

HEADER = """
## Trained and published networks

The same, of networks as they are used: {explained} samples of the real data that is named,
{references} references each (shuffled, or the mean of training), both strands where the network
reads both. Where weights are not published, training was short: a few epochs on some hundred
samples. (After these, `senseqnet` hardly reacts to its input: most of its error in float32 is
rounding of the logits, as above.)
`float32` is the worst sample in that precision; where a sample is above 1e-4, `cistron explain`
computes it again in float64: `again` says how many, and `stored` is the worst error of what it then
writes.

| network | trained on | explained | float32 | again | stored |
|---|---|---|---|---|---|"""


def trained_rows(data: Path, senseqnet: Path | None) -> Iterator[str]:
    """Yield the second table of completeness errors, line by line.

    Parameters
    ----------
    data : Path
        Folder with the real data; what is missing there is left out.
    senseqnet : Path, optional
        SenSeqNet_model.pth of the senseqnet package.
    """
    yield HEADER.format(explained=EXPLAINED, references=REFERENCES)
    for source in (deepdife, published_senseqnet, promoters, proteins, profiles, cells):
        for name, learned, classifier, encoded in source(data, senseqnet):
            yield row(name, learned, classifier, encoded)


def row(name: str, learned: str, classifier: Classifier, encoded: Any) -> str:
    """Return one line: the error in float32, and that of what `cistron explain` stores."""
    single = errors(classifier, encoded, np.inf)
    stored = errors(classifier, encoded, network_method.GOOD_ENOUGH)
    again = int((single > network_method.GOOD_ENOUGH).sum())
    return (
        f"| {name} | {learned} | {len(encoded)} | {single.max():.0e} | {again or 'none'} | "
        f"{stored.max():.0e} |"
    )


def errors(classifier: Classifier, encoded: Any, good_enough: float) -> np.ndarray:
    """Return the completeness error of each sample, float64 being used above `good_enough`."""
    before, network_method.GOOD_ENOUGH = network_method.GOOD_ENOUGH, good_enough
    try:
        target = choose_target(classifier.head, classifier.outputs_of(encoded), None)
        settings = ExplainSettings(number=REFERENCES, tolerance=1e9, seed=SEED)
        reader = Reader(classifier, settings, choose_device(classifier.training_.device))
        explainer = network_method.Explainer(reader, DEEPLIFT, settings)
        measured = np.empty(len(encoded))
        sizes = network_method.BATCH, network_method.TOKENS
        for rows in by_length(input_lengths(encoded), *sizes):
            part, _ = explainer.explain(encoded, rows, target.weights[rows])
            measured[rows] = part.error.cpu().numpy()
        return measured
    finally:
        network_method.GOOD_ENOUGH = before


def trained(name: str, learned: str, document: dict[str, Any], most: int) -> Iterator[Measured]:
    """Train on at most so many samples of an experiment; yield it with samples held out."""
    model = document["model"]["kind"]
    made = make_experiment({"name": model, "split": SPLIT, **document})
    samples = made.samples.read()
    order = np.random.default_rng(SEED).permutation(len(samples))
    kept = samples.take(np.sort(order[: most + EXPLAINED]))
    held = kept.take(np.arange(EXPLAINED))
    classifier = Classifier(made.encoder, made.model, made.training, calibration="none")
    classifier.fit(kept.take(np.arange(EXPLAINED, len(kept))))
    yield name, learned, classifier, classifier.encoder_.encode(held)


def deepdife(data: Path, _: Any) -> Iterator[Measured]:
    """Yield the published DeepDifE on promoters of other species and on its own regions."""
    folder = data / "stress_aba"
    files = [folder / "model_single.json", folder / "weights_single.h5"]
    if not files[0].is_file():
        return
    classifier = imported("keras", files, both_strands=True)
    table = cistron.read_table(
        folder / "aba_orthologs_labelled.csv.gz", id="gene", sequence="seq", alphabet="dna"
    )
    regions = cistron.read_fasta(folder / "example_c1.fasta.gz", alphabet="dna")
    for learned, samples in (
        ("published weights; ortholog promoters", table),
        ("published weights; its own regions, half N", regions),
    ):
        some = samples.take(np.arange(EXPLAINED))
        yield "`keras`: DeepDifE", learned, classifier, classifier.encoder_.encode(some)


def published_senseqnet(_: Path, weights: Path | None) -> Iterator[Measured]:
    """Yield the published SenSeqNet on vectors like embeddings, without the language model."""
    if weights is not None:
        classifier = imported("senseqnet", [weights])
        vectors = np.random.default_rng(SEED).normal(0, 0.2, (EXPLAINED, 1280)).astype(np.float32)
        yield "`senseqnet`", "published weights; random vectors", classifier, vectors


def imported(kind: str, files: list[Path], **options: Any) -> Classifier:
    """Return a published network."""
    with tempfile.TemporaryDirectory() as folder:
        return import_model(kind, files, Path(folder) / "run", **options)


def promoters(data: Path, _: Any) -> Iterator[Measured]:
    """Yield deepCRE and LCRE on yeast genes: high or low expression."""
    folder = data / "yeast"
    if not folder.is_dir():
        return
    for model, epochs in (("deepcre", 2), ("lcre", 2)):
        samples = {
            "kind": "genome",
            "genome": str(folder / "genome.fa.gz"),
            "annotation": str(folder / "genes.gff3.gz"),
            "numbers": {"table": str(folder / "tpm.csv"), "columns": ["tpm"]},
            "regions": model,
            "short_genes": "overlap",
        }
        document = {
            "samples": samples,
            "encoder": {"kind": "one_hot", "max_length": 3020, "both_strands": False},
            "model": {"kind": model},
            "training": {**TRAINING, "epochs": epochs},
        }
        yield from trained(f"`{model}`", "yeast genes", document, 400)


def proteins(data: Path, _: Any) -> Iterator[Measured]:
    """Yield networks of residues and vectors on DeepLoc's proteins: ten compartments."""
    file = data / "localization" / "deeploc_validation.fasta.gz"
    if not file.is_file():
        return
    samples = {
        "kind": "fasta",
        "alphabet": "protein",
        "path": str(file),
        "label": r"^\S+ ([\w./-]+)-[MSU]\b",
    }
    residues = {"kind": "residues", "as": "blosum62", "max_length": 400, "crop": "ends"}
    for model in ("termini_cnn", "light_attention", "multiloc_cnn_lstm", "senseqnet"):
        encoder = {"kind": "descriptors"} if model == "senseqnet" else residues
        document = {
            "samples": samples,
            "encoder": encoder,
            "model": {"kind": model},
            "training": TRAINING,
        }
        learned = "DeepLoc proteins" + (", descriptors" if model == "senseqnet" else "")
        yield from trained(f"`{model}`", learned, document, 800)


def profiles(data: Path, _: Any) -> Iterator[Measured]:
    """Yield the published localization networks on profiles."""
    file = data / "localization" / "multiloc_profiles_reduced_val.npz"
    if not file.is_file():
        return
    names = ["nucleus", "cytoplasm", "extracellular", "mitochondrion", "membrane", "er"]
    names += ["chloroplast", "golgi", "lysosome", "peroxisome"]
    for model in ("multiloc_cnn", "multiloc_resnet"):
        document = {
            "samples": {"kind": "profiles", "path": str(file), "classes": names},
            "encoder": {"kind": "profile", "max_length": 400, "crop": "start"},
            "model": {"kind": model},
            "training": TRAINING,
        }
        yield from trained(f"`{model}`", "MultiLoc profiles", document, 500)


def cells(data: Path, _: Any) -> Iterator[Measured]:
    """Yield OncoPersistNet on Kang's cells: stimulated or resting."""
    file = data / "cells" / "kang_example.h5ad"
    if not file.is_file():
        return
    document = {
        "samples": {
            "kind": "cells",
            "path": str(file),
            "label": {
                "column": "group_id",
                "classes": {"resting": ["ctrl"], "stimulated": ["stim"]},
            },
        },
        "encoder": {"kind": "expression", "scale": {"kind": "min_max"}, "components": 100},
        "model": {"kind": "oncopersistnet"},
        "training": {**TRAINING, "epochs": 5},
    }
    yield from trained("`oncopersistnet`", "Kang's cells, 100 components", document, 1400)
