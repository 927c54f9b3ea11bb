"""Arrays of any type."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""An array whose type of number is not fixed, or not known here."""

Arrays: TypeAlias = dict[str, Array]
"""Arrays by name: beside a document, what something learned."""
