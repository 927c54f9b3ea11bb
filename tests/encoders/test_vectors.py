from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cistron.base.errors import InputError
from cistron.encoders.composition import CompositionSettings
from cistron.encoders.kmers import KmersSettings
from cistron.encoders.scaled import ScaledFeatures
from cistron.samples.alphabet import DNA
from cistron.samples.samples import Sequences, make_samples


def test_dipeptides_of_a_known_protein():
    settings = KmersSettings(k=2)
    sequences = Sequences.from_text(["AAAR", "ARXA"])
    values, names = settings.features(sequences), settings.feature_names(sequences.alphabet)
    found = [{n: float(v) for n, v in zip(names, row, strict=True) if v} for row in values]
    assert found[0] == {"AA": pytest.approx(2 / 3), "AR": pytest.approx(1 / 3)}
    assert found[1] == {"AR": 1.0}  # words with X are not counted


def test_both_strands_of_dna_are_the_same_vector():
    settings = KmersSettings(k=3, both_strands=True)
    values = settings.features(Sequences.from_text(["AACGTTTG", "CAAACGTT"], "dna"))
    np.testing.assert_allclose(values[0], values[1])
    assert values[0].sum() == pytest.approx(1)


def test_words_are_counted_with_overlaps():
    settings = KmersSettings(k=2)
    values = settings.features(Sequences.from_text(["AAAA"], "dna"))
    assert values[0, 0] == 1.0


def test_words_of_several_lengths_stand_side_by_side():
    sequences = Sequences.from_text(["ACGTNAC", "GGGCC"], "dna")
    settings = KmersSettings(k=(1, 3, 2))
    alone = [KmersSettings(k=k) for k in (1, 3, 2)]
    values = settings.features(sequences)
    np.testing.assert_array_equal(values, np.hstack([one.features(sequences) for one in alone]))
    names = [name for one in alone for name in one.feature_names(sequences.alphabet)]
    assert settings.feature_names(sequences.alphabet) == names
    assert KmersSettings(**settings.document()) == settings
    for wrong in ((), (2, 2), (0,), 8):
        with pytest.raises(ValidationError):
            KmersSettings(k=wrong)


def test_pieces_are_counted_on_their_own():
    texts = ["ACGTACGGGTTA", "ACGTA", "AC", "NNNNNGGG"]
    settings = KmersSettings(k=(1, 2), cuts=(3, 6))
    values = settings.features(Sequences.from_text(texts, "dna"))
    assert values.shape == (4, 3 * 20)
    whole = KmersSettings(k=(1, 2))
    for number, (begin, end) in enumerate([(0, 3), (3, 6), (6, None)]):
        pieces = Sequences.from_text([text[begin:end] for text in texts], "dna")
        np.testing.assert_array_equal(
            values[:, 20 * number : 20 * number + 20], whole.features(pieces)
        )
    names = settings.feature_names(DNA)
    assert (names[0], names[20], names[-1]) == ("A 1-3", "A 4-6", "TT 7-")
    assert len(set(names)) == 60
    for wrong in ((3, 3), (0,), (5, 2)):
        with pytest.raises(ValidationError):
            KmersSettings(cuts=wrong)


def test_composition_and_length():
    settings = CompositionSettings()
    sequences = Sequences.from_text(["AAAR", "B" * 10])
    values, names = settings.features(sequences), settings.feature_names(sequences.alphabet)
    first, second = (dict(zip(names, row, strict=True)) for row in values)
    assert (first["A"], first["R"]) == (0.75, 0.25)
    assert second["N"] == second["D"] == 0.5
    assert first["log10 length"] == pytest.approx(np.log10(4))


def test_scaling_is_that_of_the_training_samples():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ARND"), 50)) for _ in range(40)]
    samples = make_samples(Sequences.from_text(texts))
    train, rest = samples.take(np.arange(30)), samples.take(np.arange(30, 40))
    encoder = KmersSettings(k=1).fit(train)
    encoded = encoder.encode(train)
    np.testing.assert_allclose(encoded.mean(axis=0)[:4], 0, atol=1e-5)
    np.testing.assert_allclose(encoded.std(axis=0)[:4], 1, atol=1e-4)
    assert (encoded[:, 4:] == 0).all()  # letters that never occur stay finite
    raw = encoder.settings.features(rest.payload)
    np.testing.assert_allclose(encoder.encode(rest), (raw - encoder.mean) / encoder.scale)


def test_state_round_trip():
    samples = make_samples(Sequences.from_text(["ARND", "MKVL", "ACDEFGH"]))
    encoder = KmersSettings(k=2).fit(samples)
    restored = encoder.settings.restore(*encoder.state())
    assert isinstance(restored, ScaledFeatures)
    np.testing.assert_array_equal(restored.encode(samples), encoder.encode(samples))
    assert restored.names == encoder.names


def test_too_many_words_is_said():
    samples = make_samples(Sequences.from_text(["ARND"]))
    with pytest.raises(InputError, match=r"encoder\.k: 4 gives 160,000 words"):
        KmersSettings(k=4).fit(samples)


def test_another_alphabet_is_refused():
    encoder = KmersSettings(k=2).fit(make_samples(Sequences.from_text(["ARND"])))
    with pytest.raises(ValueError, match="fitted on protein, given dna"):
        encoder.encode(make_samples(Sequences.from_text(["ACGT"], "dna")))
