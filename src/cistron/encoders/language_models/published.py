"""What is known of published models before their weights are there."""

from __future__ import annotations

from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.untrusted import read_object

WIDTHS = {
    "facebook/esm2_t6_8M_UR50D": 320,
    "facebook/esm2_t12_35M_UR50D": 480,
    "facebook/esm2_t30_150M_UR50D": 640,
    "facebook/esm2_t33_650M_UR50D": 1280,
    "facebook/esm2_t36_3B_UR50D": 2560,
    "facebook/esm2_t48_15B_UR50D": 5120,
    "facebook/esm1b_t33_650M_UR50S": 1280,
    "biohub/ESMC-300M": 960,
    "biohub/ESMC-600M": 1152,
    "biohub/ESMC-6B": 2560,
    "Rostlab/prot_t5_xl_uniref50": 1024,
    "Rostlab/prot_t5_xl_half_uniref50-enc": 1024,
    "Rostlab/prot_t5_xl_bfd": 1024,
    "Rostlab/ProstT5": 1024,
    "Rostlab/prot_bert": 1024,
    "Rostlab/prot_bert_bfd": 1024,
    "ElnaggarLab/ankh-base": 768,
    "ElnaggarLab/ankh-large": 1536,
    "ElnaggarLab/ankh3-large": 1536,
    "ElnaggarLab/ankh3-xl": 2560,
}
"""Name on the hub → width of an embedding."""


def published_width(name: str) -> int | None:
    """Return the width of a model's embeddings without loading it.

    Parameters
    ----------
    name : str
        On the hub, or a local folder, of which only `config.json` is read.

    Returns
    -------
    int or None
        None where it is not known.
    """
    config = Path(name) / "config.json"
    if config.is_file():
        document = read_object(config)
        width = document.get("hidden_size", document.get("d_model"))
        if width is not None and not (isinstance(width, int) and 0 < width < 10**6):
            raise InputError(f"{config} is damaged: hidden_size should be a whole number.")
        return width
    return WIDTHS.get(name)
