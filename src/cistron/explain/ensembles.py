"""Ensembles: what is explained is a mean of logits, so its contributions are the members' mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.progress import Advance
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.explain.cells import deletable_genes, of_cells
from cistron.explain.perturbed import Changeable, inputs_of, letters_of
from cistron.explain.settings import ExplainSettings
from cistron.explain.target import Target
from cistron.explain.trees import explains_probability, has_trees
from cistron.samples.samples import Samples
from cistron.targets.heads import Head

Found = dict[str, Any]
Explained = Callable[[Classifier, Samples, Target, ExplainSettings, Advance], Found]


def by_members(
    ensemble: Ensemble,
    samples: Samples,
    target: Target,
    settings: ExplainSettings,
    advance: Advance,
    explained: Explained,
) -> Found:
    """Return the mean of the members' contributions, each over the temperature of its member.

    Every member is explained through its own encoder, against references of its own, and the
    contributions meet where they are of the same gene, feature or position. They add up to the
    ensemble's logit less the mean of the members' reference outputs.

    Parameters
    ----------
    ensemble : Ensemble
    samples : Samples
    target : Target
        Of the ensemble.
    settings : ExplainSettings
    advance : callable
    explained : callable
        Explains one classifier: see `cistron.explain.explanation.looked_into`.

    Raises
    ------
    InputError
        If the method's numbers are no contributions that could be averaged, or the members'
        inputs have nothing in common.
    """
    if settings.method == "saliency":
        raise InputError(
            "method: saliency is the size of a gradient, and sizes of the members' gradients do "
            "not add up to that of an ensemble. Use deeplift or gradient_times_input."
        )
    if any(_of_probabilities(member) for member in ensemble.members):
        raise InputError(
            "TreeSHAP explains the probabilities of a forest, whose mean is not what an ensemble "
            "answers: that is a mean of logits. Use --method in_silico_mutagenesis or occlusion, "
            "or explain one of the members."
        )
    number, head = len(ensemble.members), ensemble.head
    each, shared = [], _Shared(advance, number)
    for member in ensemble.members:
        found = explained(member, samples, _target_of(member.head, head, target), settings, shared)
        slope = 1.0 if head.kind == "number" else member.head.line[0]
        for name in ("contributions", "hypothetical", "output", "reference_output"):
            found[name] = None if found[name] is None else found[name] * slope
        each.append(found)
    shift = target.weights @ ensemble.shift[: head.outputs]
    where, places = _places(ensemble, each, samples)
    size = int(places["offsets"][-1])
    every_letter = all(found["hypothetical"] is not None for found in each)
    return {
        **places,
        "contributions": _mean(where, [found["contributions"] for found in each], size),
        "hypothetical": _mean(where, [found["hypothetical"] for found in each], size)
        if every_letter
        else None,
        "output": np.mean([found["output"] for found in each], axis=0) + shift,
        "reference_output": np.mean([found["reference_output"] for found in each], axis=0) + shift,
        # Errors are relative to the difference of each member; the worst of them is told.
        "error": np.max([found["error"] for found in each], axis=0),
        "method": _methods(each, settings.method),
    }


def _of_probabilities(member: Classifier) -> bool:
    classical = member.model_settings_.family != "network"
    return classical and has_trees(member) and explains_probability(member)


class _Shared:
    """Tells how many samples are done by all members together."""

    def __init__(self, advance: Advance, members: int) -> None:
        self.advance, self.members, self.done = advance, members, 0

    def __call__(self, samples: int = 1) -> None:
        before = self.done // self.members
        self.done += samples
        self.advance(self.done // self.members - before)


def _target_of(own: Head, head: Head, target: Target) -> Target:
    """Return for a member what is explained of the ensemble."""
    if head.kind == "number":
        return Target(target.classes, np.full_like(target.weights, own.scale))
    place = np.array([own.classes.index(name) for name in head.classes])
    weights = np.empty_like(target.weights)
    weights[:, place] = target.weights
    return Target(place[target.classes], weights)


def _methods(each: Sequence[Found], asked: str) -> NDArray[np.object_]:
    """Return the method of each sample; where a member fell back on another, that one."""
    methods = each[0]["method"].copy()
    for found in each[1:]:
        methods = np.where(methods == asked, found["method"], methods)
    return methods


def _mean(
    where: Sequence[NDArray[np.int64]], each: Sequence[NDArray[np.floating]], size: int
) -> NDArray[np.float32]:
    """Return the mean of values that stand at these places; what has none counts as 0."""
    total = np.zeros((size, *each[0].shape[1:]))
    for at, values in zip(where, each, strict=True):
        total[at] += values
    return (total / len(each)).astype(np.float32)


def _places(
    ensemble: Ensemble, each: Sequence[Found], samples: Samples
) -> tuple[list[NDArray[np.int64]], Found]:
    """Return where each member's contributions stand in those of the ensemble, and their places."""
    names = ("offsets", "codes", "positions", "features")
    first = {name: each[0][name] for name in names}
    if all(_same(first, found) for found in each[1:]) and _named_alike(ensemble, first):
        return [np.arange(int(first["offsets"][-1]))] * len(each), first
    if any((found["codes"] is None) != (first["codes"] is None) for found in each):
        raise InputError(
            "Some members of the ensemble read positions and others features, whose contributions "
            "cannot be averaged. Use --method in_silico_mutagenesis or occlusion."
        )
    if first["codes"] is None:
        features, columns = united([found["features"] for found in each])
        if not all(found["features"] for found in each):
            raise InputError(
                "The members of the ensemble read different features that have no names, so their "
                "contributions cannot be averaged. Use --method in_silico_mutagenesis or occlusion."
            )
        rows, width = np.arange(len(samples))[:, None], len(features)
        offsets = np.arange(len(samples) + 1, dtype=np.int64) * width
        where = [(rows * width + own).ravel() for own in columns]
        return where, {**first, "offsets": offsets, "features": features}
    # They read different parts of the sequences: contributions are told of the whole of them.
    offsets = samples.sequences.offsets
    where = [
        np.repeat(offsets[:-1], np.diff(found["offsets"])) + found["positions"] for found in each
    ]
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    codes = np.asarray(samples.sequences.values)
    return where, {**first, "offsets": offsets, "codes": codes, "positions": positions}


def _same(one: Found, other: Found) -> bool:
    if one["features"] != other["features"]:
        return False
    return all(
        np.array_equal(one[name], other[name])
        if one[name] is not None and other[name] is not None
        else one[name] is other[name]
        for name in ("offsets", "codes", "positions")
    )


def _named_alike(ensemble: Ensemble, found: Found) -> bool:
    """Whether features are the same: those without names are where encoders are set alike."""
    if found["codes"] is not None or found["features"]:
        return True
    settings = [member.encoder_.settings for member in ensemble.members]
    return all(own == settings[0] for own in settings)


def united(names: Sequence[Iterable[str]]) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Return all names once, and for each list of names which of them they are."""
    place: dict[str, int] = {}
    columns = [np.array([place.setdefault(name, len(place)) for name in own]) for own in names]
    return tuple(place), columns


def deletable_of_members(
    ensemble: Ensemble, samples: Samples, offsets: NDArray[np.int64]
) -> tuple[Changeable, Any]:
    """Return what can be deleted of samples, and what stands for it (None: the blank).

    What the members read, side by side on a last axis; letters where they read different parts.

    Parameters
    ----------
    ensemble : Ensemble
    samples : Samples
    offsets : ndarray of int64, shape (n + 1,)
        Of the explanation of these samples.

    Raises
    ------
    InputError
        If the members have no input in common.
    """
    if of_cells(ensemble):
        each = [deletable_genes(member, samples) for member in ensemble.members]
        names = [cast("Any", member.encoder_).genes for member in ensemble.members]
        features, columns = united(names)
        nothing = np.zeros((len(features), len(each)))
        for number, (own, (_, blank)) in enumerate(zip(columns, each, strict=True)):
            nothing[own, number] = blank
        return _of_vectors(ensemble, [one for one, _ in each], columns), nothing
    inputs = [inputs_of(member, samples) for member in ensemble.members]
    rows = [one.values for one in inputs if isinstance(one.values, Ragged)]
    if not rows:
        known = [member.encoder_.names or () for member in ensemble.members]
        widths = [np.asarray(one.values).shape[1] for one in inputs]
        named = [own or map(str, range(width)) for own, width in zip(known, widths, strict=True)]
        return _of_vectors(ensemble, inputs, united(named)[1]), None
    alike = len(rows) == len(inputs) and len({one.blank for one in inputs}) == 1
    alike = alike and all(one.values.shape == rows[0].values.shape for one in rows)
    if alike and all(np.array_equal(one.offsets, offsets) for one in rows):
        return _of_positions(ensemble, inputs), None
    letters = letters_of(ensemble, samples)
    if np.array_equal(cast("Ragged", letters.values).offsets, offsets):
        return letters, None
    raise InputError(
        "The members of the ensemble read samples in different ways, so that what contributes "
        "cannot be deleted for all of them. Use --method in_silico_mutagenesis or occlusion."
    )


def _of_vectors(
    ensemble: Ensemble, each: Sequence[Changeable], columns: Sequence[NDArray[np.int64]]
) -> Changeable:
    """Return features, shape (n, features, members), of which each member reads its own."""
    parts = [np.asarray(one.values) for one in each]
    width = 1 + max(int(own.max(initial=-1)) for own in columns)
    values = np.zeros((len(parts[0]), width, len(each)), dtype=parts[0].dtype)
    for number, (own, part) in enumerate(zip(columns, parts, strict=True)):
        values[:, own, number] = part

    def score(x: Any) -> NDArray[np.float32]:
        own = enumerate(zip(each, columns, strict=True))
        return ensemble.mean([one.score(x[:, at, number]) for number, (one, at) in own])

    return Changeable(values, 0, score)


def _of_positions(ensemble: Ensemble, each: Sequence[Changeable]) -> Changeable:
    """Return what stands at positions, the members on the last axis."""
    rows = [cast("Ragged", one.values) for one in each]
    values = Ragged(np.stack([own.values for own in rows], axis=-1), rows[0].offsets)

    def score(x: Any) -> NDArray[np.float32]:
        parts = [Ragged(x.values[..., number], x.offsets) for number in range(len(each))]
        return ensemble.mean([one.score(part) for one, part in zip(each, parts, strict=True)])

    return Changeable(values, each[0].blank, score)
