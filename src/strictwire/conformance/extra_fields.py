"""Fields that OpenAI does not know, for who asked for none of them.

Source: OpenAI API reference, "The chat completion chunk object"; docs/contract.md, extra fields.
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.reply import Reply

TOP_FIELDS = frozenset(
    ["id", "object", "created", "model", "choices", "usage", "error", "prompt_progress",
     "system_fingerprint", "service_tier", "obfuscation"]
)  # fmt: skip
DELTA_FIELDS = frozenset(
    ["role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call",
     "annotations", "audio"]
)  # fmt: skip
CALL_FIELDS = frozenset(("index", "id", "type", "function", "custom"))
# Of a call's inner object; a function has arguments, a custom tool an input.
CALL_BODY_FIELDS = frozenset(("name", "arguments", "input"))

# Told as what they are by other checks, so not as strangers too.
_JUDGED_ELSEWHERE = frozenset(("x_groq", "usage"))


def without_strangers(
    value: dict[str, Any], known: frozenset[str], path: Path, text: JsonText, reply: Reply
) -> dict[str, Any]:
    """The object without fields that OpenAI does not know, each told, if none were asked for."""
    if reply.asked.extra_fields == "keep" or value.keys() <= known:
        return value
    for name in value:
        if name not in known and not (name in _JUDGED_ELSEWHERE and _is_usage(value[name])):
            reply.found.add("chat.extra-fields", text.at(*path, name), name)
    return {name: value[name] for name in value if name in known}


def _is_usage(told: Any) -> bool:
    """Usage in another place, and nothing else."""
    return not isinstance(told, dict) or told.keys() == {"usage"} or "usage" not in told
