"""Where to: what is taken, and what is refused with a sentence."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cistron.base.errors import InputError
from cistron.base.secrets import without_password
from cistron.pipeline.tracking.destinations import impatient, make_trackers
from cistron.pipeline.tracking.follow import send
from cistron.pipeline.tracking.parts import read_parts


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("mlfow", "there is no 'mlfow'. Did you mean 'mlflow'?"),
        ("tensorbord=x", "Did you mean 'tensorboard'?"),
        ("wandb", "Use mlflow, mlflow=URI, tensorboard or tensorboard=FOLDER."),
        ("tensorboard=", "nothing stands behind the equals sign"),
        ("mlflow", "MLFLOW_TRACKING_URI is not set"),
        ("mlflow=localhost:5000", "Did you mean http://localhost:5000?"),
        ("mlflow=htp://me:secret@host", "'htp://me:***@host' is no address of a server. Did you"),
    ],
)
def test_what_cannot_be_is_refused(option, said, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError) as error:
        make_trackers([option], tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize("kind", ["mlflow", "tensorboard"])
def test_a_missing_package_is_named(kind, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(InputError, match=r"pip install 'cistron\[track\]'"):
        make_trackers([kind], tmp_path)


def test_the_address_comes_from_the_environment_and_each_is_followed_once(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    before = dict(os.environ)
    with impatient(5):
        made = make_trackers(["mlflow", "mlflow=http://host:5000"], tmp_path)
        assert [one.option for one in made] == ["mlflow=http://host:5000"]
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert dict(os.environ) == before


def test_passwords_are_not_shown() -> None:
    assert without_password("https://me:pw@host:1/x") == "https://me:***@host:1/x"
    assert without_password("sqlite:////a/b.db") == "sqlite:////a/b.db"


def test_what_is_no_run_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run that was trained"):
        send(tmp_path, ["tensorboard"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.json", "{", "metrics.json is cut short or damaged"),
        ("metrics.json", '{"test": {}}', "is damaged"),
        ("experiment.yaml", "{", "is not valid YAML"),
        ("audit.json", "[1]", "is damaged"),
    ],
)
def test_a_damaged_run_is_refused_with_a_sentence(name, content, said, tmp_path) -> None:
    (tmp_path / "experiment.yaml").write_text("name: one\n")
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read_parts(tmp_path, ended=True)
