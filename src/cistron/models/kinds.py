"""One architecture a file, and the classical models.

A model is one file here with its settings class (its `kind` and keys). A network's settings have
`build(channels, outputs) -> torch.nn.Module`, a classical model's `build(seed)`, which returns a
scikit-learn estimator (see `families`). `KINDS` lists them, one line each.
"""

from typing import Annotated

from cistron.base.document import Document
from cistron.base.settings import OneOf, name_of
from cistron.models.auto import AutoSettings
from cistron.models.classical.bagging import BaggingSettings
from cistron.models.classical.gradient_boosting import GradientBoostingSettings
from cistron.models.classical.logistic_regression import LogisticRegressionSettings
from cistron.models.classical.nearest_centroid import NearestCentroidSettings
from cistron.models.classical.random_forest import RandomForestSettings
from cistron.models.classical.ridge import RidgeSettings
from cistron.models.classical.svm import SVMSettings
from cistron.models.cnn import CNNSettings
from cistron.models.cnn_lstm import CNNLSTMSettings
from cistron.models.dilated_resnet import DilatedResNetSettings
from cistron.models.families import ModelSettings
from cistron.models.gene_attention import GeneAttentionSettings
from cistron.models.keras.keras import KerasSettings
from cistron.models.light_attention import LightAttentionSettings
from cistron.models.mlp import MLPSettings
from cistron.models.parallel_cnn_lstm import ParallelCNNLSTMSettings
from cistron.models.published.deepcre import DeepCRESettings
from cistron.models.published.deepdife import DeepDifESettings
from cistron.models.published.lcre import LCRESettings
from cistron.models.published.multiloc_cnn import MultiLocCNNSettings
from cistron.models.published.multiloc_cnn_lstm import MultiLocCNNLSTMSettings
from cistron.models.published.multiloc_resnet import MultiLocResNetSettings
from cistron.models.published.oncopersistnet import OncoPersistNetSettings
from cistron.models.published.pooled_bilstm import PooledBiLSTMSettings
from cistron.models.published.senseqnet import (
    SenSeqNetSettings,
    VectorBiLSTMSettings,
    VectorCNNLSTMSettings,
    VectorCNNSettings,
    VectorLSTMSettings,
    VectorParallelCNNLSTMSettings,
    VectorRNNSettings,
)
from cistron.models.recurrent import BiLSTMSettings, LSTMSettings, RNNSettings
from cistron.models.residual_cnn import ResidualCNNSettings
from cistron.models.residual_mlp import ResidualMLPSettings
from cistron.models.resnet import ResNetSettings
from cistron.models.termini_attention import TerminiAttentionSettings
from cistron.models.termini_cnn import TerminiCNNSettings
from cistron.models.transformer import TransformerSettings

KINDS: list[type[ModelSettings]] = [
    CNNSettings,
    ResNetSettings,
    RNNSettings,
    LSTMSettings,
    BiLSTMSettings,
    CNNLSTMSettings,
    ParallelCNNLSTMSettings,
    TransformerSettings,
    LightAttentionSettings,
    DilatedResNetSettings,
    ResidualCNNSettings,
    TerminiAttentionSettings,
    DeepCRESettings,
    LCRESettings,
    DeepDifESettings,
    KerasSettings,
    TerminiCNNSettings,
    MultiLocCNNSettings,
    MultiLocCNNLSTMSettings,
    MultiLocResNetSettings,
    MLPSettings,
    ResidualMLPSettings,
    SenSeqNetSettings,
    VectorCNNSettings,
    VectorRNNSettings,
    VectorLSTMSettings,
    VectorBiLSTMSettings,
    VectorCNNLSTMSettings,
    VectorParallelCNNLSTMSettings,
    OncoPersistNetSettings,
    PooledBiLSTMSettings,
    GeneAttentionSettings,
    LogisticRegressionSettings,
    NearestCentroidSettings,
    RandomForestSettings,
    GradientBoostingSettings,
    SVMSettings,
    BaggingSettings,
    RidgeSettings,
    AutoSettings,
]

AnyModel = Annotated[ModelSettings, OneOf(KINDS)]
"""Settings of any model."""


def as_saved(document: Document) -> Document:
    """Return the settings of a saved model with the keys that earlier versions did not have."""
    kinds = {name_of(kind): kind for kind in KINDS}
    kind = kinds.get(str(document.get("kind")))
    return document if kind is None else {**kind.before, **document}
