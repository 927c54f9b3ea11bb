"""Profiles from numpy archives and PSI-BLAST's matrices."""

import gzip

import numpy as np
import pandas as pd
import pytest

from cistron import make_samples, read_profiles
from cistron.base.errors import InputError
from cistron.encoders.proteins.profile import ProfileSettings
from cistron.evaluation.baselines import score_baselines
from cistron.samples.filters import select
from cistron.samples.samples import Profiles, Sequences
from cistron.samples.sequences.npz import ROWS
from cistron.samples.sequences.pssm import BACKGROUND, LETTERS, parse_pssm
from cistron.samples.sequences.stream import stream
from cistron.splits.audit.audit import audit
from cistron.splits.homology import homology_split
from tests.places import REAL_DATA
from tests.samples.made import refused

CLASSES = ["in", "out"]
REAL = REAL_DATA / "localization" / "multiloc_profiles_reduced_val.npz"
LOCALIZATIONS = (
    "Nucleus",
    "Cytoplasm",
    "Extracellular",
    "Mitochondrion",
    "Cell membrane",
    "ER",
    "Chloroplast",
    "Golgi",
    "Lysosome/Vacuole",
    "Peroxisome",
)


def made(n=6, longest=30, seed=0, shortest=1):
    """Return x, mask and y of random profiles of different lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, n)
    mask = (np.arange(longest) < lengths[:, None]).astype(np.int8)
    x = rng.dirichlet(np.ones(20), (n, longest)).astype(np.float32) * mask[:, :, None]
    return {"X_set": x, "mask_set": mask, "y_set": np.arange(n) % 2}


def save(folder, name="set.npz", **arrays):
    path = folder / name
    np.savez(path, **arrays)
    return path


def test_an_archive_is_read_as_it_is(tmp_path):
    arrays = made(2 * ROWS + 3, shortest=10)
    samples = read_profiles(save(tmp_path, **arrays), classes=CLASSES)
    assert isinstance(samples.payload, Profiles)
    assert len(samples) == 2 * ROWS + 3
    assert samples.ids[:2].tolist() == ["set:1", "set:2"]
    assert samples.classes == ("in", "out")
    assert samples.targets.tolist() == arrays["y_set"].tolist()
    x, inside = arrays["X_set"], arrays["mask_set"].astype(bool)
    assert samples.payload.lengths.tolist() == inside.sum(1).tolist()
    np.testing.assert_array_equal(samples.payload.profile, x[inside])
    np.testing.assert_array_equal(samples.payload.values, x[inside].argmax(1))
    assert len(samples.dropped) == 0
    assert list(samples.sources) == [str(tmp_path / "set.npz")]


def test_rows_keep_their_profiles():
    x = np.random.default_rng(1).dirichlet(np.ones(20), 30).astype(np.float32)
    whole = Profiles.of(x, np.array([10, 5, 15]))
    for part, rows in [
        (whole.take([2, 0]), [*range(15, 30), *range(10)]),
        (whole.span(1, 3), range(10, 30)),
        (select(whole, np.array([True, False, True])), [*range(10), *range(15, 30)]),
        (whole.slices(np.array([3]), np.array([4])), range(3, 7)),
        (Profiles.stack([whole.span(2, 3), whole.take([0])]), [*range(15, 30), *range(10)]),
    ]:
        assert type(part) is Profiles
        np.testing.assert_array_equal(part.profile, x[list(rows)])
        np.testing.assert_array_equal(part.values, x[list(rows)].argmax(1))
        assert part.offsets[-1] == len(part.values)
    plain = Sequences.stack([whole, Sequences.from_text(["ACD"])])
    assert type(plain) is Sequences
    assert plain.lengths.tolist() == [10, 5, 15, 3]


def test_ids_and_arrays_can_be_named(tmp_path):
    arrays = made(4)
    path = save(
        tmp_path,
        X_train=arrays["X_set"],
        X_val=arrays["X_set"],
        mask=arrays["mask_set"],
        y=arrays["y_set"],
        ids=np.array(["P1", "P2", "P3", "P4"]),
    )
    with refused(path, "several arrays could be 'x'", "X_train, X_val", "samples.x"):
        read_profiles(path)
    with refused(path, "no array 'X_va'", "Did you mean 'X_val'"):
        read_profiles(path, x="X_va")
    samples = read_profiles(path, x="X_val", classes=CLASSES)
    assert samples.ids.tolist() == ["P1", "P2", "P3", "P4"]


def test_padding_is_told_without_a_mask(tmp_path):
    arrays = made(4)
    lengths = read_profiles(save(tmp_path, x=arrays["X_set"])).payload.lengths
    assert lengths.tolist() == arrays["mask_set"].sum(1).tolist()


def test_what_is_wrong_with_a_record_is_listed(tmp_path):
    arrays = made(9)
    x, mask = arrays["X_set"], arrays["mask_set"]
    x[:], mask[:] = 0.05, 1
    mask[1] = 0
    mask[2, 4] = 0
    x[3, 5, 7] = np.nan
    x[4, 6] = 0.08
    x[5, 7, 0], x[5, 7, 1] = -0.2, 0.3
    x[6, 8] = 0
    samples = read_profiles(save(tmp_path, **arrays))
    assert samples.ids.tolist() == ["set:1", "set:8", "set:9"]
    assert samples.dropped["record"].tolist() == [2, 3, 4, 5, 6, 7]
    assert samples.dropped["reason"].tolist() == [
        "no positions",
        "the mask has a gap at position 5",
        "position 6 holds a value that is no probability",
        "position 7 sums to 1.60, not to about 1",
        "position 8 holds a value that is no probability",
        "position 9 sums to 0.00, not to about 1",
    ]


def test_archives_that_are_none_are_refused(tmp_path):
    arrays = made(4)
    x, mask, y = arrays["X_set"], arrays["mask_set"], arrays["y_set"]
    with refused("'X' has the shape (4, 30, 19)", "(proteins, positions, 20)"):
        read_profiles(save(tmp_path, X=x[:, :, :19]))
    with refused("'mask' has the shape (4, 29)", "needs (4, 30)"):
        read_profiles(save(tmp_path, X=x, mask=mask[:, :29]))
    with refused("'y' has the shape (3,)"):
        read_profiles(save(tmp_path, X=x, mask=mask, y=y[:3]), classes=CLASSES)
    with refused("no array could be 'x'", "there are: mask, y"):
        read_profiles(save(tmp_path, mask=mask, y=y))
    with refused("record 1: position 1 sums to", "All records"):
        read_profiles(save(tmp_path, X=10 * x, mask=mask))
    with refused("record 3: y is 2", "names the classes 0 to 1"):
        read_profiles(save(tmp_path, X=x, mask=mask, y=np.array([0, 1, 2, 0])), classes=CLASSES)
    with refused("record 2: y is 0.5"):
        read_profiles(save(tmp_path, X=x, mask=mask, y=np.array([0, 0.5, 1, 1])), classes=CLASSES)
    with refused("y holds <U1"):
        read_profiles(save(tmp_path, X=x, mask=mask, y=np.array(list("abab"))), classes=CLASSES)
    with refused("has no array y", "samples.label"):
        read_profiles(save(tmp_path, X=x, mask=mask), classes=CLASSES)
    with refused("Python objects, which are never loaded"):
        read_profiles(save(tmp_path, X=x, mask=mask, ids=np.array(["a", None, "b", 1], object)))
    with refused("stored column by column"):
        read_profiles(save(tmp_path, X=np.asfortranarray(x), mask=mask))
    whole = save(tmp_path, X=x, mask=mask).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with refused(tmp_path / "cut.npz", "no readable numpy archive"):
        read_profiles(tmp_path / "cut.npz")


def test_keys_that_contradict_each_other_are_refused():
    for keys in [
        {"classes": CLASSES, "label": "(.)"},
        {"only": ["in"]},
        {"groups": {"family": {"column": "family"}}},
        {"alphabet": "dna"},
    ]:
        with pytest.raises(ValueError, match=r"classes|labels|table|protein"):
            read_profiles("x.npz", **keys)


def pssm(length=12, seed=0, order=LETTERS, zero=(), columns=40):
    """Return the text of a matrix and its percentages in the order of LETTERS."""
    rng = np.random.default_rng(seed)
    shares = np.floor(100 * rng.dirichlet(np.ones(20), length)).astype(int)
    scores = rng.integers(-12, 9, (length, 20))
    shares[list(zero)] = 0
    where = [LETTERS.index(letter) for letter in order]
    head = "".join(f"{letter:>3}" for letter in order)
    lines = ["", "Last position-specific scoring matrix computed, weighted observed percentages"]
    lines.append(" " * 10 + head + ("".join(f"{x:>4}" for x in order) if columns == 40 else ""))
    for row in range(length):
        numbers = "".join(f"{s:3d}" for s in scores[row, where])
        if columns == 40:
            numbers += "".join(f"{s:4d}" for s in shares[row, where]) + "  0.65 inf"
        letter = LETTERS[shares[row].argmax()]
        lines.append(f"{row + 1:5d} {letter}   {numbers}")
    lines += ["", "                      K         Lambda", "PSI Ungapped  0.1720  0.3190"]
    return "\n".join(lines) + "\n", shares, scores


@pytest.mark.parametrize("order", [LETTERS, LETTERS[::-1], "ACDEFGHIKLMNPQRSTVWY"])
def test_a_matrix_says_its_percentages_in_any_order_of_letters(order):
    text, shares, scores = pssm(order=order, zero=[3])
    profile = parse_pssm(text)
    expected = shares / 100
    odds = BACKGROUND * np.exp(0.3176 * scores[3])
    expected[3] = odds / odds.sum()
    np.testing.assert_allclose(profile, expected, rtol=1e-6)


def test_scores_alone_become_probabilities():
    text, _, scores = pssm(columns=20)
    odds = BACKGROUND * np.exp(0.3176 * scores)
    np.testing.assert_allclose(parse_pssm(text), odds / odds.sum(axis=1, keepdims=True), rtol=1e-5)
    assert BACKGROUND.sum() == pytest.approx(1, abs=1e-4)


def test_matrices_that_are_broken_say_where():
    lines = pssm()[0].splitlines()
    for text, message in [
        ("", "no line names the 20 residues"),
        ("\n".join(lines[:3]), "no position"),
        ("\n".join(lines[:5] + lines[6:]), "line 6: position 3 is missing"),
        ("\n".join([*lines[:4], lines[4][:40]]), "line 5 has 10 numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            parse_pssm(text)


def test_a_folder_of_matrices_with_a_table_of_labels(tmp_path):
    folder = tmp_path / "pssm"
    folder.mkdir()
    for number in range(4):
        (folder / f"P{number}.1.pssm").write_text(pssm(seed=number)[0])
    (folder / "P4.pssm.gz").write_bytes(gzip.compress(pssm(seed=4)[0].encode()))
    (folder / "notes.txt").write_text("hello\n")
    table = tmp_path / "labels.tsv"
    rows = {
        "id": ["P0.1", "P1.1", "P2.1", "P3.1", "P4"],
        "place": list("abaab"),
        "set": list("xyzxy"),
    }
    pd.DataFrame(rows).to_csv(table, sep="\t", index=False)
    samples = read_profiles(
        folder, label={"table": table, "column": "place"}, groups={"set": {"column": "set"}}
    )
    assert samples.ids.tolist() == ["P0.1", "P1.1", "P2.1", "P3.1", "P4"]
    assert samples.table["label"].tolist() == list("abaab")
    assert samples.table["set"].tolist() == list("xyzxy")
    assert samples.dropped["id"].tolist() == ["notes"]
    assert samples.dropped["reason"].tolist() == [
        "it is no matrix of PSI-BLAST: no line names the 20 residues"
    ]
    expected = pssm(seed=1)[1] / 100
    np.testing.assert_allclose(samples.take([1]).payload.profile, expected, rtol=1e-6)
    with refused("holds no profile", "no matrix of PSI-BLAST"):
        read_profiles(folder / "notes.txt")
    (tmp_path / "empty").mkdir()
    with refused(tmp_path / "empty", "a folder without files"):
        read_profiles(tmp_path / "empty")


@pytest.mark.parametrize("window", [1, 100, ROWS, 1000])
def test_streaming_gives_what_reading_gives(tmp_path, window):
    path = save(tmp_path, **made(ROWS + 40))
    whole = read_profiles(path)
    parts = list(stream(path, window=window))
    assert [len(part) for part in parts[:-1]] == [window] * (len(parts) - 1)
    assert np.concatenate([part.ids for part in parts]).tolist() == whole.ids.tolist()
    joined = Profiles.stack([part.payload for part in parts])
    np.testing.assert_array_equal(joined.profile, whole.payload.profile)
    late = list(stream(path, window=window, skip=1))
    assert len(late) == len(parts) - 1
    assert all((a.ids == b.ids).all() for a, b in zip(late, parts[1:], strict=True))


def test_a_folder_streams(tmp_path):
    for number in range(5):
        (tmp_path / f"P{number}.pssm").write_text(pssm(seed=number)[0])
    (tmp_path / "P2.pssm").write_text("hello")
    parts = list(stream(tmp_path, window=2, skip=1))
    assert [part.ids.tolist() for part in parts] == [["P3"], ["P4"]]
    assert parts[0].dropped["record"].tolist() == [3]


def test_what_reads_sequences_reads_the_consensus(tmp_path):
    arrays = made(60, longest=80)
    arrays["mask_set"][:] = 1
    arrays["X_set"] = np.random.default_rng(2).dirichlet(np.ones(20), (60, 80)).astype("f4")
    arrays["X_set"][1] = arrays["X_set"][3]
    samples = read_profiles(save(tmp_path, **arrays), classes=CLASSES)
    same = make_samples(
        Sequences(samples.payload.values, samples.payload.offsets),
        ids=samples.ids,
        labels=samples.table["label"],
        classes=CLASSES,
    )
    split, other = (homology_split(s, identity=0.3) for s in (samples, same))
    np.testing.assert_array_equal(split.part, other.part)
    assert split.part[1] == split.part[3]
    assert audit(samples, split) == audit(same, other)
    rows = np.arange(60)
    parts = rows, rows[:0], rows
    for name, found in score_baselines(samples, parts, ["length", "composition"]).items():
        expected = score_baselines(same, parts, [name])[name]
        np.testing.assert_allclose(found, expected)


def test_the_encoder_crops_and_refuses_sequences(tmp_path):
    samples = read_profiles(save(tmp_path, **made(8)))
    encoder = ProfileSettings(max_length=10).fit(samples)
    encoded = encoder.encode(samples)
    assert encoder.shape.width == 20
    for row in range(len(samples)):
        start, end = samples.payload.offsets[row : row + 2]
        profile = samples.payload.profile[start:end]
        kept = np.vstack([profile[:5], profile[-5:]]) if len(profile) > 10 else profile
        np.testing.assert_array_equal(encoded[row], kept)
    lost = encoder.warnings(samples)
    assert [bool(text) for text in lost] == (samples.payload.lengths > 10).tolist()
    with pytest.raises(InputError, match="these samples are sequences"):
        encoder.encode(make_samples(Sequences.from_text(["ACD"])))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the MultiLoc profiles are not here")
def test_the_multiloc_profiles():
    samples = read_profiles(REAL, classes=LOCALIZATIONS)
    counts = samples.table["label"].value_counts()
    expected = [95, 151, 131, 64, 69, 13, 60, 18, 19, 15]
    assert [counts[name] for name in LOCALIZATIONS] == expected
    assert len(samples.dropped) == 0
    ends = [samples.payload.text(row)[-3:] for row in np.flatnonzero(samples.targets == 9)]
    pts1 = [e[0] in "SAC" and e[1] in "KRH" and e[2] in "LM" for e in ends]
    assert np.mean(pts1) > 0.4
