"""Checks of bytes, lines and blocks, before anyone looks for a model in them."""

from strictwire.conformance.checks.check import Check

# docs/clients.md, 1: a foreign data frame breaks these, and naming its event does not hide it.
_READ_EVERY_FRAME = ("openai-python", "openai-node", "AI SDK", "OpenCode")
# docs/clients.md, 5: the wrong kind of body.
_NEARLY_ALL = (*_READ_EVERY_FRAME, "langchain", "pydantic-ai", "litellm", "aider")

FRAMING_CHECKS = (
    Check(
        "bridge.object-for-stream",
        "error",
        "One object answers a request for a stream",
        breaks=(*_NEARLY_ALL, "hermes-agent"),
        quirks=(17,),
    ),
    Check(
        "bridge.stream-for-object",
        "error",
        "A stream answers a request for one object",
        breaks=(*_NEARLY_ALL, "AiNiee"),
        quirks=(16,),
    ),
    Check(
        "bridge.not-a-reply",
        "error",
        "The body is neither an event stream nor a JSON object",
        quirks=(71,),
    ),
    Check(
        "bridge.blank-lines-before",
        "warning",
        "Blank lines come before the object",
        quirks=(5,),
    ),
    Check(
        "bridge.done-after-object",
        "error",
        "[DONE] follows the object",
        breaks=("AI SDK",),
        quirks=(14,),
    ),
    Check(
        "sse.byte-order-mark",
        "error",
        "The body begins with a byte order mark",
        breaks=("openai-python",),
        quirks=(93,),
    ),
    Check(
        "sse.line-ends",
        "warning",
        "A line does not end in LF",
        breaks=("hey-api", "aionrs"),
        quirks=(2, 3, 95),
    ),
    Check(
        "sse.space-after-colon",
        "warning",
        "No space follows the field's colon",
        breaks=("openai-python before 1.0",),
        quirks=(1,),
    ),
    Check(
        "sse.event-id",
        "error",
        "A block has an id field",
        breaks=("openai-python",),
        quirks=(8, 93),
    ),
    Check("sse.retry-field", "warning", "A block has a retry field"),
    Check("sse.data-lines", "warning", "One block has several data lines", quirks=(21,)),
    Check(
        "sse.empty-block",
        "error",
        "A block has no data",
        breaks=("openai-python",),
        quirks=(93,),
    ),
    Check("sse.event-name", "warning", "A frame has an event name that was not asked for"),
    Check("sse.field-order", "warning", "A frame's event name comes after its data, or twice"),
    Check(
        "sse.comment",
        "warning",
        "A comment is neither the keepalive nor progress that was asked for",
        breaks=("CodeBuddy", "WorkBuddy"),
        quirks=(4, 5, 6, 9),
    ),
    Check(
        "sse.invalid-utf8",
        "error",
        "Bytes are no UTF-8",
        breaks=("openai-python",),
        quirks=(20, 93),
    ),
    Check("sse.after-done", "error", "Something follows [DONE]", quirks=(11,)),
    Check("sse.done-spelling", "error", breaks=("openai-node", "codex", "agentscope")),
    Check("sse.comment-as-data", "error", breaks=("openai-node",)),
    Check("sse.foreign-event", "error", breaks=(*_READ_EVERY_FRAME, "pi")),
    Check("sse.joined-objects", "error", breaks=("ruby-openai",)),
    Check(
        "sse.bare-json",
        "error",
        "A line is no field of an event stream, maybe JSON without data:",
    ),
    Check("sse.unended-frame", "error"),
    Check("sse.unended-block", "error", "The body ends inside a block that says nothing whole"),
    Check("sse.comment-progress", "warning", breaks=("CodeBuddy", "WorkBuddy")),
    Check("sse.progress-event", "error", breaks=_READ_EVERY_FRAME),
    Check("json.invalid", "error", "Data that begins like a JSON object is none", quirks=(21, 22)),
    Check("json.lenient", "error", "Only a lenient reader understands the JSON"),
)
