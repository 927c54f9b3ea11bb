"""Embeddings against a plain loop through transformers, one protein at a time."""

import numpy as np
import pytest
import torch
from transformers import EsmModel, T5EncoderModel

import cistron
from cistron.base.errors import InputError
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.packed_esm import PackedEsm
from cistron.encoders.language_models.plain import PlainForward
from cistron.samples.samples import Sequences
from tests.encoders.language_models.plain import cls_of, residues_of
from tests.encoders.language_models.tiny import make_tiny_esm, make_tiny_esmc

LETTERS = np.array(list("ARNDCQEGHILKMFPSTWYVXBZJUO"))
TIGHT = {"rtol": 0, "atol": 1e-5}


def proteins(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(LETTERS, size=length)) for length in lengths]


TEXTS = proteins(1, 37, 300, 2, 90, 37)


@pytest.fixture(scope="module")
def sequences():
    return Sequences.from_text(TEXTS)


@pytest.fixture(params=["esm", "t5"])
def folder(request, tiny_esm, tiny_t5):
    return {"esm": tiny_esm, "t5": tiny_t5}[request.param]


@pytest.mark.parametrize("layer", [-1, 0, 1, -2])
def test_residues_are_those_of_transformers(folder, sequences, layer):
    expected = residues_of(folder, TEXTS, layer)
    found = load_language_model(str(folder), layer=layer, offline=True).embed(sequences, "residues")
    assert found.values.dtype == np.float32
    assert np.std(expected[2]) > 0.1
    for row, one in enumerate(expected):
        np.testing.assert_allclose(found[row], one, **TIGHT)


@pytest.mark.parametrize(("pooling", "of"), [("mean", np.mean), ("max", np.max)])
def test_pooling_is_over_residues_alone(folder, sequences, pooling, of):
    expected = np.stack([of(one, axis=0) for one in residues_of(folder, TEXTS)])
    found = load_language_model(str(folder), offline=True).embed(sequences, pooling)
    np.testing.assert_allclose(found, expected, **TIGHT)


def test_cls_is_the_first_token(tiny_esm, tiny_t5, sequences):
    found = load_language_model(str(tiny_esm)).embed(sequences, "cls")
    for row in (1, 4):
        text = TEXTS[row].replace("J", "X")
        np.testing.assert_allclose(found[row], cls_of(tiny_esm, text), **TIGHT)
    with pytest.raises(InputError, match="no CLS token"):
        load_language_model(str(tiny_t5)).embed(sequences, "cls")


@pytest.mark.parametrize(
    "changes",
    [{"token_dropout": False}, {"emb_layer_norm_before": True}, {"num_attention_heads": 2}],
)
def test_every_setting_of_esm2(tmp_path, sequences, changes):
    folder = make_tiny_esm(tmp_path / "esm", seed=1, **changes)
    model = load_language_model(str(folder))
    assert isinstance(model.forward, PackedEsm)
    found = model.embed(sequences, "residues")
    for row, one in enumerate(residues_of(folder, TEXTS)):
        np.testing.assert_allclose(found[row], one, **TIGHT)


def test_esm_c(tmp_path, sequences):
    folder = make_tiny_esmc(tmp_path / "esmc")
    model = load_language_model(str(folder))
    found = model.embed(sequences, "residues")
    assert model.width == 24
    for row, one in enumerate(residues_of(folder, TEXTS)):
        np.testing.assert_allclose(found[row], one, **TIGHT)


def test_esm_with_numbered_positions_is_padded_and_has_a_longest_window(tmp_path, sequences):
    folder = make_tiny_esm(
        tmp_path / "esm1b", position_embedding_type="absolute", max_position_embeddings=322
    )
    model = load_language_model(str(folder))
    with pytest.raises(InputError, match="at most 318 residues at once, not 1,022"):
        model.embed(sequences)
    found = model.embed(sequences, "residues", window=318)
    assert isinstance(model.forward, PlainForward)
    for row, one in enumerate(residues_of(folder, TEXTS)):
        np.testing.assert_allclose(found[row], one, **TIGHT)


def test_what_a_file_may_hold_changes_nothing(tiny_esm, tmp_path):
    clean, rough = tmp_path / "clean.fasta", tmp_path / "rough.fasta"
    text = "MKWVTFISLLFLFSSAYSRGVUBZOXX"
    clean.write_text(f">a\n{text}\n")
    lower = f"{text[:-2].lower()}*"  # the stop inside is read as X
    rough.write_text(f">a\n{lower[:9]}\n{lower[9:20]}\n{lower[20:]}{text[-1]}**\n")
    model = load_language_model(str(tiny_esm))
    samples = [cistron.read_fasta(path, max_unknown=1.0) for path in (clean, rough)]
    a, b = (model.embed(one.payload, "residues").values for one in samples)
    assert np.array_equal(a, b)
    np.testing.assert_allclose(a, residues_of(tiny_esm, [text])[0], **TIGHT)


def test_letters_that_the_vocabulary_lacks_are_x(tiny_esm, tiny_t5):
    pairs = [(tiny_esm, "MAJLKVX", "MAXLKVX", True), (tiny_esm, "MAULKVX", "MAXLKVX", False)]
    pairs += [(tiny_t5, f"MA{letter}LKV", "MAXLKV", True) for letter in "UZOBJ"]
    for folder, text, other, same in pairs:
        a, b = load_language_model(str(folder)).embed(Sequences.from_text([text, other]))
        assert np.allclose(a, b, **TIGHT) is same


@pytest.mark.parametrize("pooling", ["mean", "max", "residues"])
def test_neighbours_order_and_copies_change_nothing(folder, pooling):
    texts = [*proteins(5, 60, 300, 61, 900, 12, 150), "MKV"]
    model = load_language_model(str(folder))

    def embedded(rows, **options):
        some = Sequences.from_text([texts[i] for i in rows])
        found = model.embed(some, pooling, window=300, overlap=64, **options)
        return [found[i] for i in range(len(rows))]

    alone = [embedded([row])[0] for row in range(len(texts))]
    order = [4, 0, 0, 7, 3, 2, 6, 5, 1, 4, 4]
    for options in ({}, {"max_tokens": 64}, {"max_tokens": 100_000}):
        for row, found in zip(order, embedded(order, **options), strict=True):
            np.testing.assert_allclose(found, alone[row], rtol=0, atol=1e-6)


def test_parts_hand_over_every_protein_once(tiny_esm):
    sequences = Sequences.from_text(proteins(30, 700, 5, 120, 64, 64))
    model, steps = load_language_model(str(tiny_esm)), []
    whole = model.embed(sequences, window=200, overlap=50, max_tokens=256, advance=steps.append)
    assert sum(steps) == len(sequences)
    assert len(steps) > 1
    seen = []
    for rows, values in model.parts(sequences, window=200, overlap=50, max_tokens=256):
        assert np.array_equal(whole[rows], values)
        seen.extend(rows.tolist())
    assert sorted(seen) == list(range(len(sequences)))
    nothing = sequences.take([])
    assert model.embed(nothing).shape == (0, 32)
    assert len(model.embed(nothing, "residues")) == 0


def test_no_memory_halves_the_batch_and_goes_on(tiny_esm, sequences):
    model = load_language_model(str(tiny_esm))
    expected, real, tried = model.embed(sequences), model.forward, []

    def small_device(tokens, lengths):
        tried.append(len(tokens))
        if len(tokens) > 310:
            raise torch.OutOfMemoryError("out of memory")
        return real(tokens, lengths)

    model.__dict__["forward"] = small_device
    np.testing.assert_allclose(model.embed(sequences), expected, rtol=0, atol=1e-6)
    assert tried[:2] == [479, 302]
    assert model.most_tokens < 310
    tried.clear()
    model.embed(sequences)
    assert max(tried) <= 310
    longer = Sequences.from_text(proteins(400))
    with pytest.raises(InputError, match=r"A window of 400 residues does not fit .* smaller"):
        model.embed(longer)


def test_weights_that_do_not_fit_are_no_matter_of_batches(tiny_esm, sequences):
    model, tried = load_language_model(str(tiny_esm)), []

    def too_large(precision):
        tried.append(precision)
        raise torch.OutOfMemoryError("out of memory")

    model.make_forward = too_large
    with pytest.raises(InputError, match=r"The weights of .* do not fit the memory of cpu"):
        model.embed(sequences)
    assert tried == ["fp32"]


@pytest.mark.parametrize("packs", [True, False])
def test_a_batch_stays_within_its_tokens(packs, tiny_esm, sequences):
    model = load_language_model(str(tiny_esm))
    model.packs = packs
    real, sizes = model.forward, []

    def watched(tokens, lengths):
        sizes.append(sum(lengths) if packs else max(lengths) * len(lengths))
        return real(tokens, lengths)

    model.__dict__["forward"] = watched
    model.embed(sequences, max_tokens=130)
    assert sizes[0] > 130  # one protein is longer by itself
    assert max(sizes[1:]) <= 130
    assert len(sizes) < len(sequences)


def test_side_by_side_as_on_a_gpu(folder, sequences):
    model = load_language_model(str(folder))
    expected = model.embed(sequences, "residues", window=120, overlap=20)
    alone = load_language_model(str(folder), layer=1).embed(sequences)
    for layer, number in ((-1, None), (1, 1)):
        model = load_language_model(str(folder), layer=layer)
        kind = T5EncoderModel if "t5" in folder.name else EsmModel
        network = kind.from_pretrained(folder).eval()
        padding = model.tokens.padding
        forward = PlainForward(network, number, padding, "fp32", together=True)
        model.packs, model.__dict__["forward"] = False, forward
        if number is None:
            found = model.embed(sequences, "residues", window=120, overlap=20)
            np.testing.assert_allclose(found.values, expected.values, **TIGHT)
        else:
            np.testing.assert_allclose(model.embed(sequences), alone, **TIGHT)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"overlap": 1022}, "overlap: 1022 is not between 0 and the window"),
        ({"overlap": -1}, "overlap: -1"),
    ],
)
def test_wrong_windows_are_refused(tiny_esm, sequences, options, reason):
    with pytest.raises(InputError, match=reason):
        load_language_model(str(tiny_esm)).embed(sequences, **options)


def test_what_is_no_protein_is_refused(tiny_esm):
    model = load_language_model(str(tiny_esm))
    with pytest.raises(InputError, match="reads proteins, and these sequences are dna"):
        model.embed(Sequences.from_text(["ACGT"], "dna"))
    with pytest.raises(InputError, match="Sequence 2 is empty"):
        model.embed(Sequences.from_text(["MKV", ""]))
