"""How a run is judged: intervals, baselines, paired tests, novelty."""
