"""Variants in planted motifs, from files to a table."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.cli import app
from cistron.explain.variants.effects import CHECKED
from cistron.explain.variants.files import predict_variants
from cistron.explain.variants.genome import open_genome
from cistron.explain.variants.sources import Where, find_windows, read_bed
from cistron.samples.genome.genome import read_genome
from cistron.samples.samples import Sequences, make_samples
from tests.explain.conftest import MOTIF, PLACE
from tests.explain.test_peers import LogOdds, one_hot
from tests.explain.variants.test_vcf import write
from tests.samples.genome.genes_made import Gene, dna, genome, gtf, reverse_complement

LENGTH = 56
FORWARD, BACKWARD = 1000, 2000  # first base of a window on each strand


@pytest.fixture(scope="module")
def chromosome() -> str:
    text = dna(3000, seed=11)
    inside = text[FORWARD : FORWARD + LENGTH]
    inside = inside[:PLACE] + MOTIF + inside[PLACE + len(MOTIF) :]
    text = text[:FORWARD] + inside + text[FORWARD + LENGTH :]
    other = reverse_complement(inside)
    return text[:BACKWARD] + other + text[BACKWARD + LENGTH :]


@pytest.fixture(scope="module")
def folder(cnn, chromosome, tmp_path_factory):
    path = tmp_path_factory.mktemp("variants")
    genome(path / "genome.fa", {"Chr1": chromosome, "Chr2": dna(500, seed=2)})
    (path / "windows.bed").write_text(
        f"chr1\t{FORWARD}\t{FORWARD + LENGTH}\tforward\t0\t+\n"
        f"chr1\t{BACKWARD}\t{BACKWARD + LENGTH}\tbackward\t0\t-\n"
    )
    cnn.save(path / "run")
    return path


def other(letter: str) -> str:
    return "ACGT"[("ACGT".index(letter) + 1) % 4]


def lines_of(chromosome, *places):
    return [f"1\t{p + 1}\tv{p}\t{chromosome[p]}\t{other(chromosome[p])}" for p in places]


def effects(cnn, folder, *lines, **options):
    write(folder / "some.vcf", *lines)
    where = Where(folder / "genome.fa", windows=folder / "windows.bed")
    out = folder / "out.parquet"
    found = predict_variants(
        cnn, folder / "some.vcf", out, find_windows(folder / "run", where), force=True, **options
    )
    return pd.read_parquet(out), found


def test_a_variant_in_the_motif_lowers_the_logit(cnn, folder, chromosome):
    inside = [FORWARD + PLACE + i for i in range(len(MOTIF))]
    outside = [FORWARD + 2, FORWARD + LENGTH - 3]
    table, found = effects(cnn, folder, *lines_of(chromosome, *inside, *outside))
    assert found["rows"] == found["alleles"] == len(inside) + 2
    assert (table["window"] == "forward").all()
    assert (table["class"] == "with").all()
    hit, miss = table["difference"][: len(inside)], table["difference"][len(inside) :]
    assert (hit < 0).all()
    assert hit.max() < -1
    assert miss.abs().max() < 0.2 * hit.abs().max()
    assert (table["p_alternative_with"][: len(inside)] < table["p_reference_with"][0]).all()
    np.testing.assert_allclose(table["p_reference_with"] + table["p_reference_without"], 1)
    assert table["distance"].tolist()[:2] == [PLACE, PLACE + 1]


def test_numbers_are_those_of_the_changed_sequence(cnn, folder, chromosome):
    place = FORWARD + PLACE + 3
    alternatives = [c for c in "ACGT" if c != chromosome[place]]
    line = f"Chr1\t{place + 1}\t.\t{chromosome[place]}\t{','.join(alternatives)}"
    table, found = effects(cnn, folder, line)
    assert found["alleles"] == 3
    assert table["alternative"].tolist() == alternatives
    windows = [chromosome[:place] + new + chromosome[place + 1 :] for new in alternatives]
    texts = [text[FORWARD : FORWARD + LENGTH] for text in [chromosome, *windows]]
    samples = make_samples(Sequences.from_text(texts, "dna"))
    logits = cnn.logits(samples)
    odds = logits[:, 1] - logits[:, 0]
    np.testing.assert_allclose(table["difference"], odds[1:] - odds[0], atol=1e-4)
    shares = cnn.predict_proba(samples)
    np.testing.assert_allclose(table["p_alternative_with"], shares[1:, 1], atol=1e-5)
    np.testing.assert_allclose(table["p_reference_with"], shares[0, 1], atol=1e-5)


def test_a_window_on_the_minus_strand_is_the_mirror(cnn, folder, chromosome):
    forward = FORWARD + PLACE + 2
    backward = BACKWARD + LENGTH - 1 - (PLACE + 2)
    one = f"1\t{forward + 1}\t.\t{chromosome[forward]}\t{other(chromosome[forward])}"
    mirrored = other(chromosome[forward]).translate(str.maketrans("ACGT", "TGCA"))
    two = f"1\t{backward + 1}\t.\t{chromosome[backward]}\t{mirrored}"
    table, _ = effects(cnn, folder, one, two)
    assert table["strand"].tolist() == ["+", "-"]
    assert table["distance"].tolist() == [PLACE + 2, PLACE + 2]
    assert table["difference"][0] == pytest.approx(table["difference"][1], abs=1e-4)
    assert table["difference"][0] < -1


def test_indels_keep_the_length(cnn, folder, chromosome):
    start = FORWARD + PLACE - 1
    reference = chromosome[start : start + 1 + len(MOTIF)]
    deletion = f"1\t{start + 1}\tdel\t{reference}\t{reference[0]}"
    at = FORWARD + LENGTH - 8
    insertion = f"1\t{at + 1}\tins\t{chromosome[at]}\t{chromosome[at]}{'AT' * 3}"
    table, _ = effects(cnn, folder, deletion, insertion)
    assert table["difference"][0] < -3
    text = chromosome[: at + 1] + "AT" * 3 + chromosome[at + 1 :]
    by_hand = text[FORWARD : FORWARD + LENGTH]  # behind the middle: the end gives
    samples = make_samples(
        Sequences.from_text([chromosome[FORWARD : FORWARD + LENGTH], by_hand], "dna")
    )
    logits = cnn.logits(samples)
    expected = np.diff(logits[:, 1] - logits[:, 0])[0]
    assert table["difference"][1] == pytest.approx(expected, abs=1e-4)
    # Beside a window, what is inserted does not get in.
    outside = FORWARD + LENGTH - 1
    beside = f"1\t{outside + 1}\t.\t{chromosome[outside]}\t{chromosome[outside]}GG"
    found = effects(cnn, folder, beside, insertion)[1]
    assert found["skipped"] == {"outside of every window": 1}


def test_what_is_skipped_is_counted_and_listed(cnn, folder, chromosome):
    good = lines_of(chromosome, FORWARD + 4)
    place = FORWARD + 5
    bad = [
        f"1\t{place + 1}\twrong\t{other(chromosome[place])}\t{chromosome[place]}",
        "1\t10\t.\tA\tC",
        "Chr9\t10\t.\tA\tC",
        f"1\t{place + 1}\t.\t{chromosome[place]}\t<DEL>,{other(chromosome[place])}",
    ]
    table, found = effects(cnn, folder, *good, *bad)
    assert len(table) == found["rows"] == 2
    assert found["mismatches"] == 1
    assert found["skipped"] == {
        "REF is not what the genome has there": 1,
        "outside of every window": 1,
        "no window on its chromosome": 1,
        "symbolic allele": 1,
    }
    listed = pd.read_csv(folder / "out.parquet.skipped.tsv", sep="\t")
    assert listed["line"].tolist() == [4, 5, 6, 7]
    assert listed["reason"][0] == f"REF is not what the genome has there: {chromosome[place]}"
    assert json.loads((folder / "out.parquet.summary.json").read_text()) == found


def test_another_assembly_ends_it(cnn, folder, chromosome):
    place = FORWARD + 5
    wrong = other(chromosome[place])
    lines = [f"1\t{place + 1}\t.\t{wrong}\t{chromosome[place]}"] * (CHECKED + 5)
    with pytest.raises(InputError, match=f"on line {CHECKED + 2:,} for example.*another assembly"):
        effects(cnn, folder, *lines)


def test_nothing_in_a_window(cnn, folder):
    with pytest.raises(InputError, match=r"none of its 1 alleles.*outside of every window"):
        effects(cnn, folder, "1\t10\t.\tA\tC")


def test_batches_give_the_same(cnn, folder, chromosome, monkeypatch):
    lines = lines_of(chromosome, *range(FORWARD, FORWARD + 20))
    whole, _ = effects(cnn, folder, *lines)
    monkeypatch.setattr("cistron.explain.variants.effects.BATCH", 3)
    pieces, _ = effects(cnn, folder, *lines)
    pd.testing.assert_frame_equal(pieces, whole, rtol=1e-4, atol=1e-5)


def test_genes_of_a_run(cnn, chromosome, tmp_path):
    """Windows are those that the run's experiment cuts, of genes on either strand."""
    genome(tmp_path / "genome.fa", {"Chr1": chromosome})
    start = FORWARD + LENGTH
    gtf(tmp_path / "genes.gtf",
        [Gene("plus", "1", start + 1, start + 300),
         Gene("minus", "1", BACKWARD - 299, BACKWARD, "-")])  # fmt: skip
    regions = [{"name": "promoter", "anchor": "tss", "upstream": LENGTH}]
    cnn.save(tmp_path / "run")
    document = {
        "name": "genes",
        "samples": {"kind": "genome", "genome": "../genome.fa", "annotation": "../genes.gtf",
                    "label": None, "regions": regions},
        "encoder": {"kind": "one_hot"}, "model": {"kind": "cnn"},
        "split": {"kind": "chromosome"},
    }  # fmt: skip
    (tmp_path / "run" / "experiment.yaml").write_text(yaml.safe_dump(document))
    places = [FORWARD + PLACE + 2, BACKWARD + LENGTH - 1 - (PLACE + 2)]
    write(tmp_path / "a.vcf", *lines_of(chromosome, *places))
    packed = tmp_path / "a.vcf.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.vcf").read_bytes()))
    command = ["variants", str(tmp_path / "run"), str(packed), "--device", "cpu", "--quiet"]
    said = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out.tsv")])
    assert said.exit_code == 0, said.output
    assert "2 rows; 2 of 2 alleles" in said.stdout
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert table["window"].tolist() == ["plus", "minus"]
    assert table["region"].tolist() == ["promoter", "promoter"]
    assert table["distance"].tolist() == [PLACE + 2 - LENGTH, PLACE + 2 - LENGTH]
    assert (table["difference"] < -1).all()
    windows = read_genome(
        tmp_path / "genome.fa", tmp_path / "genes.gtf", regions=regions, label=None
    )
    known = dict(zip(windows.ids, cnn.predict_proba(windows)[:, 1], strict=True))
    expected = [known[name] for name in table["window"]]
    np.testing.assert_allclose(table["p_reference_with"], expected, atol=1e-4)
    # The same windows, said by options for a classifier that has no experiment.
    (tmp_path / "run" / "experiment.yaml").unlink()
    bare = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "b.tsv")])
    assert "does not say where" in str(bare.exception)
    options = ["--genome", str(tmp_path / "genome.fa"), "--annotation",
               str(tmp_path / "genes.gtf"), "--regions", yaml.safe_dump(regions, default_flow_style=True)]  # fmt: skip  # noqa: E501
    said = CliRunner().invoke(app, [*command, *options, "--out", str(tmp_path / "b.tsv"), "--json"])
    assert json.loads(said.stdout)["rows"] == 2
    again = pd.read_csv(tmp_path / "b.tsv", sep="\t")
    pd.testing.assert_frame_equal(again, table)


def test_samples_that_say_where_they_lie(cnn, folder, chromosome, tmp_path):
    cnn.save(tmp_path / "run")
    names = [f"chr1:{FORWARD}-{FORWARD + LENGTH}(+)", "another", f"chr1:1-{'5' * 23}"]
    pd.DataFrame({"id": names}).to_parquet(tmp_path / "run" / "samples.parquet")
    found = find_windows(tmp_path / "run", Where(genome=folder / "genome.fa"))
    assert found.windows.ids.tolist() == names[:1]
    with pytest.raises(InputError, match="--genome FASTA"):
        find_windows(tmp_path / "run", Where())


def test_organelles_that_only_a_header_tells(folder, tmp_path):
    names = {"NC_1.1 chromosome 1": dna(90), "NC_2.1 Homo sapiens mitochondrion": dna(80)}
    path = genome(tmp_path / "genome.fa", names)
    wanted = frozenset(["NC_1.1", "NC_2.1"])
    for organelles, expected in ((True, wanted), (False, {"NC_1.1"})):
        with open_genome(path, wanted, {}, organelles=organelles) as chromosomes:
            assert set(chromosomes) == expected
    with (
        pytest.raises(InputError, match="has windows"),
        open_genome(path, frozenset(["NC_2.1"]), {}, organelles=False),
    ):
        pass


def test_bad_input_is_a_sentence(cnn, folder, tmp_path):
    for text, message in (
        ("chr1\t5\n", "line 1: a line of BED"),
        ("#\n", "has no window"),
        ("chr1\t9\t5\n", "line 1"),
        ("1\t1\t5\ta\t0\tx\n", "strand is 'x'"),
        (f"1\t1\t{'5' * 23}\n", "line 1: a line of BED"),
    ):
        (tmp_path / "a.bed").write_text(text)
        with pytest.raises(InputError, match=message):
            read_bed(tmp_path / "a.bed")
    windows = Where(folder / "genome.fa", windows=folder / "windows.bed", keep="centre")
    with pytest.raises(InputError, match="--keep centre.*Did you mean"):
        find_windows(folder / "run", windows)
    with pytest.raises(InputError, match="no such preset"):
        find_windows(folder / "run", Where(tmp_path, tmp_path, "lcr"))


def test_substitutions_are_those_of_tangermeme(cnn, folder, chromosome):
    from tangermeme.variant_effect import substitution_effect

    places = [3, PLACE + 2, PLACE + 5, LENGTH - 1]
    table, _ = effects(cnn, folder, *lines_of(chromosome, *[FORWARD + p for p in places]))
    window = one_hot([chromosome[FORWARD : FORWARD + LENGTH]] * len(places))
    new = [[n, p, "ACGT".index(other(chromosome[FORWARD + p]))] for n, p in enumerate(places)]
    before, after = substitution_effect(LogOdds(cnn), window, torch.tensor(new), device="cpu")
    np.testing.assert_allclose(table["difference"], (after - before)[:, 0], rtol=1e-4, atol=1e-5)
