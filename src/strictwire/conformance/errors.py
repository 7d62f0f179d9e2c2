"""Whether an object tells of an error, and whether in the one shape that the contract allows.

Source: docs/contract.md, "Errors before the commit"; docs/quirks.md, 65 to 69.
"""

from __future__ import annotations

from typing import Any

ERROR_KEYS = frozenset(("message", "type", "param", "code"))
# Finish reasons of servers that mean a failure (quirks 29, 66, 68).
FAILED_REASONS = frozenset(
    ("error", "network_error", "abort", "aborted", "cancelled", "canceled", "timeout",
     "insufficient_system_resource")
)  # fmt: skip


def is_error(value: dict[str, Any], marks: frozenset[str]) -> bool:
    """Whether the object says that the reply failed. ``marks`` are the keys of a healthy one."""
    if value.get("error"):
        return True
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        reason = choice.get("finish_reason") if isinstance(choice, dict) else None
        if isinstance(reason, str) and reason.lower() in FAILED_REASONS:
            return True
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (0, None):
        return True
    if choices or marks & value.keys():
        return False
    return bool(value.get("detail")) or value.get("object") == "error"


def is_well_shaped(value: dict[str, Any]) -> bool:
    """``{"error": {message, type, param, code}}`` and nothing else, each of its own type."""
    error = value.get("error")
    return (
        value.keys() == {"error"}
        and isinstance(error, dict)
        and error.keys() == ERROR_KEYS
        and all(isinstance(error[name], str) and error[name] for name in ("message", "type"))
        and all(isinstance(error[name], str | None) for name in ("param", "code"))
    )
