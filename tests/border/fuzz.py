"""Changes files of every format at random and reads them; run as a program, which C may end.

    python -m tests.border.fuzz TIMES SEED FORMAT…

TIMES multiplies the number of files of each format, so that one seed means the same files on every
machine. Prints the number of files that were read and refused; ends with 1 where something else
happened.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cistron
from cistron.base.errors import InputError
from cistron.classifier.imports import keras
from cistron.experiment.file import read_experiment
from cistron.explain.motifs.meme import read_meme
from cistron.explain.variants.vcf import read_variants
from cistron.samples.genome.annotation import read_annotation
from tests.classifier.imports.made import Net, write_keras2
from tests.samples.cells.cells_made import made_anndata, made_counts, write_10x_h5

SLOWEST = 20.0  # seconds for one file of some kilobytes: more is a hang
FASTA = b">a gene=1\nMKTAYIAKQR\n>b gene=2\nMKLVWWHCWP\nACDEF\n"
TABLE = b"id,sequence,label\na,MKTAYIAK,x\nb,MKLVWW,y\nc,MKTAYW,x\nd,MKLVYA,y\n"
GFF = (
    b"##gff-version 3\nchr1\tx\tgene\t101\t900\t.\t+\t.\tID=g1;Name=a%20b\n"
    b"chr1\tx\tmRNA\t101\t900\t.\t+\t.\tID=t1;Parent=g1\n"
    b"chr1\tx\texon\t101\t300\t.\t+\t.\tParent=t1\nchr1\tx\tCDS\t150\t300\t.\t+\t0\tParent=t1\n"
)
GTF = b'chr1\tx\tgene\t101\t900\t.\t-\t.\tgene_id "g1"; gene_name "a";\n' * 2
VCF = (
    b"##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER"
    b"\tINFO\nchr1\t10\trs1\tA\tC,G\t.\tPASS\t.\nchr1\t20\t.\tAC\tA\t3\t.\tAF=0.1\n"
)
MEME = (
    b"MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\nA 0.25 C "
    b"0.25 G 0.25 T 0.25\n\nMOTIF m1 first\nletter-probability matrix: alength= 4 w= 2 nsites= 20 "
    b"E= 0\n 0.7 0.1 0.1 0.1\n 0.25 0.25 0.25 0.25\n"
)
YAML = (
    b"name: test\nsamples:\n  kind: fasta\n  classes: {a: a.fasta, b: b.fasta}\n  groups:\n    "
    b"gene: 'gene=(.)'\nsplit: {kind: random}\nencoder: {kind: residues}\nmodel: {kind: cnn}\n"
    b"training: {epochs: 3, seed: 1, class_weights: {a: 1, b: 2}}\n"
)
TOKENS = [
    b"\0", b"\xff", b"\n", b"\r", b"\t", b" ", b"-1", b"0", b"1e999", b"nan", b"inf", b"-", b">",
    b"99999999999999999999", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"'", b'"', b"[", b"]", b"{", b"}",
    b":", b"*a", b"&a ", b"<<: ", b"!!int ", b"%", b"#", b",", b";", b"=", b"N" * 50, b"null",
]  # fmt: skip


@dataclass(frozen=True)
class Format:
    """A format: how a whole file is made, how files are read, and how many are tried at once."""

    name: str
    make: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    files: int = 1000


def plain(content: bytes) -> Callable[[Path], bytes]:
    return lambda _: content


def _h5ad(path: Path) -> bytes:
    made_anndata().write_h5ad(path)
    return path.read_bytes()


def _10x(path: Path) -> bytes:
    return write_10x_h5(path, made_counts()).read_bytes()


def _net() -> Net:
    net = Net((12, 4)).add("Conv1D", (3, 4, 2), (2,), filters=2, kernel_size=[3])
    net.add("Flatten").add("Dense", (20, 1), (1,), units=1, activation="sigmoid")
    return net


def _keras(path: Path) -> bytes:
    write_keras2(path, _net(), whole=True)
    return path.read_bytes()


def _keras_json(path: Path) -> bytes:
    write_keras2(path.with_name("weights.h5"), _net())
    return json.dumps(_net().json()).encode()


FORMATS = {
    each.name: each
    for each in (
        Format("fasta", plain(FASTA), cistron.read_fasta),
        Format("fasta.gz", plain(gzip.compress(FASTA)), cistron.read_fasta),
        Format("csv", plain(TABLE), cistron.read_table),
        Format("yaml", plain(YAML), read_experiment),
        Format("gff", plain(GFF), read_annotation),
        Format("gtf", plain(GTF), read_annotation),
        Format("vcf", plain(VCF), lambda path: list(read_variants(path))),
        Format("meme", plain(MEME), read_meme),
        Format("h5", _10x, lambda path: _all(cistron.read_cells(path)), 100),
        Format("h5ad", _h5ad, lambda path: _all(cistron.read_cells(path)), 100),
        Format("keras.h5", _keras, lambda path: keras.import_keras([path]), 40),
        Format(
            "json",
            _keras_json,
            lambda path: keras.import_keras([path, path.with_name("weights.h5")]),
            100,
        ),
    )
}


def _all(samples: Any) -> Any:
    return samples.payload.block(0, len(samples)) if hasattr(samples.payload, "block") else samples


def changed(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to four changes."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, other = (rng.randrange(len(data) + 1) for _ in range(2))
        start, stop = sorted((at, min(other, at + 64)))
        how = rng.randrange(6)
        if how == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            del data[start:stop]
        elif how == 2:
            data[at:at] = data[start:stop] * rng.randint(1, 3)
        elif how == 3:
            data[at:at] = rng.choice(TOKENS)
        elif how == 4:
            data[start:stop] = rng.choice(TOKENS)
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def attempt(form: Format, content: bytes, folder: Path) -> str:
    """Return "read", "refused", or the traceback of what else happened."""
    path = folder / f"changed.{form.name}"
    path.write_bytes(content)
    begun = time.monotonic()
    try:
        form.read(path)
        answer = "read"
    except InputError as error:
        answer = "refused" if str(error).strip() else "an InputError that says nothing"
    except Exception:  # noqa: BLE001 (what happened is printed)
        answer = traceback.format_exc()
    return answer if time.monotonic() - begun < SLOWEST else "slow"


def main(times: int, seed: int, names: list[str]) -> int:
    """Fuzz formats; return the exit code."""
    warnings.simplefilter("ignore")
    keras.PATIENCE = 5
    mistakes = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form in (FORMATS[name] for name in names):
            whole = form.make(folder / f"whole.{form.name}")
            rng, counts = random.Random(f"{form.name} {seed}"), {"read": 0, "refused": 0}
            assert attempt(form, whole, folder) == "read", attempt(form, whole, folder)
            for _ in range(times * form.files):
                content = changed(whole, rng)
                (folder / "last").write_bytes(content)
                answer = attempt(form, content, folder)
                if answer in counts:
                    counts[answer] += 1
                else:
                    mistakes += 1
                    print(f"{form.name}: {content[:300]!r}\n{answer}", flush=True)
                    if mistakes > 5:
                        return 1
            print(f"{form.name}: {counts}", flush=True)
    return int(mistakes > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(FORMATS)))
