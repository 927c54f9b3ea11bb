"""DeepLIFT/SHAP here and in tangermeme, captum and shap: speed, and whether they add up.

python benchmarks/attributions.py [--device cpu] [--mutagenesis]
python benchmarks/attributions.py --errors docs/completeness.md [--data ../shared/data]
    [--senseqnet SenSeqNet_model.pth]

One thread, random weights, 20 dinucleotide-shuffled references a sequence, given to all alike. The
peers are given the same weights as modules (Conv1d, ReLU, MaxPool1d, LSTM), channels first, since
they see no functions. The error is the mean over references of |sum of contributions - difference
of the outputs|, relative to the mean difference. A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from trained_networks import trained_rows

from cistron.base.encoded import InputShape
from cistron.explain.in_silico_mutagenesis import mutation_effects
from cistron.explain.perturbed import Changeable
from cistron.explain.references import shuffles
from cistron.explain.rules.deeplift import deeplift
from cistron.explain.rules.local_trunk import substituted_logits, trunk_of
from cistron.models.input import Network
from cistron.models.keras.keras_layers import LSTM, Convolution, MaxPool, same_padding
from cistron.models.kinds import KINDS
from cistron.models.published.deepcre import DeepCRESettings
from cistron.models.published.deepdife import DeepDifESettings
from cistron.models.published.lcre import LCRESettings
from cistron.samples.alphabet import DNA

REFERENCES, SEED = 20, 1


class Swapped(nn.Module):
    """Positions and channels change places."""

    def forward(self, x):
        """Return shape (batch, channels, positions) as (batch, positions, channels)."""
        return x.transpose(1, 2)


class States(nn.Module):
    """An LSTM over channels-first positions."""

    def __init__(self, lstm):
        super().__init__()
        self.lstm = lstm

    def forward(self, x):
        """Return the states, channels first."""
        return self.lstm(x.transpose(1, 2))[0].transpose(1, 2)


def as_modules(body, length):
    """Return the network as peers want it: modules, channels first, with the same weights."""
    out, inside = [], set()
    for module in body.modules():
        if id(module) in inside:
            continue
        if isinstance(module, Convolution | MaxPool):
            size, stride = module.size[0], module.stride[0]
            pool = isinstance(module, MaxPool)
            if module.padding == "same":
                sides = same_padding(length, size, stride)
                out.append(nn.ConstantPad1d(sides, -1e9 if pool else 0.0) if any(sides) else None)
                length += sum(sides)
            layer = nn.MaxPool1d(size, stride)
            if not pool:
                layer = nn.Conv1d(*module.weight.shape[1::-1], size, stride)
                layer.weight, layer.bias = module.weight, module.bias
            out.append(layer)
            length = (length - size) // stride + 1
        elif isinstance(module, nn.LayerNorm):
            out += [Swapped(), module, Swapped()]
        elif isinstance(module, LSTM):
            inside.add(id(module.cell))
            out.append(States(module.cell))
        elif isinstance(module, nn.Flatten):
            out += [Swapped(), nn.Flatten()]
        elif isinstance(module, nn.Linear | nn.ReLU):
            out.append(module if isinstance(module, nn.Linear) else nn.ReLU())
    return nn.Sequential(*filter(None, out)).eval()


def made(length, n):
    """Return one-hot sequences, (n, length, 4), and references, (n, references, length, 4)."""
    rng = np.random.default_rng(SEED)
    codes = rng.integers(0, 4, (n, length)).astype(np.uint8)
    copies = np.stack([shuffles(c, REFERENCES, "dinucleotide", SEED, DNA) for c in codes])
    letters = torch.from_numpy(DNA.shares)
    return letters[torch.from_numpy(codes).int()], letters[torch.from_numpy(copies).int()]


def ours(networks, x, references):
    mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    found = deeplift(networks[0], x, references, torch.ones(len(x), 1, device=x.device), mask)
    return (found.values * (x.unsqueeze(1) - references)).sum((2, 3))


def tangermeme(networks, x, references):
    from tangermeme.deep_lift_shap import deep_lift_shap

    shares = deep_lift_shap(
        networks[1],
        x.transpose(1, 2),
        references=references.transpose(2, 3),
        batch_size=REFERENCES,
        raw_outputs=True,
        only_warn=True,
        device=str(x.device),
    )
    return (shares * (x.unsqueeze(1) - references).transpose(2, 3)).sum((2, 3))


def captum(networks, x, references):
    from captum.attr import DeepLift

    found = []
    for one, some in zip(x, references, strict=True):
        many = one.expand(REFERENCES, -1, -1).transpose(1, 2).contiguous()
        shares = DeepLift(networks[1]).attribute(many, some.transpose(1, 2).contiguous(), target=0)
        found.append(shares.detach().sum((1, 2)))
    return torch.stack(found)


def shap(networks, x, references):
    import shap

    found = []
    for one, some in zip(x, references, strict=True):
        explainer = shap.DeepExplainer(networks[1], some.transpose(1, 2).contiguous())
        shares = explainer.shap_values(one.T[None].contiguous(), check_additivity=False)
        # It returns the mean over references alone.
        found.append(torch.tensor(np.asarray(shares).sum()).expand(REFERENCES))
    return torch.stack(found)


def error_of(sums, difference, averaged):
    if averaged:
        sums, difference = sums.mean(1, keepdim=True), difference.mean(1, keepdim=True)
    return float((sums - difference).abs().mean() / difference.abs().mean())


def compare(name, settings, length, n, device, repeats=3):
    torch.manual_seed(SEED)
    body = settings(length=length).build(4, 1).eval().to(device)
    modules = as_modules(body, length).to(device)
    x, references = (t.to(device) for t in made(length, n))
    with torch.no_grad():
        observed = modules(x.transpose(1, 2))
        compared = modules(references.flatten(0, 1).transpose(1, 2)).view(n, REFERENCES)
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=device)
        torch.testing.assert_close(body(x, mask), observed, rtol=1e-4, atol=1e-5)
    speed = {}
    for method in (ours, tangermeme, captum, shap):
        if method is not ours and importlib.util.find_spec(method.__name__) is None:
            continue
        best = np.inf
        for _ in range(repeats):
            begun = time.perf_counter() if device == "cuda" else time.process_time()
            sums = method((body, modules), x, references).detach().cpu()
            if device == "cuda":
                torch.cuda.synchronize()
            ended = time.perf_counter() if device == "cuda" else time.process_time()
            best = min(best, ended - begun)
        speed[method.__name__] = n / best
        error = error_of(sums, (observed - compared).cpu(), method is shap)
        print(
            f"{name:9} {length:5} bp  {method.__name__:10} {n / best:8.2f} sequences/s  "
            f"error {error:.1e}  ours {speed['ours'] / speed[method.__name__]:.2f} times as fast",
            flush=True,
        )


def as_network(settings, body, length):
    """Return the body as the package reads it, on one strand."""
    shape = InputShape("codes", 4, DNA.shares, len(DNA.letters))
    network = Network(shape, settings(length=length), 2).eval()
    network.body = body
    return network


def mutate(name, settings, length):
    """In-silico mutagenesis of one sequence."""
    torch.manual_seed(SEED)
    body = settings(length=length).build(4, 1).eval()
    modules = as_modules(body, length)
    x, _ = made(length, 1)
    codes = x[0].argmax(1).numpy().astype(np.uint8)
    table = torch.from_numpy(DNA.shares)

    def score(rows):
        values, _ = rows.padded(np.arange(len(rows)))
        with torch.inference_mode():
            inputs = table[torch.from_numpy(values).int()]
            pieces = [
                body(part, torch.ones(part.shape[:2], dtype=torch.bool))
                for part in inputs.split(64)
            ]
        return torch.cat(pieces).numpy()

    with torch.no_grad():
        before = float(modules(x.transpose(1, 2)))
    begun = time.process_time()
    effects = mutation_effects(
        Changeable(None, DNA.unknown, score), codes, np.ones(1, np.float32), before, 4
    )
    naive = time.process_time() - begun
    network = as_network(settings, body, length)
    trunk = trunk_of(network)
    local = Changeable(
        None, DNA.unknown, score, lambda *given: substituted_logits(network, trunk, *given)
    )
    begun = time.process_time()
    again = mutation_effects(local, codes, np.array([0, 1], np.float32), before, 4)
    mine = time.process_time() - begun
    away = float(np.abs(effects - again).max())
    print(
        f"{name:9} {length:5} bp  mutagenesis {1 / mine:.3f} sequences/s, in batches "
        f"{1 / naive:.3f}: {naive / mine:.1f} times as fast; largest difference {away:.1e}",
        flush=True,
    )
    if importlib.util.find_spec("tangermeme"):
        from tangermeme.saturation_mutagenesis import saturation_mutagenesis

        for fast in (True, False):
            begun = time.process_time()
            theirs = saturation_mutagenesis(
                modules, x.transpose(1, 2), hypothetical=True, fast=fast, device="cpu"
            )
            taken = time.process_time() - begun
            centered = torch.from_numpy(effects - effects.mean(1, keepdims=True)).T
            away = float((theirs[0] - centered).abs().max())
            print(
                f"{name:9} {length:5} bp  tangermeme, fast={fast!s:5} {1 / taken:.3f} sequences/s; "
                f"ours is {taken / mine:.2f} times as fast; largest difference {away:.1e}",
                flush=True,
            )


def write_errors(path, data, senseqnet):
    """Write the completeness error of every network the package ships, trained ones apart."""
    lines = [
        "# Completeness of DeepLIFT/SHAP in every network",
        "",
        "Sum of contributions against the difference of the outputs, relative to it (mean over",
        "references), the worst of four samples, with each network's default settings, random",
        "weights, random statistics of batch normalisation, ragged samples and 5 references.",
        "Where float32 is not within 1e-4, `cistron explain` computes in float64. Written by",
        "`benchmarks/attributions.py --errors`. (Large errors in float32 are of networks that,",
        "with random weights, hardly react to their input: most of it is rounding of the logits.)",
        "",
        "| model | reads | float32 | float64 |",
        "|---|---|---|---|",
    ]
    for kind in KINDS:
        if kind.family != "network":
            continue
        settings = kind()
        found = [completeness(settings, precision) for precision in (torch.float32, torch.float64)]
        read = (
            "a vector of 128"
            if kind.reads == "vector"
            else f"up to {positions(settings)} positions"
        )
        errors = " | ".join(f"{error:.0e}" for error in found)
        lines.append(f"| `{settings.kind}` | {read} | {errors} |")
        print(lines[-1], flush=True)
    for line in trained_rows(data, senseqnet):
        lines.append(line)
        print(line, flush=True)
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def positions(settings):
    return getattr(settings, "length", 200)


def completeness(settings, precision, n=4, number=5):
    torch.manual_seed(SEED)
    vector, channels = settings.reads == "vector", 128
    if not vector:
        channels = 4 if settings.kind in ("deepcre", "lcre", "deepdife", "keras") else 20
    outputs = 1 if settings.single_logit else 2
    body = settings.build(channels, outputs)
    for module in body.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    for parameter in body.parameters():
        if not parameter.any():
            parameter.data.normal_(0, 0.3)
    body = body.eval().to(precision)
    if vector:
        x, references = torch.randn(n, channels), torch.randn(n, number, channels)
        mask = None
    else:
        length = positions(settings)
        lengths = torch.linspace(length, length // 3, n).int()
        mask = torch.arange(length) < lengths[:, None]
        x = torch.eye(channels)[torch.randint(channels, (n, length))] * mask[..., None]
        order = torch.argsort(torch.rand(n, number, length) + ~mask[:, None] * 2.0, dim=2)
        references = x[torch.arange(n)[:, None, None], order]
    x, references = x.to(precision), references.to(precision)
    worst = 0.0
    for row in range(n):
        part = slice(row, row + 1)
        weights = torch.zeros(1, outputs, dtype=precision)
        weights[:, -1] = 1
        given = None if mask is None else mask[part]
        found = deeplift(body, x[part], references[part], weights, given)
        sums = (found.values * (x[part].unsqueeze(1) - references[part])).flatten(2).sum(2)
        missed = (sums - found.difference).abs().mean() / found.difference.abs().mean()
        worst = max(worst, float(missed))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", help="write the table of completeness errors here instead")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real data")
    parser.add_argument("--senseqnet", type=Path, help="published weights of SenSeqNet")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mutagenesis", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    if chosen.errors:
        write_errors(chosen.errors, chosen.data, chosen.senseqnet)
        return
    if chosen.mutagenesis:
        mutate("deepdife", DeepDifESettings, 600)
        mutate("deepcre", DeepCRESettings, 1000)
        return
    more = 16 if chosen.device == "cuda" else 1
    compare("deepdife", DeepDifESettings, 600, 8 * more, chosen.device)
    compare("deepdife", DeepDifESettings, 2000, 4 * more, chosen.device)
    compare("deepcre", DeepCRESettings, 2000, more, chosen.device)
    compare("deepcre", DeepCRESettings, 3020, more, chosen.device)
    compare("lcre", LCRESettings, 3020, more, chosen.device)


if __name__ == "__main__":
    main()
