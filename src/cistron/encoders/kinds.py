"""The encoders, one line each; an encoder is one file with its settings class."""

from typing import Annotated

from cistron.base.settings import OneOf
from cistron.encoders.cells.expression import ExpressionSettings
from cistron.encoders.composition import CompositionSettings
from cistron.encoders.kmers import KmersSettings
from cistron.encoders.language_models.protein_lm import ProteinLMSettings
from cistron.encoders.one_hot import OneHotSettings
from cistron.encoders.proteins.descriptors import DescriptorsSettings
from cistron.encoders.proteins.profile import ProfileSettings
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.encoders.settings import EncoderSettings

KINDS: list[type[EncoderSettings]] = [
    ResiduesSettings,
    ProfileSettings,
    OneHotSettings,
    KmersSettings,
    CompositionSettings,
    DescriptorsSettings,
    ProteinLMSettings,
    ExpressionSettings,
]

AnyEncoder = Annotated[EncoderSettings, OneOf(KINDS)]
"""Settings of any encoder."""
