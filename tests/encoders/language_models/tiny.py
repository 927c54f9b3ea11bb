"""Language models of a few thousand random weights, saved as the published ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    EsmConfig,
    EsmModel,
    EsmTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.utils import logging

ESM_VOCABULARY = (
    "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>"
)


def esm_config(**changes: Any) -> EsmConfig:
    """Return the configuration of an ESM-2; tiny, unless changed."""
    settings: dict[str, Any] = {
        "vocab_size": 33,
        "mask_token_id": 32,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-5,
        "position_embedding_type": "rotary",
        "token_dropout": True,
        "emb_layer_norm_before": False,
    }
    return EsmConfig(**{**settings, **changes})


def make_tiny_esm(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """Save a random ESM-2 with its vocabulary, and return its folder.

    The weights are larger than those training starts from, so that attention is no plain mean.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(ESM_VOCABULARY.split()))
    EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return _save(EsmModel, esm_config(**changes), folder, seed)


def make_tiny_t5(folder: Path, seed: int = 0) -> Path:
    """Save a random ProtT5 (encoder only, vocabulary of words) and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [(f"▁{letter}", -3.0) for letter in "ALGVSREDTIPKFQNYMHWCXBOUZ"]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), *letters]
    T5Tokenizer(vocab=vocabulary, extra_ids=0).save_pretrained(folder)
    config = T5Config(
        vocab_size=32, d_model=24, d_kv=8, d_ff=48, num_layers=2, num_heads=3, is_decoder=False
    )
    return _save(T5EncoderModel, config, folder, seed)


def make_tiny_esmc(folder: Path, seed: int = 0) -> Path:
    """Save a random ESM-C and return its folder (transformers 5.23 and later)."""
    from transformers import EsmcConfig, EsmcModel, EsmcTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    EsmcTokenizer().save_pretrained(folder)
    config = EsmcConfig(
        hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3
    )
    return _save(EsmcModel, config, folder, seed)


def _save(kind: Any, config: Any, folder: Path, seed: int) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config).eval()
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim == 2:
                    weight.copy_(torch.randn_like(weight) * 1.5 / weight.shape[1] ** 0.5)
                elif name.endswith("bias"):
                    weight.copy_(torch.randn_like(weight) * 0.1)
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    model.save_pretrained(folder)
    if bars:
        logging.enable_progress_bar()
    return folder


def without_array(folder: Path, name: str) -> None:
    """Take one array out of saved weights."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    arrays = load_file(file)
    del arrays[name]
    save_file(arrays, file, metadata={"format": "pt"})


def change_config(folder: Path, **changes: Any) -> None:
    """Change keys of a saved configuration."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
