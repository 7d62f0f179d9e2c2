"""Token counts: chat's names, which the model has, and those of the Responses dialect.

Contract: pure values; what both name alike (the counts inside the details) goes along unchanged.
"""

from __future__ import annotations

from typing import Any

from strictwire.dialects.responses.sameness import says

# Each detail that clients with strict types look for.
_INPUT_DETAILS = ("cached_tokens", "cache_write_tokens")
_OUTPUT_DETAILS = ("reasoning_tokens",)
_FIELDS = frozenset(
    (
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
        "total_tokens",
    )
)
_CHAT_FIELDS = frozenset(
    (
        "prompt_tokens",
        "prompt_tokens_details",
        "completion_tokens",
        "completion_tokens_details",
        "total_tokens",
    )
)


def full_usage(told: dict[str, Any]) -> dict[str, Any]:
    """Usage with every count that the official schema requires, zeros where none was told; the
    same object where nothing was missing."""
    read, written = _count(told.get("input_tokens")), _count(told.get("output_tokens"))
    right: dict[str, Any] = {
        "input_tokens": read,
        "input_tokens_details": _details(told.get("input_tokens_details"), _INPUT_DETAILS),
        "output_tokens": written,
        "output_tokens_details": _details(told.get("output_tokens_details"), _OUTPUT_DETAILS),
        "total_tokens": _count(told.get("total_tokens")) or read + written,
    }
    details = ("input_tokens_details", "output_tokens_details")
    is_right = says(told, right) and all(says(told[name], right[name]) for name in details)
    return told if is_right else told | right


def no_usage() -> dict[str, Any]:
    """What a whole object says where nobody told."""
    return full_usage({})


def usage_in_chat_names(usage: dict[str, Any]) -> dict[str, Any]:
    """The usage of a response, as ``UsageTold`` has it."""
    told = full_usage(usage)
    more = {name: told[name] for name in told if name not in _FIELDS}
    return {
        "prompt_tokens": told["input_tokens"],
        "completion_tokens": told["output_tokens"],
        "total_tokens": told["total_tokens"],
        "prompt_tokens_details": told["input_tokens_details"],
        "completion_tokens_details": told["output_tokens_details"],
        **more,
    }


def usage_from_chat_names(usage: dict[str, Any]) -> dict[str, Any]:
    """The usage of a response, from what ``UsageTold`` has."""
    told = {
        "input_tokens": usage.get("prompt_tokens"),
        "input_tokens_details": usage.get("prompt_tokens_details"),
        "output_tokens": usage.get("completion_tokens"),
        "output_tokens_details": usage.get("completion_tokens_details"),
        "total_tokens": usage.get("total_tokens"),
    }
    return full_usage(told) | {name: usage[name] for name in usage if name not in _CHAT_FIELDS}


def _count(told: Any) -> int:
    return told if type(told) is int and told > 0 else 0


def _details(told: Any, names: tuple[str, ...]) -> dict[str, Any]:
    details = told if isinstance(told, dict) else {}
    return details | {name: _count(details.get(name)) for name in names}
