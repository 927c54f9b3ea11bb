"""Which number of a row is bold, and in which order rows stand."""

from __future__ import annotations

import pytest

from cistron.report.names import without_folders
from cistron.report.tables import all_scores, best_of
from cistron.report.verdict import exact


def score(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


MODEL = {"n": 9, "mcc": score(0.3, 0.2, 0.4), "specificity": score(0.9), "ece": score(0.05)}
GUESS = {"n": 9, "mcc": score(0.0, 0.0, 0.0), "specificity": score(1.0), "ece": score(0.0)}
LENGTH = {"n": 9, "mcc": score(0.1, 0.0, 0.2), "specificity": score(0.95), "ece": score(0.04)}


def bold(table):
    return {
        row[0].text: [i for i, cell in enumerate(row[1:]) if cell.best] for row in table.rows[1:]
    }


def test_a_rule_that_always_answers_the_same_wins_no_row():
    metrics = {"headline": "mcc", "test": MODEL, "baselines": {"majority": GUESS, "length": LENGTH}}
    assert bold(all_scores(metrics)) == {"MCC": [0], "Specificity": [], "ECE": []}
    metrics["baselines"].pop("majority")
    assert bold(all_scores(metrics)) == {"MCC": [0], "Specificity": [1], "ECE": [1]}


def test_the_mean_is_such_a_rule():
    mean = {"rmse": score(1.2), "pearson": score(None)}
    model = {"rmse": score(1.3), "pearson": score(0.2)}
    assert best_of("rmse", {"model": model, "mean": mean}) == set()
    assert best_of("rmse", {"model": model, "mean": {**mean, "rmse": score(1.4)}}) == {"model"}


@pytest.mark.parametrize("headline", ["specificity", "ece", "mcc"])
def test_the_headline_metric_of_the_experiment_is_the_first_row(headline):
    table = all_scores({"headline": headline, "test": MODEL, "baselines": {}})
    first = {"specificity": "Specificity", "ece": "ECE", "mcc": "MCC"}[headline]
    assert [row[0].text for row in table.rows[:2]] == ["Samples", first]


def test_a_baseline_that_names_all_classes_more_often_is_named():
    metrics = {
        "classes": ["a", "b", "c"],
        "positive": None,
        "label_separator": ";",
        "test": {"exact_match": score(0.31, 0.28, 0.34)},
        "baselines": {
            "majority": {"exact_match": score(0.30)},
            "homolog": {"exact_match": score(0.42)},
        },
    }
    (finding,) = exact(metrics)
    assert finding.state == "warn"
    assert "nearest training homolog" in finding.sentence
    assert "exact match 0.42 against 0.31" in finding.sentence
    metrics["baselines"]["homolog"]["exact_match"] = score(0.31)
    assert exact(metrics) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cistron fit /home/me/x/a.yaml --out /tmp/run -q", "cistron fit a.yaml --out run -q"),
        ("cistron fit '/my data/x y/a.yaml' -o run", "cistron fit 'a.yaml' -o run"),
        ("path: /data/my.fasta.gz\n- ~/v/w.gz\n", "path: my.fasta.gz\n- w.gz\n"),
        ("{a: /x/a.fa, b: /y/b.fa}", "{a: a.fa, b: b.fa}"),
        ("control=/a/b.fa,x=/c/d.fa", "control=b.fa,x=d.fa"),
        (r"C:\Users\me\x.fasta", "x.fasta"),
        ("/home/user/<a> cells.h5ad", "<a> cells.h5ad"),
        *(
            (text, text)
            for text in (
                "https://a.b/c/d",
                "and/or, a / b",
                "Lysosome/Vacuole",
                r"label: '^\S+ ([\w./-]+)-[MSU]\b'",
                "30 / 40 %",
                "data/x.fasta",
            )
        ),
    ],
)
def test_folders_of_the_makers_machine_are_left_out(text, told):
    assert without_folders(text) == told


def test_no_page_names_a_folder_of_the_maker(page):
    text = page("cells")
    assert "<a> cells.h5ad".replace("<", "&lt;").replace(">", "&gt;") in text
    assert "/home/user" not in text
