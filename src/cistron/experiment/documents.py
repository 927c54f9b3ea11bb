"""The documents of a run that are read back: what their keys hold, whoever changed them.

Keys that are not listed here may hold anything: other versions write other ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    create_model,
    model_validator,
)

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.untrusted import first_problem
from cistron.targets.kinds import all_metrics, restore_target

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Number | None  # None where it is not defined


class _Keys(BaseModel):
    """A number in quotes is no number, and further keys may be there."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Score(_Keys):
    value: Share = None
    low: Share = None
    high: Share = None


class _Bin(_Keys):
    n: int | None = None
    confidence: Share = None
    accuracy: Share = None


class _Group(_Keys):
    value: object
    n: int
    accuracy: Share = None
    jaccard: Share = None
    mae: Share = None


class _Line(_Keys):
    x: list[Number] = []
    y: list[Number] = []

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError("x and y should have as many numbers")
        return self


class _Intervals(_Keys):
    f1: _Score
    mcc: _Score


class _PerClass(_Keys):
    n: int | None = None
    intervals: _Intervals | None = None
    precision: Share = None
    recall: Share = None
    specificity: Share = None
    f1: Share = None
    mcc: Share = None
    roc_auc: Share = None
    pr_auc: Share = None


class _Counted(_Keys):
    n: int | None = None


if TYPE_CHECKING:
    _Metrics = _Counted
else:  # every metric is a key
    _scores = dict.fromkeys(all_metrics(), (_Score | None, None))
    _Metrics = create_model("_Metrics", __base__=_Counted, **_scores)


class _Hidden(_Metrics):
    region: str
    columns: Annotated[list[int], Field(min_length=2, max_length=2)]
    differences: dict[str, _Score]


class _Relatives(_Keys):
    with_: Annotated[_Metrics, Field(alias="with")]
    without: _Metrics


class _Quantile(_Keys):
    n: int
    low: Number
    high: Number
    measured: Number
    predicted: Number


class _Size(_Keys):
    classes: object
    n: int
    named: int
    exact_match: Share
    jaccard: Share


class _Test(_Metrics):
    resampled: str | None = None
    calibration: list[_Bin] | None = None
    groups: dict[str, list[_Group]] | None = None
    per_class: dict[str, _PerClass] | None = None
    confusion: list[list[Number]] | None = None
    curves: dict[str, dict[str, _Line]] | None = None
    set_sizes: list[_Size] | None = None
    quantiles: list[_Quantile] | None = None
    relatives: dict[str, _Relatives] | None = None
    ablation: list[_Hidden] | None = None


class _Comparison(_Keys):
    baseline: str
    metric: str
    verdict: str
    difference: _Score | None = None
    differences: dict[str, _Score | None] | None = None


class _Scored(_Keys):
    classes: list[str]
    headline: str
    test: _Test
    positive: str | None = None
    validation: _Test | None = None
    baselines: dict[str, _Metrics] = {}
    comparison: _Comparison | None = None
    thresholds: dict[str, Number] | None = None

    @model_validator(mode="after")
    def _square(self) -> Self:
        counts, n = self.test.confusion or [], len(self.classes)
        if counts and (len(counts) != n or any(len(row) != n for row in counts)):
            raise ValueError(f"test.confusion should have {n} rows of {n} numbers")
        return self


class _Second(_Scored):
    name: str
    positive: str | None
    unknown: int


class _Fold(_Metrics):
    fold: int
    repeat: int | None = None


class _Repeat(_Metrics):
    seed: int


class _Spread(_Keys):
    mean: Share
    sd: Share


class _Run(_Scored):
    folds: list[_Fold] | None = None
    repeats: list[_Repeat] | None = None
    spread: dict[str, _Spread] | None = None
    second: _Second | None = None
    label_separator: str | None = None
    quantity: str | None = None
    target: Annotated[dict[str, Any], AfterValidator(lambda t: restore_target(t) and t)] = {}


class _Check(_Keys):
    name: str
    verdict: Literal["pass", "warn", "fail", "skipped"]
    summary: str
    details: dict[str, Any] | None = None


class _SplitMade(_Keys):
    kind: str | None = None
    reason: str | None = None
    details: dict[str, Any] | None = None
    balance: dict[str, Any] | None = None


class _Audit(_Keys):
    verdict: str
    checks: list[_Check] = []
    not_checked: list[str] = []
    split: _SplitMade | None = None


class _Environment(_Keys):
    cistron: str | None = None
    started: str | None = None
    command: str | None = None
    parameters: int | None = None
    sources: dict[str, str] | None = None
    seconds: dict[str, Number] | None = None
    notes: list[str] | None = None


class _Gene(_Keys):
    gene: str
    symbol: str
    direction: Literal["up", "down"]
    effect: Number
    stability: Share = None
    technical: str


class _GenesOfClass(_Keys):
    genes: list[_Gene]
    technical: Share


class _Dots(_Keys):
    mean: dict[str, Annotated[Number, Field(ge=0)] | None]
    share: dict[str, Annotated[Number, Field(ge=0, le=1)] | None]


class _Expression(_Keys):
    cells: dict[str, int]
    genes: dict[str, _Dots]


class _Genes(_Keys):
    method: str | None
    why: str = ""
    classes: dict[str, _GenesOfClass] = {}
    expression: _Expression | None = None
    read: int = 0
    folds: int = 0
    top: int = 0
    technical: Share = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.method:
            return self
        if self.expression is None or not self.classes or self.technical is None:
            raise ValueError("with a method, classes, expression and technical are needed")
        known, names = self.expression.genes, self.expression.cells.keys()
        named = {row.gene for of_class in self.classes.values() for row in of_class.genes}
        whole = all(names <= dots.mean.keys() & dots.share.keys() for dots in known.values())
        if not (named <= known.keys() and self.classes.keys() <= names and whole):
            raise ValueError("expression should hold every gene and every class")
        return self


class _Feature(_Keys):
    feature: str
    lost: _Score
    mean_size: Share = None
    coefficient: Share = None


class _Importance(_Keys):
    features: int
    listed: list[_Feature]
    metric: str = ""
    contributions: str | None = None
    class_: Annotated[str | None, Field(alias="class")] = None
    samples: int = 0
    repeats: int = 0


class _Best(_Keys):
    trial: int
    value: Number
    values: dict[str, Any]


class _OuterFold(_Keys):
    fold: int
    inner: Share
    outer: Share
    optimism: Share


class _Nested(_Keys):
    folds: list[_OuterFold]
    optimism: Share
    score: _Score | None


class _Tuning(_Keys):
    metric: str
    best: _Best
    trials: dict[str, int]
    lower_is_better: bool
    importance: dict[str, Number] | None
    inner_folds: int | None
    start: Share
    nested: _Nested | None = None


class _How(_Keys):
    metric: str | None = None


class _Shard(_Keys):
    output: str
    records: int
    predicted: int
    warnings: int
    skipped: int


class _Shards(_Keys):
    classifier: str
    run: str
    format: str
    reading: object
    shards: list[_Shard]


class _Tracking(_Keys):
    id: str | None = None
    destinations: dict[str, dict[str, Any]] = {}


class _SplitSettings(_Keys):
    kind: str | None = None
    columns: str | list[str] | None = None
    column: str | None = None
    identity: Share = None


class _TrainingSettings(_Keys):
    monitor: str = "loss"


class _Experiment(_Keys):
    samples: dict[str, Any] | None = None
    split: _SplitSettings | None = None
    encoder: dict[str, Any] | None = None
    model: dict[str, Any] | None = None
    training: _TrainingSettings | None = None
    evaluation: dict[str, Any] | None = None


DOCUMENTS: dict[str, type[BaseModel]] = {
    "metrics.json": _Run,
    "audit.json": _Audit,
    "environment.json": _Environment,
    "genes.json": _Genes,
    "importance.json": _Importance,
    "tuning.json": _Tuning,
    "how.json": _How,
    "shards.json": _Shards,
    "tracking.json": _Tracking,
    "sources.json": RootModel[dict[str, str]],
    "experiment.yaml": _Experiment,
}
"""Name of a document → what its keys hold."""


def require_document(name: str, document: Any, source: str) -> Document:
    """Return a document of a run that holds what it should.

    Raises
    ------
    InputError
        Naming the file, the first key that is missing or of a wrong type, and the mend.
    """
    if not isinstance(document, dict):
        raise InputError(f"{source} is damaged: it should hold an object with keys.")
    try:
        DOCUMENTS.get(name, _Keys).model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        problem = first_problem(error)
        if first["type"] == "missing":
            problem = f"it has no key {'.'.join(map(str, first['loc']))!r}"
        raise InputError(
            f"{source} is damaged: {problem}. Undo the change to the file, or make it again."
        ) from error
    return document
