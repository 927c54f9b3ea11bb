"""Ensembles: what is explained is a mean of logits, so its contributions are the members' mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.progress import Advance
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.predictor import Predictor
from cistron.encoders.cells.expression import Expression
from cistron.explain.cells import deletable_genes, of_cells
from cistron.explain.in_silico_mutagenesis import IN_SILICO_MUTAGENESIS
from cistron.explain.layout import Layout, rows_of
from cistron.explain.method import Contributions, ExplanationMethod
from cistron.explain.methods import method_for, method_named
from cistron.explain.network_method import NetworkMethod
from cistron.explain.options import Options
from cistron.explain.perturbed import Changeable, inputs_of, letters_of
from cistron.explain.target import LOGITS, Scale, Target
from cistron.samples.samples import Samples
from cistron.targets.target import Target as Head


def contributions_of(
    classifier: Predictor, samples: Samples, target: Target, options: Options, advance: Advance
) -> Contributions:
    """Return contributions by the method that fits a classifier, or its members.

    Raises
    ------
    InputError
        If no method fits, or its result is not exact enough.
    """
    _require_references(classifier, options)
    if (
        isinstance(classifier, Ensemble)
        and method_named(options.method).looks_inside
        and not reads_differ(classifier)
    ):
        return by_members(classifier, samples, target, options, advance)
    if isinstance(classifier, Ensemble) and method_named(options.method).looks_inside:
        # The method of each sample, which pages and tables tell, is then the one that was used.
        options = options.model_copy(update={"method": IN_SILICO_MUTAGENESIS.name})
    alone = cast("Classifier", classifier)  # methods that change letters ask for outputs alone
    return method_for(alone, options.method).explain(alone, samples, target, options, advance)


def _require_references(classifier: Predictor, options: Options) -> None:
    """Refuse a background where the method compares with nothing, or not with sequences."""
    if options.background is None:
        return
    for member in classifier.members:
        method = method_for(cast("Classifier", member), options.method)
        if not (isinstance(method, NetworkMethod) and method.adds_up):
            raise InputError(
                f"--background: the method {method.name} has no references. Leave the option out, "
                "or use --method deeplift or integrated_gradients, which explain networks."
            )


def reads_differ(ensemble: Ensemble) -> bool:
    """Return whether what a blend's members say of sequences has only the outputs in common.

    Some read positions and others features, features of different kinds, or trees are among them.
    """
    if not ensemble.weighted:
        return False
    kinds = {getattr(member.encoder_.settings, "kind", "") for member in ensemble.members}
    return len(kinds) > 1


def scale_of(classifier: Predictor, method: str) -> Scale:
    """Return on which scale the contributions by a method are; of an ensemble, that of logits."""
    return method_named(method).scale(classifier) if isinstance(classifier, Classifier) else LOGITS


def by_members(
    ensemble: Ensemble, samples: Samples, target: Target, options: Options, advance: Advance
) -> Contributions:
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
    options : Options
    advance : callable

    Raises
    ------
    InputError
        If the method's numbers are no contributions that could be averaged, or the members'
        inputs have nothing in common.
    """
    methods = [method_for(member, options.method) for member in ensemble.members]
    _require_averaged(ensemble, [method_named(options.method)] * len(methods))
    _require_averaged(ensemble, methods)
    head, shared = ensemble.head, _Shared(advance, len(ensemble.members))
    each = []
    for member, method in zip(ensemble.members, methods, strict=True):
        its_target = _target_of(member.head, head, target)
        answer = method.explain(member, samples, its_target, options, shared)
        each.append(_times(answer, member.head.slope))
    shift = target.weights @ ensemble.shift[: head.outputs]
    where, layout = _layout(ensemble, each, samples)
    size = int(layout.offsets[-1])
    letters = [answer.hypothetical for answer in each if answer.hypothetical is not None]
    strands = [answer.strands for answer in each if answer.strands is not None]
    return Contributions(
        layout,
        _mean(where, [answer.contributions for answer in each], size, ensemble.weights),
        _mean(where, letters, size, ensemble.weights) if len(letters) == len(each) else None,
        ensemble.averaged(np.stack([answer.output for answer in each])) + shift,
        ensemble.averaged(np.stack([answer.reference_output for answer in each])) + shift,
        # Errors are relative to the difference of each member; the worst of them is told.
        np.max([answer.error for answer in each], axis=0),
        _methods(each, options.method),
        _mean(where, strands, size, ensemble.weights) if len(strands) == len(each) else None,
    )


def _require_averaged(ensemble: Ensemble, methods: Sequence[ExplanationMethod]) -> None:
    for member, method in zip(ensemble.members, methods, strict=True):
        reason = method.not_averaged(member)
        if reason:
            raise InputError(reason)


def _times(answer: Contributions, slope: float) -> Contributions:
    """Return contributions to a multiple of the output."""
    letters, strands = answer.hypothetical, answer.strands
    return replace(
        answer,
        contributions=answer.contributions * slope,
        hypothetical=None if letters is None else letters * slope,
        strands=None if strands is None else strands * slope,
        output=answer.output * slope,
        reference_output=answer.reference_output * slope,
    )


class _Shared:
    """Tells how many samples are done by all members together."""

    def __init__(self, advance: Advance, members: int) -> None:
        self.advance, self.members, self.done = advance, members, 0

    def __call__(self, samples: int = 1) -> None:
        before = self.done // self.members
        self.done += samples
        self.advance(self.done // self.members - before)


def _target_of(its_head: Head, head: Head, target: Target) -> Target:
    """Return for a member what is explained of the ensemble."""
    return Target(*head.contrast_of(its_head, target.classes, target.weights))


def _methods(each: Sequence[Contributions], asked: str) -> NDArray[np.object_]:
    """Return the method of each sample; where a member fell back on another, that one."""
    methods = each[0].method.copy()
    for answer in each[1:]:
        methods = np.where(methods == asked, answer.method, methods)
    return methods


def _mean(
    where: Sequence[NDArray[np.int64]],
    each: Sequence[NDArray[np.floating]],
    size: int,
    weights: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the weighted mean of values that stand at these places; what has none counts as 0."""
    total = np.zeros((size, *each[0].shape[1:]))
    for at, values, weight in zip(where, each, weights, strict=True):
        total[at] += weight * values
    return total.astype(np.float32)


def _layout(
    ensemble: Ensemble, each: Sequence[Contributions], samples: Samples
) -> tuple[list[NDArray[np.int64]], Layout]:
    """Return where each member's contributions stand in those of the ensemble, and their layout."""
    layouts = [answer.layout for answer in each]
    first = layouts[0]
    if all(_same(first, other) for other in layouts[1:]) and _named_alike(ensemble, first):
        return [np.arange(int(first.offsets[-1]))] * len(each), first
    if any((layout.codes is None) != (first.codes is None) for layout in layouts):
        raise InputError(
            "Some members of the ensemble read positions and others features, whose contributions "
            "cannot be averaged. Use --method in_silico_mutagenesis or occlusion."
        )
    if first.codes is None:
        features, columns = united([layout.features for layout in layouts])
        if not all(layout.features for layout in layouts):
            raise InputError(
                "The members of the ensemble read different features that have no names, so their "
                "contributions cannot be averaged. Use --method in_silico_mutagenesis or occlusion."
            )
        rows, width = np.arange(len(samples))[:, None], len(features)
        where = [(rows * width + column).ravel() for column in columns]
        return where, Layout(rows_of(len(samples), width), features=features)
    # They read different parts of the sequences: contributions are told of the whole of them.
    offsets = samples.sequences.offsets
    where = [
        np.repeat(offsets[:-1], np.diff(layout.offsets)) + np.asarray(layout.positions)
        for layout in layouts
    ]
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    return where, Layout(offsets, np.asarray(samples.sequences.values), positions)


def _same(one: Layout, other: Layout) -> bool:
    pairs = ((one.codes, other.codes), (one.positions, other.positions))
    return (
        one.features == other.features
        and np.array_equal(one.offsets, other.offsets)
        and all(
            np.array_equal(a, b) if a is not None and b is not None else a is b for a, b in pairs
        )
    )


def _named_alike(ensemble: Ensemble, layout: Layout) -> bool:
    """Whether features are the same: those without names are where encoders are set alike."""
    if layout.codes is not None or layout.features:
        return True
    settings = [member.encoder_.settings for member in ensemble.members]
    return all(each == settings[0] for each in settings)


def united(names: Sequence[Iterable[str]]) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Return all names once, and for each list of names which of them they are."""
    place: dict[str, int] = {}
    columns = [np.array([place.setdefault(name, len(place)) for name in each]) for each in names]
    return tuple(place), columns


def deletable_of_members(
    ensemble: Ensemble, samples: Samples, offsets: NDArray[np.int64]
) -> tuple[Changeable, NDArray[np.float64] | None]:
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
        names = [cast("Expression", member.encoder_).genes for member in ensemble.members]
        features, columns = united(names)
        nothing = np.zeros((len(features), len(each)))
        for number, (column, (_, blank)) in enumerate(zip(columns, each, strict=True)):
            nothing[column, number] = blank
        return _of_vectors(ensemble, [genes for genes, _ in each], columns), nothing
    inputs = [inputs_of(member, samples) for member in ensemble.members]
    rows = [read.values for read in inputs if isinstance(read.values, Ragged)]
    if not rows:
        known = [member.encoder_.names or () for member in ensemble.members]
        widths = [np.asarray(read.values).shape[1] for read in inputs]
        named = [
            names or map(str, range(width)) for names, width in zip(known, widths, strict=True)
        ]
        return _of_vectors(ensemble, inputs, united(named)[1]), None
    alike = len(rows) == len(inputs) and len({read.blank for read in inputs}) == 1
    alike = alike and all(row.values.shape == rows[0].values.shape for row in rows)
    if alike and all(np.array_equal(row.offsets, offsets) for row in rows):
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
    parts = [np.asarray(inputs.values) for inputs in each]
    width = 1 + max(int(column.max(initial=-1)) for column in columns)
    values = np.zeros((len(parts[0]), width, len(each)), dtype=parts[0].dtype)
    for number, (column, part) in enumerate(zip(columns, parts, strict=True)):
        values[:, column, number] = part

    def score(x: Encoded) -> NDArray[np.float32]:
        vectors = cast("NDArray[np.float32]", x)
        members = enumerate(zip(each, columns, strict=True))
        return ensemble.mean([inputs.score(vectors[:, at, n]) for n, (inputs, at) in members])

    return Changeable(values, 0, score)


def _of_positions(ensemble: Ensemble, each: Sequence[Changeable]) -> Changeable:
    """Return what stands at positions, the members on the last axis."""
    rows = [cast("Ragged", inputs.values) for inputs in each]
    values = Ragged(np.stack([row.values for row in rows], axis=-1), rows[0].offsets)

    def score(x: Encoded) -> NDArray[np.float32]:
        stacked = cast("Ragged", x)
        parts = [
            Ragged(stacked.values[..., number], stacked.offsets) for number in range(len(each))
        ]
        return ensemble.mean([m.score(part) for m, part in zip(each, parts, strict=True)])

    return Changeable(values, each[0].blank, score)
