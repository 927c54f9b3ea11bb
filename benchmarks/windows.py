"""Wall time of reading the windows of all genes, beside pyfaidx gene by gene and one-hot in Python.

    python benchmarks/windows.py genome.fa.gz genes.gtf.gz numbers.csv    # real files
    python benchmarks/windows.py                                          # made, 800 Mb

With files: the windows of every gene with a number (lcre's 3,020 columns), from the files to codes
in memory. The published way reads the same genes from the same genome, unpacked and indexed
beforehand, with pyfaidx (slice, reverse complement), and makes each letter a row of four numbers
in Python. Without files: a made genome of 800 Mb in 12 chromosomes with 30,000 genes, read in a
process of its own, with its peak memory.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.samples.genome.annotation import read_annotation
from cistron.samples.genome.genome import read_genome

CHROMOSOMES, MEGABASES, GENES = 12, 800, 30_000
LETTERS = {"A": [1, 0, 0, 0], "C": [0, 1, 0, 0], "G": [0, 0, 1, 0], "T": [0, 0, 0, 1]}


def one_gene(genome, gene, size):
    """Return promoter and terminator the published way: slices, and one list a letter."""
    plus = gene.strand == "+"
    first = (gene.start - 1000, gene.start + 500) if plus else (gene.end - 500, gene.end + 1000)
    last = (gene.end - 500, gene.end + 1000) if plus else (gene.start - 1000, gene.start + 500)
    if min(first[0], last[0]) < 0 or max(first[1], last[1]) > size:
        return None
    pieces = []
    for start, end in (first, last):
        piece = genome[gene.chromosome][start:end]
        pieces.append(str(piece if plus else piece.reverse.complement))
    return [LETTERS.get(x, [0, 0, 0, 0]) for x in pieces[0] + 20 * "N" + pieces[1]]


def timed(call):
    """Return what a call gives, and its wall and processor time in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, time.perf_counter() - wall, time.process_time() - processor


def real(genome, annotation, numbers):
    import pyfaidx

    table = {"table": numbers}
    if "tpm" in pd.read_csv(numbers, nrows=1).columns:
        table["columns"] = "tpm"
    samples, wall, processor = timed(
        lambda: read_genome(genome, annotation, table, short_genes="overlap", biotypes=())
    )
    print(
        f"cistron: {len(samples):,} windows from the files in {wall:.2f} s ({processor:.2f} s of "
        "the processor)"
    )
    genes = read_annotation(annotation).genes
    genes = genes[genes["id"].isin(set(samples.ids))]
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "genome.fa"
        opened = gzip.open if str(genome).endswith(".gz") else open
        plain.write_bytes(opened(genome, "rb").read())
        fasta = pyfaidx.Fasta(str(plain))
        sizes = {name: len(fasta[name]) for name in fasta.keys()}  # noqa: SIM118

        def encode():
            encoded = (one_gene(fasta, g, sizes[g.chromosome]) for g in genes.itertuples())
            return [np.array(rows, dtype=np.float64) for rows in encoded if rows]

        made, slow_wall, slow_processor = timed(encode)
    print(
        f"pyfaidx and Python: {len(made):,} windows in {slow_wall:.2f} s ({slow_processor:.2f} s "
        "of the processor)"
    )
    print(f"ratio {slow_wall / wall:.1f}, of the processor's time {slow_processor / processor:.1f}")


def make_genome(folder):
    """Write a genome, its annotation and numbers."""
    rng = np.random.default_rng(1)
    size = MEGABASES * 1_000_000 // CHROMOSOMES // 80 * 80
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    with (folder / "genome.fa").open("wb") as stream:
        for number in range(CHROMOSOMES):
            lines = np.full((size // 80, 81), ord("\n"), dtype=np.uint8)
            lines[:, :80] = letters[rng.integers(0, 4, (size // 80, 80), dtype=np.uint8)]
            stream.write(b">chr%02d\n" % (number + 1))
            stream.write(lines.tobytes())
    each = GENES // CHROMOSOMES
    with (folder / "genes.gtf").open("w") as stream, (folder / "tpm.csv").open("w") as table:
        table.write("gene_id,tpm\n")
        for number in range(CHROMOSOMES):
            starts = np.sort(rng.integers(2000, size - 20_000, each))
            for k, start in enumerate(starts.tolist()):
                end, strand = start + int(rng.integers(300, 8000)), "+-"[k % 2]
                name = f"G{number:02d}{k:05d}"
                tail = f'gene_id "{name}"; gene_biotype "protein_coding";'
                for kind in ("gene", "transcript", *["exon"] * 3, *["CDS"] * 3):
                    line = (number + 1, "made", kind, start, end, ".", strand, ".", tail)
                    stream.write("\t".join(map(str, line)) + "\n")
                table.write(f"{name},{rng.gamma(0.5, 20):.3f}\n")


def made():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_genome(folder)
        subprocess.run([sys.executable, __file__, "--read", str(folder)], check=True)


def read_made(folder):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    samples = read_genome(folder / "genome.fa", folder / "genes.gtf", folder / "tpm.csv")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"made genome of {MEGABASES} Mb: {len(samples):,} windows in {seconds:.1f} s, peak memory "
        f"{peak / 1024:,.0f} MB (of these {before / 1024:,.0f} MB before reading)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="genome, annotation, numbers")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read_made(options.read)
    elif options.files:
        real(*options.files)
    else:
        made()


if __name__ == "__main__":
    main()
