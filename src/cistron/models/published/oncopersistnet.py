"""OncoPersistNet: a convolution and two LSTMs along a vector (notebooks without a DOI)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field
from torch import Tensor, nn

from cistron.base.errors import InputError
from cistron.models.families import Dropout, NetworkSettings, Reads
from cistron.models.keras.keras_layers import LSTM
from cistron.models.penalty import penalise

Penalised = Literal["convolution", "lstm_1", "lstm_2", "dense"]
PENALTIES: dict[Penalised, Annotated[float, Field(ge=0)]] = dict.fromkeys(get_args(Penalised), 1e-3)
LEAST = 4  # features: the convolution and the pooling leave one step of them


class OncoPersistNetSettings(NetworkSettings):
    """Settings of `oncopersistnet`; the defaults are the published ones.

    Published with 100 principal components. `cistron new persister FILE --published` writes how
    it was trained. `pooled_bilstm` is its repaired form.
    """

    reads: ClassVar[Reads] = "vector"
    caution: ClassVar[str] = (
        "oncopersistnet reads the features in order, as if they were a sequence, and answers from "
        "the last step: with components in falling order, what varies most comes first and is "
        "forgotten first. Compare with logistic_regression, mlp or pooled_bilstm."
    )

    kind: Literal["oncopersistnet"] = "oncopersistnet"
    filters: int = Field(64, ge=1, description="channels of the convolution")
    hidden: tuple[int, int] = Field((128, 64), description="units of the two LSTMs")
    dense: int = Field(64, ge=1, description="units of the dense layer")
    dropout: Dropout = 0.4
    penalties: dict[Penalised, Annotated[float, Field(ge=0)]] = Field(
        PENALTIES,
        description="L2 penalty on the kernel of each layer, which is added to the loss; a layer "
        "that is not named has none. Kernels of an LSTM: of its input, not of the recurrence",
    )
    penalty: float | None = Field(
        None,
        ge=0,
        description="in place of `penalties`: L2 penalty on the kernel of the convolution alone",
    )

    @property
    def penalised(self) -> dict[Penalised, float]:
        """The penalty of each layer that has one."""
        return self.penalties if self.penalty is None else {"convolution": self.penalty}

    @property
    def single_logit(self) -> bool:
        """One sigmoid output, as published."""
        return True

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return OncoPersistNet(self, channels, outputs)


class OncoPersistNet(nn.Module):
    """Convolution → ReLU → batch norm → max-pool → LSTM → LSTM → dense → linear, with dropout.

    At 100 features 152,961 parameters as Keras counts them, running means and variances included,
    of which 152,833 are trained.
    """

    def __init__(self, settings: OncoPersistNetSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        require_features(channels, s.kind)
        self.convolution = nn.Conv1d(1, s.filters, 3)
        self.norm = nn.BatchNorm1d(s.filters, eps=1e-3, momentum=0.01)
        self.pool = nn.MaxPool1d(2)
        self.lstms = nn.ModuleList(
            [LSTM(s.filters, s.hidden[0]), LSTM(s.hidden[0], s.hidden[1], sequences=False)]
        )
        self.dropout = nn.Dropout(s.dropout)
        self.dense = nn.Linear(s.hidden[1], s.dense)
        self.head = nn.Linear(s.dense, outputs)
        for layer in (self.convolution, self.dense, self.head):  # as Keras does
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        layers: dict[Penalised, tuple[nn.Module, str]] = {
            "convolution": (self.convolution, "weight"),
            "lstm_1": (self.lstms[0], "cell.weight_ih_l0"),
            "lstm_2": (self.lstms[1], "cell.weight_ih_l0"),
            "dense": (self.dense, "weight"),
        }
        for name, strength in s.penalised.items():
            penalise(*layers[name], strength)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = self.norm(self.convolution(x.unsqueeze(1)).relu())
        x = self.dropout(self.pool(x)).transpose(1, 2)
        for lstm in self.lstms:
            x = self.dropout(lstm(x))
        return self.head(self.dropout(self.dense(x).relu()))


def require_features(features: int, kind: str) -> None:
    """Refuse a vector that is too short for the convolution and the pooling.

    Raises
    ------
    InputError
        If it is.
    """
    if features < LEAST:
        raise InputError(
            f"model.kind: {kind!r} needs a vector of at least {LEAST} features, and the encoder "
            f"gives {features}. Choose more genes or components."
        )
