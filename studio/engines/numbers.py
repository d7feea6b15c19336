"""Numbers out of a config.json, checked where they are read: a wrong one would be noticed only in the middle of speech.

Both raise ValueError with the number's name. Knows no model.
"""

from __future__ import annotations

import math
from typing import Any

MOST = 1 << 20  # rows, columns, positions
MOST_LAYERS = 1000


def whole(value: Any, name: str, least: int = 1, most: int = MOST) -> int:
    """A whole number between two, both included."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}")
    return value


def positive(value: Any, name: str) -> float:
    """A number above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}")
    return float(value)
