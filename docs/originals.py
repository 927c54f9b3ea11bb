"""The published systems against ours, part by part: the table of docs/originals.md.

    python docs/originals.py
    python docs/originals.py --yeast FOLDER --localization FILE.npz

The originals are those of original_programs.py. Both sides compute with float64 and the same
weights, dropout off, so that what is left is rounding. The folder holds genome.fa.gz and
genes.gtf.gz; the archive the arrays X_val and mask_val.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from original_programs import (
    State,
    deepcre,
    deepdife,
    lcre,
    multiloc_cnn,
    multiloc_cnn_lstm,
    multiloc_resnet,
    oncopersistnet,
    original_dde,
    original_gtpc,
    original_window,
    reduce_on_plateau,
    senseqnet,
)

from cistron.encoders.proteins.descriptors import DescriptorsSettings
from cistron.models.families import NetworkSettings
from cistron.models.penalty import penalty
from cistron.models.published.deepcre import DeepCRESettings
from cistron.models.published.deepdife import DeepDifESettings
from cistron.models.published.lcre import LCRESettings
from cistron.models.published.multiloc_cnn import MultiLocCNNSettings
from cistron.models.published.multiloc_cnn_lstm import MultiLocCNNLSTMSettings
from cistron.models.published.multiloc_resnet import MultiLocResNetSettings
from cistron.models.published.oncopersistnet import OncoPersistNetSettings
from cistron.models.published.senseqnet import SenSeqNetSettings
from cistron.samples.alphabet import DNA
from cistron.samples.genome.genome import read_genome
from cistron.samples.genome.windows import Loci, make_windows
from cistron.samples.samples import Sequences
from cistron.training.losses import losses
from cistron.training.schedules import learning_rate
from cistron.training.settings import TrainingSettings

Original = Callable[[State, torch.Tensor], torch.Tensor]
EXACT, ROUNDED = 1e-10, 1e-6  # largest difference allowed in float64; of float32 results


@dataclass(frozen=True)
class Row:
    """One line of the table: what was compared, and the largest difference."""

    system: str
    part: str
    original: str
    ours: str
    difference: float
    allowed: float

    @property
    def line(self) -> str:
        """The line as it stands on the page; equal on every machine while all is well."""
        kept = self.difference <= self.allowed
        told = f"{self.difference:.1g}" if not kept else f"< {self.allowed:g}"
        told = "0" if self.allowed == 0 and kept else told
        return f"| {self.system} | {self.part} | {self.original} | {self.ours} | {told} |"


def compare(settings: NetworkSettings, original: Original, x, lengths=None, l2=None):
    """Return the largest differences of outputs, loss and gradients, the last two relative."""
    torch.manual_seed(0)
    classes = 10 if "multiloc" in settings.kind else 2
    network = settings.build(x.shape[-1], 1 if settings.single_logit else classes).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter) * parameter.requires_grad)
    y = torch.arange(len(x)) % classes
    inputs = [x] if lengths is None else [x, torch.arange(x.shape[1]) < lengths[:, None]]
    state = dict(network.named_parameters())
    trained = [p for p in state.values() if p.requires_grad]
    ours, theirs = network(*inputs), original(state, x)
    logits = F.pad(ours, (1, 0)) if settings.single_logit else ours
    loss = losses(logits, y, "mse").mean() + penalty(network)
    if settings.single_logit:
        p = theirs[:, 0].sigmoid()
        expected = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    else:
        expected = -(theirs.softmax(1).log()[torch.arange(len(y)), y]).mean()
    for name, strength in (l2 or {}).items():
        expected = expected + strength * (state[name] ** 2).sum()
    mine, wanted = (
        torch.autograd.grad(value, trained, allow_unused=True) for value in (loss, expected)
    )
    pairs = [(a, b) for a, b in zip(mine, wanted, strict=True) if b is not None]
    largest = max(float(b.abs().max()) for _, b in pairs)
    apart = max(float((a - b).abs().max()) for a, b in pairs) / largest
    return (
        float((ours - theirs).detach().abs().max()),
        abs(float(loss.detach() / expected.detach()) - 1),
        apart,
    )


def network_rows(system, words, settings, original, x, lengths=None, l2=None) -> list[Row]:
    differences = compare(settings, original, x, lengths, l2)
    parts = ("forward pass", "loss", "gradients")
    return [
        Row(system, f"{part}: {words}", "the layers in Keras" if system != "SenSeqNet" else
            "the layers in PyTorch", f"`{settings.kind}`", difference, EXACT)
        for part, difference in zip(parts, differences, strict=True)
    ]  # fmt: skip


def profiles(n=6, positions=400):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.dirichlet(np.full(20, 0.3), (n, positions)))
    lengths = torch.tensor([400, 87, 211, 399, 12, 350])[:n]
    return x * (torch.arange(positions) < lengths[:, None]).unsqueeze(2), lengths


def bases(n, length):
    codes = torch.from_numpy(np.random.default_rng(0).integers(0, 5, (n, length)))
    return torch.eye(5, dtype=torch.float64)[codes][:, :, :4], torch.full((n,), length)


def networks(length=(3020, 1200)) -> list[Row]:
    """Return the rows of forward passes, losses and gradients."""
    x, lengths = profiles()
    parts = {"convolution": "convolution", "lstms.0": "lstms.0.cell", "lstms.1": "lstms.1.cell"}
    l2 = {f"{parts[p]}.weight{'_ih_l0' if 'lstm' in p else ''}": 1e-3 for p in parts}
    l2["dense.weight"] = 1e-3
    kernels = [f"convolutions.{k}.weight" for k in (0, 4, 7)] + ["head.1.weight", "head.4.weight"]
    vectors = torch.from_numpy(np.random.default_rng(1).normal(size=(6, 100)))
    embedded = torch.from_numpy(np.random.default_rng(2).normal(size=(4, 320)))
    off = {"dropout": 0.0}
    return [
        *network_rows("deepCRE", f"{length[0]} positions", DeepCRESettings(length=length[0], **off),
                      deepcre, *bases(2, length[0])),
        *network_rows("LCRE", f"{length[1]} positions", LCRESettings(length=length[1], **off),
                      lcre, *bases(2, length[1])),
        *network_rows("DeepDifE", "620 positions, L2 1e-6", DeepDifESettings(penalty=1e-6, **off),
                      deepdife, *bases(3, 620), dict.fromkeys(kernels, 1e-6)),
        *network_rows("Localization", "CNN 1", MultiLocCNNSettings(empty="read", **off),
                      multiloc_cnn, x, lengths),
        *network_rows("Localization", "CNN + LSTM, 98 steps",
                      MultiLocCNNLSTMSettings(length=400, **off), multiloc_cnn_lstm, x, lengths),
        *network_rows("Localization", "ResNet 1", MultiLocResNetSettings(length=400),
                      multiloc_resnet, x, lengths),
        *network_rows("OncoPersistNet", "L2 of four layers", OncoPersistNetSettings(**off),
                      oncopersistnet, vectors, None, l2),
        *network_rows("SenSeqNet", "a vector", SenSeqNetSettings(dropout=0, lstm_dropout=0),
                      senseqnet, embedded),
    ]  # fmt: skip


# Windows, features, schedules, optimisers -----------------------------------------------------


def made_windows() -> list[Row]:
    """Windows of made genes of 30 to 3,000 bases, short ones read twice."""
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGT"), 40_000))
    start = rng.integers(1100, 30_000, 60)
    end, minus = start + np.geomspace(30, 3000, 60).astype(int), rng.random(60) < 0.5
    none = np.full(60, -1)
    codes = np.frombuffer(text.encode(), np.uint8)
    table = np.zeros(256, np.uint8)
    table[[ord(x) for x in "ACGT"]] = np.arange(4)
    wanted = [original_window(text, *gene) for gene in zip(start, end, minus, strict=True)]
    rows = []
    for system, preset in (("deepCRE", "deepcre"), ("LCRE", "lcre")):
        windows = make_windows(preset, split_short=False)
        cut = windows.cut(table[codes], Loci(start, end, none, none, minus))[0]
        unequal = (DNA.shares[cut] != np.array(wanted)).any((1, 2)).sum()
        rows.append(window_row(system, preset, f"{len(cut)} made genes", unequal))
    return rows


def window_row(system, preset, words, unequal) -> Row:
    return Row(system, f"windows: {words}", "its script, columns 1000:1003 and 2017:2020 zero",
               f"`regions: {preset}`, `short_genes: overlap`", float(unequal), 0.0)  # fmt: skip


def yeast(folder: Path) -> list[Row]:
    """Windows of every gene of a genome; the difference is the number that are not equal."""
    chromosomes: dict[str, list[str]] = {}
    with gzip.open(folder / "genome.fa.gz", "rt") as file:
        for line in file:
            if line.startswith(">"):
                name = line[1:].split()[0]
            else:
                chromosomes.setdefault(name, []).append(line.strip().upper())
    texts, wanted = {name: "".join(parts) for name, parts in chromosomes.items()}, {}
    with gzip.open(folder / "genes.gtf.gz", "rt") as file:
        for line in file:
            fields = line.split("\t")
            if len(fields) > 8 and fields[2] == "gene" and '"protein_coding"' in fields[8]:
                gene = fields[8].split('gene_id "')[1].split('"')[0]
                if fields[0] in texts:
                    place = int(fields[3]) - 1, int(fields[4]), fields[6] == "-"
                    wanted[gene] = original_window(texts[fields[0]], *place)
    rows = []
    for system, preset in (("deepCRE", "deepcre"), ("LCRE", "lcre")):
        samples = read_genome(folder / "genome.fa.gz", folder / "genes.gtf.gz", regions=preset,
                              short_genes="overlap", edges="drop")  # fmt: skip
        codes = samples.sequences.values.reshape(len(samples), -1)
        theirs = [wanted.get(gene) for gene in samples.ids]
        unequal = sum(
            w is None or (DNA.shares[c] != w).any() for c, w in zip(codes, theirs, strict=True)
        )
        rows.append(window_row(system, preset, f"{len(samples):,} genes of yeast", unequal))
    return rows


def features() -> list[Row]:
    """SenSeqNet's descriptors of proteins with runs of one residue, and with U, O, B, X."""
    rng = np.random.default_rng(3)
    texts = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWYAAAGGUOBX"), n)) for n in (3, 40, 700)]
    texts += ["AAAA", "MAAAAAGWWW", "KKKRRRDEDE"]
    rows = []
    for kind, formula in (("dde_senseqnet", original_dde), ("gtpc_senseqnet", original_gtpc)):
        encoder = DescriptorsSettings(sets=(kind,))
        ours = encoder.features(Sequences.from_text(texts)).astype(float)
        names = [name.split()[0] for name in encoder.feature_names(None)]
        theirs = [formula(text) for text in texts]
        wanted = [[t[n] for n in names] if isinstance(t, dict) else t for t in theirs]
        rows.append(Row("SenSeqNet", f"features: {kind[:4].strip('_').upper()}",
                        "Manu_features.ipynb", f"`descriptors`, `{kind}`",
                        float(np.abs(ours - np.array(wanted)).max()), ROUNDED))  # fmt: skip
    return rows


def published(recipe: str, **changes: object) -> TrainingSettings:
    """Return the first stage of training in a recipe of `cistron new`."""
    text = files("cistron.experiment.recipes").joinpath(f"{recipe}.yaml").read_text("utf-8")
    return TrainingSettings(**{**yaml.safe_load(text)["training"], **changes}).by_stage()[0]


def schedules() -> list[Row]:
    """Learning rates that recipes make of a loss that falls, stalls and creeps for 100 epochs."""
    rng = np.random.default_rng(4)
    values = 0.7 - 0.1 * (1 - np.exp(-np.arange(100) / 8)) + 0.003 * rng.random(100)
    values[60:] = values[59] - 5e-6 * np.arange(40)  # better, but by less than 1e-4
    deepcre = {"schedule": "plateau", "epochs": 100, "patience": 10}  # as the recipe says
    kinds = [
        ("deepCRE", "× .1 after 5 epochs", "expression_published", deepcre, (1e-4, 0.1, 5, 0.0)),
        ("LCRE", "constant", "expression_published", {}, (1e-4, 1.0, 100, 0.0)),
        ("DeepDifE", "EvoAug, × .1 after 5, floor 1e-7", "stress_published", {},
         (1e-3, 0.1, 5, 1e-7)),
        ("DeepDifE", "PhyloAug, × .1 after 5, floor 1e-7", "stress_phyloaug", {},
         (1e-3, 0.1, 5, 1e-7)),
        ("Localization", "constant", "localization_published", {}, (1e-3, 1.0, 100, 0.0)),
        ("OncoPersistNet", "× .85 from epoch 7, × .5 after 7, floor 1e-6", "persister_published",
         {}, (1e-4, 0.5, 7, 1e-6, 0.85, 5)),
        ("SenSeqNet", "constant", "senescence_published", {},
         (3.466440190079221e-4, 1.0, 100, 0.0)),
    ]  # fmt: skip
    rows = []
    for system, words, recipe, changes, arguments in kinds:
        settings = published(recipe, **changes)
        history = [{"validation_loss": float(v)} for v in values]
        ours = np.array([learning_rate(settings, e, history[:e]) for e in range(100)])
        theirs = reduce_on_plateau(values, *arguments)
        difference = float(np.abs(ours / theirs - 1).max())
        rows.append(Row(system, f"schedule: {words}", "its program", f"recipe `{recipe}`",
                        difference, EXACT))  # fmt: skip
    return rows


def optimiser() -> list[Row]:
    """Weights after 200 steps of both on one noisy bowl, apart as a share of how far they went."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, generator=generator, dtype=torch.float64)
    scale, noise = torch.logspace(-3, 0, 50), torch.randn(200, 50, generator=generator)
    rows = []
    for system, words, epsilon in (("Keras systems", "Adam of Keras, epsilon 1e-7", 1e-7),
                                   ("SenSeqNet", "Adam of PyTorch", None)):  # fmt: skip
        ours = x.clone().requires_grad_()
        adam = torch.optim.AdamW([ours], lr=1e-3, weight_decay=0)
        theirs, m, v = x.clone(), torch.zeros_like(x), torch.zeros_like(x)
        for step in range(1, 201):
            adam.zero_grad()
            ours.grad = (scale * ours + 0.1 * noise[step - 1]).detach()
            adam.step()
            gradient = scale * theirs + 0.1 * noise[step - 1]
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            first, second = 1 - 0.9**step, 1 - 0.999**step
            if epsilon is None:
                theirs = theirs - 1e-3 * (m / first) / ((v / second).sqrt() + 1e-8)
            else:
                theirs = theirs - 1e-3 * second**0.5 / first * m / (v.sqrt() + epsilon)
        apart = float((ours.detach() - theirs).abs().max() / (theirs - x).abs().max())
        rows.append(Row(system, "optimiser: 200 steps", words, "AdamW, `weight_decay: 0`", apart,
                        EXACT if epsilon is None else 1e-4))  # fmt: skip
    return rows


def localization(path: Path) -> list[Row]:
    """CNN + LSTM on profiles of a file."""
    with np.load(path) as arrays:
        x, mask = arrays["X_val"][:64], arrays["mask_val"][:64]
    inputs = torch.from_numpy(x * mask[:, :, None]).double(), torch.from_numpy(mask).sum(1).long()
    settings = MultiLocCNNLSTMSettings(length=400, dropout=0.0)
    return network_rows(
        "Localization", "CNN + LSTM, 64 profiles", settings, multiloc_cnn_lstm, *inputs
    )


def rows() -> list[Row]:
    """Every row that needs no file."""
    return [*made_windows(), *features(), *networks(), *schedules(), *optimiser()]


HEAD = "| system | part | original | ours | largest difference |\n|---|---|---|---|---|"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--yeast", type=Path, help="folder with genome.fa.gz and genes.gtf.gz")
    parser.add_argument("--localization", type=Path, help="archive of MultiLoc profiles")
    parser.add_argument("--measured", action="store_true", help="print every difference as it is")
    options = parser.parse_args()
    found = rows()
    found += yeast(options.yeast) if options.yeast else []
    found += localization(options.localization) if options.localization else []
    print(HEAD)
    for row in found:
        print(row.line, f"{row.difference:.1e}" if options.measured else "")
