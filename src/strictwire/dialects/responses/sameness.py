"""Whether an object says what it should, so that it may pass as it is.

Contract: pure. Python takes false for 0 and 1.0 for 1; clients with strict types take neither for a
number that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def says(told: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether ``told`` has all the values of ``right``, and whole numbers where it has those, at
    any depth."""
    return right.items() <= told.items() and all(
        _is_same(told[name], value) for name, value in right.items()
    )


def _is_same(told: Any, right: Any) -> bool:
    """Of two values that are equal to Python."""
    if told is right:
        return True
    if isinstance(right, dict):
        return all(_is_same(told[name], value) for name, value in right.items())
    if isinstance(right, list):
        return all(map(_is_same, told, right))
    return type(right) is not int or type(told) is int
