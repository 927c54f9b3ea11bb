"""What documents of a run hold, as far as they are read back: another type of a key is damage.

Keys that are not named here may hold anything.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic reads that of typing from Python 3.12 on

from cistron.base.errors import InputError

ANYTHING_ELSE = ConfigDict(extra="allow", strict=True)


@with_config(ANYTHING_ELSE)
class Scores(TypedDict, total=False):
    """Scores of one set of predictions."""

    n: int
    per_class: dict[str, dict[str, Any]] | None
    curves: dict[str, dict[str, Any]] | None
    confusion: Any


@with_config(ANYTHING_ELSE)
class Comparison(TypedDict, total=False):
    """The model beside its best baseline."""

    baseline: str | None
    metric: str
    difference: dict[str, float | None] | None
    differences: dict[str, Any] | None
    verdict: str | None


@with_config(ANYTHING_ELSE)
class Metrics(TypedDict, total=False):
    """metrics.json."""

    classes: list[str]
    positive: str | None
    headline: str
    test: Scores
    validation: Scores | None
    baselines: dict[str, Scores]
    comparison: Comparison | None
    folds: list[dict[str, Any]] | None
    repeats: list[dict[str, Any]] | None
    second: dict[str, Any] | None


@with_config(ANYTHING_ELSE)
class Check(TypedDict, total=False):
    """One check of an audit."""

    name: str
    title: str
    verdict: str
    summary: str
    details: dict[str, Any]


@with_config(ANYTHING_ELSE)
class DescribedSplit(TypedDict, total=False):
    """The split, in audit.json."""

    kind: str
    reason: str
    details: dict[str, Any]
    balance: dict[str, Any] | None


@with_config(ANYTHING_ELSE)
class Audit(TypedDict, total=False):
    """audit.json."""

    verdict: str
    state: str
    not_checked: list[str]
    checks: list[Check]
    split: DescribedSplit


@with_config(ANYTHING_ELSE)
class Environment(TypedDict, total=False):
    """environment.json."""

    command: str | list[str] | None
    device: str
    seconds: dict[str, float | int]
    seed: int
    seeds: list[int]
    sources: dict[str, str]
    notes: list[str]
    parameters: int | None
    processes: int
    started: str
    threads: int


DOCUMENTS: dict[str, TypeAdapter[Any]] = {
    "metrics.json": TypeAdapter(Metrics),
    "audit.json": TypeAdapter(Audit),
    "environment.json": TypeAdapter(Environment),
}


def require_document(name: str, document: object, source: str) -> None:
    """Refuse a document whose keys do not hold what they should.

    Raises
    ------
    InputError
    """
    known = DOCUMENTS.get(name)
    if known is None:
        return
    try:
        known.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(
            f"{source} is damaged, or was changed by hand: {where}: {first['msg']}. Undo the "
            "change, or run the command that wrote it again."
        ) from None
