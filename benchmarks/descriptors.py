"""Descriptors of the proteins of a FASTA file: seconds per set, and beside a per-sequence library.

Where protpy can be imported, the same descriptors of the first few proteins through it, the time
per protein of each, and the largest difference between the two.

    OMP_NUM_THREADS=1 python benchmarks/descriptors.py proteins.fasta
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path

import numpy as np

import cistron
from cistron.encoders.proteins.descriptor_sets import SETS
from cistron.encoders.proteins.descriptors import DescriptorsSettings
from cistron.encoders.proteins.residue_scales import RESIDUES

AIM = ("composition", "dipeptide", "cksaap")


def timed(work):
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def peers():
    """Return, for each set that protpy has too, its values of one protein in our order and units.

    It gives percents rounded to two or three decimals; unrounded, the two agree to 1e-6. What it
    calls quasi-sequence-order is another thing (percents beside sums over the chain), and its CTD
    places the quartiles of a class of fewer than four residues at the last of them: those two are
    timed, not compared.
    """
    from protpy import composition, ctd, sequence_order

    residues = [sorted(RESIDUES).index(x) for x in RESIDUES]
    pairs = [20 * a + b for a in residues for b in residues]

    def values(frame):
        return frame.to_numpy(dtype=float)[0]

    def chou(text):
        found = values(composition.pseudo_amino_acid_composition(text)) / 100
        return np.append(found[residues], found[20:])

    return {
        "composition": lambda x: values(composition.amino_acid_composition(x))[residues] / 100,
        "dipeptide": lambda x: values(composition.dipeptide_composition(x))[pairs] / 100,
        "cksaap": lambda x: (
            values(composition.cksaap(x, gap=2)).reshape(3, 400)[:, pairs].ravel() / 100
        ),
        "dde": lambda x: values(composition.dde(x))[pairs],
        "pse_aac": chou,
        "ctd": lambda x: values(ctd.ctd_(x)),
        "quasi_sequence_order": lambda x: values(
            sequence_order.quasi_sequence_order(x, distance_matrix="grantham")
        ),
    }


def compare(proteins, plain):
    """Print time per protein of ours over all and of protpy over a few, and their ratio."""
    texts, few = [proteins.text(row) for row in plain], proteins.take(plain)
    ours_all = theirs_all = 0.0
    for name, peer in peers().items():
        settings = DescriptorsSettings(sets=(name,))
        seconds, _ = timed(lambda chosen=settings: chosen.features(proteins))
        ours = seconds / len(proteins)
        seconds, found = timed(lambda chosen=peer: [chosen(text) for text in texts])
        theirs = seconds / len(texts)
        print(
            f"{name}: {1e6 * ours:.1f} µs a protein, protpy {1e6 * theirs:,.0f} µs; "
            f"ratio {theirs / ours:,.0f}",
            end="",
        )
        if name in ("ctd", "quasi_sequence_order"):
            print()
        else:
            largest = np.abs(settings.features(few) - np.array(found)).max()
            print(f"; largest difference {largest:.1e}")
        if name in AIM:
            ours_all, theirs_all = ours_all + ours, theirs_all + theirs
    print(f"{' + '.join(AIM)}: ratio {theirs_all / ours_all:,.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fasta", type=Path)
    parser.add_argument("--few", type=int, default=50, help="proteins for the other library")
    options = parser.parse_args()
    proteins = cistron.read_fasta(options.fasta).payload
    print(f"{len(proteins):,} proteins, mean length {proteins.lengths.mean():.0f}")
    for sets in (AIM, *((name,) for name in SETS)):
        settings = DescriptorsSettings(sets=sets)
        seconds, values = timed(lambda chosen=settings: chosen.features(proteins))
        per_50_000 = seconds / len(proteins) * 50_000
        print(
            f"{' + '.join(sets)}: {values.shape[1]:,} features, {seconds:.2f} s "
            f"({per_50_000:.2f} s per 50,000)"
        )
    if importlib.util.find_spec("protpy") is None:
        print("protpy is not installed: nothing to compare with")
        return
    plain = [row for row in range(len(proteins)) if (proteins[row] < len(RESIDUES)).all()]
    compare(proteins, plain[: options.few])


if __name__ == "__main__":
    main()
