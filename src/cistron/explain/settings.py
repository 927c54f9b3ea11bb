"""Settings of an explanation."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError, field_validator

from cistron.base.errors import InputError, nearest
from cistron.explain.methods import allowed_methods
from cistron.explain.options import Options, ReferenceKind, ScanKind


class ExplainSettings(Options):
    """How predictions are explained.

    Contributions are to the logit of a class: of two exclusive classes the log-odds of the one
    against the other; of a number, the number itself.
    """

    @field_validator("method")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in allowed_methods():
            raise ValueError(f"choose one of {', '.join(allowed_methods())}")
        return name


def parse_settings(**keys: Any) -> ExplainSettings:
    """Return settings, or one sentence on what is wrong with them.

    Raises
    ------
    InputError
        If a key is unknown or a value not allowed.
    """
    allowed = {
        "method": allowed_methods(),
        "references": get_args(ReferenceKind),
        "scan": get_args(ScanKind),
    }
    for key, words in allowed.items():
        if key in keys and keys[key] not in words:
            raise InputError(
                f"{key}: there is no {keys[key]!r}.{nearest(str(keys[key]), words)} Choose one of "
                f"{', '.join(words)}."
            )
    try:
        return ExplainSettings(**keys)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
