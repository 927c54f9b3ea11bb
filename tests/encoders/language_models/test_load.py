import json
import shutil

import numpy as np
import pytest
import torch
from transformers import BertTokenizer, EsmForMaskedLM, EsmModel

from cistron.base.errors import InputError
from cistron.encoders.language_models import precision as precision_module
from cistron.encoders.language_models.int8 import compare, has_int8, int8_linear
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.precision import effective_precision
from cistron.encoders.language_models.published import published_width
from cistron.encoders.language_models.tokens import residue_tokens
from cistron.encoders.language_models.workers import embed_in_workers
from cistron.samples.samples import Sequences
from tests.encoders.language_models.tiny import change_config, make_tiny_esm, without_array

SEQUENCES = Sequences.from_text(
    ["".join(np.random.default_rng(n).choice(list("ARNDCQEGHILKMFPSTWYV"), n)) for n in (40, 9, 77)]
)


def test_fingerprint_is_of_weights_and_configuration(tiny_esm, tmp_path):
    first = load_language_model(str(tiny_esm))
    copy = tmp_path / "copy"
    shutil.copytree(tiny_esm, copy)
    assert load_language_model(str(copy)).fingerprint == first.fingerprint
    assert load_language_model(str(copy), layer=1).fingerprint == first.fingerprint
    (copy / "README.md").write_text("no part of the model")
    assert load_language_model(str(copy)).fingerprint == first.fingerprint
    change_config(copy, token_dropout=False)
    other = load_language_model(str(copy)).fingerprint
    assert other != first.fingerprint
    make_tiny_esm(tmp_path / "seed", seed=7)
    assert load_language_model(str(tmp_path / "seed")).fingerprint not in (other, first.fingerprint)


def test_weights_are_not_read_before_they_are_needed(tiny_esm):
    model = load_language_model(str(tiny_esm))
    assert (model.width, model.layer, model.name) == (32, 3, str(tiny_esm))
    assert "forward" not in model.__dict__
    model.embed(SEQUENCES)
    assert "forward" in model.__dict__


def test_layers_outside_of_the_model_are_refused(tiny_esm):
    assert load_language_model(str(tiny_esm), layer=-4).layer == 0
    for layer in (4, -5):
        with pytest.raises(InputError, match=r"hidden layers 0 .* to 3, or .* -1 to -4"):
            load_language_model(str(tiny_esm), layer=layer)


def test_weights_in_shards_and_of_a_masked_language_model(tiny_esm, tmp_path):
    whole = EsmForMaskedLM(EsmModel.config_class.from_pretrained(tiny_esm)).eval()
    whole.esm = EsmModel.from_pretrained(tiny_esm, add_pooling_layer=False)
    folder = tmp_path / "shards"
    whole.save_pretrained(folder, max_shard_size="20KB")
    for file in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(tiny_esm / file, folder)
    assert len(list(folder.glob("*.safetensors"))) > 1
    found = load_language_model(str(folder)).embed(SEQUENCES)
    expected = load_language_model(str(tiny_esm)).embed(SEQUENCES)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    next(iter(sorted(folder.glob("*.safetensors")))).unlink()
    with pytest.raises(InputError, match="does not hold all of its weights"):
        load_language_model(str(folder))


def test_weights_that_are_not_whole_are_refused(tmp_path):
    folder = make_tiny_esm(tmp_path / "esm")
    without_array(folder, "encoder.layer.1.output.dense.weight")
    model = load_language_model(str(folder))
    with pytest.raises(InputError, match=r"lack 1 .*encoder\.layer\.1\.output\.dense\.weight"):
        model.embed(SEQUENCES)


def test_a_model_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"not on this machine and offline .*hf download"):
        load_language_model("facebook/esm2_t6_8M_UR50D", offline=True)
    with pytest.raises(InputError, match="there is no such folder"):
        load_language_model(str(tmp_path / "none"))
    with pytest.raises(InputError, match="neither a folder here nor a name on the"):
        load_language_model("esm2..8M", offline=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"does not hold config\.json"):
        load_language_model(str(tmp_path / "empty"))


def test_a_model_in_the_hub_cache_is_found_offline(tiny_esm, tmp_path, monkeypatch):
    commit = "0" * 40
    repository = tmp_path / "models--lab--esm2_tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(tiny_esm, repository / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    found = load_language_model("lab/esm2_tiny", offline=True)
    assert found.fingerprint == load_language_model(str(tiny_esm)).fingerprint
    assert found.name == "lab/esm2_tiny"


def test_a_model_with_code_of_its_own_is_not_run(tmp_path):
    folder = make_tiny_esm(tmp_path / "esm")
    change_config(folder, model_type="of_my_own", auto_map={"AutoConfig": "mine.Config"})
    with pytest.raises(InputError, match="cannot read its configuration"):
        load_language_model(str(folder))


def test_a_model_of_words_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "a"]))
    with pytest.raises(InputError, match="no token for each of the 20 amino acids"):
        residue_tokens(BertTokenizer(str(tmp_path / "vocab.txt")), "words")


def test_published_widths(tiny_esm, tiny_t5):
    assert published_width("facebook/esm2_t33_650M_UR50D") == 1280
    assert published_width("someone/else") is None
    assert published_width(str(tiny_esm)) == 32
    assert published_width(str(tiny_t5)) == 24


def test_precisions(monkeypatch, tiny_t5):
    assert effective_precision("auto", "cpu") == "fp32"
    monkeypatch.setattr(precision_module, "_processor_has_bf16", lambda: False)
    monkeypatch.setattr(precision_module, "has_int8", lambda: False)
    for precision in ("bf16", "int8"):
        with pytest.raises(InputError, match=f"this cpu does not compute in {precision}"):
            effective_precision(precision, "cpu")
    monkeypatch.setattr(precision_module, "has_int8", lambda: True)
    with pytest.raises(InputError, match="int8 is for ESM-2"):
        load_language_model(str(tiny_t5), precision="int8", device="cpu")


def test_bf16_is_close_and_not_the_same(tiny_esm, monkeypatch):
    monkeypatch.setattr(precision_module, "_processor_has_bf16", lambda: True)
    found = load_language_model(str(tiny_esm), precision="bf16", device="cpu").embed(SEQUENCES)
    drift = compare(found, load_language_model(str(tiny_esm)).embed(SEQUENCES))
    assert found.dtype == np.float32
    assert 1e-5 < drift.relative_error < 0.05


def test_int8_linear_layer():
    draw = torch.Generator().manual_seed(0)
    x, weight = torch.randn(300, 48, generator=draw), torch.randn(64, 48, generator=draw)
    bias = torch.randn(64, generator=draw)
    exact, found = torch.nn.functional.linear(x, weight, bias), int8_linear(weight, bias)(x)
    assert (found - exact).norm() / exact.norm() < 0.02
    # One scale a row: a neighbour that is a thousand times larger changes nothing.
    beside = torch.cat([x[:5], 1000 * x[5:]])
    assert torch.equal(int8_linear(weight, bias)(beside)[:5], found[:5])


@pytest.mark.skipif(not has_int8(), reason="the processor has no 8-bit instructions")
def test_int8_tells_its_drift(tiny_esm):
    model = load_language_model(str(tiny_esm), precision="int8", device="cpu")
    assert model.drift is None
    found = model.embed(SEQUENCES)
    exact = load_language_model(str(tiny_esm)).embed(SEQUENCES)
    assert model.drift == compare(found, exact)
    assert 0 < model.drift.relative_error < 0.05
    assert 0.99 < model.drift.cosine < 1
    assert str(model.drift).startswith("Embeddings of the first 3 proteins differ from fp32 by")
    alone = model.embed(SEQUENCES.take([1]))
    np.testing.assert_allclose(alone[0], found[1], rtol=0, atol=1e-6)


def test_workers_embed_the_same(tiny_esm, monkeypatch):
    monkeypatch.setattr("cistron.encoders.language_models.workers.TASK", 50)
    model = load_language_model(str(tiny_esm), layer=2)
    expected = model.embed(SEQUENCES, "residues", window=30, overlap=10)
    parts = embed_in_workers(
        str(tiny_esm), SEQUENCES, "residues", workers=1, load={"layer": 2}, window=30, overlap=10
    )
    seen = set()
    for rows, values in parts:
        for place, row in enumerate(rows.tolist()):
            np.testing.assert_allclose(values[place], expected[row], rtol=0, atol=1e-6)
            seen.add(row)
    assert seen == {0, 1, 2}


def test_the_index_of_shards_is_what_is_read(tmp_path):
    folder = make_tiny_esm(tmp_path / "esm")
    index = {"weight_map": {"a": "x-00001.safetensors", "b": "x-00002.safetensors"}}
    (folder / "model.safetensors").rename(folder / "x-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="does not hold all of its weights"):
        load_language_model(str(folder))
