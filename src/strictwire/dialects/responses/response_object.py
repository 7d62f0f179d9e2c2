"""The response object that opens and ends a stream: whole, and the same reply in all its events.

Contract: ``heard`` takes what a server told of its response and gives one that has every key; the
same object where nothing was missing or wrong. Id, time and model are those told first. What a
response repeats of its request comes from the server, else from ``Promise.echo``, else it is the
official default. No clock: ``completed_at`` is the server's, or null.
Source: OpenAI API reference, "The response object".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from strictwire.dialects.responses.sameness import says
from strictwire.model.request import Promise

ID_PREFIX = "resp_"

STATUSES = frozenset(("completed", "failed", "in_progress", "cancelled", "queued", "incomplete"))
# The keys that the official schema requires, and the status, without which nobody knows how the
# reply stands.
REQUIRED = frozenset(
    (
        "id",
        "object",
        "created_at",
        "status",
        "error",
        "incomplete_details",
        "instructions",
        "model",
        "tools",
        "output",
        "parallel_tool_calls",
        "metadata",
        "tool_choice",
        "temperature",
        "top_p",
    )
)
# What these may be. The others of the required keys may be null.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "tools": list,
    "parallel_tool_calls": bool,
    "tool_choice": (str, dict),
    "usage": (dict, type(None)),
}
# Seconds since the epoch. What is later than any date is none, and 0 is a time that nobody set.
_MAX_TIME_S = 2**40

# All that a response says beside its id, time, model, status and output, in the order of OpenAI's.
_DEFAULTS: Mapping[str, Any] = {
    "background": False,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "auto",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
    "metadata": {},
}
# A null of the request means the default; as an echo it would be no value that a client expects.
_NEVER_NULL = frozenset(
    (
        "background",
        "parallel_tool_calls",
        "reasoning",
        "service_tier",
        "store",
        "text",
        "tool_choice",
        "tools",
        "truncation",
        "metadata",
    )
)


class ResponseObject:
    """The envelope of one reply. ``is_changing``: the server told another id, time or model."""

    __slots__ = ("_first_told", "_told", "created_at", "id", "is_changing", "model", "promise")

    def __init__(self, promise: Promise) -> None:
        self.promise = promise
        self.id = ""
        self.created_at: float = promise.created
        self.model = promise.model
        self.is_changing = False
        self._told: dict[str, Any] = {}
        self._first_told: dict[str, Any] = {}

    def begin(self, told: Mapping[str, Any]) -> None:
        """The first that is heard of the response."""
        self._note(told)
        first = self._first_told
        self.id = first.get("id") or ID_PREFIX + self.promise.id
        self.created_at = first.get("created_at", self.created_at)
        if not self.promise.is_model_pinned:
            self.model = first.get("model", self.model)
        self._told = {name: told[name] for name in _with_values(told) if name not in _OWN}

    def heard(self, told: dict[str, Any], status: str, right: Mapping[str, Any]) -> dict[str, Any]:
        """What the server told at one of its events, mended. ``right`` is what its fields must
        be; ``is_healthy`` says whether they were."""
        self._note(told)
        fixed = {**self._identity(status), **right}
        if self.is_healthy(told):
            # Of usage, "equal" is not enough: it would take false for 0.
            is_same = says(told, fixed) and told.get("usage") is fixed.get(
                "usage", told.get("usage")
            )
            return told if is_same else told | fixed
        return {**self._base(), **self._told, **_with_values(told), **fixed}

    def is_healthy(self, told: Mapping[str, Any]) -> bool:
        """Whether a response has all that the schema requires of any."""
        return (
            told.keys() >= REQUIRED
            and isinstance(told["output"], list)
            and isinstance(told["status"], str)
            and told["status"] in STATUSES
            and not any(_is_wrong(name, told.get(name)) for name in _TYPES)
            and told["object"] == "response"
            and _is_text(told["model"])
            and _is_time(told["created_at"])
            and _is_text(told["id"])
        )

    def copied(self) -> ResponseObject:
        twin = copy.copy(self)
        twin._first_told = dict(self._first_told)
        return twin

    def _identity(self, status: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "model": self.model,
        }

    def _base(self) -> dict[str, Any]:
        echo = {
            name: value
            for name, value in self.promise.echo.items()
            if value is not None or name not in _NEVER_NULL
        }
        # The identity first: it is what one looks for in a log.
        return {**self._identity("in_progress"), "output": [], **_DEFAULTS, **echo}

    def _note(self, told: Mapping[str, Any]) -> None:
        first = self._first_told
        self.is_changing = False
        for name, is_right in _ENVELOPE.items():
            value = told.get(name)
            if is_right(value):
                self.is_changing |= first.setdefault(name, value) != value


def _with_values(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in told.items()
        if (value is not None or name not in _NEVER_NULL) and not _is_wrong(name, value)
    }


def _is_wrong(name: str, value: Any) -> bool:
    """Whether it cannot be the value of that key."""
    wanted = _TYPES.get(name)
    is_empty = name == "tool_choice" and not value
    return wanted is not None and (is_empty or not isinstance(value, wanted))


def _is_text(told: Any) -> bool:
    return isinstance(told, str) and bool(told)


def _is_time(told: Any) -> bool:
    is_number = isinstance(told, (int, float)) and not isinstance(told, bool)
    return is_number and 0 < told < _MAX_TIME_S


_ENVELOPE = {"id": _is_text, "created_at": _is_time, "model": _is_text}
# What a response says of itself, not of its request.
_OWN = frozenset((*_ENVELOPE, "object", "status", "output", "usage"))
