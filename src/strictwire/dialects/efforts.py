"""How hard a model should think: OpenAI's words, Anthropic's tokens, and which stands for which."""

from __future__ import annotations

from strictwire.model.conversation import Thinking

# Anthropic's least budget.
MIN_BUDGET_TOKENS = 1024
# The budgets that agents of both sides ask for where they have such words.
BUDGET_OF_EFFORT = {
    "minimal": MIN_BUDGET_TOKENS,
    "low": 4096,
    "medium": 10_000,
    "high": 24_000,
    "xhigh": 32_000,
    "max": 64_000,
}
# Only the three words that every server with such a field knows.
_EFFORTS_BY_BUDGET = ((4096, "low"), (10_000, "medium"))
_LARGEST_EFFORT = "high"


def effort_of(thinking: Thinking) -> str:
    """The word for it; empty where the model decides."""
    if thinking.effort:
        return thinking.effort
    if thinking.budget_tokens is None:
        return ""
    for budget, effort in _EFFORTS_BY_BUDGET:
        if thinking.budget_tokens <= budget:
            return effort
    return _LARGEST_EFFORT


def budget_of(thinking: Thinking) -> int | None:
    """The budget in tokens; None where there is none to give."""
    if thinking.budget_tokens is not None:
        return thinking.budget_tokens
    return BUDGET_OF_EFFORT.get(thinking.effort)
