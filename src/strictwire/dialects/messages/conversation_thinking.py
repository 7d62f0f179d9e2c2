"""Whether and how a Messages server is asked to think.

Contract: ``write_thinking`` adds ``thinking`` to a request's fields where the client wishes it and
the server would accept it, and tells it as dropped else. Anthropic's server refuses thinking with a
forced tool, with other sampling than its own, without room for the answer, and within a run of tool
calls that began without it.
Source: Anthropic documentation, "Extended thinking".
"""

from __future__ import annotations

from typing import Any

from strictwire.dialects.efforts import MIN_BUDGET_TOKENS, budget_of
from strictwire.dialects.losses import Losses
from strictwire.model.conversation import Conversation, Reasoning, ToolCall, Turn

# No more than this part of all tokens is for thinking, so that an answer comes as well.
_ANSWER_SHARE = 2
_SAMPLING = ("temperature", "top_k")
_MIN_TOP_P = 0.95


def write_thinking(conversation: Conversation, fields: dict[str, Any], losses: Losses) -> None:
    """Add it to the fields, which hold all else already; ``max_tokens`` may still be missing."""
    thinking = conversation.thinking
    if thinking is None:
        return
    name = conversation.named("thinking")
    if thinking.effort == "none":
        fields["thinking"] = {"type": "disabled"}
        return
    wished = budget_of(thinking)
    if wished is None:
        losses.drop(name)
        return
    limit = fields.get("max_tokens")
    budget = wished if limit is None else min(wished, limit // _ANSWER_SHARE)
    forced = fields.get("tool_choice", {}).get("type") in ("any", "tool")
    if budget < MIN_BUDGET_TOKENS or forced or _is_within_calls(conversation.turns):
        losses.drop(name)
        return
    fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if limit is None:
        fields["max_tokens"] = budget * _ANSWER_SHARE
    _drop_sampling(fields, losses)


def _drop_sampling(fields: dict[str, Any], losses: Losses) -> None:
    odd = [option for option in _SAMPLING if option in fields]
    if fields.get("top_p", 1) < _MIN_TOP_P:
        odd.append("top_p")
    for option in odd:
        del fields[option]
        losses.drop(option)


def _is_within_calls(turns: tuple[Turn, ...]) -> bool:
    """Whether the last word is a tool's, and the assistant's turn before it has calls without
    signed thinking at its beginning."""
    if not turns or turns[-1].role != "tool":
        return False
    said = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    if said is None or not any(isinstance(part, ToolCall) for part in said.parts):
        return False
    first = said.parts[0]
    return not (isinstance(first, Reasoning) and first.seal)
