"""The one exception that means: the input is at fault, and here is how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is complete sentences: which file, line, record or key, what is wrong with it,
    and what to do. The command line prints it alone, without a traceback, and exits with 2.
    """


class NoRoomError(InputError):
    """A file cannot be written; what is finished is kept, so that the work can be continued."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest of the allowed words, or an empty string."""
    match = difflib.get_close_matches(str(word), list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {match[0]!r}?" if match else ""
