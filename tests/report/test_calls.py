"""The table of all test samples: every call, what it is filtered by, and how many a page holds."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from cistron.report.page import render
from cistron.report.read import read_run
from cistron.report.report import write_report
from cistron.report.sections import calls
from cistron.report.sections.calls import UNSURE, WARNED, WRONG, call_table


def rows_in(text: str) -> tuple[list[str], list[list]]:
    """Return the headings and the decoded rows of the table on a page, flags last."""
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', text)
    held = json.loads(data)
    columns, words = held["columns"], held["words"]
    rows = [
        [
            words[cell] if column["coded"] else cell
            for column, cell in zip(columns, row, strict=False)
        ]
        + row[len(columns) :]
        for row in held["rows"]
    ]
    return [column["text"] for column in columns], rows


@pytest.mark.parametrize("name", ["binary", "multi"])
def test_every_test_sample_stands_there_with_its_call(run, page, name):
    predictions = pd.read_parquet(run(name) / "predictions.parquet")
    tested = predictions[predictions["part"] == "test"]
    headings, rows = rows_in(page(name))
    assert headings[:4] == ["Sample", "Label", "Predicted", "Probability"]
    assert [row[:3] for row in rows] == tested[["id", "label", "predicted"]].to_numpy().tolist()
    shares = tested.filter(like="p_").to_numpy()
    np.testing.assert_allclose([row[3] for row in rows], shares.max(axis=1), atol=5.1e-4)
    wrong = [bool(row[-1] & WRONG) for row in rows]
    assert wrong == (tested["label"] != tested["predicted"]).tolist()
    two = np.sort(shares, axis=1)[:, -2:]
    assert [bool(row[-1] & UNSURE) for row in rows] == (two[:, 1] - two[:, 0] < 0.2).tolist()
    assert f"Wrong ({sum(wrong):,})".replace(",", "\u202f") in page(name)


def test_what_was_warned_of_can_be_chosen(run, tmp_path):
    copy = shutil.copytree(run("binary"), tmp_path / "warned")
    table = pd.read_parquet(copy / "predictions.parquet")
    row = table.index[table["part"] == "test"][3]
    table["warning"] = ""
    table.loc[row, "warning"] = "cut </script> to 300"
    table.to_parquet(copy / "predictions.parquet")
    headings, rows = rows_in(render(copy))
    assert headings[-1] == "Warning"
    assert [i for i, row in enumerate(rows) if row[-1] & WARNED] == [3]
    assert rows[3][-2] == "cut </script> to 300"


def test_several_classes_are_near_their_thresholds(run):
    content = read_run(run("sets"))
    made = call_table(content)
    shares = content.predictions.query("part == 'test'").filter(like="p_").to_numpy()
    nearest = np.abs(shares - 0.4).min(axis=1)
    np.testing.assert_allclose(made["Nearest threshold"], nearest, atol=5.1e-4)
    assert ((made["flags"] & UNSURE) > 0).tolist() == (nearest < 0.1).tolist()


def test_a_page_that_does_not_hold_all_says_so(run, page, tmp_path, monkeypatch):
    copy = shutil.copytree(run("binary"), tmp_path / "large")
    write_report(copy)
    assert not (copy / "calls.tsv").exists()
    n = len(rows_in(page("binary"))[1])
    monkeypatch.setattr(calls, "MOST", 100)
    monkeypatch.setattr("cistron.report.report.MOST", 100)
    text = write_report(copy).read_text()
    assert len(rows_in(text)[1]) == 100
    assert f"The first 100 of {n} test samples; calls.tsv beside this page has all of them." in text
    table = pd.read_csv(copy / "calls.tsv", sep="\t")
    assert len(table) == n
    assert table.columns.tolist() == ["Sample", "Label", "Predicted", "Probability"]


def test_a_page_of_ten_thousand_samples_is_small(run, tmp_path):
    copy = shutil.copytree(run("binary"), tmp_path / "many")
    table = pd.read_parquet(copy / "predictions.parquet")
    tested = table[table["part"] == "test"]
    many = pd.concat([tested] * (10_000 // len(tested) + 1), ignore_index=True)[:10_000]
    many["id"] = [f"sp|Q{i:05d}|PROTEIN_HUMAN" for i in range(len(many))]
    many.to_parquet(copy / "predictions.parquet")
    text = render(copy)
    assert len(rows_in(text)[1]) == 10_000
    assert len(text.encode()) < 1_500_000
