"""Whether an object says what it should, so that it may pass as it is.

Contract: pure. Python takes false for 0 and 1.0 for 1; clients with strict types take neither for a
number that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def says(told: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether ``told`` has all the values of ``right``, and whole numbers where it has those."""
    return right.items() <= told.items() and not any(
        type(value) is int and type(told[name]) is not int for name, value in right.items()
    )
