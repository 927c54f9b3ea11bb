"""What a kind of target is called and how sentences speak of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from cistron.targets.truth import Form


class Words:
    """Facts and words of a kind of target; what has no value here every kind gives itself."""

    kind: ClassVar[str]
    form: ClassVar[Form]
    format: ClassVar[int] = 6
    """The oldest format of classifier.json that can say it."""
    answer: ClassVar[str]
    """What a classifier answers, in a sentence."""
    usual_metric: ClassVar[str]
    task: ClassVar[Literal["classes", "numbers"]] = "classes"
    """What a model must be able to predict."""
    words: ClassVar[str] = "classes"
    """What samples have, in a message."""
    samples: ClassVar[str]
    """What a message says of samples: "which have one class each"."""
    not_averaged: ClassVar[str] = ""
    """Why predictions of repeats are not averaged; empty where they are."""
    not_compared: ClassVar[str] = ""
    """Why runs are not compared, after the name of a run; empty where they are."""
    usual_baseline: ClassVar[str] = "majority"
    """The name, in metrics.json, of the baseline that looks at no sample."""
    shared: ClassVar[bool] = True
    """Whether many samples have the same label, so that a group may have one."""
    balanced: ClassVar[str] = "Class shares"
    """What a split balances, in a message."""
    linear: ClassVar[str] = "logistic regression"
    """The method of baselines that learn."""
    noun: ClassVar[str] = "label"
    """What a sample has, where one is copied from another."""
    predicted: ClassVar[tuple[str, ...]]
    """What a row of predictions holds."""
    calibration: ClassVar[str] = ""
    """When a classifier is calibrated, after "when"; empty where it cannot be."""
