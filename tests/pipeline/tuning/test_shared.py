"""What is said of a database that cannot be used, and that passwords are never told."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from cistron.base.errors import InputError
from cistron.base.secrets import without_password
from cistron.cli.options import command_line
from cistron.pipeline.tuning.search import How
from cistron.pipeline.tuning.shared import open_database
from cistron.pipeline.tuning.tune import read_search, tune
from tests.pipeline.tuning.test_tune import made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("mysql+pymysql://me:a@b:secret@host/db", "mysql+pymysql://me:***@host/db"),
        ("--storage=postgresql://:secret@host/db", "--storage=postgresql://:***@host/db"),
        ("postgresql://host/db?user=me&password=secret&x=1", None),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("training.epochs=5", "training.epochs=5"),
        ("postgresql://me:a secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:a%20secret%40x@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:a/secret@host/db", "postgresql://me:***@host/db"),
        ("host=db user=me password='a secret' port=1", "host=db user=me password=*** port=1"),
        ('host=db password = "a secret"', "host=db password = ***"),
        ("host=db password='it\\'s secret' port=1", "host=db password=*** port=1"),
        ("http://host:5000/?token=secret&x=1", None),
        ("http://host/?x=1&access_token=secret#top", "http://host/?x=1&access_token=***"),
        ("https://host/?api_key=secret;b=2", None),
        ("https://host/?Secret=secret", "https://host/?Secret=***"),
        ("Authorization: Bearer secret", None),
        ("training.max_tokens=5 monkeys=3", "training.max_tokens=5 monkeys=3"),
    ],
)
def test_passwords_are_masked_and_nothing_else(text: str, told: str | None) -> None:
    assert without_password(text) == (told or text.replace("secret", "***"))


def test_the_command_is_recorded_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:secret@host/db"
    monkeypatch.setattr(sys, "argv", ["cistron", "tune", "a.yaml", "--storage", url])
    assert command_line() == "cistron tune a.yaml --storage 'postgresql://me:***@host/db'"


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://me:secret@127.0.0.1:{free.getsockname()[1]}/db"
    search, out = read_search(made(tmp_path)), tmp_path / "run"
    with pytest.raises(InputError, match=r"cannot be used: .*refused.*--resume") as failed:
        tune(search, out, How(trials=2, storage=url))
    assert "secret" not in str(failed.value)
    assert "secret" not in json.dumps(json.loads((out / "how.json").read_text()))
    # Nothing was made, and the same command goes on without a database.
    tune(search, out, How(trials=2), resume=True)


def test_what_is_no_database_that_several_can_share() -> None:
    for url in ("sqlite:///trials.db", "host:5432", "postgresql"):
        with pytest.raises(InputError, match="several machines share"):
            open_database(url)
    with pytest.raises(InputError, match="--storage: .*port"):
        open_database("postgresql://me:secret@host:port/db")


@pytest.mark.parametrize(
    ("url", "package", "wanted"),
    [
        ("postgresql://me@host/db", "psycopg", r"pip install 'cistron\[postgres\]'"),
        ("mysql://me@host/db", "MySQLdb", "mysqlclient"),
    ],
)
def test_a_driver_that_is_missing(monkeypatch: Any, url: str, package: str, wanted: str) -> None:
    if importlib.util.find_spec(package) is not None:
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(InputError, match=f"driver of .* is not installed. It is .*{wanted}"):
        open_database(url)
