"""What is known of the 20 residues: classes, scales and distances; codes in PROTEIN's order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.samples.alphabet import PROTEIN

RESIDUES = PROTEIN.letters[: PROTEIN.standard]

KINDS = {
    "aliphatic": "GAVLMI",
    "aromatic": "FYW",
    "positive": "KRH",
    "negative": "DE",
    "uncharged": "STCPNQ",
}
"""Five kinds of residues, as in grouped tripeptide composition."""

SENSEQNET_KINDS = {**KINDS, "uncharged": "STNQ"}
"""The kinds of SenSeqNet's grouped tripeptide composition: C and P are of none."""

PROPERTIES = {
    "hydrophobicity": {"polar": "RKEDQN", "neutral": "GASTPHY", "hydrophobic": "CLVIMFW"},
    "volume": {"small": "GASTPDC", "medium": "NVEQIL", "large": "MHKFRYW"},
    "polarity": {"low": "LIFWCMVY", "medium": "PATGS", "high": "HQRKNED"},
    "polarizability": {"low": "GASDT", "medium": "CPNVEQIL", "high": "KMHFRYW"},
    "charge": {"positive": "KR", "neutral": "ANCQGHILMFPSTWYV", "negative": "DE"},
    "secondary structure": {"helix": "EALMQKRH", "strand": "VIYCWFT", "coil": "GNPSD"},
    "accessibility": {"buried": "ALFCGIVW", "exposed": "RKQEND", "intermediate": "MSPTHY"},
}
"""Seven properties, three classes each (Dubchak et al. 1995, 1999, doi:10.1073/pnas.92.19.8700)."""

C_TERMINAL_SIGNALS = {
    "peroxisome (PTS1)": ("SAC", "KRH", "LM"),
    "endoplasmic reticulum (KDEL)": ("KRHQSA", "DENQ", "E", "L"),
    "prenylation (CaaX)": ("C", "ARCGHILKMFPSTWYV", "LIVM", RESIDUES),
}
"""Residues allowed at each of the last positions: PTS1 as SKL with what may stand for each of its
letters; the others as in PROSITE's patterns PS00014 and PS00294."""

# A row a residue, in the order of the codes. Columns: codons of the standard genetic code;
# hydrophobicity (Tanford 1962), hydrophilicity (Hopp and Woods 1981) and mass of the side chain in
# daltons, as Chou 2001 uses them; the first three z-scales: lipophilicity, size, polarity
# (Sandberg et al. 1998, doi:10.1021/jm9700575); composition (other atoms over carbon in the side
# chain, by weight), polarity and volume (Grantham 1974).
_TABLE = np.array([
    (4,  0.62, -0.5,  15,  0.24, -2.32,  0.60, 0.00,  8.1,  31.0),  # A
    (6, -2.53,  3.0, 101,  3.52,  2.50, -3.50, 0.65, 10.5, 124.0),  # R
    (2, -0.78,  0.2,  58,  3.05,  1.62,  1.04, 1.33, 11.6,  56.0),  # N
    (2, -0.90,  3.0,  59,  3.98,  0.93,  1.93, 1.38, 13.0,  54.0),  # D
    (2,  0.29, -1.0,  47,  0.84, -1.67,  3.71, 2.75,  5.5,  55.0),  # C
    (2, -0.85,  0.2,  72,  1.75,  0.50, -1.44, 0.89, 10.5,  85.0),  # Q
    (2, -0.74,  3.0,  73,  3.11,  0.26, -0.11, 0.92, 12.3,  83.0),  # E
    (4,  0.48,  0.0,   1,  2.05, -4.06,  0.36, 0.74,  9.0,   3.0),  # G
    (2, -0.40, -0.5,  82,  2.47,  1.95,  0.26, 0.58, 10.4,  96.0),  # H
    (3,  1.38, -1.8,  57, -3.89, -1.73, -1.71, 0.00,  5.2, 111.0),  # I
    (6,  1.06, -1.8,  57, -4.28, -1.30, -1.49, 0.00,  4.9, 111.0),  # L
    (2, -1.50,  3.0,  73,  2.29,  0.89, -2.49, 0.33, 11.3, 119.0),  # K
    (1,  0.64, -1.3,  75, -2.85, -0.22,  0.47, 0.00,  5.7, 105.0),  # M
    (2,  1.19, -2.5,  91, -4.22,  1.94,  1.06, 0.00,  5.2, 132.0),  # F
    (4,  0.12,  0.0,  42, -1.66,  0.27,  1.84, 0.39,  8.0,  32.5),  # P
    (6, -0.18,  0.3,  31,  2.39, -1.07,  1.15, 1.42,  9.2,  32.0),  # S
    (4, -0.05, -0.4,  45,  0.75, -2.18, -1.12, 0.71,  8.6,  61.0),  # T
    (1,  0.81, -3.4, 130, -4.36,  3.94,  0.59, 0.13,  5.4, 170.0),  # W
    (2,  0.26, -2.3, 107, -2.54,  2.44,  0.43, 0.20,  6.2, 136.0),  # Y
    (4,  1.08, -1.5,  43, -2.59, -2.64, -1.54, 0.00,  5.9,  84.0),  # V
])  # fmt: skip

CODONS = _TABLE[:, 0]
"""Codons of each residue, shape (20,); 61 in all."""

CHOU_SCALES = _TABLE[:, 1:4]
"""Hydrophobicity, hydrophilicity and side-chain mass, shape (20, 3)."""

Z_SCALES = _TABLE[:, 4:7]
"""First three z-scales, shape (20, 3)."""


def classes(groups: dict[str, str]) -> NDArray[np.uint8]:
    """Return the class of every residue code, shape (21,): an unknown residue's is one past all.

    Parameters
    ----------
    groups : dict
        For each class, its residues; one that is in no class counts as unknown.
    """
    table = np.full(len(RESIDUES) + 1, len(groups), dtype=np.uint8)
    for number, members in enumerate(groups.values()):
        table[[RESIDUES.index(x) for x in members]] = number
    return table


def squared_differences(scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (scale[a] - scale[b])² of every pair of residues, shape (20, 20, scales)."""
    return (scales[:, None] - scales[None]) ** 2


def grantham_distances() -> NDArray[np.float64]:
    """Return Grantham's chemical distances, shape (20, 20), about 100 on average.

    By the published formula; the printed table differs by up to 1 (its inputs were rounded).

    References
    ----------
    Grantham 1974, doi:10.1126/science.185.4154.862.
    """
    weights = np.array([1.833, 0.1018, 0.000399])
    return 50.723 * np.sqrt(squared_differences(_TABLE[:, 7:]) @ weights)
