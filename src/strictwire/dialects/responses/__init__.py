"""Responses (``/v1/responses``): its life, readers, writers, request and whole reply."""

from strictwire.dialects.responses.errors import error_object
from strictwire.dialects.responses.life import ResponsesLife
from strictwire.dialects.responses.native import (
    ResponsesNativeReader,
    ResponsesNativeWholeWriter,
    ResponsesNativeWriter,
)
from strictwire.dialects.responses.reader import ResponsesReader
from strictwire.dialects.responses.reply import chunks_of_reply
from strictwire.dialects.responses.request import ResponsesRequest, parse_request
from strictwire.dialects.responses.whole import ResponsesWholeWriter
from strictwire.dialects.responses.writer import ResponsesWriter

__all__ = [
    "ResponsesLife",
    "ResponsesNativeReader",
    "ResponsesNativeWholeWriter",
    "ResponsesNativeWriter",
    "ResponsesReader",
    "ResponsesRequest",
    "ResponsesWholeWriter",
    "ResponsesWriter",
    "chunks_of_reply",
    "error_object",
    "parse_request",
]
