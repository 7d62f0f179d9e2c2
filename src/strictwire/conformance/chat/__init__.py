"""The judge of Chat Completions: its choices, streamed, and its whole object."""

from strictwire.conformance.chat.choice import ChatChoices
from strictwire.conformance.chat.whole import ChatWhole

__all__ = ["ChatChoices", "ChatWhole"]
