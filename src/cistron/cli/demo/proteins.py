"""The way from proteins to a judged classifier, where the truth is known.

Proteins come in families, and the class is given to whole families: whoever has seen a relative
knows the answer. Independently of the family, most members of one class carry a motif. A random
split rewards recognising relatives; a homology split leaves the motif alone to be learned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cistron.base.outputs import write_text
from cistron.base.progress import SILENT, Reporter
from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Sequences, make_samples

# Short and of common residues: otherwise it is itself a significant hit between its carriers.
MOTIF = "SNDAVT"
FAMILIES, MEMBERS, LENGTH = 400, 5, 110
CONSERVED = 0.72  # chance that a residue of the family's ancestor is kept
CARRIERS = {"control": 0.04, "signal": 0.65}  # share of members with the motif
EXPERIMENT = """\
# Written by `cistron demo`: made proteins with a planted motif ({motif}).
name: demo_{kind}
samples:
  kind: fasta
  alphabet: protein
  classes: {{control: control.fasta, signal: signal.fasta}}
  groups: {{family: "family=(\\\\d+)"}}
split:
  kind: {kind}
  test: 0.25
  validation: 0.15
  folds: 4
  seed: {seed}
encoder:
  kind: residues
  max_length: 300
model:
  kind: cnn
  blocks: 1
  pooling: max
  dropout: 0.5
training:
  epochs: 30
  batch_size: 32
  learning_rate: 3e-3
  patience: 8
  seed: {seed}
"""


def make_proteins(seed: int = 1) -> dict[str, list[tuple[str, str]]]:
    """Make the proteins of the demo.

    Returns
    -------
    dict
        Class → list of (header, sequence). Headers carry `family=` and whether the motif was
        planted.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in CARRIERS}
    motif = _codes(MOTIF)
    for family in range(FAMILIES):
        name = list(CARRIERS)[family % 2]
        ancestor = rng.integers(0, 20, LENGTH + rng.integers(-30, 60))
        for member in range(MEMBERS):
            kept = rng.random(len(ancestor)) < CONSERVED
            protein = np.where(kept, ancestor, rng.integers(0, 20, len(ancestor)))
            planted = rng.random() < CARRIERS[name]
            if planted:
                place = rng.integers(0, len(protein) - len(motif))
                protein[place : place + len(motif)] = motif
            word = "yes" if planted else "no"
            header = f"{name}_{family}_{member} family={family} motif={word}"
            found[name].append((header, PROTEIN.text(protein.astype(np.uint8))))
    return found


def run_proteins(folder: Path, *, seed: int = 1, reporter: Reporter = SILENT) -> str:
    """Fit made proteins under a random and under a homology split, and say what was found."""
    from cistron.classifier.load import load
    from cistron.experiment.file import read_experiment
    from cistron.pipeline.pipeline import fit

    for name, proteins in make_proteins(seed).items():
        lines = [f">{header}\n{sequence}\n" for header, sequence in proteins]
        write_text(folder / f"{name}.fasta", "".join(lines))
    metrics = {}
    for kind in ("random", "homology"):
        path = folder / f"{kind}.yaml"
        write_text(path, EXPERIMENT.format(kind=kind, motif=MOTIF, seed=seed))
        reporter.say(f"Fitting under a {kind} split ...")
        run = fit(read_experiment(path), folder / f"run_{kind}", reporter=reporter)
        metrics[kind] = run.metrics
    effects = motif_effect(load(folder / "run_homology"), seed)
    return _summary(folder, metrics, effects)


def motif_effect(classifier: Any, seed: int = 1, n: int = 200) -> dict[str, float]:
    """Return the mean probability of "signal" on random proteins, without and with the motif.

    Returns
    -------
    dict
        "none": as they are; "shuffled": with the motif's residues in another order; "motif": with
        the motif.
    """
    rng = np.random.default_rng(seed + 1)
    backgrounds = rng.integers(0, 20, (n, LENGTH)).astype(np.uint8)
    motif = _codes(MOTIF)
    places = rng.integers(0, LENGTH - len(motif), n)
    found = {}
    for name in ("none", "shuffled", "motif"):
        proteins = backgrounds.copy()
        for row, place in enumerate(places):
            word = {"motif": motif, "shuffled": rng.permutation(motif)}.get(name)
            if word is not None:
                proteins[row, place : place + len(motif)] = word
        samples = make_samples(Sequences.from_text([PROTEIN.text(row) for row in proteins]))
        found[name] = float(classifier.predict_proba(samples)[:, 1].mean())
    return found


def _codes(text: str) -> np.ndarray:
    return PROTEIN.codes[np.frombuffer(text.encode(), dtype=np.uint8)]


def _summary(folder: Path, metrics: dict[str, Any], effects: dict[str, float]) -> str:
    rows = ["model", *metrics["random"]["baselines"]]
    lines = [
        "",
        f"{FAMILIES * MEMBERS:,} made proteins in {FAMILIES} families. The class belongs to the "
        "family; apart from that",
        f"{CARRIERS['signal']:.0%} of the class 'signal' and {CARRIERS['control']:.0%} of "
        f"'control' carry the motif {MOTIF}.",
        "",
        f"{'Test MCC':<20}{'random split':>24}{'homology split':>24}",
    ]
    for row in rows:
        cells = []
        for kind in ("random", "homology"):
            scores = metrics[kind]["test"] if row == "model" else metrics[kind]["baselines"][row]
            mcc = scores["mcc"]
            cells.append(f"{mcc['value']:.2f} ({mcc['low']:.2f} to {mcc['high']:.2f})")
        label = {"model": "network", "homolog": "nearest homolog"}.get(row, row)
        lines.append(f"{label:<20}{cells[0]:>24}{cells[1]:>24}")
    found = effects["motif"] - max(effects["shuffled"], effects["none"]) > 0.2
    lines += [
        "",
        "A random split rewards whoever recognises relatives. The homology split leaves none in "
        "training, and what is",
        "left to learn is the motif.",
        "",
        f"The planted motif was {'found' if found else 'NOT found'}: mean probability of 'signal' "
        "on fresh random proteins is",
        f"{effects['none']:.2f} as they are, {effects['shuffled']:.2f} with the motif's residues "
        f"shuffled in, {effects['motif']:.2f} with the motif.",
        "",
        f"Reports: {folder / 'run_random' / 'report.html'}",
        f"         {folder / 'run_homology' / 'report.html'}",
    ]
    return "\n".join(lines)
