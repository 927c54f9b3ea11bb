"""Passwords are never shown: one function, for everything that may hold an address."""

from __future__ import annotations

import re

_NAMES = r"password|passwd|passphrase|pwd|token|access_token|auth|api_?key|key|secret"
# user:password@ up to the last @ before the host ends; passwords may hold spaces, / and @.
_USERINFO = re.compile(r"(://[^:/?#@\s'\"]*):([^\n'\"]*)@(?=[^@\s/'\"]+(?:[/:?#\s'\")]|$))")
# name=value of a query or a DSN; a value in quotes may hold spaces.
_VALUE = re.compile(
    rf"(?<![\w-])([\w-]*(?:{_NAMES}))(\s*=\s*)('(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[^&;\s'\",)]+)",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+")


def without_password(text: str) -> str:
    """Return a text in which stars stand for every password, token and key.

    Parameters
    ----------
    text : str
        An address, a DSN (`host=db password='a b'`), or a sentence with some of these. What is
        percent-encoded is recognised as it stands.
    """
    text = _USERINFO.sub(r"\1:***@", text)
    text = _VALUE.sub(r"\1\2***", text)
    return _HEADER.sub(r"\1 ***", text)
