"""stub"""
from typing import Literal
from torch import nn
from cistron.models.families import NetworkSettings
class TerminiCNNSettings(NetworkSettings):
    """Settings of `termini_cnn`."""
    kind: Literal["termini_cnn"] = "termini_cnn"
