"""The sets of descriptors: what each computes of a block of proteins, and its names.

Each is shares, means or distances over what is known: a residue, pair or word with an unknown
residue is left out of both the count and the total. Where nothing can be counted the value is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cistron.encoders.proteins.residue_block import UNKNOWN, Block, shares
from cistron.encoders.proteins.residue_scales import (
    C_TERMINAL_SIGNALS,
    CHOU_SCALES,
    CODONS,
    KINDS,
    PROPERTIES,
    RESIDUES,
    SENSEQNET_KINDS,
    Z_SCALES,
    classes,
    grantham_distances,
    squared_differences,
)

GAPS = 3  # residues between the two of a pair: 0, 1, 2
LAGS = 30  # Chou's λ, and the largest lag of the quasi-sequence-order
COVARIANCE_LAGS = 10
SEEN_FIRST = 4  # residues after the first, which is nearly always methionine
SEEN_LAST = 4
PAIRS = ["".join(pair) for pair in product(RESIDUES, repeat=2)]
QUARTILES = ("first", "25%", "50%", "75%", "last")


@dataclass(frozen=True)
class DescriptorSet:
    """One set of descriptors.

    Parameters
    ----------
    values : callable
        Block → array of shape (n, len(names)).
    names : tuple of str
    by_region : bool
        False for what only a whole protein has.
    """

    values: Callable[[Block], NDArray[np.float64]]
    names: tuple[str, ...]
    by_region: bool = True


def composition(block: Block) -> NDArray[np.float64]:
    """Return the share of each residue, shape (n, 20)."""
    return shares(block.words((0,)))


def dipeptide(block: Block) -> NDArray[np.float64]:
    """Return the share of each pair of neighbours, shape (n, 400)."""
    return shares(block.words((0, 1)))


def cksaap(block: Block) -> NDArray[np.float64]:
    """Return the share of each pair with 0, 1 and 2 residues between, shape (n, 1200).

    Chen et al. 2007, doi:10.1186/1472-6807-7-25; without a gap these are the dipeptides.
    """
    return np.concatenate([shares(block.words((0, 1 + gap))) for gap in range(GAPS)], axis=1)


def dde(block: Block) -> NDArray[np.float64]:
    """Return how far each pair's share is from that expected of its codons, shape (n, 400).

    (share - mean) / √variance with mean = (codons of one / 61) · (codons of the other / 61) and
    variance = mean · (1 - mean) / pairs (Saravanan and Gautham 2015, doi:10.1089/omi.2015.0095).
    """
    counts = block.words((0, 1))
    expected = np.outer(CODONS, CODONS).ravel() / CODONS.sum() ** 2
    pairs = counts.sum(axis=1, keepdims=True)
    deviation = np.sqrt(expected * (1 - expected) / np.maximum(pairs, 1))
    return np.where(pairs > 0, (shares(counts) - expected) / deviation, 0)


def gtpc(block: Block) -> NDArray[np.float64]:
    """Return the share of each three kinds of residues in a row, shape (n, 125)."""
    return shares(block.words((0, 1, 2), classes(KINDS)))


def dde_senseqnet(block: Block) -> NDArray[np.float64]:
    """Return how far each pair's share is from that expected of its residues, shape (n, 400).

    SenSeqNet's formula, not that of `dde`: count / (L - 1) - share of one · share of the other,
    of all L letters. Pairs are counted as `str.count` does: of a residue with itself those that
    do not overlap. U and O are unknown.
    """
    block = block.plain()
    counts, length = block.words((0, 1)), np.maximum(block.lengths, 1)[:, None]
    counts[:, :: UNKNOWN + 1] = _runs(block)
    single = block.words((0,)) / length
    expected = (single[:, :, None] * single[:, None, :]).reshape(counts.shape)
    return np.where(length > 1, counts / np.maximum(length - 1, 1) - expected, 0)


def _runs(block: Block) -> NDArray[np.float64]:
    """Return how many pairs of each residue fit side by side into its runs, shape (n, 20)."""
    key = block.rows * (UNKNOWN + 1) + block.codes
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    pairs = np.diff(starts, append=len(key)) // 2
    sums = np.bincount(key[starts], pairs, minlength=len(block) * (UNKNOWN + 1))
    return sums.reshape(len(block), UNKNOWN + 1)[:, :UNKNOWN].astype(np.float64)


def gtpc_senseqnet(block: Block) -> NDArray[np.float64]:
    """Return the share of three residues in a row that are all of one kind, shape (n, 5).

    As SenSeqNet counts: of all L - 2 places, unknown residues included; C and P are of no kind.
    """
    counts = block.plain().words((0, 1, 2), classes(SENSEQNET_KINDS))
    size = len(SENSEQNET_KINDS)
    same = counts[:, :: size * size + size + 1]
    return same / np.maximum(block.lengths - 2, 1)[:, None]


def ctd(block: Block) -> NDArray[np.float64]:
    """Return composition, transition and distribution of seven properties, shape (n, 147).

    For each property of three classes: the share of each; of all neighbours, the share that
    changes between two; and where along the chain, 0 to 1, the first, the 25%, 50% and 75% and
    the last of each class's residues lie: the floor(q · count)-th, at least the first.

    Dubchak et al. 1995, doi:10.1073/pnas.92.19.8700.
    """
    columns = []
    for groups in PROPERTIES.values():
        table = classes(groups)
        pairs = shares(block.words((0, 1), table)).reshape(-1, 3, 3)
        changes = [pairs[:, a, b] + pairs[:, b, a] for a, b in ((0, 1), (0, 2), (1, 2))]
        counts = block.words((0,), table)
        columns += [shares(counts), np.stack(changes, axis=1), _distribution(block, counts, table)]
    return np.concatenate(columns, axis=1)


def _distribution(
    block: Block, counts: NDArray[np.float64], table: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return where along the chain each class's quartiles lie, shape (n, 15)."""
    group = table[block.codes]
    known = group < len(counts[0])
    # 16 bits suffice for a block's rows, and numpy sorts those in linear time.
    key = (block.rows * counts.shape[1] + group)[known].astype(np.uint16)
    places = block.positions[known][np.argsort(key, kind="stable")]
    number = counts.astype(np.int64).ravel()
    nth = np.stack([np.maximum(number * q // 4, 1) for q in (0, 1, 2, 3, 4)], axis=1)
    first = np.cumsum(number) - number
    at = np.minimum(first[:, None] + nth - 1, max(len(places) - 1, 0))
    positions = np.append(places, 0)[at] * (number > 0)[:, None]
    return positions.reshape(len(block), -1) / np.maximum(block.lengths, 1)[:, None]


def quasi_sequence_order(block: Block) -> NDArray[np.float64]:
    """Return composition beside the mean squared distance at each lag, shape (n, 50).

    Chou 2000, doi:10.1006/bbrc.2000.3815, with weight 0.1 and Grantham's distances as parts of
    the largest; means over the pairs, not sums, which would measure the protein's length.
    """
    distances = grantham_distances()
    return _beside_composition(block, (distances / distances.max()) ** 2, 0.1)


def pse_aac(block: Block) -> NDArray[np.float64]:
    """Return Chou's pseudo amino acid composition of the first type, shape (n, 50).

    λ = 30, weight 0.05; hydrophobicity, hydrophilicity and side-chain mass (Chou 2001,
    doi:10.1002/prot.1035).
    """
    properties = (CHOU_SCALES - CHOU_SCALES.mean(axis=0)) / CHOU_SCALES.std(axis=0)
    return _beside_composition(block, squared_differences(properties).mean(axis=2), 0.05)


def _beside_composition(
    block: Block, table: NDArray[np.float64], weight: float
) -> NDArray[np.float64]:
    """Return composition, and the weighted mean of a pair's value at each lag, summing to 1."""
    order = [shares(block.words((0, lag))) @ table.ravel() for lag in range(1, LAGS + 1)]
    values = np.concatenate([composition(block), weight * np.stack(order, axis=1)], axis=1)
    total = values.sum(axis=1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0)


def covariance(block: Block) -> NDArray[np.float64]:
    """Return auto- and cross-covariances of three z-scales at each lag, shape (n, 90).

    Mean over the pairs of (z_j of one - mean z_j) · (z_k of the other - mean z_k), with the means
    over the protein's known residues (Wold et al. 1993, Analytica Chimica Acta 277, 239; centred
    as by Dong et al. 2009, doi:10.1093/bioinformatics/btp500).
    """
    means = composition(block) @ Z_SCALES
    columns = []
    for lag in range(1, COVARIANCE_LAGS + 1):
        pairs = shares(block.words((0, lag))).reshape(-1, UNKNOWN, UNKNOWN)
        first, second = pairs.sum(axis=2) @ Z_SCALES, pairs.sum(axis=1) @ Z_SCALES
        has_pairs = pairs.sum(axis=(1, 2))[:, None, None]  # 1, or 0 where there is no pair
        centred = (
            Z_SCALES.T @ pairs @ Z_SCALES
            - means[:, :, None] * second[:, None, :]
            - first[:, :, None] * means[:, None, :]
            + means[:, :, None] * means[:, None, :] * has_pairs
        )
        columns.append(centred.reshape(len(block), -1))
    return np.concatenate(columns, axis=1)


def length(block: Block) -> NDArray[np.float64]:
    """Return log10 of the number of residues, unknown ones included, shape (n, 1)."""
    return np.log10(np.maximum(block.lengths, 1))[:, None]


def termini(block: Block) -> NDArray[np.float64]:
    """Return what stands at both ends, shape (n, 103).

    Kinds of the residues 2 to 5, the last four residues themselves, and whether these are a
    known signal: SKL and its like, KDEL and its like, CaaX.
    """
    kinds, first, last = classes(KINDS), range(1, 1 + SEEN_FIRST), range(-SEEN_LAST, 0)
    columns = [_one_hot(kinds[block.residue(place)], len(KINDS)) for place in first]
    columns += [_one_hot(block.residue(place), UNKNOWN) for place in last]
    for signal in C_TERMINAL_SIGNALS.values():
        matches = np.ones(len(block), dtype=bool)
        for place, allowed in enumerate(signal, start=-len(signal)):
            matches &= np.isin(block.residue(place), [RESIDUES.index(x) for x in allowed])
        columns.append(matches[:, None].astype(np.float64))
    return np.concatenate(columns, axis=1)


def _one_hot(numbers: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    """Return one-hot rows; zeros for a number that is `size`."""
    return np.eye(size + 1, size)[numbers]


def _ctd_names() -> tuple[str, ...]:
    names: list[str] = []
    for name, groups in PROPERTIES.items():
        a, b, c = groups
        names += [f"{name}, {x}: share" for x in groups]
        names += [f"{name}, {x}-{y}: changes" for x, y in ((a, b), (a, c), (b, c))]
        names += [f"{name}, {x}: {q} lies at" for x in groups for q in QUARTILES]
    return tuple(names)


def _termini_names() -> tuple[str, ...]:
    first = [f"residue {n} {kind}" for n in range(2, 2 + SEEN_FIRST) for kind in KINDS]
    last = [f"residue -{n} {x}" for n in range(SEEN_LAST, 0, -1) for x in RESIDUES]
    return (*first, *last, *(f"C-terminal signal: {name}" for name in C_TERMINAL_SIGNALS))


def _lagged_names(kind: str) -> tuple[str, ...]:
    residues = [f"{kind} {x}" for x in RESIDUES]
    return (*residues, *(f"{kind} lag {lag}" for lag in range(1, LAGS + 1)))


SETS = {
    "composition": DescriptorSet(composition, tuple(RESIDUES)),
    "dipeptide": DescriptorSet(dipeptide, tuple(PAIRS)),
    "cksaap": DescriptorSet(
        cksaap, tuple(f"{x[0]}-{x[1]} gap {gap}" for gap in range(GAPS) for x in PAIRS)
    ),
    "dde": DescriptorSet(dde, tuple(f"{pair} over expected" for pair in PAIRS)),
    "gtpc": DescriptorSet(gtpc, tuple("-".join(x) for x in product(KINDS, repeat=3))),
    "dde_senseqnet": DescriptorSet(
        dde_senseqnet, tuple(f"{pair} over expected of residues" for pair in PAIRS)
    ),
    "gtpc_senseqnet": DescriptorSet(
        gtpc_senseqnet, tuple(f"three {kind}" for kind in SENSEQNET_KINDS)
    ),
    "ctd": DescriptorSet(ctd, _ctd_names()),
    "quasi_sequence_order": DescriptorSet(
        quasi_sequence_order, _lagged_names("quasi-sequence-order")
    ),
    "pse_aac": DescriptorSet(pse_aac, _lagged_names("pseudo-composition")),
    "covariance": DescriptorSet(
        covariance,
        tuple(
            f"covariance z{j}-z{k} lag {lag}"
            for lag in range(1, COVARIANCE_LAGS + 1)
            for j, k in product((1, 2, 3), repeat=2)
        ),
    ),
    "length": DescriptorSet(length, ("log10 length",), by_region=False),
    "termini": DescriptorSet(termini, _termini_names(), by_region=False),
}
"""Every set by the name that settings use."""
