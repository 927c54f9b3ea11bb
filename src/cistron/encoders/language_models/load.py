"""Find a model on the hub or in a folder, and read it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cistron.base.device import choose_device
from cistron.base.errors import InputError
from cistron.base.files import sha256
from cistron.base.untrusted import read_object
from cistron.encoders.language_models.int8 import int8_linear
from cistron.encoders.language_models.model import Forward, LanguageModel
from cistron.encoders.language_models.packed_esm import PackedEsm, can_pack, plain_linear
from cistron.encoders.language_models.plain import PlainForward
from cistron.encoders.language_models.precision import Precision, effective_precision
from cistron.encoders.language_models.tokens import ResidueTokens, residue_tokens

SMALL = ["*.json", "*.txt", "*.model"]  # configuration and vocabulary
WEIGHTS = {"model.safetensors": "*.safetensors", "pytorch_model.bin": "*.bin"}
NOT_NEEDED = ("pooler", "contact_head", "lm_head", "position_ids", "inv_freq")
"""Parts that no hidden state depends on, or that follow from the configuration."""


def load_language_model(
    name: str,
    *,
    layer: int = -1,
    device: str = "auto",
    precision: Precision = "auto",
    offline: bool = False,
) -> LanguageModel:
    """Find a language model; its weights are read when something is embedded.

    Any encoder of the `transformers` library whose vocabulary is of residues: ESM-2, ESM-1b,
    ESM-C, ProtT5, ProstT5, Ankh, ProtBert. No code that comes with a model is run.

    Parameters
    ----------
    name : str
        Of a local folder, or on the Hugging Face hub. What was fetched once is used from then on.
    layer : int
        Hidden state to take: 0 is the embedding of residues alone; negative ones count from the
        last, which is as the model returns it (of ESM-2, after the final normalisation).
    device : {"auto", "cpu", "cuda", "mps"}
    precision : {"auto", "fp32", "bf16", "int8"}
        `auto` is bf16 on a CUDA device that has it, else fp32. `int8` is for ESM-2 on a processor:
        faster, and not the same numbers (see `cistron.encoders.language_models.int8`).
    offline : bool
        Never ask the hub.

    Returns
    -------
    LanguageModel

    Raises
    ------
    InputError
        If it is not there and cannot be fetched, if it is no language model of proteins, or if
        the layer, device or precision is not there.
    """
    computed_in = effective_precision(precision, device)
    place = choose_device(device)
    transformers = _transformers()
    folder = fetch_model(name, offline)
    config, tokenizer = _read_configuration(transformers, folder, name)
    tokens = residue_tokens(tokenizer, name)
    layers = int(config.num_hidden_layers)
    if not -layers - 1 <= layer <= layers:
        raise InputError(
            f"layer: {name} has hidden layers 0 (the residues alone) to {layers}, or counted from "
            f"the last -1 to {-layers - 1}; {layer} is none of them."
        )
    if computed_in == "int8" and not can_pack(config):
        raise InputError(f"precision: int8 is for ESM-2, and {name} is another. Use fp32 or auto.")
    number = layer % (layers + 1)
    read = partial(_make_forward, folder, name, config, number, place, tokens.padding)
    return LanguageModel(
        name=name,
        layer=number,
        width=int(config.hidden_size),
        fingerprint=_fingerprint(folder, tokens),
        precision=computed_in,
        device=place,
        tokens=tokens,
        make_forward=read,
        packs=place.type == "cpu",
        longest=_longest(config, tokens),
    )


def fetch_model(name: str, offline: bool = False) -> Path:
    """Return the folder of a model's files, fetched from the hub where they are not here.

    Raises
    ------
    InputError
        If there is no such folder and it cannot be fetched.
    """
    folder = Path(name)
    if folder.is_dir():
        _weight_files(folder, name)
        return folder
    if folder.is_absolute() or name.startswith(".") or name.count("/") > 1:
        raise InputError(
            f"{name}: there is no such folder. A language model is a folder with "
            "config.json, vocabulary and weights, or a name on the Hugging Face hub."
        )
    return _fetch(name, offline)


def _fetch(name: str, offline: bool) -> Path:
    """Return the folder into which the hub's files were fetched, now or before."""
    _transformers()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    folder = Path()
    try:
        for weights in WEIGHTS.values():
            wanted = [*SMALL, weights]
            folder = Path(snapshot_download(name, allow_patterns=wanted, local_files_only=offline))
            if _has_weights(folder):
                break
    except HFValidationError as error:
        raise InputError(
            f"{name!r} is neither a folder here nor a name on the Hugging Face hub, which is "
            "owner/model, such as facebook/esm2_t6_8M_UR50D."
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        could_not = f"could not be fetched ({str(error).splitlines()[0]})"
        raise InputError(
            f"The language model {name} is not on this machine and "
            f"{'offline was asked for' if offline else could_not}. Fetch it where there is a "
            f"network with `hf download {name} --local-dir FOLDER/{name.rsplit('/', 1)[-1]}`, copy "
            "FOLDER here, and set the environment variable CISTRON_MODELS to it (or give the path "
            "in place of the name)."
        ) from error
    _weight_files(folder, name)
    return folder


def _has_weights(folder: Path) -> bool:
    return any(
        (folder / name).is_file() or (folder / f"{name}.index.json").is_file() for name in WEIGHTS
    )


def _weight_files(folder: Path, name: str) -> list[Path]:
    """Return the files that hold the weights: one, or those that an index lists."""
    for weights in WEIGHTS:
        index = folder / f"{weights}.index.json"
        if (folder / weights).is_file():
            return [folder / weights]
        if index.is_file():
            shards = read_object(index).get("weight_map")
            if not isinstance(shards, dict) or not all(
                isinstance(shard, str) for shard in shards.values()
            ):
                raise InputError(f"{index} is damaged: weight_map should name files.")
            files = [folder / shard for shard in sorted(set(shards.values()))]
            if all(file.is_file() for file in files):
                return files
    what = "config.json" if not (folder / "config.json").is_file() else "all of its weights"
    raise InputError(
        f"{name}: {folder} does not hold {what}. Fetch it again with `hf download OWNER/MODEL "
        "--local-dir FOLDER`, or save it with transformers' save_pretrained."
    )


def _fingerprint(folder: Path, tokens: ResidueTokens) -> str:
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    reading = [tokens.table.tolist(), tokens.before, tokens.after, tokens.cls]
    digest.update(json.dumps(reading).encode())
    for file in _weight_files(folder, str(folder)):
        digest.update(sha256(file).encode())
    return digest.hexdigest()


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            "Language models need the transformers library. Install it with "
            "`pip install 'cistron[plm]'`."
        ) from error
    return transformers


def _read_configuration(transformers: Any, folder: Path, name: str) -> tuple[Any, Any]:
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{name}: transformers {transformers.__version__} cannot read its configuration or "
            f"vocabulary: {str(error).splitlines()[0]} Models that bring code of their own are not "
            "run."
        ) from error
    return config, tokenizer


def _longest(config: Any, tokens: ResidueTokens) -> int | None:
    """Return how many residues fit the numbered positions, where the model has such."""
    if config.model_type == "esm" and config.position_embedding_type == "absolute":
        return int(config.max_position_embeddings - tokens.padding - 1 - tokens.around)
    if config.model_type == "bert":
        return int(config.max_position_embeddings - tokens.around)
    return None


def _make_forward(
    folder: Path,
    name: str,
    config: Any,
    layer: int,
    device: torch.device,
    padding: int,
    precision: str,
) -> Forward:
    model = read_weights(folder, name, config)
    on_processor = device.type == "cpu"
    if not (on_processor and can_pack(config)):
        chosen = None if layer == config.num_hidden_layers else layer
        return PlainForward(model.to(device), chosen, padding, precision, together=not on_processor)
    make_linear = {
        "fp32": plain_linear(torch.float32),
        "bf16": plain_linear(torch.bfloat16),
        "int8": int8_linear,
    }[precision]
    return PackedEsm(model, layer, make_linear)


def read_weights(folder: Path, name: str, config: Any) -> torch.nn.Module:
    """Read an encoder, and refuse one that is not whole: transformers would make the rest up."""
    transformers = _transformers()
    # Of a T5, the encoder alone.
    encoder = "t5" in config.model_type
    kind = transformers.AutoModelForTextEncoding if encoder else transformers.AutoModel
    options = {"add_pooling_layer": False} if config.model_type == "esm" else {}
    with _quiet(transformers):
        model, report = kind.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    missing = [
        key for key in sorted(report["missing_keys"]) if not any(n in key for n in NOT_NEEDED)
    ]
    if missing:
        raise InputError(
            f"{name}: its weights lack {len(missing):,} of the encoder's arrays, the first of them "
            f"{missing[0]}. Fetch the model again, or choose another."
        )
    whole: torch.nn.Module = model.eval().requires_grad_(False)
    return whole


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Leave out transformers' progress bars and its table of parts that are not needed."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
