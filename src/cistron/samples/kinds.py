"""The sources of samples, one line each; a source is one file with its settings class."""

from typing import Annotated

from cistron.base.settings import OneOf
from cistron.samples.cells.cells import CellSamples
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.sequences.fasta import FastaSamples
from cistron.samples.sequences.profiles import ProfileSamples
from cistron.samples.sequences.table import TableSamples
from cistron.samples.settings import SamplesSettings

KINDS: list[type[SamplesSettings]] = [
    FastaSamples,
    TableSamples,
    ProfileSamples,
    GenomeSamples,
    CellSamples,
]

AnySamples = Annotated[SamplesSettings, OneOf(KINDS)]
"""Settings of any source of samples."""
