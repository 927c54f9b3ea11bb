"""Gradient times input: the first-order share of each input in the logit.

Shrikumar, A., Greenside, P., Shcherbina, A. & Kundaje, A. Not just a black box: learning important
features through propagating activation differences. 2016, arXiv:1605.01713.
"""

from __future__ import annotations

from cistron.explain.network_method import NetworkMethod
from cistron.explain.rules.gradients import gradient_multipliers

GRADIENT_TIMES_INPUT = NetworkMethod(
    "gradient_times_input", "gradient times input", gradient_multipliers
)
