"""What JSON and YAML hold: values of JSON types, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
"""An object of a JSON or YAML file: the function that writes it says what it holds."""

Json = Mapping[str, Any]
"""Such an object where it is only read."""
