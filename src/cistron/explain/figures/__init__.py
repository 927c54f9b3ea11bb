"""Figures of explanations: tracks of contributions, what the ends hold, the first genes."""
