"""Explain samples: what each position or feature contributes to a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Advance, Reporter
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.encoders.crop import crop
from cistron.explain.settings import ON_LETTERS, SUMMED, ExplainSettings, parse_settings
from cistron.explain.target import Target, choose_target
from cistron.samples.alphabet import ALPHABETS
from cistron.samples.samples import COORDINATES, Samples

PLACED = ("chromosome", *COORDINATES[:3])


@dataclass(frozen=True, eq=False)
class Explanation:
    """Contributions of n samples, end to end.

    What belongs to sample i is `offsets[i]:offsets[i + 1]` of the arrays of length `total`.

    Parameters
    ----------
    ids : ndarray of object, shape (n,)
    offsets : ndarray of int64, shape (n + 1,)
    contributions : ndarray of float32, shape (total,)
        To the output that is explained, of each position (or feature).
    hypothetical : ndarray of float32, shape (total, letters), or None
        What each standard letter of the alphabet would contribute if it stood there. The
        contribution is that of the letter which is there. None where the model reads no letters.
    codes : ndarray of uint8, shape (total,), or None
        Letter at each position, in the order of `letters`; None of features.
    positions : ndarray of int64, shape (total,), or None
        0-based place of each position in its sample, of which the encoder may have kept a part.
    logits : ndarray of float32, shape (n, outputs)
    probabilities : ndarray of float64, shape (n, classes)
        Calibrated; of a number, the number.
    explained : ndarray of int64, shape (n,)
        Index of the class whose logit is explained; -1 of a number.
    output, reference_output : ndarray of float64, shape (n,)
        What is explained, and its mean over the references.
    error : ndarray of float64, shape (n,)
        Completeness error; not a number for methods that need not add up.
    method : ndarray of object, shape (n,)
    coordinates : DataFrame, n rows
        `chromosome`, `start`, `end` (0-based, half-open) and `strand`, where known.
    settings : ExplainSettings
    classes : tuple of str
    letters : str
        Of the alphabet, in the order of the codes.
    features : tuple of str
        Names of the features of a vector (of cells, genes); empty of positions.
    lengths : ndarray of int64, shape (n,), or None
        Positions of each sample, of which a part may have been read; None of features.
    groups : DataFrame, n rows
        Columns that samples are grouped by, where they were asked for.
    """

    ids: NDArray[np.object_]
    offsets: NDArray[np.int64]
    contributions: NDArray[np.float32]
    hypothetical: NDArray[np.float32] | None
    codes: NDArray[np.uint8] | None
    positions: NDArray[np.int64] | None
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    explained: NDArray[np.int64]
    output: NDArray[np.float64]
    reference_output: NDArray[np.float64]
    error: NDArray[np.float64]
    method: NDArray[np.object_]
    coordinates: pd.DataFrame
    settings: ExplainSettings
    classes: tuple[str, ...] = ()
    letters: str = ""
    features: tuple[str, ...] = ()
    lengths: NDArray[np.int64] | None = None
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, row: int) -> NDArray[np.float32]:
        """Return the contributions of one sample."""
        return self.contributions[self.offsets[row] : self.offsets[row + 1]]

    def span(self, start: int, stop: int) -> Self:
        """Return the consecutive samples from `start` up to and without `stop`."""
        inside = slice(self.offsets[start], self.offsets[stop])
        along: dict[str, Any] = {
            name: None if values is None else values[inside]
            for name in ("contributions", "hypothetical", "codes", "positions")
            for values in [getattr(self, name)]
        }
        each: dict[str, Any] = {
            name: getattr(self, name)[start:stop]
            for name in ("ids", "logits", "probabilities", "explained", "output", "error", "method")
        }
        return replace(
            self,
            offsets=self.offsets[start : stop + 1] - self.offsets[start],
            reference_output=self.reference_output[start:stop],
            coordinates=self.coordinates.iloc[start:stop].reset_index(drop=True),
            lengths=None if self.lengths is None else self.lengths[start:stop],
            groups=self.groups.iloc[start:stop].reset_index(drop=True),
            **along,
            **each,
        )


def explain(
    classifier: Classifier,
    samples: Samples,
    settings: ExplainSettings | dict[str, Any] | None = None,
    reporter: Reporter = SILENT,
) -> Explanation:
    """Explain the prediction of each sample.

    Parameters
    ----------
    classifier : Classifier
    samples : Samples
        At least one.
    settings : ExplainSettings or dict, optional
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If the method does not fit the classifier, or its result is not exact enough.
    """
    chosen = settings if isinstance(settings, ExplainSettings) else parse_settings(**settings or {})
    if not len(samples):
        raise InputError("There is no sample to explain.")
    with reporter.bar(len(samples), f"explaining by {chosen.method}") as advance:
        return explain_window(classifier, samples, chosen, advance)


def explain_window(
    classifier: Classifier, samples: Samples, settings: ExplainSettings, advance: Advance
) -> Explanation:
    """Explain samples within a progress bar that is shown already. See `explain`."""
    logits = classifier.logits(samples)
    target = choose_target(classifier.head, logits, settings.class_)
    if settings.method in ON_LETTERS:
        found = _by_changing(classifier, samples, target, logits, settings, advance)
    else:
        found = looked_into(classifier, samples, target, settings, advance)
    head, alphabet = classifier.head, ALPHABETS.get(classifier.alphabet_)
    answers = head.values(logits)[:, None] if head.kind == "number" else head.probabilities(logits)
    known = [name for name in PLACED if name in samples.table]
    return Explanation(
        ids=samples.ids,
        logits=logits,
        probabilities=answers,
        explained=target.classes,
        coordinates=samples.table[known].reset_index(drop=True),
        lengths=None if found["codes"] is None else samples.sequences.lengths,
        groups=samples.table[list(samples.groups)].reset_index(drop=True),
        settings=settings,
        classes=tuple(map(str, classifier.classes_)),
        letters=alphabet.letters if alphabet else "",
        **found,
    )


def looked_into(
    classifier: Classifier,
    samples: Samples,
    target: Target,
    settings: ExplainSettings,
    advance: Advance,
) -> dict[str, Any]:
    """Return contributions by a method that looks into the model, and where they stand."""
    if isinstance(classifier, Ensemble):
        from cistron.explain.ensembles import by_members

        return by_members(classifier, samples, target, settings, advance, looked_into)
    if classifier.model_settings_.family == "network":
        return _by_network(classifier, samples, target, settings, advance)
    return _by_parts(classifier, samples, target, advance)


def _by_network(
    classifier: Classifier,
    samples: Samples,
    target: Target,
    settings: ExplainSettings,
    advance: Advance,
) -> dict[str, Any]:
    from cistron.explain.attributions import attribute, offsets_of
    from cistron.explain.cells import gene_contributions, of_cells
    from cistron.explain.pooled import pools_residues, residue_contributions

    encoded = classifier.encoder_.encode(samples)
    found = attribute(classifier, encoded, target, settings, advance)
    result = {field.name: getattr(found, field.name) for field in fields(found)}
    if of_cells(classifier):
        vectors = found.contributions.reshape(len(samples), -1)
        return result | gene_contributions(classifier, samples, vectors)
    if pools_residues(classifier) and settings.method in SUMMED:
        vectors = found.contributions.reshape(len(samples), -1)
        return result | residue_contributions(classifier, samples, vectors, encoded)
    return result | places(classifier, samples, encoded) | {"offsets": offsets_of(encoded)}


def places(classifier: Classifier, samples: Samples, encoded: Encoded) -> dict[str, Any]:
    """Return the letter and the place of each position that was read, or the features' names."""
    if not isinstance(encoded, Ragged):
        return {
            "codes": None,
            "positions": None,
            "features": tuple(classifier.encoder_.names or ()),
        }
    sequences, settings = samples.sequences, cast("Any", classifier.encoder_.settings)
    starts, lengths = sequences.offsets[:-1], sequences.lengths
    whole = Ragged(np.arange(sequences.offsets[-1]), sequences.offsets)
    if (lengths != encoded.lengths).any():
        whole = crop(whole, int(encoded.lengths.max()), settings.crop)
    at = np.asarray(whole.values)
    letters = np.asarray(sequences.values)[at]
    return {
        "codes": letters,
        "positions": at - np.repeat(starts, whole.lengths),
        "features": (),
    }


def _by_changing(
    classifier: Classifier,
    samples: Samples,
    target: Target,
    logits: NDArray[np.float32],
    settings: ExplainSettings,
    advance: Advance,
) -> dict[str, Any]:
    from cistron.explain.in_silico_mutagenesis import in_silico_mutagenesis
    from cistron.explain.occlusion import occlusion
    from cistron.explain.perturbed import letters_of

    letters = letters_of(classifier, samples)
    rows = cast("Ragged", letters.values)
    alphabet, output = ALPHABETS[classifier.alphabet_], target.of(logits)
    contributions, hypothetical = [], []
    for row in range(len(samples)):
        given = (letters, rows[row], target.weights[row], float(output[row]))
        if settings.method == "occlusion":
            contributions.append(occlusion(*given, settings.window))
        else:
            found, each = in_silico_mutagenesis(*given, alphabet, settings.scan)
            contributions.append(found)
            if each is not None:
                hypothetical.append(each)
        advance()
    nothing = np.full(len(samples), np.nan)
    return {
        **places(classifier, samples, rows),
        "offsets": rows.offsets,
        "contributions": np.concatenate(contributions),
        "hypothetical": np.concatenate(hypothetical) if hypothetical else None,
        "output": output,
        "reference_output": nothing,
        "error": nothing,
        "method": np.full(len(samples), settings.method, dtype=object),
    }


def _by_parts(
    classifier: Classifier,
    samples: Samples,
    target: Target,
    advance: Advance,
) -> dict[str, Any]:
    """Explain a linear model by its coefficients, and trees by TreeSHAP."""
    from cistron.explain.cells import (
        dense,
        gene_contributions,
        linear_contributions_of_cells,
        of_cells,
    )
    from cistron.explain.linear import linear_contributions
    from cistron.explain.pooled import pools_residues, residue_contributions
    from cistron.explain.trees import has_trees, tree_contributions

    encoded = classifier.encoder_.encode(samples)
    found: NDArray[np.floating]
    cells, trees = of_cells(classifier), has_trees(classifier)
    # Trees on components have none that could be carried back to genes: they are not linear.
    if trees and not (cells and cast("Any", classifier.encoder_).components is not None):
        found, output, reference = tree_contributions(classifier, dense(encoded), target)
    elif cells:
        found, output, reference = linear_contributions_of_cells(classifier, encoded, target)
    else:
        found, output, reference = linear_contributions(classifier, dense(encoded), target)
    contributions = found.astype(np.float32)
    advance(len(samples))
    result: dict[str, Any] = {
        "contributions": contributions.ravel(),
        "hypothetical": None,
        "output": output,
        "reference_output": reference,
        "error": np.abs(found.sum(axis=1) - (output - reference))
        / np.maximum(np.abs(output - reference), 1e-6),
        "method": np.full(len(samples), "tree_shap" if trees else "coefficients", dtype=object),
    }
    if cells:
        return result | gene_contributions(classifier, samples, contributions)
    if pools_residues(classifier) and not trees:
        return result | residue_contributions(classifier, samples, contributions, encoded)
    offsets = np.arange(len(samples) + 1, dtype=np.int64) * contributions.shape[1]
    return result | places(classifier, samples, dense(encoded)) | {"offsets": offsets}
