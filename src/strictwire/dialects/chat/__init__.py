"""Chat Completions (``/v1/chat/completions``): its reader, writers, request and whole reply."""

from strictwire.dialects.chat.reader import ChatReader
from strictwire.dialects.chat.reply import chunks_of_reply
from strictwire.dialects.chat.request import ChatRequest, parse_request
from strictwire.dialects.chat.whole import ChatWholeWriter
from strictwire.dialects.chat.writer import ChatWriter

__all__ = [
    "ChatReader",
    "ChatRequest",
    "ChatWholeWriter",
    "ChatWriter",
    "chunks_of_reply",
    "parse_request",
]
