"""Small made data for the five tutorials, with a truth that is known.

`python made_data.py senescence` writes the files of one tutorial into the current folder. The
files have the names and the format of the real ones, so the same commands run on both.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.cli.demo.promoters import make_promoters

RESIDUES = np.array(list("ARNDCQEGHILKMFPSTWYV"))
BASES = np.array(list("ACGT"))
Records = Iterable[tuple[str, str]]


def senescence(folder: Path, genes: int = 72, members: int = 24, seed: int = 1) -> None:
    """Write proteins of genes: the label belongs to the gene, and a motif speaks for one class."""
    rng = np.random.default_rng(seed)
    records: dict[str, list[tuple[str, str]]] = {"neg": [], "pos": []}
    for gene in range(genes):
        label = ("neg", "pos")[gene % 2]
        ancestor = rng.choice(RESIDUES, rng.integers(80, 140))
        for member in range(members):
            kept = rng.random(len(ancestor)) < 0.55
            protein = np.where(kept, ancestor, rng.choice(RESIDUES, len(ancestor)))
            if rng.random() < {"neg": 0.05, "pos": 0.5}[label]:
                _put(protein, "SNDAVT", int(rng.integers(0, len(protein) - 6)))
            records[label].append((f"{label}_made|gene=G{gene:02d}|entry={member}", _text(protein)))
    for label, chosen in records.items():
        write_fasta(chosen, folder / "data" / f"reps_30_rep_seq_{label}.fasta")
    write_fasta([*records["pos"][:3], ("short", "MKV")], folder / "new.fasta")


SIGNALS = {
    "Extracellular": ("start", "MKKLLLALLLALLAGASA"),
    "Mitochondrion": ("start", "MLSRAVRRLASRSFSRLASR"),
    "Peroxisome": ("end", "SKL"),
    "Nucleus": ("middle", "PKKKRKV"),
    "Cytoplasm": ("middle", ""),
}
SETS = [tuple(name.split("-")) for name in [*SIGNALS, "Cytoplasm-Nucleus"]]


def localization(folder: Path, proteins: int = 900, seed: int = 1) -> None:
    """Write proteins with sorting signals, in one or two compartments, headers as DeepLoc's."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(proteins):
        places = SETS[number % len(SETS)]
        protein = rng.choice(RESIDUES, rng.integers(80, 160))
        for place in places:
            end, signal = SIGNALS[place]
            # One residue in eight of a signal differs, as in real ones; peroxisomal ends hardly do.
            letters = np.array(list(signal))
            if place != "Peroxisome":
                other = rng.random(len(letters)) < 0.12
                letters = np.where(other, rng.choice(RESIDUES, len(letters)), letters)
            last = len(protein) - len(letters)
            middle = int(rng.integers(30, last - 10))
            _put(protein, letters, {"start": 0, "end": last, "middle": middle}[end])
        records.append((f"P{number:04d} {'-'.join(places)}-U", _text(protein)))
    write_fasta(records, folder / "deeploc.fasta.gz")


YEAST_GENOME = "S288C_reference_sequence_R64-2-1_20150113.fsa"
YEAST_GENES = "Saccharomyces_cerevisiae.R64-1-1.99.gff3"
CODONS = [a + b + c for a in BASES for b in BASES for c in BASES if a + b + c not in
          ("TAA", "TAG", "TGA")]  # fmt: skip
CHROMOSOMES = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"]


def expression(folder: Path, genes: int = 50, seed: int = 1) -> None:
    """Write a genome, its annotation and TPM: words of the promoter raise the expression."""
    rng = np.random.default_rng(seed)
    lines, numbers, genome = ["##gff-version 3"], [], []
    for chromosome in CHROMOSOMES:
        sequence, place = [], 0
        for number in range(genes):
            name = f"Y{chromosome}_{number:03d}"
            dna, level = made_gene(rng)
            strand = "-" if rng.random() < 0.5 else "+"
            if strand == "-":
                dna = dna[::-1].translate(str.maketrans("ACGT", "TGCA"))
            start, end = place + 1001, place + len(dna) - 1000  # 1-based, both ends within
            where = f"{chromosome}\tmade\t{{}}\t{start}\t{end}\t.\t{strand}"
            for kind, phase, attributes in (
                ("gene", ".", f"ID=gene:{name};biotype=protein_coding;gene_id={name}"),
                ("mRNA", ".", f"ID=transcript:{name}_t;Parent=gene:{name}"),
                ("exon", ".", f"Parent=transcript:{name}_t"),
                ("CDS", "0", f"ID=CDS:{name};Parent=transcript:{name}_t"),
            ):
                lines.append(f"{where.format(kind)}\t{phase}\t{attributes}")
            numbers.append((name, round(level, 3)))
            sequence.append(dna)
            place += len(dna)
        genome.append((chromosome, "".join(sequence)))
    data = folder / "data"
    write_fasta(genome, data / YEAST_GENOME)
    (data / YEAST_GENES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    pd.DataFrame(numbers, columns=["gene_id", "tpm"]).to_csv(data / "tpm.csv", index=False)


def made_gene(rng: np.random.Generator) -> tuple[str, float]:
    """Return the DNA of a gene with 1,000 bases on each side, and its TPM."""
    promoter = rng.choice(BASES, 1000, p=[0.31, 0.19, 0.19, 0.31])
    terminator = rng.choice(BASES, 1000, p=[0.31, 0.19, 0.19, 0.31])
    sites, ends = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    for _ in range(sites):
        _put(promoter, "GGTGCATC", int(rng.integers(500, 950)))
    for _ in range(ends):
        _put(terminator, "TATATA", int(rng.integers(20, 200)))
    coding = "ATG" + "".join(rng.choice(CODONS, 120)) + "TAA"
    level = np.exp(0.9 * sites + 0.4 * ends + rng.normal(0, 0.6))
    return _text(promoter) + coding + _text(terminator), float(level)


def stress(folder: Path, seed: int = 1) -> None:
    """Write the promoters of `cistron demo`, with sites of three real factors, as a table."""
    promoters, sites = make_promoters(seed)
    names = {"control": "unresponsive", "responding": "up"}
    rows = [
        (name, text, names[label], f"F{int(name.split('_')[1]) // 2}_{label[0]}")
        for label, records in promoters.items()
        for name, text in records
    ]
    table = pd.DataFrame(rows, columns=["gene", "sequence", "label", "family"])
    table = table.sample(frac=1, random_state=seed)  # both classes from the first rows on
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "promoters.csv", index=False)
    sites.to_csv(folder / "planted.tsv", sep="\t", index=False)


PERSISTER_GENES = ["KDM5A", "IGF1R", "AXL", "ALDH1A1", "CD44", "NNMT", "TXNIP", "FOXO1", "VIM"]
GROWTH_GENES = ["MKI67", "TOP2A", "CCNB1", "CDK1", "PCNA", "MCM2", "E2F1", "MYC", "EGFR"]


def persister(folder: Path, seed: int = 1) -> None:
    """Write cells of six patients and two new ones, before and under treatment."""
    rng = np.random.default_rng(seed)
    names = [*PERSISTER_GENES, *GROWTH_GENES, *(f"GENE{number}" for number in range(382))]
    base = rng.gamma(0.6, 2.0, len(names)) + 0.8
    for name, patients in (("cells", "ABCDEF"), ("new_cells", "GH")):
        counts, rows = [], []
        for patient in patients:
            own = base * rng.lognormal(0, 0.35, len(names))  # patients differ
            for day, cells in ((0, 60), (3, 20), (7, 20), (14, 20)):
                raised = np.ones(len(names))
                raised[: len(PERSISTER_GENES)] = 1.8 if day else 1.0
                raised[len(PERSISTER_GENES) : 18] = 1.0 if day else 1.8
                depth = rng.lognormal(0, 0.3, (cells, 1))
                counts.append(rng.poisson(depth * own * raised))
                rows += [(f"{patient}{day}_{cell}", patient, day) for cell in range(cells)]
        _write_h5ad(np.concatenate(counts), rows, names, folder / f"{name}.h5ad")


def _write_h5ad(counts: np.ndarray, rows: list, genes: list[str], path: Path) -> None:
    from anndata import AnnData
    from scipy.sparse import csr_matrix

    obs = pd.DataFrame(rows, columns=["cell", "patient", "day"]).set_index("cell")
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = csr_matrix(counts.astype(np.float32))
    AnnData(matrix, obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(path)


def write_fasta(records: Records, path: Path) -> None:
    """Write (header, sequence) as FASTA, gzip if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f">{header}\n{sequence}\n" for header, sequence in records)
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def _put(sequence: np.ndarray, word: str | np.ndarray, place: int) -> None:
    sequence[place : place + len(word)] = list(word)


def _text(sequence: np.ndarray) -> str:
    return "".join(sequence)


MAKERS: dict[str, Callable[[Path], None]] = {
    "senescence": senescence,
    "localization": localization,
    "expression": expression,
    "stress": stress,
    "persister": persister,
}

if __name__ == "__main__":
    MAKERS[sys.argv[1]](Path())
