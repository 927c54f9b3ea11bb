"""Embedding on one core: ours beside the policies of other tools, on the same proteins and weights.

The weights are random, of the published shapes of ESM-2; the arithmetic does not depend on them.
Others' policies run through transformers' own forward pass, on tokens made beforehand:

published   senseqnet 1.1.2: file order, chunks of 1,000 residues, at most 8 of them and 2,000
            tokens a batch, padded; every attention matrix is written out, as in the library it uses
biotrainer  sorted by length, about 20,000 tokens a batch, padded
sorted      sorted by length, 4,096 tokens a batch with padding
single      one protein after another

Times are of the processor, so that a busy machine tells no lies; only two workers beside one
process are timed by the clock.

    OMP_NUM_THREADS=1 python benchmarks/embedding.py proteins.fasta --sizes 8M 35M --onnx
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import EsmConfig, EsmModel, EsmTokenizer
from transformers.models.esm.configuration_esm import get_default_vocab_list
from transformers.utils import logging

import cistron
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.precision import effective_precision
from cistron.encoders.language_models.workers import embed_in_workers

SHAPES = {  # layers, width, heads
    "8M": (6, 320, 20),
    "35M": (12, 480, 20),
    "150M": (30, 640, 20),
    "650M": (33, 1280, 20),
}
CHUNK, LONGEST = 1000, 1022


def make_model(folder, size):
    layers, width, heads = SHAPES[size]
    config = EsmConfig(
        vocab_size=33,
        mask_token_id=32,
        pad_token_id=1,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        layer_norm_eps=1e-5,
        position_embedding_type="rotary",
        token_dropout=True,
        emb_layer_norm_before=False,
    )
    torch.manual_seed(0)
    EsmModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(get_default_vocab_list()))
    EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)


def choose(proteins, n, mean):
    """Return n proteins, in the order of the file, whose mean length is about that."""
    rng = np.random.default_rng(0)
    allowed = np.flatnonzero((proteins.lengths >= 30) & (proteins.lengths <= LONGEST))
    draws = [np.sort(rng.choice(allowed, n, replace=False)) for _ in range(200)]
    return proteins.take(min(draws, key=lambda rows: abs(proteins.lengths[rows].mean() - mean)))


def published(tokens):
    body = [one[1:-1] for one in tokens]
    chunks = [part for one in body for part in one.split(CHUNK)]
    batch, held = [], 0
    for part in chunks:
        if batch and (len(batch) >= 8 or held + len(part) + 2 > 2000):
            yield batch
            batch, held = [], 0
        batch.append(torch.cat([tokens[0][:1], part, tokens[0][-1:]]))
        held += len(part) + 2
    yield batch


def biotrainer(tokens):
    batch, held = [], 0
    for one in sorted(tokens, key=len, reverse=True):
        if batch and held + len(one) > 20_000:
            yield batch
            batch, held = [], 0
        batch.append(one)
        held += len(one)
    yield batch


def in_order_of_length(tokens):
    rest = sorted(tokens, key=len, reverse=True)
    while rest:
        fitting = max(1, 4096 // len(rest[0]))
        yield rest[:fitting]
        rest = rest[fitting:]


def single(tokens):
    for one in tokens:
        yield [one]


def run(model, batches):
    for batch in batches:
        rows = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=1)
        mask = (rows != 1).long()
        hidden = model(input_ids=rows, attention_mask=mask).last_hidden_state
        (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def onnx_session(folder):
    """Export the model, make it int8 as ONNX Runtime does, and return what embeds one protein."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    class LastHidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = EsmModel.from_pretrained(folder, add_pooling_layer=False).eval()

        def forward(self, tokens):
            return self.model(input_ids=tokens).last_hidden_state

    whole, small = folder / "whole.onnx", folder / "int8.onnx"
    axis = {"tokens": {1: torch.export.Dim("length", min=3, max=40_000)}}
    example = (torch.randint(4, 24, (1, 50)),)
    torch.onnx.export(LastHidden().eval(), example, dynamo=True, dynamic_shapes=axis).save(
        str(whole)
    )
    quantize_dynamic(whole, small, weight_type=QuantType.QInt8, per_channel=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(small, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tokens: session.run(None, {name: tokens[None].numpy()})[0][0, 1:-1].mean(axis=0)


def workers_against_one(folder, proteins):
    """Print the time of two processes and of one, by the clock, each core with the same work."""
    model = load_language_model(str(folder), device="cpu")
    model.embed(proteins.take([0]))
    start = time.perf_counter()
    model.embed(proteins)
    alone = time.perf_counter() - start
    start = time.perf_counter()
    rows = np.tile(np.arange(len(proteins)), 2)
    parts = embed_in_workers(str(folder), proteins.take(rows), workers=2)
    arrived = [time.perf_counter() - start for _ in parts]
    print(
        f"  twice the proteins in two workers: {arrived[-1]:.1f} s with their start "
        f"({arrived[0]:.1f} s to the first result); once in one: {alone:.1f} s"
    )


def measure(folder, proteins, repeats, onnx):
    """Return residues a second of the processor for each way, and print drifts."""
    tokenizer = load_language_model(str(folder)).tokens
    lengths = proteins.lengths.tolist()
    tokens = [torch.from_numpy(tokenizer.read(proteins, i, 0, n)) for i, n in enumerate(lengths)]
    models = {
        name: EsmModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation=name
        ).eval()
        for name in ("eager", "sdpa")
    }
    policies = {"biotrainer": biotrainer, "sorted": in_order_of_length, "single": single}
    ways = {"published": lambda: run(models["eager"], published(tokens))}
    for name, policy in policies.items():
        ways[name] = lambda policy=policy: run(models["sdpa"], policy(tokens))
    ours = {}
    for precision in ("fp32", "bf16", "int8"):
        try:
            effective_precision(precision, "cpu")
        except cistron.InputError as error:
            print(f"  {error}")
            continue
        ours[precision] = load_language_model(str(folder), precision=precision, device="cpu")
        ours[precision].embed(proteins.take([0]))
        ways[f"ours {precision}"] = lambda model=ours[precision]: model.embed(proteins)
    for name, model in ours.items():
        if name != "fp32":
            print(f"  {name}: {model.measure_drift(proteins)}")
    if onnx:
        embed = onnx_session(folder)
        exact = ours["fp32"].embed(proteins)
        found = np.stack([embed(one) for one in tokens])
        error = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
        print(f"  ONNX Runtime int8: differs from fp32 by {error.mean():.2%} on average")
        ways["ONNX Runtime int8"] = lambda: [embed(one) for one in tokens]
    best = dict.fromkeys(ways, float("inf"))
    with torch.inference_mode():
        for _ in range(repeats):
            for name, way in ways.items():
                start = time.process_time()
                way()
                best[name] = min(best[name], time.process_time() - start)
    return {name: sum(lengths) / seconds for name, seconds in best.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fasta", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["8M", "35M"], choices=SHAPES)
    parser.add_argument("--proteins", type=int, default=64)
    parser.add_argument("--mean", type=float, default=362, help="mean length of those chosen")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--onnx", action="store_true", help="ONNX Runtime's int8 too")
    parser.add_argument("--workers", action="store_true", help="two processes beside one")
    options = parser.parse_args()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    proteins = choose(cistron.read_fasta(options.fasta).payload, options.proteins, options.mean)
    print(f"{len(proteins):,} proteins, mean length {proteins.lengths.mean():.0f}, one thread")
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_model(folder, size)
            print(f"ESM-2 {size}")
            speed = measure(folder, proteins, options.repeats, options.onnx)
            for way, residues in speed.items():
                print(f"  {way:<18} {residues:7,.0f} residues/s")
            for peer in ("published", "biotrainer", "sorted", "single"):
                print(f"  ours fp32 / {peer}: {speed['ours fp32'] / speed[peer]:.2f}")
            for way in [way for way in speed if "8" in way or "bf16" in way]:
                print(f"  {way} / ours fp32: {speed[way] / speed['ours fp32']:.2f}")
            if options.workers:
                workers_against_one(folder, proteins)


if __name__ == "__main__":
    main()
