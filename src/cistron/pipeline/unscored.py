"""Run directories of classifiers that were not trained in them: nothing there is scored."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version

import yaml

from cistron.base.document import Document
from cistron.base.output_folder import kept
from cistron.base.progress import Logged, Reporter
from cistron.classifier.classifier import Classifier
from cistron.classifier.predictor import Predictor
from cistron.experiment.run_folder import ENVIRONMENT, EXPERIMENT, Run
from cistron.pipeline.pipeline import LIBRARIES

SECTIONS = "sections.yaml"  # encoder and model, as an experiment that starts from it has them


def write_unscored(
    run: Run,
    classifier: Predictor,
    origin: Document,
    said: Iterable[str],
    reporter: Reporter,
    command: str,
    experiment: str = "",
    *,
    force: bool = False,
) -> None:
    """Write the run directory.

    Parameters
    ----------
    run : Run
    classifier : Predictor
    origin : dict
        Where it comes from: recorded in the classifier and in environment.json.
    said : iterable of str
        Told to the user, and kept in the log.
    reporter : Reporter
    command : str
        Recorded in environment.json.
    experiment : str, optional
        Text of experiment.yaml, where one is known.
    force : bool
        Replace a run that is there.
    """
    with run.folder.opened(force=force) as others:
        classifier.save(run.path / "model", origin)
        reporter = Logged(reporter, run.path / "log.txt")
        for sentence in (*said, *([kept(others, run.path)] if others else [])):
            reporter.say(sentence)
        if experiment:
            run.write_text(EXPERIMENT, experiment)
        elif isinstance(classifier, Classifier):
            run.write_text(SECTIONS, _sections(classifier))
        environment = {
            **{library: version(library) for library in LIBRARIES},
            "python": platform.python_version(),
            "platform": platform.platform(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "parameters": classifier.parameters,
            "command": command,
            **origin,
        }
        run.write_json(ENVIRONMENT, environment)


def _sections(classifier: Classifier) -> str:
    """Return the sections of an experiment whose network starts from this one."""
    sections = {
        "encoder": classifier.encoder_.settings.document(),
        "model": classifier.model_settings_.document(),
    }
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)
