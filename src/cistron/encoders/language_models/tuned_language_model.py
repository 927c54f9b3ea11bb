"""A protein language model that is trained along with the network upon it.

Low-rank adapters (LoRA): Hu, E. J. et al. LoRA: low-rank adaptation of large language models.
ICLR 2022. https://doi.org/10.48550/arXiv.2106.09685. Of proteins: Schmirler, R., Heinzinger, M. &
Rost, B. Fine-tuning protein language models boosts predictions across diverse tasks. Nature
Communications 15, 7407 (2024). https://doi.org/10.1038/s41467-024-51844-2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _IncompatibleKeys

from cistron.base.errors import InputError
from cistron.encoders.language_models.pooling import Pooling
from cistron.encoders.language_models.tokens import ResidueTokens
from cistron.models.layers import blank, masked_max, masked_mean

ADAPTER = "lora_"  # in the name of every weight of an adapter
NOT_READ = ("contact_head", "pooler", "lm_head")  # no hidden state depends on them


@dataclass(frozen=True)
class Tuning:
    """How a language model is trained.

    Parameters
    ----------
    how : {"lora", "full"}
        Adapters of low rank beside every linear layer, or all weights.
    rank : int
    alpha : int
        What adapters compute counts alpha / rank times.
    """

    how: Literal["lora", "full"]
    rank: int = 8
    alpha: int = 16


class TunedLanguageModel(nn.Module):
    """Residues → embeddings, by a model of the `transformers` library that learns.

    With adapters, its `state_dict` holds these alone: the base model is read from where it came.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    tokens : ResidueTokens
    layer : int or None
        Hidden state that is taken; None is the last, with all that the model does to it.
    pooling : {"mean", "max", "cls", "residues"}
    tuning : Tuning
    """

    table: Tensor
    before: Tensor
    after: Tensor

    def __init__(
        self,
        model: nn.Module,
        tokens: ResidueTokens,
        layer: int | None,
        pooling: Pooling,
        tuning: Tuning,
    ) -> None:
        super().__init__()
        self.layer, self.pooling, self.cls = layer, pooling, tokens.cls
        self.padding, self.fill = len(tokens.table), tokens.padding
        table = torch.tensor([*tokens.table.tolist(), tokens.padding])
        self.register_buffer("table", table, persistent=False)
        self.register_buffer("before", torch.tensor(tokens.before).long(), persistent=False)
        self.register_buffer("after", torch.tensor(tokens.after).long(), persistent=False)
        if tuning.how == "lora":
            self.model = _with_adapters(model, tuning)
            self.register_state_dict_post_hook(_keep_adapters)
            self.register_load_state_dict_post_hook(_miss_adapters_only)
        else:
            self.model = model.requires_grad_(True)
            for name, parameter in model.named_parameters():
                if any(part in name for part in NOT_READ):
                    parameter.requires_grad_(False)

    def forward(self, codes: Tensor) -> Tensor:
        """Return embeddings.

        Parameters
        ----------
        codes : tensor of int, shape (batch, time)
            Letter codes of proteins; `padding` behind each.

        Returns
        -------
        tensor, shape (batch, width), or of `residues` (batch, time, width)
        """
        mask = codes != self.padding
        tokens, inside = self._tokens(codes, mask.sum(dim=1))
        output = self.model(
            input_ids=tokens,
            attention_mask=inside.long(),
            output_hidden_states=self.layer is not None,
        )
        hidden = (
            output.last_hidden_state if self.layer is None else output.hidden_states[self.layer]
        )
        if self.pooling == "cls":
            return hidden[:, self.cls]
        first = len(self.before)
        residues = hidden[:, first : first + codes.shape[1]]
        if self.pooling == "residues":
            return blank(residues, mask)
        return (masked_mean if self.pooling == "mean" else masked_max)(residues, mask)

    def _tokens(self, codes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens with the special ones around each protein, and which are no padding."""
        first, rows = len(self.before), len(codes)
        tail = codes.new_full((rows, len(self.after)), self.fill, dtype=torch.long)
        tokens = torch.cat([self.before.expand(rows, -1), self.table[codes.long()], tail], dim=1)
        for number, token in enumerate(self.after):
            place = (first + number + lengths).unsqueeze(1)
            tokens = tokens.scatter(1, place, token.expand(rows, 1))
        ends = first + lengths + len(self.after)
        inside = torch.arange(tokens.shape[1], device=tokens.device) < ends.unsqueeze(1)
        return tokens, inside


def _with_adapters(model: nn.Module, tuning: Tuning) -> nn.Module:
    """Return the model, frozen, with adapters beside its linear layers."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InputError(
            "training.language_model: lora needs the peft library. Install it with "
            "`pip install 'cistron[plm]'`."
        ) from error
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not any(part in name for part in NOT_READ)
    ]
    adapters = LoraConfig(r=tuning.rank, lora_alpha=tuning.alpha, target_modules=linear)
    adapted: nn.Module = inject_adapter_in_model(adapters, model)
    return adapted


def _keep_adapters(
    module: nn.Module,  # noqa: ARG001
    state: dict[str, Tensor],
    prefix: str,
    local: dict[str, object],  # noqa: ARG001
) -> None:
    """Take the base weights out of a state that is saved."""
    for key in [k for k in state if k.startswith(f"{prefix}model.") and ADAPTER not in k]:
        del state[key]


def _miss_adapters_only(module: nn.Module, incompatible: _IncompatibleKeys) -> None:
    """Let base weights be absent from a saved state; adapters that are missing stay an error."""
    arrays = [*module.named_parameters(), *module.named_buffers()]
    base = tuple(name for name, _ in arrays if ADAPTER not in name)
    incompatible.missing_keys[:] = [k for k in incompatible.missing_keys if not k.endswith(base)]
