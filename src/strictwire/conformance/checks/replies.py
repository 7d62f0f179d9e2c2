"""Checks of a whole reply: its order, its end, usage, progress, and one object's keys."""

from strictwire.conformance.checks.check import Check

_MOST_CHAT_CLIENTS = ("openai-python", "openai-node", "AI SDK", "langchain", "OpenCode")

REPLY_CHECKS = (
    Check(
        "reply.empty",
        "error",
        "The reply says nothing at all",
        breaks=("pi",),
        quirks=(18,),
    ),
    Check(
        "reply.truncated",
        "error",
        "The reply ends without a finish reason and without [DONE]",
        breaks=_MOST_CHAT_CLIENTS,
        quirks=(27,),
    ),
    Check("reply.after-error", "error", "Something other than [DONE] follows an error"),
    Check(
        "reply.error-end",
        "warning",
        "The reply does not end after an error as was promised",
        quirks=(23, 65),
    ),
    Check("reply.choice-order", "error", breaks=("openai-python",)),
    Check("reply.finish-early", "error"),
    Check("reply.finish-inferred", "error", breaks=_MOST_CHAT_CLIENTS),
    Check("reply.done-missing", "error", breaks=("hermes-agent",)),
    Check("reply.tool-finish", "error", breaks=("AI SDK", "litellm", "strands")),
    Check("reply.tool-finish-without-calls", "error", breaks=("mastra",)),
    Check("reply.usage-repeated", "error", breaks=("langchain", "open-webui")),
    Check(
        "reply.usage-unasked",
        "warning",
        "Usage comes that was not asked for",
        breaks=("anything-llm",),
        quirks=(63,),
    ),
    Check(
        "reply.usage-null",
        "warning",
        "Usage was asked for, and a chunk without it does not say null",
    ),
    Check("progress.shape", "error", "A progress report has other fields than promised"),
    Check("progress.order", "error", "Progress goes back, or goes on after its end"),
    Check("whole.kind", "error", "The object is not named as its dialect names it"),
    Check(
        "whole.keys",
        "error",
        "The object lacks a key that the schema requires",
        breaks=("llm", "openai-python", "pydantic-ai"),
        quirks=(41,),
    ),
    Check(
        "whole.content",
        "warning",
        "content is empty beside calls, or null beside nothing",
        quirks=(87,),
    ),
    Check("whole.nulls", "warning", "A key that may be left out is null or empty", quirks=(90,)),
    Check("whole.call-shape", "error", "A tool call lacks its type, or has an index"),
)
