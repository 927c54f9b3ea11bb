"""Run directories of classifiers that were not trained in them: nothing there is scored."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version

from cistron.base.document import Document
from cistron.base.output_folder import kept
from cistron.base.progress import Logged, Reporter
from cistron.classifier.predictor import Predictor
from cistron.experiment.run_folder import ENVIRONMENT, EXPERIMENT, Run
from cistron.pipeline.pipeline import LIBRARIES


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
