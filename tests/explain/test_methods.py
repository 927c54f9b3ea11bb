"""A method of explanation is one object and one line of the list."""

from dataclasses import dataclass

import numpy as np
import pytest
from typer.testing import CliRunner

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.cli import app
from cistron.explain.checks import faithfulness
from cistron.explain.drawing import draw
from cistron.explain.explanation import explain
from cistron.explain.files import explain_file
from cistron.explain.layout import layout_of
from cistron.explain.method import Contributions, ExplanationMethod
from cistron.explain.methods import METHODS, allowed_methods, method_for, method_named
from cistron.explain.settings import ExplainSettings, parse_settings
from cistron.explain.store import read
from cistron.report.explanation import render_explanation
from cistron.samples.sequences.fasta import write_fasta
from tests.explain.conftest import promoters


@dataclass(frozen=True, eq=False)
class Even(ExplanationMethod):
    """Every position of a network's input has the same share of the output."""

    name: str = "even"
    words: str = "even: every position the same"
    adds_up: bool = True

    def fits(self, classifier):
        return classifier.model_settings_.family == "network"

    def explain(self, classifier, samples, target, options, advance):
        layout = layout_of(classifier, samples, classifier.encoder_.encode(samples))
        output, lengths = target.of(classifier.logits(samples)), np.diff(layout.offsets)
        advance(len(samples))
        return Contributions(
            layout,
            np.repeat(output / lengths, lengths).astype(np.float32),
            None,
            output,
            np.zeros(len(samples)),
            np.zeros(len(samples)),
            np.full(len(samples), self.name, dtype=object),
        )


@pytest.fixture
def even(monkeypatch):
    monkeypatch.setattr("cistron.explain.methods.METHODS", [*METHODS, Even()])


def test_a_new_method_is_used_by_its_name(even, cnn, promoter_samples, tmp_path):
    found = explain(cnn, promoter_samples, {"method": "even"})
    assert (found.method == "even").all()
    sums = np.add.reduceat(found.contributions, found.offsets[:-1])
    np.testing.assert_allclose(sums, found.output, rtol=1e-4)
    assert faithfulness(cnn, promoter_samples, found)["samples"] == len(promoter_samples)
    write_fasta(promoter_samples, tmp_path / "x.fasta")
    summary = explain_file(
        cnn, tmp_path / "x.fasta", tmp_path / "why", ExplainSettings(method="even")
    )
    assert (summary["methods"], summary["scale"]) == ({"even": len(promoter_samples)}, "logit")
    assert read(tmp_path / "why" / "attributions.h5").settings.method == "even"
    drawn = draw(tmp_path / "why", 1)
    assert "even: every position the same" in render_explanation(summary, drawn)


def test_a_new_method_is_averaged_over_members(even, cnn, promoter_samples):
    both = explain(Ensemble([cnn, cnn]), promoter_samples, {"method": "even"})
    assert (both.method == "even").all()
    sums = np.add.reduceat(both.contributions, both.offsets[:-1])
    np.testing.assert_allclose(sums, both.output - both.reference_output, rtol=1e-3, atol=1e-4)


def test_a_new_method_is_allowed_where_it_is_asked_for(even, linear, promoter_samples):
    assert allowed_methods()[-1] == "even"
    assert parse_settings(method="even").method == "even"
    with pytest.raises(InputError, match=r"occlusion, even"):
        parse_settings(method="evn")
    shown = " ".join(
        CliRunner().invoke(app, ["explain", "--help"], env={"COLUMNS": "300"}).output.split()
    )
    assert "in_silico_mutagenesis, occlusion or even." in shown
    # A model that explains itself does so whatever is asked for.
    assert set(explain(linear, promoter_samples, {"method": "even"}).method) == {"coefficients"}


def test_without_it_there_is_none(cnn, promoter_samples):
    with pytest.raises(InputError, match="no 'even'"):
        explain(cnn, promoter_samples, {"method": "even"})
    with pytest.raises(ValueError, match="choose one of deeplift"):
        ExplainSettings(method="even")


def test_a_method_that_fits_no_part_of_the_list_is_refused(
    monkeypatch, cnn, linear, promoter_samples
):
    monkeypatch.setattr("cistron.explain.methods.METHODS", [Even()])
    with pytest.raises(InputError, match="even does not explain logistic_regression"):
        explain(linear, promoter_samples, {"method": "even"})


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_says_what_it_does(method, cnn, linear, promoter_samples):
    forest = Classifier({"kind": "kmers", "k": 2}, {"kind": "random_forest", "trees": 5})
    forest.fit(promoters(40))
    asked = method.name if method.asked else "deeplift"
    fitting = [c for c in (cnn, forest, linear) if method_for(c, asked) is method]
    assert fitting
    for classifier in fitting:
        found = explain(classifier, promoter_samples[:2], {"method": asked})
        assert (found.method == method.name).all()
        assert np.isnan(found.error).all() != method.adds_up
        assert method.scale(classifier).name == (
            "probability" if classifier is forest and not method.asked else "logit"
        )


def test_names_are_there_once():
    names = [method.name for method in METHODS]
    assert len(set(names)) == len(names)
    assert {method_named(name).words for name in names} == {method.words for method in METHODS}
