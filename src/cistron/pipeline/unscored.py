"""Run directories of classifiers that were not trained in them: nothing there is scored."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cistron.base.document import Document
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
) -> None:
    """Write the run directory; it appears whole or not at all.

    Parameters
    ----------
    run : Run
        Replaced where it is there.
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
    """
    out = run.path.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        partial = Run(Path(name) / out.name)
        classifier.save(partial.path / "model", origin)
        reporter = Logged(reporter, partial.path / "log.txt")
        for sentence in said:
            reporter.say(sentence)
        if experiment:
            partial.write_text(EXPERIMENT, experiment)
        environment = {
            **{library: version(library) for library in LIBRARIES},
            "python": platform.python_version(),
            "platform": platform.platform(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "parameters": classifier.parameters,
            "command": command,
            **origin,
        }
        partial.write_json(ENVIRONMENT, environment)
        if out.exists():
            shutil.rmtree(out)
        partial.path.rename(out)
