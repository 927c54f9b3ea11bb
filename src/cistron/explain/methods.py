"""The methods of explanation: one line each."""

from __future__ import annotations

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.explain.in_silico_mutagenesis import IN_SILICO_MUTAGENESIS
from cistron.explain.linear import COEFFICIENTS
from cistron.explain.method import ExplanationMethod
from cistron.explain.occlusion import OCCLUSION
from cistron.explain.rules.deeplift import DEEPLIFT
from cistron.explain.rules.gradient_times_input import GRADIENT_TIMES_INPUT
from cistron.explain.rules.integrated_gradients import INTEGRATED_GRADIENTS
from cistron.explain.rules.saliency import SALIENCY
from cistron.explain.tree_shap import TREE_SHAP

METHODS: list[ExplanationMethod] = [
    DEEPLIFT,
    INTEGRATED_GRADIENTS,
    GRADIENT_TIMES_INPUT,
    SALIENCY,
    IN_SILICO_MUTAGENESIS,
    OCCLUSION,
    TREE_SHAP,
    COEFFICIENTS,  # refuses, in a sentence, what none of those before it fits
]


def allowed_methods() -> tuple[str, ...]:
    """Return the names that settings may ask for."""
    return tuple(method.name for method in METHODS if method.asked)


def method_named(name: str) -> ExplanationMethod:
    """Return the method of that name.

    Raises
    ------
    InputError
        If the list has none.
    """
    for method in METHODS:
        if method.name == name:
            return method
    raise InputError(f"method: {name!r} is not a method of explanation.")


def method_for(classifier: Classifier, name: str) -> ExplanationMethod:
    """Return the method that explains a classifier when that of the given name is asked for.

    Models with a method of their own (trees, linear ones) have it in place of any that looks
    inside.

    Raises
    ------
    InputError
        If no method explains the classifier.
    """
    asked = method_named(name)
    if asked.fits(classifier):
        return asked
    for method in METHODS:
        if not method.asked and method.fits(classifier):
            return method
    raise InputError(f"method: {name} does not explain {classifier.model_settings_.kind}.")
