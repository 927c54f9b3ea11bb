"""The kinds of target there are: whoever adds one adds its class here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from cistron.base.document import Json
from cistron.base.errors import InputError
from cistron.targets.calls import Calls
from cistron.targets.class_metrics import OF_TWO
from cistron.targets.metric import Metric
from cistron.targets.number import Number
from cistron.targets.one_class import OneClass
from cistron.targets.several_classes import SeveralClasses
from cistron.targets.target import Target

KINDS: list[type[Target]] = [OneClass, SeveralClasses, Number]


def restore_target(document: Json) -> Target:
    """Rebuild a target from what its `document` returned.

    Raises
    ------
    InputError
        If it is of a kind that this version does not know.
    """
    for kind in KINDS:
        if kind.kind == document.get("kind"):
            return kind.restore(document)
    raise InputError(
        f"There is no kind of target {document.get('kind')!r}; the kinds are "
        f"{', '.join(kind.kind for kind in KINDS)}. Upgrade Cistron."
    )


def target_of(classes: Sequence[str] = (), separator: str = "", quantity: str = "") -> Target:
    """Return the target of samples of which this is known.

    Parameters
    ----------
    classes : sequence of str
    separator : str
        What joins the names of several classes; empty where each sample has one.
    quantity : str
        What the number is called; empty where there are classes.
    """
    if quantity:
        return Number(quantity)
    if separator:
        return SeveralClasses("class", tuple(classes), separator)
    return OneClass("class", tuple(classes))


def target_like(
    truth: ArrayLike, predictions: ArrayLike | Calls | None = None, classes: Sequence[str] = ()
) -> Target:
    """Return the target that an array of truth is of, where nothing else is known.

    Parameters
    ----------
    truth : array-like of int, shape (n,), of bool, shape (n, classes), or of float, shape (n,)
    predictions : array-like of float or Calls, optional
        They tell how many classes there are, where these have no names, and whether empty truth
        is of numbers.
    classes : sequence of str
    """
    truth = np.asarray(truth)
    if isinstance(predictions, Calls):
        return SeveralClasses("class", tuple(classes))
    if predictions is not None:
        shape = np.shape(predictions)
        if len(shape) == 1:
            return Number("number")
        names = tuple(classes) or tuple(str(c) for c in range(shape[1]))
        return OneClass("class", names)
    if truth.ndim == 2:
        return SeveralClasses("class", tuple(classes))
    return Number("number") if truth.dtype.kind == "f" else OneClass("class", tuple(classes))


def target_in(metrics: Json) -> Target:
    """Return the target of a run from its metrics.json."""
    if "target" in metrics:
        return restore_target(metrics["target"])
    classes = [str(name) for name in metrics.get("classes", ())]
    separator, quantity = metrics.get("label_separator") or "", metrics.get("quantity") or ""
    return target_of(classes, str(separator), str(quantity))


def kinds_with(metric: str) -> list[type[Target]]:
    """Return the kinds of target that a metric scores."""
    return [kind for kind in KINDS if metric in {one.name for one in kind().metrics}]


def headlines() -> list[str]:
    """Return every metric that models can be compared by, the usual one of each kind first."""
    names: list[str] = []
    for kind in KINDS:
        named = [metric.name for metric in kind().metrics if metric.headline]
        names += sorted(named, key=lambda name: name != kind.usual_metric)
    return list(dict.fromkeys(names))


def sign_of(metric: str) -> float:
    """Return 1 where a higher value of a metric is better, -1 where a lower one is."""
    known = all_metrics()
    return known[metric].sign if metric in known else 1.0


@cache
def all_metrics() -> dict[str, Metric]:
    """Return every metric of every kind, by name; those of single classes among them."""
    targets = [kind(classes=classes) for kind in KINDS for classes in (("a", "b"), ("a", "b", "c"))]
    metrics = [*OF_TWO, *(metric for target in targets for metric in target.metrics)]
    return {metric.name: metric for metric in reversed(metrics)}
