"""Explanations of whole classifiers."""

import copy

import numpy as np
import pytest
import torch

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.explain.drawing import draw
from cistron.explain.explanation import explain
from cistron.explain.importance import permutation_importance
from cistron.explain.linear import coefficient_table
from cistron.explain.methods import allowed_methods
from cistron.explain.references import shuffles
from cistron.explain.settings import parse_settings
from cistron.explain.store import read, write
from cistron.samples.alphabet import DNA, PROTEIN
from cistron.samples.samples import Profiles, Sequences, make_samples
from cistron.samples.sequences.shuffle import shuffle_pairs
from tests.conftest import planted_texts
from tests.encoders.language_models.tiny import make_tiny_esm
from tests.explain.conftest import MOTIF, PLACE, promoters

METHODS = allowed_methods()
SIGNED = [method for method in METHODS if method != "saliency"]


def log_odds(classifier, samples):
    logits = classifier.logits(samples).astype(np.float64)
    return logits[:, 1] - logits[:, 0]


def reverse_complement(samples):
    texts = [samples.payload.text(row) for row in range(len(samples))]
    turned = [text[::-1].translate(str.maketrans("ACGTN", "TGCAN")) for text in texts]
    return make_samples(Sequences.from_text(turned, "dna"), ids=samples.ids.tolist())


def proteins(n=60):
    texts, labels = planted_texts(n)
    return make_samples(Sequences.from_text(texts), labels=labels)


def fitted(encoder, model, samples):
    training = {"epochs": 1, "device": "cpu"}
    return Classifier(encoder, model, training).fit(samples)


@pytest.mark.parametrize("method", SIGNED)
def test_the_planted_motif_is_found(cnn, promoter_samples, method):
    found = explain(cnn, promoter_samples, {"method": method, "window": 4})
    for row in range(1, len(promoter_samples), 2):
        of_motif = found.of(row)[PLACE : PLACE + len(MOTIF)]
        assert of_motif.sum() > 0.6 * np.abs(found.of(row)).sum() / 2
        assert of_motif.mean() > 3 * np.abs(np.delete(found.of(row), np.s_[20:28])).mean()


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_is_explained_alike_in_any_batch(cnn, promoter_samples, method):
    together = explain(cnn, promoter_samples, {"method": method})
    for row in (0, 5):
        alone = explain(cnn, promoter_samples[[row]], {"method": method})
        np.testing.assert_allclose(alone.contributions, together.of(row), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_other_strand_is_explained_backwards(cnn, promoter_samples, method):
    onward = explain(cnn, promoter_samples, {"method": method})
    other = explain(cnn, reverse_complement(promoter_samples), {"method": method})
    for row in range(len(onward)):
        np.testing.assert_allclose(other.of(row)[::-1], onward.of(row), rtol=1e-3, atol=1e-5)
    if onward.hypothetical is not None:
        inside = slice(*onward.offsets[:2])
        turned = other.hypothetical[inside][::-1, ::-1]
        np.testing.assert_allclose(turned, onward.hypothetical[inside], rtol=1e-3, atol=1e-5)


def test_each_strand_has_contributions_of_its_own(cnn, promoter_samples, tmp_path):
    found = explain(cnn, promoter_samples, {"method": "deeplift"})
    np.testing.assert_allclose(found.strands.mean(axis=1), found.contributions, atol=1e-6)
    assert np.abs(np.diff(found.strands, axis=1)).max() > 0.1  # the readings are not the same
    other = explain(cnn, reverse_complement(promoter_samples), {"method": "deeplift"})
    for row in range(len(found)):
        inside = slice(*found.offsets[row : row + 2])
        # What is the other strand of one is the first of its reverse complement.
        turned = other.strands[inside][::-1, ::-1]
        np.testing.assert_allclose(turned, found.strands[inside], rtol=1e-3, atol=1e-5)
    # A network that reads one strand alone gives the first track.
    alone = copy.deepcopy(cnn)
    alone.model_.both_strands = False
    single = explain(alone, promoter_samples, {"method": "gradient_times_input"})
    both = explain(cnn, promoter_samples, {"method": "gradient_times_input"})
    assert single.strands is None
    np.testing.assert_allclose(both.strands[:, 0], single.contributions, rtol=1e-3, atol=1e-5)
    write(found, tmp_path / "attributions.h5")
    np.testing.assert_array_equal(read(tmp_path / "attributions.h5").strands, found.strands)
    drawing = draw(tmp_path, 1).tracks["sample-01"]
    assert "read on this strand (+)" in drawing
    assert "read on the other strand (" in drawing


def test_contributions_add_up_to_the_log_odds(cnn, promoter_samples):
    found = explain(cnn, promoter_samples, {"method": "deeplift"})
    np.testing.assert_allclose(found.output, log_odds(cnn, promoter_samples), rtol=1e-4, atol=1e-5)
    sums = np.add.reduceat(found.contributions, found.offsets[:-1])
    np.testing.assert_allclose(sums, found.output - found.reference_output, rtol=1e-4, atol=1e-4)
    assert (found.error < 1e-4).all()
    assert (found.method == "deeplift").all()
    # The references are the shuffled sequences, on both strands.
    codes = promoter_samples.payload[3]
    copies = shuffles(codes, 20, "dinucleotide", 1, DNA, both_strands=True)
    texts = [DNA.text(copy) for copy in copies]
    shuffled = make_samples(Sequences.from_text(texts, "dna"))
    assert log_odds(cnn, shuffled).mean() == pytest.approx(found.reference_output[3], abs=1e-4)


def test_the_contribution_is_the_hypothetical_one_of_the_letter_there(cnn, promoter_samples):
    for method in ("deeplift", "integrated_gradients", "gradient_times_input"):
        found = explain(cnn, promoter_samples, {"method": method})
        there = found.hypothetical[np.arange(len(found.codes)), found.codes]
        np.testing.assert_allclose(there, found.contributions, rtol=1e-4, atol=1e-6)
        assert found.hypothetical.shape == (len(found.contributions), 4)
        assert not np.allclose(found.hypothetical, found.contributions[:, None])


def test_the_class_that_is_asked_for(cnn, promoter_samples):
    second = explain(cnn, promoter_samples, {"class_": "with", "references": "zero"})
    first = explain(cnn, promoter_samples, {"class_": "without", "references": "zero"})
    own = explain(cnn, promoter_samples, {"class_": "predicted", "references": "zero"})
    np.testing.assert_allclose(first.contributions, -second.contributions, rtol=1e-4, atol=1e-6)
    assert own.explained.tolist() == [0, 1] * 4
    assert (own.output > 0).all()
    with pytest.raises(InputError, match=r"no class 'wiht'. Did you mean 'with'"):
        explain(cnn, promoter_samples, {"class_": "wiht"})


def test_references_mean_and_zero(cnn, promoter_samples):
    empty = make_samples(Sequences.from_text(["N" * 55], "dna"))
    zero = explain(cnn, promoter_samples, {"references": "zero"})
    lengths = promoter_samples.payload.lengths
    row = int(np.flatnonzero(lengths == 55)[0]) if 55 in lengths else 0
    if lengths[row] == 55:
        assert zero.reference_output[row] == pytest.approx(log_odds(cnn, empty)[0], abs=1e-4)
    mean = explain(cnn, promoter_samples, {"references": "mean"})
    assert (mean.error < 1e-4).all()
    assert not np.allclose(mean.contributions, zero.contributions)


# ---------------------------------------------------------------- changed sequences


def test_mutagenesis_is_the_naive_loop(cnn, promoter_samples):
    found = explain(cnn, promoter_samples[[1]], {"method": "in_silico_mutagenesis"})
    text, before = promoter_samples.payload.text(1), log_odds(cnn, promoter_samples[[1]])[0]
    effects = np.zeros((len(text), 4))
    for place in range(len(text)):
        for number, letter in enumerate("ACGT"):
            mutant = text[:place] + letter + text[place + 1 :]
            changed = make_samples(Sequences.from_text([mutant], "dna"))
            effects[place, number] = log_odds(cnn, changed)[0] - before
    hypothetical = effects - effects.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.hypothetical, hypothetical, atol=1e-5)
    np.testing.assert_allclose(found.contributions, -effects.mean(axis=1), atol=1e-5)


def test_scans_of_a_protein_with_composition():
    samples = proteins()
    classifier = Classifier("composition", "random_forest").fit(samples)
    text, before = samples.payload.text(0), log_odds(classifier, samples[[0]])[0]
    settings = {"method": "in_silico_mutagenesis"}
    for scan, change in (("alanine", "A"), ("deletion", "")):
        found = explain(classifier, samples[[0]], {**settings, "scan": scan})
        texts = [text[:p] + change + text[p + 1 :] for p in range(len(text))]
        changed = make_samples(Sequences.from_text(texts))
        np.testing.assert_allclose(
            found.contributions, before - log_odds(classifier, changed), atol=1e-6
        )
        assert found.hypothetical is None
    with pytest.raises(InputError, match="neither linear nor made of trees"):
        explain(Classifier("composition", "svm").fit(samples), samples)


def test_occlusion_is_the_naive_loop(cnn, promoter_samples):
    found = explain(cnn, promoter_samples[[1]], {"method": "occlusion", "window": 3})
    text, before = promoter_samples.payload.text(1), log_odds(cnn, promoter_samples[[1]])[0]
    texts = [text[:p] + "NNN" + text[p + 3 :] for p in range(len(text) - 2)]
    lost = before - log_odds(cnn, make_samples(Sequences.from_text(texts, "dna")))
    mean = [lost[max(0, p - 2) : p + 1].mean() / 3 for p in range(len(text))]
    np.testing.assert_allclose(found.contributions, mean, atol=1e-5)
    whole = explain(cnn, promoter_samples[[1]], {"method": "occlusion", "window": 1000})
    assert np.ptp(whole.contributions) < 1e-6


def test_a_position_of_unknown_letters_contributes_nothing(cnn):
    samples = make_samples(Sequences.from_text(["ACGT" * 6 + "N" * 9 + "ACGT" * 6], "dna"))
    for method in METHODS:
        if method in ("occlusion", "saliency"):
            continue  # a gradient is there, and windows reach over their neighbours
        found = explain(cnn, samples, {"method": method})
        assert not found.contributions[24:33].any()


# ---------------------------------------------------------------- references


def test_shuffles_keep_what_they_say_and_depend_on_the_sequence_alone():
    codes = DNA.codes[np.frombuffer(b"ACGGTCANNNACCGTTAGCAT" * 3, dtype=np.uint8)]
    pairs = shuffles(codes, 5, "dinucleotide", 3, DNA)
    assert pairs.shape == (5, len(codes))
    assert np.array_equal(pairs, shuffles(codes, 5, "dinucleotide", 3, DNA))
    assert not np.array_equal(pairs, shuffles(codes, 5, "dinucleotide", 4, DNA))

    def counted(row):
        return np.unique(row[:-1].astype(int) * 20 + row[1:], return_counts=True)

    for row in pairs:
        assert not np.array_equal(row, codes)
        assert all(np.array_equal(a, b) for a, b in zip(counted(row), counted(codes), strict=True))
        assert np.array_equal(row == DNA.unknown, codes == DNA.unknown)
    single = shuffles(codes, 5, "shuffled", 3, DNA)
    assert all(np.array_equal(np.sort(row), np.sort(codes)) for row in single)
    other = DNA.complement[codes][::-1]
    both = [shuffles(c, 5, "dinucleotide", 3, DNA, both_strands=True) for c in (codes, other)]
    assert np.array_equal(DNA.complement[both[1]][:, ::-1], both[0])
    assert len(shuffle_pairs(codes[:4], np.random.default_rng(0))) == 4


# ---------------------------------------------------------------- other encoders


@pytest.mark.parametrize("as_", ["one_hot", "blosum62", "embedding"])
def test_residues(as_):
    samples = proteins()
    encoder = {"kind": "residues", "as": as_, "max_length": 40, "crop": "ends"}
    found = explain(fitted(encoder, {"kind": "bilstm", "hidden": 8}, samples), samples[:5])
    assert (found.error < 1e-4).all()
    assert found.hypothetical.shape == (len(found.codes), 20)
    there = found.hypothetical[np.arange(len(found.codes)), found.codes]
    np.testing.assert_allclose(there, found.contributions, rtol=1e-3, atol=1e-6)
    for row in range(5):
        inside = slice(*found.offsets[row : row + 2])
        whole = samples.payload[row]
        assert np.array_equal(whole[found.positions[inside]], found.codes[inside])
        assert found.positions[inside][-1] == len(whole) - 1
    assert (np.diff(found.offsets) <= 40).all()


def test_profiles():
    rng = np.random.default_rng(0)
    lengths = rng.integers(20, 40, 40)
    payload = Profiles.of(rng.dirichlet(np.ones(20), lengths.sum()).astype(np.float32), lengths)
    samples = make_samples(payload, labels=["a", "b"] * 20)
    classifier = fitted("profile", {"kind": "light_attention", "filters": 8}, samples)
    found = explain(classifier, samples[:4])
    assert (found.error < 1e-4).all()
    inside = slice(*found.offsets[:2])
    expected = (payload.profile[inside] * found.hypothetical[inside]).sum(axis=1)
    np.testing.assert_allclose(expected, found.contributions[inside], rtol=1e-3, atol=1e-6)
    with pytest.raises(InputError, match="letters"):
        explain(classifier, samples[:4], {"method": "occlusion"})


def test_features_of_a_network_have_names():
    samples = proteins()
    found = explain(fitted("composition", {"kind": "mlp", "hidden": 8}, samples), samples[:3])
    assert len(found.features) == np.diff(found.offsets)[0]
    assert (found.error < 1e-4).all()
    assert found.codes is None
    with pytest.raises(InputError, match="cannot be dinucleotide"):
        explain(fitted("composition", "mlp", samples), samples[:3], {"references": "dinucleotide"})


@pytest.mark.parametrize("model", [{"kind": "mlp", "hidden": 8}, "logistic_regression"])
def test_residues_of_a_mean_embedding(tmp_path, model):
    samples = proteins(40)
    encoder = {"kind": "protein_lm", "model": str(make_tiny_esm(tmp_path / "tiny"))}
    classifier = fitted(encoder, model, samples)
    found = explain(classifier, samples[:4])
    assert np.array_equal(found.codes, samples[:4].payload.values)
    sums = np.add.reduceat(found.contributions.astype(float), found.offsets[:-1])
    missed = sums - (found.output - found.reference_output)
    assert (np.abs(missed) < 1e-3 * np.abs(sums).max()).all()
    assert np.ptp(found.of(0)) > 0


def test_a_number_is_explained_in_its_own_unit():
    samples = promoters(40)
    numbers = 100 + 20 * np.arange(40) % 7
    samples = make_samples(samples.payload, numbers=numbers)
    classifier = fitted("one_hot", {"kind": "cnn", "blocks": 1, "filters": 4}, samples)
    found = explain(classifier, samples[:3])
    center = classifier.head.center
    np.testing.assert_allclose(
        found.output + center, classifier.predict_numbers(samples[:3]), rtol=1e-5
    )
    assert found.explained.tolist() == [-1] * 3
    with pytest.raises(InputError, match="predicts a number"):
        explain(classifier, samples[:3], {"class_": "high"})


# ---------------------------------------------------------------- features of linear models


def test_linear_models_are_exact(linear, promoter_samples):
    found = explain(linear, promoter_samples)
    np.testing.assert_allclose(found.output, log_odds(linear, promoter_samples), rtol=1e-4)
    assert (found.error < 1e-5).all()
    table = coefficient_table(linear)
    assert set(table["class"]) == {"with"}
    assert set(table["feature"][:5]) & {MOTIF[i : i + 4] for i in range(5)}
    encoded = linear.encoder_.encode(promoter_samples)
    place = found.features.index(table["feature"][0])
    step = encoded.copy()
    step[:, place] += 1
    from cistron.models.classical.classical import log_probabilities

    rise = np.diff(log_probabilities(linear.model_, step))[:, 0] - found.output
    np.testing.assert_allclose(rise, table["coefficient"][0], rtol=1e-3)


def test_permutation_importance_finds_the_motif(linear):
    samples = promoters(60, seed=3)
    table = permutation_importance(linear, samples, repeats=2, resamples=200)
    assert set(table["feature"][:5]) & {MOTIF[i : i + 4] for i in range(5)}
    assert (table["low"] <= table["importance"]).all()
    assert (table["importance"] <= table["high"]).all()
    assert table["low"][0] > 0
    again = permutation_importance(linear, samples, repeats=2, resamples=200)
    assert again.equals(table)


# ---------------------------------------------------------------- exact or refused


class Rough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.square()

    @staticmethod
    def backward(ctx, gradient):
        return 0.5 * gradient


class RoughLayer(torch.nn.Module):
    def forward(self, x, mask):
        return Rough.apply(x)


def test_what_does_not_add_up_is_refused_and_the_layer_named(cnn, promoter_samples):
    import copy

    broken = copy.deepcopy(cnn)
    convolution = broken.model_.body.blocks[0].convolution

    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.rough = convolution, RoughLayer()

        def forward(self, x, mask):
            return self.rough(self.convolution(x, mask), mask)

    broken.model_.body.blocks[0].convolution = Both()
    with pytest.raises(InputError, match=r"do not add up.*rough \(RoughLayer\).*--fall-back"):
        explain(broken, promoter_samples)
    found = explain(broken, promoter_samples, {"fall_back": True})
    assert (found.method == "integrated_gradients").all()


def test_settings_are_told_in_a_sentence():
    with pytest.raises(InputError, match=r"no 'deeplfit'. Did you mean 'deeplift'"):
        parse_settings(method="deeplfit")
    with pytest.raises(InputError, match="number: "):
        parse_settings(number=0)
    assert parse_settings(class_="x").document()["class"] == "x"
    assert PROTEIN.letters.index("A") == 0
