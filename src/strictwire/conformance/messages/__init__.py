"""The judge of Messages: the life of a message in its stream, and its whole object."""

from strictwire.conformance.messages.stream import MessagesStream
from strictwire.conformance.messages.whole import judge_message

__all__ = ["MessagesStream", "judge_message"]
