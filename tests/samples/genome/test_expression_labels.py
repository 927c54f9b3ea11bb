from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cistron.samples.genome.expression_labels import (
    MIDDLE,
    ColumnLabels,
    PercentileLabels,
    ResponseLabels,
    ThresholdLabels,
    match_unresponsive,
)
from cistron.samples.genome.numbers import NumberTable
from tests.places import REAL_DATA
from tests.samples.made import refused

WIDE = "gene,leaf_1,leaf_2,root,note\na,9,99,0,x\nb,0,,999,y\nc,NA,,,z\n"


def write(folder, text, name="tpm.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_numbers_over_samples(tmp_path):
    path = write(tmp_path, WIDE)
    found = NumberTable(table=path, columns=["leaf_*", "root"]).read()
    assert found.ids == ["a", "b", "c"]
    assert found.record.tolist() == [1, 2, 3]
    assert found.number[:2].tolist() == pytest.approx([2.0, 3.0])
    assert found.reason.tolist() == ["", "", "no number in the table"]
    mean = NumberTable(table=path, columns="leaf_*", summary="mean", scale="none").read()
    assert mean.number[:2].tolist() == [54.0, 0.0]
    median = NumberTable(table=path, columns="leaf_1", summary="median", scale="log2").read()
    assert median.number[0] == pytest.approx(np.log2(10))


def test_one_column_needs_no_name(tmp_path):
    path = write(tmp_path, "gene\ttpm\na\t9\n", "tpm.tsv")
    assert NumberTable(table=path).read().number.tolist() == [1.0]


def test_parquet(tmp_path):
    frame = pd.DataFrame({"gene": ["a", "b"], "tpm": [9.0, np.nan]})
    frame.to_parquet(tmp_path / "tpm.parquet")
    found = NumberTable(table=tmp_path / "tpm.parquet").read()
    assert found.number[0] == 1
    assert found.reason[1]


def test_several_columns_must_be_named(tmp_path):
    path = write(tmp_path, WIDE)
    with refused("samples.numbers.columns", "4 columns", "leaf_1"):
        NumberTable(table=path).read()
    with refused("'leave_1'", "Did you mean 'leaf_1'?"):
        NumberTable(table=path, columns="leave_1").read()


def test_what_is_no_number(tmp_path):
    path = write(tmp_path, WIDE)
    with refused("row 1, column 'note'", "'x' is no number"):
        NumberTable(table=path, columns=["note"]).read()
    path = write(tmp_path, 'gene,tpm\na,1\nb,"1,5"\n')
    with refused("row 2", "'1,5'", "with a point"):
        NumberTable(table=path).read()
    path = write(tmp_path, "gene,tpm\na,1\nb,-0.5\n")
    with refused("row 2", "-0.5 is below 0", "samples.numbers.scale"):
        NumberTable(table=path).read()
    assert NumberTable(table=path, scale="none").read().number[1] == -0.5
    path = write(tmp_path, "gene,tpm\n")
    with refused("a header and no rows"):
        NumberTable(table=path).read()
    path = write(tmp_path, "")
    with refused("is empty"):
        NumberTable(table=path).read()
    path = write(tmp_path, "gene,tpm\n,1\n")
    with refused("row 1", "no gene id"):
        NumberTable(table=path).read()


def test_a_gene_with_two_numbers(tmp_path):
    path = write(tmp_path, "gene,tpm\na,1\nb,2\na,3\n")
    with refused("two things about 'a'", "rows 1 and 3"):
        NumberTable(table=path).read()
    path = write(tmp_path, "gene,tpm\na,1\nb,2\na,1\n")
    assert NumberTable(table=path).read().ids == ["a", "b"]


def table(numbers, species=None) -> pd.DataFrame:
    frame = pd.DataFrame({"number": np.asarray(numbers, dtype=float)})
    return frame if species is None else frame.assign(species=species)


def test_percentiles_are_those_of_training_genes():
    numbers = [0, 1, 2, 3, 4, 100, 200, 300]
    training = np.array([True] * 5 + [False] * 3)
    found = PercentileLabels().assign(table(numbers), training)
    assert found.thresholds == {"low": 1.0, "high": 3.0}
    assert found.label.tolist() == ["low", "low", None, "high", "high", "high", "high", "high"]
    assert found.reason[2] == MIDDLE
    assert "25th and 75th percentile of 5 training genes" in found.notes[0]


@given(
    st.lists(st.integers(0, 20), min_size=8, max_size=60),
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.integers(0, 1000),
)
def test_other_genes_change_no_threshold(numbers, chosen, far):
    numbers = [*numbers, 0, 21, 22, 23, 24]
    training = np.array([*chosen[: len(numbers) - 5], *5 * [True]])
    rule = PercentileLabels(low=20, high=90)
    first = rule.assign(table(numbers), training)
    moved = np.where(training, numbers, far)
    assert rule.assign(table(moved), training).thresholds == first.thresholds


def test_ties_at_the_threshold_are_told():
    numbers = [0] * 40 + list(range(1, 61))
    found = PercentileLabels().assign(table(numbers), np.ones(100, bool))
    assert (found.label == "low").sum() == 40
    assert "40 genes (40%) are exactly at the threshold of low, 0" in found.notes[1]
    assert "low means not expressed" in found.notes[1]


def test_all_genes_in_one_class():
    with refused("both 0", "all genes would be in one class"):
        PercentileLabels().assign(table([0] * 90 + [1] * 10), np.ones(100, bool))


def test_each_species_has_its_thresholds():
    numbers = [*range(100), *range(1000, 1100)]
    species = ["a"] * 100 + ["b"] * 100
    training = np.arange(200) < 100
    found = PercentileLabels().assign(table(numbers, species), training, "species")
    assert found.thresholds["a: low"] == pytest.approx(24.75)
    assert found.thresholds["b: high"] == pytest.approx(1074.25)
    assert "its own genes" in found.notes[1]
    assert (found.label[100:] == "low").sum() == 25


def test_thresholds(tmp_path):
    path = write(tmp_path, "gene,tpm\na,0\nb,9\nc,99\nd,999\ne,NA\n")
    found = ThresholdLabels(low=1, high=2, classes=("off", "on")).values(NumberTable(table=path))
    assert found.label.tolist() == ["off", "off", "on", "on", None]
    assert found.reason.tolist() == ["", "", "", "", "no number in the table"]
    found = ThresholdLabels(low=0.5, high=2.5).values(NumberTable(table=path))
    assert found.reason.tolist()[1:3] == [MIDDLE, MIDDLE]


DESEQ = """gene,baseMean,log2FoldChange,padj
up,100,2,0.001
down,100,-3,0.01
flat,100,0.1,0.9
small,100,0.6,0.001
unsure,100,2,0.3
filtered,1,2,NA
absent,0,NA,NA
"""


def test_responses(tmp_path):
    path = write(tmp_path, DESEQ)
    found = ResponseLabels().values(NumberTable(table=path))
    label = dict(zip(found.ids, found.label, strict=True))
    reason = dict(zip(found.ids, found.reason, strict=True))
    assert (label["up"], label["down"], label["flat"]) == ("up", "down", "unresponsive")
    assert reason["up"] == reason["flat"] == ""
    assert reason["down"] == "no class of interest (down)"
    assert "grey zone" in reason["small"]
    assert "grey zone" in reason["unsure"]
    assert "no adjusted p" in reason["filtered"]
    assert reason["absent"] == "no log fold change"
    both = ResponseLabels(classes=("down", "up")).values(NumberTable(table=path))
    assert both.reason.tolist()[:2] == ["", ""]


def test_edger_columns_and_wrong_ones(tmp_path):
    path = write(tmp_path, "gene,logFC,FDR\na,2,0.01\nb,0,1.7\n")
    with refused("no column 'log2FoldChange'"):
        ResponseLabels().values(NumberTable(table=path))
    rule = ResponseLabels(log_fold_change="logFC", adjusted_p="FDR")
    with refused("1.7", "no probability"):
        rule.values(NumberTable(table=path))


@pytest.mark.parametrize(
    "keys",
    [
        {"unchanged": 2.0},
        {"unsignificant": 0.01},
        {"classes": ["up", "up"]},
        {"match": {}},
        {"match": {"gc": False, "level": False}},
        {"classes": ["down", "up"], "match": {"level": False}},
    ],
)
def test_classes_that_overlap_or_cannot_be_matched(keys):
    with pytest.raises(ValidationError):
        ResponseLabels(**keys)


def test_labels_of_a_column(tmp_path):
    path = write(tmp_path, "gene,class\na,up\nb,none\nc,\nd,odd\n")
    found = ColumnLabels(column="class", classes=("none", "up")).values(NumberTable(table=path))
    assert found.label.tolist() == ["up", "none", None, "odd"]
    assert [bool(reason) for reason in found.reason] == [False, False, True, True]
    with refused("'down'"):
        ColumnLabels(column="class", classes=("none", "down")).values(NumberTable(table=path))


def test_matching_brings_the_groups_together():
    rng = np.random.default_rng(2)
    features = np.concatenate([rng.normal(1, 1, (100, 2)), rng.normal(0, 1, (1000, 2))])
    unresponsive = np.arange(1100) >= 100
    kept, note = match_unresponsive(features, unresponsive, ratio=1, seed=3)
    assert kept[:100].all()
    assert kept[100:].sum() == 100
    before = features[:100].mean(0) - features[100:].mean(0)
    after = features[:100].mean(0) - features[100:][kept[100:]].mean(0)
    assert (np.abs(after) < np.abs(before) / 5).all()
    assert "100 of 1,000" in note
    again, _ = match_unresponsive(features, unresponsive, ratio=1, seed=3)
    assert (kept == again).all()
    few, _ = match_unresponsive(features[:150], unresponsive[:150], ratio=2, seed=3)
    assert few.all()


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="no real data here")
def test_the_published_thresholds_of_arabidopsis():
    path = REAL_DATA / "arabidopsis" / "arabidopsis_leaf_counts.csv.gz"
    found = NumberTable(table=path, columns="ERR*").read()
    published = NumberTable(table=path, columns="logMaxTPM", scale="none").read()
    assert found.number == pytest.approx(published.number)
    low, high = (
        PercentileLabels()
        .assign(table(found.number), np.ones(len(found.ids), bool))
        .thresholds.values()
    )
    assert low == pytest.approx(0.1993, abs=5e-5)
    assert high == pytest.approx(1.6217, abs=5e-5)
