"""One check of the audit, and what checks are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.samples.samples import Samples
from cistron.splits.predefined import SPELLINGS
from cistron.splits.search.nearest import NearestHomolog
from cistron.targets.truth import Truth

CERTAIN = 3  # standard errors above chance, for few samples
CONFOUNDED = "confounded"  # the audit's verdict where only that check fails
NOT_FULLY = (
    "not fully checked"  # the audit's verdict where nothing was found and a check is missing
)
AUDIT_VERDICTS = ("clean", NOT_FULLY, "warning", CONFOUNDED, "leak")  # the worst last
SEARCHES = ("similar_sequences", "nearest_homolog")  # checks that need the homology search

Rows = NDArray[np.int64]
Verdict = Literal["pass", "warn", "fail", "skipped"]
PASS, WARN, FAIL, SKIPPED = get_args(Verdict)


@dataclass(frozen=True)
class Check:
    """One thing the audit looked at.

    Parameters
    ----------
    name : str
    verdict : {"pass", "warn", "fail", "skipped"}
    summary : str
        What was found, with the numbers, in plain sentences.
    details : dict
        More numbers, as JSON types.
    unchecked : bool
        Whether the check applies to these samples and was skipped nevertheless, so that nobody
        knows what it would find. A check that is skipped because it does not apply is not counted.
    """

    name: str
    verdict: Verdict
    summary: str
    details: Document = field(default_factory=dict)
    unchecked: bool = False


@dataclass(frozen=True, eq=False)
class Context:
    """What the checks look at.

    Parameters
    ----------
    samples : Samples
    place : ndarray of int, shape (n,)
        Part or fold of each sample; -1 in none.
    places : tuple of str
        What the parts or folds are called.
    tested, trained : ndarray of int64
        Rows on which a model is scored, and is trained; the same for a cross-validation.
    units : ndarray of int64, shape (n,)
        Samples with the same number were never separated.
    nearest : NearestHomolog or None
        None where no search was made.
    tested_as : str
        What a tested sample is called: "test" or "external".
    apart : ndarray of int64, shape (n,), optional
        Samples with the same number never train a model that tests one of them, whatever their
        folds (`Split.apart`).
    """

    samples: Samples
    place: NDArray[np.integer]
    places: tuple[str, ...]
    tested: Rows
    trained: Rows
    units: Rows
    nearest: NearestHomolog | None
    tested_as: str = "test"
    apart: Rows | None = None

    @cached_property
    def truth(self) -> Truth:
        """What is true of each sample."""
        return self.samples.truth

    @cached_property
    def strata(self) -> Rows:
        """What a split balances, one number a sample, shape (n,); -1 where unlabelled."""
        return self.samples.target.strata(self.truth)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which samples are labelled, shape (n,)."""
        return self.strata >= 0

    @cached_property
    def labels(self) -> Rows:
        """Number of each sample's label, shape (n,); -1 where it has none that others share.

        The class, or where a sample may have several, their combination.
        """
        return self.samples.target.labels(self.truth)

    @cached_property
    def memberships(self) -> NDArray[np.bool_]:
        """Which classes each sample has, shape (n, classes)."""
        return self.samples.target.memberships(self.truth)

    def divided(self, units: Rows) -> Rows:
        """Return the rows whose unit stands in several places; a negative unit is none."""
        rows = np.flatnonzero((self.place >= 0) & (units >= 0))
        first = np.full(units.max(initial=-1) + 1, -1)
        first[units[rows]] = self.place[rows]
        broken = np.zeros(len(first), dtype=bool)
        broken[units[rows[self.place[rows] != first[units[rows]]]]] = True
        if self.apart is not None:
            first[units[rows]] = self.apart[rows]
            mixed = np.zeros(len(first), dtype=bool)
            mixed[units[rows[self.apart[rows] != first[units[rows]]]]] = True
            broken &= mixed
        return rows[broken[units[rows]]]

    @cached_property
    def group_columns(self) -> list[str]:
        """Names of the group columns, less one that is itself the split."""
        return [name for name in self.samples.groups if not self._is_the_split(name)]

    def _is_the_split(self, column: str) -> bool:
        values = self.samples.table[column]
        if set(values.astype(str).str.strip().str.lower()) <= set(SPELLINGS):
            return True
        pairs = np.unique(np.stack([self.samples.group([column]), self.place]), axis=1)
        one_to_one = all(len(np.unique(side)) == pairs.shape[1] for side in pairs)
        return one_to_one and pairs.shape[1] == len(self.places)


def report(checks: Sequence[Check]) -> Document:
    """Return the checks, the verdict over all of them, and what is unknown, as JSON types."""
    verdicts = {check.verdict for check in checks}
    failed = {check.name for check in checks if check.verdict == FAIL}
    unknown = [check.name for check in checks if check.unchecked]
    verdict = NOT_FULLY if unknown else "clean"
    verdict = "leak" if failed else "warning" if WARN in verdicts else verdict
    # The parts are honest, and yet no score on them says what the label is about.
    verdict = CONFOUNDED if failed == {"confounded_groups"} else verdict
    return {
        "verdict": verdict,
        "state": _state(verdict, unknown),
        "not_checked": unknown,
        "checks": [asdict(check) for check in checks],
    }


def _state(verdict: str, unknown: Sequence[str]) -> str:
    """Return whether samples leak: a warning is about what the score means."""
    return "leaks" if verdict == "leak" else NOT_FULLY if unknown else "clean"


def not_checked(audit: Document) -> list[str]:
    """Return the names of the checks that were skipped although they apply.

    Audits of older versions do not list them: there, the checks of a search that was not made.
    """
    skipped = [c["name"] for c in audit.get("checks", ()) if c["verdict"] == SKIPPED]
    return list(audit.get("not_checked", [name for name in skipped if name in SEARCHES]))


def applying(audit: Document) -> list[Document]:
    """Return the checks that apply to the samples: "reverse complements" is none of proteins."""
    unknown = not_checked(audit)
    return [
        check
        for check in audit.get("checks", ())
        if check["verdict"] != SKIPPED or check["name"] in unknown
    ]


def verdict_of(audit: Document) -> str:
    """Return the verdict of an audit; older versions called clean what was not fully checked."""
    verdict = str(audit["verdict"])
    return NOT_FULLY if verdict == "clean" and not_checked(audit) else verdict


def verdict_sentence(audit: Document) -> str:
    """Return the verdict and what is missing: "warning; not fully checked: nearest homolog"."""
    names = ", ".join(name.replace("_", " ") for name in not_checked(audit))
    verdict = verdict_of(audit)
    if not names:
        return verdict
    found = "" if verdict == NOT_FULLY else f"{verdict}; "
    return f"{found}{NOT_FULLY}: {names}"


def state_of(audit: Document) -> str:
    """Return "clean", "not fully checked" or "leaks"."""
    return _state(str(audit["verdict"]), not_checked(audit))
