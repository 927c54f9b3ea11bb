"""Protein language models as they are published: sequences in, one vector a residue or protein out.

`load_language_model` finds a model on the Hugging Face hub or in a folder and returns a
`LanguageModel`. Nothing is trained here and nothing is kept: a cache and an encoder stand on top
(`cistron.encoders.language_models.protein_lm`). What a protein is made into does not depend on the
proteins that are embedded beside it, on their order, or on how long the protein is.
"""

from __future__ import annotations

from cistron.encoders.language_models.int8 import Drift
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.model import LanguageModel
from cistron.encoders.language_models.pooling import Pooling
from cistron.encoders.language_models.precision import effective_precision
from cistron.encoders.language_models.published import published_width
from cistron.encoders.language_models.workers import embed_in_workers

__all__ = [
    "Drift",
    "LanguageModel",
    "Pooling",
    "effective_precision",
    "embed_in_workers",
    "load_language_model",
    "published_width",
]
