from __future__ import annotations

import importlib.util
from itertools import pairwise, product
from math import log10, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cistron.base.errors import InputError
from cistron.encoders.proteins.descriptor_sets import SETS
from cistron.encoders.proteins.descriptors import DescriptorsSettings
from cistron.encoders.proteins.residue_scales import (
    CHOU_SCALES,
    CODONS,
    KINDS,
    PROPERTIES,
    RESIDUES,
    Z_SCALES,
    grantham_distances,
)
from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Sequences, make_samples
from tests.places import ROOT

ALL = tuple(SETS)
REGIONS = ("whole", "first20", "first50", "last20", "thirds")
proteins = st.text(alphabet=PROTEIN.letters, min_size=0, max_size=90)


def described(text, *sets, regions=("whole",)):
    """Return the features of one protein by name."""
    chosen = DescriptorsSettings(sets=sets, regions=regions)
    values = chosen.features(Sequences.from_text([text]))
    return dict(zip(chosen.feature_names(PROTEIN), values[0].tolist(), strict=True))


def present(features):
    return {name: pytest.approx(value, abs=1e-6) for name, value in features.items() if value}


# A plain reference, a protein at a time -------------------------------------------------------


def plain(text):
    return ["K" if x == "O" else "C" if x == "U" else x if x in RESIDUES else None for x in text]


def word_shares(letters, shifts, alphabet):
    words = [[letters[i + s] for s in shifts] for i in range(len(letters) - shifts[-1])]
    words = [tuple(word) for word in words if None not in word]
    every = product(alphabet, repeat=len(shifts))
    return [words.count(word) / max(len(words), 1) for word in every]


def class_of(groups, letters):
    return [next((g for g, m in groups.items() if x is not None and x in m), None) for x in letters]


def lagged(letters, value, lags):
    means = []
    for lag in lags:
        pairs = [(a, b) for a, b in zip(letters, letters[lag:], strict=False) if a and b]
        means.append(sum(value(a, b) for a, b in pairs) / max(len(pairs), 1))
    return means


def reference_dde(letters):
    codons = dict(zip(RESIDUES, CODONS, strict=True))
    pairs = sum(a is not None and b is not None for a, b in pairwise(letters))
    found = []
    for (a, b), share in zip(
        product(RESIDUES, repeat=2), word_shares(letters, (0, 1), RESIDUES), strict=True
    ):
        mean = codons[a] / 61 * codons[b] / 61
        found.append((share - mean) / sqrt(mean * (1 - mean) / pairs) if pairs else 0)
    return found


def reference_ctd(letters):
    found = []
    for groups in PROPERTIES.values():
        chain, (a, b, c) = class_of(groups, letters), groups
        found += word_shares(chain, (0,), groups)
        pairs = dict(
            zip(product(groups, repeat=2), word_shares(chain, (0, 1), groups), strict=True)
        )
        found += [pairs[x, y] + pairs[y, x] for x, y in ((a, b), (a, c), (b, c))]
        for group in groups:
            at = [i + 1 for i, x in enumerate(chain) if x == group]
            for quarter in range(5):
                nth = max(int(quarter / 4 * len(at)), 1)
                found.append(at[nth - 1] / len(letters) if at else 0)
    return found


def reference_beside_composition(letters, value, weight):
    values = word_shares(letters, (0,), RESIDUES)
    values += [weight * x for x in lagged(letters, value, range(1, 31))]
    return [x / (sum(values) or 1) for x in values]


def reference_quasi_sequence_order(letters):
    distances = grantham_distances()
    number = RESIDUES.index
    return reference_beside_composition(
        letters, lambda a, b: (distances[number(a), number(b)] / distances.max()) ** 2, 0.1
    )


def reference_pse_aac(letters):
    scales = []
    for values in CHOU_SCALES.T.tolist():
        mean = sum(values) / 20
        spread = sqrt(sum((v - mean) ** 2 for v in values) / 20)
        scales.append({x: (v - mean) / spread for x, v in zip(RESIDUES, values, strict=True)})
    return reference_beside_composition(
        letters, lambda a, b: sum((s[a] - s[b]) ** 2 for s in scales) / 3, 0.05
    )


def reference_covariance(letters):
    z = dict(zip(RESIDUES, Z_SCALES, strict=True))
    known = [z[x] for x in letters if x]
    mean = np.mean(known, axis=0) if known else 0
    return np.concatenate(
        lagged(letters, lambda a, b: np.outer(z[a] - mean, z[b] - mean).ravel(), range(1, 11))
        if len(known) > 1
        else [np.zeros(90)],
        axis=None,
    )


REFERENCES = {
    "composition": lambda x: word_shares(x, (0,), RESIDUES),
    "dipeptide": lambda x: word_shares(x, (0, 1), RESIDUES),
    "cksaap": lambda x: [v for gap in range(3) for v in word_shares(x, (0, gap + 1), RESIDUES)],
    "dde": reference_dde,
    "gtpc": lambda x: word_shares(class_of(KINDS, x), (0, 1, 2), KINDS),
    "ctd": reference_ctd,
    "quasi_sequence_order": reference_quasi_sequence_order,
    "pse_aac": reference_pse_aac,
    "length": lambda x: [log10(max(len(x), 1))],
}
LONG = [
    "".join(np.random.default_rng(seed).choice(list(PROTEIN.letters), size))
    for seed, size in enumerate((300, 47, 31, 30, 5, 2, 1, 0))
] + ["MKVLAAGIVGLLLAQWCDEFGHIKLMNPQRSTVWYSKL"]


@pytest.mark.parametrize("name", REFERENCES)
def test_equals_a_plain_reference(name):
    found = DescriptorsSettings(sets=(name,)).features(Sequences.from_text(LONG))
    expected = [REFERENCES[name](plain(text)) for text in LONG]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_covariance_equals_a_plain_reference():
    texts = [t for t in LONG if len(t) > 30]  # the reference has no rule for a lag without pairs
    found = DescriptorsSettings(sets=("covariance",)).features(Sequences.from_text(texts))
    expected = [reference_covariance(plain(text)) for text in texts]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# Known values ---------------------------------------------------------------------------------


def test_composition_dipeptide_and_spaced_pairs_of_a_tiny_protein():
    assert present(described("AARK", "composition")) == {"A": 0.5, "R": 0.25, "K": 0.25}
    assert present(described("AARK", "dipeptide")) == dict.fromkeys(("AA", "AR", "RK"), 1 / 3)
    spaced = present(described("AARK", "cksaap"))
    assert spaced == {
        **dict.fromkeys(("A-A gap 0", "A-R gap 0", "R-K gap 0"), 1 / 3),
        **dict.fromkeys(("A-R gap 1", "A-K gap 1"), 1 / 2),
        "A-K gap 2": 1.0,
    }


def test_dde_by_hand():
    # M and W have one codon each, L six: MW is expected in 1 of 61² pairs, LL in 36.
    found = described("MWLL", "dde")
    mean = 1 / 61**2
    assert found["MW over expected"] == pytest.approx((1 / 3 - mean) / sqrt(mean * (1 - mean) / 3))
    mean = 36 / 61**2
    assert found["LL over expected"] == pytest.approx((1 / 3 - mean) / sqrt(mean * (1 - mean) / 3))
    assert found["AA over expected"] < 0


def test_dde_of_a_long_random_coding_sequence_is_standard_normal():
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list(RESIDUES), 200_000, p=CODONS / 61))
    values = np.array(list(described(text, "dde").values()))
    assert abs(values.mean()) < 0.1
    assert 0.85 < values.std() < 1.15


def test_grouped_tripeptides_by_hand():
    assert present(described("GFKDS", "gtpc")) == {
        "aliphatic-aromatic-positive": 1 / 3,
        "aromatic-positive-negative": 1 / 3,
        "positive-negative-uncharged": 1 / 3,
    }


def test_ctd_by_hand():
    # Charge of KAADKAAAAK: + 0 0 - + 0 0 0 0 +
    found = described("KAADKAAAAK", "ctd")
    charge = {k.removeprefix("charge, "): v for k, v in found.items() if k.startswith("charge")}
    assert charge == {
        "positive: share": pytest.approx(0.3),
        "neutral: share": pytest.approx(0.6),
        "negative: share": pytest.approx(0.1),
        "positive-neutral: changes": pytest.approx(3 / 9),
        "positive-negative: changes": pytest.approx(1 / 9),
        "neutral-negative: changes": pytest.approx(1 / 9),
        **dict.fromkeys(("positive: first lies at", "positive: 25% lies at"), pytest.approx(0.1)),
        "positive: 50% lies at": pytest.approx(0.1),
        "positive: 75% lies at": pytest.approx(0.5),
        "positive: last lies at": pytest.approx(1.0),
        **dict.fromkeys(("neutral: first lies at", "neutral: 25% lies at"), pytest.approx(0.2)),
        "neutral: 50% lies at": pytest.approx(0.6),
        "neutral: 75% lies at": pytest.approx(0.7),
        "neutral: last lies at": pytest.approx(0.9),
        **{
            f"negative: {q} lies at": pytest.approx(0.4)
            for q in ("first", "25%", "50%", "75%", "last")
        },
    }


def test_chou_descriptors_by_hand():
    # AR: one pair at lag 1. Grantham's A-R is 111.26 of at most 214.36 (C-W).
    tau = 0.1 * (111.2646 / 214.3624) ** 2
    found = present(described("AR", "quasi_sequence_order"))
    assert found == {
        "quasi-sequence-order A": 0.5 / (1 + tau),
        "quasi-sequence-order R": 0.5 / (1 + tau),
        "quasi-sequence-order lag 1": tau / (1 + tau),
    }
    assert present(described("AAA", "pse_aac")) == {"pseudo-composition A": 1.0}


def test_grantham_distances_are_the_published_ones():
    published = {"SR": 110, "LI": 5, "CW": 215, "AR": 112, "DE": 45, "FY": 22, "GW": 184, "KR": 26}
    distances = grantham_distances()
    for (a, b), value in published.items():
        assert distances[RESIDUES.index(a), RESIDUES.index(b)] == pytest.approx(value, abs=1)


def test_covariance_by_hand():
    # A then R: deviations from their mean are -d/2 and +d/2 of z1's 0.24 and 3.52.
    found = described("AR", "covariance")
    assert found["covariance z1-z1 lag 1"] == pytest.approx(-((3.28 / 2) ** 2), rel=1e-5)
    assert found["covariance z1-z2 lag 1"] == pytest.approx(-(3.28 / 2) * (4.82 / 2), rel=1e-5)
    assert found["covariance z1-z1 lag 2"] == 0


def test_length_and_termini_by_hand():
    assert described("A" * 100, "length") == {"log10 length": pytest.approx(2)}
    assert present(described("MGDKFAASKL", "termini")) == dict.fromkeys(
        [
            "residue 2 aliphatic",
            "residue 3 negative",
            "residue 4 positive",
            "residue 5 aromatic",
            "residue -4 A",
            "residue -3 S",
            "residue -2 K",
            "residue -1 L",
            "C-terminal signal: peroxisome (PTS1)",
        ],
        1.0,
    )
    assert present(described("A", "termini")) == {"residue -1 A": 1.0}
    assert described("SKL", "termini")["C-terminal signal: peroxisome (PTS1)"] == 1.0
    signals = {
        text: [name for name, value in described(text, "termini").items() if value][-1]
        for text in ("AAAKDEL", "AAAHDEL", "AAACVLS", "AKDELA")
    }
    assert signals == {
        "AAAKDEL": "C-terminal signal: endoplasmic reticulum (KDEL)",
        "AAAHDEL": "C-terminal signal: endoplasmic reticulum (KDEL)",
        "AAACVLS": "C-terminal signal: prenylation (CaaX)",
        "AKDELA": "residue -1 A",
    }


# Rules ----------------------------------------------------------------------------------------


def test_unknown_residues_are_left_out_and_keep_their_place():
    assert present(described("AXRA", "composition")) == {"A": 2 / 3, "R": 1 / 3}
    assert present(described("AXRA", "dipeptide")) == {"RA": 1.0}
    assert described("AXRA", "cksaap")["A-R gap 1"] == 1.0  # XA is left out of the total
    assert described("AXXX", "length") == {"log10 length": pytest.approx(log10(4))}
    for unknown in "BZJX":
        assert present(described("A" + unknown, "composition")) == {"A": 1.0}


def test_selenocysteine_and_pyrrolysine_count_as_cysteine_and_lysine():
    sequences = Sequences.from_text(["MUUAOKDEUL", "MCCAKKDECL"])
    published = {"dde_senseqnet", "gtpc_senseqnet"}
    sets = tuple(name for name in ALL if name not in published)
    first, second = DescriptorsSettings(sets=sets, regions=REGIONS).features(sequences)
    np.testing.assert_array_equal(first, second)


def test_descriptors_of_senseqnet_by_hand():
    # AAAA holds AA twice as str.count counts; of three pairs 2 - 1 * 1 * 3.
    assert present(described("AAAA", "dde_senseqnet")) == {"AA over expected of residues": -1 / 3}
    # U is no C, and counts in the length: AU has one pair and shares 1/2 and none.
    assert present(described("AU", "dde_senseqnet")) == {"AA over expected of residues": -1 / 4}
    assert not present(described("A", "dde_senseqnet", "gtpc_senseqnet"))
    # C and P are of no kind; GAV, AVS, VSC, SCP, CPX, PXD, XDE, DED: two of eight are of one kind.
    assert present(described("GAVSCPXDED", "gtpc_senseqnet")) == {
        "three aliphatic": 1 / 8,
        "three negative": 1 / 8,
    }


def test_a_region_is_described_as_a_protein_of_its_own():
    text = "MAAAUDEKKKLLLSTNQUUFWY" * 3
    found = described(text, "dde_senseqnet", "gtpc_senseqnet", regions=("last20",))
    alone = described(text[-20:], "dde_senseqnet", "gtpc_senseqnet")
    assert found == {f"last 20: {name}": value for name, value in alone.items()}


def test_regions_are_the_proteins_ends_and_thirds():
    text = "".join(np.random.default_rng(3).choice(list(RESIDUES), 100))
    found = described(text, "dipeptide", "length", regions=REGIONS)
    cuts = {
        "": text,
        "first 20: ": text[:20],
        "first 50: ": text[:50],
        "last 20: ": text[-20:],
        "first third: ": text[:33],
        "middle third: ": text[33:66],
        "last third: ": text[66:],
    }
    assert len(found) == 400 * len(cuts) + 1
    for prefix, cut in cuts.items():
        for pair, share in described(cut, "dipeptide").items():
            assert found[prefix + pair] == share


def test_short_proteins_are_all_there_is_in_a_region():
    found = described("MKV", "composition", regions=("first20", "last20", "thirds"))
    assert found["first 20: K"] == found["last 20: K"] == pytest.approx(1 / 3)
    assert found["first third: M"] == found["middle third: K"] == found["last third: V"] == 1.0


@given(st.lists(proteins, min_size=1, max_size=6))
@settings(deadline=None, max_examples=25)
def test_always_finite_and_named(texts):
    chosen = DescriptorsSettings(sets=ALL, regions=REGIONS)
    values, names = chosen.features(Sequences.from_text(texts)), chosen.feature_names(PROTEIN)
    assert values.dtype == np.float32
    assert values.shape == (len(texts), len(names))
    assert np.isfinite(values).all()
    assert len(set(names)) == len(names)


@given(st.lists(proteins, min_size=2, max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_a_proteins_features_do_not_depend_on_the_others(texts, random):
    chosen = DescriptorsSettings(sets=ALL, regions=("whole", "thirds"))
    values = chosen.features(Sequences.from_text(texts))
    order = list(range(len(texts)))
    random.shuffle(order)
    shuffled = chosen.features(Sequences.from_text([texts[i] for i in order]))
    np.testing.assert_allclose(shuffled, values[order], rtol=1e-5, atol=1e-6)
    alone = [chosen.features(Sequences.from_text([text]))[0] for text in texts]
    np.testing.assert_allclose(alone, values, rtol=1e-5, atol=1e-6)


def test_many_and_long_proteins_are_described_as_alone():
    rng = np.random.default_rng(0)
    sizes = [1, 200_000, *rng.integers(1, 40, 1500), 140_000, 3]  # several blocks of either limit
    texts = ["".join(rng.choice(list("ARNDCXK"), size)) for size in sizes]
    chosen = DescriptorsSettings(sets=("composition", "dipeptide", "ctd", "termini"))
    values = chosen.features(Sequences.from_text(texts))
    for row in (0, 1, 2, 511, 512, 513, 1024, 1501, 1502, 1503):
        alone = chosen.features(Sequences.from_text([texts[row]]))[0]
        np.testing.assert_array_equal(values[row], alone)


def test_state_round_trip():
    samples = make_samples(Sequences.from_text(["ARND", "MKVLSKL", "ACDEFGHIKL"]))
    encoder = DescriptorsSettings(sets=ALL, regions=("whole", "last20")).fit(samples)
    restored = DescriptorsSettings.model_validate(encoder.settings.document()).restore(
        *encoder.state()
    )
    np.testing.assert_array_equal(restored.encode(samples), encoder.encode(samples))
    assert restored.names == encoder.names
    assert restored.shape.width == len(restored.names)


def test_no_proteins_at_all():
    chosen = DescriptorsSettings()
    values = chosen.features(Sequences.from_text([]))
    assert values.shape == (0, len(chosen.feature_names(PROTEIN)))


def test_dna_is_refused():
    samples = make_samples(Sequences.from_text(["ACGT"], "dna"))
    with pytest.raises(InputError, match="describe proteins, and these sequences are DNA"):
        DescriptorsSettings().fit(samples)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"sets": ["ctd", "ctd"]}, "ctd is listed twice"),
        ({"regions": ["whole", "whole"]}, "whole is listed twice"),
        ({"sets": []}, "at least 1 item"),
        ({"sets": ["pssm"]}, "Input should be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        DescriptorsSettings.model_validate(keys)


# The reference library rounds percents to two or three decimals; dde has no percents.
ROUNDED = {"composition": 6e-5, "dipeptide": 6e-5, "cksaap": 6e-5, "pse_aac": 6e-5, "dde": 6e-3}


@pytest.mark.filterwarnings("ignore")  # of the library itself
@pytest.mark.parametrize("name", ROUNDED)
def test_protpy_agrees_to_its_rounding(name):
    path = ROOT / "benchmarks" / "descriptors.py"
    spec = importlib.util.spec_from_file_location("descriptors_benchmark", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    text = "MKWVTFISLLFLFSSAYSRGVFRRDAHKSEVAHRFKDLGEENFKALVLIAFAQYLQQCPFEDHVKLVNEVTEF"
    found = DescriptorsSettings(sets=(name,)).features(Sequences.from_text([text]))[0]
    np.testing.assert_allclose(found, benchmark.peers()[name](text), rtol=0, atol=ROUNDED[name])
