"""The client's error tree: what happened to a request, by what its caller can do about it.

``ApiError`` and its branches were told by the server, as a status or inside the reply; the others
are what this client found. ``is_retryable`` says whether the same request may succeed a little
later; the client itself asks again only before the first part of an answer. No error holds a key,
a header or the text of the request.
"""

from __future__ import annotations

from typing import Literal

from strictwire.client.answer import Answer
from strictwire.model.errors import StrictwireError

Phase = Literal["connect", "write", "first_byte", "idle", "event"]


class ClientError(StrictwireError):
    """The root. ``status`` is the HTTP status, None where there was none. ``retry_after_s`` is the
    server's own hint. ``partial`` is what ``ask`` had of the answer when it failed."""

    is_retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        is_retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.partial: Answer | None = None
        if is_retryable is not None:
            self.is_retryable = is_retryable


# ---- what this client found ----


class UnreachableError(ClientError):
    """No reply came: nobody listens there, or the connection broke before its first byte."""

    is_retryable = True


class ClientTimeoutError(ClientError):
    """``phase`` took too long. ``idle`` is a silence inside a reply; ``event`` is a reply in which
    nothing but keepalives came. Only ``connect`` is retryable: in all others the server has the
    request, and asking again would give it the same work twice."""

    def __init__(self, message: str, phase: Phase) -> None:
        super().__init__(message, is_retryable=phase == "connect")
        self.phase = phase


class StreamClosed(ClientError):  # noqa: N818 - named for what happened
    """The reply ended before it was complete: closed before completion."""

    is_retryable = True


class MalformedReplyError(ClientError):
    """What came is no reply of this dialect: a page, broken JSON, another API's object."""


class ReplyTooLargeError(ClientError):
    """The reply is larger than ``max_reply_bytes``."""


# ---- what the server told ----


class ApiError(ClientError):
    """``code``, ``type`` and ``param`` as the server told them. ``is_in_band``: inside a reply that
    had begun. ``request_id`` is for its operators."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        is_retryable: bool | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the wire's own name
        param: str | None = None,
        is_in_band: bool = False,
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            message, status=status, retry_after_s=retry_after_s, is_retryable=is_retryable
        )
        self.code = code
        self.type = type
        self.param = param
        self.is_in_band = is_in_band
        self.request_id = request_id


class BadRequestError(ApiError):
    """The request cannot be served as it stands; ``param`` names the field that is at fault."""


class ContextLengthError(BadRequestError):
    """The conversation is longer than the model can read."""


class AuthenticationError(ApiError):
    """The key is missing, unknown, or may not do this."""


class NotFoundError(ApiError):
    """There is no such model, or no such path."""


class RateLimitError(ApiError):
    """Too many requests, or a quota that is used up (then it is not retryable)."""

    is_retryable = True


class OverloadedError(ApiError):
    """The server is busy, and says so."""

    is_retryable = True


class ServerError(ApiError):
    """The server failed."""

    is_retryable = True
