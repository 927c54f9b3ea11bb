"""Explanations on disk, their checks, and the command line."""

import json
import sys
from dataclasses import fields, replace

import h5py
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.cli import app
from cistron.explain.checks import SHARES, faithfulness, randomised_weights, stability
from cistron.explain.explanation import explain
from cistron.explain.export import require_track, write_bedgraph, write_bigwig, write_modisco
from cistron.explain.files import Choices, explain_file
from cistron.explain.settings import ExplainSettings
from cistron.explain.store import Writer, read, read_checks, write
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.fasta import write_fasta
from tests.explain.conftest import MOTIF, PLACE, promoters


@pytest.fixture(scope="module")
def explanation(cnn, promoter_samples):
    return explain(cnn, promoter_samples)


def assert_same(one, other):
    for name in (field.name for field in fields(one)):
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype, name
        elif isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b, check_column_type=False, check_index_type=False)
        else:
            assert a == b, name


def test_what_is_written_is_read(explanation, tmp_path):
    path = tmp_path / "attributions.h5"
    write(explanation, path, {"faithfulness": {"area": 1.5}})
    assert_same(read(path), explanation)
    assert_same(read(path, slice(2, 5)), explanation.span(2, 5))
    assert read_checks(path) == {"faithfulness": {"area": 1.5}}
    places = pd.DataFrame({"chromosome": [f"chr{n}" for n in range(8)], "start": range(8)})
    placed = replace(explanation, coordinates=places)
    write(placed, path)
    assert_same(read(path), placed)


def test_windows_are_joined(explanation, tmp_path):
    path = tmp_path / "attributions.h5"
    with Writer(path) as writer:
        writer.append(explanation.span(0, 3))
        writer.append(explanation.span(3, 8))
        assert not path.exists()
    assert_same(read(path), explanation)
    with h5py.File(path) as file:
        assert file["contributions"].compression == "gzip"
        assert file["contributions"].chunks


def test_it_is_read_in_three_lines(explanation, tmp_path):
    write(explanation, tmp_path / "a.h5")
    i = 3
    file = h5py.File(tmp_path / "a.h5")
    start, end = file["offsets"][i : i + 2]
    contributions = file["contributions"][start:end]
    np.testing.assert_array_equal(contributions, explanation.of(3))
    file.close()


def test_a_failed_explanation_leaves_no_file(explanation, tmp_path):
    def fail():
        with Writer(tmp_path / "a.h5") as writer:
            writer.append(explanation)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_text("text")
    with pytest.raises(InputError, match="no HDF5 file"):
        read(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w"):
        pass
    with pytest.raises(InputError, match="no explanation"):
        read(tmp_path / "b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.attrs["format"], file.attrs["version"] = "cistron explanation", 99
    with pytest.raises(InputError, match="newer version"):
        read(tmp_path / "c.h5")


def test_bedgraph_averages_overlaps_and_turns_the_minus_strand(explanation, tmp_path):
    one, other = explanation.span(0, 1), explanation.span(0, 2)
    n, m = (len(explanation.of(row)) for row in (0, 1))
    named = replace(one, ids=np.array([f"chr2:100-{100 + n}(-)"], dtype=object))
    assert write_bedgraph(named, tmp_path / "a.bedGraph") == 1
    lines = (tmp_path / "a.bedGraph").read_text().splitlines()[1:]
    values = [float(line.split("\t")[3]) for line in lines]
    np.testing.assert_allclose(values, one.of(0)[::-1], rtol=1e-5)
    assert lines[0].startswith("chr2\t100\t101\t")

    places = {"chromosome": ["1", "1"], "start": [10, 10], "end": [10 + n, 10 + m]}
    both = replace(other, coordinates=pd.DataFrame({**places, "strand": ["+", "+"]}))
    assert write_bedgraph(both, tmp_path / "b.bedGraph") == 2
    first = float((tmp_path / "b.bedGraph").read_text().splitlines()[1].split("\t")[3])
    assert first == pytest.approx((other.of(0)[0] + other.of(1)[0]) / 2, rel=1e-4, abs=1e-9)

    # A gene's own place is not that of a window of another length.
    places["end"][0] += 5
    elsewhere = replace(other, coordinates=pd.DataFrame(places))
    assert write_bedgraph(elsewhere, tmp_path / "c.bedGraph") == 1
    with pytest.raises(InputError, match="no sample has coordinates"):
        write_bedgraph(one, tmp_path / "d.bedGraph")


def test_bigwig_holds_the_mean_of_what_overlaps(explanation, tmp_path):
    bigwig = pytest.importorskip("pyBigWig")
    lengths = [len(explanation.of(row)) for row in range(8)]
    start = [100, 130, 5000, 0, 40, 7, 90, 20]
    chromosome = ["chr2", "chr2", "chr2", "chr10", "chr10", "chr1", None, "chr1"]
    strand = ["+", "-", "+", "-", "+", "-", "+", "+"]
    end = np.add(start, lengths)
    end[7] += 1  # of another length than the window: it has no place
    table = {"chromosome": chromosome, "start": start, "end": end, "strand": strand}
    placed = replace(explanation, coordinates=pd.DataFrame(table))
    sizes = {"chr10": int(end[[3, 4]].max()), "unused": 5, "chr2": 10_000, "chr1": 900}
    assert write_bigwig(placed, tmp_path / "a.bw", sizes) == 6

    sums, counts = ({name: np.zeros(n) for name, n in sizes.items()} for _ in range(2))
    for row in range(6):
        inside = slice(start[row], end[row])
        turned = explanation.of(row)[::-1] if strand[row] == "-" else explanation.of(row)
        sums[chromosome[row]][inside] += turned
        counts[chromosome[row]][inside] += 1
    assert counts["chr2"].max() == 2
    with bigwig.open(str(tmp_path / "a.bw")) as file:
        assert file.chroms() == sizes
        for name in ("chr10", "chr2", "chr1"):
            found = file.values(name, 0, sizes[name], numpy=True)
            covered = counts[name] > 0
            np.testing.assert_array_equal(np.isnan(found), ~covered)
            expected = sums[name][covered] / counts[name][covered]
            np.testing.assert_allclose(found[covered], expected, rtol=1e-6, atol=1e-9)
        assert file.intervals("unused") is None

    with pytest.raises(InputError, match="no chromosome of that name"):
        write_bigwig(placed, tmp_path / "b.bw", {"chr10": 9000, "chr2": 9000, "Chr1": 9000})
    with pytest.raises(InputError, match=r"chr10, which is 30 bases long. Is it this genome"):
        write_bigwig(placed, tmp_path / "b.bw", sizes | {"chr10": 30})
    assert not (tmp_path / "b.bw").exists()


def test_a_track_is_refused_before_anything_is_explained(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"end the name in .bw"):
        require_track(tmp_path / "a.wig", None)
    assert require_track(tmp_path / "a.BedGraph", None) == "bedgraph"
    pytest.importorskip("pyBigWig")
    with pytest.raises(InputError, match="--genome FASTA"):
        require_track(tmp_path / "a.bw", None)
    monkeypatch.setitem(sys.modules, "pyBigWig", None)
    with pytest.raises(InputError, match=r"pip install 'cistron\[bigwig\]'"):
        require_track(tmp_path / "a.bw", tmp_path / "genome.fa")


def test_modisco_reads_one_hot_and_hypothetical(explanation, tmp_path):
    paths = write_modisco(explanation, tmp_path)
    one_hot, hypothetical = (np.load(path)["arr_0"] for path in paths)
    longest = int(np.diff(explanation.offsets).max())
    assert one_hot.shape == hypothetical.shape == (8, 4, longest)
    inside = np.arange(longest) < np.diff(explanation.offsets)[:, None]
    np.testing.assert_array_equal(one_hot.sum(axis=1), inside)
    projected = (one_hot * hypothetical).sum(axis=1)
    np.testing.assert_allclose(projected[inside], explanation.contributions, atol=1e-6)
    bare = replace(explanation, hypothetical=None)
    with pytest.raises(InputError, match="hypothetical contributions"):
        write_modisco(bare, tmp_path)


# ---------------------------------------------------------------- checks


def test_deleting_what_contributes_lowers_the_output(cnn, promoter_samples, explanation):
    rows = np.arange(1, 8, 2)
    found = faithfulness(cnn, promoter_samples[rows], explain(cnn, promoter_samples[rows]))
    assert found["better"] == 1
    assert found["area"] > 1
    assert len(found["top"]) == len(found["random"]) == len(SHARES)
    assert found["top"][2] < found["random"][2] < found["output"]
    assert found["top"][-1] == pytest.approx(found["random"][-1], abs=1e-4)
    # Contributions of nothing in particular do not pass.
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(explanation.contributions)).astype(np.float32)
    noisy = replace(explanation, contributions=noise)
    assert abs(faithfulness(cnn, promoter_samples, noisy)["area"]) < found["area"] / 3
    again = faithfulness(cnn, promoter_samples[rows], explain(cnn, promoter_samples[rows]))
    assert again == found


def test_faithfulness_of_letters_in_front_of_features(linear, promoter_samples):
    few = promoter_samples[:4]
    found = explain(linear, few, {"method": "in_silico_mutagenesis"})
    assert faithfulness(linear, few, found)["better"] >= 0.75
    of_features = faithfulness(linear, few, explain(linear, few))
    assert of_features["better"] == 1
    with pytest.raises(InputError, match="weights of a network"):
        randomised_weights(linear, few, found)


def test_random_weights_explain_otherwise(cnn, promoter_samples, explanation):
    before = {k: v.clone() for k, v in cnn.model_.state_dict().items()}
    found = randomised_weights(cnn, promoter_samples, explanation)
    assert abs(found["correlation"]) < 0.4
    assert all(bool((before[k] == v).all()) for k, v in cnn.model_.state_dict().items())


def test_stability_is_the_mean_rank_correlation(explanation):
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(explanation.contributions)).astype(np.float32)
    size = explanation.contributions.std()
    others = [
        replace(explanation, contributions=explanation.contributions + scale * size * noise)
        for scale in (0.1, 1.0)
    ]
    three = [explanation, *others]
    found = stability(three)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([spearmanr(three[a].of(4), three[b].of(4))[0] for a, b in pairs])
    assert found[4] == pytest.approx(expected)
    assert stability([explanation, explanation]) == pytest.approx(np.ones(8))
    flat = replace(explanation, contributions=np.zeros_like(noise))
    assert np.isnan(stability([explanation, flat])).all()
    with pytest.raises(InputError, match="different samples"):
        stability([explanation, explanation.span(0, 4)])
    with pytest.raises(InputError, match="at least two"):
        stability([explanation])


# ---------------------------------------------------------------- files


def test_a_file_is_explained_in_windows(cnn, tmp_path, monkeypatch):
    samples = promoters(10, seed=5)
    write_fasta(samples, tmp_path / "x.fasta")
    with (tmp_path / "x.fasta").open("a") as file:
        file.write(">bad\n!!\n")
    whole = explain(cnn, samples)
    monkeypatch.setattr("cistron.explain.files.WINDOW", 4)
    summary = explain_file(
        cnn, tmp_path / "x.fasta", tmp_path / "out", choices=Choices(randomise=True)
    )
    stored = read(tmp_path / "out" / "attributions.h5")
    assert stored.ids.tolist() == samples.ids.tolist()
    np.testing.assert_allclose(stored.contributions, whole.contributions, rtol=1e-3, atol=1e-5)
    assert summary["samples"] == 10
    assert summary["not_used"]["records"] == 1
    assert summary["not_used"]["first"][0]["id"] == "bad"
    assert summary["explained"] == {"with": 10}
    assert summary["methods"] == {"deeplift": 10}
    assert 0 < summary["completeness_error"]["largest"] < 1e-4
    assert set(summary["checks"]) == {"faithfulness", "randomised_weights"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    assert read_checks(tmp_path / "out" / "attributions.h5") == summary["checks"]
    with pytest.raises(InputError, match="never overwritten"):
        explain_file(cnn, tmp_path / "x.fasta", tmp_path / "out")
    fewer = explain_file(
        cnn, tmp_path / "x.fasta", tmp_path / "out", choices=Choices(limit=5), force=True
    )
    assert fewer["samples"] == len(read(tmp_path / "out" / "attributions.h5")) == 5


def test_features_are_ranked(linear, tmp_path):
    write_fasta(promoters(6, seed=5), tmp_path / "x.fasta")
    summary = explain_file(linear, tmp_path / "x.fasta", tmp_path / "out")
    assert summary["methods"] == {"coefficients": 6}
    sizes = [feature["mean_size"] for feature in summary["features"]]
    assert sizes == sorted(sizes, reverse=True)
    assert list(read(tmp_path / "out" / "attributions.h5").features) == linear.encoder_.names


def test_nothing_to_explain(cnn, tmp_path):
    (tmp_path / "x.fasta").write_text(">a\n!!\n")
    with pytest.raises(InputError, match="no record that can be explained"):
        explain_file(cnn, tmp_path / "x.fasta", tmp_path / "out")


def test_command_line(cnn, tmp_path):
    cnn.save(tmp_path / "run")
    write_fasta(promoters(6, seed=5), tmp_path / "x.fasta")
    runner = CliRunner()
    start = ["explain", str(tmp_path / "run"), str(tmp_path / "x.fasta"), "--device", "cpu"]
    said = runner.invoke(app, [*start, "--out", str(tmp_path / "a"), "--quiet"])
    assert said.exit_code == 0, said.output
    assert "6 samples explained" in said.stdout
    assert "add up" in said.stdout
    options = ["--method", "in_silico_mutagenesis", "--class", "without", "--limit", "2", "--json"]
    said = runner.invoke(app, [*start, "--out", str(tmp_path / "b"), *options, "--quiet"])
    document = json.loads(said.stdout)
    assert document["samples"] == 2
    assert document["settings"]["class"] == "without"
    assert document["completeness_error"] is None
    found = read(tmp_path / "b" / "attributions.h5")
    assert found.of(1)[PLACE : PLACE + len(MOTIF)].sum() < 0
    again = runner.invoke(app, [*start, "--out", str(tmp_path / "b")])
    assert isinstance(again.exception, InputError)


def test_tracks_by_the_command_line(cnn, tmp_path):
    bigwig = pytest.importorskip("pyBigWig")
    cnn.save(tmp_path / "run")
    samples = promoters(3, seed=5)
    at = zip((50, 20, 2000), samples.payload.lengths, "+-+", strict=True)
    names = np.array([f"gene::c{s}:{s}-{s + n}({d})" for s, n, d in at], dtype=object)
    write_fasta(replace(samples, table=samples.table.assign(id=names)), tmp_path / "x.fasta")
    (tmp_path / "genome.fa.fai").write_text(
        "c50\t900\t4\t60\t61\nc20\t900\t0\t60\t61\nc2000\t9000\n"
    )
    out, track = tmp_path / "out", tmp_path / "a.bw"
    start = ["explain", str(tmp_path / "run"), str(tmp_path / "x.fasta"), "--device", "cpu"]
    more = ["--out", str(out), "--figures", "0", "--quiet", "--genome-track", str(track)]
    more += [
        "--genome",
        str(tmp_path / "genome.fa.fai"),
        "--genome-track",
        str(tmp_path / "a.bedGraph"),
    ]
    said = CliRunner().invoke(app, [*start, *more])
    assert said.exit_code == 0, said.output
    found = read(out / "attributions.h5")
    with bigwig.open(str(track)) as file:
        values = file.values("c20", 20, 20 + len(found.of(1)), numpy=True)
    np.testing.assert_allclose(values, found.of(1)[::-1], rtol=1e-6)
    assert (tmp_path / "a.bedGraph").read_text().count("\n") == 1 + len(found.contributions)


def test_python_in_one_line(cnn, promoter_samples):
    found = cnn.explain(promoter_samples, method="gradient_times_input")
    assert found.settings == ExplainSettings(method="gradient_times_input")


def test_an_own_background_stands_for_the_shuffled_references(cnn, promoter_samples, tmp_path):
    path = tmp_path / "background.fasta"
    background = promoters(5, seed=77, motif="A" * len(MOTIF))
    long = Sequences.from_text([2 * text_of(background, row) for row in range(5)], "dna")
    write_fasta(make_samples(long), path)
    expected = np.zeros(len(promoter_samples))
    texts = [2 * text_of(background, row) for row in range(5)]
    for row, length in enumerate(promoter_samples.sequences.lengths):
        cut = make_samples(Sequences.from_text([text[:length] for text in texts], "dna"))
        expected[row] = np.diff(cnn.logits(cut), axis=1).mean()
    for method in ("deeplift", "integrated_gradients"):
        found = cnn.explain(promoter_samples, method=method, background=str(path), steps=200)
        np.testing.assert_allclose(found.reference_output, expected, atol=1e-4)
        totals = [found.of(row).sum() for row in range(len(found))]
        tolerance = 1e-3 if method == "deeplift" else 0.05
        np.testing.assert_allclose(totals, found.output - expected, rtol=tolerance, atol=tolerance)
    write_fasta(promoter_samples, tmp_path / "samples.fasta")
    cnn.save(tmp_path / "model")
    command = ["explain", str(tmp_path / "model"), str(tmp_path / "samples.fasta"), "--out"]
    own = ["--background", str(path), "--quiet"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "why"), *own])
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "why" / "summary.json").read_text())
    assert summary["background"]["sequences"] == 5
    assert summary["settings"]["background"] == str(path)
    assert "compared with 5 sequences of" in (tmp_path / "why" / "explanation.html").read_text()


def text_of(samples, row: int) -> str:
    letters = np.array(list(samples.sequences.alphabet.letters))
    return "".join(letters[samples.sequences[row]])


def test_a_background_that_cannot_be_compared_with_is_refused(cnn, linear, tmp_path):
    path = tmp_path / "short.fasta"
    write_fasta(make_samples(Sequences.from_text(["ACGT" * 5], "dna")), path)
    samples = promoters(4)
    with pytest.raises(InputError, match="longest sequence has 20 letters, and a sample has 5"):
        cnn.explain(samples, background=str(path))
    with pytest.raises(InputError, match="has no references"):
        cnn.explain(samples, background=str(path), method="occlusion")
    with pytest.raises(InputError, match="has no references"):
        linear.explain(samples, background=str(path))
    with pytest.raises(InputError, match="exclude each other"):
        cnn.explain(samples, background=str(path), references="zero")


def test_the_summary_divides_the_output_into_composition_and_position(cnn, tmp_path):
    write_fasta(promoters(40, seed=9), tmp_path / "x.fasta")
    summary = explain_file(cnn, tmp_path / "x.fasta", tmp_path / "why")
    with h5py.File(tmp_path / "why" / "attributions.h5") as file:
        output, reference = file["output"][:], file["reference_output"][:]
    expected = np.cov(reference, output)[0, 1] / output.var(ddof=1)
    assert summary["composition"]["samples"] == 40
    assert summary["composition"]["composition"] == pytest.approx(np.clip(expected, 0, 1), abs=1e-6)
    # The planted motif decides, and shuffled copies have none.
    assert summary["composition"]["position"] > 0.5
    settings = ExplainSettings(references="zero")
    assert "composition" not in explain_file(cnn, tmp_path / "x.fasta", tmp_path / "z", settings)
