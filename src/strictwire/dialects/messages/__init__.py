"""Anthropic's Messages (``/v1/messages``): its life, readers, writers, request and whole reply."""

from strictwire.dialects.messages.errors import error_object
from strictwire.dialects.messages.life import MessagesLife
from strictwire.dialects.messages.native import (
    MessagesNativeReader,
    MessagesNativeWholeWriter,
    MessagesNativeWriter,
)
from strictwire.dialects.messages.reader import MessagesReader
from strictwire.dialects.messages.reply import chunks_of_reply
from strictwire.dialects.messages.request import (
    MessagesRequest,
    parse_count_request,
    parse_request,
)
from strictwire.dialects.messages.writer import MessagesWholeWriter, MessagesWriter

__all__ = [
    "MessagesLife",
    "MessagesNativeReader",
    "MessagesNativeWholeWriter",
    "MessagesNativeWriter",
    "MessagesReader",
    "MessagesRequest",
    "MessagesWholeWriter",
    "MessagesWriter",
    "chunks_of_reply",
    "error_object",
    "parse_count_request",
    "parse_request",
]
