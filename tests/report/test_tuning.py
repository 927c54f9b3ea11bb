"""The page of a search says first what the search is worth."""

from __future__ import annotations

from cistron.report.tuning import sentences

SEARCH = {
    "metric": "mcc",
    "trials": {"complete": 17, "pruned": 3},
    "inner_folds": 0,
    "start": 0.30,
    "best": {"trial": 4, "value": 0.6149, "values": {"model.c": 0.1}},
}
NESTED = {
    "optimism": 0.08,
    "score": {"value": 0.5312, "low": 0.4411, "high": 0.6022},
    "folds": [{"fold": k} for k in range(3)],
}


def test_the_nested_score_leads_and_that_of_the_best_trial_is_called_optimistic():
    first, second, third = sentences({**SEARCH, "nested": NESTED})
    assert first.startswith(
        "The search is worth MCC 0.53 (0.44 to 0.60): searched anew in each of 3"
    )
    assert second == (
        "Optimistic: the best of 20 trials has MCC 0.615 on the validation part, which chose it; "
        "the first, with the values it started from, has 0.300."
    )
    assert "0.080 better" in third


def test_without_outer_folds_it_is_not_known():
    first, second = sentences(SEARCH)
    assert "not known" in first
    assert "0.615" not in first
    assert second.startswith("Optimistic: ")
    assert sentences({**SEARCH, "nested": {**NESTED, "score": None}}) == [first, second]
