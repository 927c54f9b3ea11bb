"""Genomes, annotations and tables of numbers made on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cistron.samples.alphabet import DNA

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def reverse_complement(text: str) -> str:
    return text.translate(COMPLEMENT)[::-1]


def dna(n: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    return "".join(rng.choice(list("ACGT"), n))


def codes(text: str) -> np.ndarray:
    return DNA.codes[np.frombuffer(text.encode(), dtype=np.uint8)]


@dataclass(frozen=True)
class Gene:
    """A gene as a file has it: 1-based, both ends inclusive."""

    id: str
    chromosome: str
    start: int
    end: int
    strand: str = "+"
    biotype: str = "protein_coding"


def gtf(path: Path, genes: list[Gene], more: str = "") -> Path:
    lines = [
        f"{g.chromosome}\tmade\tgene\t{g.start}\t{g.end}\t.\t{g.strand}\t.\t"
        f'gene_id "{g.id}"; gene_biotype "{g.biotype}";\n'
        for g in genes
    ]
    path.write_text("#!made\n" + "".join(lines) + more)
    return path


def gff3(path: Path, genes: list[Gene], more: str = "") -> Path:
    lines = [
        f"{g.chromosome}\tmade\tgene\t{g.start}\t{g.end}\t.\t{g.strand}\t.\t"
        f"ID=gene:{g.id};biotype={g.biotype};Name=N{g.id}\n"
        for g in genes
    ]
    path.write_text("##gff-version 3\n" + "".join(lines) + more)
    return path


def genome(path: Path, chromosomes: dict[str, str], width: int = 60) -> Path:
    with path.open("w") as stream:
        for name, text in chromosomes.items():
            stream.write(f">{name}\n")
            for start in range(0, len(text), width):
                stream.write(text[start : start + width] + "\n")
    return path


def table(path: Path, numbers: dict[str, float | str], heading: str = "gene_id,tpm") -> Path:
    rows = "".join(f"{name},{number}\n" for name, number in numbers.items())
    path.write_text(f"{heading}\n{rows}")
    return path


def plant(folder: Path, each: int = 60, chromosomes: int = 5, seed: int = 1) -> dict[str, Path]:
    """Write what a plant user has: Chr1… FASTA, GTF of 1…, TPM over samples.

    Half of the genes carry TATAAA in their promoter and are expressed more; the others less.
    """
    rng = np.random.default_rng(seed)
    texts: dict[str, str] = {}
    genes: list[Gene] = []
    rows = ["gene,leaf_1,leaf_2,root_1"]
    families = ["gene_id,family"]
    for c in range(1, chromosomes + 1):
        text = list(dna(each * 400 + 400, seed=seed * 100 + c))
        for k in range(each):
            start = 300 + k * 400  # 0-based
            strand = "+-"[k % 2]
            high = rng.random() < 0.5
            motif = "GGTATAAAGG" if high else "GGGCGCGCGG"
            offset = int(rng.integers(20, 80))
            if strand == "+":
                text[start - offset : start - offset + 10] = motif
            else:
                place = start + 150 + offset
                text[place - 10 : place] = reverse_complement(motif)
            name = f"AT{c}G{k:05d}"
            genes.append(Gene(name, str(c), start + 1, start + 150, strand))
            tpm = rng.gamma(3, 30 if high else 1)
            rows.append(f"{name}.1,{tpm:.4f},{tpm * rng.random():.4f},0")
            families.append(f"{name},F{int(rng.integers(0, each * chromosomes // 2))}")
        texts[f"Chr{c}"] = "".join(text)
    texts["ChrM"] = dna(2000, seed=7)
    genes.append(Gene("ATMG00010", "Mt", 500, 900))
    rows.append("ATMG00010.1,9000,9000,9000")
    genes.append(Gene("AT1G99999", "1", 50, 90, biotype="tRNA"))
    paths = {name: folder / name for name in ("tpm.csv", "families.csv")}
    paths["tpm.csv"].write_text("\n".join(rows) + "\n")
    paths["families.csv"].write_text("\n".join(families) + "\n")
    paths["genome.fa"] = genome(folder / "genome.fa", texts)
    paths["genes.gtf"] = gtf(folder / "genes.gtf", genes)
    return paths
