"""Checks of Messages: events, the blocks that they tell, the message object."""

from strictwire.conformance.checks.check import Check

# docs/quirks.md, 79 and 80.
_START = ("Claude Code", "anthropic-python")

MESSAGES_CHECKS = (
    # docs/clients.md, 8: without names the answer is empty.
    Check("messages.event-type", "error", breaks=("anthropic-python",)),
    Check("messages.error-shape", "error"),
    Check(
        "messages.error-type",
        "warning",
        "The type of an error is none that Anthropic names",
        quirks=(82,),
    ),
    Check("messages.foreign-event", "warning", "An event is none that Anthropic names"),
    Check(
        "messages.progress-frame",
        "warning",
        "A server's own report of its prompt stands in an event",
        quirks=(84,),
    ),
    Check("messages.ping-early", "warning", "A ping comes before the message begins"),
    Check("messages.start-missing", "error", breaks=_START),
    Check("messages.start-fields", "error", breaks=_START),
    Check("messages.block-start-missing", "error"),
    Check("messages.block-stop-missing", "error"),
    Check("messages.block-index", "error"),
    Check(
        "messages.block-late",
        "error",
        "A block is told after message_delta",
    ),
    Check("messages.delta-kind", "error", "What a delta says is no text"),
    Check("messages.tool-id", "error"),
    Check("messages.tool-input", "error"),
    Check("messages.input-json", "error", "The pieces of a tool's input are no JSON object"),
    Check("messages.message-delta", "error"),
    Check("messages.stop-reason", "error"),
    Check("messages.usage", "error", breaks=("Claude Code",)),
    Check("messages.stop-missing", "error", breaks=("AI SDK",)),
    Check("messages.after-stop", "error", "An event follows message_stop"),
    Check("messages.done-mark", "warning", "[DONE] ends a stream of Messages, which has none"),
)
