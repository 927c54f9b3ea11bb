"""A network that starts from the weights of another classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.classifier.predictor import Predictor
from cistron.encoders.encoder import Encoder
from cistron.models.input import Network
from cistron.samples.samples import Samples

OF_THE_INPUT = ("table", "complement")  # buffers that belong to the encoder, not to what is learned
SHOWN = 5  # names in a message

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Matched:
    """Which features, or outputs, of two networks are the same: equally long arrays."""

    here: Rows
    there: Rows

    @classmethod
    def by_name(cls, here: Sequence[str], there: Sequence[str]) -> Matched:
        """Return where the same names are in both."""
        place = {name: number for number, name in enumerate(there)}
        pairs = [(number, place[name]) for number, name in enumerate(here) if name in place]
        return cls(*np.array(pairs, dtype=np.int64).reshape(-1, 2).T)


class Named(NamedTuple):
    """A classifier, and what messages call it."""

    classifier: Predictor
    name: str


def read_start(start_from: Predictor | str | Path | None) -> Named | None:
    """Return the classifier that weights start from, read where it is a path.

    Raises
    ------
    InputError
        If it cannot be read, is an ensemble, or no network.
    """
    if start_from is None:
        return None
    if isinstance(start_from, Predictor):
        earlier = Named(start_from, "the classifier given")
    else:
        if Predictor.reader is None:
            raise InputError("training.start_from: import cistron.classifier.load before.")
        try:
            earlier = Named(Predictor.reader(start_from), name_of_run(start_from))
        except InputError as error:
            raise InputError(f"training.start_from: {error}") from error
    _require_network(*earlier)
    return earlier


def name_of_run(path: str | Path) -> str:
    """Return what a run is called where its path must not stand: its folder's name."""
    folder = Path(path).resolve()
    return folder.parent.name if folder.name == "model" else folder.name


def start(classifier: Any, given: Named, train: Samples) -> Document:
    """Copy into the network of a classifier all that another one has too; return a record of it.

    A weight is copied where it has the same name and shape. Features of vectors that both encoders
    name, and outputs of classes, are copied one by one, by their names. All others keep their
    fresh numbers.

    Parameters
    ----------
    classifier : Classifier
        Its network is fresh.
    given : Named
        One that is trained.
    train : Samples
        New training samples: by them genes find their other names.

    Returns
    -------
    dict
        `run`, `sha256`; `weights` and how many of them were `copied` at least partly; `numbers`:
        the share that was copied; names of those that are `new`, or `partly`; `features` that are
        in `both`, `of` how many; `notes`; and `sentence`, which says it all.

    Raises
    ------
    InputError
        If nothing could be copied.
    """
    earlier, name = given
    features, notes = _features(classifier.encoder_, earlier.encoder_, train, name)
    outputs, note = _outputs(classifier, earlier, name)
    axes = _axes(classifier, features, outputs)
    there = earlier.members[0].model_.state_dict()  # type: ignore[attr-defined]
    new: list[str] = []
    partly: list[str] = []
    sizes = copied = weights = 0
    for key, tensor in classifier.model_.state_dict().items():
        if key in OF_THE_INPUT:
            continue
        numbers = _copy(tensor, there.get(key), axes.get(key, {}))
        if tensor.is_floating_point():
            weights, sizes, copied = weights + 1, sizes + tensor.numel(), copied + numbers
            if numbers < tensor.numel():
                (partly if numbers else new).append(key)
    if not copied:
        raise InputError(
            f"training.start_from: no weight of {name} fits the new network. {name} has the "
            f"encoder {_kinds(earlier)}; the new network has the encoder {_kinds(classifier)}. Use "
            f"the encoder and the model of {name}."
        )
    record: Document = {
        "run": name,
        "sha256": earlier.checksum_,
        "weights": weights,
        "copied": weights - len(new),
        "numbers": copied / sizes,
        "new": new,
        "partly": partly,
        "features": None,
        "notes": [*notes, *note, *_differences(classifier, earlier, name)],
    }
    if features is not None:
        record["features"] = {"both": len(features.here), "of": len(classifier.encoder_.names)}
    return {**record, "sentence": _sentence(record, classifier)}


def _require_network(earlier: Predictor, name: str) -> None:
    if len(earlier.members) > 1:
        raise InputError(
            f"training.start_from: {name} is an ensemble of {len(earlier.members)} classifiers, "
            f"and a network starts from one. Name one of them: {name}/model/members/0."
        )
    settings = getattr(earlier, "model_settings_", None)
    if settings is None or settings.family != "network":
        kind = getattr(settings, "kind", "something else")
        raise InputError(
            f"training.start_from: the model of {name} is {kind}, and only networks have weights "
            "to start from. Name the run of a network, or leave the key out."
        )


def _features(
    here: Encoder, there: Encoder, train: Samples, name: str
) -> tuple[Matched | None, list[str]]:
    """Return which features are the same; None where they have no names, and go by position."""
    if here.names is None or there.names is None:
        return None, []
    if any(getattr(encoder, "components", None) is not None for encoder in (here, there)):
        if _same_state(here, there):
            return Matched.by_name(here.names, there.names), []
        none = Matched.by_name((), ())
        return none, [f"The components are other axes than those of {name}: their weights are new."]
    if hasattr(here, "known") and hasattr(there, "overlap"):  # genes, which have several names
        overlap = there.overlap(train)
        genes = train.cells.genes
        found = [str(genes[column]) for column in overlap.columns]
        matched = Matched.by_name(here.names, found)
        return Matched(matched.here, np.flatnonzero(overlap.present)[matched.there]), []
    return Matched.by_name(here.names, there.names), []


def _outputs(classifier: Any, earlier: Any, name: str) -> tuple[Matched, list[str]]:
    """Return which outputs answer the same; by position where the classes have other names."""
    here, there = (_classes(one) for one in (classifier, earlier))
    names = [
        [" / ".join(classes)] if one.model_.single_logit else classes
        for classes, one in ((here, classifier), (there, earlier))
    ]
    matched = Matched.by_name(*names)
    if sorted(here) == sorted(there) or len(matched.here):
        return matched, []
    if len(names[0]) != len(names[1]):
        return matched, []
    order = np.arange(len(names[0]))
    told = f"The classes of {name} have other names ({', '.join(there)}): they go by their order."
    return Matched(order, order), [told] if here != there else []


def _classes(classifier: Any) -> list[str]:
    return [
        f"{head.name}: {label}" if number else label
        for number, head in enumerate(classifier.heads_)
        for label in (head.classes or [head.name])
    ]


def _axes(
    classifier: Any, features: Matched | None, outputs: Matched
) -> dict[str, dict[int, Matched]]:
    """Return the axes of weights that stand for features or outputs, each with what is the same.

    They are those that grow in a network of one feature, or one output, more.
    """
    shape = replace(classifier.encoder_.shape, embedding=None)
    settings, width, network = classifier.model_settings_, classifier.width, classifier.model_
    wider = [(replace(shape, width=shape.width + 1), width, shape.width, features)]
    more = [(shape, width + 1, 1 if network.single_logit else width, outputs)]
    axes: dict[str, dict[int, Matched]] = {}
    for larger, answers, size, matched in (*(wider if features is not None else ()), *more):
        try:
            with torch.device("meta"):
                other = Network(larger, settings, answers, exclusive=classifier.head.exclusive)
        except InputError:  # an architecture with a fixed number of outputs
            continue
        shapes = {key: tensor.shape for key, tensor in other.state_dict().items()}
        for key, tensor in network.state_dict().items():
            for axis, (now, then) in enumerate(
                zip(tensor.shape, shapes.get(key, ()), strict=False)
            ):
                if now != then and now == size and matched is not None:
                    axes.setdefault(key, {})[axis] = matched
    return axes


@torch.no_grad()
def _copy(tensor: torch.Tensor, other: torch.Tensor | None, axes: dict[int, Matched]) -> int:
    """Copy what both have, in place; return how many numbers."""
    if other is None or other.ndim != tensor.ndim:
        return 0
    if other.is_floating_point() != tensor.is_floating_point():
        return 0
    here, there = [], []
    for axis, (size, size_there) in enumerate(zip(tensor.shape, other.shape, strict=True)):
        if axis in axes:
            here.append(torch.from_numpy(axes[axis].here))
            there.append(torch.from_numpy(axes[axis].there))
            if len(there[-1]) and int(there[-1].max()) >= size_there:
                return 0
        elif size == size_there:
            here.append(torch.arange(size))
            there.append(torch.arange(size))
        else:
            return 0
    if not axes:
        tensor.copy_(other)
        return tensor.numel()
    tensor[torch.meshgrid(*here, indexing="ij")] = other.to(tensor)[
        torch.meshgrid(*there, indexing="ij")
    ]
    return int(np.prod([len(rows) for rows in here]))


def _differences(classifier: Any, earlier: Any, name: str) -> list[str]:
    """Return sentences about what else differs, so that the same weight may mean another thing."""
    notes = []
    if classifier.alphabet_ != earlier.alphabet_:
        notes.append(f"{name} reads {earlier.alphabet_}, and this network {classifier.alphabet_}.")
    for what, here, there in (
        ("encoder", classifier.encoder_.settings, earlier.encoder_.settings),
        ("model", classifier.model_settings_, earlier.model_settings_),
    ):
        mine, theirs = here.document(), there.document()
        keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
        told = [f"{key} ({theirs.get(key)} there, {mine.get(key)} here)" for key in keys[:SHOWN]]
        if "kind" in keys:
            told = [f"kind ({theirs['kind']} there, {mine['kind']} here)"]
        if keys:
            notes.append(f"The {what} differs from that of {name}: {', '.join(told)}.")
    if not _same_state(classifier.encoder_, earlier.encoder_):
        notes.append(
            f"The encoder is fitted to the new training samples: its scaling is not that of {name}."
        )
    return notes


def _same_state(here: Encoder, there: Encoder) -> bool:
    (learned, arrays), (learned_there, arrays_there) = here.state(), there.state()
    return (
        learned == learned_there
        and arrays.keys() == arrays_there.keys()
        and all(np.array_equal(arrays[key], arrays_there[key]) for key in arrays)
    )


def _kinds(classifier: Any) -> str:
    shape = classifier.encoder_.shape
    return (
        f"{classifier.encoder_.settings.kind} ({shape.width:,} "
        f"{'features' if shape.kind == 'vector' else 'channels'}) and the model "
        f"{classifier.model_settings_.kind}"
    )


def _sentence(record: Document, classifier: Any) -> str:
    lost = [*record["new"], *(f"{key} (in part)" for key in record["partly"])]
    more = ", …" if len(lost) > SHOWN else ""
    parts = [
        f"{record['copied']:,} of {record['weights']:,} weights, {record['numbers']:.0%} of the "
        f"numbers, start from {record['run']}",
        f"new: {', '.join(lost[:SHOWN])}{more}" if lost else "",
    ]
    if record["features"] is not None:
        both, of = record["features"]["both"], record["features"]["of"]
        noun = "genes" if classifier.alphabet_ == "genes" else "features"
        parts.append(f"{both:,} of {of:,} {noun} are in both")
    return "; ".join(filter(None, parts)) + "."
