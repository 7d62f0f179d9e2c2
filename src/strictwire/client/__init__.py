"""The Python client: one answer from any OpenAI-like server, each part of it once.

``Client`` and ``AsyncClient`` ask a strictwire gateway or a server that was never repaired, in
chat, Responses or Messages. See docs/client.md.
"""

from strictwire.client.answer import Answer
from strictwire.client.asked import Asked
from strictwire.client.async_client import AsyncClient, AsyncStream
from strictwire.client.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientError,
    ClientTimeoutError,
    ContextLengthError,
    MalformedReplyError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    ReplyTooLargeError,
    ServerError,
    StreamClosed,
    UnreachableError,
)
from strictwire.client.events import (
    Annotation,
    Event,
    Finish,
    Native,
    Progress,
    Reasoning,
    ReasoningSeal,
    Refusal,
    Started,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from strictwire.client.options import ClientOptions
from strictwire.client.patience import Retries, Timeouts
from strictwire.client.sync_client import Client, Stream

__all__ = [
    "Annotation",
    "Answer",
    "ApiError",
    "Asked",
    "AsyncClient",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ClientError",
    "ClientOptions",
    "ClientTimeoutError",
    "ContextLengthError",
    "Event",
    "Finish",
    "MalformedReplyError",
    "Native",
    "NotFoundError",
    "OverloadedError",
    "Progress",
    "RateLimitError",
    "Reasoning",
    "ReasoningSeal",
    "Refusal",
    "ReplyTooLargeError",
    "Retries",
    "ServerError",
    "Started",
    "Stream",
    "StreamClosed",
    "Text",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallStarted",
    "UnreachableError",
    "Usage",
]
