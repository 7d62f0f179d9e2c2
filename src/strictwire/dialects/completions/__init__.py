"""Text completions (``/v1/completions``): its reader, writers, request and whole reply."""

from strictwire.dialects.completions.reader import CompletionsReader
from strictwire.dialects.completions.reply import chunks_of_reply
from strictwire.dialects.completions.request import CompletionsRequest, parse_request
from strictwire.dialects.completions.whole import CompletionsWholeWriter
from strictwire.dialects.completions.writer import CompletionsWriter

__all__ = [
    "CompletionsReader",
    "CompletionsRequest",
    "CompletionsWholeWriter",
    "CompletionsWriter",
    "chunks_of_reply",
    "parse_request",
]
