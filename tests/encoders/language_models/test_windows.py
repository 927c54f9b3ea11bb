import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.language_models.windows import cut_windows
from cistron.samples.samples import Sequences
from tests.encoders.language_models.plain import residues_of

TEXT = "".join(np.random.default_rng(3).choice(list("ARNDCQEGHILKMFPSTWYV"), size=47))


def test_windows_of_known_proteins():
    cut = cut_windows(np.array([10, 26, 11]), window=10, overlap=4)
    assert cut.rows.tolist() == [0, 1, 1, 1, 1, 2, 2]
    assert cut.starts.tolist() == [0, 0, 6, 12, 16, 0, 1]
    assert cut.ends.tolist() == [10, 10, 16, 22, 26, 10, 11]
    # Residue 8 is one from the end of window 0-10 and two from the start of window 6-16.
    assert cut.kept_from.tolist() == [0, 0, 8, 14, 19, 0, 6]
    assert cut.kept_to.tolist() == [10, 8, 14, 19, 26, 6, 11]


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=8),
    st.integers(1, 40).flatmap(lambda w: st.tuples(st.just(w), st.integers(0, w - 1))),
)
def test_each_residue_is_taken_once_and_from_its_best_window(lengths, sizes):
    window, overlap = sizes
    cut = cut_windows(np.array(lengths), window, overlap)
    assert (cut.lengths <= window).all()
    for row, length in enumerate(lengths):
        mine = np.flatnonzero(cut.rows == row)
        kept = [np.arange(cut.kept_from[i], cut.kept_to[i]) for i in mine]
        assert np.concatenate(kept).tolist() == list(range(length))
        for i, residues in zip(mine, kept, strict=True):
            assert len(residues) > 0
            for residue in residues:
                edges = np.minimum(residue - cut.starts[mine], cut.ends[mine] - 1 - residue)
                # The ends of the protein are edges too: there, the one window is the best.
                own = min(residue - cut.starts[i], cut.ends[i] - 1 - residue)
                at_end = residue < cut.kept_to[mine[0]] or residue >= cut.kept_from[mine[-1]]
                assert own == edges.max() or at_end


def test_overlap_is_less_than_window():
    with pytest.raises(ValueError, match="less than window"):
        cut_windows(np.array([30]), 10, 10)


@pytest.fixture(params=["esm", "t5"])
def folder(request, tiny_esm, tiny_t5):
    return {"esm": tiny_esm, "t5": tiny_t5}[request.param]


def test_windows_are_merged_as_by_hand(folder):
    pieces = [TEXT[0:20], TEXT[12:32], TEXT[24:44], TEXT[27:47]]
    first, second, third, fourth = residues_of(folder, pieces)
    # Borders in the protein: 16, 28, 36 (halfway of the overlaps 12-20, 24-32, 27-44).
    expected = np.concatenate([first[:16], second[4:16], third[4:12], fourth[9:]])
    assert len(expected) == 47
    model = load_language_model(str(folder))
    sequences = Sequences.from_text(["MKV", TEXT, TEXT[:20]])
    options = {"window": 20, "overlap": 8, "max_tokens": 44}
    close = {"rtol": 0, "atol": 1e-5}
    found = model.embed(sequences, "residues", **options)
    np.testing.assert_allclose(found[1], expected, **close)
    np.testing.assert_allclose(found[2], first, **close)
    mean, top = (model.embed(sequences, pooling, **options) for pooling in ("mean", "max"))
    np.testing.assert_allclose(mean[1], expected.mean(axis=0), **close)
    np.testing.assert_allclose(top[1], expected.max(axis=0), **close)


def test_cls_of_windows_counts_by_residues(tiny_esm):
    model = load_language_model(str(tiny_esm))
    pieces = [TEXT[0:20], TEXT[12:32], TEXT[24:44], TEXT[27:47]]
    parts = model.embed(Sequences.from_text(pieces), "cls")
    found = model.embed(Sequences.from_text([TEXT]), "cls", window=20, overlap=8)
    expected = np.average(parts, axis=0, weights=[16, 12, 8, 11])
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-5)
