import json

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from cistron.evaluation.novelty import Novelty, fit_novelty
from cistron.samples.alphabet import DNA, PROTEIN
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.composition import composition


def proteins(n, seed, shortest=50):
    """Return proteins whose composition varies as in families, and whose lengths are skewed."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.lognormal(5, 0.5, n), shortest, 1500).astype(int)
    shares = rng.dirichlet(np.linspace(1, 8, 20), n)
    codes = np.concatenate(
        [rng.choice(20, size=m, p=p) for m, p in zip(lengths, shares, strict=True)]
    )
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return make_samples(Sequences(codes.astype(np.uint8), offsets, PROTEIN))


def texts(*strings, alphabet="protein"):
    return make_samples(Sequences.from_text(strings, alphabet))


@pytest.fixture(scope="module")
def training():
    return proteins(6000, seed=1)


@pytest.fixture(scope="module")
def fitted(training):
    return fit_novelty(training)


def test_one_in_a_thousand_of_training_and_of_its_like_is_flagged(training, fitted):
    seen = np.mean([bool(w) for w in fitted.warnings(training)])
    assert seen == pytest.approx(0.001, abs=2e-4)
    unseen = np.mean([bool(w) for w in fitted.warnings(proteins(6000, seed=2))])
    assert unseen < 0.004


def test_dna_like_proteins_are_flagged(fitted):
    rng = np.random.default_rng(3)
    odd = texts(*("".join(rng.choice(list("ACGT"), size=200)) for _ in range(50)))
    assert fitted.warnings(odd) == ["unlike the training data (composition)"] * 50


def test_lengths_outside_training_are_named(training, fitted):
    shortest, longest = training.payload.lengths.min(), training.payload.lengths.max()
    warning = fitted.warnings(texts("MKV"))[0]
    assert warning.startswith(f"shorter than any training sequence (3 < {shortest})")
    usual = training.payload.text(0)
    long = (usual * 50)[: longest + 1]
    found = fitted.warnings(texts(long, usual))
    assert found[0].startswith(f"longer than any training sequence ({longest + 1:,} > {longest:,})")
    assert found[1] == ""


def test_length_within_range_but_far_from_the_rest_is_named():
    rng = np.random.default_rng(4)
    lengths = np.append(rng.integers(90, 110, 5000), 2000)
    codes = rng.integers(0, 20, lengths.sum()).astype(np.uint8)
    train = make_samples(Sequences(codes, np.concatenate([[0], np.cumsum(lengths)]), PROTEIN))
    fitted = fit_novelty(train)
    odd = make_samples(
        Sequences(rng.integers(0, 20, 1500).astype(np.uint8), np.array([0, 1500]), PROTEIN)
    )
    assert fitted.warnings(odd) == ["unlike the training data (length)"]


def test_unknown_letters_are_counted(training, fitted):
    usual = training.payload.text(0)[:100]
    found = fitted.warnings(texts("X" * 100, "X" * 60 + usual[:40], usual[:91] + "X" * 9))
    assert found[0] == "letters unknown: 100 %"
    assert "letters unknown: 60 %" in found[1]
    assert "unknown" not in found[2]


def test_distance_is_mahalanobis_with_shrunk_covariance(training, fitted):
    lengths = np.log(training.payload.lengths)
    features = np.column_stack([composition(training.payload), lengths])
    scaled = (features - features.mean(0)) / features.std(0)
    precision = np.linalg.inv(LedoitWolf(assume_centered=True).fit(scaled).covariance_)
    expected = [mahalanobis(row, np.zeros(21), precision) for row in scaled[:20]]
    np.testing.assert_allclose(fitted.distances(training.take(range(20))), expected, rtol=1e-3)
    # The last whitened feature is the length alone.
    assert (fitted.whitening[:-1, -1] == 0).all()


def test_state_survives_json(training, fitted):
    document, arrays = fitted.state()
    back = Novelty.restore(json.loads(json.dumps(document)), arrays)
    other = proteins(300, seed=5, shortest=3)
    assert back.warnings(other) == fitted.warnings(other)
    np.testing.assert_array_equal(back.distances(other), fitted.distances(other))


def test_each_sample_is_judged_alone(fitted):
    samples = proteins(40, seed=6, shortest=2)
    together = fitted.warnings(samples)
    assert together == [fitted.warnings(samples.take([row]))[0] for row in range(40)]


def test_few_or_identical_training_samples():
    for strings in (["MKVLA"], ["MKVLA"] * 4, ["XXXXX"] * 3):
        fitted = fit_novelty(texts(*strings))
        assert fitted.warnings(texts(*strings))[0] in ("", "letters unknown: 100 %")
        assert fitted.warnings(texts("WWWWW"))[0] == "unlike the training data (composition)"


def test_dna_has_four_letters():
    rng = np.random.default_rng(7)
    codes = rng.integers(0, 4, 200 * 100).astype(np.uint8)
    fitted = fit_novelty(make_samples(Sequences(codes, np.arange(0, 20_001, 100), DNA)))
    assert fitted.mean.shape == (5,)
    assert "composition" in fitted.warnings(texts("AT" * 50, alphabet="dna"))[0]
    with pytest.raises(ValueError, match="fitted on dna"):
        fitted.warnings(texts("MKV"))


def test_no_training_samples_are_refused(training):
    with pytest.raises(ValueError, match="no training samples"):
        fit_novelty(training.take([]))
