"""Checks of Responses: events, the items that they tell, the response object."""

from strictwire.conformance.checks.check import Check

# docs/clients.md, 4: what leaves these with an empty answer, or broken.
_EMPTY = ("Codex CLI", "AI SDK", "langchain", "pydantic-ai")
_HELPERS = ("openai-python", "openai-node")
# docs/clients.md, 7: what strict types miss.
_STRICT_TYPES = ("openai-python",)

RESPONSES_CHECKS = (
    Check("responses.event-type", "error", breaks=_HELPERS),
    Check(
        "responses.event-unnamed",
        "error",
        "A frame does not have the type of its event as its name",
        quirks=(89,),
    ),
    Check("responses.error-shape", "error"),
    Check(
        "responses.error-event",
        "warning",
        "An error comes as an event of its own, not as response.failed",
        quirks=(78,),
    ),
    Check(
        "responses.foreign-event",
        "error",
        "An event is none that OpenAI names",
        breaks=_HELPERS,
    ),
    Check(
        "responses.progress-frame",
        "warning",
        "A server's own report of its prompt stands in an event",
        quirks=(84,),
    ),
    Check("responses.sequence", "error", breaks=_STRICT_TYPES),
    Check("responses.created-missing", "error", breaks=(*_HELPERS, "openai-agents")),
    Check("responses.response-fields", "error", breaks=_STRICT_TYPES),
    Check("responses.envelope", "error"),
    Check("responses.item-added-missing", "error", breaks=("Codex CLI", *_HELPERS)),
    Check("responses.item-fields", "error", breaks=_STRICT_TYPES),
    Check("responses.item-id", "error"),
    Check("responses.output-index", "error", breaks=_HELPERS),
    Check("responses.part-missing", "error", breaks=_HELPERS),
    Check("responses.deltas-missing", "error"),
    Check("responses.done-missing", "error", breaks=("Codex CLI",)),
    Check(
        "responses.delta-kind",
        "error",
        "A delta does not fit its item",
        breaks=_HELPERS,
    ),
    Check(
        "responses.told-late",
        "error",
        "A text or an item goes on after it was done",
    ),
    Check(
        "responses.arguments",
        "error",
        "The arguments of a function call are no JSON object",
    ),
    Check("responses.only-final", "error", breaks=_EMPTY),
    Check("responses.output-missing", "error", breaks=_STRICT_TYPES),
    Check(
        "responses.output-order",
        "warning",
        "The last event lists the items in another order than they were told",
    ),
    Check("responses.terminal-missing", "error", breaks=("Codex CLI", "openai-agents")),
    Check(
        "responses.failed-error",
        "error",
        "A failed response does not say its error's code and message",
        breaks=("Codex CLI",),
    ),
    Check("responses.after-terminal", "error", "An event follows the terminal event"),
    Check(
        "responses.done-mark",
        "warning",
        "[DONE] does not follow the terminal event as was promised",
    ),
)
