"""What an open stream holds, in bytes: the measure of every test that says it does not grow."""

from __future__ import annotations

import gc
import sys
import types
from typing import Any

# They are there once for all streams.
_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


def held_bytes(root: object) -> int:
    """All that is reachable from an object but for classes, modules and functions."""
    seen: set[int] = set()
    waiting: list[Any] = [root]
    total = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _SHARED):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return total
